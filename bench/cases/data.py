"""Data for the cases of clustering: values as precipitable water has them, rows, pixels, rasters.

All of it is seeded, so that everybody, and every run, gets the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

import fastkm
from fastkm.datasets import sample_dataset
from fastkm.geometry.contours import Contours, trace_contours
from fastkm.geometry.distance import max_pairwise_distances
from scripts.tpw_workflow import LESSON_LEVEL, LESSON_MIN_DIAMETER

PIECE = 2**16
"""Values made at a time: their float64 numbers take half a megabyte."""


class Work(NamedTuple):
    """Rows and the centroids to start from."""

    rows: np.ndarray
    start: np.ndarray


def mixture(n: int, dtype: str = "f8") -> np.ndarray:
    """Half gamma(3, 8), half normal(45, 6): dry and moist oceans."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.gamma(3, 8, n // 2), rng.normal(45, 6, n - n // 2)]).astype(dtype)


def water(n: int) -> np.ndarray:
    """Shuffle the same mixture, clipped to 0 ... 75, as float32; made in pieces to save memory."""
    rng = np.random.default_rng(0)
    values = np.empty(n, "f4")
    for start in range(0, n, PIECE):
        piece = values[start : start + PIECE]
        half = len(piece) // 2
        piece[:half] = rng.gamma(3, 8, half)
        piece[half:] = rng.normal(45, 6, len(piece) - half)
        rng.shuffle(piece)
    return np.clip(values, 0, 75, out=values)


def packed_water(n: int) -> np.ndarray:
    """Pack it as a file would: int16, a unit 1/400 kg m-2, from -15,000 to 15,000."""
    values = water(n)
    values *= 400
    values -= 15_000
    return np.rint(values, out=values).astype("i2")


def water_and_clusters(n: int) -> tuple[np.ndarray, fastkm.KMeans1D]:
    """Cluster the first of the values, so that all of them can be labelled."""
    values = water(n)
    return values, fastkm.kmeans1d(values[:PIECE], 6)


def values_and_codes(n: int, k: int = 6) -> Work:
    """Float32 values and some codes among them."""
    values = mixture(n, "f4")
    return Work(values, np.random.default_rng(1).choice(values, k, replace=False))


def blobs(n: int, d: int, k: int, dtype: str = "f4") -> Work:
    """Draw rows from k normal distributions that overlap; the first k rows are the start.

    Their centres are some four standard deviations apart, whatever d is.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=np.sqrt(8 / d), size=(k, d))
    rows = np.empty((n, d), dtype)
    for first in range(0, n, PIECE):
        part = rows[first : first + PIECE]
        part[:] = centres[rng.integers(0, k, len(part))] + rng.normal(size=part.shape)
    return Work(rows, rows[:k].copy())


def photograph(n: int) -> Work:
    """Take n pixels evenly from scikit-learn's china.jpg, and 16 of them to start from."""
    from sklearn.datasets import load_sample_image

    pixels = load_sample_image("china.jpg").reshape(-1, 3).astype("f4")
    pixels = np.ascontiguousarray(pixels[:: len(pixels) // n][:n])
    return Work(pixels, pixels[np.random.default_rng(0).choice(n, 16, replace=False)])


def normal_values(n: int) -> np.ndarray:
    """Draw from the normal distribution, as float64."""
    return np.random.default_rng(0).normal(size=n)


def cauchy_values(n: int) -> np.ndarray:
    """Draw from the Cauchy distribution, whose tails are heavy, as float64."""
    return np.random.default_rng(0).standard_cauchy(n)


def sample_values(n: int) -> np.ndarray:
    """Take n values evenly from the sample's 64,800, fill values and all."""
    values = sample_dataset()["precipitable_water"].values.ravel()
    return np.ascontiguousarray(values[:: len(values) // n])


def raster(factor: int) -> np.ndarray:
    """Refine the sample `factor` times, with nearly all values distinct; keep the fill values."""
    coarse = sample_dataset()["precipitable_water"].values[0]
    fine = np.kron(coarse, np.ones((factor, factor), "f4"))
    noise = np.random.default_rng(0).normal(size=fine.shape)
    smooth = gaussian_filter(noise, 2.0 * factor, mode="wrap") * factor * 4
    return np.where(fine > 0, fine + smooth, fine).astype("f4")


ROUNDING = 1e-12
"""Relative error of a diagonal or a distance, with a wide margin."""


class LongContours(NamedTuple):
    """The contours above a diameter, and how many there were.

    Attributes
    ----------
    contours : list of (n, 2) array
        Row and column of each point, in pixels.
    diameters : list of float
        The longest distance across each, in pixels.
    found : int
        The number of contours before the choice.
    """

    contours: list[np.ndarray]
    diameters: list[float]
    found: int


def make_long_contours(image: np.ndarray, level: float, *, min_diameter: float) -> LongContours:
    """Trace contours and keep those whose points lie more than `min_diameter` pixels apart."""
    traced = trace_contours(image, level)
    contours = traced.split()
    wide = np.flatnonzero(~(_compute_diagonals(traced) * (1 + ROUNDING) <= min_diameter))
    points = np.concatenate([np.empty((0, 2)), *(contours[i] for i in wide)])
    offsets = np.concatenate([[0], np.cumsum(np.diff(traced.offsets)[wide])])
    diameters = max_pairwise_distances(points, offsets)
    long = diameters > min_diameter
    return LongContours(
        [contours[i].copy() for i in wide[long]], diameters[long].tolist(), len(contours)
    )


def _compute_diagonals(contours: Contours) -> np.ndarray:
    """Return the diagonal of each contour's bounding box."""
    points, starts = contours.points, contours.offsets[:-1]
    if len(starts) == 0:
        return np.empty(0)
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    return np.hypot(sides[:, 0], sides[:, 1])


def lesson_contours(thresholded: np.ndarray) -> LongContours:
    """Trace a thresholded map at the lesson's level, and keep the contours that it keeps."""
    return make_long_contours(thresholded, LESSON_LEVEL, min_diameter=LESSON_MIN_DIAMETER)
