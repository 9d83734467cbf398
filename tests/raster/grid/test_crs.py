"""Reference systems and transforms that rasters carry."""

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm.raster.grid.crs import (
    compute_geotransform,
    find_grid_mapping,
    get_crs_wkt,
    get_geotransform,
)
from tests.small_files import write_netcdf

WKT = CRS.from_epsg(32633).to_wkt()


def raster(y=(30.0, 20, 10), x=(1.0, 2), **attrs):
    coords = {"y": list(y), "x": list(x), "spatial_ref": xr.DataArray(0, attrs=attrs)}
    return xr.DataArray(np.zeros((len(y), len(x))), coords, ("y", "x"))


def test_text_comes_from_either_attribute_or_from_cf():
    assert get_crs_wkt(raster(crs_wkt=WKT)) == WKT
    assert get_crs_wkt(raster(spatial_ref=WKT)) == WKT
    parameters = CRS.from_epsg(32633).to_cf()
    parameters.pop("crs_wkt")
    assert (
        CRS(get_crs_wkt(raster(**parameters))).to_cf()["grid_mapping_name"] == "transverse_mercator"
    )
    assert get_crs_wkt(raster()) is None
    assert get_crs_wkt(raster(grid_mapping_name="flat_earth")) is None
    assert get_crs_wkt(raster().drop_vars("spatial_ref")) is None


def test_transform_is_read_from_its_attribute():
    assert get_geotransform(raster(GeoTransform="1 2 0 3 0 -4")) == (1, 2, 0, 3, 0, -4)
    assert get_geotransform(raster(GeoTransform="1 2")) is None
    assert get_geotransform(raster(GeoTransform="none of it")) is None


def test_transform_of_even_coordinates():
    assert compute_geotransform(raster(), "y", "x") == (0.5, 1, 0, 35, 0, -10)
    assert compute_geotransform(raster(y=(30, 20, 5)), "y", "x") is None
    assert compute_geotransform(raster().drop_vars("x"), "y", "x") is None
    assert compute_geotransform(raster(x=(1.0,)), "y", "x") is None


@pytest.mark.parametrize("name", ["crs", "spatial_ref"])
def test_raster_of_a_file_carries_its_reference_system(tmp_path, name):
    more = {name: (np.int32(0), {"crs_wkt": WKT, "GeoTransform": "0 10 0 40 0 -10"}, ())}
    coords = {
        "y": (np.array([35.0, 25, 15, 5]), {"standard_name": "projection_y_coordinate"}),
        "x": (np.array([5.0, 15, 25]), {"standard_name": "projection_x_coordinate"}),
    }
    values = np.arange(12.0).reshape(4, 3)
    path = write_netcdf(
        tmp_path / "a.nc", values, ("y", "x"), coords=coords, more=more, grid_mapping=name
    )
    read = fastkm.read_raster(path)
    assert find_grid_mapping(read) == name
    assert get_crs_wkt(read) == WKT
    assert get_geotransform(read) == (0, 10, 0, 40, 0, -10)
    cut = fastkm.read_raster(path, bbox=(10, 0, 30, 30))
    assert cut.values.tolist() == [[4, 5], [7, 8], [10, 11]]
    assert get_geotransform(cut) == (10, 10, 0, 30, 0, -10)


def test_grid_mapping_that_is_not_there_is_none(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", np.zeros((2, 2)), grid_mapping="lost")
    assert find_grid_mapping(fastkm.read_raster(path)) is None


def test_grid_mapping_with_dimensions_is_none(tmp_path):
    more = {"crs": (np.zeros(2), {}, ("n",))}
    path = write_netcdf(tmp_path / "a.nc", np.zeros((2, 2)), more=more, grid_mapping="crs")
    assert find_grid_mapping(fastkm.read_raster(path)) is None
