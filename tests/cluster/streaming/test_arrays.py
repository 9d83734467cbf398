"""Arrays taken apart, and weights laid over them."""

import dask.array as da
import hypothesis
import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st

from fastkm.cluster.streaming.arrays import (
    align_weights,
    as_raw_array,
    broadcast_weights,
    load_weights,
    require_broadcast,
)
from tests.from_file import from_file

VALUES = np.arange(6.0).reshape(2, 3)
HOLES = VALUES == 4
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@pytest.mark.parametrize(
    "array",
    [
        np.ma.array(VALUES, mask=HOLES),
        da.from_array(np.ma.array(VALUES, mask=HOLES), chunks=2),
        from_file(xr.DataArray(VALUES), missing_value=4),
        from_file(xr.DataArray(da.from_array(VALUES, chunks=2)), missing_value=4),
    ],
    ids=["masked", "dask", "DataArray", "DataArray of dask"],
)
def test_missing_cells_are_known_of_the_whole_and_of_its_parts(array):
    cells = as_raw_array(array, "values")
    assert cells.shape == (2, 3)
    np.testing.assert_array_equal(cells.load().values, VALUES)
    np.testing.assert_array_equal(cells.load().find_missing(), HOLES)
    part = cells.select((slice(1, 2), slice(1, 3))).load()
    np.testing.assert_array_equal(part.find_missing(), [[True, False]])
    turned = cells.load().apply(np.transpose)
    np.testing.assert_array_equal(turned.find_missing(), HOLES.T)


def test_nan_is_missing_only_where_numbers_are_packed():
    cells = as_raw_array(xr.DataArray([1.0, np.nan]), "values")
    assert cells.find_missing() is None
    assert cells.find_missing(packed=True).tolist() == [False, True]


def test_nothing_is_copied_or_computed_to_take_cells_apart():
    def never(block):
        raise AssertionError("computed")

    lazy = da.zeros((4, 2), chunks=2).map_blocks(never, meta=np.empty((0, 0)))
    for given in (lazy, xr.DataArray(lazy)):
        part = as_raw_array(given, "values").select((slice(1, 2), slice(0, 1)))
        assert part.shape == (1, 1)
    masked = np.ma.array(VALUES, mask=HOLES)
    cells = as_raw_array(masked, "values")
    assert np.shares_memory(cells.values, VALUES)
    assert np.shares_memory(cells.mask, masked.mask)


@hypothesis.given(SHAPES, SHAPES)
def test_shapes_fit_as_in_numpy(shape, onto):
    try:
        np.broadcast_to(np.empty(shape), onto)
    except ValueError:
        with pytest.raises(ValueError, match="weights must broadcast to the shape of values"):
            require_broadcast(shape, onto)
    else:
        require_broadcast(shape, onto)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (2, 1), (1, 1), (2, 3)], ids=str)
def test_weights_beneath_a_box_are_those_of_the_whole(shape):
    weights = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    whole = np.broadcast_to(weights, (2, 3))
    over = align_weights(weights, as_raw_array(VALUES, "values"))
    for box in np.s_[0:1, 0:3], np.s_[1:2, 1:2], np.s_[0:2, 2:3]:
        found = broadcast_weights(load_weights(over, box), whole[box].shape)
        np.testing.assert_array_equal(found, whole[box])


def test_missing_weights_are_nan_and_packed_ones_physical():
    attributes = {"_FillValue": np.int16(-1), "scale_factor": 0.5}
    weights = from_file(xr.DataArray(np.array([-1, 3], "i2")), **attributes)
    over = align_weights(weights, as_raw_array(np.ones((2, 2)), "values"))
    found = broadcast_weights(load_weights(over, np.s_[0:2, 0:2]), (2, 2))
    np.testing.assert_array_equal(found, [[np.nan, 1.5]] * 2)
