"""The accessor: each method is the function of `fastkm` that its docstring names."""

import inspect
import pydoc
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

import fastkm
import fastkm.xarray
from fastkm.xarray import DataArrayAccessor, DatasetAccessor
from tests.label_maps import placed

RASTER = placed(np.arange(24.0).reshape(4, 6) ** 2, np.arange(-15.0, 20, 10)).rename("water")
BANDS = xr.Dataset({"a": RASTER, "b": 50 - RASTER})
LABELS = fastkm.kmeans1d(RASTER, 3).predict(RASTER)
MONTHS = RASTER.expand_dims(time=np.array(["2009-01-16", "2009-02-15", "2010-01-16"], "M8[ns]"))
TOGETHER = xr.Dataset({"a": MONTHS, "b": 50 - MONTHS})

CALLS = {
    "bands": ("bands", RASTER, ([20.5, 99.5],), {"longitudes": "-180..180"}),
    "cluster": ("cluster_raster", RASTER, (3,), {"weights": "area", "standardize": True}),
    "cluster bands": ("cluster_raster", BANDS, ([2, 3],), {"n_init": 2, "random_state": 5}),
    "isolines": ("isolines", RASTER, ([20.5, 99.5],), {"threads": 1}),
    "kmeans1d": ("kmeans1d", RASTER, (range(2, 4),), {"weights": RASTER}),
    "outline": ("outline", RASTER, (3,), {"select": "highest", "connectivity": 8}),
    "outline labels": ("outline", LABELS, (), {"values": RASTER}),
    "polygonize": ("polygonize", LABELS, (), {"boundary": "contour"}),
    "sieve": ("sieve", LABELS, ("4px",), {"connectivity": 8}),
    "cluster_archive": ("cluster_archive", MONTHS, (2,), {"years": (2009, 2009)}),
    "cluster_archive bands": ("cluster_archive", TOGETHER, (2,), {"variable": ["a", "b"]}),
    "transitions": ("transitions", LABELS.expand_dims(time=2), (), {"lag": 1}),
    "track": ("track", LABELS.expand_dims("time"), (), {"connectivity": 8}),
}
ACCESSORS = [(kind, name) for kind in (DataArrayAccessor, DatasetAccessor) for name in vars(kind)]
METHODS = [pair for pair in ACCESSORS if not pair[1].startswith("_")]


def assert_same(found, expected):
    if isinstance(expected, gpd.GeoDataFrame):
        assert_geodataframe_equal(found, expected)
    elif isinstance(expected, fastkm.Tracks):
        assert_frame_equal(found.tracks, expected.tracks)
    elif isinstance(expected, fastkm.Transitions):
        assert_frame_equal(found.area_km2, expected.area_km2)
    elif isinstance(expected, fastkm.ArchiveClusters):
        xr.testing.assert_identical(found.labels.compute(), expected.labels.compute())
        assert_frame_equal(found.areas, expected.areas)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for k in expected:
            assert_same(found[k], expected[k])
    elif isinstance(expected, xr.DataArray):
        xr.testing.assert_identical(found, expected)
    else:
        xr.testing.assert_identical(found.to_dataset(), expected.to_dataset())
        if isinstance(expected, fastkm.RasterClusters):
            xr.testing.assert_identical(found.labels, expected.labels)


@pytest.mark.parametrize("case", CALLS)
def test_a_method_is_its_function(case):
    function, raster, args, options = CALLS[case]
    found = getattr(raster.fastkm, case.split()[0])(*args, **options)
    assert_same(found, getattr(fastkm, function)(raster, *args, **options))


def test_every_method_is_compared_with_its_function():
    assert {name for _, name in METHODS} == {case.split()[0] for case in CALLS}


@pytest.mark.parametrize(("kind", "name"), METHODS)
def test_help_shows_the_function(kind, name):
    method, function = getattr(kind(RASTER), name), getattr(kind, name)
    assert function.__module__.startswith("fastkm.")
    assert method.__doc__ == function.__doc__
    first, *others = inspect.signature(function).parameters.values()
    assert list(inspect.signature(method).parameters.values()) == others
    assert first.name not in {other.name for other in others}
    assert f"{function.__name__}(" in pydoc.plain(pydoc.render_doc(method))
    assert f"`fastkm.{function.__name__}`" in kind.__doc__


def test_warnings_name_the_line_of_the_user():
    with pytest.warns(UserWarning, match="k = 9") as caught:
        RASTER[:2, :2].fastkm.kmeans1d([2, 9])
    assert caught[0].filename == __file__


def test_a_keyword_that_the_function_has_not_is_refused():
    with pytest.raises(TypeError, match="kmeans1d"):
        RASTER.fastkm.kmeans1d(2, colour="red")


def test_nothing_but_xarray_is_loaded_before_a_method_is_used():
    code = (
        "import xarray, sys; before = set(sys.modules); import fastkm.xarray as accessors; "
        "accessors.DataArrayAccessor(None); accessors.DatasetAccessor(None); "
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == [
        "fastkm",
        "fastkm._lazy_names",
        "fastkm._version",
        "fastkm.xarray",
    ]
