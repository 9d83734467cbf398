"""The areas of the cells of a raster, block by block, for the tables of a job.

Cells between parallels and meridians have areas that are a product, a number for the row times one
for the column, so they cost nothing. Those of any other grid take a microsecond each, more than all
else that a job does. A table needs their sums by cluster only, and areas change little from cell to
cell: of a large raster `MOST_MEASURED` blocks a side are measured, and each cell has its share of
its block. The sums are right to 1e-5 (UTM tiles to 1e-9, a polar stereographic hemisphere to 4e-6).
Where the Earth's edge cuts such blocks, areas are not known. Areas that are weights are always those
of `fastkm.raster.grid.areas.cell_areas`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.notes import ignore_notes
from fastkm.raster.grid.areas import cell_areas, measure_blocks
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.coordinates import find_axis_degrees
from fastkm.raster.grid.geolocation import Grid, find_grid, is_on_globe

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.labels import Box
    from fastkm.workflows.job import Selection

MOST_MEASURED = 256
"""Blocks along a side: 65,536 areas take 0.07 s, those of 4 million cells 4 s."""

ROWS = 1024
"""Rows whose areas are added up at a time."""

SQUARE_KM = 1e6
"""Square metres."""

EQUAL = 1e-9
"""Share by which the areas of the cells of a row may differ by rounding."""

SUM_BITS = 52
"""Bits of a sum of all areas in units of `CellAreas`: float64 adds whole numbers exactly up to 53."""


class CellAreas(NamedTuple):
    """The areas of the cells of a raster, as whole numbers of a unit: their sums have no rounding.

    So it does not matter in which order blocks are added up. The unit, a power of 2 in km2, is 0.12 m2
    for the globe.
    """

    unit: float
    measure: Callable[
        [Box], np.ndarray
    ]  # returns (rows, columns), or (rows, 1) if columns are equal


def find_areas(selection: Selection, raster: Any, grid: xr.DataArray) -> CellAreas | None:
    """Find the areas of the cells of a raster of a job, whose bands have this grid.

    Return None if it is not known where cells lie, or how large they are.
    """
    return _find(grid, lambda: selection.open_areas(raster))


def sum_areas(labels: xr.DataArray, k: int) -> np.ndarray | None:
    """Add up the areas of the clusters of a label map, (y, x), in km2: shape (k,).

    Return None if it is not known where cells lie, or how large they are.
    """
    found = _find(labels, lambda: cell_areas(labels))
    if found is None:
        return None
    sums = np.zeros(k)
    every_column = slice(0, labels.shape[1])
    for start in range(0, labels.shape[0], ROWS):
        rows = slice(start, min(start + ROWS, labels.shape[0]))
        part = np.asarray(labels[rows].values)
        areas = np.broadcast_to(found.measure((rows, every_column)), part.shape)
        sums += np.bincount(part[part >= 0], areas[part >= 0], k)
    return sums * found.unit


def _find(grid: xr.DataArray, open_areas: Callable[[], xr.DataArray]) -> CellAreas | None:
    """Find the areas of cells: those that are opened if rows and columns are degrees, else measured."""
    try:
        with ignore_notes():
            if not is_on_globe(grid):
                return None
            if find_axis_degrees(grid, *find_axes(grid)[1:]) is not None:
                return _multiply(open_areas())
            return _share(find_grid(grid), *grid.shape)
    except ValueError:  # a single row, or limits of cells that are not valid
        return None


def _multiply(areas: xr.DataArray) -> CellAreas | None:
    """Take the areas of one column, and of one row as a share of their own in that column."""
    column, row = (areas.isel({dim: 0}).values / SQUARE_KM for dim in reversed(areas.dims))
    if not column[0] > 0:
        return None
    shares = row / column[0]
    unit = _choose_unit(column.sum() * shares.sum())
    column /= unit
    if np.ptp(shares) < EQUAL:
        whole = np.rint(column)[:, None]
        return CellAreas(unit, lambda box: whole[box[0]])
    return CellAreas(unit, lambda box: np.rint(np.multiply.outer(column[box[0]], shares[box[1]])))


def _share(grid: Grid, rows: int, columns: int) -> CellAreas | None:
    """Measure blocks of cells; the cells of a block have equal shares of it, or none if they have no place."""
    step = math.ceil(max(rows, columns) / MOST_MEASURED)
    edges = [np.append(np.arange(0, size, step), size) for size in (rows, columns)]
    blocks = measure_blocks(grid, *edges) / SQUARE_KM
    if not blocks.any() or (step > 1 and not blocks.all()):
        return None
    unit = _choose_unit(blocks.sum())
    areas = np.rint(blocks / unit / np.multiply.outer(*map(np.diff, edges)))
    missing = getattr(grid, "missing", None)

    def measure(box: Box) -> np.ndarray:
        own = areas[np.ix_(*(np.arange(side.start, side.stop) // step for side in box))]
        return own if missing is None else np.where(missing[box], 0.0, own)

    return CellAreas(unit, measure)


def _choose_unit(total: float) -> float:
    """Return a power of 2 of which there are about 2^`SUM_BITS` in a total."""
    return math.ldexp(1.0, math.frexp(total)[1] - SUM_BITS)
