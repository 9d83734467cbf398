"""A grid with a latitude and a longitude for every cell.

Between centres both are linear in row and column, the longitudes being those nearest to each other.
Near a pole longitudes say little, so there centres are joined through space: points of the unit sphere
are weighed, and what comes of it is put back onto the sphere. Where two of four centres are the pole
itself the cells end there, as latitudes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

WGS84 = "EPSG:4326"

HALF_TURN = 180.0 - 1e-6
"""Degrees between centres from which they lie around a pole."""

SAMPLED = 50
"""Rows and columns of which it is found out which way a grid of cells turns."""

POLAR = 85.0
"""Latitude beyond which centres are joined through space."""


@dataclass(frozen=True, eq=False)
class CurvilinearGrid:
    """A grid with a latitude and a longitude for every cell.

    Attributes
    ----------
    latitude, longitude : (rows, columns) float64 array
        Cell centres in degrees.
    """

    latitude: np.ndarray
    longitude: np.ndarray
    turn: int
    crs: ClassVar[str | None] = WGS84
    in_degrees: ClassVar[bool] = True
    straight: ClassVar[bool] = False

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (row, column) into (longitude, latitude), longitudes of any turn."""
        rows, row_share = _neighbours(pixels[:, 0], self.latitude.shape[0], 0)
        columns, column_share = _neighbours(pixels[:, 1], self.latitude.shape[1], self.turn)
        weights = _outer(row_share, column_share)
        corners = [(r, c) for r in rows for c in columns]
        latitude = np.stack([self.latitude[corner] for corner in corners])
        longitude = np.stack([self.longitude[corner] for corner in corners])
        near = longitude[0] + _half_turn(longitude - longitude[0])
        y = (weights * latitude).sum(axis=0)
        x = (weights * near).sum(axis=0)
        around = np.abs(latitude).max(axis=0) > POLAR
        around &= ~_is_row_at_pole(latitude)  # beyond which the cells end, as latitudes do
        around |= np.ptp(near, axis=0) > HALF_TURN
        if around.any():
            x[around], y[around] = _through_space(
                weights[:, around], longitude[:, around], latitude[:, around]
            )
        return np.column_stack([x, np.clip(y, -90.0, 90.0)])

    def own_west(self) -> float:
        """Give the meridian where longitudes begin, -180 or 0."""
        return -180.0 if self.longitude.min() < 0.0 else 0.0

    def is_mirrored(self) -> bool:
        """Tell whether rows lead to the other side of columns than in (column, row), in most cells."""
        rows, columns = (np.arange(size - 1) for size in self.latitude.shape)
        rows, columns = rows[:: 1 + len(rows) // SAMPLED], columns[:: 1 + len(columns) // SAMPLED]
        row, column = (index.ravel() for index in np.meshgrid(rows, columns))
        if len(row) == 0:
            return False
        corner, right, down = (
            _on_unit_sphere(self.longitude[at], self.latitude[at])
            for at in ((row, column), (row, column + 1), (row + 1, column))
        )
        turned = (corner * np.cross(right - corner, down - corner, axis=0)).sum(axis=0)
        return bool(np.sign(turned).sum() < 0)


def columns_round(longitude: np.ndarray) -> int:
    """Count the columns of a whole turn: all, where in most rows one more step leads to the first.

    Examples
    --------
    >>> columns_round(np.arange(0.0, 360, 90) + np.zeros((2, 1)))
    4
    """
    rows, columns = longitude.shape
    if columns < 3 or rows < 2:
        return 0
    steps = np.abs(_half_turn(np.diff(longitude, axis=1)))
    around = steps.sum(axis=1)
    step = around / (columns - 1)
    seam = np.abs(_half_turn(longitude[:, 0] - longitude[:, -1]))
    closes = (np.abs(around + seam - 360.0) < 1e-3) & (seam < 1.5 * step) & (seam > 0.5 * step)
    return columns if closes.mean() > 0.5 else 0


def _neighbours(
    index: np.ndarray, size: int, turn: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Give the centres on either side of fractional indices, and the share of the second."""
    if size == 1:
        zero = np.zeros(len(index), np.int64)
        return (zero, zero), np.zeros(len(index))
    low = np.floor(index).astype(np.int64)
    if turn:
        return (low % size, (low + 1) % size), index - low
    low = np.clip(low, 0, size - 2)
    return (low, low + 1), index - low


def _outer(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Weigh the four centres around each point, shape (4, n)."""
    return np.stack([r * c for r in (1.0 - rows, rows) for c in (1.0 - columns, columns)])


def _half_turn(degrees: np.ndarray) -> np.ndarray:
    """Turn differences of longitude into [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def _on_unit_sphere(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Give unit vectors, one a column."""
    x, y = np.radians(longitude), np.radians(latitude)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


def _is_row_at_pole(latitude: np.ndarray) -> np.ndarray:
    """Tell where two of four centres are the pole, all but; a pole of a plane is one point."""
    colatitude = 90.0 - np.abs(latitude)
    return np.asarray((colatitude < 0.05 * colatitude.max(axis=0)).sum(axis=0) >= 2)


def _through_space(
    weights: np.ndarray, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weigh points on the unit sphere."""
    a, b, c = (weights * _on_unit_sphere(longitude, latitude)).sum(axis=1)
    return np.degrees(np.arctan2(b, a)), np.degrees(np.arctan2(c, np.hypot(a, b)))
