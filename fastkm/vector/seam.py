"""The columns in which regions are traced, and the windows that their polygons are cut to.

A raster that goes round the globe is a cylinder. It is unrolled so that its columns begin where
the output's longitudes begin, and continues for a column or two beyond both ends, so that what lies
there is traced as if the plane had no end. Then polygons are cut to the one window of a whole turn.
If the meridian runs through cells, the cut does too.

A raster of a part of the globe that the output's first meridian crosses has two windows, left and
right of it. Any other has one window without ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm.raster.grid.geolocation import AxisGrid

if TYPE_CHECKING:
    from fastkm.raster.grid.geolocation import Grid

Window = tuple[float, float]
"""The fractional columns from which to which polygons are kept."""

WHOLE: Window = (-np.inf, np.inf)

BEYOND = 3
"""Columns that a round raster is longer: one before the window, a cell that is cut, one after."""


class UnrolledColumns(NamedTuple):
    """A raster's columns in the order in which they are traced.

    Attributes
    ----------
    columns : (m,) int64 array
        Columns of the raster; those of a round one are repeated beyond its ends.
    first : int
        The column that the first of them stands for: column -1 of a round raster is its last.
    windows : tuple of (float, float)
        Where polygons are kept.
    """

    columns: np.ndarray
    first: int
    windows: tuple[Window, ...]


def unroll_columns(grid: Grid, columns: int, west: float | None) -> UnrolledColumns:
    """Choose the columns and the windows of a raster of so many columns.

    `west` is the meridian where the output's longitudes begin; None for where the raster's do.

    Examples
    --------
    >>> import xarray as xr
    >>> from fastkm.raster.grid.geolocation import find_grid
    >>> coords = {"lat": [0, 1], "lon": [45, 135, 225, 315]}
    >>> globe = xr.DataArray(np.zeros((2, 4)), coords, ("lat", "lon"))
    >>> plane = unroll_columns(find_grid(globe), 4, -180.0)
    >>> plane.columns.tolist(), plane.windows
    ([1, 2, 3, 0, 1, 2, 3], ((1.5, 5.5),))
    """
    # the column where the output's longitudes begin
    meridian = None
    if west is not None and isinstance(grid, AxisGrid) and grid.in_degrees:
        meridian = grid.find_column(west)
    # a round raster is unrolled from there
    if grid.turn:
        start = -0.5 if meridian is None else meridian
        first = int(np.floor(start + 0.5)) - 1
        order = np.arange(first, first + columns + BEYOND) % columns
        return UnrolledColumns(order, first, ((start, start + columns),))
    windows = (WHOLE,) if meridian is None else ((-np.inf, meridian), (meridian, np.inf))
    return UnrolledColumns(np.arange(columns), 0, windows)
