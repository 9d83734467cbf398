"""What is checked at the border."""

import numpy as np
import pytest
import xarray as xr

from fastkm._core.validation import (
    as_values_and_mask,
    check_observations,
    choose_working_dtype,
    freeze,
    require_finite,
)
from tests.from_file import from_file

X = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("dtype", "working"),
    [
        ("f2", "f4"),
        ("f4", "f4"),
        ("f8", "f8"),
        ("?", "f8"),
        ("i1", "f8"),
        ("i8", "f8"),
        ("u8", "f8"),
    ],
)
def test_float32_stays_and_half_grows_and_all_else_is_float64(dtype, working):
    assert choose_working_dtype(np.dtype(dtype)) == np.dtype(working)
    assert check_observations(X.astype(dtype), "x").rows.dtype == np.dtype(working)


@pytest.mark.parametrize(
    ("dtypes", "working"),
    [(("f4", "f8"), "f8"), (("f4", "f2"), "f4"), (("f2", "i2"), "f4"), (("i1", "?"), "f8")],
)
def test_two_types_are_computed_in_what_holds_both(dtypes, working):
    assert choose_working_dtype(*map(np.dtype, dtypes)) == np.dtype(working)


@pytest.mark.parametrize(
    "array",
    [
        X,
        np.asfortranarray(X),
        X[::2, ::2],
        X[::-1],
        X.astype(">f8"),
        X.astype("f4"),
        X.astype("i2"),
        np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view("f8").reshape(4, 3),
        np.broadcast_to(X[0], (4, 3)),
    ],
    ids=["C", "F", "gaps", "backwards", "big-endian", "f4", "i2", "unaligned", "broadcast"],
)
def test_rows_reach_the_kernels_as_one_kind_of_array(array):
    rows = check_observations(array, "x").rows
    assert rows.flags.c_contiguous
    assert rows.flags.aligned
    assert not rows.flags.writeable
    assert rows.dtype.isnative
    assert type(rows) is np.ndarray
    np.testing.assert_array_equal(rows, array)


def test_an_array_that_fits_is_not_copied_and_stays_writeable():
    array = X.copy()
    assert np.shares_memory(freeze(array), array)
    assert array.flags.writeable


def test_a_flat_array_is_a_column_and_says_what_it_was():
    checked = check_observations([1, 2, 3], "x")
    assert checked.rows.shape == (3, 1)
    assert (checked.ndim, checked.dtype, checked.valid) == (1, np.dtype(int), None)


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_no_rows_are_no_error(shape):
    assert check_observations(np.empty(shape), "x").rows.shape == (0, shape[-1] or 1)


@pytest.mark.parametrize("shape", [(), (2, 2, 2), (3, 0)])
def test_another_shape_is_a_value_error(shape):
    with pytest.raises(ValueError, match=r"weather must have shape \(n,\) or \(n, d\), got \("):
        check_observations(np.zeros(shape), "weather")


@pytest.mark.parametrize(
    "array",
    [["a"], [None], np.array(["2009"], "M8[Y]"), np.longdouble([1.0]), [b"a"]],
    ids=repr,
)
def test_what_is_no_real_number_is_a_type_error_that_names_the_argument(array):
    with pytest.raises(TypeError, match="weather must hold real numbers of at most 64 bits, got"):
        as_values_and_mask(array, "weather")


def test_complex_numbers_are_a_value_error_as_in_scipy():
    with pytest.raises(ValueError, match="weather must hold real numbers"):
        as_values_and_mask([1j], "weather")


def test_a_mask_without_a_masked_cell_is_none():
    assert as_values_and_mask(np.ma.MaskedArray([1.0, 2.0]), "x")[1] is None
    assert as_values_and_mask(np.ma.MaskedArray([1.0, 2.0], [False, False]), "x")[1] is None


def test_one_masked_cell_makes_its_row_missing():
    masked = np.ma.MaskedArray(X, np.arange(12).reshape(4, 3) == 4)
    checked = check_observations(masked, "x")
    assert checked.valid.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(checked.select_valid(), X[[0, 2, 3]])


def test_rows_are_all_present_where_none_is_missing():
    checked = check_observations(X, "x")
    assert checked.select_valid() is checked.rows


def test_a_described_array_brings_its_own_mask():
    raster = from_file(xr.DataArray([1.0, -9.0], dims="x"), missing_value=-9.0)
    values, mask = as_values_and_mask(raster, "x")
    assert type(values) is np.ndarray
    assert mask.tolist() == [False, True]


def test_a_described_packed_array_is_unpacked():
    raster = xr.DataArray(np.array([10, 20, -1], "i2"), dims="x")
    raster = from_file(raster, scale_factor=0.5, add_offset=1.0, _FillValue=np.int16(-1))
    values, mask = as_values_and_mask(raster, "x")
    assert values[:2].tolist() == [6.0, 11.0]
    assert mask.tolist() == [False, False, True]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_bad_row_and_their_number_are_told(value):
    rows = X.copy()
    rows[2, 1] = rows[3, 0] = value
    with pytest.raises(ValueError, match=r"weather must not hold infs or NaNs: row 2 .*\(2 such"):
        require_finite(rows, "weather")


def test_a_row_that_is_missing_may_be_nan():
    rows = np.array([[np.nan], [1.0]])
    require_finite(rows, "x", valid=np.array([False, True]))
    with pytest.raises(ValueError, match="row 0"):
        require_finite(rows, "x", valid=np.array([True, False]))
