"""Rules of missing cells: which hold for an array, and which can be applied."""

import warnings

import numpy as np
import pytest
import xarray as xr

from fastkm._core.cf_missing import find_missing, settle, settle_all, to_physical
from fastkm._core.cf_rules import clean_attributes, split_attributes
from tests.from_file import from_file

BYTE, SHORT, FLOAT = map(np.dtype, ("i1", "i2", "f4"))


@pytest.mark.parametrize(
    "limits",
    [
        {"valid_range": np.array([0, 255], "i2")},
        {"valid_range": [0, 254]},
        {"valid_range": np.array([0, -1], "i1")},
        {"valid_min": np.int16(0), "valid_max": np.int16(200)},
        {"valid_min": np.int8(1), "valid_max": np.int8(-2)},
        {"valid_max": np.int16(128)},
        {"valid_max": 255.0},
    ],
    ids=str,
)
def test_bytes_are_unsigned_if_their_valid_range_is(limits):
    assert clean_attributes(limits, BYTE)["_Unsigned"] == "true"


@pytest.mark.parametrize(
    "limits",
    [
        {"valid_range": [0, 127]},
        {"valid_range": [-1, 255]},
        {"valid_range": [0, 256]},
        {"valid_min": 0},
        {"valid_max": -1},
        {"valid_range": [0.0, 255.0], "scale_factor": 0.5},  # in physical units
    ],
    ids=str,
)
def test_bytes_are_signed_if_their_valid_range_allows_it(limits):
    assert "_Unsigned" not in clean_attributes(limits, BYTE)


def test_the_file_may_say_that_bytes_are_signed():
    attrs = {"valid_range": [0, 255], "_Unsigned": "false"}
    assert clean_attributes(attrs, BYTE)["_Unsigned"] == "false"


def test_shorts_are_unsigned_by_their_range_with_a_warning():
    with pytest.warns(UserWarning, match="of 'v' are read as unsigned ones"):
        cleaned = clean_attributes({"valid_range": [0, 65535]}, SHORT, of=" of 'v'")
    assert cleaned["_Unsigned"] == "true"
    assert "_Unsigned" not in clean_attributes({"valid_range": [0, 10**6]}, SHORT)
    assert "_Unsigned" not in clean_attributes({"valid_range": [0, 65535]}, np.dtype("i4"))


@pytest.mark.parametrize(
    ("given", "meant"),
    [("True", "true"), (1, "true"), (np.array(["FALSE"]), "false"), (np.int8(0), "false")],
    ids=repr,
)
def test_unsigned_is_a_word_or_a_number(given, meant):
    assert clean_attributes({"_Unsigned": given}, BYTE)["_Unsigned"] == meant


def test_unsigned_that_is_neither_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="_Unsigned must be true or false"):
        assert "_Unsigned" not in clean_attributes({"_Unsigned": 7}, BYTE)
    assert clean_attributes({"_Unsigned": "true"}, FLOAT) == {}


@pytest.mark.parametrize(
    ("dtype", "given", "stored"),
    [
        ("i1", np.int16(255), [-1]),
        ("i1", -1.0, [-1]),
        ("u1", np.int8(-1), [255]),
        ("u1", [-9999, 7], [7]),
        ("i2", 1e20, None),
        ("i2", [np.nan, np.inf, 0.5], None),
        ("u4", 2**32 - 1, [2**32 - 1]),
        ("i8", -(2**63), [-(2**63)]),
    ],
)
def test_fill_values_are_bits_of_the_type(dtype, given, stored):
    cleaned = clean_attributes({"missing_value": given}, np.dtype(dtype))
    if stored is None:
        assert cleaned == {}
    else:
        assert np.ravel(cleaned["missing_value"]).tolist() == stored
        assert cleaned["missing_value"].dtype == dtype


def test_fill_values_of_floats_stay_as_they_are():
    assert clean_attributes({"_FillValue": 1e20, "units": 1}, FLOAT) == {
        "_FillValue": 1e20,
        "units": 1,
    }


@pytest.mark.parametrize("value", ["-9999", [5.0, 6.0, 7.0]], ids=repr)
def test_limits_are_one_number_or_two(value):
    with pytest.warns(UserWarning, match="valid_range must be two numbers|not a number but"):
        assert clean_attributes({"valid_range": value}, FLOAT) == {}


def test_a_minimum_above_the_maximum_is_not_applied():
    with pytest.warns(UserWarning, match="the minimum, 5, is above the maximum, 2"):
        assert clean_attributes({"valid_min": 5, "valid_max": 2}, FLOAT) == {}


def test_text_variables_are_left_alone():
    assert clean_attributes({"valid_min": "0"}, np.dtype("S1")) == {"valid_min": "0"}


# Arrays that were computed


def raster(**attrs):
    return xr.DataArray(np.array([-3.0, 1.0, 2.0, 99.0], "f4"), dims="x", attrs=attrs)


@pytest.mark.parametrize(
    "encoding",
    [{"source": "a.nc"}, {"dtype": FLOAT}, {"original_shape": (4,)}, {"rasterio_dtype": "f4"}],
    ids=str,
)
def test_rules_hold_for_the_numbers_of_a_file(encoding):
    array = raster(valid_min=0.0)
    array.encoding = encoding
    assert split_attributes(array.attrs, array.encoding, array.dtype)[1] == {}
    assert find_missing(settle(array)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("encoding", [{}, {"grid_mapping": "crs"}, {"zlib": True}], ids=str)
def test_rules_do_not_hold_for_computed_numbers(encoding):
    array = raster(valid_min=0.0, _FillValue=99.0, units="K")
    array.encoding = encoding
    with pytest.warns(UserWarning, match="2 cells that they would make missing"):
        settled = settle(array)
    assert settled.attrs == {"units": "K"}
    assert not find_missing(settled).any()
    assert set(array.attrs) == {"valid_min", "_FillValue", "units"}


@pytest.mark.parametrize(
    "attrs",
    [{"valid_min": -9.0}, {"_FillValue": 1e20}, {"scale_factor": 1.0, "add_offset": 0.0}],
    ids=str,
)
def test_rules_that_change_nothing_are_dropped_in_silence(attrs):
    assert settle(raster(**attrs)).attrs == {}


def test_a_scale_that_is_not_applied_is_said():
    with pytest.warns(UserWarning, match=r"not applied: scale_factor = 0\.5"):
        settled = settle(raster(scale_factor=0.5))
    np.testing.assert_array_equal(to_physical(settled), raster().values)


def test_several_arrays_give_one_warning():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        settle_all([raster(valid_min=0.0), from_file(raster(), valid_max=9.0), raster(valid_max=9)])
    assert [str(w.message).partition("; ")[2].partition(" that")[0] for w in given] == ["2 cells"]


OPERATIONS = {
    "isel": (lambda a: a.isel(x=slice(3)), True),
    "copy": (lambda a: a.copy(), True),
    "transpose": (lambda a: a.expand_dims("y").T, True),
    "sort": (lambda a: a.sortby("x", ascending=False), True),
    "chunk": (lambda a: a.chunk(x=2), True),
    "concat": (lambda a: xr.concat([a, a], "x"), True),
    "dataset": (lambda a: a.to_dataset(name="v").isel(x=slice(3))["v"], True),
    "difference": (lambda a: a - 2, False),
    "where": (lambda a: a.where(a < 50), False),
    "astype": (lambda a: a.astype("f8"), False),
    "mean": (lambda a: a.mean(keep_attrs=True), False),
    "rolling": (lambda a: a.rolling(x=2).mean(), False),
    "groups": (lambda a: a.groupby("x").map(lambda group: group * 5), False),
    "ufunc": (lambda a: xr.apply_ufunc(np.abs, a, keep_attrs=True, dask="allowed"), False),
    "dataset times two": (lambda a: (a.to_dataset(name="v") * 2)["v"], False),
}


@pytest.mark.parametrize(("operation", "stays"), OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.filterwarnings("ignore:attributes of computed data")
def test_what_xarray_keeps_says_whether_an_array_was_computed(tmp_path, operation, stays):
    raster(valid_min=0.0).assign_coords(x=range(4)).to_dataset(name="v").to_netcdf(
        tmp_path / "a.nc"
    )
    for options in ({}, {"mask_and_scale": False}, {"chunks": {}}):
        with xr.open_dataset(tmp_path / "a.nc", **options) as dataset:
            settled = settle(operation(dataset["v"]))
        assert ("valid_min" in settled.attrs) == stays


def test_bytes_that_xarray_read_as_signed_are_unsigned_again(tmp_path):
    stored = np.array([0, 100, -56, -1], "i1")
    for rules in ({}, {"_FillValue": np.int8(100)}, {"scale_factor": 0.5}):
        raw = xr.DataArray(
            stored, dims="x", attrs={"valid_range": np.array([0, 254], "i2"), **rules}
        )
        raw.to_dataset(name="v").to_netcdf(tmp_path / "b.nc")
        physical = stored.view("u1") * rules.get("scale_factor", 1.0)
        for options in ({}, {"mask_and_scale": False}):
            with xr.open_dataset(tmp_path / "b.nc", **options) as dataset:
                array = settle(dataset["v"].load())
            missing = find_missing(array)
            assert missing.tolist() == [False, "_FillValue" in rules, False, True]
            np.testing.assert_allclose(to_physical(array)[~missing], physical[~missing])
