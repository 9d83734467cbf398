"""Which coordinates are latitudes and longitudes, and in which unit."""

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.coordinates import convert_coordinates
from fastkm.raster.grid.geolocation import find_grid

GLOBE = 510065621.7
"""Area of the Earth, km2."""


def globe(names=("lat", "lon"), dims=None, lat=None, lon=None, size=1.0):
    """18 x 36 cells in degrees of a size; the dimensions are called as the coordinates by default."""
    dims = names if dims is None else dims
    coords = {
        names[0]: (dims[0], np.arange(-85.0, 90, 10) / size, lat or {}),
        names[1]: (dims[1], np.arange(5.0, 360, 10) / size, lon or {}),
    }
    return xr.DataArray(np.zeros((18, 36)), coords, dims, name="water")


def projected(units, metres, crs="EPSG:3035", cells=4, step=1e5, standard=True, **attrs):
    """A square of cells around the origin of a projection, in a unit of so many metres."""
    centres = (np.arange(cells) - (cells - 1) / 2) * step
    system = CRS(crs)
    origin = [p.value for p in system.coordinate_operation.params if p.name.startswith("False ")]
    coords = {"spatial_ref": xr.DataArray(0, attrs={"crs_wkt": system.to_wkt(), **attrs})}
    for dim, start in zip("xy", origin or [0.0, 0.0], strict=True):
        own = {"standard_name": f"projection_{dim}_coordinate"} if standard else {}
        own |= {} if units is None else {"units": units}
        coords[dim] = (dim, (start + centres) / metres, own)
    return xr.DataArray(np.eye(cells), coords, ("y", "x"), name="water")


def total_area(raster):
    return float(cell_areas(raster).sum()) / 1e6


@pytest.mark.parametrize(
    "units", ["degrees", "deg", "degree", "Degrees_{}", "degrees {}", "degree_{}", ""]
)
def test_degrees_are_recognised_in_any_spelling(units):
    raster = globe(lat={"units": units.format("north")}, lon={"units": units.format("east")})
    assert is_geographic(raster, find_axes(raster))
    assert total_area(raster) == pytest.approx(GLOBE, rel=1e-9)


@pytest.mark.parametrize(
    ("names", "lat", "lon"),
    [
        (("latitude", "longitude"), {}, {}),
        (("nav_lat", "nav_lon"), {"units": "degrees"}, {"units": "degrees"}),
        (("yc", "xc"), {"long_name": "latitude of cells"}, {"long_name": "longitude of cells"}),
        (("v", "u"), {"standard_name": "latitude"}, {"standard_name": "longitude"}),
        (("y", "x"), {"units": "degrees", "axis": "Y"}, {"units": "degrees", "axis": "X"}),
        (("y", "x"), {"units": "degrees_north"}, {"units": "degrees_east"}),
    ],
)
def test_names_say_what_coordinates_are(names, lat, lon):
    assert find_grid(globe(names, lat=lat, lon=lon)).turn == 36


@pytest.mark.parametrize(
    ("names", "lat", "lon", "size"),
    [
        (("lat", "lon"), {}, {}, 1e-3),
        (("lat", "lon"), {"units": "m"}, {"units": "m"}, 1.0),
        (("lat_index", "lon_index"), {}, {}, 1.0),
        (
            ("rlat", "rlon"),
            {"units": "degrees", "axis": "Y"},
            {"units": "degrees", "axis": "X"},
            1.0,
        ),
        (
            ("a", "b"),
            {"units": "degrees_north", "standard_name": "grid_latitude"},
            {"units": "degrees_east", "standard_name": "grid_longitude"},
            1.0,
        ),
    ],
)
def test_other_numbers_are_no_latitudes(names, lat, lon, size):
    assert find_grid(globe(names, lat=lat, lon=lon, size=size)).crs is None


def test_projection_outweighs_degrees_that_only_an_axis_names():
    raster = projected("degrees", 1e5, standard=False)
    for dim in "xy":
        raster[dim].attrs["axis"] = dim.upper()
    with pytest.warns(UserWarning, match="units 'degrees' of coordinates are taken as those"):
        assert not find_grid(raster).in_degrees


@pytest.mark.parametrize(
    ("units", "size"), [("radians", np.degrees(1)), ("grad", 0.9), ("arc_minutes", 1 / 60)]
)
def test_angles_of_any_size_become_degrees(units, size):
    names = {"standard_name": "latitude"}, {"standard_name": "longitude"}
    lat, lon = ({"units": units, **name} for name in names)
    raster = globe(lat=lat, lon=lon, size=size)
    assert total_area(raster) == pytest.approx(GLOBE, rel=1e-9)
    frame = fastkm.outline(raster.copy(data=np.eye(18, 36)), 2, select="highest")
    assert frame.total_bounds == pytest.approx([0, -90, 180, 90])
    assert raster["lat"].attrs["units"] == units


def test_longitudes_that_count_west_are_turned():
    raster = globe(lat={"units": "degrees_north"}, lon={"units": "degrees_west"})
    assert find_grid(raster).x[:2].tolist() == [-5, -15]


def test_bounds_have_the_unit_of_their_coordinate():
    raster = globe(
        lat={"units": "rad", "bounds": "edges"}, lon={"units": "rad"}, size=np.degrees(1)
    )
    edges = np.radians(np.append(np.arange(-90.0, 80, 10), [85, 90]))  # the last but one is narrow
    data = raster.to_dataset()
    data["edges"] = (("lat", "n"), np.column_stack([edges[:-1], edges[1:]]))
    south = np.degrees(edges)
    expected = cell_areas(raster.to_dataset()).values[0, 0]
    assert cell_areas(data).values[0, 0] == pytest.approx(expected)
    assert cell_areas(data).values[-1, 0] < cell_areas(raster).values[-1, 0]
    assert south[-1] == 90


def test_coordinates_of_other_names_than_their_dimensions():
    raster = globe(dims=("nlat", "nlon"))
    grid = find_grid(raster)
    assert (grid.crs, grid.turn) == ("EPSG:4326", 36)
    turned = globe(dims=("i", "j")).transpose("j", "i")
    assert find_axes(turned)[1:] == ("i", "j")
    numbered = raster.assign_coords(nlat=np.arange(18), nlon=np.arange(36))
    assert find_grid(numbered).turn == 36


def test_coordinates_along_one_dimension_are_no_rows_and_columns():
    track = xr.DataArray(
        np.zeros((3, 4)),
        {"lat": ("cell", np.arange(4.0)), "lon": ("cell", np.arange(4.0))},
        ("level", "cell"),
    )
    assert find_grid(track).crs is None


@pytest.mark.parametrize(
    ("units", "metres"),
    [
        ("m", 1),
        ("km", 1e3),
        ("1000 meter", 1e3),
        ("US survey foot", 1200 / 3937),
        (None, 1),
        ("", 1),
    ],
)
def test_lengths_become_those_of_the_projection(units, metres):
    raster = projected(units, metres)
    expected = projected("m", 1)
    assert total_area(raster) == pytest.approx(total_area(expected), rel=1e-9)
    bounds = fastkm.outline(raster, 2).total_bounds
    assert bounds == pytest.approx(fastkm.outline(expected, 2).total_bounds)


def test_projection_in_feet():
    feet = projected("m", 1, "EPSG:2227", standard=False)
    grid = find_grid(feet)
    assert np.diff(grid.x)[0] == pytest.approx(1e5 * 3937 / 1200)
    same = projected("feet", 1, "EPSG:2227")  # of the kind that the projection has
    assert find_grid(same).x.tolist() == same.x.values.tolist()


@pytest.mark.parametrize("units", ["furlongs per day", "degrees"])
def test_other_units_are_taken_as_those_of_the_projection(units):
    with pytest.warns(
        UserWarning, match=f"units '{units}' of coordinates are taken as those .* metre"
    ):
        area = total_area(projected(units, 1))
    assert area == pytest.approx(total_area(projected("m", 1)))


@pytest.mark.parametrize(
    ("units", "size"),
    [("rad", 1), ("microradian", 1e-6), ("1e-6 rad", 1e-6), ("degrees", np.radians(1)), ("1", 1)],
)
def test_satellite_scans_in_angles(units, size):
    height = 35785831.0
    crs = f"+proj=geos +h={height} +lon_0=-75 +sweep=x +ellps=GRS80"
    expected = total_area(projected("m", 1, crs))
    assert total_area(projected(units, height * size, crs)) == pytest.approx(expected, rel=1e-9)


def test_reference_system_in_grads_from_paris_counts_so():
    coords = {
        "spatial_ref": xr.DataArray(0, attrs={"crs_wkt": CRS("EPSG:4807").to_wkt()}),
        "y": ("y", np.array([52.0, 51]), {"units": "grad"}),
        "x": ("x", np.array([0.0, 1, 2]), {"units": "grad"}),
    }
    grid = find_grid(xr.DataArray(np.zeros((2, 3)), coords, ("y", "x")))
    assert not grid.in_degrees
    assert grid.y.tolist() == [52, 51]


def test_geotransform_says_more_than_units():
    """A library that writes a transform may call the grads of the reference system degrees."""
    coords = {
        "spatial_ref": xr.DataArray(
            0, attrs={"crs_wkt": CRS("EPSG:4807").to_wkt(), "GeoTransform": "0 1 0 53 0 -1"}
        ),
        "y": ("y", np.array([52.5, 51.5]), {"units": "degrees_north", "standard_name": "latitude"}),
        "x": ("x", np.array([0.5, 1.5]), {"units": "degrees_east", "standard_name": "longitude"}),
    }
    raster = xr.DataArray(np.zeros((2, 2)), coords, ("y", "x"))
    assert not is_geographic(raster, find_axes(raster))
    assert convert_coordinates(raster, "y", "x").y.values.tolist() == [52.5, 51.5]


def test_latitudes_outweigh_another_reference_system():
    raster = globe().assign_coords(spatial_ref=xr.DataArray(0, attrs={"crs_wkt": "EPSG:3857"}))
    with pytest.warns(UserWarning, match="rows and columns are latitudes and longitudes: another"):
        assert find_grid(raster).crs == "EPSG:4326"


def test_metres_outweigh_a_reference_system_of_degrees():
    raster = projected("m", 1)
    raster.spatial_ref.attrs["crs_wkt"] = "EPSG:4326"
    for dim in "xy":
        del raster[dim].attrs["units"]
    with pytest.warns(UserWarning, match="'y' has no latitudes: the reference system"):
        assert find_grid(raster).crs is None


def test_rows_without_coordinates_have_no_place():
    raster = projected("m", 1).drop_vars(["x", "y"])
    with pytest.warns(UserWarning, match="have no coordinates: the reference system is ignored"):
        assert find_grid(raster).crs is None


def test_cells_with_places_outweigh_numbers_of_rows_in_degrees():
    longitude, latitude = np.meshgrid(np.arange(5.0), np.arange(50.0, 54))
    coords = {
        "lat": (("y", "x"), latitude + 0.1 * longitude),
        "lon": (("y", "x"), longitude),
        "y": np.arange(4),
        "x": np.arange(5),
        "spatial_ref": xr.DataArray(0, attrs={"crs_wkt": "EPSG:4326"}),
    }
    grid = find_grid(xr.DataArray(np.zeros((4, 5)), coords, ("y", "x")))
    np.testing.assert_allclose(grid.place(np.array([[1.0, 2.0]])), [[2.0, 51.2]])
