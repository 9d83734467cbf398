"""Distances: how long a contour is across, in memory that grows with its points only.

`scipy.spatial.distance.cdist` builds all n^2 distances to take one maximum. In the plane only
the corners of the convex hull matter (`fastkm.geometry.farthest_in_plane`); on the globe, where every point
is a corner, bounds on blocks of points leave few pairs to measure (`fastkm.geometry.farthest_on_globe`);
elsewhere all pairs are compared in blocks.

Many contours come one after another in one array, with offsets where each begins, as
`shapely.to_ragged_array` gives them; a question about them costs no Python call a contour.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

from fastkm._core import validation
from fastkm._core.threads import CHUNK_BYTES, map_chunks, thread_count
from fastkm._kernels import ring_diameters
from fastkm.geometry import farthest_in_plane, farthest_on_globe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Metric = Literal["euclidean", "great_circle", "geodesic"]
Method = Literal["auto", "hull", "chunked"]

METRICS = ("euclidean", "great_circle", "geodesic")

SAFE_EXPONENT = 400
"""Coordinates between 2^-400 and 2^400 have squares that neither overflow nor underflow."""


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
    """Find the largest distance between two rows.

    In memory proportional to the number of points. The Euclidean one is equal to
    ``scipy.spatial.distance.cdist(points, points).max()`` to 1e-12 relative, the geodesic one to
    the largest ``pyproj.Geod(ellps="WGS84").inv`` of all pairs to 1e-6 m.

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
        At least 1; by default ``FASTKM_NUM_THREADS``, else the CPUs that the process may use. The result does
        not depend on it.

    Returns
    -------
    float or FarthestPair
        The distance, in the units of `points`, or on the globe in metres; with `return_pair` the
        tuple ``(distance, first, second)`` with ``first <= second``.

    Raises
    ------
    ValueError
        If the shape is not (n, d), on the globe (n, 2); there is no point; a value is not finite,
        or a latitude beyond a pole; the metric or the method is unknown; the method is "hull" for d
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
    validation.require_choice("method", method, ("auto", "hull", "chunked"))
    thread_count(threads)
    checked = _points(points, metric)
    if method == "hull" and metric != "euclidean":
        raise ValueError(
            f"method 'hull' is for metric 'euclidean', got {metric!r}: on a globe every point is a "
            "corner of the hull, and none can go; 'auto' and 'chunked' serve"
        )
    rows = checked.present()
    if len(rows) == 0:
        raise ValueError("points holds no point (or all are masked)")
    if metric == "euclidean":
        found = _euclidean(checked, rows, method, threads)
    else:
        _require_latitudes(checked)
        earth = farthest_on_globe.EARTHS[metric]
        search = (
            farthest_on_globe.farthest_of_all if method == "chunked" else farthest_on_globe.farthest
        )
        found = FarthestPair(*search(earth, rows, threads=threads))
    if not return_pair:
        return found.distance
    pair = sorted(found[1:])
    if checked.valid is not None:
        pair = np.flatnonzero(checked.valid)[pair].tolist()
    return FarthestPair(found.distance, *map(int, pair))


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
    """Tell whether two rows are farther apart than a threshold.

    The answer is that of ``max_pairwise_distance(points, metric=metric) > threshold``, mostly
    without its cost: a bounding box often decides, and the first pair beyond the threshold does.

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
        One answer, or with `offsets` one a contour. False where there is no point.

    Raises
    ------
    ValueError
        As `max_pairwise_distance`; also if the threshold is NaN, or the offsets do not ascend
        from 0 to n.
    TypeError
        If `points` does not hold real numbers, the threshold is none or the offsets are not whole.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.exceeds_distance([[0, 0], [1, 1], [3, 4]], 5)
    False
    >>> fastkm.exceeds_distance([[0, 0], [1, 1], [3, 4]], 1, offsets=[0, 2, 3])
    array([ True, False])
    """
    limit = _limit(threshold)
    thread_count(threads)
    rows, bounds = _ragged(points, offsets, metric)
    if metric == "euclidean":
        answers = _exceed(rows, bounds, limit, threads)
    else:
        answers = farthest_on_globe.exceed(
            farthest_on_globe.EARTHS[metric], rows, bounds, limit, threads=threads
        )
    return bool(answers[0]) if offsets is None else answers


def max_pairwise_distances(
    points: ArrayLike,
    offsets: ArrayLike,
    *,
    metric: Metric = "euclidean",
    threads: int | None = None,
) -> np.ndarray:
    """Find the largest distance within each of many contours.

    Each is that of `max_pairwise_distance`, to the bit.

    Parameters
    ----------
    points : (n, d) array-like
        As for `max_pairwise_distance`, the contours one after another.
    offsets : (m + 1,) array-like of int
        Contour i is the rows from ``offsets[i]`` to before ``offsets[i + 1]``.
    metric : {"euclidean", "great_circle", "geodesic"}
        As for `max_pairwise_distance`.
    threads : int, optional
        As for `max_pairwise_distance`.

    Returns
    -------
    (m,) float64 array
        Distances in the units of `points`, on the globe in metres; NaN for a contour of no point.

    Raises
    ------
    ValueError, TypeError
        As `exceeds_distance`.

    Examples
    --------
    >>> max_pairwise_distances([[0, 0], [1, 0], [3, 4]], [0, 2, 3])
    array([1., 0.])
    """
    thread_count(threads)
    rows, bounds = _ragged(points, offsets, metric)
    if metric != "euclidean":
        return farthest_on_globe.diameters(
            farthest_on_globe.EARTHS[metric], rows, bounds, threads=threads
        )
    validation.require_finite(rows, "points")
    found = np.full(len(bounds) - 1, -1.0)
    if rows.shape[1] == 2:
        _each_contour(ring_diameters.squares, rows, bounds, found, threads)
        np.sqrt(found, out=found, where=found >= 0)
    found[np.diff(bounds) == 0] = np.nan
    for i in np.flatnonzero(found < 0):
        found[i] = max_pairwise_distance(rows[bounds[i] : bounds[i + 1]], threads=threads)
    return found


def _limit(threshold: Any) -> float:
    """Check a threshold: any number, infinities too."""
    if not isinstance(threshold, Real):
        raise TypeError(f"threshold must be a number, got {threshold!r}")
    if np.isnan(float(threshold)):
        raise ValueError(f"threshold must be a number, got {threshold!r}")
    return float(threshold)


def _points(points: ArrayLike, metric: str) -> validation.Observations:
    """Check metric and shape; numbers may still not be finite."""
    validation.require_choice("metric", metric, METRICS)
    if np.ndim(points) != 2:
        raise ValueError(f"points must have shape (n, d), got {np.shape(points)}")
    checked = validation.observations(points, "points", dtype=np.dtype(np.float64))
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


def _ragged(
    points: ArrayLike, offsets: ArrayLike | None, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Check points and offsets; give the rows that are not masked, and offsets into these.

    Latitudes are checked, and for Euclidean distances nothing yet: their kernels look themselves.
    """
    checked = _points(points, metric)
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
    return checked.present(), validation.frozen(bounds, np.dtype(np.int64))


def _euclidean(
    checked: validation.Observations, rows: np.ndarray, method: str, threads: int | None
) -> FarthestPair:
    """Find the farthest pair of the rows in the straight line."""
    is_planar = rows.shape[1] == 2
    if method == "hull" and not is_planar:
        raise ValueError(f"method 'hull' needs points of shape (n, 2), got {rows.shape}")
    box = np.empty(0)
    if is_planar:
        box, finite = farthest_in_plane.bounding_box(rows, threads=threads)
        size = np.abs(box).max()
    else:
        size = np.abs(rows).max(initial=0.0)
        finite = np.isfinite(size)
    if not finite:
        validation.require_finite(checked.rows, "points", valid=checked.valid)
    exponent = int(np.frexp(size)[1])
    if abs(exponent) > SAFE_EXPONENT:
        rows, box = validation.frozen(np.ldexp(rows, -exponent)), np.ldexp(box, -exponent)
    else:
        exponent = 0
    by_hull = is_planar and (
        method == "hull" or (method == "auto" and len(rows) > ring_diameters.SMALL)
    )
    if by_hull:
        square, first, second = farthest_in_plane.farthest_by_hull(rows, box, threads=threads)
    else:
        square, first, second = farthest_in_plane.farthest_of_all(rows, threads=threads)
    with np.errstate(over="ignore"):
        return FarthestPair(float(np.ldexp(np.sqrt(square), exponent)), first, second)


def _exceed(rows: np.ndarray, bounds: np.ndarray, limit: float, threads: int | None) -> np.ndarray:
    """Tell for each contour whether its largest Euclidean distance exceeds a limit."""
    verdicts = np.full(len(bounds) - 1, ring_diameters.UNKNOWN, np.uint8)
    square = largest_square(limit)
    if rows.shape[1] == 2:
        _each_contour(ring_diameters.exceed, rows, bounds, verdicts, threads, square)
    unknown = np.flatnonzero(verdicts == ring_diameters.UNKNOWN)
    if len(unknown):
        validation.require_finite(rows, "points")
    for i in unknown:
        piece = rows[bounds[i] : bounds[i + 1]]
        verdicts[i] = len(piece) > 0 and _exceeds(piece, limit, square, threads)
    return verdicts == ring_diameters.YES


def _exceeds(rows: np.ndarray, limit: float, square: float, threads: int | None) -> bool:
    """Answer for points in the plane, or in space where all pairs are compared till one is beyond."""
    box = np.stack([rows.min(axis=0), rows.max(axis=0)])
    exponent = int(np.frexp(np.abs(box).max())[1])
    if rows.shape[1] == 2 or abs(exponent) > SAFE_EXPONENT:
        return max_pairwise_distance(rows, threads=threads) > limit
    total = 0.0
    for side in box[1] - box[0]:  # summed as a pair's, so rounding cannot order them otherwise
        total += float(side) * float(side)
        if float(side) * float(side) > square:
            return True
    if total <= square:
        return False
    return farthest_in_plane.farthest_of_all(rows, beyond=square, threads=threads)[0] > square


def largest_square(limit: float) -> float:
    """Give the largest number whose square root, rounded, does not exceed `limit`; -1 if none.

    Examples
    --------
    >>> largest_square(2.0) >= 4.0, largest_square(-1.0)
    (True, -1.0)
    """
    if limit < 0:
        return -1.0
    square = limit * limit
    while math.sqrt(square) > limit:
        square = math.nextafter(square, 0.0)
    while square < math.inf and math.sqrt(math.nextafter(square, math.inf)) <= limit:
        square = math.nextafter(square, math.inf)
    return square


def _each_contour(
    kernel: Any,
    rows: np.ndarray,
    bounds: np.ndarray,
    found: np.ndarray,
    threads: int | None,
    *more: float,
) -> None:
    """Let a kernel fill `found`, chunks of contours in parallel."""
    mean = max(1, rows.nbytes // max(1, len(found)))

    def run(start: int, stop: int) -> None:
        kernel(rows, bounds, start, stop, *more, found)

    map_chunks(run, len(found), max(1, CHUNK_BYTES // mean), threads=threads)
