"""Grids as the metadata of a file describes them."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from rasterio.enums import Resampling

from fastkm.raster.io.describe import grids
from fastkm.raster.io.describe.grids import AxisInfo, LayoutInfo, describe_grids
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_netcdf, write_world
from tests.small_tiffs import write_satellite, write_tiff


def describe_one(path):
    [(grid, layouts)] = describe_grids(path).items()
    return grid, layouts


def test_globe_of_degrees_is_described(tmp_path):
    grid, layouts = describe_one(write_world(tmp_path / "a.nc"))
    assert grid.axes == (
        AxisInfo("lat", 18, ("-85", "85"), "degrees_north"),
        AxisInfo("lon", 36, ("5", "355"), "degrees_east"),
    )
    assert grid.extent == (0, -90, 360, 90)
    assert (grid.cell_size, grid.units, grid.crs) == ((10, 10), "degrees", "")
    assert layouts == {"water": LayoutInfo(None, "")}


def test_dates_and_levels_are_listed(tmp_path):
    coords = {
        "time": OCTOBER_NOVEMBER,
        "level": (np.array([850.0, 500.0]), {"units": "hPa"}),
        "lat": (np.array([10.0, 20.0, 40.0]), NORTH),
        "lon": (np.arange(4.0), EAST),
    }
    dims = ("time", "level", "lat", "lon")
    grid, _ = describe_one(
        write_netcdf(tmp_path / "a.nc", np.ones((2, 2, 3, 4)), dims, coords=coords)
    )
    assert grid.axes[0] == AxisInfo("time", 2, ("2009-10-01", "2009-11-01"), "", "31 days")
    assert grid.axes[1] == AxisInfo("level", 2, ("850", "500"), "hPa")
    assert grid.cell_size is None  # rows are not evenly spaced
    assert grid.extent == (-0.5, 5, 3.5, 50)


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ([0, 1, 2], "1 day"), ([0, 0.25, 0.5], "6 hours"), ([0, 1 / 24], "1 hour"),
        ([3, 2, 0], "1 to 2 days"), ([5], ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("calendar", ["standard", "360_day"])
def test_the_time_between_dates_is_told(tmp_path, times, step, calendar):
    coords = {"time": (np.array(times, float), OCTOBER_NOVEMBER[1] | {"calendar": calendar})}
    values = np.ones((len(times), 2, 3))
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "lat", "lon"), coords=coords)
    assert describe_one(path)[0].axes[0].step == step


def test_date_without_a_dimension_is_listed(tmp_path):
    time = (np.array(1.5), OCTOBER_NOVEMBER[1], ())
    path = write_netcdf(tmp_path / "a.nc", np.ones((2, 3)), more={"time": time}, coordinates="time")
    grid, _ = describe_one(path)
    assert grid.axes[2] == AxisInfo("time", 1, ("2009-10-02T12:00:00",), "")


def test_rows_and_columns_without_coordinates_have_no_extent(tmp_path):
    grid, _ = describe_one(write_netcdf(tmp_path / "a.nc", np.ones((2, 3))))
    assert grid.axes == (AxisInfo("lat", 2, (), ""), AxisInfo("lon", 3, (), ""))
    assert (grid.extent, grid.cell_size, grid.crs) == (None, None, "")


@pytest.mark.parametrize("latitude", [[10.0, np.nan, 30.0], [10.0, 30.0, 20.0], []])
def test_coordinates_that_make_no_grid_have_no_extent(tmp_path, latitude):
    coords = {"lat": (np.array(latitude), NORTH), "lon": (np.arange(4.0), EAST)}
    path = write_netcdf(tmp_path / "a.nc", np.ones((len(latitude), 4)), coords=coords)
    grid, _ = describe_one(path)
    assert (grid.extent, grid.cell_size, grid.axes[0].size) == (None, None, len(latitude))


def test_latitudes_and_longitudes_by_cell(tmp_path, monkeypatch):
    y, x = np.meshgrid([10.0, 11], [20.0, 21, 22], indexing="ij")
    more = {"lat": (y + x / 100, NORTH, ("r", "c")), "lon": (x + y / 100, EAST, ("r", "c"))}
    path = write_netcdf(
        tmp_path / "a.nc", np.ones((2, 3)), ("r", "c"), more=more, coordinates="lat lon"
    )
    grid, _ = describe_one(path)
    np.testing.assert_allclose(grid.extent, (20.1, 10.2, 22.11, 11.22))
    assert grid.units == "degrees"
    # so many that reading them would take long
    monkeypatch.setattr(grids, "MOST_CELLS", 5)
    assert describe_one(path)[0].extent is None


def test_tiles_and_reference_system_of_a_geotiff(tmp_path):
    path = tmp_path / "a.tif"
    options = {"tiled": True, "blockxsize": 16, "blockysize": 32, "compress": "deflate"}
    write_tiff(path, np.ones((2, 64, 48), np.uint8), names=["red", "nir"], **options)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], Resampling.nearest)
    grid, layouts = describe_one(path)
    assert grid.extent == (500_000, 5_000_000 - 64 * 20, 500_000 + 48 * 30, 5_000_000)
    assert (grid.cell_size, grid.units) == ((30, 20), "metres")
    assert grid.crs.startswith("WGS 84 / UTM zone")
    assert "(EPSG:" in grid.crs
    assert layouts == dict.fromkeys(
        ["red", "nir"], LayoutInfo((32, 16), "deflate, overviews of 1/2")
    )


def test_rotated_geotiff_has_cells_and_an_extent(tmp_path):
    turned = Affine(26, -15, 500_000, -15, -26, 5_000_000)
    grid, _ = describe_one(write_tiff(tmp_path / "a.tif", np.ones((4, 5)), transform=turned))
    assert grid.extent[0] < 500_000 < grid.extent[2]
    assert grid.cell_size[0] == pytest.approx(np.hypot(26, 15))
    assert grid.axes == (AxisInfo("y", 4, (), ""), AxisInfo("x", 5, (), ""))


def test_rotated_pole_has_no_longitudes_and_latitudes(tmp_path):
    pole = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
    }
    coords = {
        "rlat": (np.arange(3.0), {"standard_name": "grid_latitude", "units": "degrees"}),
        "rlon": (np.arange(4.0), {"standard_name": "grid_longitude", "units": "degrees"}),
    }
    more = {"pole": (np.int32(0), pole, ())}
    path = write_netcdf(
        tmp_path / "a.nc", np.ones((3, 4)), tuple(coords), coords=coords, more=more,
        grid_mapping="pole",
    )  # fmt: skip
    grid, _ = describe_one(path)
    assert (grid.extent, grid.units) == ((-0.5, -0.5, 3.5, 2.5), "degrees of the reference system")
    assert "rotation" in grid.crs.lower()


def test_satellite_and_photo(tmp_path):
    assert describe_one(write_satellite(tmp_path / "a.tif"))[0].units == "metres"
    photo = write_tiff(tmp_path / "b.tif", np.ones((3, 4, 5), np.uint8), crs=None, transform=None)
    grid, layouts = describe_one(photo)
    assert (grid.crs, list(layouts)) == ("", ["red", "green", "blue"])


def test_variables_of_one_grid_are_together(tmp_path):
    pytest.importorskip("zarr")
    coords = {"y": np.arange(4.0), "x": ("x", np.arange(6.0), {"units": "km"})}
    dataset = xr.Dataset(
        {name: (("y", "x"), np.ones((4, 6), np.float32)) for name in "ab"}
        | {"c": (("t", "y", "x"), np.ones((2, 4, 6)))},
        coords,
    )
    encoding = {"a": {"chunks": (2, 3)}, "b": {"chunks": (4, 6)}}
    dataset.to_zarr(tmp_path / "a.zarr", consolidated=False, encoding=encoding)
    dataset.to_netcdf(tmp_path / "a.nc", encoding={"a": {"zlib": True, "chunksizes": (4, 2)}})
    plane, cube = sorted(describe_grids(tmp_path / "a.zarr").items(), key=lambda one: -len(one[1]))
    assert {name: layout.chunks for name, layout in plane[1].items()} == {"a": (2, 3), "b": (4, 6)}
    assert plane[1]["a"].compression == "zstd"
    assert list(cube[1]) == ["c"]
    assert plane[0].extent == (-0.5, -0.5, 5.5, 3.5)
    assert plane[0].units == "km"
    [plane, _] = describe_grids(tmp_path / "a.nc").values()
    assert plane == {"a": LayoutInfo((4, 2), "deflate level 4"), "b": LayoutInfo(None, "")}


def test_file_without_rasters_has_no_grid(tmp_path):
    assert describe_grids(write_netcdf(tmp_path / "a.nc", np.zeros(3), ("lat",))) == {}
