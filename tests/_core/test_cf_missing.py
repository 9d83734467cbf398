"""What attributes say is missing, raw and decoded."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from fastkm._core.cf_missing import (
    Packing,
    find_missing,
    find_missing_by_rule,
    has_rules,
    is_described_array,
    read_packing,
    to_physical,
    to_stored,
)


def raster(values, dtype="f4", encoding=None, **attributes):
    array = xr.DataArray(np.array(values, dtype), dims="x", attrs=attributes)
    array.encoding = encoding or {}
    return array


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f4"])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_few_and_many_missing_values_are_alike(count, dtype):
    values = np.arange(40).reshape(4, 10)
    numbers = np.arange(3, 3 + 4 * count, 4)
    array = xr.DataArray(values.astype(dtype), attrs={"missing_value": numbers.astype(dtype)})
    assert np.array_equal(find_missing(array), np.isin(values, numbers))
    assert np.array_equal(array.values, values)


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({}, [0, 0, 0, 0, 1]),
        ({"_FillValue": np.float32(-999)}, [1, 0, 0, 0, 1]),
        ({"missing_value": np.float32(-500)}, [0, 1, 0, 0, 1]),
        ({"missing_value": np.array([-999, -500], "f4")}, [1, 1, 0, 0, 1]),
        ({"missing_value": [-999.0, -500.0]}, [1, 1, 0, 0, 1]),
        ({"valid_min": 0.0}, [1, 1, 0, 0, 1]),
        ({"valid_max": 75.0}, [0, 0, 0, 1, 1]),
        ({"valid_range": np.array([0.0, 75.0])}, [1, 1, 0, 1, 1]),
        ({"valid_min": 0.0, "valid_max": 75.0}, [1, 1, 0, 1, 1]),
        ({"_FillValue": -999.0, "valid_max": 75.0}, [1, 0, 0, 1, 1]),
        ({"units": "kg m-2"}, [0, 0, 0, 0, 1]),
    ],
    ids=str,
)
def test_cells_are_missing_by_every_rule_that_is_there(attributes, wanted):
    array = raster([-999, -500, 30, 80, np.nan], **attributes)
    assert find_missing(array).tolist() == [bool(cell) for cell in wanted]


def test_the_ends_of_a_valid_range_are_valid():
    assert not find_missing(raster([0, 75], valid_range=[0.0, 75.0])).any()
    assert not find_missing(raster([0, 75], valid_min=0, valid_max=75)).any()


def test_each_rule_tells_its_own_cells():
    array = raster([-999, np.nan, 80], _FillValue=-999.0, valid_min=0.0, valid_max=75.0)
    found = {name: cells.tolist() for name, cells in find_missing_by_rule(array).items()}
    assert found == {
        "NaN": [False, True, False],
        "_FillValue": [True, False, False],
        "valid_min": [True, False, False],
        "valid_max": [False, False, True],
    }


def test_integers_have_no_nan():
    assert find_missing_by_rule(raster([1, 2], "i2")) == {}


@pytest.mark.parametrize("number", [9.96921e36, 1e20, -9999.9, 0.1])
def test_a_double_attribute_is_meant_in_the_precision_of_float32_data(number):
    array = raster([1.0, np.float32(number)], missing_value=np.float64(number))
    assert find_missing(array).tolist() == [False, True]


def test_a_valid_maximum_is_meant_in_the_precision_of_float32_data():
    assert not find_missing(raster([np.float32(0.7)], valid_max=0.7)).any()
    assert not find_missing(raster([np.float32(0.1)], valid_min=0.1)).any()


def test_a_fill_value_of_nan_is_no_problem():
    assert find_missing(raster([1, np.nan], _FillValue=np.nan)).tolist() == [False, True]


PACKED = np.array([-32768, -100, 0, 100, 200], "i2")  # physical: fill, 9.0, 10.0, 11.0, 12.0
PACKING = {"scale_factor": 0.01, "add_offset": 10.0}
LIMITS = [
    ({"valid_range": np.array([0, 100], "i2")}, [1, 1, 0, 0, 1]),
    ({"valid_min": np.int16(-100)}, [1, 0, 0, 0, 0]),
    ({"valid_max": np.int16(199)}, [1, 0, 0, 0, 1]),
    ({"valid_min": np.int16(0), "valid_max": np.int16(200)}, [1, 1, 0, 0, 0]),
]


@pytest.mark.parametrize(("limits", "wanted"), LIMITS, ids=str)
def test_limits_of_raw_packed_data_are_in_packed_units(limits, wanted):
    array = raster(PACKED, "i2", _FillValue=np.int16(-32768), **PACKING, **limits)
    assert find_missing(array).astype(int).tolist() == wanted


@pytest.mark.parametrize(("limits", "wanted"), LIMITS, ids=str)
def test_limits_of_packed_data_that_xarray_decoded_are_in_packed_units(limits, wanted):
    raw = raster(PACKED, "i2", _FillValue=np.int16(-32768), **PACKING, **limits)
    array = xr.decode_cf(raw.to_dataset(name="v"))["v"]
    assert array.dtype.kind == "f"
    assert find_missing(array).astype(int).tolist() == wanted


@pytest.mark.parametrize("how", ["file", "memory"])
def test_what_netcdf_stores_reads_alike_raw_and_decoded(tmp_path, how):
    raw = raster(PACKED, "i2", missing_value=np.int16(200), valid_min=np.int16(0), **PACKING)
    if how == "file":
        raw.to_dataset(name="v").to_netcdf(tmp_path / "a.nc")
        with (
            xr.open_dataset(tmp_path / "a.nc", mask_and_scale=False) as one,
            xr.open_dataset(tmp_path / "a.nc") as other,
        ):
            pair = one["v"].load(), other["v"].load()
    else:
        pair = raw, xr.decode_cf(raw.to_dataset(name="v"))["v"]
    for array in pair:
        assert find_missing(array).astype(int).tolist() == [1, 1, 0, 0, 1]
    keep = ~find_missing(raw)
    np.testing.assert_allclose(to_physical(pair[0])[keep], to_physical(pair[1])[keep], rtol=1e-6)


def test_every_packed_step_survives_decoding():
    steps = np.arange(-3000, 3000, dtype="i2")
    raw = raster(steps, "i2", scale_factor=np.float32(0.0021), add_offset=np.float32(281.3))
    decoded = xr.decode_cf(raw.to_dataset(name="v"))["v"]
    decoded = decoded.copy(data=decoded.values.astype("f4"))  # keeps the encoding
    for low in (-2999, -17, 0, 5, 2998):
        decoded.attrs["valid_min"] = raw.attrs["valid_min"] = np.int16(low)
        np.testing.assert_array_equal(find_missing(decoded), steps < low)
        np.testing.assert_array_equal(find_missing(raw), steps < low)


def test_unsigned_bytes_are_compared_unsigned():
    array = raster([0, 100, -56, -1], "i1", _Unsigned="true", _FillValue=np.int8(-1))
    array.attrs["valid_max"] = np.int8(-57)  # 199
    assert find_missing(array).tolist() == [False, False, True, True]
    array.attrs["valid_range"] = np.array([1, -2], "i1")  # 1 ... 254
    assert find_missing(array).tolist() == [True, False, True, True]


def test_unsigned_bytes_are_unpacked_unsigned():
    array = raster([-56], "i1", _Unsigned="true", scale_factor=0.5)
    assert to_physical(array).tolist() == [100.0]


def test_unsigned_bytes_without_packing_are_given_unsigned():
    assert to_physical(raster([-56, 1], "i1", _Unsigned="true")).tolist() == [200, 1]


def test_unsigned_bytes_that_xarray_decoded_are_compared_unsigned():
    raw = raster([0, 100, -56, -1], "i1", _Unsigned="true", _FillValue=np.int8(-1), **PACKING)
    raw.attrs["valid_max"] = np.int8(-57)
    decoded = xr.decode_cf(raw.to_dataset(name="v"))["v"]
    assert find_missing(decoded).tolist() == [False, False, True, True]


@pytest.mark.parametrize("value", ["0 to 75", "", [], None], ids=repr)
@pytest.mark.parametrize("name", ["valid_range", "missing_value", "valid_min"])
def test_an_attribute_that_is_no_number_is_ignored_with_a_warning(name, value):
    array = raster([1.0, np.nan])
    array.attrs[name] = value
    with pytest.warns(UserWarning, match=f"attribute {name} is not a number"):
        assert find_missing(array).tolist() == [False, True]


def test_values_without_packing_are_physical_as_they_are():
    array = raster([1.0, -999.0], _FillValue=-999.0)
    assert to_physical(array).tolist() == [1.0, -999.0]


def test_decoded_values_are_not_scaled_again():
    array = raster([10.0], "f8", encoding={"scale_factor": 0.5, "dtype": np.dtype("i2")})
    assert to_physical(array).tolist() == [10.0]


@pytest.mark.parametrize("thing", [np.zeros(2), [1.0], np.ma.masked_all(2), 3.0, None])
def test_only_what_has_attributes_and_dimensions_describes_itself(thing):
    assert not is_described_array(thing)
    assert is_described_array(raster([1.0]))


@pytest.mark.parametrize("shape", [(), (2, 3), (1, 2, 3)])
def test_missing_has_the_shape_of_the_array(shape):
    array = xr.DataArray(np.ones(shape), attrs={"valid_max": 0.5})
    assert find_missing(array).shape == shape
    assert find_missing(array).all()


def test_the_array_is_left_as_it_is():
    array = raster(PACKED, "i2", _FillValue=np.int16(-32768), **PACKING)
    before = array.copy(deep=True)
    find_missing(array)
    to_physical(array)
    assert array.identical(before)


def test_to_ask_whether_a_lazy_array_describes_itself_computes_nothing():
    def never(block):
        raise AssertionError("computed")

    lazy = da.zeros(4, chunks=2).map_blocks(never, meta=np.empty(0))
    assert is_described_array(xr.DataArray(lazy))


@pytest.mark.parametrize(
    "attributes",
    [
        {"_FillValue": -1.0},
        {"missing_value": 0},
        {"valid_range": [0, 1]},
        PACKING,
        {"_Unsigned": 1},
    ],
    ids=str,
)
def test_rules_are_attributes_that_change_what_the_numbers_mean(attributes):
    assert has_rules(raster([1.0], **attributes))


@pytest.mark.parametrize("encoding", [None, {"_FillValue": -1.0, **PACKING}], ids=str)
def test_what_has_been_applied_is_no_rule(encoding):
    assert not has_rules(raster([1.0], encoding=encoding, units="mm"))


SMALL = np.dtype("i2")


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (raster(PACKED, "i2", **PACKING), Packing(SMALL, 0.01, 10.0)),
        (raster(PACKED, ">i2", **PACKING), Packing(SMALL, 0.01, 10.0)),
        (raster(PACKED, "i2", scale_factor=2), Packing(SMALL, 2.0, 0.0)),
        (raster(PACKED, "i2", add_offset=[3.0]), Packing(SMALL, 1.0, 3.0)),
        (raster([1], "i1", _Unsigned="true", **PACKING), Packing(np.dtype("u1"), 0.01, 10.0)),
        (raster([1], "f4", {"dtype": SMALL, **PACKING}), Packing(SMALL, 0.01, 10.0)),
        (
            raster([1], "f4", {"dtype": SMALL, "_Unsigned": "true", **PACKING}),
            Packing(np.dtype("u2"), 0.01, 10.0),
        ),
        (raster([1], "i2"), None),
        (raster([1], "f4", {"dtype": SMALL, "_FillValue": 1}), None),
        (raster([1], "i4", **PACKING), None),
        (raster([1], "f4", **PACKING), None),
        (raster([1], "f4", PACKING), None),
        (raster([1], "f4", {"dtype": np.dtype("i4"), **PACKING}), None),
        (raster([1], "i2", {"dtype": SMALL, **PACKING}), None),
        (raster([1], "i2", scale_factor=0.0), None),
        (raster([1], "i2", scale_factor=np.nan), None),
        (raster([1], "i2", add_offset=np.inf), None),
        (raster([1], "i2", scale_factor=1e305), None),
    ],
    ids=[
        "raw", "big-endian", "scale", "offset", "unsigned", "decoded", "decoded unsigned", "none",
        "decoded none", "wide", "floats", "unknown", "decoded wide", "decoded integers",
        "scale 0", "scale NaN", "offset inf", "beyond float64",
    ],
)  # fmt: skip
def test_the_packing_of_small_integers_is_found(array, wanted):
    assert read_packing(array) == wanted


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2"])
@pytest.mark.parametrize(
    ("scale", "offset"), [(0.01, 10), (-0.0021, 281.3), (1e-30, 0), (0.1, 1e-9), (3, -7)], ids=str
)
def test_all_stored_integers_come_back_from_decoded_values(dtype, kind, scale, offset):
    steps = np.arange(np.iinfo(kind).min, np.iinfo(kind).max + 1, dtype=kind)
    number = np.dtype(dtype).type
    raw = raster(steps, kind, scale_factor=number(scale), add_offset=number(offset))
    values = steps.astype(dtype) * number(scale) + number(offset)
    decoded = raster(values, dtype, {"dtype": np.dtype(kind), **raw.attrs})
    found = to_stored(decoded, find_missing(decoded))
    assert found.dtype == kind
    np.testing.assert_array_equal(found, steps)
    np.testing.assert_array_equal(to_stored(raw, None), steps)
    decoded = xr.decode_cf(raw.to_dataset(name="v"))["v"]
    np.testing.assert_array_equal(to_stored(decoded, None), steps)


def decoded(values, dtype="f4", **encoding):
    return raster(values, dtype, {"dtype": SMALL, **PACKING, **encoding})


def test_missing_cells_need_not_decode():
    array = decoded([10.0, np.nan, 10.01, 1e9])
    gone = np.array([False, True, False, True])
    assert to_stored(array, gone).tolist() == [0, 0, 1, 0]
    assert to_stored(array, np.array([False, True, False, False])) is None


@pytest.mark.parametrize(
    "array",
    [
        decoded([10.005]),
        decoded([10.010004]),
        decoded([10.01 + 1e-12], "f8"),
        decoded([np.inf]),
        decoded([10 + 327.68]),  # beyond int16
        decoded([9.99], _Unsigned="true"),
        decoded([10.0], scale_factor=1e-6),  # a step that float32 cannot tell
        decoded([10.0], "f2", scale_factor=0.001),
        raster([10.0]),
    ],
    ids=["half", "float32", "float64", "inf", "int16", "unsigned", "tiny", "float16", "unpacked"],
)
def test_values_that_do_not_decode_back_are_not_stored_ones(array):
    assert to_stored(array, None) is None


def test_values_whose_decoder_rounded_otherwise_are_stored_ones():
    value = np.float32(10.01)
    for other in (value, np.nextafter(value, np.float32(0)), np.nextafter(value, np.float32(99))):
        assert to_stored(decoded([other]), None).tolist() == [1]
