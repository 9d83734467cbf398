"""The regions of one cluster at one step, and what they measure.

Areas, diameters and means are those of `fastkm.outline`. The centroid of a region is the direction of
the sum of the unit vectors of its cells, weighted by their areas, so neither the seam nor a pole is
anything special. Opposite cells of a region that goes round the globe cancel out: if nothing is left, the
region has no centroid. What is the same at all steps, such as the areas of cells, is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm.geometry.regions import check_labels, number_by_label, renumber
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.geolocation import AxisGrid, TransformGrid, find_globe_transform
from fastkm.raster.grid.missing_places import mask_missing_places
from fastkm.raster.grid.repeated_columns import find_distinct_columns
from fastkm.raster.zonal import zonal_statistics
from fastkm.vector.measure import measure_diameters
from fastkm.vector.merged_regions import MergedRegions, find_merged_regions, trace_regions
from fastkm.vector.polygonize import find_checked_grid, find_west, to_plane
from fastkm.vector.strips import note_cells_without_area
from fastkm.vector.tracking.boxes import (
    find_boxes_of_centres,
    find_longitude_start,
    find_region_boxes,
    wrap_longitudes,
)

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.grid.geolocation import Grid

BLOCK_CELLS = 1 << 16
"""Cells whose centres are placed at a time: 1 MB of pixels."""

NO_DIRECTION = 1e-9
"""Length of a mean of unit vectors that is only rounding."""


@dataclass(frozen=True)
class RegionChoice:
    """Which regions of a step are tracked: those of a cluster, above an area in km2."""

    cluster: int
    connectivity: Literal[4, 8] = 4
    bridge: int = 0
    min_area: float = 0.0


class StepRegions(NamedTuple):
    """The regions of a step that are tracked, by first cell.

    Attributes
    ----------
    numbers : (rows, columns) int32 array
        The region of each cell, -1 if it lies in none.
    regions : (n,) int64 array
        Their numbers among all regions of the cluster, also those that are left out.
    shares : (n,) float64 array
        Their areas in km2, or their cells if the raster lies nowhere on the globe.
    measures : dict of (n,) arrays
        Columns of the table of tracks.
    """

    numbers: np.ndarray
    regions: np.ndarray
    shares: np.ndarray
    measures: dict[str, np.ndarray]


def find_cluster_regions(cells: Any, grid: Grid, choice: RegionChoice) -> MergedRegions:
    """Find the regions of a cluster; there may be others, with another label than 1."""
    values, missing = check_labels(cells)
    missing = mask_missing_places(values, missing, grid)
    # 1 for cells of the cluster, -1 for missing ones, over which bridges lead, and 0 for others
    marks = (values == choice.cluster).astype(np.int8)
    marks -= values < 0 if choice.bridge else marks == 0
    if missing is not None:
        marks[missing] = -1
    return find_merged_regions(marks, grid, choice.connectivity, choice.bridge)


def number_chosen(regions: MergedRegions, wanted: np.ndarray) -> np.ndarray:
    """Return the map of the regions that are wanted, numbered among themselves; -1 elsewhere."""
    if wanted.all():
        return regions.numbers
    return renumber(regions.numbers, np.where(wanted, np.cumsum(wanted) - 1, -1))


class Plane:
    """Takes the rows and columns of one step after another, on the grid of the first.

    What the dimensions are, and which columns repeat others, is found once: that takes 10 ms.
    """

    def __init__(self, raster: xr.DataArray) -> None:
        self._axes, self._distinct = find_axes(raster), find_distinct_columns(raster)
        self.grid = find_checked_grid(self.select(raster))
        self.repeated = -self._distinct[self._axes.x].stop if self._distinct else 0
        self.shape = self.select(raster).shape

    def select(self, raster: xr.DataArray) -> xr.DataArray:
        """Return a raster as (row, column), without columns that repeat others, as `to_plane` does."""
        _, y, x = self._axes
        others = [dim for dim in raster.dims if dim not in (y, x)]
        return raster.squeeze(others, drop=True).isel(self._distinct).transpose(y, x)

    def read_labels(self, labels: xr.DataArray) -> np.ndarray:
        """Return the cells of a label map, missing ones masked."""
        plane = self.select(labels)
        if plane.shape != self.shape:
            raise ValueError(
                f"labels must have the shape of the first step, {self.shape}, at each step, "
                f"got {plane.shape}"
            )
        cells, mask = validation.as_values_and_mask(plane.compute(), "labels")
        return cells if mask is None else np.ma.MaskedArray(cells, mask)


class StepReader:
    """Finds and measures the regions of one step after another, which are on the grid of the first.

    Parameters
    ----------
    plane : xarray.DataArray
        The labels of the first step.
    choice : RegionChoice
    areas : xarray.DataArray, optional
        Areas of the cells in m2.
    threads : int, optional
    """

    def __init__(
        self,
        plane: xr.DataArray,
        choice: RegionChoice,
        areas: xr.DataArray | None,
        threads: int | None,
    ) -> None:
        self.plane = Plane(plane)
        plane = self.plane.select(plane)
        self.choice, self._threads = choice, threads
        self.grid = self.plane.grid
        self._west = find_west(None, self.grid)
        self.start = find_longitude_start(self.grid)
        to_globe = find_globe_transform(self.grid)
        self.on_globe = to_globe is not None
        # longitudes of a part of the globe stay as they are
        goes_round = (
            not isinstance(self.grid, AxisGrid) or self.grid.turn or self.grid.west is not None
        )
        self.round_start = self.start if self.on_globe and goes_round else None
        if choice.min_area > 0 and areas is None and not self.on_globe:
            raise ValueError(
                f"min_area={choice.min_area:g}km2 needs a raster with latitudes and longitudes or "
                "a reference system, and this one has neither; areas= gives the areas of its cells"
            )
        # areas of cells, and their centres as vectors
        if areas is None and self.on_globe:
            areas = cell_areas(plane)
        self.has_areas = areas is not None
        self.unit = 1e-6 if areas is not None else 1.0  # of weights, in those of shares
        self.weights = np.ones(plane.shape)
        if areas is not None:
            own = read_cells(to_plane(areas), plane.shape, "areas").astype(np.float64)
            self.weights = np.nan_to_num(own)
        self._without_area = bool((self.weights == 0).any())
        self._places = _place_centres(self.grid, plane.shape, to_globe)
        vectors = (
            _to_vectors(*self._places) if self.on_globe else (*self._places, np.ones(plane.shape))
        )
        self._moments = [np.nan_to_num(axis * self.weights) for axis in vectors]
        if isinstance(self.grid, AxisGrid | TransformGrid) and (
            self.grid.in_degrees or not self.on_globe
        ):
            self._places = None

    def read(self, labels: xr.DataArray, values: xr.DataArray | None = None) -> StepRegions:
        """Find and measure the regions of a step."""
        found = find_cluster_regions(self.plane.read_labels(labels), self.grid, self.choice)
        # the regions that are tracked
        marked = found.labels == 1
        area = np.full(len(marked), np.nan)
        if self.has_areas:
            area = 1e-6 * zonal_statistics(found.numbers, self.weights, len(marked)).sums
        wanted = marked & (area > self.choice.min_area) if self.choice.min_area > 0 else marked
        numbers = number_chosen(found, wanted)
        if self._without_area:
            note_cells_without_area(np.count_nonzero((self.weights == 0) & (numbers >= 0)))
        # what they measure
        measures = {"cells": found.cells[wanted], "area_km2": area[wanted]}
        measures |= self._measure_diameters(found, wanted)
        if values is not None:
            raster = read_cells(self.plane.select(values), numbers.shape, "values")
            measures["mean"] = zonal_statistics(numbers, raster, len(measures["cells"])).means
        return self._locate(found, wanted, numbers, measures)

    def read_outlined(self, labels: xr.DataArray, outlined: dict[str, np.ndarray]) -> StepRegions:
        """Find the regions of a step that are outlined already, with what outlines measured.

        `outlined` has their numbers among those of the cluster, ``region``, and measures.
        """
        found = find_cluster_regions(self.plane.read_labels(labels), self.grid, self.choice)
        order = np.argsort(outlined["region"])
        measures = {name: own[order] for name, own in outlined.items() if name != "region"}
        wanted = np.zeros(len(found.labels), bool)
        wanted[np.flatnonzero(found.labels == 1)[outlined["region"]]] = True
        if not np.array_equal(found.cells[wanted], measures["cells"]):
            raise ValueError("the outlines are not those of the labels")
        return self._locate(found, wanted, number_chosen(found, wanted), measures)

    def _locate(
        self,
        found: MergedRegions,
        wanted: np.ndarray,
        numbers: np.ndarray,
        measures: dict[str, np.ndarray],
    ) -> StepRegions:
        """Add where regions are to what they measure."""
        places = self._measure_places(numbers, len(measures["cells"]))
        boxes = self._find_boxes(found, wanted, numbers)
        sides = dict(zip(("west", "south", "east", "north"), boxes.T, strict=True))
        first = {name: measures[name] for name in ("cells", "area_km2")}
        regions = number_by_label(found.labels)[wanted]
        shares = measures["area_km2"] if self.has_areas else measures["cells"].astype(np.float64)
        return StepRegions(numbers, regions, shares, {**first, **places, **measures, **sides})

    def _measure_places(self, numbers: np.ndarray, size: int) -> dict[str, np.ndarray]:
        """Measure the centroids of regions: longitude and latitude, or x and y."""
        cells = np.flatnonzero(numbers >= 0)
        own = numbers.reshape(-1)[cells]
        a, b, c = (
            np.bincount(own, axis.reshape(-1)[cells], minlength=size) for axis in self._moments
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            if not self.on_globe:
                return {"x": a / c, "y": b / c}
            mass = np.bincount(own, self.weights.reshape(-1)[cells], minlength=size)
            gone = np.sqrt(a * a + b * b + c * c) <= NO_DIRECTION * mass
        longitude = wrap_longitudes(np.degrees(np.arctan2(b, a)), self.start)
        latitude = np.degrees(np.arctan2(c, np.hypot(a, b)))
        return {
            "longitude": np.where(gone, np.nan, longitude),
            "latitude": np.where(gone, np.nan, latitude),
        }

    def _measure_diameters(self, found: MergedRegions, wanted: np.ndarray) -> dict[str, np.ndarray]:
        """Measure the longest distances across regions, as `fastkm.outline` does."""
        if not wanted.any():
            return {"diameter_px": np.empty(0), "diameter_km": np.empty(0)}
        parts = trace_regions(found, self.grid, self._west, "cell", False, wanted).cut()
        n, threads = len(wanted), self._threads
        pixels = measure_diameters(parts, self.grid, n, metric="pixels", threads=threads)
        metres = measure_diameters(parts, self.grid, n, metric="metres", threads=threads)
        return {"diameter_px": pixels[wanted], "diameter_km": 1e-3 * metres[wanted]}

    def _find_boxes(
        self, found: MergedRegions, wanted: np.ndarray, numbers: np.ndarray
    ) -> np.ndarray:
        """Find the bounding boxes of regions, (n, 4)."""
        if self._places is None:
            return find_region_boxes(found, self.grid)[wanted]
        cells = np.flatnonzero(numbers >= 0)
        x, y = (axis.reshape(-1)[cells] for axis in self._places)
        size = int(wanted.sum())
        return find_boxes_of_centres(numbers.reshape(-1)[cells], x, y, size, self.start)


def read_cells(plane: xr.DataArray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return the cells of a raster of rows and columns of the labels, NaN where missing."""
    if plane.shape != shape:
        raise ValueError(f"{name} must have the shape of the labels, {shape}, got {plane.shape}")
    cells, mask = validation.as_values_and_mask(plane.compute(), name)
    return cells if mask is None else np.where(mask, np.nan, cells)


def _place_centres(grid: Grid, shape: tuple[int, ...], to_globe: Any) -> Any:
    """Return the longitudes and latitudes of all cells, or x and y: two arrays of rows and columns."""
    rows, columns = shape
    placed = np.empty((rows * columns, 2))
    step = max(1, BLOCK_CELLS // max(columns, 1))
    for first in range(0, rows, step):
        last = min(first + step, rows)
        row, column = np.mgrid[first:last, 0:columns].astype(np.float64).reshape(2, -1)
        points = grid.place(np.column_stack([row, column]))
        points = points if to_globe is None else to_globe(points)
        placed[first * columns : last * columns] = points
    return placed[:, 0].reshape(shape), placed[:, 1].reshape(shape)


def _to_vectors(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the unit vectors of places, three arrays."""
    x, y = np.radians(longitude), np.radians(latitude)
    return np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)
