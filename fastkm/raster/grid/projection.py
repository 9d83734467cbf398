"""From the coordinates of a reference system to longitudes and latitudes.

Not every point of a plane is a place on Earth: a full disk has corners in space, and the oval of a
sinusoidal or a Mollweide projection does not fill its rectangle. Some inverse projections fail
there, others invent a place. So the places that they give are projected again, and must come back to
where they were. Cylindrical projections are the exception: beyond their ends the Earth begins again,
whole turns farther on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pyproj import Transformer

WGS84 = "EPSG:4326"

SAME_METRES = 64.0
"""Metres within which a place must come back: projections that are computed by iteration are exact
to some metres only, and nonsense is hundreds of kilometres off, except close to the poles."""

PointTransform = Callable[[np.ndarray], np.ndarray]
"""From points, (n, 2), to points."""


@lru_cache(maxsize=8)
def make_degree_transform(crs: str) -> PointTransform | None:
    """Return a function from (x, y) to (longitude, latitude), NaN where there is no place.

    Return None if a reference system says nothing about the Earth.

    Examples
    --------
    >>> to_globe = make_degree_transform("ESRI:54008")  # sinusoidal
    >>> to_globe(np.array([[0.0, 0.0], [1.9e7, 5e6]])).tolist()
    [[0.0, 0.0], [nan, nan]]
    """
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError, ProjError

    try:
        move = Transformer.from_crs(crs, WGS84, always_xy=True)
    except (CRSError, ProjError):
        return None
    system = CRS(crs)
    unit = system.axis_info[0].unit_conversion_factor if system.axis_info else 1.0
    if system.is_geographic:  # all degrees are places; edges of cells may lie beyond a pole
        pole = np.pi / 2 / unit
        return lambda points: np.column_stack(
            move.transform(points[:, 0], np.clip(points[:, 1], -pole, pole))
        )
    turn = _find_turn(move)

    def place(points: np.ndarray) -> np.ndarray:
        found = np.column_stack(move.transform(points[:, 0], points[:, 1]))
        again = move.transform(found[:, 0], found[:, 1], direction="INVERSE")
        shift = np.column_stack(again) - points
        with np.errstate(invalid="ignore"):  # infinite where there is no place
            if turn is not None:
                shift[:, 0] -= turn * np.round(shift[:, 0] / turn)
            found[~(np.hypot(*shift.T) < SAME_METRES / unit)] = np.nan
        return found

    return place


def _find_turn(move: Transformer) -> float | None:
    """Return the width of a whole turn of a cylindrical projection; None for any other."""
    # two meridians 0.1 degrees apart, twice, at two latitudes; seams lie elsewhere
    longitude = np.array([0.123, 0.223, 90.123, 90.223] * 2)
    latitude = np.repeat([20.0, 50.0], 4)
    x, y = move.transform(longitude, latitude, direction="INVERSE")
    if not np.isfinite(x).all():
        return None
    steps = np.diff(np.reshape(x, (4, 2)))
    is_even = np.ptp(steps) < 1e-6 * np.abs(steps).max()
    is_level = np.ptp(np.reshape(y, (2, 4)), axis=1).max() < 1.0
    return 3600.0 * float(np.abs(steps).mean()) if is_even and is_level else None
