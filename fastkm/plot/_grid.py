"""The grid of a panel: which cell lies where, and what its axes are called.

Panels are drawn in pixel coordinates: the centre of cell (row, column) is the point
(x = column, y = row). A contour in rows and columns then needs no conversion, and a grid whose
steps vary (a Gaussian one) is still an image. The raster's own coordinates are the tick labels: a
tick stands where the coordinate has a round value. It is interpolated between the cell centres,
and extrapolated by half a cell beyond the first and the last.

North is up and east is right because an *axis* is turned if its coordinate descends, or if the
latitudes of the cells do. The array is never flipped, so rows stay rows.

Panels keep the scale of what they show. Degrees of longitude are as wide as they are in the middle of
the panel, or at the equator if it goes half round the globe. If cells have latitudes and longitudes of
their own, their height and width are those of most cells.

matplotlib colours every cell, and then looks for the one that a pixel shows: for 6.5 million cells
that takes 0.6 s, and 200 MB, though a panel has only some 50,000 pixels. So if several cells share a
pixel, they are thinned first. It is done whenever the image is drawn, for the size that it then has;
if a reader enlarges a panel, or zooms into it, all cells are there.

A class, or a picture, is thinned by taking the cell in the middle of a block. Of values the mean is
taken, and a block is missing if most of its cells are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from fastkm.plot._text import Axis, format_degrees, format_quantity, read_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import xarray as xr
    from matplotlib.axes import Axes

FLATTEST = 10.0  # width over height, or height over width, of panels that keep their scale
LEAST_KILOMETRES = 1e5  # metres of a side from which its numbers are kilometres
MOST_CELLS = 4096  # a side; larger panels are thinned, a page at 300 dpi has 2,500 dots across
_DEGREE_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 90, 180)
_NAMES: dict[Axis, set[str]] = {
    "longitude": {"longitude", "lon", "degrees_east", "degree_east"},
    "latitude": {"latitude", "lat", "degrees_north", "degree_north"},
}
_METRES = {"m", "metre", "metres", "meter", "meters"}
_ROTATED = {"grid_longitude", "grid_latitude", "rlon", "rlat"}
"""Degrees of a rotated pole, which are no longitudes and latitudes whatever their units say."""


@dataclass(frozen=True)
class Side:
    """One side of a grid: its number of cells, and its coordinate if it has one."""

    size: int
    values: np.ndarray | None = None
    kind: Axis | None = None
    label: str = ""
    units: str = ""
    turned: bool | None = None  # what the latitudes or longitudes of cells say, if they are asked

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis, swapped if the coordinate descends: north is up, east is right."""
        ends = (-0.5, self.size - 0.5)
        descends = self.turned
        if descends is None:
            descends = self.values is not None and bool(self.values[0] > self.values[-1])
        return ends[::-1] if descends else ends

    def place_ticks(self, most: int) -> tuple[np.ndarray, list[str]] | None:
        """Return at most about `most` ticks at round values: cell numbers, and labels."""
        if self.size == 1:
            only = 0.0 if self.values is None else self.values[0]
            return np.zeros(1), [self._format(only)]
        if self.values is None:
            return None
        positions, coordinates = self.add_edges()
        low, high = float(coordinates[0]), float(coordinates[-1])
        if self.kind is None:
            slack = 1e-6 * (high - low)  # as for degrees
            rounds = np.asarray(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
            rounds = rounds[(rounds >= low - slack) & (rounds <= high + slack)]
        else:
            rounds = choose_degrees(low, high, most)
        return np.interp(rounds, coordinates, positions), [self._format(value) for value in rounds]

    def add_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Return cell numbers and their ascending coordinates, with the outer edges of the grid.

        Both are empty if there is no coordinate, or only one cell.
        """
        if self.values is None or self.size == 1:
            return np.empty(0), np.empty(0)
        first = self.values[0] - (self.values[1] - self.values[0]) / 2
        last = self.values[-1] + (self.values[-1] - self.values[-2]) / 2
        positions = np.concatenate(([-0.5], np.arange(self.size), [self.size - 0.5]))
        coordinates = np.concatenate(([first], self.values, [last]))
        order = np.argsort(coordinates)
        return positions[order], coordinates[order]

    def _format(self, value: float) -> str:
        """Return a value as the text of a tick."""
        if self.kind is None:
            return f"{value:.10g}".replace("-", "−")
        return format_degrees(value, self.kind)

    @property
    def spacing(self) -> float | None:
        """Mean size of a cell in the units of the coordinate; None if that has no units."""
        if self.values is None or self.size == 1 or not (self.kind or self.units):
            return None
        return abs(float(self.values[-1] - self.values[0])) / (self.size - 1)


@dataclass(frozen=True)
class Grid:
    """A two-dimensional array with its missing cells masked, and its two sides."""

    cells: np.ma.MaskedArray[Any, Any]
    step: int  # one cell of so many is drawn along each side
    rows: Side
    columns: Side
    shape_of_cells: float | None = None  # height over width, from their latitudes and longitudes

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the drawn cells, in cell numbers of the whole array."""
        height, width = (self.step * size - 0.5 for size in self.cells.shape)
        return -0.5, width, -0.5, height

    @property
    def cell_ratio(self) -> float:
        """Height of a cell over its width; 1 if nothing says how high and wide cells are."""
        if self.shape_of_cells is not None:
            return self.shape_of_cells
        height, width = self.rows.spacing, self.columns.spacing
        if not (height and width):
            return 1.0
        if (self.columns.kind, self.rows.kind) == ("longitude", "latitude"):
            (_, latitudes), reach = self.rows.add_edges(), width * self.columns.size
            return height / (width * shrink_longitudes(latitudes[0], latitudes[-1], reach))
        same = self.rows.units == self.columns.units and self.rows.kind == self.columns.kind
        return height / width if same else 1.0

    @property
    def ratio(self) -> float:
        """Height over width of the drawn panel."""
        true = self.cell_ratio * self.rows.size / self.columns.size
        return true if self.fits else 0.4

    @property
    def fits(self) -> bool:
        """Whether the panel can be drawn to scale; a single row would be too thin."""
        true = self.cell_ratio * self.rows.size / self.columns.size
        return 1 / FLATTEST <= true <= FLATTEST and min(self.rows.size, self.columns.size) > 1


def read_grid(data: xr.DataArray | np.ndarray, *, name: str, missing: int | None = None) -> Grid:
    """Return the cells of a labelled or a plain array, thinned if a page cannot show all.

    NaN, infinity and the value `missing` are masked, as are the masked cells of a masked array.
    Error messages call the array `name`.
    """
    if data.ndim != 2 or data.size == 0:
        raise ValueError(
            f"{name} must have two dimensions and at least one cell, got shape {data.shape}"
        )
    step = max(1, math.ceil(max(data.shape) / MOST_CELLS))
    thinned = data[::step, ::step] if step > 1 else data
    cells = np.ma.asarray(getattr(thinned, "values", thinned))
    mask = np.ma.getmask(cells)
    if cells.dtype.kind not in "biu":
        mask = mask | ~np.isfinite(cells.data)
    if missing is not None:
        mask = mask | (cells.data == missing)
    cells = np.ma.masked_array(cells.data, mask if np.any(mask) else np.ma.nomask)
    rows, columns = read_side(data, 0), read_side(data, 1)
    if isinstance(data, np.ndarray) or (rows.spacing and columns.spacing):
        return Grid(cells, step, rows, columns)
    degrees = find_cell_degrees(data)
    looks = None if degrees is None else look_at_cells(*degrees)
    ratio, *turned = looks or (None, None, None)
    rows, columns = (replace(s, turned=t) for s, t in zip((rows, columns), turned, strict=True))
    return Grid(cells, step, rows, columns, ratio)


def shrink_longitudes(south: float, north: float, width: float) -> float:
    """Return how wide degrees of longitude are drawn, as share of degrees of latitude.

    Examples
    --------
    >>> round(shrink_longitudes(50.0, 70.0, 30.0), 6), shrink_longitudes(0.0, 90.0, 360.0)
    (0.5, 1.0)
    """
    if width > 180.0:
        return 1.0
    middle = (max(south, -90.0) + min(north, 90.0)) / 2
    return max(math.cos(math.radians(middle)), 0.1)


def find_cell_degrees(data: xr.DataArray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return longitudes and latitudes of every cell, (rows, columns) each; None if there are none."""
    found: dict[Axis | None, np.ndarray] = {}
    for name, coordinate in data.coords.items():
        if coordinate.dims == data.dims and coordinate.dtype.kind in "iuf":
            found.setdefault(recognize_axis(name, coordinate.attrs), coordinate.values)
    has_both = "longitude" in found and "latitude" in found
    return (found["longitude"], found["latitude"]) if has_both else None


def to_space(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return places on the globe as unit vectors, with one more axis of three numbers."""
    across, up = np.radians(longitude), np.radians(latitude)
    return np.stack([np.cos(up) * np.cos(across), np.cos(up) * np.sin(across), np.sin(up)], axis=-1)


def look_at_cells(longitude: np.ndarray, latitude: np.ndarray) -> tuple[float, bool, bool] | None:
    """Return height over width of cells, if north is down and if east is left; None if unknown."""
    if min(latitude.shape) < 2:
        return None
    step = max(1, min(latitude.shape) // 100)
    centres = to_space(longitude[::step, ::step], latitude[::step, ::step])
    down, right = np.diff(centres, axis=0)[:, :-1], np.diff(centres, axis=1)[:-1]
    height, width = (np.nanmedian(np.linalg.norm(move, axis=2)) for move in (down, right))
    if not (height > 0 and width > 0):
        return None
    x, y, z = np.moveaxis(centres[:-1, :-1], 2, 0)
    east = np.nansum(right[..., 1] * x - right[..., 0] * y)
    north = np.nansum(down[..., 2] * np.hypot(x, y) - z * (down[..., 0] * x + down[..., 1] * y))
    return float(height / width), bool(north < 0), bool(east < 0)


def read_side(data: xr.DataArray | np.ndarray, position: int) -> Side:
    """Return a side, with its coordinate if that is numeric and ascends or descends."""
    size = data.shape[position]
    if isinstance(data, np.ndarray):
        return Side(size)
    dimension = data.dims[position]
    coordinate = data.coords.get(dimension)
    if coordinate is None or coordinate.dtype.kind not in "iuf":
        return Side(size)
    kind = recognize_axis(dimension, coordinate.attrs)
    values = coordinate.values.astype(float)
    if kind == "longitude":
        values = np.unwrap(values, period=360.0)
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        return Side(size)
    title, units = (
        read_text(coordinate.attrs.get(key, other))
        for key, other in (("long_name", dimension), ("units", ""))
    )
    if units in _METRES and np.ptp(values) >= LEAST_KILOMETRES:
        values, units, title = values / 1000.0, "km", str(dimension)
    label = "" if kind else format_quantity(title, units)
    return Side(size, values, kind, label, units)


def recognize_axis(name: Hashable, attrs: Mapping[Any, Any]) -> Axis | None:
    """Return which of longitude and latitude a coordinate is, by name and attributes, or None."""
    words = {str(word).lower() for word in (name, attrs.get("units"), attrs.get("standard_name"))}
    if words & _ROTATED:
        return None
    return next((kind for kind, names in _NAMES.items() if names & words), None)


def choose_degrees(
    low: float, high: float, most: int, steps: Sequence[float] = _DEGREE_STEPS
) -> np.ndarray:
    """Return round degrees from `low` to `high`, with at most `most` intervals."""
    slack = 1e-6 * (high - low)  # edges in float32 miss 0 and 360 by a rounding error
    step = next((step for step in steps if (high - low - slack) / step <= most), steps[-1])
    first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
    return np.round(step * np.arange(first, last + 1), 6)


class CellImage(AxesImage):
    """An image on axes, row 0 at the bottom, that keeps all cells and draws as many as can be seen.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes, whose limits stay as they are.
    cells : array, shape (rows, columns) or (rows, columns, 3)
        Values or classes, missing ones masked, or colours from 0 to 1. They are copied.
    extent : (left, right, bottom, top)
        The outer edges of the cells.
    averaged : bool
        Whether values are averaged; otherwise one cell stands for its block.
    **options
        Those of `matplotlib.image.AxesImage`.
    """

    def __init__(
        self,
        ax: Axes,
        cells: np.ndarray,
        extent: tuple[float, float, float, float],
        *,
        averaged: bool,
        **options: Any,
    ) -> None:
        super().__init__(ax, origin="lower", extent=extent, interpolation="nearest", **options)
        self._A: Any = cells.copy()  # `set_data` would look for missing cells again
        self._averaged = averaged
        self._extent: Any = extent
        self.set_clip_path(ax.patch)
        self.set_extent(extent)
        ax.add_image(self)

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        """Return the image as `matplotlib.image.AxesImage` does, with the cells thinned before."""
        whole, extent = self._A, self._extent
        rows, columns = whole.shape[:2]
        box = self.get_window_extent()
        down = _count_shared(rows, abs(box.height) * magnification)
        across = _count_shared(columns, abs(box.width) * magnification)
        if unsampled or down == across == 1:
            return super().make_image(renderer, magnification, unsampled)
        thin = average_blocks if self._averaged else pick_cells
        self._A = thin(whole, down, across)
        # The last block may reach beyond the edge, where the axes clip it.
        left, right, bottom, top = extent
        height, width = (top - bottom) / rows, (right - left) / columns
        drawn = self._A.shape
        right, top = left + drawn[1] * across * width, bottom + drawn[0] * down * height
        self._extent = (left, right, bottom, top)
        try:
            return super().make_image(renderer, magnification, unsampled)
        finally:
            self._A, self._extent = whole, extent


def pick_cells(cells: np.ndarray, down: int, across: int) -> np.ndarray:
    """Return the cell in the middle of each block of `down` rows and `across` columns.

    Examples
    --------
    >>> pick_cells(np.arange(10).reshape(2, 5), 2, 3)
    array([[6, 9]])
    """
    rows, columns = (
        np.minimum(np.arange(0, size, step) + step // 2, size - 1)
        for size, step in zip(cells.shape, (down, across), strict=False)
    )
    return cells[np.ix_(rows, columns)]


def average_blocks(
    cells: np.ma.MaskedArray[Any, Any], down: int, across: int
) -> np.ma.MaskedArray[Any, Any]:
    """Return the mean of each block of `down` rows and `across` columns; missing if most cells are.

    Examples
    --------
    >>> cells = np.ma.masked_equal([[1.0, 3.0, 9.0], [2.0, 2.0, 0.0]], 0.0)
    >>> average_blocks(cells, 2, 2)
    masked_array(data=[[2.0, 9.0]],
                 mask=[[False, False]],
           fill_value=1e+20)
    """
    height, width = cells.shape
    heights, widths = (
        np.minimum(step, size - np.arange(0, size, step))
        for size, step in ((height, down), (width, across))
    )
    sizes = np.outer(heights, widths)
    mask = np.ma.getmask(cells)
    with np.errstate(over="ignore", invalid="ignore"):  # sums of the greatest numbers
        if mask is np.ma.nomask:
            return np.ma.masked_array(_add_blocks(cells.data, down, across) / sizes, False)
        counts = sizes - _add_blocks(np.asarray(mask), down, across)
        sums = _add_blocks(np.where(mask, 0, cells.data), down, across)
        return np.ma.masked_array(sums / np.maximum(counts, 1), 2 * counts < sizes)


def _add_blocks(cells: np.ndarray, down: int, across: int) -> np.ndarray:
    """Return the sum of each block in float64, those of the last rows and columns of what is left.

    Rows come first: numpy adds whole rows three times as fast as `reduceat` does.
    """
    whole = len(cells) // down * down
    rows = cells[:whole].reshape(-1, down, cells.shape[1]).sum(axis=1, dtype=np.float64)
    if whole < len(cells):
        rows = np.concatenate([rows, cells[whole:].sum(axis=0, dtype=np.float64, keepdims=True)])
    return np.add.reduceat(rows, np.arange(0, cells.shape[1], across), axis=1)


def _count_shared(cells: int, pixels: float) -> int:
    """Return how many cells of a side share a pixel, at least 1."""
    return max(int(cells / max(pixels, 1.0)), 1)
