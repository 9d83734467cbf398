"""Distances: how long a contour is across, in memory that grows with its points only.

`scipy.spatial.distance.cdist` builds all n^2 distances to take one maximum. In the plane only
the corners of the convex hull matter (`fastkm.geometry.diameters.farthest_in_plane`). On the globe every point
is a corner, but bounds on blocks of points leave few pairs to measure
(`fastkm.geometry.diameters.farthest_on_globe`). In more dimensions all pairs are compared in blocks.

Many contours come one after another in one array, with offsets where each begins, as
`shapely.to_ragged_array` returns them; a question about all of them costs no Python call a contour.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, overload

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import resolve_thread_count
from fastkm.geometry.diameters import farthest_in_plane, farthest_on_globe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Metric = Literal["euclidean", "great_circle", "geodesic"]
Method = Literal["auto", "hull", "chunked"]

METRICS = ("euclidean", "great_circle", "geodesic")

FLOAT64 = np.dtype(np.float64)


class FarthestPair(NamedTuple):
    """A maximum distance and the rows between which it lies."""

    distance: float
    first: int
    second: int


@overload
def max_pairwise_distance(
    points: ArrayLike,
    *,
    metric: Metric = "euclidean",
    method: Method = "auto",
    return_pair: Literal[False] = False,
    threads: int | None = None,
) -> float: ...
@overload
def max_pairwise_distance(
    points: ArrayLike,
    *,
    metric: Metric = "euclidean",
    method: Method = "auto",
    return_pair: Literal[True],
    threads: int | None = None,
) -> FarthestPair: ...


def max_pairwise_distance(
    points: ArrayLike,
    *,
    metric: Metric = "euclidean",
    method: Method = "auto",
    return_pair: bool = False,
    threads: int | None = None,
) -> float | FarthestPair:
    """Find the largest distance between two rows, in memory proportional to their number.

    The Euclidean one is equal to ``scipy.spatial.distance.cdist(points, points).max()`` to 1e-12
    relative, the geodesic one to the largest ``pyproj.Geod(ellps="WGS84").inv`` of all pairs to 1e-6 m.

    Parameters
    ----------
    points : (n, d) array-like
        One point a row, n >= 1. Rows with a masked cell are left out. On the globe a row is a
        latitude and a longitude in degrees, the latitude geographic, the longitude any number.
    metric : {"euclidean", "great_circle", "geodesic"}
        The straight line; the arc on a sphere of radius `EARTH_RADIUS`; the shortest line on the
        WGS84 ellipsoid.
    method : {"auto", "hull", "chunked"}
        "hull" compares the corners of the convex hull, for Euclidean distances and d = 2 only;
        "chunked" all pairs; "auto" as few as it can.
    return_pair : bool, default: False
        Return the two rows as well.
    threads : int, optional
        At least 1; by default ``FASTKM_NUM_THREADS``, otherwise the CPUs that the process may use.
        The result does not depend on it.

    Returns
    -------
    float or FarthestPair
        The distance, in the units of `points` or on the globe in metres; with `return_pair` the
        tuple ``(distance, first, second)`` with ``first <= second``.

    Raises
    ------
    ValueError
        If the shape is not (n, d), on the globe (n, 2); there is no point; a value is not finite, or
        a latitude is beyond a pole; the metric or the method is unknown; the method is "hull" for d
        other than 2 or on the globe; or `threads` is not a positive integer.
    TypeError
        If `points` does not hold real numbers.

    References
    ----------
    .. [1] Bentley, J. L., Faust, M. G. & Preparata, F. P. (1982). Approximation algorithms for
       convex hulls. Commun. ACM 25(1), 64-68.
    .. [2] Andrew, A. M. (1979). Another efficient algorithm for convex hulls in two dimensions.
       Inf. Process. Lett. 9(5), 216-219.
    .. [3] Karney, C. F. F. (2013). Algorithms for geodesics. J. Geod. 87(1), 43-55.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.max_pairwise_distance([[0, 0], [1, 1], [3, 4]])
    5.0
    >>> fastkm.max_pairwise_distance([[0, 0], [1, 1], [3, 4]], return_pair=True)
    FarthestPair(distance=5.0, first=0, second=2)
    >>> round(fastkm.max_pairwise_distance([[0, 0], [0, 90], [0, 200]], metric="geodesic"))
    17811119
    """
    # the options and the points
    validation.require_choice("method", method, ("auto", "hull", "chunked"))
    resolve_thread_count(threads)
    checked = _check_points(points, metric)
    if method == "hull" and metric != "euclidean":
        raise ValueError(
            f"method 'hull' is for metric 'euclidean', got {metric!r}: on a globe every point is a "
            "corner of the hull; use 'auto' or 'chunked'"
        )
    rows = checked.select_valid()
    if method == "hull" and rows.shape[1] != 2:
        raise ValueError(f"method 'hull' needs points of shape (n, 2), got {rows.shape}")
    if len(rows) == 0:
        raise ValueError("points holds no point (or all are masked)")
    # the farthest pair
    if metric == "euclidean":
        pair = farthest_in_plane.find_farthest(rows, method, threads=threads)
        if pair is None:
            validation.require_finite(checked.rows, "points", valid=checked.valid)
    else:
        _require_latitudes(checked)
        find = farthest_on_globe.find_farthest
        if method == "chunked":
            find = farthest_on_globe.compare_all_pairs
        pair = find(farthest_on_globe.EARTHS[metric], rows, threads=threads)
    distance, *ends = cast("farthest_on_globe.Pair", pair)
    if not return_pair:
        return distance
    # its rows, masked ones counted
    ends.sort()
    if checked.valid is not None:
        ends = np.flatnonzero(checked.valid)[ends].tolist()
    return FarthestPair(distance, *map(int, ends))


@overload
def exceeds_distance(
    points: ArrayLike,
    threshold: float,
    *,
    metric: Metric = "euclidean",
    offsets: None = None,
    threads: int | None = None,
) -> bool: ...
@overload
def exceeds_distance(
    points: ArrayLike,
    threshold: float,
    *,
    metric: Metric = "euclidean",
    offsets: ArrayLike,
    threads: int | None = None,
) -> np.ndarray: ...


def exceeds_distance(
    points: ArrayLike,
    threshold: float,
    *,
    metric: Metric = "euclidean",
    offsets: ArrayLike | None = None,
    threads: int | None = None,
) -> bool | np.ndarray:
    """Return True if two rows are farther apart than a threshold.

    The answer is that of ``max_pairwise_distance(points, metric=metric) > threshold``, mostly
    without its cost: a bounding box is often enough, and so is the first pair beyond the threshold.

    Parameters
    ----------
    points : (n, d) array-like
        As for `max_pairwise_distance`; there may be none.
    threshold : float
        In the units of `points`, on the globe in metres.
    metric : {"euclidean", "great_circle", "geodesic"}
        As for `max_pairwise_distance`.
    offsets : (m + 1,) array-like of int, optional
        The points are m contours one after another, contour i the rows from ``offsets[i]`` to
        before ``offsets[i + 1]``.
    threads : int, optional
        As for `max_pairwise_distance`.

    Returns
    -------
    bool or (m,) bool array
        One answer, or with `offsets` one a contour. False if there is no point.

    Raises
    ------
    ValueError
        As `max_pairwise_distance`; also if the threshold is NaN, or the offsets do not ascend
        from 0 to n.
    TypeError
        If `points` does not hold real numbers, the threshold is not a number or the offsets are not
        whole.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.exceeds_distance([[0, 0], [1, 1], [3, 4]], 5)
    False
    >>> fastkm.exceeds_distance([[0, 0], [1, 1], [3, 4]], 1, offsets=[0, 2, 3])
    array([ True, False])
    """
    limit = _check_threshold(threshold)
    resolve_thread_count(threads)
    rows, bounds = _check_contours(points, offsets, metric)
    if metric == "euclidean":
        answers = farthest_in_plane.exceeds_limit(rows, bounds, limit, threads=threads)
    else:
        earth = farthest_on_globe.EARTHS[metric]
        found = farthest_on_globe.find_diameters(earth, rows, bounds, floor=limit, threads=threads)
        answers = found > limit
    return bool(answers[0]) if offsets is None else answers


def max_pairwise_distances(
    points: ArrayLike,
    offsets: ArrayLike,
    *,
    metric: Metric = "euclidean",
    threads: int | None = None,
) -> np.ndarray:
    """Find the largest distance within each of many contours; NaN for a contour of no point.

    Each is that of `max_pairwise_distance`, to the bit. Parameters and errors are those of
    `exceeds_distance`.

    Examples
    --------
    >>> max_pairwise_distances([[0, 0], [1, 0], [3, 4]], [0, 2, 3])
    array([1., 0.])
    """
    resolve_thread_count(threads)
    rows, bounds = _check_contours(points, offsets, metric)
    if metric == "euclidean":
        return farthest_in_plane.find_diameters(rows, bounds, threads=threads)
    earth = farthest_on_globe.EARTHS[metric]
    return farthest_on_globe.find_diameters(earth, rows, bounds, threads=threads)


def _check_threshold(threshold: Any) -> float:
    """Return a threshold as a float: any number, infinities too."""
    if not isinstance(threshold, Real):
        raise TypeError(f"threshold must be a number, got {threshold!r}")
    if np.isnan(float(threshold)):
        raise ValueError(f"threshold must be a number, got {threshold!r}")
    return float(threshold)


def _check_points(points: ArrayLike, metric: str) -> validation.Observations:
    """Check the metric and the shape; numbers may still not be finite."""
    validation.require_choice("metric", metric, METRICS)
    if type(points) is np.ndarray and points.dtype == FLOAT64 and points.ndim == 2 and points.size:
        rows = validation.freeze(points, FLOAT64)  # 1 us where all checks take 4
        if metric == "euclidean" or rows.shape[1] == 2:
            return validation.Observations(rows, None, 2, FLOAT64)
    if np.ndim(points) != 2:
        raise ValueError(f"points must have shape (n, d), got {np.shape(points)}")
    checked = validation.check_observations(points, "points", dtype=FLOAT64)
    if metric != "euclidean" and checked.rows.shape[1] != 2:
        raise ValueError(
            f"points must have shape (n, 2), latitude and longitude, for metric {metric!r}, "
            f"got {checked.rows.shape}"
        )
    return checked


def _require_latitudes(checked: validation.Observations) -> None:
    """Raise unless all valid rows are finite and between the poles."""
    validation.require_finite(checked.rows, "points", valid=checked.valid)
    wrong = np.abs(checked.rows[:, 0]) > 90
    if checked.valid is not None:
        wrong &= checked.valid
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "points must have latitudes, first in each row, from -90 to 90 degrees: "
            f"row {row} is {checked.rows[row]!s}"
        )


def _check_contours(
    points: ArrayLike, offsets: ArrayLike | None, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are not masked, and offsets into these.

    Numbers that are not finite stay in the rows for Euclidean distances, whose kernels find them.
    """
    checked = _check_points(points, metric)
    if metric != "euclidean":
        _require_latitudes(checked)
    elif checked.valid is not None:
        validation.require_finite(checked.rows, "points", valid=checked.valid)
    n = len(checked.rows)
    bounds = np.array([0, n]) if offsets is None else np.asarray(offsets)
    if bounds.dtype.kind not in "iu":
        raise TypeError(f"offsets must be integers, got {bounds.dtype}")
    if bounds.ndim != 1 or len(bounds) == 0:
        raise ValueError(f"offsets must have shape (m + 1,), got {bounds.shape}")
    if bounds[0] != 0 or bounds[-1] != n or (bounds[1:] < bounds[:-1]).any():
        raise ValueError(
            f"offsets must ascend from 0 to the number of points, {n}, "
            f"got {bounds[0]} ... {bounds[-1]}"
            + (", not ascending" if (bounds[1:] < bounds[:-1]).any() else "")
        )
    if checked.valid is not None:
        bounds = np.concatenate(([0], np.cumsum(checked.valid)))[bounds]
    return checked.select_valid(), validation.freeze(bounds, np.dtype(np.int64))
