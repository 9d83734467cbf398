"""Lazy rasters for the tests: what they hold, and small blocks."""

import numpy as np

from fastkm._core.cf_missing import find_missing, to_physical
from fastkm.raster.io.lazy import block_plan


def cut_small(monkeypatch, values=40):
    """Let blocks have some 40 values."""
    monkeypatch.setattr(block_plan, "BLOCK_VALUES", values)
    monkeypatch.setattr(block_plan, "MOST_VALUES", 4 * values)


def load_physical(raster):
    """Compute the physical numbers of a raster as stored, NaN in missing cells."""
    computed = raster.compute()
    return np.where(find_missing(computed), np.nan, to_physical(computed))


def require_same(lazy, read):
    """Fail unless a lazy raster is what was read, but not loaded yet."""
    if hasattr(read, "data_vars"):
        assert list(lazy.data_vars) == list(read.data_vars)
        for name in read.data_vars:
            require_same(lazy[name], read[name])
        return
    assert lazy.chunks is not None
    assert lazy.data.dtype.isnative
    assert lazy.dims == read.dims
    assert lazy.name == read.name
    assert set(lazy.coords) == set(read.coords)
    for name in read.coords:
        assert lazy[name].identical(read[name]), name
        assert not hasattr(lazy[name].data, "dask"), name
    assert all(np.all(lazy.attrs[name] == value) for name, value in read.attrs.items())
    computed = lazy.compute()
    np.testing.assert_allclose(load_physical(computed), read.values, rtol=1e-6)
    assert computed.dtype == lazy.dtype
    assert computed.shape == lazy.shape
