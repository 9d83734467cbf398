"""Missing values that the reader declares."""

import math

import numpy as np
import pytest
import xarray as xr

from fastkm._core.cf_missing import find_missing
from fastkm._core.nodata import as_nodata, declare_missing, find_nodata

PACKED = {"scale_factor": 0.1, "add_offset": 5.0}
STORED = np.array([0, 10, -9999, 50], "i2")  # physical: 5, 6, -994.9, 10


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        (None, ()),
        ((), ()),
        (-999, (-999.0,)),
        (np.int16(3), (3.0,)),
        ([1, 2, 1], (1.0, 2.0)),
        (np.array([0.5]), (0.5,)),
        (-math.inf, (math.inf, -math.inf)),
    ],
    ids=repr,
)
def test_nodata_are_one_number_several_or_none(given, numbers):
    assert as_nodata(given) == numbers


@pytest.mark.parametrize("given", ["-999", [1, "2"], {"a": 1}, 1j], ids=str)
def test_nodata_must_be_numbers(given):
    with pytest.raises(TypeError, match="nodata must be a number or several"):
        as_nodata(given)


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize(
    ("nodata", "found"),
    [
        (-9999, [2]),  # as stored
        (-994.9, [2]),  # in physical units
        (10, [1, 3]),  # both
        (6, [1]),
        (6.05, []),  # between two steps
        ([0, 50], [0, 3]),
        (math.inf, []),
        (math.nan, []),
        (40000, []),
    ],
)
def test_packed_numbers_are_compared_in_both_units(decoded, nodata, found):
    raw = xr.DataArray(STORED, dims="x", attrs=PACKED)
    array = xr.decode_cf(raw.to_dataset(name="v"))["v"] if decoded else raw
    wanted = np.isin(range(4), found)
    numbers = as_nodata(nodata)
    np.testing.assert_array_equal(find_nodata(array, numbers), wanted)
    np.testing.assert_array_equal(find_missing(declare_missing(array, numbers)), wanted)


def test_floats_are_compared_in_their_own_precision():
    array = xr.DataArray(np.array([0.1, np.inf, -np.inf, np.nan], "f4"), dims="x")
    assert find_nodata(array, as_nodata([0.1, math.inf])).tolist() == [True, True, True, False]


def test_bytes_are_compared_by_their_bits():
    signed = xr.DataArray(np.array([-1, 1], "i1"), dims="x", attrs={"_Unsigned": "true"})
    for number in (-1, 255):
        assert find_nodata(signed, as_nodata(number)).tolist() == [True, False]


def test_what_the_file_declares_stays_declared():
    array = xr.DataArray(STORED, dims="x", attrs={"missing_value": np.int16(0), "valid_max": 20})
    declared = declare_missing(array, as_nodata(10))
    assert declared.attrs["missing_value"].tolist() == [0, 10]
    assert declared.attrs["missing_value"].dtype == STORED.dtype
    assert find_missing(declared).tolist() == [True, True, False, True]
    assert find_nodata(array, as_nodata(10)).tolist() == [False, True, False, False]
    assert array.attrs["missing_value"] == 0
