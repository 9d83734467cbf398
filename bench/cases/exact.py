"""Cases of one dimension: the proven optimum beside other proofs, and beside local optima.

Everybody gets the same values and gives a label for each. Those who search for a local optimum get
one start of their own making, as a call without further options has it (scipy: twenty); how far
they stay from the optimum is the inertia that stands beside their time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastkm
from bench.case import Case, Rival
from bench.cases.data import (
    cauchy_values,
    lesson_contours,
    normal_values,
    packed_water,
    raster,
    sample_values,
    water,
    water_and_clusters,
)
from bench.table import format_count
from scripts.tpw_workflow import LESSON_K, LESSON_KS, threshold

SEED = 0
PIECE = 1 << 20
"""Values whose distances are computed at a time."""


class Labels(NamedTuple):
    """Who is in which cluster, by someone who calls it optimal or does not."""

    labels: np.ndarray
    optimal: bool


def by_fastkm(x: np.ndarray, k: int) -> Labels:
    return Labels(fastkm.kmeans1d(x, k).predict(x), True)


def by_kmeans1d(x: np.ndarray, k: int) -> Labels:
    import kmeans1d

    return Labels(np.asarray(kmeans1d.cluster(x.tolist(), k).clusters), True)


def by_ckwrap(x: np.ndarray, k: int) -> Labels:
    import ckwrap

    return Labels(ckwrap.ckmeans(x, k).labels, True)


def by_jenkspy(x: np.ndarray, k: int) -> Labels:
    import jenkspy

    return Labels(np.searchsorted(jenkspy.jenks_breaks(x, n_classes=k)[1:-1], x), True)


def by_mapclassify(x: np.ndarray, k: int) -> Labels:
    import mapclassify

    return Labels(mapclassify.FisherJenks(x, k=k).yb, False)  # found to miss it by 5e-6


def by_flash1dkmeans(x: np.ndarray, k: int) -> Labels:
    import flash1dkmeans

    return Labels(flash1dkmeans.kmeans_1d(x, k, random_state=SEED)[1], False)


def by_scipy(x: np.ndarray, k: int) -> Labels:
    from scipy.cluster import vq

    codebook, _ = vq.kmeans(x, k, rng=np.random.default_rng(SEED))
    return Labels(vq.vq(x, codebook)[0], False)


def by_sklearn(x: np.ndarray, k: int) -> Labels:
    from sklearn.cluster import KMeans

    return Labels(KMeans(k, n_init=1, random_state=SEED).fit(x[:, None]).labels_, False)


def by_minibatch(x: np.ndarray, k: int) -> Labels:
    from sklearn.cluster import MiniBatchKMeans

    return Labels(MiniBatchKMeans(k, n_init=1, random_state=SEED).fit(x[:, None]).labels_, False)


def by_intelex(x: np.ndarray, k: int) -> Labels:
    from sklearnex.cluster import KMeans

    return Labels(KMeans(k, n_init=1, random_state=SEED).fit(x[:, None]).labels_, False)


def by_faiss(x: np.ndarray, k: int) -> Labels:
    import faiss

    rows = x[:, None]
    model = faiss.Kmeans(1, k, seed=SEED, max_points_per_centroid=len(x), min_points_per_centroid=1)
    model.train(rows)
    return Labels(model.index.search(rows, 1)[1][:, 0], False)


def rivals_of(k: int) -> dict[str, Rival]:
    """Name all who give labels of values; jenkspy and mapclassify take time that grows as n^2."""

    def of(run: Callable[[np.ndarray, int], Labels], needs: str, *, serial: bool = True) -> Rival:
        return Rival(lambda x: run(x, k), needs, serial)

    return {
        "fastkm": of(by_fastkm, "fastkm", serial=False),
        "scipy": of(by_scipy, "scipy.cluster.vq"),
        "scikit-learn, lloyd": of(by_sklearn, "sklearn.cluster", serial=False),
        "scikit-learn, minibatch": of(by_minibatch, "sklearn.cluster", serial=False),
        "scikit-learn-intelex": of(by_intelex, "sklearnex.cluster", serial=False),
        "faiss": of(by_faiss, "faiss", serial=False),
        "kmeans1d": of(by_kmeans1d, "kmeans1d"),
        "ckwrap": of(by_ckwrap, "ckwrap"),
        "flash1dkmeans": of(by_flash1dkmeans, "flash1dkmeans"),
        "jenkspy": of(by_jenkspy, "jenkspy"),
        "mapclassify": of(by_mapclassify, "mapclassify"),
    }


def inertia_of(x: np.ndarray, labels: np.ndarray) -> float:
    """Sum the squared distances to the means of the clusters that labels make, in float64."""
    parts = [slice(first, first + PIECE) for first in range(0, len(x), PIECE)]
    k = int(labels.max()) + 1
    sums = sum(np.bincount(labels[part], x[part], k) for part in parts)
    means = sums / np.maximum(sum(np.bincount(labels[part], minlength=k) for part in parts), 1)
    return float(sum(np.sum((x[part] - means[labels[part]]) ** 2) for part in parts))


def inertia_of_answer(x: np.ndarray, answer: Labels) -> float:
    """Sum the squared distances of an answer."""
    return inertia_of(x, answer.labels)


def as_good(x: np.ndarray, ours: Labels, theirs: Labels) -> None:
    """No answer is better than ours, and one that is called optimal is no worse."""
    least, found = inertia_of(x, ours.labels), inertia_of(x, theirs.labels)
    assert least <= found * (1 + 1e-12)
    if theirs.optimal:
        assert np.isclose(found, least, rtol=1e-10, atol=0)


def labels_case(
    n: int,
    k: int,
    make: Callable[[int], np.ndarray] = water,
    without: tuple[str, ...] = (),
    kind: str = "",
) -> Case:
    """Cluster values and label them."""
    rivals = {name: rival for name, rival in rivals_of(k).items() if name not in without}
    return Case(
        f"1-D clusters and labels, {format_count(n)} {kind}values, k = {k}",
        make,
        {"tiny": min(n, 20 * k), "small": min(n, 10_000), "full": n},
        rivals,
        as_good,
        inertia_of_answer,
        at={"n": n, "k": k, "d": 1},
    )


def breaks_by_jenkspy(x: np.ndarray) -> list[float]:
    import jenkspy

    return jenkspy.jenks_breaks(x, n_classes=LESSON_K)


def classes_by_mapclassify(x: np.ndarray) -> np.ndarray:
    import mapclassify

    return mapclassify.FisherJenks(x, k=LESSON_K).bins


def inertia_of_breaks(x: np.ndarray, breaks: Any) -> float:
    """Sum the squared distances to the means of classes, whose last ends are the greatest values."""
    return inertia_of(x, np.searchsorted(breaks[-LESSON_K:-1], x))


def breaks_as_good(x: np.ndarray, ours: Any, theirs: Any) -> None:
    """No classes have less variance than ours; mapclassify was found to miss the least by 5e-6."""
    least, found = inertia_of_breaks(x, ours), inertia_of_breaks(x, theirs)
    assert least <= found * (1 + 1e-12)
    assert np.isclose(found, least, rtol=1e-5, atol=0)
    assert np.isin(theirs, x).all()  # breaks are values of the data


def breaks_case(n: int, without: tuple[str, ...] = ()) -> Case:
    """Find the natural breaks of values, and the classes of a map."""
    rivals = {
        "fastkm": Rival(lambda x: fastkm.natural_breaks(x, LESSON_K), "fastkm"),
        "fastkm.FisherJenks": Rival(lambda x: fastkm.FisherJenks(x, LESSON_K).bins, "mapclassify"),
        "jenkspy": Rival(breaks_by_jenkspy, "jenkspy", serial=True),
        "mapclassify": Rival(classes_by_mapclassify, "mapclassify", serial=True),
    }
    return Case(
        f"natural breaks, {format_count(n)} values, k = {LESSON_K}",
        water,
        {"tiny": min(n, 200), "small": min(n, 1_000), "full": n},
        {name: rival for name, rival in rivals.items() if name not in without},
        breaks_as_good,
        inertia_of_breaks,
    )


def medians_by_fastkm(x: np.ndarray) -> Labels:
    return Labels(fastkm.kmeans1d(x, LESSON_K, criterion="median").predict(x), True)


def medians_by_ckwrap(x: np.ndarray) -> Labels:
    import ckwrap

    return Labels(ckwrap.ckmedians(x, LESSON_K).labels, True)


def deviations_of(x: np.ndarray, answer: Labels) -> float:
    """Sum the distances to the medians of the clusters that labels make."""
    labels = answer.labels
    parts = [x[labels == j].astype(float) for j in range(int(labels.max()) + 1)]
    return float(sum(np.abs(part - np.median(part)).sum() for part in parts))


def medians_as_good(x: np.ndarray, ours: Labels, theirs: Labels) -> None:
    """Both are optimal: their sums of distances are equal."""
    assert np.isclose(deviations_of(x, ours), deviations_of(x, theirs), rtol=1e-10, atol=0)


def medians_case(n: int) -> Case:
    """Cluster values round medians and label them."""
    return Case(
        f"1-D k-medians and labels, {format_count(n)} values, k = {LESSON_K}",
        water,
        {"tiny": min(n, 200), "small": min(n, 10_000), "full": n},
        {
            "fastkm": Rival(medians_by_fastkm, "fastkm"),
            "ckwrap": Rival(medians_by_ckwrap, "ckwrap", serial=True),
        },
        medians_as_good,
        deviations_of,
    )


def below_the_variance(x: np.ndarray, ours: Any, theirs: Any) -> None:
    """Each cluster more leaves less of the variance of all values."""
    inertia = [len(x) * float(theirs) ** 2, *(result.inertia for result in ours.values())]
    assert all(after < before for before, after in itertools.pairwise(inertia))


def counts_in_order(_x: Any, ours: Any, ordered: Any) -> None:
    """Find the breaks between the sorted values where the counts say."""
    for result in ours.values():
        ends = np.cumsum(result.counts)
        assert ends[-1] == len(ordered)
        assert np.all(ordered[ends[:-1] - 1] <= result.breaks)
        assert np.all(result.breaks < ordered[ends[:-1]])


def counts_of_numbers(_x: Any, ours: Any, counts: Any) -> None:
    """Find as many values in each cluster as were counted of its numbers."""
    labels = ours.predict(np.arange(65_536, dtype="u2").view("i2"))
    assert np.array_equal(np.bincount(labels, counts), ours.counts)


def between_breaks(data: Any, labels: np.ndarray, theirs: np.ndarray) -> None:
    """Find each value between the breaks of its cluster."""
    values, result = data
    assert labels.dtype == np.int8
    step = 10_000_000
    for start in range(0, len(values), step):
        part = slice(start, start + step)
        assert np.array_equal(labels[part], np.searchsorted(result.breaks, values[part]))
    assert theirs.shape == values.shape


def lesson_by_fastkm(image: np.ndarray) -> dict[str, Any]:
    """Cluster for k = 2 ... 8, label, threshold, trace and measure."""
    results = fastkm.kmeans1d(image, LESSON_KS)
    maps = {k: result.predict(image) for k, result in results.items()}
    traced = lesson_contours(threshold(maps[LESSON_K], LESSON_K))
    inertia = {k: result.inertia for k, result in results.items()}
    return {"maps": maps, "inertia": inertia, "diameters": traced.diameters}


def lesson_by_scipy(image: np.ndarray) -> dict[str, Any]:
    """Do the same as the lesson does it: scipy, scikit-image, cdist."""
    from scipy.cluster import vq
    from scipy.spatial.distance import cdist
    from skimage import measure

    flat = image.ravel().astype(float)
    rng = np.random.default_rng(SEED)
    maps, inertia = {}, {}
    for k in LESSON_KS:
        codebook = np.sort(vq.kmeans(flat, k, rng=rng)[0])
        code, distance = vq.vq(flat, codebook)
        maps[k] = code.reshape(image.shape)
        inertia[k] = float(np.sum(distance**2))
    contours = measure.find_contours(threshold(maps[LESSON_K], LESSON_K).astype(float), 1.0)
    across = [cdist(line, line, "euclidean").max() for line in contours]
    return {"maps": maps, "inertia": inertia, "diameters": [d for d in across if d > 200]}


def lesson_right(_image: Any, ours: Any, theirs: Any) -> None:
    """Ours is never worse, and on their label map the contours measure the same."""
    for k in LESSON_KS:
        assert ours["inertia"][k] <= theirs["inertia"][k] * (1 + 1e-12)
    traced = lesson_contours(threshold(theirs["maps"][LESSON_K], LESSON_K))
    assert np.allclose(traced.diameters, theirs["diameters"], rtol=1e-12, atol=0)


def sizes(full: int, tiny: int = 1_000) -> dict[str, int]:
    """Return the sizes of a case of many values."""
    return {"tiny": tiny, "small": full // 100, "full": full}


QUADRATIC = ("jenkspy", "mapclassify")
EXACT = [
    labels_case(10_000_000, LESSON_K, without=("scipy", *QUADRATIC)),
    labels_case(64_800, LESSON_K, sample_values),
    labels_case(2_000, LESSON_K),
    labels_case(100, LESSON_K),
    labels_case(1_000, LESSON_K),
    labels_case(10_000, LESSON_K, without=QUADRATIC),
    labels_case(10_000, 64, without=("scipy", *QUADRATIC)),
    labels_case(10_000, 256, without=("scipy", *QUADRATIC)),
    *(
        labels_case(n, k, normal_values, ("scipy", *QUADRATIC), "normal ")
        for n in (100_000, 1_000_000)
        for k in (64, 256)
    ),
    labels_case(100_000, 64, cauchy_values, ("scipy", *QUADRATIC), "Cauchy "),
    breaks_case(2_000),
    breaks_case(1_000_000, without=("jenkspy", "mapclassify")),
    medians_case(10_000),
    medians_case(1_000_000),
    Case(
        "kmeans1d, 1e8 float32, k = 2 ... 8",
        water,
        sizes(100_000_000),
        {
            "fastkm": Rival(lambda x: fastkm.kmeans1d(x, LESSON_KS), "fastkm"),
            "np.std": Rival(np.std, serial=True, yardstick=True),
        },
        below_the_variance,
    ),
    Case(
        "kmeans1d, 1e8 int16, k = 6",
        packed_water,
        sizes(100_000_000),
        {
            "fastkm": Rival(lambda x: fastkm.kmeans1d(x, LESSON_K), "fastkm"),
            "np.bincount": Rival(
                lambda x: np.bincount(x.view("u2"), minlength=65_536), serial=True, yardstick=True
            ),
        },
        counts_of_numbers,
    ),
    Case(
        "kmeans1d, 64,800 values, k = 2 ... 8",
        sample_values,
        {"tiny": 648, "small": 64_800, "full": 64_800},
        {
            "fastkm": Rival(lambda x: fastkm.kmeans1d(x, LESSON_KS), "fastkm"),
            "np.sort": Rival(np.sort, serial=True, yardstick=True),
        },
        counts_in_order,
    ),
    Case(
        "predict, 1e8 float32 to int8",
        water_and_clusters,
        sizes(100_000_000),
        {
            "fastkm": Rival(lambda data: data[1].predict(data[0]), "fastkm"),
            "x.copy()": Rival(lambda data: data[0].copy(), serial=True, yardstick=True),
        },
        between_breaks,
    ),
    Case(
        "the lesson's computation, 720 x 1440",
        raster,
        {"tiny": 1, "small": 1, "full": 4},
        {
            "fastkm": Rival(lesson_by_fastkm, "fastkm"),
            "scipy + skimage + cdist": Rival(lesson_by_scipy, "skimage.measure", serial=True),
        },
        lesson_right,
        rename=lambda factor: f"the lesson's computation, {180 * factor} x {360 * factor}",
    ),
]
