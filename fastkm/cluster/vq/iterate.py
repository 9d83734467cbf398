"""Lloyd's algorithm with scipy's two policies: `kmeans` and `kmeans2`.

The iteration is `fastkm.cluster.vq.steps`'; here stand the loops: where to start, what to do about
a code that has lost its rows, and when to stop. Sums are float64 for every input, so float32 data
gives other last digits than scipy, which sums in float32: the mean of 1e7 float32 values of
288 comes out as 262.0 there.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core import validation
from fastkm.cluster.vq.initialization import (
    INITIALISERS,
    Random,
    accepts_seed,
    choose_points,
    generator,
)
from fastkm.cluster.vq.quantize import nearest, require_unmasked
from fastkm.cluster.vq.steps import Engine, engine_for, raise_infinite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@accepts_seed
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

    Takes the place of `scipy.cluster.vq.kmeans`: the same draws, stop rule, and treatment of
    codes that lose all their observations (they are dropped).

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation a row; any real type and memory layout, also a masked array or an
        `xarray.DataArray`, whose missing rows are left out.
    k_or_guess : int or (k,) or (k, d) array-like
        The number of codes, started at randomly chosen observations, or the codes to start from.
    iter : int, default: 20
        The number of runs, each from a new random choice; 1 where a guess is given.
    thresh : float, default: 1e-5
        A run ends when the distortion changes by this much or less.
    check_finite : bool, default: True
        Raise where the input holds NaN or an infinity. In `obs` that raises in any case, as
        no codebook fits it; False saves the time to look for it beforehand.
    rng : {None, int, `numpy.random.Generator`}, keyword-only
        Passed through `numpy.random.default_rng`. With neither `rng` nor `seed` numpy's global
        state is used.
    seed : {None, int, `numpy.random.RandomState`, `numpy.random.Generator`}, keyword-only
        The older name: an int seeds a `numpy.random.RandomState`.

    Returns
    -------
    codebook : (k,) or (k, d) array
        At most k codes, in the order of their start; float32 for float32 and float16 input,
        else float64.
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
    kmeans1d : the optimum in one dimension, not the best of some runs.

    Notes
    -----
    Of runs with equal distortion the first wins. Sums are float64 for every input type; scipy's
    are in the type of the input, which for 1e7 float32 values of 288 gives a mean of 262.0.

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> codebook, distortion = fastkm.kmeans(np.array([1.0, 2, 8, 9]), 2, rng=0)
    >>> np.sort(codebook), float(distortion)
    (array([1.5, 8.5]), 0.5)
    """
    points = validation.observations(obs, "obs")
    if iter < 1:
        raise ValueError(f"iter must be at least 1, got {iter}")
    if not thresh >= 0:
        raise ValueError(f"thresh must be 0 or more, got {thresh}")
    rows = _present(points, "obs", check_finite=check_finite)
    if np.ndim(k_or_guess) > 0:
        _refuse_one(k_or_guess, "k_or_guess")
        guess = _guess(k_or_guess, "k_or_guess", points, check_finite=check_finite)
        book, distortion = _run_until_settled(engine_for(rows), guess, thresh, rows.dtype)
        return _dressed(book, points), rows.dtype.type(distortion)

    k = _as_count(validation.plain(k_or_guess, "k_or_guess")[0].item())
    rng = generator(rng)
    engine = engine_for(rows)
    best, lowest = np.empty((0, rows.shape[1])), np.inf
    for _ in range(iter):
        start = choose_points(rows, k, rng)
        book, distortion = _run_until_settled(engine, start, thresh, rows.dtype)
        if distortion < lowest:
            best, lowest = book, distortion
    return _dressed(best, points), rows.dtype.type(lowest)


@accepts_seed
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

    Takes the place of `scipy.cluster.vq.kmeans2`: the same starts from the same generator, and
    the same treatment of a code that has no observations (it stays where it was).

    Parameters
    ----------
    data : (n,) or (n, d) array-like
        One observation a row, as in `kmeans`.
    k : int or (k,) or (k, d) array-like
        The number of clusters, or the centroids to start from.
    iter : int, default: 10
        The number of iterations.
    thresh : float
        Not used, as in scipy.
    minit : {"random", "points", "++", "matrix"}
        Start from a normal distribution like the data's, from random rows, from k-means++, or
        from `k` itself.
    missing : {"warn", "raise"}
        What to do when a code has no observations.
    check_finite : bool, default: True
        As in `kmeans`.
    rng, seed
        As in `kmeans`.

    Returns
    -------
    centroid : (k,) or (k, d) array
        The centroids after the last iteration; float32 for float32 and float16 input, else
        float64.
    label : (n,) int32 array
        The nearest centroid of each row before the last update, as in scipy; -1 where the row
        is missing.

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
    points = validation.observations(data, "data")
    if points.rows.size == 0 or np.size(k) == 0:
        raise ValueError("Empty input is not supported.")
    rows = _present(points, "data", check_finite=check_finite)
    if minit != "matrix":
        _refuse_one(k, "k")
    if minit == "matrix" or np.ndim(k) > 0:
        start = _guess(k, "k", points, check_finite=check_finite)
    else:
        start = _initialised(rows, np.asarray(k).item(), minit, rng)
        if check_finite:
            validation.require_finite(start, "k")

    engine = engine_for(rows)
    centroids = start
    safe = engine.finite(start)  # if not, the first step finds out
    for number in range(iter):
        start = centroids
        step = engine.step(start, measured=number == 0 and not safe)
        empty = step.counts == 0
        if empty.any():
            _report_empty(missing)
        centroids = np.where(empty[:, None], start, step.means).astype(rows.dtype)
    label = engine.labels if safe else None
    if label is None:
        label, _, finite = nearest(rows, validation.frozen(start, rows.dtype))
        if not finite:
            raise_infinite(rows, "data")
    return _dressed(centroids, points), _with_missing(label, points.valid)


def _run_until_settled(
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


def _initialised(rows: np.ndarray, k: float, minit: str, rng: Random | int | None) -> np.ndarray:
    count = int(k)
    if count < 1:
        raise ValueError(f"Cannot ask kmeans2 for {count} clusters (k was {k})")
    if count != k:
        warnings.warn("k was not an integer, was converted.", stacklevel=4)
    if minit not in INITIALISERS:
        raise ValueError(
            f"Unknown init method {minit!r}; take one of {', '.join(INITIALISERS)} or matrix"
        )
    return INITIALISERS[minit](rows, count, generator(rng))


def _present(points: validation.Observations, name: str, *, check_finite: bool) -> np.ndarray:
    """Give the rows that are not missing, at least one."""
    rows = points.present()
    if len(rows) == 0:
        raise ValueError(f"{name} holds no observations (or all are missing)")
    if check_finite:
        validation.require_finite(points.rows, name, valid=points.valid)
    return rows


def _with_missing(label: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Spread the labels of the valid rows over all rows; -1 elsewhere."""
    if valid is None:
        return label
    spread = np.full(len(valid), -1, label.dtype)
    spread[valid] = label
    return spread


def _report_empty(missing: str) -> None:
    message = "One of the clusters is empty. Re-run kmeans with a different initialization."
    if missing == "raise":
        from fastkm.errors import ClusterError

        raise ClusterError(message)
    warnings.warn(message, stacklevel=4)


def _guess(
    codes: ArrayLike, name: str, points: validation.Observations, *, check_finite: bool
) -> np.ndarray:
    """Check initial codes against the data."""
    if np.size(codes) == 0:
        raise ValueError(f"Asked for 0 clusters: {name} is empty")
    if np.ndim(codes) != points.ndim:
        raise ValueError(
            f"{name} must have {points.ndim} dimensions like the data, got {np.ndim(codes)}"
        )
    guess = validation.observations(codes, name)
    require_unmasked(guess, name)
    if points.rows.shape[1] != guess.rows.shape[1]:
        raise ValueError(
            f"{name} must have {points.rows.shape[1]} features like the data, "
            f"got {guess.rows.shape[1]}"
        )
    if check_finite:
        validation.require_finite(guess.rows, name)
    return guess.rows


def _refuse_one(k: ArrayLike, name: str) -> None:
    """Refuse an array of one element: it may mean a number of clusters or one code."""
    if np.ndim(k) > 0 and np.size(k) == 1:
        raise TypeError(f"{name} must be a plain number or several codes, got {k!r}")


def _as_count(k: float) -> int:
    if k != int(k):
        raise ValueError(f"If k_or_guess is a scalar, it must be an integer, got {k}")
    if k < 1:
        raise ValueError(f"Asked for {int(k)} clusters.")
    return int(k)


def _dressed(book: np.ndarray, points: validation.Observations) -> np.ndarray:
    """Give the codebook as many dimensions as the data came with."""
    return book[:, 0].copy() if points.ndim == 1 else book
