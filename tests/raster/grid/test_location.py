"""Files whose latitudes and longitudes no attribute names, or are stored in unusual ways."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import find_raster_variables
from fastkm.raster.grid.geolocation import find_grid
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.multifile.combine import open_archive
from tests.small_files import DAYS, EAST, NORTH, write_netcdf

LATITUDE, LONGITUDE = np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10)
VALUES = np.add.outer(np.abs(LATITUDE), LONGITUDE / 1e3)


def curved(rows=6, columns=8):
    x, y = np.meshgrid(np.arange(columns) + 20.0, np.arange(rows) + 50.0)
    return y + 0.1 * x, x - 0.2 * y


def write_curved(path, more, shape=(6, 8), dims=("y", "x"), **attrs):
    return write_netcdf(
        path, np.arange(np.prod(shape), dtype=float).reshape(shape), dims, more=more, **attrs
    )


def test_coordinates_along_other_dimensions(tmp_path):
    more = {"lat": (LATITUDE, NORTH, ("nlat",)), "lon": (LONGITUDE, EAST, ("nlon",))}
    path = write_netcdf(tmp_path / "a.nc", VALUES, ("nlat", "nlon"), more=more)
    raster = fastkm.read_raster(path)
    assert raster.dims == ("nlat", "nlon")
    assert find_grid(raster).turn == 36
    areas = read_areas(path).values
    np.testing.assert_allclose(areas, cell_areas(raster).values)
    assert areas.sum() == pytest.approx(5.10065621e14)
    box = fastkm.read_raster(path, bbox=(-20, -30, 20, 30))
    assert box.shape == (6, 4)
    assert box.lon.values.tolist() == [-15, -5, 5, 15]
    assert box.lat.values.tolist() == [-25, -15, -5, 5, 15, 25]
    assert box.values.tolist() == VALUES[6:12][:, [34, 35, 0, 1]].tolist()
    frame = fastkm.outline(box, 2)
    assert frame.total_bounds.tolist() == [-20, -30, 20, 30]
    assert "nlat" not in fastkm.cluster_raster(raster, 2).labels.coords


@pytest.mark.parametrize(
    ("names", "attrs"),
    [
        (("lat", "lon"), ({}, {})),
        (("XLAT", "XLONG"), ({"units": "degree_north"}, {"units": "degree_east"})),
        (("a", "b"), ({"standard_name": "latitude"}, {"standard_name": "longitude"})),
        (("nav_lat", "nav_lon"), ({"units": "degrees"}, {"units": "degrees"})),
    ],
)
def test_coordinates_of_cells_that_no_attribute_names(tmp_path, names, attrs):
    more = {n: (c, a, ("y", "x")) for n, c, a in zip(names, curved(), attrs, strict=True)}
    path = write_curved(tmp_path / "a.nc", more)
    for raster in (fastkm.read_raster(path), read_stack(path)):
        assert raster.name == "water"  # the coordinates are no rasters
        assert find_grid(raster).crs == "EPSG:4326"
    assert read_areas(path).values.sum() > 0


def test_coordinates_of_the_right_points_are_taken(tmp_path):
    latitude, longitude = curved()
    more = {
        "lat_u": (np.zeros((6, 9)), NORTH, ("y", "xu")),
        "lon_u": (np.zeros((6, 9)), EAST, ("y", "xu")),
        "lat": (latitude, NORTH, ("y", "x")),
        "lon": (longitude, EAST, ("y", "x")),
    }
    raster = fastkm.read_raster(write_curved(tmp_path / "a.nc", more), "water")
    assert {"lat", "lon"} <= set(raster.coords)
    assert "lat_u" not in raster.coords


def test_other_names_of_dimensions_of_the_same_shape(tmp_path):
    more = {
        n: (c, a, ("rows", "columns"))
        for n, c, a in zip(("lat", "lon"), curved(), (NORTH, EAST), strict=True)
    }
    raster = fastkm.read_raster(write_curved(tmp_path / "a.nc", more))
    assert raster.lat.dims == ("y", "x")


def test_a_choice_between_alike_coordinates_is_noted(tmp_path):
    latitude, longitude = curved()
    more = {
        f"{n}_{p}": (c, {}, ("y", "x"))
        for p in "uv"
        for n, c in (("lat", latitude), ("lon", longitude))
    }
    with pytest.warns(UserWarning, match="several coordinates .* 'lat_u' and 'lon_u' are taken"):
        fastkm.read_raster(write_curved(tmp_path / "a.nc", more), "water")


def test_latitudes_are_rasters_if_there_is_nothing_else():
    data = xr.Dataset({"lat": (("y", "x"), np.zeros((2, 2)), NORTH)})
    assert find_raster_variables(data) == ["lat"]


@pytest.mark.parametrize("missing", ["mask", "keep"])
def test_packed_coordinates_are_unpacked(tmp_path, missing):
    height = 35786023.0
    crs = CRS(f"+proj=geos +h={height} +lon_0=-75 +sweep=x +ellps=GRS80").to_cf()
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        for dim, sign in (("y", -1), ("x", 1)):
            file.createDimension(dim, 8)
            made = file.createVariable(dim, "i2", (dim,))
            made.set_auto_maskandscale(False)
            made[:] = np.arange(8)
            made.setncatts(
                {"units": "rad", "scale_factor": sign * 1e-3, "add_offset": -sign * 3.5e-3}
            )
        file.createVariable("goes", "i4", ()).setncatts(crs)
        made = file.createVariable("water", "f8", ("y", "x"))
        made[:] = np.eye(8)
        made.grid_mapping = "goes"
    raster = fastkm.read_raster(path, missing=missing)
    np.testing.assert_allclose(raster.x, (np.arange(8) - 3.5) * 1e-3)
    grid = find_grid(raster)
    np.testing.assert_allclose(grid.y, -(np.arange(8) - 3.5) * 1e-3 * height)
    labels = fastkm.cluster_raster(raster, 2).labels
    write_labels(labels, tmp_path / "labels.nc", source="a", history="b")
    back = fastkm.read_raster(tmp_path / "labels.nc")
    np.testing.assert_allclose(back.x, raster.x)
    np.testing.assert_allclose(find_grid(back).x, grid.x)


def test_missing_places_of_stored_coordinates(tmp_path):
    """In an archive numbers are as stored, and so are fill values of coordinates."""
    latitude, longitude = curved()
    latitude[0, 0] = longitude[0, 0] = 0
    more = {
        "lat": (latitude, {**NORTH, "_FillValue": 0.0}, ("y", "x")),
        "lon": (longitude, {**EAST, "_FillValue": 0.0}, ("y", "x")),
        "time": (np.arange(2.0), DAYS, ("time",)),
    }
    values = np.arange(96.0).reshape(2, 6, 8)
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "y", "x"), more=more)
    archive = open_archive(path, "water")
    assert np.isnan(archive.lat.values[0, 0])
    assert find_grid(archive[0].drop_vars("time")).missing.sum() == 1


def test_files_in_kilometres_fit_those_in_metres(tmp_path):
    paths = []
    for number, (units, size) in enumerate((("km", 1e3), ("m", 1.0))):
        coords = {
            d: ((np.arange(5.0) - 2) * 1e5 / size, {"units": units, "axis": d.upper()})
            for d in "yx"
        }
        coords["time"] = (np.array([float(number)]), DAYS)
        more = {"crs": (np.int32(0), {"crs_wkt": CRS("EPSG:6931").to_wkt()}, ())}
        paths.append(
            write_netcdf(
                tmp_path / f"{number}.nc", np.eye(5)[None], ("time", "y", "x"), coords=coords,
                more=more, grid_mapping="crs: x y",
            )
        )  # fmt: skip
    archive = open_archive(paths)
    assert archive.sizes["time"] == 2
    assert archive.x.attrs["units"] == "km"
    assert find_grid(archive[0]).x[0] == -2e5


@pytest.mark.parametrize(("units", "size"), [("rad", np.degrees(1)), ("grads", 0.9)])
def test_box_is_in_degrees_for_latitudes_of_any_unit(tmp_path, units, size):
    coords = {
        "lat": (LATITUDE / size, {"units": units, "standard_name": "latitude"}),
        "lon": (LONGITUDE / size, {"units": units, "standard_name": "longitude"}),
    }
    path = write_netcdf(tmp_path / "a.nc", VALUES, coords=coords)
    box = fastkm.read_raster(path, bbox=(-20, -30, 20, 30))
    assert box.shape == (6, 4)
    np.testing.assert_allclose(box.lon * size, [-15, -5, 5, 15])
    assert fastkm.outline(box, 2).total_bounds == pytest.approx([-20, -30, 20, 30])


def test_bounds_of_coordinates_along_other_dimensions(tmp_path):
    edges = np.append(np.arange(-90.0, 80, 10), [85, 90])
    more = {
        "lat": (LATITUDE, {**NORTH, "bounds": "lat_bounds"}, ("nlat",)),
        "lon": (LONGITUDE, EAST, ("nlon",)),
        "lat_bounds": (np.column_stack([edges[:-1], edges[1:]]), {}, ("nlat", "two")),
    }
    path = write_netcdf(tmp_path / "a.nc", VALUES, ("nlat", "nlon"), more=more)
    areas = read_areas(path, "water").values
    assert areas[-1, 0] < 0.5 * areas[0, 0]
