"""Names and rows of stacks."""

import numpy as np
import pytest
import xarray as xr

from fastkm.raster.bands import (
    as_band_stack,
    compute_deviations,
    gather_rows,
    make_unique,
    name_bands,
)
from fastkm.raster.codebook import make_attribute_names


def bands(coordinate=None, dim="band", **attrs):
    coords = {} if coordinate is None else {dim: coordinate}
    return xr.DataArray(np.zeros((2, 3, 4)), coords, (dim, "y", "x"), attrs=attrs)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (bands(), ("band 1", "band 2")),
        (bands([1, 2]), ("band 1", "band 2")),
        (bands([0.45, 0.52], "wavelength"), ("wavelength 0.45", "wavelength 0.52")),
        (bands(["a", "b"]), ("a", "b")),
        (bands(np.array(["a", "b"], object)), ("a", "b")),
        (bands([1, 2], long_name=("red", "nir")), ("red", "nir")),
        (bands([1, 2], long_name=("red", None)), ("red", "band 2")),
        (bands(["a", "b"], long_name=("red", "nir")), ("a", "b")),
        (bands([1, 2], long_name="reflectance"), ("band 1", "band 2")),
        (bands(["a", "a"]), ("a", "a (2)")),
        (bands(np.array(["2009-10-01", "2009-11-01"], "M8[ns]"), "time"),
         ("2009-10-01", "2009-11-01")),
        (bands(np.array(["2009-10-01T00", "2009-10-01T12"], "M8[ns]"), "time"),
         ("2009-10-01T00:00:00", "2009-10-01T12:00:00")),
    ],
)  # fmt: skip
def test_bands_have_names(array, expected):
    assert name_bands(array, array.dims[0]) == expected


def test_dates_of_other_calendars_are_names():
    days = xr.date_range("2009-01-01", periods=2, freq="MS", calendar="noleap", use_cftime=True)
    assert name_bands(bands(days, "time"), "time") == ("2009-01-01", "2009-02-01")


def test_numbered_names_do_not_meet_others():
    assert make_unique(["a", "a", "a (2)"]) == ("a", "a (2)", "a (2) (2)")
    assert make_unique(["a (2)", "a", "a"]) == ("a (2)", "a", "a (3)")


def test_words_of_attributes_differ():
    assert make_attribute_names(["a b", "a-b", "°"]) == ["a_b", "a_b_2", "band"]


def test_units_are_one_for_all_or_one_each():
    assert as_band_stack(bands(units="K")).units == ("K", "K")
    assert as_band_stack(bands(units=("K", None))).units == ("K", "")


def test_rows_are_views_where_they_can_be():
    values = np.arange(24.0).reshape(2, 3, 4)
    first = xr.DataArray(values, dims=("band", "y", "x"))
    last = xr.DataArray(values, dims=("y", "x", "band"))
    for array in (first, last):
        found = gather_rows(as_band_stack(array))
        assert found.valid is None
        assert np.shares_memory(found.rows, values)
    assert gather_rows(as_band_stack(first)).rows[1].tolist() == [1, 13]
    assert gather_rows(as_band_stack(last)).rows[1].tolist() == [4, 5, 6, 7]
    assert not np.shares_memory(gather_rows(as_band_stack(first), copy=True).rows, values)


def test_singleton_dimensions_are_no_bands():
    array = xr.DataArray(np.zeros((1, 2, 3, 4)), dims=("time", "band", "y", "x"))
    assert len(as_band_stack(array).bands) == 2
    assert len(as_band_stack(array[:, :1]).bands) == 1


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_deviations_are_those_of_numpy(monkeypatch, offset):
    monkeypatch.setattr("fastkm.raster.bands.BLOCK", 7)
    rows = np.random.default_rng(0).random((50, 2)) + offset
    np.testing.assert_allclose(compute_deviations(rows, ("a", "b")), rows.std(axis=0), rtol=1e-6)
