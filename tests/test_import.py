"""Importing fastkm is cheap, and its public names are there."""

import subprocess
import sys

import pytest
import scipy.cluster.vq

import fastkm
import fastkm.plot


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_fastkm_loads_nothing_that_numba_does_not_load():
    loaded = {name for name in modules_after("import fastkm") if name.split(".")[0] != "fastkm"}
    assert loaded <= modules_after("import numba")


def test_the_version_and_the_names_cost_no_import():
    loaded = modules_after("import fastkm; fastkm.__version__; dir(fastkm)")
    assert not {"numpy", "numba", "scipy"} & loaded


def test_clustering_loads_no_plotting_and_no_geography():
    loaded = modules_after("from fastkm import kmeans, kmeans1d, vq, max_pairwise_distance")
    assert not {"matplotlib", "geopandas", "shapely", "skimage", "xarray", "netCDF4"} & loaded
    assert "scipy.cluster.vq" not in loaded


def test_figures_load_what_they_draw_with():
    loaded = modules_after(
        "from fastkm.plot import cluster_colormap, clusters_figure, scores_figure"
    )
    assert "matplotlib" in loaded
    assert not {"shapely", "geopandas", "xarray", "numba", "cartopy", "dask"} & loaded


@pytest.mark.parametrize("name", fastkm.plot.__all__)
def test_every_public_name_of_figures_is_listed_and_loads(name):
    assert name in dir(fastkm.plot)
    assert getattr(fastkm.plot, name).__module__.startswith(("fastkm.plot.", "matplotlib."))


def test_an_unknown_figure_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'fastkm.plot' has no attribute 'pie_figure'"):
        _ = fastkm.plot.pie_figure


@pytest.mark.parametrize("name", fastkm.__all__)
def test_every_public_name_is_listed_and_loads(name):
    assert name in dir(fastkm)
    assert getattr(fastkm, name) is not None


def test_the_public_names_are_those_of_the_contract():
    assert set(fastkm.__all__) >= {
        "ClusterError",
        "kmeans",
        "kmeans1d",
        "kmeans2",
        "max_pairwise_distance",
        "natural_breaks",
        "read_raster",
        "vq",
        "whiten",
    }


def after(statement):
    """Run Python code where scikit-learn, which mapclassify needs, is missing; give what it prints."""
    code = f"import sys\nsys.modules['sklearn'] = sys.modules['mapclassify'] = None\n{statement}"
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    return run.stdout + run.stderr


class TestWithoutScikitLearn:
    def test_the_estimator_says_what_to_install(self):
        printed = after("import fastkm\nfastkm.KMeans")
        assert "ImportError: fastkm.KMeans needs scikit-learn" in printed
        assert "pip install 'fastkm[sklearn]'" in printed

    def test_it_cannot_be_imported_by_name_either(self):
        assert "ImportError: fastkm.KMeans needs" in after("from fastkm import KMeans")

    def test_all_else_works(self):
        names = "print('kmeans1d' in globals(), 'KMeans' in globals())"
        assert after(f"from fastkm import *\n{names}") == "True False\n"

    def test_help_works(self):
        printed = after(
            "import fastkm, pydoc\nprint('KMeans' in dir(fastkm))\npydoc.render_doc(fastkm)"
        )
        assert printed == "False\n"


def test_scikit_learn_is_loaded_by_the_estimator_only():
    assert "sklearn" not in modules_after(
        "import fastkm.cluster; from fastkm import *; dir(fastkm)"
    )
    assert "sklearn" in modules_after("from fastkm import KMeans")


def test_the_estimator_is_listed():
    assert "KMeans" in dir(fastkm)
    assert fastkm.KMeans.__module__ == "fastkm.cluster.estimator"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'fastkm' has no attribute 'kmeans3'"):
        _ = fastkm.kmeans3


def test_an_unknown_name_cannot_be_imported():
    with pytest.raises(ImportError, match="kmeans3"):
        exec("from fastkm import kmeans3")  # noqa: S102


def test_cluster_error_is_imported_by_name_and_is_scipys():
    from fastkm import ClusterError

    assert ClusterError is fastkm.ClusterError
    assert issubclass(ClusterError, scipy.cluster.vq.ClusterError)
    assert str(ClusterError("k = 2")) == "k = 2"
