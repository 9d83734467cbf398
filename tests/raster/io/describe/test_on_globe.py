"""Where `fastkm info` says that a grid lies: by the grids of tests whose places are known."""

import numpy as np
import pytest
from affine import Affine

from fastkm.raster.grid.geolocation import TransformGrid
from fastkm.raster.io.describe.grids import describe_grids
from fastkm.raster.io.describe.on_globe import locate_grid
from tests.small_files import write_netcdf, write_world
from tests.small_tiffs import from_origin, write_tiff


def locate(crs, transform, rows=20, columns=20):
    return locate_grid(TransformGrid(transform.to_gdal(), crs), rows, columns)


def test_a_utm_grid_lies_in_its_zone():
    found = locate("EPSG:32633", from_origin(500_000, 5_000_000, 1000, 1000))
    west, south, east, north = found.extent
    assert west == pytest.approx(15, abs=0.01)
    assert 15.2 < east < 15.3
    assert north == pytest.approx(45.15, abs=0.01)
    assert north - south == pytest.approx(20 / 111.1, rel=0.02)
    assert found.narrowest == pytest.approx(1, rel=1e-3)
    assert found.widest == pytest.approx(1, rel=1e-3)
    assert found.narrowest <= found.widest


def test_a_grid_around_a_pole_has_all_longitudes():
    found = locate("EPSG:3413", from_origin(-2e6, 2e6, 2e5, 2e5))
    assert found.extent[::2] == (-180, 180)
    assert found.extent[3] == pytest.approx(90, abs=1e-6)
    assert found.narrowest < found.widest


def test_a_grid_across_180_degrees_is_in_one_piece():
    found = locate("EPSG:32601", from_origin(300_000, 6_000_000, 20_000, 20_000))
    west, _, east, _ = found.extent
    assert west < 180 < east or west < -180 < east
    assert east - west < 10


def test_a_full_disk_is_described_as_far_as_it_is_on_earth():
    disk = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    found = locate(disk, from_origin(-6e6, 6e6, 6e5, 6e5))
    assert np.isfinite(found.extent).all()
    assert -90 < found.extent[0] < -50
    assert found.widest > found.narrowest > 550


def test_a_place_off_the_earth_is_none():
    disk = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    assert locate(disk, from_origin(7e7, 7e7, 10, 10)) is None
    assert locate(None, Affine.identity()) is None


def test_many_points_are_not_looked_at():
    few, many = (
        locate("EPSG:3413", from_origin(-2e6, 2e6, 4e6 / n, 4e6 / n), n, n) for n in (100, 2000)
    )
    assert few.extent == pytest.approx(many.extent, abs=0.1)
    assert few.widest / many.widest == pytest.approx(20, rel=0.01)


def test_projected_grids_have_a_place_and_those_of_degrees_need_none(tmp_path):
    [grid] = describe_grids(write_tiff(tmp_path / "a.tif", np.ones((4, 5), np.uint8)))
    assert grid.globe.extent[0] == pytest.approx(15, abs=0.01)
    assert grid.globe.widest == pytest.approx(np.sqrt(0.03 * 0.02), rel=1e-3)
    [grid] = describe_grids(write_world(tmp_path / "a.nc"))
    assert grid.globe is None
    [grid] = describe_grids(write_netcdf(tmp_path / "b.nc", np.ones((2, 3))))
    assert grid.globe is None
