import numpy as np
import pytest
import xarray as xr


def make_raster(latitude, longitude):
    """A field that rises to the north and, ten times more slowly, to the east."""
    values = np.asarray(latitude)[:, None] + np.asarray(longitude)[None, :] / 10
    attrs = {"long_name": "Precipitable Water", "units": "kg m-2"}
    coords = {"latitude": latitude, "longitude": longitude}
    return xr.DataArray(values, coords, ("latitude", "longitude"), attrs=attrs)


@pytest.fixture
def world():
    """A globe of 10 degree cells, south first, with one missing cell."""
    raster = make_raster(np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10))
    raster[2, 3] = np.nan
    return raster


@pytest.fixture
def labels(world):
    """Three bands of latitude, missing where the raster is."""
    bands = np.digitize(world.latitude, [-30, 30])[:, None] + np.zeros(world.shape, int)
    return world.copy(data=np.where(world.isnull(), -1, bands))
