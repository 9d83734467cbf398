"""One table of cases: what is computed, on which data, by whom, and what makes an answer right.

The benchmarks (``bench/test_speed.py``) and the tests of every rival's answer
(``tests/test_bench.py``) both run from `CASES`. A rival is a callable of the prepared data;
preparing is never timed, and each rival gets the same arrays, seeds, starts and numbers of
iterations. Where no rival does the same work, a yardstick stands in, and is called so: something
that NumPy does to the same array.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import ckwrap
import flash1dkmeans
import kmeans1d as pypi_kmeans1d
import numpy as np
from scipy.cluster import vq as scipy_vq
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist, pdist
from skimage import measure
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

import fastkm
from bench.case import Case
from bench.outlines import OUTLINES
from fastkm.lesson import LESSON_K, LESSON_KS, lesson_contours, threshold
from fastkm.raster import sample_dataset

PIECE = 2**16
"""Values made at a time: their float64 numbers take half a megabyte."""


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


def photograph(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Take n pixels evenly from scikit-learn's china.jpg, and 16 of them to start from."""
    pixels = load_sample_image("china.jpg").reshape(-1, 3).astype("f4")
    pixels = np.ascontiguousarray(pixels[:: len(pixels) // n][:n])
    return pixels, pixels[np.random.default_rng(0).choice(n, 16, replace=False)]


def sample_values(n: int) -> np.ndarray:
    """Take n values evenly from the sample's 64,800, fill values and all."""
    values = sample_dataset()["precipitable_water"].values.ravel()
    return np.ascontiguousarray(values[:: len(values) // n])


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


class Labels(NamedTuple):
    """Who is in which cluster, by someone who calls it optimal or does not."""

    labels: np.ndarray
    optimal: bool


def _labels_by_fastkm(values: np.ndarray) -> Labels:
    return Labels(fastkm.kmeans1d(values, 6).predict(values), True)


def _labels_by_pypi_kmeans1d(values: np.ndarray) -> Labels:
    return Labels(np.asarray(pypi_kmeans1d.cluster(values.tolist(), 6).clusters), True)


def _labels_by_ckwrap(values: np.ndarray) -> Labels:
    return Labels(ckwrap.ckmeans(values, 6).labels, True)


def _labels_by_flash1dkmeans(values: np.ndarray) -> Labels:
    return Labels(flash1dkmeans.kmeans_1d(values, 6, random_state=0)[1], False)


def _labels_by_sklearn(values: np.ndarray) -> Labels:
    return Labels(KMeans(6, n_init=1, random_state=0).fit(values[:, None]).labels_, False)


def _colours_by(model: type) -> Callable[[Any], float]:
    return lambda data: float(model(16, init=data[1], n_init=1).fit(data[0]).inertia_)


def _as_good(_data: Any, ours: float, theirs: float) -> None:
    """Find as small an inertia, but for the float32 sums of others."""
    assert ours <= theirs * (1 + 1e-3)


def inertia_of(values: np.ndarray, labels: np.ndarray) -> float:
    """Sum the squared distances to the means of the clusters that labels make, in float64."""
    clusters = [values[labels == label].astype("f8") for label in np.unique(labels)]
    return float(sum(np.sum((cluster - cluster.mean()) ** 2) for cluster in clusters))


def _optimal(values: np.ndarray, ours: Labels, theirs: Labels) -> None:
    """No answer is better than ours, and one that is called optimal is no worse."""
    least, found = inertia_of(values, ours.labels), inertia_of(values, theirs.labels)
    assert least <= found * (1 + 1e-12)
    if theirs.optimal:
        assert np.isclose(found, least, rtol=1e-10, atol=0)


def _below_the_variance(values: np.ndarray, ours: Any, deviation: Any) -> None:
    """Each cluster more leaves less of the variance of all values."""
    inertia = [len(values) * float(deviation) ** 2, *(result.inertia for result in ours.values())]
    assert all(after < before for before, after in itertools.pairwise(inertia))


def _counts_in_order(_values: Any, ours: Any, ordered: np.ndarray) -> None:
    """Find the breaks between the sorted values where the counts say."""
    for result in ours.values():
        ends = np.cumsum(result.counts)
        assert ends[-1] == len(ordered)
        assert np.all(ordered[ends[:-1] - 1] <= result.breaks)
        assert np.all(result.breaks < ordered[ends[:-1]])


def _counts_of_numbers(_values: Any, ours: Any, counts: np.ndarray) -> None:
    """Find as many values in each cluster as were counted of its numbers."""
    labels = ours.predict(np.arange(65_536, dtype="u2").view("i2"))
    assert np.array_equal(np.bincount(labels, counts), ours.counts)


def _between_breaks(data: Any, labels: np.ndarray, values: np.ndarray) -> None:
    assert labels.dtype == np.int8
    assert np.array_equal(labels, np.searchsorted(data[1].breaks, values))


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
        "KMeans, china.jpg in 16 colours",
        photograph,
        {"tiny": 1_000, "small": 273_280, "full": 273_280},
        {"fastkm": _colours_by(fastkm.KMeans), "scikit-learn": _colours_by(KMeans)},
        _as_good,
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
    Case(
        "kmeans1d, 1e8 float32, k = 2 ... 8",
        water,
        {"tiny": 1_000, "small": 1_000_000, "full": 100_000_000},
        {
            "fastkm": lambda values: fastkm.kmeans1d(values, LESSON_KS),
            "np.std (a yardstick)": np.std,
        },
        _below_the_variance,
    ),
    Case(
        "kmeans1d and labels, 1e7 float32, k = 6",
        water,
        {"tiny": 500, "small": 100_000, "full": 10_000_000},
        {
            "fastkm": _labels_by_fastkm,
            "kmeans1d (PyPI)": _labels_by_pypi_kmeans1d,
            "ckwrap": _labels_by_ckwrap,
            "flash1dkmeans, not optimal": _labels_by_flash1dkmeans,
            "scikit-learn, not optimal": _labels_by_sklearn,
        },
        _optimal,
        once=("kmeans1d (PyPI)", "ckwrap", "scikit-learn, not optimal"),
    ),
    Case(
        "kmeans1d, 1e8 int16, k = 6, one thread",
        packed_water,
        {"tiny": 1_000, "small": 1_000_000, "full": 100_000_000},
        {
            "fastkm": lambda values: fastkm.kmeans1d(values, 6, threads=1),
            "np.bincount (a yardstick)": lambda x: np.bincount(x.view("u2"), minlength=65_536),
        },
        _counts_of_numbers,
    ),
    Case(
        "kmeans1d, 64,800 values, k = 2 ... 8",
        sample_values,
        {"tiny": 648, "small": 64_800, "full": 64_800},
        {
            "fastkm": lambda values: fastkm.kmeans1d(values, LESSON_KS),
            "np.sort (a yardstick)": np.sort,
        },
        _counts_in_order,
    ),
    Case(
        "predict, 1e8 float32 to int8",
        water_and_clusters,
        {"tiny": 1_000, "small": 1_000_000, "full": 100_000_000},
        {
            "fastkm": lambda data: data[1].predict(data[0]),
            "x.copy() (a yardstick)": lambda data: data[0].copy(),
        },
        _between_breaks,
    ),
    *OUTLINES,
]
