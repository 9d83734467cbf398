"""The sentences of a page: they fit what was found, and claim nothing that is not known."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.workflows.reports import words
from fastkm.workflows.reports.missing import count_by_rule, explain_missing
from fastkm.workflows.reports.report import make_contents
from tests.label_maps import globe


@pytest.fixture(scope="module")
def result():
    """Clusters of one band with units."""
    values = np.random.default_rng(4).gamma(2.0, 10.0, (20, 40))
    return fastkm.cluster_raster(globe(values).rename("rain").assign_attrs(units="mm d-1"), 3)


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        ("kg m-2", "kg m⁻²"),
        ("W m^-2", "W m^-2"),
        ("m s-1", "m s⁻¹"),
        ("degC", "degC"),
        ("K", "K"),
        ("m2", "m²"),
        (" 1 ", ""),
        ("", ""),
        ("US$ <b>", "US$ <b>"),
        ("1e-3 kg", "1e-3 kg"),
    ],
)
def test_units_are_those_of_the_file(units, shown):
    assert words.format_units(units) == shown


def test_a_bound_is_told_instead_of_a_proof(result):
    text = " ".join(words.describe_result(replace(result, gap=0.25), None))
    assert "at most 0.25 above the lowest" in text
    assert "optimal" not in text


def test_the_distance_is_in_the_units_of_the_band(result):
    distance = np.sqrt(result.inertia / result.weights.sum())
    text = words.describe_result(result, None)[1]
    assert f"Cells are {distance:.5g} mm d⁻¹ from the centroid" in text


def test_medians_have_distances():
    values = globe(np.random.default_rng(5).gamma(2.0, 10.0, (10, 20)))
    code = fastkm.kmeans1d(values, 2, criterion="median")
    result = replace(fastkm.cluster_raster(values, 2), codebook=code, inertia=code.inertia)
    assert "the sum of the distances to the medians" in words.describe_result(result, None)[1]


def test_the_largest_cluster_is_that_of_the_largest_area(result):
    areas = np.array([1.0, 5.0, 4.0])
    text = words.describe_result(result, areas)[0]
    assert text.startswith("The largest cluster is 1,")
    assert "it has 5 km², 50.0\u00a0% of all that is not missing. The highest, 2," in text
    assert "has 40.0\u00a0%" in text


def test_one_cluster_is_one():
    raster = globe(np.full((2, 4), 3.0))
    contents = make_contents({1: fastkm.cluster_raster(raster, 1)}, raster=raster)
    assert "The cells were put into 1 cluster by their values" in contents.done[0]
    assert contents.clusterings[0].found[0].startswith("The only cluster has its centroid at 3.")
    assert contents.title == "1 cluster of values"


def test_many_bands_are_shortened():
    rng = np.random.default_rng(6)
    bands = xr.DataArray(rng.uniform(size=(7, 5, 6)), dims=("band", "y", "x"))
    result = fastkm.cluster_raster(bands, 2, standardize=True)
    contents = make_contents({2: result}, raster=bands)
    [one] = contents.clusterings
    assert all(name.endswith(" …") and name.count(",") == 3 for name in one.names)
    assert contents.title == "2 clusters of 7 bands"
    assert "divided by its standard deviation" in contents.done[0]
    assert "standard deviations from the centroid" in one.found[1]
    assert len(one.table.headings) == 1 + 7 + 2


def test_rules_are_listed_once():
    attrs = {"_FillValue": -9, "missing_value": -9, "valid_range": [0, 50], "valid_min": "low"}
    band = xr.DataArray([[1.0]], dims=("y", "x"), attrs=attrs)
    text = explain_missing(10, 3, [band, band])
    assert text == (
        "3 of 10 cells (30.0\u00a0%) are missing and belong to no cluster. The file says which: −9 is a code for "
        "missing, values below low are not valid, values outside of 0 to 50 are not valid."
    )


def test_missing_cells_are_counted_by_the_first_rule():
    attrs = {"_FillValue": -999.0, "missing_value": [-999.0, -998.0], "valid_min": 0.0}
    values = [[-999.0, -998, -500, -5, np.nan, 3, 4, 4]]
    band = xr.DataArray(values, dims=("y", "x"), attrs=attrs)
    counts = count_by_rule(band)
    assert counts == {"NaN": 1, "_FillValue": 1, "missing_value": 1, "valid_min": 2}
    text = explain_missing(8, 6, [band], counts)
    assert "2 below 0, the least valid value" in text
    assert "1 with the code −999, −998" in text
    assert text.endswith("1 left out by a mask or as further codes.")
