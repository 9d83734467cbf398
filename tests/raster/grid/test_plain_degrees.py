"""Which reference systems have plain longitudes and latitudes."""

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from fastkm.raster.grid.axes import find_axes, is_geographic
from fastkm.raster.grid.crs import get_crs_wkt, has_plain_degrees, is_longlat, is_rotated


def rotate(latitude, longitude, grid_longitude=0.0, **more):
    return CRS.from_cf(
        {
            "grid_mapping_name": "rotated_latitude_longitude",
            "grid_north_pole_latitude": latitude,
            "grid_north_pole_longitude": longitude,
            "north_pole_grid_longitude": grid_longitude,
            **more,
        }
    )


OB_TRAN = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39 +lon_0=18 +R=6371229"


@pytest.mark.parametrize(
    ("crs", "plain", "longlat", "rotated"),
    [
        (None, False, False, False),
        ("EPSG:4326", True, True, False),
        (CRS("OGC:CRS84"), True, True, False),
        ("EPSG:4979", True, True, False),  # with heights
        ("EPSG:4326+5773", True, True, False),
        ("+proj=longlat +R=6371229", True, True, False),
        ("+proj=longlat +ellps=bessel +towgs84=598,74,418", True, True, False),
        ("EPSG:4267", True, True, False),
        ("EPSG:4813", False, True, False),  # from Jakarta
        ("EPSG:4807", False, False, False),  # grads from Paris
        ("EPSG:3035", False, False, False),
        ("EPSG:4978", False, False, False),  # geocentric
        (OB_TRAN, False, False, True),
        (OB_TRAN + " +towgs84=0,0,0", False, False, True),
        (rotate(39.25, -162), False, False, True),
        (rotate(90, 180), True, True, False),
        (rotate(90, -180, earth_radius=6371229.0), True, True, False),
        (rotate(90, 0), False, False, True),
        (rotate(90, 180, 20), False, False, True),
        ('LOCAL_CS["plan",UNIT["degree",0.0174532925199433]]', False, False, False),
        ("no system", False, False, False),
    ],
)
def test_kinds_of_degrees(crs, plain, longlat, rotated):
    assert has_plain_degrees(crs) is plain
    assert is_longlat(crs) is longlat
    assert is_rotated(crs) is rotated


@pytest.mark.parametrize("attribute", ["crs_wkt", "spatial_ref"])
def test_system_of_an_idle_pole_is_that_of_its_degrees(attribute):
    for pole, derived in ((rotate(90, 180), False), (rotate(39.25, -162), True)):
        raster = xr.DataArray(np.zeros((2, 2)), dims=("y", "x"))
        described = xr.DataArray(0, attrs={attribute: pole.to_wkt()})
        carried = get_crs_wkt(raster.assign_coords(spatial_ref=described))
        assert CRS(carried).is_derived is derived
        assert CRS(carried).is_geographic


@pytest.mark.parametrize(
    ("names", "attrs", "expected"),
    [
        (("rlat", "rlon"), ("degrees_north", "degrees_east"), False),
        (("y", "x"), ("degrees", "degrees"), False),
        (("lat", "lon"), ("degrees_north", "degrees_east"), True),  # the system is not theirs
    ],
)
def test_degrees_of_a_rotated_pole_are_no_latitudes(names, attrs, expected):
    coords = {n: (n, np.arange(3.0), {"units": u}) for n, u in zip(names, attrs, strict=True)}
    described = xr.DataArray(0, attrs={"crs_wkt": rotate(39.25, -162).to_wkt()})
    raster = xr.DataArray(np.zeros((3, 3)), {**coords, "spatial_ref": described}, names)
    assert is_geographic(raster, find_axes(raster)) is expected
