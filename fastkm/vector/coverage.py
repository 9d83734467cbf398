"""Polygons that are simplified or smoothed together, so that no gaps open and none overlap.

Smoothing cuts the corners of rings in pixels, before they are cut to windows: see
`fastkm.geometry.smoothing`. Neighbours find the same lines from the cells around each corner.

Simplifying leaves out points of all polygons together: the algorithm of Visvalingam & Whyatt [1]_ on each
line that two polygons share. Lines along cells are thinned before they are cut and placed, by
`fastkm.geometry.thinning`, in the coordinates of rows and columns. Smooth ones, and those of grids
whose rows and columns are curved, are simplified once they are placed, by
``shapely.coverage_simplify``. Missing cells take part as if they were one more region and are left out at the end. So the
only lines that polygons do not share are the frame of the raster and the ends of longitudes, which
stay as they are. A point goes if its triangle with its neighbours is small, and all triangles of a
regular grid become larger by the same factor when they are placed. So a tolerance in pixels is one in
units: that of a square pixel as large as the median cell.

To polygonize and simplify 18,000 regions of 1800 x 3600 cells so takes 2.6 times as long as to polygonize
them, and with ``shapely.coverage_simplify`` twenty times.

.. [1] Visvalingam, M. & Whyatt, J. D. (1993). Line generalisation by repeated elimination of points.
   The Cartographic Journal 30(1), 46-51.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.memory import require_memory
from fastkm._core.validation import Limit
from fastkm.geometry.regions import find_regions
from fastkm.geometry.smoothing import MOST_PASSES, smooth_rings
from fastkm.geometry.thinning import thin_out
from fastkm.raster.grid.geolocation import AxisGrid
from fastkm.vector.polygons import place_parts
from fastkm.vector.seam import unroll_columns
from fastkm.vector.strips import needs_strips

if TYPE_CHECKING:
    from fastkm.geometry.regions import Rings
    from fastkm.raster.grid.geolocation import Grid
    from fastkm.vector.merged_regions import MergedRegions, RegionRings
    from fastkm.vector.seam import Window


CELL_BYTES = 16
"""Bytes that each cell takes while regions are found: their map, the same with missing cells, marks."""


SAMPLED = 64
"""Rows and columns of which cells are measured to find the median one."""


class Shape(NamedTuple):
    """What is done to polygons: a tolerance of simplification if there is one, and passes of smoothing.

    The unit of the tolerance is "px", or "" for that of the reference system.
    """

    tolerance: Limit | None = None
    passes: int = 0

    def changes(self) -> bool:
        """Return True if polygons are not left as they are."""
        return self != UNCHANGED


UNCHANGED = Shape()
"""Polygons as they are traced."""


def as_shape(
    simplify: float | str | None, smooth: int, *, boundary: str = "cell", junctions: bool = True
) -> Shape:
    """Check the options `simplify` and `smooth`, and that the others allow them."""
    shape = Shape(as_tolerance(simplify), as_passes(smooth))
    for name, given in (("simplify", simplify is not None), ("smooth", shape.passes > 0)):
        if given and boundary != "cell":
            raise ValueError(
                f"{name} needs boundary='cell', whose polygons tile, got boundary={boundary!r}"
            )
    if simplify is not None and not junctions:
        raise ValueError("simplify needs junctions=True, by which neighbours share their points")
    return shape


def as_tolerance(simplify: float | str | None) -> Limit | None:
    """Read a tolerance: "2px", or a number in units of the reference system.

    Examples
    --------
    >>> as_tolerance("2px"), as_tolerance(0.5)
    (Limit(value=2.0, unit='px'), Limit(value=0.5, unit=''))
    """
    if simplify is None:
        return None
    match = re.fullmatch(r"\s*([-+.0-9eE]+)\s*(px)?\s*", str(simplify))
    try:
        value = float(match[1]) if match else 0.0
    except ValueError:
        value = 0.0
    if not match or not 0 < value < np.inf or isinstance(simplify, bool):
        raise ValueError(
            "simplify must be a number above 0 in units of the reference system, such as 0.5, or of "
            f"pixels, such as '2px', got {simplify!r}"
        )
    return Limit(value, match[2] or "")


def as_passes(smooth: Any) -> int:
    """Read how often corners are cut."""
    if isinstance(smooth, bool) or smooth not in range(MOST_PASSES + 1):
        raise ValueError(f"smooth must be a whole number from 0 to {MOST_PASSES}, got {smooth!r}")
    return int(smooth)


def goes_in_strips(labels: Any, shape: Shape) -> bool:
    """Return True if labels of (row, column) are traced strip by strip.

    Those that are shaped are not: if they do not fit in memory at once, it raises a MemoryError.
    """
    if not needs_strips(labels) or not shape.changes():
        return needs_strips(labels)
    needed = labels.size * (labels.dtype.itemsize + CELL_BYTES)
    what = f"simplify or smooth, which needs all {labels.size:,} labels at once,"
    require_memory(needed, what, "take a part of them, or leave both out")
    return False


def cover_missing(regions: MergedRegions, grid: Grid) -> MergedRegions:
    """Return the regions with one more: all missing cells that have a place."""
    missing, nowhere = regions.numbers < 0, getattr(grid, "missing", None)
    if nowhere is not None:
        missing &= ~nowhere
    if not missing.any():
        return regions
    numbers = np.where(missing, np.int32(len(regions.labels)), regions.numbers)
    parts = find_regions(numbers)
    return regions._replace(numbers=numbers, parts=parts, owners=parts.labels)


def shape_rings(
    rings: RegionRings, regions: MergedRegions, grid: Grid, west: float | None, shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """Return smoothed and simplified (Multi)Polygons in coordinates, and their regions, ascending.

    `rings` are those of `regions`. If they are to be simplified they have junctions, and missing
    cells are covered.
    """
    import shapely

    tolerance = 0.0
    if shape.tolerance is not None and regions.numbers.size:
        tolerance = shape.tolerance.value
        if shape.tolerance.unit == "px":
            tolerance *= _find_pixel_size(grid, regions.numbers.shape)
    plane = unroll_columns(grid, regions.numbers.shape[1], west)
    numbers = np.take(regions.numbers, plane.columns, axis=1) if grid.turn else regions.numbers
    if tolerance and grid.straight and not shape.passes:
        y, x = _place_corners(grid, numbers.shape, plane.first)
        ends = [end for window in plane.windows for end in window if np.isfinite(end)]
        thin = thin_out(rings.rings, numbers, y, x, tolerance, first=plane.first, ends=ends)
        rings, tolerance = rings._replace(rings=thin), 0.0
    if shape.passes:
        smoothed = smooth_rings(rings.rings, numbers, shape.passes, first=plane.first)
        rings = rings._replace(rings=_split_at_windows(smoothed, rings.windows))
    geometry, owners = place_parts(rings.cut(), grid, west, max(2, 4**shape.passes))
    if tolerance:
        geometry = shapely.coverage_simplify(geometry, tolerance, simplify_boundary=False)
    known = owners < len(regions.labels)
    return geometry[known], owners[known]


def _find_pixel_size(grid: Grid, shape: tuple[int, ...]) -> float:
    """Return the square root of the median area of a cell, in units of the coordinates."""
    rows, columns = (np.linspace(0, size - 1, min(size, SAMPLED)).round() for size in shape)
    centres = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    (left, right), (top, bottom) = (
        (grid.place(centres - half), grid.place(centres + half))
        for half in (np.array([0.0, 0.5]), np.array([0.5, 0.0]))
    )
    (a, b), (c, d) = (right - left).T, (bottom - top).T
    return float(np.sqrt(np.nanmedian(np.abs(a * d - b * c))))


def _place_corners(grid: Grid, shape: tuple[int, ...], first: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ascending coordinates of the corners of cells, by row and by column from `first` on.

    Those of a turned grid have the areas of its cells, not their places.
    """
    rows, columns = np.arange(shape[0] + 1) - 0.5, np.arange(shape[1] + 1) + first - 0.5
    if isinstance(grid, AxisGrid):
        y = grid.place(np.column_stack([rows, np.zeros(len(rows))]))[:, 1]
        x = grid.place(np.column_stack([np.zeros(len(columns)), columns]))[:, 0]
    else:
        size = _find_pixel_size(grid, shape)
        y, x = size * rows, size * columns
    return y * np.sign(y[-1] - y[0]), x * np.sign(x[-1] - x[0])


def _split_at_windows(rings: Rings, windows: tuple[Window, ...]) -> Rings:
    """Put points where slanting edges cross the ends of windows, the same on all polygons.

    There are such edges only if a window ends between the edge and the middle of cells. On a round
    raster the end is a copy of the start, and its points are those there.
    """
    start, stop = windows[0]
    if np.isinf(stop):
        return rings
    ends = [(stop, 0.0)] if np.isinf(start) else [(start, 0.0), (start, stop - start)]
    for column, shift in ends:
        rings = _split_at_column(rings, column, shift)
    return rings


def _split_at_column(rings: Rings, column: float, shift: float) -> Rings:
    """Put points where slanting edges cross a column, which lies `shift` columns farther on."""
    points = rings.points - [0.0, shift]
    low, high = points[:-1], points[1:]
    crossing = (low[:, 1] < column) != (high[:, 1] < column)
    crossing &= (low[:, 1] != column) & (high[:, 1] != column) & (low[:, 0] != high[:, 0])
    crossing[rings.ring_offsets[1:-1] - 1] = False  # from one ring to the next
    at = np.flatnonzero(crossing)
    if len(at) == 0:
        return rings
    # each edge from its end on the left, whichever way the ring runs
    swapped = (low[at, 1] > high[at, 1])[:, None]
    low, high = np.where(swapped, high[at], low[at]), np.where(swapped, low[at], high[at])
    share = (column - low[:, 1]) / (high[:, 1] - low[:, 1])
    row = low[:, 0] + share * (high[:, 0] - low[:, 0])
    added = np.column_stack([row, np.full(len(at), column + shift)])
    offsets = rings.ring_offsets + np.searchsorted(at, rings.ring_offsets - 1)
    return rings._replace(
        points=np.insert(rings.points, at + 1, added, axis=0), ring_offsets=offsets
    )
