"""Reference systems and transforms that rasters carry."""

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm._core.attributes import find_grid_mapping
from fastkm.raster.grid.crs import (
    compute_geotransform,
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
    assert get_crs_wkt(raster().drop_vars("spatial_ref")) is None


LAEA = {
    "grid_mapping_name": "lambert_azimuthal_equal_area",
    "latitude_of_projection_origin": 90.0,
    "longitude_of_projection_origin": 0.0,
}


@pytest.mark.parametrize(
    "attrs",
    [
        {"crs_wkt": "garbage"},
        {"crs_wkt": WKT[:100]},
        {"spatial_ref": "garbage", "crs_wkt": "EPSG:0"},
        {"crs_wkt": 7},
        {"crs_wkt": CRS.from_epsg(5773).to_wkt()},  # of heights
        {"grid_mapping_name": "flat_earth"},
        {"grid_mapping_name": ["mercator", "mercator"]},
        {"grid_mapping_name": "lambert_conformal_conic"},
        {"grid_mapping_name": "polar_stereographic", "standard_parallel": "seventy"},
        {"grid_mapping_name": "mercator", "standard_parallel": np.nan},
        {"grid_mapping_name": "rotated_latitude_longitude"},
    ],
)
def test_what_cannot_be_read_is_ignored_with_a_note(attrs):
    with pytest.warns(UserWarning, match="'spatial_ref' cannot be read .* it is ignored"):
        assert get_crs_wkt(raster(**attrs)) is None
    assert get_crs_wkt(raster(**attrs)) is None  # and not again


@pytest.mark.parametrize(
    ("attrs", "instead"),
    [
        ({"crs_wkt": "garbage", "spatial_ref": WKT}, "spatial_ref"),
        ({"crs_wkt": "garbage", **LAEA}, "grid_mapping_name"),
        ({"grid_mapping_name": "flat_earth", "proj4": "+proj=utm +zone=33"}, "proj4"),
    ],
)
def test_what_remains_is_used(attrs, instead):
    with pytest.warns(UserWarning, match=f"cannot be read .* {instead} is used instead"):
        assert CRS(get_crs_wkt(raster(**attrs))).is_projected


def test_numbers_may_be_texts():
    texts = {k: str(v) for k, v in LAEA.items()}
    assert CRS(get_crs_wkt(raster(**texts))) == CRS(get_crs_wkt(raster(**LAEA)))


def test_reference_system_may_have_heights():
    assert get_crs_wkt(raster(crs_wkt="EPSG:32633+5773")) == "EPSG:32633+5773"


def test_unreadable_texts_do_not_reach_label_maps(tmp_path):
    coords = {
        d: (np.arange(4.0) * 1e4, {"standard_name": f"projection_{d}_coordinate"}) for d in "yx"
    }
    more = {"crs": (np.int32(0), {"crs_wkt": "garbage", **LAEA}, ())}
    path = write_netcdf(
        tmp_path / "a.nc", np.eye(4), ("y", "x"), coords=coords, more=more, grid_mapping="crs: x y"
    )
    with pytest.warns(UserWarning, match="crs_wkt of grid mapping 'crs' cannot be read"):
        read = fastkm.read_raster(path)
    labels = fastkm.cluster_raster(read, 2).labels
    assert "crs_wkt" not in labels.crs.attrs
    assert CRS(get_crs_wkt(labels)).is_projected


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
    with pytest.warns(UserWarning, match="grid mapping 'lost' of 'water' is not in the file"):
        assert find_grid_mapping(fastkm.read_raster(path)) is None


def test_grid_mapping_with_dimensions_is_none(tmp_path):
    more = {"crs": (np.zeros(2), {}, ("n",))}
    path = write_netcdf(tmp_path / "a.nc", np.zeros((2, 2)), more=more, grid_mapping="crs")
    with pytest.warns(UserWarning, match="grid mapping 'crs' of 'water' has dimensions"):
        assert find_grid_mapping(fastkm.read_raster(path)) is None
