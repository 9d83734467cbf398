"""Describe the grids of a file from its metadata: dimensions, places, dates, chunks.

Of values only those of coordinates are read. Variables that share all of it share a description.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm.raster.grid.axes import find_axes, find_other_dims, has_dates
from fastkm.raster.grid.coordinates import has_axis, is_cell_coordinate, is_count
from fastkm.raster.grid.crs import get_crs_wkt
from fastkm.raster.grid.curvilinear import CurvilinearGrid
from fastkm.raster.grid.geolocation import AxisGrid, TransformGrid, find_grid
from fastkm.raster.grid.location import attach_location
from fastkm.raster.io.choose import format_value
from fastkm.raster.io.describe.on_globe import GlobeInfo, locate_grid
from fastkm.raster.io.describe.open_file import Source, open_file
from fastkm.raster.io.geotiff.read_geotiff import choose_bands, describe_bands

if TYPE_CHECKING:
    import xarray as xr

Extent = tuple[float, float, float, float]

MOST_LISTED = 6
"""Values of a coordinate up to which all are listed."""

MOST_CELLS = 1 << 22
"""Latitudes and longitudes by cell up to which they are read."""

NAMELESS = {"undefined", "unknown", "unnamed"}
"""What reference systems without a name are called."""

EVEN = 1e-3
"""Share of a cell by which cells of one size may be off their places."""


@dataclass(frozen=True)
class AxisInfo:
    """A dimension, or a single date, and what is known of the coordinate along it.

    Attributes
    ----------
    name : str
    size : int
    values : tuple of str
        The values of the coordinate; only the first and the last if there are many. Empty if there
        is no coordinate.
    units : str
        Empty for dates.
    step : str
        The time between neighbouring dates, such as "28 to 31 days"; otherwise empty.
    """

    name: str
    size: int
    values: tuple[str, ...]
    units: str
    step: str = ""


@dataclass(frozen=True)
class GridInfo:
    """The grid of some variables or bands.

    Attributes
    ----------
    axes : tuple of AxisInfo
        All dimensions.
    extent : tuple of float or None
        Left, bottom, right and top edge of the grid, in `units`. If cells have a latitude and a
        longitude each it is the extent of their centres.
    cell_size : tuple of float or None
        Width and height of the cells, if they are all the same.
    units : str
        Those of the extent and the cell size: "degrees" if they are longitudes and latitudes.
    crs : str
        The reference system that the file names, with its code if it has one; otherwise empty.
    globe : GlobeInfo or None
        Where the grid lies on the globe, and how wide its cells are there, if it is not a grid of
        parallels and meridians.
    """

    axes: tuple[AxisInfo, ...]
    extent: Extent | None
    cell_size: tuple[float, float] | None
    units: str
    crs: str
    globe: GlobeInfo | None = None


@dataclass(frozen=True)
class LayoutInfo:
    """How a variable is laid out in its file.

    Attributes
    ----------
    chunks : tuple of int or None
        Sizes of the chunks or tiles along the dimensions; None if all lies together.
    compression : str
        How chunks are compressed, and which overviews there are.
    """

    chunks: tuple[int, ...] | None
    compression: str


Grids = dict[GridInfo, dict[str, LayoutInfo]]
"""The grids of a file, with the names and the layouts of the variables that have them."""


def describe_grids(source: Source) -> Grids:
    """Describe the grids of a netCDF file, a Zarr store or a GeoTIFF, by its path or as it is open.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.
    """
    found: Grids = {}
    with open_file(source) as file:
        if file.tiff is not None:
            return _describe_geotiff(file.tiff, file.path)
        for array, dataset in file.rasters:
            grid = _describe_grid(_attach_places(array, dataset))
            found.setdefault(grid, {})[str(array.name)] = _describe_layout(array.encoding)
    return found


def _attach_places(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Attach to a variable what says where its cells lie, without coordinates that are too large."""
    large = [
        name
        for name, variable in dataset.variables.items()
        if variable.ndim > 1 and variable.size > MOST_CELLS and is_cell_coordinate(dataset[name])
    ]
    return attach_location(array.drop_vars(large, errors="ignore"), dataset.drop_vars(large))


def _describe_geotiff(file: Any, path: str | os.PathLike[str]) -> Grids:
    """Describe the grid of a GeoTIFF, which is that of all bands."""
    import dask.array as da

    numbers = choose_bands(file, None, path)
    shape = (len(numbers), file.height, file.width)
    array = describe_bands(file, numbers, da.zeros(shape, dtype=np.uint8, chunks=shape))
    chunks = file.block_shapes[numbers[0] - 1]
    compression = "" if file.compression is None else str(file.compression.value).lower()
    overviews = ", ".join(f"1/{factor}" for factor in file.overviews(numbers[0]))
    named = ", ".join(filter(None, [compression, overviews and f"overviews of {overviews}"]))
    grid = _describe_grid(array.isel(band=0, drop=True))
    return {grid: dict.fromkeys(array.attrs["long_name"], LayoutInfo(tuple(chunks), named))}


def _describe_grid(array: xr.DataArray) -> GridInfo:
    """Describe the grid of a variable."""
    crs = get_crs_wkt(array)
    named = "" if crs is None else _name_crs(crs)
    extent, cell_size, units, globe = _measure_grid(array, crs)
    return GridInfo(tuple(_describe_axes(array)), extent, cell_size, units, named, globe)


def _describe_axes(array: xr.DataArray) -> Iterator[AxisInfo]:
    """Describe each dimension, and dates that are coordinates without dimensions."""
    for name, size in array.sizes.items():
        own = array.coords[name] if has_axis(array, str(name)) else None
        yield _describe_axis(str(name), size, own)
    for name, own in array.coords.items():
        if own.ndim == 0 and has_dates(own):
            yield _describe_axis(str(name), 1, own)


def _describe_axis(name: str, size: int, coordinate: xr.DataArray | None) -> AxisInfo:
    """Describe a dimension by its coordinate."""
    if coordinate is None or not coordinate.size:
        return AxisInfo(name, size, (), "")
    values = np.ravel(coordinate.values)
    values = values if size <= MOST_LISTED else values[[0, -1]]
    texts = [format_value(value) for value in values]
    if has_dates(coordinate):
        midnight = all(text.endswith("T00:00:00") for text in texts)
        texts = [text.partition("T")[0] for text in texts] if midnight else texts
        return AxisInfo(name, size, tuple(texts), "", _format_steps(coordinate.values))
    return AxisInfo(name, size, tuple(texts), read_text(coordinate.attrs, "units"))


def _format_steps(dates: np.ndarray) -> str:
    """Format the time between dates, the shortest and the longest; empty for a single date.

    Examples
    --------
    >>> _format_steps(np.arange("2001-01", "2002-01", dtype="M8[M]").astype("M8[ns]"))
    '28 to 31 days'
    """
    steps = np.abs(np.diff(np.ravel(dates)))
    if not len(steps):
        return ""
    hour = np.timedelta64(1, "h") if steps.dtype.kind == "m" else timedelta(hours=1)
    shortest, longest = (float(step / hour) for step in (steps.min(), steps.max()))
    unit, size = ("days", 24.0) if shortest >= 24.0 else ("hours", 1.0)
    ends = dict.fromkeys(f"{step / size:.3g}" for step in (shortest, longest))
    return f"{' to '.join(ends)} {unit if list(ends) != ['1'] else unit[:-1]}"


def _measure_grid(
    array: xr.DataArray, crs: str | None
) -> tuple[Extent | None, tuple[float, float] | None, str, GlobeInfo | None]:
    """Return the extent of a grid, the size of its cells, their units and place, as far as known."""
    try:
        plane = array.isel(dict.fromkeys(find_other_dims(array), 0), drop=True)
        axes, grid = find_axes(plane), find_grid(plane)
    except (ValueError, IndexError):  # no cells, or coordinates that neither ascend nor descend
        return None, None, "", None
    units = "degrees" if grid.in_degrees else _name_units(plane, axes.x, crs)
    rows, columns = plane.sizes[axes.y], plane.sizes[axes.x]
    if isinstance(grid, CurvilinearGrid):
        extent = _span(grid.longitude, grid.latitude)
        return extent, None, units, locate_grid(grid, rows, columns)
    if isinstance(grid, AxisGrid):
        numbered = not grid.in_degrees and all(is_count(plane, dim) for dim in axes[1:])
        if numbered or min(rows, columns) < 2:
            return None, None, "", None
    corners = [[row, column] for row in (-0.5, rows - 0.5) for column in (-0.5, columns - 0.5)]
    extent, globe = _span(*grid.place(np.array(corners)).T), locate_grid(grid, rows, columns)
    return extent, _measure_cells(grid), units, globe


def _span(x: np.ndarray, y: np.ndarray) -> Extent:
    """Return the least box around points."""
    low = (float(np.nanmin(x)), float(np.nanmin(y)))
    return (*low, float(np.nanmax(x)), float(np.nanmax(y)))


def _measure_cells(grid: AxisGrid | TransformGrid) -> tuple[float, float] | None:
    """Return the width and the height of cells; None if they differ."""
    if isinstance(grid, TransformGrid):
        move = grid.transform
        return math.hypot(move[1], move[4]), math.hypot(move[2], move[5])
    sizes = []
    for centres in (grid.x, grid.y):
        even = np.linspace(centres[0], centres[-1], len(centres))
        size = abs(float(centres[-1] - centres[0])) / (len(centres) - 1)
        if np.abs(centres - even).max() > EVEN * size:
            return None
        sizes.append(size)
    return sizes[0], sizes[1]


def _name_units(plane: xr.DataArray, x: str, crs: str | None) -> str:
    """Return the unit of a reference system or, without one, of the coordinate of the columns."""
    if crs is None:
        return read_text(plane[x].attrs, "units") if x in plane.coords else ""
    from pyproj import CRS

    names = [axis.unit_name for axis in CRS(crs).axis_info]
    plural = {"metre": "metres", "degree": "degrees of the reference system"}
    return plural.get(names[0], names[0]) if names else ""


def _name_crs(crs: str) -> str:
    """Return the name of a reference system, with its code, if it has one."""
    from pyproj import CRS

    system = CRS(crs)
    name, operation, code = system.name, system.coordinate_operation, system.to_authority()
    if name in NAMELESS and operation is not None:
        name = operation.method_name
    return f"{name} ({':'.join(code)})" if code else str(name)


def _describe_layout(encoding: Mapping[Any, Any]) -> LayoutInfo:
    """Describe how a variable is laid out, by what xarray says of it."""
    chunks = encoding.get("chunksizes") or encoding.get("chunks")
    codecs = encoding.get("compressors") or [encoding.get("compressor")]
    names = [type(codec).__name__.removesuffix("Codec").lower() for codec in codecs if codec]
    names += [name for name in ("szip", "zstd", "bzip2", "blosc") if encoding.get(name)]
    if encoding.get("zlib"):
        names.append(f"deflate level {encoding.get('complevel')}")
    return LayoutInfo(None if chunks is None else tuple(map(int, chunks)), ", ".join(names))
