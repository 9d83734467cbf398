"""Label maps without small regions."""

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.sieve import SieveOptions
from tests import naive

SPOT = np.array([[1, 1, 1, 2], [1, 0, 2, 2], [1, 1, 2, -1]])
CLEAN = np.array([[1, 1, 1, 2], [1, 1, 2, 2], [1, 1, 2, -1]])


def on_globe(values, **options):
    rows, columns = np.shape(values)
    step = 180 / rows, 360 / columns
    lat = 90 - step[0] * (np.arange(rows) + 0.5)
    lon = step[1] * (np.arange(columns) + 0.5)
    return xr.DataArray(values, {"lat": lat, "lon": lon}, ("lat", "lon"), **options)


def make_noise(rows=8, columns=16, gone=0.1):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (rows, columns)).astype(np.int8)
    labels[rng.random(labels.shape) < gone] = -1
    return labels


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.float32])
def test_an_array_keeps_its_type(dtype):
    labels = np.where(SPOT < 0, 7, SPOT).astype(dtype)
    found = fastkm.sieve(labels, "2px")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.where(SPOT < 0, 2, CLEAN))
    assert labels[1, 1] == 0  # what came in is as it was


def test_the_same_region_is_missing_however_that_is_said():
    masked = fastkm.sieve(np.ma.masked_less(SPOT, 0), "2px")
    np.testing.assert_array_equal(masked.filled(-1), CLEAN)
    floats = fastkm.sieve(np.where(SPOT < 0, np.nan, SPOT), "2px")
    np.testing.assert_array_equal(floats, np.where(CLEAN < 0, np.nan, CLEAN))
    np.testing.assert_array_equal(fastkm.sieve(SPOT.tolist(), "2px"), CLEAN)


def test_holes_are_filled_only_if_that_is_asked_for():
    filled = np.where(CLEAN < 0, 2, CLEAN)
    np.testing.assert_array_equal(fastkm.sieve(SPOT, "2px", fill_holes=True), filled)
    masked = np.ma.masked_less(SPOT, 0)
    found = fastkm.sieve(masked, "2px", fill_holes=True)
    assert not np.ma.is_masked(found)
    np.testing.assert_array_equal(found, filled)
    assert masked.mask.sum() == 1
    floats = fastkm.sieve(np.where(SPOT < 0, np.nan, SPOT), "2px", fill_holes=True)
    np.testing.assert_array_equal(floats, filled)
    covered = np.ma.array(filled.astype(np.uint64), mask=SPOT < 0)  # by the label around it
    found = fastkm.sieve(covered, "2px", fill_holes=True)
    assert not np.ma.is_masked(found)
    np.testing.assert_array_equal(found, filled)


def test_a_data_array_keeps_its_name_attributes_and_encoding():
    labels = on_globe(make_noise(), name="cluster", attrs={"flag_values": [0, 1, 2]})
    labels.encoding = {"_FillValue": -1}
    found = fastkm.sieve(labels, "5px")
    assert (found.name, found.attrs, found.encoding) == ("cluster", labels.attrs, labels.encoding)
    xr.testing.assert_equal(found.coords.to_dataset(), labels.coords.to_dataset())
    expected = naive.sieve(labels.values, 5, periodic=True)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(expected, naive.sieve(labels.values, 5))
    turned = fastkm.sieve(labels.T.expand_dims("time"), "5px")
    np.testing.assert_array_equal(turned[0].T, expected)


def test_lazy_labels_are_computed():
    labels = on_globe(make_noise())
    found = fastkm.sieve(labels.chunk({"lat": 3}), "5px")
    assert found.chunks is None
    np.testing.assert_array_equal(found, fastkm.sieve(labels, "5px"))
    blocks = SieveOptions("5px").apply(labels.chunk({"lat": 3}))
    assert blocks.chunks == labels.chunk({"lat": 3}).chunks


def test_lazy_labels_that_do_not_fit_are_refused():
    import dask.array as da

    huge = da.zeros((10**7, 10**7), np.int8, chunks=(10**6, 10**6))
    with pytest.raises(MemoryError, match="sieving a label map needs"):
        fastkm.sieve(huge, "5px")


def test_columns_that_repeat_the_first_change_with_them():
    lon = np.arange(0, 405, 45.0)
    values = np.ones((3, 9), np.int8)
    values[1, [0, 8]] = 0
    labels = xr.DataArray(values, {"lat": [45.0, 0, -45], "lon": lon}, ("lat", "lon"))
    np.testing.assert_array_equal(fastkm.sieve(labels, "2px"), np.ones((3, 9)))


def test_square_kilometres_are_those_of_the_cells():
    labels = on_globe(make_noise(10, 20))
    areas = cell_areas(labels).values / 1e6
    limit = 5 * float(areas.max())
    found = fastkm.sieve(labels, f"{limit}km2")
    np.testing.assert_array_equal(
        found, naive.sieve(labels.values, limit, areas=areas, periodic=True)
    )
    assert not np.array_equal(found, fastkm.sieve(labels, "5px"))
    doubled = SieveOptions(f"{2 * limit}km2").apply(labels, 2 * cell_areas(labels))
    np.testing.assert_array_equal(doubled, found)


def test_a_sieved_map_stays_as_it_is():
    once = fastkm.sieve(make_noise(30, 40), "9px", connectivity=8)
    np.testing.assert_array_equal(fastkm.sieve(once, "9px", connectivity=8), once)


@pytest.mark.parametrize("limit", ["16", 16, "", "-1px", "nanpx", "3 m"])
def test_a_limit_needs_a_number_and_a_unit(limit):
    with pytest.raises(ValueError, match="min_area must be a number of at least 0 with a unit"):
        fastkm.sieve(SPOT, limit)


def test_nothing_changes_below_the_least_limit():
    for limit in ("0px", "1px", "0km2"):
        np.testing.assert_array_equal(fastkm.sieve(SPOT, limit), SPOT)
    assert fastkm.sieve(np.zeros((0, 4), int), "5px").shape == (0, 4)


@pytest.mark.parametrize("labels", [SPOT, xr.DataArray(SPOT, dims=("y", "x"))])
def test_square_kilometres_need_a_place_on_the_globe(labels):
    with pytest.raises(ValueError, match=r"needs labels with latitudes .* take cells"):
        fastkm.sieve(labels, "5km2")


def test_only_maps_are_sieved():
    with pytest.raises(ValueError, match="two dimensions"):
        fastkm.sieve([1, 2], "2px")
    with pytest.raises(ValueError, match="one map of rows and columns"):
        fastkm.sieve(xr.DataArray(np.zeros((2, 3, 4), int), dims=("time", "y", "x")), "2px")
    with pytest.raises(ValueError, match="whole numbers"):
        fastkm.sieve([[0.5]], "2px")


@pytest.mark.parametrize("connectivity", [4, 8])
def test_gdal_agrees_if_each_small_region_has_one_neighbour(connectivity):
    features = pytest.importorskip("rasterio.features")
    rng = np.random.default_rng(3)
    labels = np.repeat(np.repeat(rng.integers(0, 4, (5, 6)), 12, axis=0), 12, axis=1)
    for row in range(4, 60, 12):  # spots of up to 9 cells, each within a block
        for column in range(4, 72, 12):
            spot = rng.random((3, 3)) < 0.7
            block = labels[row : row + 3, column : column + 3]
            block[spot] = 5
    ours = fastkm.sieve(labels.astype(np.uint8), "10px", connectivity=connectivity)
    assert (labels == 5).any()
    assert not (ours == 5).any()
    theirs = features.sieve(labels.astype(np.uint8), 10, connectivity=connectivity)
    np.testing.assert_array_equal(ours, theirs)
