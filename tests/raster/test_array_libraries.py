"""xarray still knows the arrays of other libraries, and loads none of them to ask."""

import sys
from types import SimpleNamespace

import dask.array as da
import numpy as np
import xarray as xr
from xarray.namedarray import pycompat, utils

from fastkm.raster import array_libraries
from fastkm.raster.array_libraries import defer_array_libraries


def test_arrays_of_dask_are_known():
    defer_array_libraries()
    ask = utils.is_dask_collection
    defer_array_libraries()  # once is enough
    assert utils.is_dask_collection is ask
    lazy = da.zeros(3)
    assert isinstance(lazy, pycompat.array_type("dask"))
    assert utils.is_duck_dask_array(lazy)
    assert not utils.is_duck_dask_array(np.zeros(3))
    assert xr.DataArray(lazy).chunks == ((3,),)
    assert xr.DataArray(lazy).compute().chunks is None
    assert str(pycompat.mod_version("dask"))[:2] == "20"


def test_a_library_is_asked_only_when_it_is_loaded(monkeypatch):
    asked = []

    def load(name):
        asked.append(name)
        return SimpleNamespace(type=(complex,), version=3)

    monkeypatch.setattr(array_libraries, "MODULES", {"other": "other.array"})
    known = array_libraries._Deferred("other", load)
    assert known.type == ()
    assert not asked
    monkeypatch.setitem(sys.modules, "other.array", SimpleNamespace())
    assert known.type == (complex,)
    assert known.version == 3
    assert asked == ["other"]


def test_xarray_of_another_version_is_left_alone(monkeypatch):
    ask = utils.is_dask_collection
    with monkeypatch.context() as patch:
        patch.delattr(utils, "is_dask_collection")
        defer_array_libraries()
        assert not hasattr(utils, "is_dask_collection")
    monkeypatch.delattr(pycompat, "_cached_duck_array_modules")
    defer_array_libraries()
    assert utils.is_dask_collection is ask
