"""Packed rasters are clustered as the integers in the file, and speak of physical values."""

import numpy as np
import pytest
import xarray as xr

from fastkm import kmeans1d
from tests.codebooks import assert_same, several_passes
from tests.from_file import from_file

RNG = np.random.default_rng(5)
STORED = np.concatenate([RNG.normal(-90, 8, 150), RNG.normal(20, 12, 110), RNG.normal(95, 6, 40)])
STORED = STORED.round().clip(-120, 120).astype("i1").reshape(12, 25)

PACKINGS = {
    "scale": {"scale_factor": 0.1},
    "offset": {"add_offset": 273.15},
    "both": {"scale_factor": 0.01, "add_offset": -5.0},
    "negative scale": {"scale_factor": -0.1, "add_offset": 20.0},
    "float32": {"scale_factor": np.float32(0.05), "add_offset": np.float32(300)},
    "power of two": {"scale_factor": 0.25, "add_offset": 8.0},
}
PACKED = pytest.mark.parametrize("packing", PACKINGS.values(), ids=PACKINGS)
TYPES = pytest.mark.parametrize("dtype", ["i1", "i2"])
RULES = {
    "_FillValue": ({"_FillValue": -90}, lambda x: x == -90),
    "missing_value": ({"missing_value": [100, 101]}, lambda x: np.isin(x, [100, 101])),
    "valid_range": ({"valid_range": [-100, 110]}, lambda x: (x < -100) | (x > 110)),
    "all": (
        {"_FillValue": -90, "missing_value": 7, "valid_range": [-110, 100]},
        lambda x: np.isin(x, [-90, 7]) | (x < -110) | (x > 100),
    ),
}


def raster(stored, attributes, *, decoded=False):
    """Give a raster as it stands in a file, or as xarray decodes it."""
    typed = {
        name: value
        if name in ("scale_factor", "add_offset", "_Unsigned")
        else stored.dtype.type(value)
        for name, value in attributes.items()
    }
    raw = from_file(xr.DataArray(stored, dims=("y", "x")), **typed)
    return xr.decode_cf(raw.to_dataset(name="v"))["v"] if decoded else raw


def assert_scaled(result, wanted, packing):
    """Hold that a result is that of the stored integers, in physical units."""
    scale, offset = packing.get("scale_factor", 1.0), packing.get("add_offset", 0.0)
    scale, offset = float(scale), float(offset)
    turn = slice(None, None, -1 if scale < 0 else 1)
    assert result.centroids == pytest.approx((wanted.centroids * scale + offset)[turn], rel=1e-14)
    assert result.ranges == pytest.approx(
        np.sort(wanted.ranges * scale + offset)[turn], rel=1e-14, abs=1e-13
    )
    assert result.counts.tolist() == wanted.counts[turn].tolist()
    assert result.weights.tolist() == wanted.weights[turn].tolist()
    assert result.inertia == pytest.approx(wanted.inertia * scale**2, rel=1e-14)
    assert result.variances == pytest.approx((wanted.variances * scale**2)[turn], rel=1e-14)
    assert (result.gap, result.passes) == (0.0, wanted.passes)
    profile, other = result.profile, wanted.profile
    assert profile.values == pytest.approx(
        (other.values * scale + offset)[turn], rel=1e-14, abs=1e-13
    )
    assert profile.counts.tolist() == other.counts[turn].tolist()
    assert (np.diff(profile.values) > 0).all()


@PACKED
@TYPES
@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_packed_raster_is_clustered_in_packed_units_in_one_pass(packing, dtype, decoded, k):
    stored = STORED.astype(dtype)
    with several_passes():
        result = kmeans1d(raster(stored, packing, decoded=decoded), k)
    assert result.passes == 1
    assert_scaled(result, kmeans1d(stored, k), packing)


@PACKED
@pytest.mark.parametrize("k", [2, 5, 9])
def test_raw_and_decoded_are_the_same_to_the_bit(packing, k):
    raw, decoded = (kmeans1d(raster(STORED, packing, decoded=how), k) for how in (False, True))
    assert_same(decoded, raw)


@PACKED
@TYPES
@pytest.mark.parametrize("k", [2, 5, 9])
def test_breaks_lie_between_and_predict_gives_the_partition(packing, dtype, k):
    stored = STORED.astype(dtype)
    raw, decoded = (raster(stored, packing, decoded=how) for how in (False, True))
    result, wanted = kmeans1d(raw, k), kmeans1d(stored, k)
    assert (result.ranges[:-1, 1] < result.breaks).all()
    assert (result.breaks < result.ranges[1:, 0]).all()
    labels = wanted.predict(stored)
    if packing.get("scale_factor", 1) < 0:
        labels = k - 1 - labels
    np.testing.assert_array_equal(result.predict(raw).values, labels)
    np.testing.assert_array_equal(result.predict(decoded).values, labels)
    physical = stored * float(packing.get("scale_factor", 1)) + float(packing.get("add_offset", 0))
    np.testing.assert_array_equal(result.predict(physical), labels)


@pytest.mark.filterwarnings("ignore:variable 'v' has multiple fill values")
@PACKED
@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
@pytest.mark.parametrize("rule", RULES)
def test_cells_that_the_attributes_make_missing_are_left_out(packing, decoded, rule):
    attributes, missing = RULES[rule]
    grid = raster(STORED, {**packing, **attributes}, decoded=decoded)
    gone = missing(STORED)
    assert gone.any()
    result, wanted = kmeans1d(grid, 4), kmeans1d(STORED[~gone], 4)
    assert_scaled(result, wanted, packing)
    np.testing.assert_array_equal(result.predict(grid).values == -1, gone)
    assert np.bincount(result.predict(grid).values[~gone]).tolist() == result.counts.tolist()


@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
@pytest.mark.parametrize("dtype", ["i1", "i2"])
def test_unsigned_integers_are_read_as_such(decoded, dtype):
    packing = {"scale_factor": 0.5, "add_offset": -3.0}
    stored = STORED.astype(dtype)
    grid = raster(stored, {**packing, "_Unsigned": "true"}, decoded=decoded)
    result = kmeans1d(grid, 3)
    assert_scaled(result, kmeans1d(stored.view(f"u{dtype[1]}"), 3), packing)
    assert np.bincount(result.predict(grid).values.ravel()).tolist() == result.counts.tolist()


@PACKED
@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
def test_packed_rasters_are_weighted(packing, decoded):
    areas = np.cos(np.deg2rad(np.linspace(-80, 80, 12)))
    grid = raster(STORED, packing, decoded=decoded)
    result = kmeans1d(grid, 3, weights=xr.DataArray(areas, dims="y"))
    assert_scaled(result, kmeans1d(STORED, 3, weights=areas[:, None]), packing)


@PACKED
def test_an_archive_of_one_packing_is_clustered_in_packed_units(packing):
    raw, decoded = (raster(STORED, packing, decoded=how) for how in (False, True))
    wanted = kmeans1d(raw, 4)
    assert_same(kmeans1d(lambda: [raw[:5], decoded[5:]], 4), wanted)
    assert wanted.passes == 1


@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
@pytest.mark.parametrize("few", [10**6, 20], ids=["few", "several passes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_archive_of_several_packings_is_clustered_by_its_physical_values(decoded, few, weighted):
    packings = [{"scale_factor": 0.25}, {"scale_factor": 0.5, "add_offset": 8.0}, {}]
    grids = [raster(STORED, packing, decoded=decoded) for packing in packings]
    physical = np.stack([STORED * 0.25, STORED * 0.5 + 8, STORED.astype("f8")])
    areas = np.cos(np.deg2rad(np.linspace(-80, 80, 12)))[:, None]
    with several_passes(few):
        wanted = kmeans1d(physical, 4, weights=areas if weighted else None)
        got = kmeans1d(lambda: [(grid, areas) for grid in grids] if weighted else grids, 4)
    assert_same(got, wanted)


def test_a_raster_whose_decoded_values_have_changed_is_clustered_by_them():
    grid = raster(STORED, {"scale_factor": 0.25}, decoded=True)
    changed = grid + np.pi
    changed.encoding = grid.encoding
    assert_same(kmeans1d(changed, 3), kmeans1d(changed.values, 3))


def test_packed_integers_of_32_bits_are_physical_values():
    stored = STORED.astype("i4") * 1000
    grid = raster(stored, {"scale_factor": 0.5})
    assert_same(kmeans1d(grid, 3), kmeans1d(stored * 0.5, 3))
