"""The classifier beside mapclassify's own, and in maps of geopandas."""

import subprocess
import sys

import mapclassify
import numpy as np
import pytest

import fastkm
from fastkm import FisherJenks

EXAMPLE = mapclassify.load_example()


@pytest.mark.parametrize("k", [1, 2, 5, 9])
@pytest.mark.parametrize("data", ["example", "random"])
def test_it_is_mapclassifys(k, data):
    y = EXAMPLE if data == "example" else np.random.default_rng(3).gamma(2, 5, 200)
    ours, theirs = FisherJenks(y, k=k), mapclassify.FisherJenks(y, k=k)
    assert isinstance(ours, mapclassify.classifiers.MapClassifier)
    assert ours.bins.tolist() == theirs.bins.tolist()
    assert ours.yb.tolist() == theirs.yb.tolist()
    assert ours.counts.tolist() == theirs.counts.tolist()
    assert (ours.k, ours.name) == (theirs.k, theirs.name)
    assert ours.adcm == pytest.approx(theirs.adcm)
    assert ours.get_legend_classes() == theirs.get_legend_classes()
    assert str(ours) == str(theirs)


def test_five_classes_are_the_default():
    assert FisherJenks(EXAMPLE).counts.tolist() == [49, 3, 4, 1, 1]


def test_methods_of_classifiers_work():
    classes = FisherJenks(np.arange(20.0), 2)
    assert classes.find_bin([0, 12.5, 99]).tolist() == [0, 1, 1]
    assert classes.update(k=4).k == 4
    classes.update([1000.0], inplace=True)
    assert classes.bins.tolist() == [19.0, 1000.0]
    assert FisherJenks.make(k=2)(np.array([1, 2, 8, 9])).tolist() == [0, 0, 1, 1]


def test_nan_belongs_to_no_class():
    classes = FisherJenks([1.0, np.nan, 2.0, 8.0, 9.0], 2)
    assert classes.yb.tolist() == [0, -1, 0, 1, 1]
    assert classes.bins.tolist() == [2.0, 9.0]
    assert classes.counts.tolist() == [2, 2]
    assert classes.classes == [[0, 2], [3, 4]]


def test_too_few_distinct_values():
    with pytest.raises(ValueError, match="k = 5 asks for more clusters than there are distinct"):
        FisherJenks([1.0, 1.0, 2.0])


def test_a_map_of_geopandas_takes_the_bins():
    import geopandas
    import shapely
    from matplotlib import pyplot as plt

    y = np.random.default_rng(1).gamma(2, 5, 40)
    y[3] = np.nan
    points = shapely.points(np.random.default_rng(2).random((40, 2)))
    table = geopandas.GeoDataFrame({"income": y}, geometry=points)
    bins = FisherJenks(table["income"], 4).bins
    try:
        ax = table.plot(
            "income", scheme="userdefined", classification_kwds={"bins": bins}, legend=True
        )
        texts = [text.get_text().split(",")[1] for text in ax.get_legend().get_texts()]
    finally:
        plt.close("all")
    assert [float(text) for text in texts] == pytest.approx(bins, abs=0.005)


def test_it_plots_a_table():
    import geopandas
    import shapely
    from matplotlib import pyplot as plt

    table = geopandas.GeoDataFrame(
        {"y": [1.0, 2.0, 8.0, 9.0]}, geometry=shapely.points(np.arange(8.0).reshape(4, 2))
    )
    try:
        _, ax = FisherJenks(table["y"], 2).plot(table, legend=True)
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert [text.split()[-1] for text in texts] == ["2.00", "9.00"]
    finally:
        plt.close("all")


def test_without_mapclassify_it_says_what_to_install():
    code = (
        "import sys; sys.modules['mapclassify'] = None; sys.modules['mapclassify.classifiers'] = None\n"
        "import fastkm\nprint('FisherJenks' in fastkm.__all__)\nfastkm.FisherJenks"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.stdout == "False\n"
    assert "pip install 'fastkm[choropleth]'" in run.stderr


def test_it_is_listed():
    assert "FisherJenks" in dir(fastkm)
