"""GeoTIFFs of any size, written strip by strip: a scene of four bands, one band, a label map.

A small field of classes, smooth and without a seam, is repeated over the raster. Every cell of a scene or a band
adds noise of its own, drawn by strip, so that files compress as those of satellites do. Corners without data
are as in a scene whose swath does not fill its tile. Everything is seeded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter

TILE = 512
"""Rows and columns of a tile, and rows of a strip."""
NODATA = 0
SIGNATURES = np.array(
    [
        [350, 500, 280, 3200],  # forest
        [600, 900, 700, 4200],  # crops
        [900, 1100, 1300, 2100],  # bare soil
        [1600, 1700, 1800, 2300],  # settlements
        [500, 450, 300, 200],  # water
        [6500, 6600, 6700, 6900],  # clouds
    ],
    np.float32,
)
"""Reflectances of six covers, times 10,000, in blue, green, red and near infrared."""
NOISE = 90.0
"""Standard deviation of a cell about the reflectance of its cover."""
PATCH = 12.0
"""Smoothness of covers, in cells."""
REGION = 5.9
"""Smoothness of a label map, in cells: regions have some 300 cells."""
LEVELS = 6


def make_classes(side: int, smoothness: float) -> np.ndarray:
    """Cut noise into six classes of equal size on a square whose opposite sides fit together."""
    noise = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    values = gaussian_filter(noise, smoothness, mode="wrap")
    limits = np.quantile(values, np.arange(1, LEVELS) / LEVELS)
    return np.digitize(values, limits).astype(np.uint8)


def write_scene(path: Path, side: int) -> Path:
    """Write four bands of uint16, as those of Sentinel-2 at 10 m."""
    return _write_reflectances(path, side, (0, 1, 2, 3))


def write_band(path: Path, side: int) -> Path:
    """Write one band of uint16: the near infrared of a scene."""
    return _write_reflectances(path, side, (3,))


def write_label_map(path: Path, side: int) -> Path:
    """Write a map of six labels, whose regions have some 300 cells; -1 is missing, but nowhere."""
    classes = make_classes(choose_period(side), REGION).astype(np.int8)

    def make(first: int, rows: int) -> np.ndarray:
        return repeat(classes, first, rows, side)[None]

    return write_strips(path, side, 1, np.dtype(np.int8), -1, make)


def _write_reflectances(path: Path, side: int, bands: tuple[int, ...]) -> Path:
    classes = make_classes(choose_period(side), PATCH)
    colours = SIGNATURES[:, bands].T

    def make(first: int, rows: int) -> np.ndarray:
        rng = np.random.default_rng([1, first])
        covers = repeat(classes, first, rows, side)
        cells = np.empty((len(bands), rows, side), np.uint16)
        for colour, band in zip(colours, cells, strict=True):
            noise = rng.standard_normal((rows, side), np.float32)
            noise *= NOISE
            noise += colour[covers]
            band[:] = np.clip(noise, 1, 10_000, out=noise)
        # the edge of the swath runs obliquely through the left upper corner
        for row in range(rows):
            cells[:, row, : max(0, side // 8 - (first + row) // 2)] = NODATA
        return cells

    return write_strips(path, side, len(bands), np.dtype(np.uint16), NODATA, make)


def choose_period(side: int) -> int:
    """Return the side of the field that is repeated: at most 4096, at least a tile."""
    return min(4096, max(side, TILE))


def repeat(field: np.ndarray, first: int, rows: int, columns: int) -> np.ndarray:
    """Return some rows of the plane that a field is repeated over."""
    period = len(field)
    return field[np.arange(first, first + rows) % period][:, np.arange(columns) % period]


def write_strips(
    path: Path,
    side: int,
    bands: int,
    dtype: np.dtype,
    nodata: int,
    make: Callable[[int, int], np.ndarray],
) -> Path:
    """Write a square GeoTIFF of deflated tiles; ``make(first, rows)`` returns the cells of a strip."""
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": dtype.name,
        "nodata": nodata, "crs": "EPSG:32633", "transform": Affine(10, 0, 300_000, 0, -10, 5_000_000),
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "deflate", "zlevel": 1,
        "predictor": 2, "interleave": "pixel", "bigtiff": "if_safer", "num_threads": "all_cpus",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        for first in range(0, side, TILE):
            rows = min(TILE, side - first)
            target.write(make(first, rows), window=Window(0, first, side, rows))
    return path
