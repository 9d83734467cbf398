"""One table of cases: what is computed, on which data, by whom, and what makes an answer right.

The benchmarks (``bench/test_speed.py``) and the tests of every rival's answer
(``tests/test_bench.py``) both run from `CASES`. A rival is a callable of the prepared data;
preparing is never timed, and each rival gets the same arrays, seeds, starts and numbers of
iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster import vq as scipy_vq
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist, pdist
from skimage import measure

import fastkm
from fastkm.lesson import LESSON_K, LESSON_KS, lesson_contours, threshold
from fastkm.raster import sample_dataset


@dataclass(frozen=True)
class Case:
    """A piece of work.

    Attributes
    ----------
    name : str
        What is computed, with the size of the full case.
    make : callable
        Makes the data for a size.
    sizes : dict of str to int
        The argument of `make` for "tiny" (tests), "small" and "full".
    rivals : dict of str to callable
        Who does it; "fastkm" is one of them.
    check : callable
        ``check(data, ours, theirs)`` raises AssertionError where answers disagree.
    once : tuple of str
        Rivals that take so long at the full size that they are run once there.
    """

    name: str
    make: Callable[[int], Any]
    sizes: dict[str, int]
    rivals: dict[str, Callable[[Any], Any]]
    check: Callable[[Any, Any, Any], None]
    once: tuple[str, ...] = ()


def mixture(n: int, dtype: str = "f8") -> np.ndarray:
    """Half gamma(3, 8), half normal(45, 6): dry and moist oceans."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.gamma(3, 8, n // 2), rng.normal(45, 6, n - n // 2)]).astype(dtype)


def values_and_codes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Float32 values and six codes among them."""
    values = mixture(n, "f4")
    return values, np.random.default_rng(1).choice(values, 6, replace=False)


def rows_and_codes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Float32 rows of three features and eight codes among them."""
    rows = np.random.default_rng(0).normal(size=(n, 3)).astype("f4")
    return rows, rows[:8].copy()


def contour(n: int) -> np.ndarray:
    """Draw a closed curve on the lattice of half pixels, as contours of label maps are."""
    angle = np.linspace(0, 2 * np.pi, n)
    radius = n / 8 * (1 + 0.2 * np.sin(9 * angle))
    return np.round(2 * np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])) / 2


def raster(factor: int) -> np.ndarray:
    """Refine the sample `factor` times, with nearly all values distinct; keep the fill values."""
    coarse = sample_dataset()["precipitable_water"].values[0]
    fine = np.kron(coarse, np.ones((factor, factor), "f4"))
    noise = np.random.default_rng(0).normal(size=fine.shape)
    smooth = gaussian_filter(noise, 2.0 * factor, mode="wrap") * factor * 4
    return np.where(fine > 0, fine + smooth, fine).astype("f4")


def _close(_data: Any, ours: Any, theirs: Any) -> None:
    assert np.isclose(ours, theirs, rtol=1e-12, atol=0)


def _same_codes(_data: Any, ours: Any, theirs: Any) -> None:
    differ = ours[0] != theirs[0]
    assert np.allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-5)
    assert differ.mean() < 1e-6  # float32 ties within rounding


def _same_codebook(data: Any, ours: Any, theirs: Any) -> None:
    largest = np.abs(data[0] if isinstance(data, tuple) else data).max()
    tolerance = 1e-9 if ours[0].dtype == np.float64 else 1e-4
    assert np.allclose(ours[0], theirs[0], rtol=0, atol=tolerance * largest)


def _kmeans2_by(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda data: function(data[0], data[1], iter=10, minit="matrix")


def _kmeans_by(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda values: function(values, 6, rng=np.random.default_rng(0))


def _hull_and_pdist(points: np.ndarray) -> float:
    return float(pdist(points[ConvexHull(points).vertices]).max())


def lesson_by_fastkm(image: np.ndarray) -> dict[str, Any]:
    """Cluster for k = 2 ... 8, label, threshold, trace and measure."""
    results = fastkm.kmeans1d(image, LESSON_KS)
    maps = {k: result.predict(image) for k, result in results.items()}
    traced = lesson_contours(threshold(maps[LESSON_K], LESSON_K))
    inertia = {k: result.inertia for k, result in results.items()}
    return {"maps": maps, "inertia": inertia, "diameters": traced.diameters}


def lesson_by_scipy(image: np.ndarray) -> dict[str, Any]:
    """Do the same as the lesson does it: scipy, scikit-image, cdist."""
    flat = image.ravel().astype(float)
    rng = np.random.default_rng(0)
    maps, inertia = {}, {}
    for k in LESSON_KS:
        codebook, _ = scipy_vq.kmeans(flat, k, rng=rng)
        codebook = np.sort(codebook)
        code, distance = scipy_vq.vq(flat, codebook)
        maps[k] = code.reshape(image.shape)
        inertia[k] = float(np.sum(distance**2))
    contours = measure.find_contours(threshold(maps[LESSON_K], LESSON_K).astype(float), 1.0)
    across = [cdist(line, line, "euclidean").max() for line in contours]
    return {"maps": maps, "inertia": inertia, "diameters": [d for d in across if d > 200]}


def _lesson_right(_image: Any, ours: Any, theirs: Any) -> None:
    """Ours is never worse, and on their label map the contours measure the same."""
    for k in LESSON_KS:
        assert ours["inertia"][k] <= theirs["inertia"][k] * (1 + 1e-12)
    traced = lesson_contours(threshold(theirs["maps"][LESSON_K], LESSON_K))
    assert np.allclose(traced.diameters, theirs["diameters"], rtol=1e-12, atol=0)


CASES = [
    Case(
        "vq, 1e7 float32 values, 6 codes",
        values_and_codes,
        {"tiny": 1_000, "small": 100_000, "full": 10_000_000},
        {
            "fastkm": lambda data: fastkm.vq(*data),
            "scipy": lambda data: scipy_vq.vq(*data),
        },
        _same_codes,
    ),
    Case(
        "vq, 1e6 x 3 float32, 8 codes",
        rows_and_codes,
        {"tiny": 1_000, "small": 100_000, "full": 1_000_000},
        {
            "fastkm": lambda data: fastkm.vq(*data),
            "scipy": lambda data: scipy_vq.vq(*data),
        },
        _same_codes,
    ),
    Case(
        "kmeans(x, 6), 1.04e6 float64 values",
        mixture,
        {"tiny": 500, "small": 20_000, "full": 1_040_000},
        {"fastkm": _kmeans_by(fastkm.kmeans), "scipy": _kmeans_by(scipy_vq.kmeans)},
        _same_codebook,
        once=("scipy",),
    ),
    Case(
        "kmeans2, 10 iterations, 1e6 x 3 float32, 8 codes",
        rows_and_codes,
        {"tiny": 1_000, "small": 50_000, "full": 1_000_000},
        {"fastkm": _kmeans2_by(fastkm.kmeans2), "scipy": _kmeans2_by(scipy_vq.kmeans2)},
        _same_codebook,
    ),
    Case(
        "longest distance, contour of 10,000 points",
        contour,
        {"tiny": 200, "small": 2_000, "full": 10_000},
        {
            "fastkm": fastkm.max_pairwise_distance,
            "fastkm, all pairs": lambda p: fastkm.max_pairwise_distance(p, method="chunked"),
            "cdist": lambda points: cdist(points, points).max(),
            "ConvexHull + pdist": _hull_and_pdist,
        },
        _close,
    ),
    Case(
        "the lesson's computation, 720 x 1440",
        raster,
        {"tiny": 1, "small": 1, "full": 4},
        {"fastkm": lesson_by_fastkm, "scipy + skimage + cdist": lesson_by_scipy},
        _lesson_right,
        once=("scipy + skimage + cdist",),
    ),
]
