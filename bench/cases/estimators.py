"""Cases of k-means in d dimensions: everybody does the same work.

The same rows, in the same type, the same first k rows as initial centroids, twenty iterations and no
tolerance, so that nobody stops before. faiss has float32 only, and takes all rows here, not a sample. scipy's
``kmeans2`` takes the same twenty iterations. Minibatches are another method, with iterations of its
own: its inertia stands beside its time. Data are blobs that overlap, so that centroids still move in the
last iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastkm
from bench.case import Case, Rival
from bench.cases.data import Work, blobs, photograph
from bench.table import format_count

ITERATIONS = 20
PIECE = 1 << 20
"""Rows whose distances are computed at a time."""


class Answer(NamedTuple):
    """Centroids, the iterations that were done, if they are counted, and if it is another method."""

    centroids: np.ndarray
    iterations: int | None
    other_method: bool = False


def by_estimator(model: Callable[..., Any], work: Work, **options: Any) -> Answer:
    """Fit an estimator of scikit-learn's kind."""
    k = len(work.start)
    fit = model(k, init=work.start, n_init=1, max_iter=ITERATIONS, tol=0, **options).fit(work.rows)
    return Answer(fit.cluster_centers_, fit.n_iter_)


def by_fastkm(work: Work) -> Answer:
    return by_estimator(fastkm.KMeans, work)


def by_sklearn(algorithm: str) -> Callable[[Work], Answer]:
    def run(work: Work) -> Answer:
        from sklearn.cluster import KMeans

        return by_estimator(KMeans, work, algorithm=algorithm)

    return run


def by_minibatch(work: Work) -> Answer:
    from sklearn.cluster import MiniBatchKMeans

    return by_estimator(MiniBatchKMeans, work, random_state=0)._replace(other_method=True)


def by_intelex(work: Work) -> Answer:
    from sklearnex.cluster import KMeans

    return by_estimator(KMeans, work)


def by_faiss(work: Work) -> Answer:
    import faiss

    n, d = work.rows.shape
    model = faiss.Kmeans(
        d, len(work.start), niter=ITERATIONS, max_points_per_centroid=n, min_points_per_centroid=1
    )
    model.train(work.rows, init_centroids=work.start)
    return Answer(model.centroids, None)


def by_dask_ml(work: Work) -> Answer:
    """Fit rows in eight chunks."""
    import dask.array as da
    from dask_ml.cluster import KMeans

    rows = da.from_array(work.rows, chunks=(-(-len(work.rows) // 8), -1))
    model = KMeans(len(work.start), init=work.start, max_iter=ITERATIONS, tol=0).fit(rows)
    return Answer(model.cluster_centers_, None)


def by_kmeans2(work: Work) -> Answer:
    from scipy.cluster import vq

    return Answer(vq.kmeans2(work.rows, work.start, iter=ITERATIONS, minit="matrix")[0], None)


RIVALS = {
    "fastkm": Rival(by_fastkm, "fastkm"),
    "scikit-learn, lloyd": Rival(by_sklearn("lloyd"), "sklearn.cluster"),
    "scikit-learn, elkan": Rival(by_sklearn("elkan"), "sklearn.cluster"),
    "scikit-learn, minibatch": Rival(by_minibatch, "sklearn.cluster"),
    "scikit-learn-intelex": Rival(by_intelex, "sklearnex.cluster"),
    "faiss": Rival(by_faiss, "faiss"),
    "dask-ml": Rival(by_dask_ml, "dask_ml.cluster"),
    "scipy, kmeans2": Rival(by_kmeans2, "scipy.cluster.vq", serial=True),
}


def inertia_of(work: Work, answer: Answer) -> float:
    """Sum the squared distances to the nearest centroid, in float64."""
    centroids = np.asarray(answer.centroids, "f8")
    pieces = (work.rows[first : first + PIECE] for first in range(0, len(work.rows), PIECE))
    return float(sum(np.sum(fastkm.vq(piece.astype("f8"), centroids)[1] ** 2) for piece in pieces))


def as_good(work: Work, ours: Answer, theirs: Answer) -> None:
    """Find the same inertia, but for the float32 sums of others, in as many iterations."""
    assert theirs.centroids.shape == ours.centroids.shape
    if theirs.other_method:
        return
    if theirs.iterations is not None:
        assert abs(theirs.iterations - ours.iterations) <= 1
    assert np.isclose(inertia_of(work, ours), inertia_of(work, theirs), rtol=1e-3)


def lloyd_case(n: int, d: int, k: int, dtype: str = "f4") -> Case:
    """Fit rows of d features to k clusters."""
    word = {"f4": "float32", "f8": "float64"}[dtype]
    rivals = {name: one for name, one in RIVALS.items() if name != "faiss" or dtype == "f4"}
    return Case(
        f"KMeans, {format_count(n)} x {d} {word}, k = {k}",
        lambda size: blobs(size, d, k, dtype),
        {"tiny": min(n, 50 * k), "small": min(n, 50_000), "full": n},
        rivals,
        as_good,
        inertia_of,
        at={"n": n, "d": d, "k": k},
    )


PHOTOGRAPH = Case(
    "KMeans, china.jpg in 16 colours",
    photograph,
    {"tiny": 1_000, "small": 273_280, "full": 273_280},
    RIVALS,
    as_good,
    inertia_of,
    rename=lambda n: f"KMeans, {format_count(n)} pixels of china.jpg in 16 colours",
)
LLOYD = [
    *(lloyd_case(1_000_000, d, k) for d in (2, 3, 6, 12) for k in (8, 32)),
    *(lloyd_case(1_000_000, d, k, "f8") for d in (3, 12) for k in (8, 32)),
    *(lloyd_case(100_000, d, k) for d in (32, 64, 128) for k in (16, 64)),
    lloyd_case(10_000, 3, 8),
    *(lloyd_case(n, d, 8) for n in (100, 1_000) for d in (3, 64)),
    PHOTOGRAPH,
]
