"""Distances: how long a contour is across, in memory that grows with its points only.

`scipy.spatial.distance.cdist` builds all n^2 distances to take one maximum. In the plane only
the corners of the convex hull matter; elsewhere all pairs are compared in blocks. The kernels
and their essay are in `fastkm._kernels.farthest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, overload

import numpy as np

from fastkm import _check
from fastkm._kernels.farthest import beyond_octagon, farthest_in_columns, farthest_of_chains, hull
from fastkm._parallel import map_chunks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Method = Literal["auto", "hull", "chunked"]

MANY_CORNERS = 1 << 10
"""Hull corners up to which all pairs are compared (0.4 ms); beyond, the chains are searched.
Contours on a lattice stay below: n cells across give some n^(2/3) corners."""

SAFE_EXPONENT = 400
"""Coordinates between 2^-400 and 2^400 have squares that neither overflow nor underflow."""

CHUNK = 1 << 10
"""Points a chunk in the comparison of all pairs."""


class FarthestPair(NamedTuple):
    """A maximum distance and the rows between which it lies."""

    distance: float
    first: int
    second: int


@overload
def max_pairwise_distance(
    points: ArrayLike, *, method: Method = "auto", return_pair: Literal[False] = False
) -> float: ...
@overload
def max_pairwise_distance(
    points: ArrayLike, *, method: Method = "auto", return_pair: Literal[True]
) -> FarthestPair: ...


def max_pairwise_distance(
    points: ArrayLike, *, method: Method = "auto", return_pair: bool = False
) -> float | FarthestPair:
    """Find the largest Euclidean distance between two rows.

    Equal to ``scipy.spatial.distance.cdist(points, points).max()`` to 1e-12 relative, in memory
    proportional to the number of points.

    Parameters
    ----------
    points : (n, d) array-like
        One point a row, n >= 1. Rows with a masked cell are left out.
    method : {"auto", "hull", "chunked"}
        "hull" compares the corners of the convex hull, for d = 2 only; "chunked" all pairs;
        "auto" the hull where it can.
    return_pair : bool, default: False
        Return the two rows as well.

    Returns
    -------
    float or FarthestPair
        The distance in the units of `points`; with `return_pair` the tuple
        ``(distance, first, second)`` with ``first <= second``.

    Raises
    ------
    ValueError
        If the shape is not (n, d), there is no point, a value is not finite, or the method is
        unknown or "hull" for d other than 2.
    TypeError
        If `points` does not hold real numbers.

    References
    ----------
    .. [1] Akl, S. G. & Toussaint, G. T. (1978). A fast convex hull algorithm. Inf. Process.
       Lett. 7(5), 219-222.
    .. [2] Andrew, A. M. (1979). Another efficient algorithm for convex hulls in two dimensions.
       Inf. Process. Lett. 9(5), 216-219.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.max_pairwise_distance([[0, 0], [1, 1], [3, 4]])
    5.0
    >>> fastkm.max_pairwise_distance([[0, 0], [1, 1], [3, 4]], return_pair=True)
    FarthestPair(distance=5.0, first=0, second=2)
    """
    if method not in ("auto", "hull", "chunked"):
        raise ValueError(f"method must be 'auto', 'hull' or 'chunked', got {method!r}")
    if np.ndim(points) != 2:
        raise ValueError(f"points must have shape (n, d), got {np.shape(points)}")
    checked = _check.observations(points, "points", dtype=np.dtype(np.float64))
    _check.require_finite(checked.rows, "points", valid=checked.valid)
    rows = checked.present()
    if len(rows) == 0:
        raise ValueError("points holds no point (or all are masked)")
    planar = rows.shape[1] == 2
    if method == "hull" and not planar:
        raise ValueError(f"method 'hull' needs points of shape (n, 2), got {rows.shape}")
    exponent = int(np.frexp(np.abs(rows).max(initial=0.0))[1])
    if abs(exponent) > SAFE_EXPONENT:
        rows = _check.frozen(np.ldexp(rows, -exponent))
    else:
        exponent = 0
    square, first, second = _by_hull(rows) if planar and method != "chunked" else _all_pairs(rows)
    with np.errstate(over="ignore"):
        distance = float(np.ldexp(np.sqrt(square), exponent))
    if not return_pair:
        return distance
    pair = sorted((int(first), int(second)))
    if checked.valid is not None:
        pair = np.flatnonzero(checked.valid)[pair].tolist()
    return FarthestPair(distance, *pair)


def _all_pairs(rows: np.ndarray) -> tuple[float, int, int]:
    """Compare all pairs, chunks of second points in parallel."""
    columns = _check.frozen(rows.T)

    def run(start: int, stop: int) -> tuple[float, int, int]:
        square, first, second = farthest_in_columns(columns, start, stop)
        return -square, first, second

    square, first, second = min(map_chunks(run, len(rows), CHUNK))
    return -square, first, second


def _by_hull(rows: np.ndarray) -> tuple[float, int, int]:
    """Compare the corners of the convex hull."""
    corners = _hull_corners(rows)
    points = _check.frozen(rows[corners])
    if len(corners) <= MANY_CORNERS:
        order = np.argsort(corners)  # ties then go to the lowest rows, as in `_all_pairs`
        square, first, second = _all_pairs(points[order])
        return square, corners[order[first]], corners[order[second]]
    rightmost = int(np.lexsort((points[:, 1], points[:, 0]))[-1])
    square, first, second = farthest_of_chains(points, rightmost)
    return square, corners[first], corners[second]


def _hull_corners(rows: np.ndarray) -> np.ndarray:
    """Give the rows at the corners of the convex hull, counter-clockwise; of equal rows the first."""
    keep = np.empty(len(rows), bool)
    beyond_octagon(rows, keep)
    candidates = np.flatnonzero(keep)
    candidates = candidates[np.lexsort((rows[candidates, 1], rows[candidates, 0]))]
    points = rows[candidates]
    new = np.concatenate(([True], (points[1:] != points[:-1]).any(axis=1)))
    candidates, points = candidates[new], _check.frozen(points[new])
    corners = np.empty(2 * len(points), np.int64)
    size = hull(points, corners)
    return np.asarray(candidates[corners[:size]])
