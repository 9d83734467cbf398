"""Lazy label maps, strip by strip: the same polygons and measures as those of whole maps."""

import dask.array as da
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastkm
from fastkm.raster.grid.areas import cell_areas
from tests.label_maps import curvilinear, globe, placed, polar, projected

MAPS = arrays(
    np.int16, st.tuples(st.integers(1, 9), st.integers(2, 8)), elements=st.integers(-1, 2)
)
BOUNDARIES = ("cell", "contour")


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """Let strips be of a few rows, and batches of a few polygons."""
    monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 20)
    monkeypatch.setattr("fastkm.vector.merged_regions.BATCH_POINTS", 30)


def noise(seed, shape=(14, 11), most=3):
    return np.random.default_rng(seed).integers(-1, most, shape)


def in_blocks(raster, rows=4, columns=5):
    """Make a raster lazy, in blocks that are narrower than it is."""
    return raster.chunk(dict(zip(raster.dims, (rows, columns), strict=True)))


def compare(found, wanted):
    """Check that two frames have the same rows in the same order; sums may be rounded otherwise."""
    assert list(found.columns) == list(wanted.columns)
    assert found.crs == wanted.crs
    assert found.dtypes.tolist() == wanted.dtypes.tolist()
    assert len(found) == len(wanted)
    for name in wanted.columns.drop("geometry"):
        rtol = 1e-12 if name in ("area_km2", "mean") else 0
        np.testing.assert_allclose(found[name], wanted[name], rtol=rtol, err_msg=name)
    same = shapely.equals_exact(
        shapely.normalize(found.geometry.array), shapely.normalize(wanted.geometry.array), 1e-12
    )
    assert same.all()


GRIDS = {
    "degrees": lambda cells: placed(cells, 40.0 - np.arange(len(cells))),
    "round": globe,
    "round from -180": lambda cells: globe(cells, west=-180.0),
    "projected": lambda cells: projected(
        cells, 3035, 4e6 + 1e5 * np.arange(cells.shape[1]), 3e6 - 1e5 * np.arange(len(cells))
    ),
    "polar": polar,
    "pixels": lambda cells: xr.DataArray(cells, dims=("y", "x")),
}


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("grid", GRIDS)
def test_polygons_are_those_of_the_whole_map(grid, boundary):
    labels = GRIDS[grid](noise(1))
    for connectivity in (4, 8):
        options = {"boundary": boundary, "connectivity": connectivity}
        found = fastkm.polygonize(in_blocks(labels), **options)
        compare(found, fastkm.polygonize(labels, **options))


@pytest.mark.parametrize("longitudes", ["0..360", "-180..180"])
def test_longitudes_begin_where_they_should(longitudes):
    labels = globe(noise(2))
    found = fastkm.polygonize(in_blocks(labels), longitudes=longitudes)
    compare(found, fastkm.polygonize(labels, longitudes=longitudes))


@settings(max_examples=15)
@given(MAPS, st.integers(1, 9), st.sampled_from(BOUNDARIES), st.sampled_from([4, 8]), st.booleans())
def test_no_map_and_no_cut_into_strips_changes_polygons(
    cells, rows, boundary, connectivity, round_
):
    labels = (
        globe(cells) if round_ and min(cells.shape) > 1 else xr.DataArray(cells, dims=("y", "x"))
    )
    options = {"boundary": boundary, "connectivity": connectivity}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastkm.vector.strips.STRIP_CELLS", 0)
        found = fastkm.polygonize(in_blocks(labels, rows, 3), **options)
    compare(found, fastkm.polygonize(labels, **options))


def test_plain_dask_arrays_have_pixels_for_coordinates():
    cells = noise(3)
    compare(fastkm.polygonize(da.from_array(cells, chunks=3)), fastkm.polygonize(cells))


def test_masked_and_float_labels_have_missing_cells():
    cells = noise(4).astype(float)
    cells[cells < 0] = np.nan
    compare(fastkm.polygonize(da.from_array(cells, chunks=3)), fastkm.polygonize(cells))
    masked = np.ma.masked_less(noise(4), 1)
    compare(fastkm.polygonize(da.from_array(masked, chunks=3)), fastkm.polygonize(masked))


def test_attributes_say_what_is_missing():
    labels = placed(noise(5, most=5).clip(0).astype(np.uint8)).assign_attrs(_FillValue=np.uint8(3))
    labels.encoding["source"] = "labels.tif"
    found = fastkm.polygonize(in_blocks(labels))
    assert 3 not in set(found["cluster"])
    compare(found, fastkm.polygonize(labels))


def test_a_map_without_labels_has_no_rows():
    labels = placed(np.full((9, 7), -1))
    compare(fastkm.polygonize(in_blocks(labels)), fastkm.polygonize(labels))
    compare(fastkm.outline(in_blocks(labels)), fastkm.outline(labels))
    compare(
        fastkm.outline(in_blocks(labels), select="highest"),
        fastkm.outline(labels, select="highest"),
    )


def test_repeated_columns_and_lost_places_are_left_out():
    cells = noise(6, (12, 9))
    cells[:, -1] = cells[:, 0]
    labels = placed(cells, np.linspace(-80, 80, 12), np.linspace(0.0, 360.0, 9))
    compare(fastkm.polygonize(in_blocks(labels)), fastkm.polygonize(labels))
    latitude, longitude = np.mgrid[10.0:22.0, 20.0:29.0]
    latitude += longitude**2 / 1e3
    latitude[5, 5] = longitude[5, 5] = np.nan
    holed = curvilinear(np.abs(cells), latitude, longitude)
    with pytest.warns(UserWarning, match="1 cell with data but no latitude"):
        found = fastkm.outline(in_blocks(holed))
    compare(found, fastkm.outline(holed))


# Outlines


def rasters(grid="round"):
    labels = GRIDS[grid](noise(7))
    values = labels.copy(data=np.random.default_rng(8).normal(280, 9, labels.shape))
    values[2, 3] = np.nan
    return labels, values


@pytest.mark.parametrize("grid", GRIDS)
def test_columns_are_those_of_the_whole_map(grid):
    labels, values = rasters(grid)
    labels.attrs["centroids"] = [1.5, 2.5, 4.5]
    for boundary in BOUNDARIES:
        found = fastkm.outline(in_blocks(labels), values=in_blocks(values), boundary=boundary)
        compare(found, fastkm.outline(labels, values=values, boundary=boundary))


@pytest.mark.parametrize(
    "options",
    [
        {"select": "highest"},
        {"select": "lowest", "connectivity": 8},
        {"select": [0, 2], "bridge": 2},
        {"select": 1, "longitudes": "-180..180"},
        {"bridge": 1, "connectivity": 8},
        {"min_diameter": "4px"},
        {"min_diameter": "5000km", "boundary": "contour"},
        {"min_area": "3000000km2"},
        {"min_diameter": 3, "min_area": 2e6, "select": "highest"},
    ],
    ids=str,
)
@pytest.mark.parametrize("grid", ["round", "degrees"])
def test_options_are_those_of_the_whole_map(grid, options):
    labels, values = rasters(grid)
    wanted = fastkm.outline(labels, values=values, **options)
    assert len(wanted) > 0 or grid == "degrees"
    compare(fastkm.outline(in_blocks(labels), values=values, **options), wanted)


def test_areas_that_are_given_are_summed_up():
    labels, _ = rasters()
    areas = cell_areas(labels)
    areas[:, 0] *= 2.0
    wanted = fastkm.outline(labels, areas=areas)
    compare(fastkm.outline(in_blocks(labels), areas=areas), wanted)
    compare(fastkm.outline(in_blocks(labels), areas=in_blocks(areas, 1, 11)), wanted)


def test_cells_without_area_are_noted():
    labels, _ = rasters("degrees")
    areas = cell_areas(labels)
    areas[3] = 0.0
    with pytest.warns(UserWarning, match=f"{(labels[3] >= 0).sum().item()} cells have no area"):
        fastkm.outline(in_blocks(labels), areas=areas)


def test_a_lazy_raster_is_clustered_and_outlined():
    _, values = rasters("degrees")
    compare(fastkm.outline(in_blocks(values), 3), fastkm.outline(values, 3))


def test_packed_values_are_unpacked():
    labels, values = rasters("degrees")
    packed = values.copy(data=np.random.default_rng(9).integers(0, 9, values.shape, np.uint8))
    packed.encoding["source"] = "packed.nc"
    packed.attrs = {"scale_factor": 0.5, "_FillValue": np.uint8(4)}
    found = fastkm.outline(in_blocks(labels), values=in_blocks(packed))
    compare(found, fastkm.outline(labels, values=packed))


def test_strips_change_no_bit_of_sums(monkeypatch):
    labels, values = rasters()
    frames = []
    for cells in (1, 40, 70):
        monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", cells)
        frames.append(fastkm.outline(in_blocks(labels), values=values))
    for name in ("area_km2", "mean"):
        assert frames[0][name].equals(frames[1][name])
        assert frames[0][name].equals(frames[2][name])


def test_errors_name_what_is_wrong():
    labels, values = rasters()
    lazy = in_blocks(labels)
    with pytest.raises(ValueError, match=r"whole numbers .* at row 9, column 2; a raster needs k"):
        fastkm.outline(in_blocks(xr.where(noise(0) > 9, 0.0, labels).where(
            ~((labels.lat == labels.lat[9]) & (labels.lon == labels.lon[2])), 0.5)))  # fmt: skip
    with pytest.raises(ValueError, match="values must have the shape of the labels"):
        fastkm.outline(lazy, values=values[:-1])
    with pytest.raises(ValueError, match="areas must be on the grid of the labels, but 'lat'"):
        fastkm.outline(lazy, areas=labels.assign_coords(lat=labels.lat + 1))
    with pytest.raises(ValueError, match="select must be"):
        fastkm.outline(lazy, select="some")
    with pytest.raises(ValueError, match="connectivity must be 4 or 8"):
        fastkm.polygonize(lazy, connectivity=5)
    with pytest.raises(ValueError, match="bridge must be a whole number"):
        fastkm.outline(lazy, bridge=-1)
    with pytest.raises(ValueError, match="boundary must be one of"):
        fastkm.polygonize(lazy, boundary="soft")
