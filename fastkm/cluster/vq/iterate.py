"""Lloyd's algorithm with scipy's two policies: `kmeans` and `kmeans2`.

An iteration is done by `fastkm.cluster.vq.steps`; here are the loops: where to start, what to do
about a code that has lost its rows, and when to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastkm._core import validation
from fastkm._core.notes import warn_user
from fastkm.cluster.lloyd.row_chunks import raise_not_finite
from fastkm.cluster.vq.initialization import (
    INITIALISERS,
    Random,
    accept_seed,
    as_generator,
    draw_points,
)
from fastkm.cluster.vq.quantize import check_codes, find_nearest
from fastkm.cluster.vq.steps import Engine, Run, choose_engine

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@accept_seed
def kmeans(
    obs: ArrayLike,
    k_or_guess: ArrayLike,
    iter: int = 20,
    thresh: float = 1e-5,
    check_finite: bool = True,
    *,
    rng: Random | int | None = None,
    seed: Random | int | None = None,  # noqa: ARG001  (becomes rng in the decorator)
) -> tuple[np.ndarray, float]:
    """Find the codebook of lowest distortion among `iter` runs of Lloyd's algorithm.

    The function behaves like `scipy.cluster.vq.kmeans`: it has the same draws and stop rule, and
    drops codes that lose all their observations.

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation per row; any real type and memory layout, also a masked array or an
        `xarray.DataArray`, whose missing rows are left out.
    k_or_guess : int or (k,) or (k, d) array-like
        The number of codes, started at randomly chosen observations, or the codes to start from.
    iter : int, default: 20
        The number of runs, each from a new random choice; a guess is run once.
    thresh : float, default: 1e-5
        A run ends when the distortion changes by this much or less.
    check_finite : bool, default: True
        Raise if the input holds NaN or an infinity. False saves the time of looking for them; in
        `obs` they raise in any case, as no codebook fits them.
    rng : {None, int, `numpy.random.Generator`}, keyword-only
        Passed through `numpy.random.default_rng`. With neither `rng` nor `seed`, numpy's global
        state is used.
    seed : {None, int, `numpy.random.RandomState`, `numpy.random.Generator`}, keyword-only
        The older name: an int seeds a `numpy.random.RandomState`.

    Returns
    -------
    codebook : (k,) or (k, d) array
        At most k codes, in the order of their start; float32 for float32 and float16 input,
        otherwise float64.
    distortion : float
        The mean Euclidean (not squared) distance of the observations to the last codebook but
        one, as in scipy.

    Raises
    ------
    ValueError
        If shapes do not fit, k is not an integer from 1 to n, or values are not finite.
    TypeError
        If the input does not hold real numbers, or `rng` and `seed` are both given.

    See Also
    --------
    kmeans1d : The optimum in one dimension, not the best of some runs.

    Notes
    -----
    If several runs have the same distortion, the first wins. Sums are float64 for every input
    type; scipy's are in the type of the input, which gives a mean of 262.0 for 1e7 float32 values
    of 288.

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> codebook, distortion = fastkm.kmeans(np.array([1.0, 2, 8, 9]), 2, rng=0)
    >>> np.sort(codebook), float(distortion)
    (array([1.5, 8.5]), 0.5)
    """
    points = validation.check_observations(obs, "obs")
    if iter < 1:
        raise ValueError(f"iter must be at least 1, got {iter}")
    if not thresh >= 0:
        raise ValueError(f"thresh must be 0 or more, got {thresh}")
    rows = _take_rows(points, "obs", check_finite=check_finite)

    # one run from a guess
    if np.ndim(k_or_guess) > 0:
        _refuse_single_code(k_or_guess, "k_or_guess")
        guess = check_codes(k_or_guess, "k_or_guess", points, check_finite=check_finite).rows
        engine = choose_engine(rows)
        book, distortion = _iterate_until_converged(engine, guess, thresh, rows.dtype)
        return _restore_dimensions(book, points), rows.dtype.type(distortion)

    # the best of several runs from random rows
    k = validation.as_values_and_mask(k_or_guess, "k_or_guess")[0].item()
    if k != int(k):
        raise ValueError(f"If k_or_guess is a scalar, it must be an integer, got {k}")
    if k < 1:
        raise ValueError(f"Asked for {int(k)} clusters.")
    rng = as_generator(rng)
    engine = choose_engine(rows)
    best, lowest = np.empty((0, rows.shape[1])), np.inf
    for _ in range(iter):
        start = draw_points(rows, int(k), rng)
        book, distortion = _iterate_until_converged(engine, start, thresh, rows.dtype)
        if distortion < lowest:
            best, lowest = book, distortion
    return _restore_dimensions(best, points), rows.dtype.type(lowest)


@accept_seed
def kmeans2(
    data: ArrayLike,
    k: ArrayLike,
    iter: int = 10,
    thresh: float = 1e-5,  # noqa: ARG001  (nor does scipy use it)
    minit: str = "random",
    missing: str = "warn",
    check_finite: bool = True,
    *,
    rng: Random | int | None = None,
    seed: Random | int | None = None,  # noqa: ARG001  (becomes rng in the decorator)
) -> tuple[np.ndarray, np.ndarray]:
    """Run a fixed number of Lloyd's iterations from a chosen start.

    The function behaves like `scipy.cluster.vq.kmeans2`: the same generator gives the same starts,
    and a code that has no observations stays where it was.

    Parameters
    ----------
    data : (n,) or (n, d) array-like
        One observation per row, as in `kmeans`.
    k : int or (k,) or (k, d) array-like
        The number of clusters, or the centroids to start from.
    iter : int, default: 10
        The number of iterations.
    thresh : float
        Not used, as in scipy.
    minit : {"random", "points", "++", "matrix"}, default: "random"
        Start from a normal distribution like the data's, from random rows, from k-means++, or
        from `k` itself.
    missing : {"warn", "raise"}, default: "warn"
        What to do if a code has no observations.
    check_finite : bool, default: True
        As in `kmeans`.
    rng, seed
        As in `kmeans`.

    Returns
    -------
    centroid : (k,) or (k, d) array
        The centroids after the last iteration; float32 for float32 and float16 input, otherwise
        float64.
    label : (n,) int32 array
        The nearest centroid of each row before the last update, as in scipy; -1 if the row is
        missing.

    Raises
    ------
    ClusterError
        If a code has no observations and ``missing="raise"``.
    ValueError
        If shapes do not fit, an option is unknown, or values are not finite.
    TypeError
        If the input does not hold real numbers, or `rng` and `seed` are both given.

    Warns
    -----
    UserWarning
        In each iteration in which a code has no observations, with ``missing="warn"``.

    Notes
    -----
    Sums are float64 for every input type; see `kmeans`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> centroid, label = fastkm.kmeans2(np.array([1.0, 2, 8, 9]), np.array([0.0, 10]))
    >>> centroid, label
    (array([1.5, 8.5]), array([0, 0, 1, 1], dtype=int32))
    """
    if int(iter) < 1:
        raise ValueError(f"Invalid iter ({iter}), must be a positive integer.")
    if missing not in {"warn", "raise"}:
        raise ValueError(f"Unknown missing method {missing!r}; take 'warn' or 'raise'")
    points = validation.check_observations(data, "data")
    if points.rows.size == 0 or np.size(k) == 0:
        raise ValueError("Empty input is not supported.")
    rows = _take_rows(points, "data", check_finite=check_finite)

    # where to start
    if minit != "matrix":
        _refuse_single_code(k, "k")
    if minit == "matrix" or np.ndim(k) > 0:
        centroids = check_codes(k, "k", points, check_finite=check_finite).rows
    else:
        centroids = _choose_start(rows, np.asarray(k).item(), minit, rng)
        if check_finite:
            validation.require_finite(centroids, "k", takes_masks=False)

    # iterate: in one call, or one by one
    engine, iterations = choose_engine(rows), len(range(iter))
    run = engine.run(centroids, iterations)
    if run is None:
        run = _iterate_one_by_one(engine, rows, centroids, iterations, missing)
    for _ in range(run.empty):
        _report_empty(missing)
    # the labels that the last means were computed from
    label = run.labels
    if label is None:
        label, _, finite = find_nearest(rows, validation.freeze(run.before, rows.dtype))
        if not finite:
            raise_not_finite(rows, "data")
    if points.valid is not None:
        labels = np.full(len(points.valid), -1, label.dtype)
        labels[points.valid] = label
        label = labels
    return _restore_dimensions(run.codebook, points), label


def _iterate_one_by_one(
    engine: Engine, rows: np.ndarray, centroids: np.ndarray, iterations: int, missing: str
) -> Run:
    """Do iterations; a code without rows stays, or ends them if `missing` is "raise"."""
    # if distances may overflow, the first step measures them and raises
    is_safe, empties = engine.has_finite_distances(centroids), 0
    for number in range(iterations):
        before = centroids
        step = engine.step(before, measured=number == 0 and not is_safe)
        empty = step.counts == 0
        if empty.any():
            empties += 1
            if missing == "raise":
                break
        centroids = np.where(empty[:, None], before, step.means).astype(rows.dtype)
    return Run(centroids, before, engine.labels if is_safe else None, empties)


def _iterate_until_converged(
    engine: Engine, book: np.ndarray, thresh: float, dtype: np.dtype
) -> tuple[np.ndarray, float]:
    """Iterate until the distortion changes by `thresh` or less; drop codes without members."""
    before = np.inf
    while True:
        step = engine.step(book)
        book = step.means[step.counts > 0].astype(dtype)
        if abs(before - step.distortion) <= thresh:
            return book, step.distortion
        before = step.distortion


def _choose_start(rows: np.ndarray, k: float, minit: str, rng: Random | int | None) -> np.ndarray:
    count = int(k)
    if count < 1:
        raise ValueError(f"Cannot ask kmeans2 for {count} clusters (k was {k})")
    if count != k:
        warn_user("k was not an integer, was converted.")
    if minit not in INITIALISERS:
        raise ValueError(
            f"Unknown init method {minit!r}; take one of {', '.join(INITIALISERS)} or matrix"
        )
    return INITIALISERS[minit](rows, count, as_generator(rng))


def _take_rows(points: validation.Observations, name: str, *, check_finite: bool) -> np.ndarray:
    """Return the rows that are not missing; raise a ValueError if there are none."""
    rows = points.select_valid()
    if len(rows) == 0:
        raise ValueError(f"{name} holds no observations (or all are missing)")
    if check_finite:
        validation.require_finite(points.rows, name, valid=points.valid)
    return rows


def _report_empty(missing: str) -> None:
    message = "One of the clusters is empty. Re-run kmeans with a different initialization."
    if missing == "raise":
        from fastkm.errors import ClusterError

        raise ClusterError(message)
    warn_user(message)


def _refuse_single_code(k: ArrayLike, name: str) -> None:
    """Refuse an array of one element, which may mean a number of clusters or one code."""
    if np.ndim(k) > 0 and np.size(k) == 1:
        raise TypeError(f"{name} must be a plain number or several codes, got {k!r}")


def _restore_dimensions(book: np.ndarray, points: validation.Observations) -> np.ndarray:
    """Return the codebook with as many dimensions as the data came with."""
    return book[:, 0].copy() if points.ndim == 1 else book
