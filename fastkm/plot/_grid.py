"""The grid under a panel: which cell lies where, and what its axes are called.

Panels are drawn in pixel coordinates: the centre of cell (row, column) is the point
(x = column, y = row). A contour in rows and columns then needs no conversion, and a grid whose
steps vary (a Gaussian one) is still an image. The coordinates come back as tick labels: a tick
is put where the coordinate, interpolated between the cell centres and carried on half a cell
beyond the first and the last, has a round value.

North is up and east is right because the *axes* are turned where a coordinate descends; the
array is never flipped, so rows stay rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from fastkm.plot._text import Axis, degrees_label, quantity_label

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import xarray as xr

LARGEST = 4096
"""Cells a side beyond which a panel is thinned: a page at 300 dpi has 2,500 dots across."""

_DEGREE_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 90, 180)
_NAMES: dict[Axis, set[str]] = {
    "longitude": {"longitude", "lon", "degrees_east", "degree_east"},
    "latitude": {"latitude", "lat", "degrees_north", "degree_north"},
}


@dataclass(frozen=True)
class Side:
    """One side of a grid: its number of cells and, where it has one, its coordinate."""

    size: int
    values: np.ndarray | None = None
    kind: Axis | None = None
    label: str = ""

    @property
    def descends(self) -> bool:
        """Whether the coordinate falls while the cell number rises."""
        return self.values is not None and bool(self.values[0] > self.values[-1])

    def ticks(self, most: int) -> tuple[np.ndarray, list[str]] | None:
        """Place at most about `most` ticks at round values, in cell numbers, with labels."""
        if self.size == 1:
            return np.zeros(1), [self._write(0.0 if self.values is None else float(self.values[0]))]
        if self.values is None:
            return None
        positions, edges = self.with_edges()
        low, high = sorted((float(edges[0]), float(edges[-1])))
        rounds = _round_values(low, high, most, degrees=self.kind is not None)
        order = np.argsort(edges)
        where = np.interp(rounds, edges[order], positions[order])
        return where, [self._write(float(value)) for value in rounds]

    def with_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Give cell numbers and their coordinates, the outer edges included; empty without."""
        if self.values is None or self.size == 1:
            return np.empty(0), np.empty(0)
        return _with_edges(self.values)

    def _write(self, value: float) -> str:
        if self.kind is None:
            return f"{value:.10g}".replace("-", "−")
        return degrees_label(value, self.kind)

    @property
    def spacing(self) -> float | None:
        """Mean size of a cell in degrees, where the coordinate is in degrees."""
        if self.values is None or self.kind is None or self.size == 1:
            return None
        return abs(float(self.values[-1] - self.values[0])) / (self.size - 1)


@dataclass(frozen=True)
class Grid:
    """A two-dimensional array with its missing cells masked, and its two sides."""

    cells: np.ma.MaskedArray[Any, Any]
    step: int
    rows: Side
    columns: Side

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the drawn cells, in cell numbers of the whole array."""
        height, width = (self.step * size - 0.5 for size in self.cells.shape)
        return -0.5, width, -0.5, height

    @property
    def x_limits(self) -> tuple[float, float]:
        """Left and right end of the axis; turned where the columns run westward."""
        return _limits(self.columns)

    @property
    def y_limits(self) -> tuple[float, float]:
        """Lower and upper end of the axis; turned where the rows run southward."""
        return _limits(self.rows)

    @property
    def cell_ratio(self) -> float:
        """Height of a cell over its width: degrees are alike on both axes, else pixels are."""
        height, width = self.rows.spacing, self.columns.spacing
        return height / width if height and width else 1.0

    @property
    def ratio(self) -> float:
        """Height over width of the drawn panel."""
        true = self.cell_ratio * self.rows.size / self.columns.size
        return true if self.fits else 0.4

    @property
    def fits(self) -> bool:
        """Whether the panel can be drawn to scale; a single row would be a hair."""
        return 1 / 6 <= self.cell_ratio * self.rows.size / self.columns.size <= 6


def read_grid(data: xr.DataArray | np.ndarray, *, name: str, missing: int | None = None) -> Grid:
    """Take what a panel needs from a labelled or a plain array.

    Parameters
    ----------
    data : xarray.DataArray or numpy.ndarray, shape (rows, columns)
        Values. NaN, infinity and the masked cells of a masked array are missing.
    name : str
        The argument's name, for the messages.
    missing : int, optional
        A further value that means missing.

    Returns
    -------
    Grid
        The masked cells, thinned where there are more than a page can show, and the sides.

    Raises
    ------
    ValueError
        If `data` is not two-dimensional or has no cells.

    Examples
    --------
    >>> grid = read_grid(np.array([[0, 1], [-1, 2]]), name="labels", missing=-1)
    >>> grid.cells.tolist()
    [[0, 1], [None, 2]]
    >>> grid.extent
    (-0.5, 1.5, -0.5, 1.5)
    """
    if data.ndim != 2 or data.size == 0:
        msg = f"{name} must have two dimensions and at least one cell, got shape {data.shape}"
        raise ValueError(msg)
    step = max(1, math.ceil(max(data.shape) / LARGEST))
    thinned = data[::step, ::step]
    values = np.ma.asarray(getattr(thinned, "values", thinned))
    cells: np.ma.MaskedArray[Any, Any] = np.ma.masked_invalid(values)
    if missing is not None:
        cells = np.ma.masked_where(cells.data == missing, cells)
    rows, columns = (_side(data, position) for position in (0, 1))
    return Grid(cells, step, rows, columns)


def _side(data: xr.DataArray | np.ndarray, position: int) -> Side:
    """Describe a side by its coordinate, or by pixel numbers where there is no usable one."""
    size = data.shape[position]
    if isinstance(data, np.ndarray):
        return Side(size)
    dimension = data.dims[position]
    coordinate = data.coords.get(dimension)
    if coordinate is None or coordinate.dtype.kind not in "iuf":
        return Side(size)
    kind = kind_of(dimension, coordinate.attrs)
    values = coordinate.values.astype(float)
    if kind == "longitude":
        values = np.unwrap(values, period=360.0)
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        return Side(size)
    title = str(coordinate.attrs.get("long_name", dimension))
    label = "" if kind else quantity_label(title, str(coordinate.attrs.get("units", "")))
    return Side(size, values, kind, label)


def kind_of(name: Hashable, attrs: Mapping[Any, Any]) -> Axis | None:
    """Tell whether a coordinate is a longitude or a latitude, by its name and attributes.

    Examples
    --------
    >>> kind_of("y", {"units": "degrees_north"})
    'latitude'
    >>> kind_of("y", {"units": "m"})
    """
    words = {str(word).lower() for word in (name, attrs.get("units"), attrs.get("standard_name"))}
    return next((kind for kind, names in _NAMES.items() if names & words), None)


def _limits(side: Side) -> tuple[float, float]:
    ends = (-0.5, side.size - 0.5)
    return ends[::-1] if side.descends else ends


def _with_edges(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add the outer edges, half a cell beyond the first and the last centre."""
    first = values[0] - (values[1] - values[0]) / 2
    last = values[-1] + (values[-1] - values[-2]) / 2
    positions = np.concatenate(([-0.5], np.arange(values.size), [values.size - 0.5]))
    return positions, np.concatenate(([first], values, [last]))


def _round_values(low: float, high: float, most: int, *, degrees: bool) -> np.ndarray:
    """Choose round values within `low` and `high`: fractions of a turn for degrees."""
    slack = 1e-6 * (high - low)  # float32 edges miss 0 and 360 by a rounding
    if degrees:
        steps = [step for step in _DEGREE_STEPS if (high - low) / step <= most]
        step = steps[0] if steps else 180.0
        first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
        return np.round(step * np.arange(first, last + 1), 6)
    locator = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
    values = np.asarray(locator.tick_values(low, high))
    return values[(values >= low - slack) & (values <= high + slack)]
