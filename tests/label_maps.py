"""Label maps for tests, on grids of every kind."""

import numpy as np
import xarray as xr


def placed(cells, latitude=None, longitude=None):
    """Give cells latitudes and longitudes; by default their row and column."""
    cells = np.asarray(cells)
    latitude = np.arange(float(cells.shape[0])) if latitude is None else latitude
    longitude = np.arange(float(cells.shape[1])) if longitude is None else longitude
    return xr.DataArray(cells, {"lat": latitude, "lon": longitude}, ("lat", "lon"))


def globe(cells, *, west=0.0, descending=False):
    """Spread cells over the globe, the first column beginning at the meridian `west`."""
    rows, columns = np.shape(cells)
    latitude = -90 + (np.arange(rows) + 0.5) * 180 / rows
    longitude = west + (np.arange(columns) + 0.5) * 360 / columns
    return placed(cells, latitude[::-1] if descending else latitude, longitude)


def projected(cells, epsg, x, y):
    """Give cells x and y in metres, and the reference system of an EPSG number."""
    from pyproj import CRS

    described = xr.DataArray(0, attrs={"crs_wkt": CRS.from_epsg(epsg).to_wkt()})
    coords = {"y": y, "x": x, "spatial_ref": described}
    return xr.DataArray(np.asarray(cells), coords, ("y", "x"))


def curvilinear(cells, latitude, longitude):
    """Give every cell a latitude and a longitude."""
    coords = {
        "latitude": (("y", "x"), latitude, {"units": "degrees_north"}),
        "longitude": (("y", "x"), longitude, {"units": "degrees_east"}),
    }
    return xr.DataArray(np.asarray(cells), coords, ("y", "x"))


def polar(cells):
    """Centre cells of 200 km on the north pole, with a latitude and a longitude for each."""
    from pyproj import Transformer

    rows, columns = np.shape(cells)
    x = (np.arange(columns) - (columns - 1) / 2) * 2e5
    y = ((rows - 1) / 2 - np.arange(rows)) * 2e5
    to_degrees = Transformer.from_crs(3413, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(*np.meshgrid(x, y))
    return curvilinear(cells, latitude, longitude)


def rings_around_the_middle(size=21):
    """Draw a disc, a ring around it, and the rest: labels 2, 1 and 0."""
    across = np.hypot(*(np.indices((size, size)) - (size - 1) / 2))
    return np.where(across < size / 5, 2, np.where(across < size / 2.6, 1, 0))
