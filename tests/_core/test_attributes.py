"""Attributes of any type, read as text or as numbers."""

import numpy as np
import pytest
import xarray as xr

from fastkm._core.attributes import get_mapping_name, read_factor, read_numbers, read_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("K", "K"),
        (np.str_("K"), "K"),
        (b"m s-1", "m s-1"),
        (1, "1"),
        (np.int16(1), "1"),
        (np.array([1.5, 2.0]), "1.5, 2.0"),
        (["red", "green"], "red, green"),
        ([], ""),
        (None, "none given"),
    ],
    ids=repr,
)
def test_anything_is_text(value, text):
    assert read_text({"units": value}, "units", "none given") == text


def test_an_attribute_that_is_not_there_has_a_default():
    assert read_text({}, "units") == ""
    assert read_numbers({}, "valid_min") is None
    assert read_factor({}, "scale_factor") is None


@pytest.mark.parametrize("value", [5, np.int8(5), 5.0, [5], np.array([5], "u2"), [1, 2, 3]])
def test_numbers_are_read_as_they_are(value):
    np.testing.assert_array_equal(read_numbers({"n": value}, "n"), np.ravel(value))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("-9999", [-9999]),
        ("0.1", [0.1]),
        ("0, 75", [0, 75]),
        ("[0 75.5]", [0, 75.5]),
        (b"1e20", [1e20]),
        ("9" * 30, [1e30]),
        (["1", "2"], [1, 2]),
    ],
    ids=repr,
)
def test_numbers_in_a_text_are_read_with_a_warning(text, numbers):
    with pytest.warns(UserWarning, match="attribute n of 'v' is not a number but a text"):
        found = read_numbers({"n": text}, "n", " of 'v'")
    np.testing.assert_allclose(found, numbers)


@pytest.mark.parametrize("value", ["0 to 75", "", "none", [], None, True, [None, 1], 1j], ids=repr)
def test_what_is_no_number_is_ignored_with_a_warning(value):
    with pytest.warns(UserWarning, match="attribute n is not a number and is ignored"):
        assert read_numbers({"n": value}, "n") is None


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, [0.1, 0.2]], ids=repr)
def test_a_scale_that_cannot_be_applied_is_ignored_with_a_warning(value):
    with pytest.warns(UserWarning, match="scale_factor must be one finite number other than 0"):
        assert read_factor({"scale_factor": value}, "scale_factor") is None


def test_an_offset_may_be_zero_and_factors_may_come_twice():
    assert read_factor({"add_offset": 0.0}, "add_offset") == 0
    assert read_factor({"scale_factor": np.array([0.5, 0.5])}, "scale_factor") == 0.5


def test_factors_are_floats_so_that_decimals_are_kept():
    assert read_factor({"scale_factor": np.int16(2)}, "scale_factor").dtype == np.float64
    assert read_factor({"scale_factor": np.float32(2)}, "scale_factor").dtype == np.float32


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("crs", "crs"),
        ("crs: x y", "crs"),
        ("crs:x y", "crs"),
        ("plane: x y globe: lat lon", "plane"),
        ("globe: lat lon plane: x y", "plane"),
        ("/maps/crs", "crs"),
        ("", None),
        (7, "7"),
    ],
)
def test_extended_form_names_the_mapping_of_the_dimensions(mapping, expected):
    array = xr.DataArray(np.zeros((2, 2)), dims=("y", "x"), attrs={"grid_mapping": mapping})
    assert get_mapping_name(array) == expected
