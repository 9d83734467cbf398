"""Small GeoTIFF files for the tests."""

import warnings

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

UTM = "EPSG:32633"


def from_origin(west, north, width, height):
    """Give the transform of a grid that is north up; rasterio's own warns with some versions."""
    return Affine(width, 0.0, west, 0.0, -height, north)


NORTH_UP = from_origin(500_000, 5_000_000, 30, 20)


def write_tiff(
    path,
    values,
    *,
    crs=UTM,
    transform=NORTH_UP,
    names=None,
    units=None,
    scales=None,
    offsets=None,
    mask=None,
    colours=None,
    **options,
):
    """Write bands; with ``crs=None, transform=None`` a photo that lies nowhere."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    place = {} if transform is None else {"transform": transform}
    count, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, count=count,
            dtype=values.dtype.name, crs=crs, **place, **options,
        ) as file:  # fmt: skip
            file.write(values)
            if colours:
                file.colorinterp = colours
            for number in range(count):
                if names:
                    file.set_band_description(number + 1, names[number])
                if units:
                    file.set_band_unit(number + 1, units[number])
            if scales:
                file.scales = scales
            if offsets:
                file.offsets = offsets
            if mask is not None:
                file.write_mask(np.where(mask, 255, 0).astype(np.uint8))
    return path


def write_photo(path, **options):
    """Write a photo with a red, a green and a blue corner on a dark ground."""
    photo = np.full((3, 8, 12), 20, np.uint8)
    photo += np.arange(96, dtype=np.uint8).reshape(8, 12) % 5
    photo[0, :3, :4] = 220
    photo[1, :3, 8:] = 210
    photo[2, 5:, :4] = 230
    return write_tiff(path, photo, crs=None, transform=None, photometric="RGB", **options)


def write_satellite(path, **options):
    """Write three bands of packed integers, in projected metres, with missing cells in one."""
    rows, columns = np.mgrid[:6, :8]
    bands = np.stack([100 * rows + columns, 1000 * (columns > 3) + rows, 10 * columns])
    bands = bands.astype(np.int16)
    bands[1, 0, :2] = -9999
    options = {"names": ("red", "nir", "swir"), "scales": (1e-3,) * 3, "nodata": -9999} | options
    return write_tiff(path, bands, **options)
