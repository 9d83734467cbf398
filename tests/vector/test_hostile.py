"""Outlines on grids that once went wrong: poles on edges, repeated columns, numbered axes ..."""

import numpy as np
import pytest
import shapely
import xarray as xr
from pyproj import CRS, Transformer

import fastkm
from fastkm.vector.outline import outline
from tests.label_maps import curvilinear, globe, placed

TURNS = [None, "0..360", "-180..180"]


def stereographic(cells, x, y, epsg=3413):
    """Centre cells at x and y of a polar projection, with a latitude and a longitude for each."""
    longitude, latitude = Transformer.from_crs(epsg, 4326, always_xy=True).transform(
        *np.meshgrid(x, y)
    )
    return curvilinear(cells, latitude, longitude)


def assert_each_cell_in_its_polygon(frame, raster, low):
    x, y = raster.longitude.values, raster.latitude.values
    x = (x - low) % 360 + low
    for cluster, geometry in zip(frame["cluster"], frame.geometry, strict=True):
        inside = shapely.intersects_xy(geometry, x, y)
        np.testing.assert_array_equal(inside, raster.values == cluster)


# Lengths


def test_a_belt_is_as_long_as_half_the_globe():
    cells = np.zeros((18, 36), int)
    cells[9] = 1
    frame = outline(globe(cells), select=1, min_diameter="5000km")
    assert frame["diameter_km"].tolist() == pytest.approx([20003.93], abs=20)


def test_a_cap_is_as_wide_as_the_way_over_the_pole():
    cells = np.zeros((18, 36), int)
    cells[:2] = 1  # to 70 S
    [across] = outline(globe(cells), select=1)["diameter_km"]
    assert across == pytest.approx(2 * 2233, rel=1e-3)


# Poles


@pytest.mark.parametrize("longitudes", TURNS)
@pytest.mark.parametrize("shift", [0.0, -0.25, 0.37])
def test_a_region_near_a_pole_is_not_the_rest_of_the_globe(shift, longitudes):
    cells = np.zeros((13, 9), int)
    cells[4:8, :3] = 1
    raster = stereographic(cells, (np.arange(9) + shift) * 5e4, (6 - np.arange(13)) * 5e4)
    frame = outline(raster, select=1, longitudes=longitudes)
    assert frame.is_valid.all()
    assert frame.total_bounds[1] > 85
    assert frame["area_km2"][0] == pytest.approx(12 * 2500 / 0.97**2, rel=0.03)


@pytest.mark.parametrize("longitudes", TURNS[1:])
@pytest.mark.parametrize("epsg", [3413, 3031])
@pytest.mark.parametrize("corner", [(0.5, 0.5), (0.5, 0.2), (0.2, 0.5), (0.0, 0.0)])
def test_a_pole_on_a_corner_an_edge_or_a_centre(corner, epsg, longitudes):
    x, y = (np.arange(6) - 3 + corner[0]) * 2e5, (np.arange(6) - 3 + corner[1]) * 2e5
    raster = stereographic(np.arange(36).reshape(6, 6), x, y, epsg)
    frame = fastkm.polygonize(raster, longitudes=longitudes)
    assert len(frame) == 36
    assert frame.is_valid.all()
    low = {"0..360": 0, "-180..180": -180}[longitudes]
    assert_each_cell_in_its_polygon(frame, raster, low)
    whole = shapely.union_all(frame.geometry)
    np.testing.assert_allclose(shapely.area(frame.geometry).sum(), whole.area, rtol=1e-9)
    side = np.sign(raster.latitude.values[0, 0])
    assert side * (whole.bounds[3] if side > 0 else whole.bounds[1]) == 90


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_cells_centred_on_the_poles(seed):
    rng = np.random.default_rng(seed)
    cells = np.zeros((37, 72), int)
    cells[:2], cells[-1] = 2, 3
    longitude, latitude = np.meshgrid(np.arange(0, 360, 5.0), np.linspace(-90, 90, 37))
    latitude = np.clip(latitude + 1e-6 * rng.normal(size=latitude.shape), -90, 90)
    frame = fastkm.polygonize(curvilinear(cells, latitude, longitude), longitudes="0..360")
    assert frame.is_valid.all()
    assert frame.total_bounds.tolist() == [0, -90, 360, 90]
    np.testing.assert_allclose(shapely.area(frame.geometry).sum(), 360 * 180, rtol=1e-4)


# Grids


def test_a_repeated_column_is_left_out():
    cells = np.zeros((18, 37), int)
    cells[5, [0, 1, 35, 36]] = 1
    longitude = np.arange(0.0, 361, 10)
    raster = placed(cells, np.arange(-85.0, 90, 10), longitude)
    frame = outline(raster, values=raster, longitudes="0..360")
    assert frame.is_valid.all()
    assert frame["cells"].tolist() == [18 * 36 - 3, 3]
    assert frame["area_km2"].sum() == pytest.approx(510065621.7, abs=0.2)
    assert frame.total_bounds.tolist() == [0, -90, 360, 90]


def test_more_columns_than_a_turn_are_an_error():
    raster = placed(np.zeros((2, 56)), [0.0, 1], np.arange(0.0, 390, 7))
    raster["lon"].attrs["units"] = "degrees_east"
    with pytest.raises(ValueError, match="must not have longitudes twice, got 0 to 385"):
        outline(raster)


def test_numbered_axes_do_not_hide_the_coordinates_of_cells():
    longitude, latitude = np.meshgrid(np.arange(5.0, 360, 10), np.arange(-85.0, 90, 10))
    cells = np.zeros((18, 36), int)
    cells[5, [0, 35]] = 1
    raster = curvilinear(cells, latitude, longitude).assign_coords(y=np.arange(18), x=np.arange(36))
    frame = outline(raster)
    assert frame.crs.to_epsg() == 4326
    assert frame["cells"].tolist() == [646, 2]


@pytest.mark.parametrize("longitudes", TURNS)
def test_longitudes_may_begin_anywhere(longitudes):
    raster = placed(np.zeros((2, 36)), [0.0, 1], np.arange(25.0, 380, 10))
    raster["lon"].attrs["units"], raster["lat"].attrs["units"] = "degrees_east", "degrees_north"
    frame = outline(raster, longitudes=longitudes)
    assert frame.crs.to_epsg() == 4326
    assert len(frame) == 1
    low = {None: 0, "0..360": 0, "-180..180": -180}[longitudes]
    assert frame.total_bounds[[0, 2]].tolist() == [low, low + 360]


@pytest.mark.parametrize("by_axes", [True, False])
def test_a_geographic_system_means_degrees(by_axes):
    attrs = {"crs_wkt": CRS.from_epsg(4326).to_wkt(), "GeoTransform": "0 10 0 90 0 -10"}
    coords = {"spatial_ref": xr.DataArray(0, attrs=attrs)}
    if by_axes:
        coords |= {"y": np.arange(85.0, -90, -10), "x": np.arange(5.0, 360, 10)}
    cells = np.zeros((18, 36), int)
    cells[5, [0, 35]] = 1
    frame = outline(xr.DataArray(cells, coords, ("y", "x")), longitudes="-180..180")
    assert frame["cells"].tolist() == [646, 2]
    assert frame.total_bounds.tolist() == [-180, -90, 180, 90]
    assert frame["area_km2"].sum() == pytest.approx(510065621.7, abs=0.2)


def test_irregular_longitudes_round_the_globe_have_its_area():
    frame = outline(placed(np.zeros((18, 4)), np.arange(-85.0, 90, 10), [0.0, 90, 200, 270]))
    assert frame["area_km2"].sum() == pytest.approx(510065621.7, abs=0.2)


@pytest.mark.parametrize("columns", [1080, 3600, 7])
def test_rounding_puts_no_longitude_outside(columns):
    cells = np.random.default_rng(0).integers(0, 3, (4, columns))
    for west, low in (("0..360", 0), ("-180..180", -180)):
        bounds = fastkm.polygonize(globe(cells), longitudes=west).total_bounds
        assert bounds[[0, 2]].tolist() == [low, low + 360]


def test_the_range_of_longitudes_is_that_of_the_raster_not_of_the_selection():
    longitude, latitude = np.meshgrid(np.arange(1.0, 360, 2), np.arange(-50.0, -40, 2))
    raster = curvilinear((longitude > 300).astype(int), latitude + longitude / 1e4, longitude)
    for select in (0, 1, "all"):
        assert outline(raster, select=select).total_bounds[0] >= 0


# Arguments


def test_values_must_lie_on_the_same_grid():
    labels, values = placed([[0, 0], [1, 1]]), placed([[1.0, 1], [5, 5]])
    with pytest.raises(ValueError, match="values must be on the grid of the labels, but 'lat'"):
        outline(labels, values=values.isel(lat=slice(None, None, -1)))


def test_areas_make_a_limit_possible_anywhere():
    labels = xr.DataArray([[0, 1]], dims=("y", "x"))
    areas = xr.DataArray([[1e6, 3e6]], dims=("y", "x"))
    assert outline(labels, areas=areas, min_area=2)["cluster"].tolist() == [1]


def test_a_huge_bridge_is_as_quick_as_a_small_one():
    frame = outline(xr.DataArray([[1, -1, 1]], dims=("y", "x")), bridge=10**9)
    assert frame["cells"].tolist() == [2]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([[0, 1]],), {}, TypeError, "raster_or_labels must be an xarray.DataArray, got list"),
        ((placed([[0.5]]),), {}, ValueError, "whole numbers.*; a raster needs k"),
        ((placed([[0.5]]), [2, 3]), {}, ValueError, "k must be an integer"),
        ((placed([[1]]),), {"areas": 3.0}, TypeError, "areas must be an xarray.DataArray"),
        ((placed([[1]]),), {"connectivity": [4]}, ValueError, "connectivity must be 4 or 8"),
        ((placed([[1]]),), {"longitudes": ["0..360"]}, ValueError, "longitudes must be"),
        ((placed([[1, 1]], longitude=[0.0, np.nan]),), {}, ValueError, "'lon' must be finite"),
        ((placed([[1, 1]], longitude=[5.0, 5]),), {}, ValueError, "'lon' must be finite, and asc"),
        (
            (xr.DataArray(np.zeros((2, 3, 3)), dims=("time", "y", "x")),),
            {},
            ValueError,
            "labels must be one map of rows and columns, got also {'time': 2}",
        ),
        (
            (xr.DataArray([[1]], dims=("y", "x")),),
            {"longitudes": "0..360"},
            ValueError,
            "needs a raster with longitudes",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        outline(*arguments, **options)


def test_dask_labels_are_computed_once():
    calls = []
    dask = pytest.importorskip("dask.array")
    cells = dask.from_array(np.zeros((4, 4), int), chunks=2)
    counted = dask.map_blocks(
        lambda block: calls.append(1) or block, cells, meta=np.empty((0, 0), int)
    )
    raster = placed(np.zeros((4, 4), int)).copy(data=counted)
    assert outline(raster)["cells"].tolist() == [16]
    assert len(calls) == 4
