"""A small raster and its labels."""

import numpy as np
import pytest

import fastkm
from fastkm.raster.labels import label_raster
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_netcdf


@pytest.fixture
def raster(tmp_path):
    """Two rows of water with one cell missing, in October."""
    values = np.array([[[1, 2, -9], [20, 21, 1]]] * 2, np.float32)
    coords = {
        "time": OCTOBER_NOVEMBER,
        "lat": (np.array([-5.0, 5]), NORTH),
        "lon": (np.array([10.0, 20, 30]), EAST),
    }
    attrs = {"_FillValue": np.float32(-9), "units": "kg m-2", "long_name": "Water vapour"}
    path = write_netcdf(tmp_path / "in.nc", values, ("time", "lat", "lon"), coords=coords, **attrs)
    return fastkm.read_raster(path)


@pytest.fixture
def labels(raster):
    return label_raster(raster, fastkm.kmeans1d(raster, 2))
