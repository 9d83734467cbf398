"""Curvilinear grids in which the places of some cells are missing.

Swaths, ocean models and satellite disks have no latitude and longitude where they have no data. The
corners of a cell lie between the centres of four cells, so a cell at the edge of what is known
needs centres beyond it: they are continued with the last step, in space, from each side on which
two centres are known. A missing centre between known ones is the mean of what its sides say.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastkm._core.notes import note_once

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Steps along rows and columns."""

ROUNDS = 2
"""Rounds of continuation: the second reaches the corners of what is known."""


def fill_places(
    latitude: np.ndarray, longitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Continue latitudes and longitudes into missing cells around known ones.

    Return both, NaN farther away, and which cells have no place: those whose own is missing, or
    whose corners cannot be found.

    Examples
    --------
    >>> longitude, latitude = np.meshgrid(np.arange(4.0), np.arange(3.0))
    >>> longitude[0, 0] = latitude[0, 0] = np.nan
    >>> _, filled, missing = fill_places(latitude, longitude)
    >>> abs(filled[0, 0].round(3)), int(missing.sum())
    (np.float64(0.0), 1)
    """
    known = np.isfinite(latitude)
    places = _to_space(latitude, longitude)
    for _ in range(ROUNDS):
        places = _continue(places)
    found = np.isfinite(places[0])
    a, b, c = places
    filled = found & ~known
    latitude, longitude = latitude.copy(), longitude.copy()
    latitude[filled] = np.degrees(np.arctan2(c, np.hypot(a, b)))[filled]
    longitude[filled] = np.degrees(np.arctan2(b, a))[filled]
    return latitude, longitude, ~(known & _has_neighbours(found))


def mask_missing_places(
    values: np.ndarray, mask: np.ndarray | None, grid: Any
) -> np.ndarray | None:
    """Return the mask of labels with the cells that have no place; say how many labels that loses."""
    missing = getattr(grid, "missing", None)
    if missing is None or not missing.any():
        return mask
    note_lost_cells(count_lost_cells(values, mask, missing), missing)
    return missing if mask is None else mask | missing


def count_lost_cells(values: np.ndarray, mask: np.ndarray | None, missing: np.ndarray) -> int:
    """Count the labels of cells that have no place; numbers of any other raster are not counted."""
    if values.dtype.kind not in "iu":
        return 0
    return int(np.count_nonzero(missing & (values >= 0) & (True if mask is None else ~mask)))


def note_lost_cells(count: int, missing: np.ndarray) -> None:
    """Note how many labels are lost because their cells have no place."""
    if count:
        cells = "1 cell" if count == 1 else f"{count:,} cells"
        note_once(
            f"{cells} with data but no latitude and longitude: left out of outlines",
            topic=f"{np.count_nonzero(missing)} places are missing of {missing.shape}",
        )


def _continue(places: np.ndarray) -> np.ndarray:
    """Fill unknown centres beside two known ones in a line: with the last step, on each side."""
    unknown = ~np.isfinite(places[0])
    summed, count = np.zeros_like(places), np.zeros(unknown.shape)
    for side in SIDES:
        near, far = _shift(places, side), _shift(places, (2 * side[0], 2 * side[1]))
        beyond = 2 * near - far
        usable = unknown & np.isfinite(beyond[0])
        summed[:, usable] += beyond[:, usable]
        count += usable
    with np.errstate(invalid="ignore", divide="ignore"):
        filled = summed / count
        filled /= np.sqrt((filled**2).sum(axis=0))
    return np.where(unknown, filled, places)


def _shift(places: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Return for each cell the centre that lies some steps away, NaN beyond the edges."""
    shifted = np.full_like(places, np.nan)
    rows, columns = places.shape[1:]
    to, source = [], []
    for size, by in zip((rows, columns), step, strict=True):
        to.append(slice(max(-by, 0), size - max(by, 0)))
        source.append(slice(max(by, 0), size - max(-by, 0)))
    shifted[:, to[0], to[1]] = places[:, source[0], source[1]]
    return shifted


def _has_neighbours(found: np.ndarray) -> np.ndarray:
    """Return for each cell whether it and all cells around it, as far as there are any, are found."""
    padded = np.pad(found, 1, constant_values=True)
    rows, columns = found.shape
    around = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.asarray(np.logical_and.reduce(around))


def _to_space(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Return points of the unit sphere, (3, rows, columns)."""
    x, y = np.radians(longitude), np.radians(latitude)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
