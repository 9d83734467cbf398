"""A grid with a latitude and a longitude for every cell.

Between centres both are linear in row and column, with the longitudes that are nearest to each
other. Near a pole longitudes are of little use, so centres are averaged in space there: points of
the unit sphere get weights, and their mean is projected back onto the sphere. If two of four
centres are the pole itself, the cells end there, as latitudes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

WGS84 = "EPSG:4326"

HALF_TURN = 180.0 - 1e-6
"""Difference of longitude in degrees from which centres lie around a pole."""

SAMPLED = 50
"""Number of rows and of columns that are sampled to find out if a grid is mirrored."""

POLAR = 85.0
"""Latitude in degrees beyond which centres are averaged in space."""


@dataclass(frozen=True, eq=False)
class CurvilinearGrid:
    """A grid with a latitude and a longitude for every cell.

    Attributes
    ----------
    latitude, longitude : (rows, columns) float64 array
        Cell centres in degrees; NaN where they are not known.
    missing : (rows, columns) bool array or None
        Which cells have no place; None if all have one.
    """

    latitude: np.ndarray
    longitude: np.ndarray
    turn: int
    missing: np.ndarray | None = None
    crs: ClassVar[str | None] = WGS84
    in_degrees: ClassVar[bool] = True
    straight: ClassVar[bool] = False

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Return (longitude, latitude) of (row, column); longitudes may be off by whole turns."""
        rows, row_share = _find_neighbours(pixels[:, 0], self.latitude.shape[0], 0)
        columns, column_share = _find_neighbours(pixels[:, 1], self.latitude.shape[1], self.turn)
        weights = _weigh_corners(row_share, column_share)
        corners = [(r, c) for r in rows for c in columns]
        latitude = np.stack([self.latitude[corner] for corner in corners])
        longitude = np.stack([self.longitude[corner] for corner in corners])
        near = longitude[0] + _wrap_to_half_turn(longitude - longitude[0])
        y = (weights * latitude).sum(axis=0)
        x = (weights * near).sum(axis=0)
        # near a pole
        around = np.abs(latitude).max(axis=0) > POLAR
        around &= ~_is_row_at_pole(latitude)  # beyond which the cells end, as latitudes do
        around |= np.ptp(near, axis=0) > HALF_TURN
        if around.any():
            x[around], y[around] = _average_on_sphere(
                weights[:, around], longitude[:, around], latitude[:, around]
            )
        return np.column_stack([x, np.clip(y, -90.0, 90.0)])

    def find_west(self) -> float:
        """Return the meridian at which longitudes begin, -180 or 0."""
        return -180.0 if np.nanmin(self.longitude) < 0.0 else 0.0

    def is_mirrored(self) -> bool:
        """Return True if (column, row) seen from above is a mirror image, in most cells."""
        rows, columns = (np.arange(size - 1) for size in self.latitude.shape)
        rows, columns = rows[:: 1 + len(rows) // SAMPLED], columns[:: 1 + len(columns) // SAMPLED]
        row, column = (index.ravel() for index in np.meshgrid(rows, columns))
        if len(row) == 0:
            return False
        corner, right, down = (
            _to_unit_vectors(self.longitude[at], self.latitude[at])
            for at in ((row, column), (row, column + 1), (row + 1, column))
        )
        turned = (corner * np.cross(right - corner, down - corner, axis=0)).sum(axis=0)
        return bool(np.nansum(np.sign(turned)) < 0)


def count_columns_around_cells(longitude: np.ndarray) -> int:
    """Count the columns of a whole turn: all if one more step leads to the first, otherwise 0.

    Most rows decide, of those without a missing place.

    Examples
    --------
    >>> count_columns_around_cells(np.arange(0.0, 360, 90) + np.zeros((2, 1)))
    4
    """
    longitude = longitude[~np.isnan(longitude).any(axis=1)]
    rows, columns = longitude.shape
    if columns < 3 or rows < 2:
        return 0
    steps = np.abs(_wrap_to_half_turn(np.diff(longitude, axis=1)))
    around = steps.sum(axis=1)
    step = around / (columns - 1)
    seam = np.abs(_wrap_to_half_turn(longitude[:, 0] - longitude[:, -1]))
    closes = (np.abs(around + seam - 360.0) < 1e-3) & (seam < 1.5 * step) & (seam > 0.5 * step)
    return columns if closes.mean() > 0.5 else 0


def _find_neighbours(
    index: np.ndarray, size: int, turn: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return the centres on either side of fractional indices, and the share of the second."""
    if size == 1:
        zero = np.zeros(len(index), np.int64)
        return (zero, zero), np.zeros(len(index))
    low = np.floor(index).astype(np.int64)
    if turn:
        return (low % size, (low + 1) % size), index - low
    low = np.clip(low, 0, size - 2)
    return (low, low + 1), index - low


def _weigh_corners(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the weights of the four centres around each point, shape (4, n)."""
    return np.stack([r * c for r in (1.0 - rows, rows) for c in (1.0 - columns, columns)])


def _wrap_to_half_turn(degrees: np.ndarray) -> np.ndarray:
    """Wrap differences of longitude into [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def _to_unit_vectors(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return unit vectors of positions in degrees, one per column."""
    x, y = np.radians(longitude), np.radians(latitude)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


def _is_row_at_pole(latitude: np.ndarray) -> np.ndarray:
    """Return True for each point if two of its four centres almost lie at the pole, (n,).

    Two do if the grid has a row of cells at the pole; in a polar projection only one does.
    """
    colatitude = 90.0 - np.abs(latitude)
    return np.asarray((colatitude < 0.05 * colatitude.max(axis=0)).sum(axis=0) >= 2)


def _average_on_sphere(
    weights: np.ndarray, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of the weighted mean of points on the unit sphere."""
    a, b, c = (weights * _to_unit_vectors(longitude, latitude)).sum(axis=1)
    return np.degrees(np.arctan2(b, a)), np.degrees(np.arctan2(c, np.hypot(a, b)))
