"""Label maps without small regions, in the units and on the grid of the raster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fastkm._core.memory import require_memory
from fastkm._core.validation import Limit, parse_limit
from fastkm.cluster.streaming.arrays import is_lazy
from fastkm.geometry.regions import check_labels
from fastkm.geometry.sieve import sieve_labels
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.axes import find_axes
from fastkm.raster.grid.geolocation import find_globe_transform, find_grid
from fastkm.raster.grid.repeated_columns import find_distinct_columns

if TYPE_CHECKING:
    import xarray as xr

Labels = TypeVar("Labels")

CELL_BYTES = 80
"""Bytes for each cell of a map while it is sieved, at most: labels and areas, each more than once."""

SQUARE_KM = 1e6
"""Square metres."""

SUM_BITS = 52
"""Areas are whole numbers of a unit, of which all cells together have about 2^52: their sums are exact."""


def sieve(
    labels: Labels,
    min_area: str,
    *,
    connectivity: Literal[4, 8] = 4,
    fill_holes: bool = False,
) -> Labels:
    """Join small regions of a label map to what is around them.

    Regions below the limit join the neighbour with the longest shared border, counted in edges of
    cells (ties: the lower label), until none is left that has a neighbour. A neighbour is a label,
    with all its regions around the small one: they are one region from then on. Tiny regions join
    first, in rounds: those of fewer than 2 cells, then 8, 32 and so on up to the limit; each until
    it has as many. In a round come the regions whose first cell is white on a chessboard (row +
    column is even) before the others; of these, those in even stripes of 64 rows before those in
    odd ones; of these, in raster order.

    Parameters
    ----------
    labels : (rows, columns) array-like or xarray.DataArray
        Whole numbers. Negative, masked and NaN cells are missing: no region joins them, and they
        stay as they are. Labels of dask are computed.
    min_area : str
        A number of cells such as "16px", or an area on the globe such as "500km2". Regions with
        less join.
    connectivity : {4, 8}
        With 8, cells that touch at a corner are connected too; a border is along edges in any case.
    fill_holes : bool
        Let regions of missing cells below the limit join likewise, once, before all others. In km2,
        cells that lie nowhere on the Earth stay missing.

    Returns
    -------
    array, masked array or xarray.DataArray
        The same kind and type as `labels`, with the same coordinates, attributes and encoding.
        On a grid that goes round the globe regions are joined across its seam.

    Raises
    ------
    ValueError
        If the labels do not have two dimensions or are not whole numbers, `min_area` has no unit, or
        it is in km2 and the labels lie nowhere on the globe.
    TypeError
        If they are not numbers.

    Notes
    -----
    ``rasterio.features.sieve`` (GDAL) lets a region join its largest neighbour, once, and leaves it
    if that is below the limit too, and so on to the last; in noise of five labels or more it leaves nearly all. Both agree
    if each small region has one neighbour. For GDAL, masked cells are regions like others.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.sieve([[1, 1, 1, 2], [1, 0, 2, 2], [1, 1, 2, -1]], "3px")
    array([[ 1,  1,  1,  2],
           [ 1,  1,  2,  2],
           [ 1,  1,  2, -1]])
    """
    return sieve_map(labels, min_area, connectivity=connectivity, fill_holes=fill_holes)


@dataclass(frozen=True)
class SieveOptions:
    """How the label maps of a job are sieved: see `sieve`."""

    min_area: str
    fill_holes: bool = False
    connectivity: Literal[4, 8] = 4

    @property
    def needs_areas(self) -> bool:
        """Whether the limit is an area on the globe."""
        return as_sieve(self.min_area).unit == "km2"

    def apply(self, labels: xr.DataArray, areas: xr.DataArray | None = None) -> xr.DataArray:
        """Return a label map sieved, in blocks of dask if it was so; `areas` are those of cells in m2."""
        sieved: xr.DataArray = sieve_map(
            labels,
            self.min_area,
            connectivity=self.connectivity,
            fill_holes=self.fill_holes,
            areas=areas,
        )
        if labels.chunks is None:
            return sieved
        return sieved.chunk(dict(zip(labels.dims, labels.chunks, strict=True)))

    def __str__(self) -> str:
        """Return what was done, for the history of a file."""
        return f"sieved by {self.min_area}" + ", holes filled" * self.fill_holes


def as_sieve(min_area: str) -> Limit:
    """Read the limit of `sieve`: "16px" or "500km2"."""
    return parse_limit("min_area", min_area, ("px", "km2"), plain=False)


def sieve_map(
    labels: Any,
    min_area: str,
    *,
    connectivity: Literal[4, 8] = 4,
    fill_holes: bool = False,
    areas: xr.DataArray | None = None,
) -> Any:
    """Sieve a label map as `sieve` does; `areas`, if given, are those of its cells in m2."""
    least = as_sieve(min_area)
    if is_lazy(getattr(labels, "data", labels)):
        require_memory(CELL_BYTES * labels.size, "sieving a label map", "take a part of it")
        labels = labels.compute()
    if not hasattr(labels, "dims"):
        sieved = labels.copy() if isinstance(labels, np.ma.MaskedArray) else np.array(labels)
        if sieved.ndim != 2:
            raise ValueError(f"labels must have two dimensions, got shape {sieved.shape}")
        whole = _find_whole_areas(None, least, None)
        changed, found = _sieve_cells(sieved, whole, connectivity, fill_holes)
        if found.dtype == sieved.dtype and not isinstance(sieved, np.ma.MaskedArray):
            return found
        np.copyto(np.ma.getdata(sieved), found, where=changed, casting="unsafe")
        if isinstance(sieved, np.ma.MaskedArray):
            sieved.mask = np.ma.getmaskarray(sieved) & ~changed
        return sieved
    # rows and columns, and those that repeat no other
    sieved = labels.copy(deep=True)
    plane = _to_plane(sieved)
    distinct = find_distinct_columns(plane)
    own = plane.isel(distinct)
    own_areas = None if areas is None else _to_plane(areas).isel(distinct)
    whole = _find_whole_areas(own, least, own_areas)
    periodic = bool(find_grid(own).turn)
    changed, found = _sieve_cells(own, whole, connectivity, fill_holes, periodic=periodic)
    # columns that repeat others change as those do
    columns = np.arange(plane.shape[1]) % own.shape[1]
    np.copyto(plane.values, found[:, columns], where=changed[:, columns], casting="unsafe")
    return sieved


def _to_plane(labels: xr.DataArray) -> xr.DataArray:
    """Return a view of a map, of its rows and columns."""
    axes = find_axes(labels)
    further = {dim: size for dim, size in labels.sizes.items() if dim not in axes[1:] and size > 1}
    if further:
        raise ValueError(f"labels must be one map of rows and columns, got also {further}")
    plane = labels.squeeze([dim for dim in labels.dims if dim not in axes[1:]], drop=True)
    return plane.transpose(axes.y, axes.x)


def _find_whole_areas(
    plane: xr.DataArray | None, least: Limit, areas: xr.DataArray | None
) -> tuple[np.ndarray | None, int]:
    """Return the areas of cells as whole numbers, None in cells, and the limit in their unit."""
    if least.unit == "px" or not least.value:
        return None, math.ceil(least.value)
    if plane is None or find_globe_transform(find_grid(plane)) is None:
        raise ValueError(
            f"min_area of {least.value:g}km2 needs labels with latitudes and longitudes or a "
            "reference system, and these have neither: take cells, such as '16px'"
        )
    measured = np.asarray((cell_areas(plane) if areas is None else areas).values) / SQUARE_KM
    unit = math.ldexp(1.0, math.frexp(float(measured.sum()))[1] - SUM_BITS)
    limit = math.ceil(min(least.value / unit, 2.0**62))
    return np.rint(measured / unit).astype(np.int64), limit


def _sieve_cells(
    labels: Any,
    whole: tuple[np.ndarray | None, int],
    connectivity: Literal[4, 8],
    fill_holes: bool,
    *,
    periodic: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells of a map change, and their labels."""
    values, missing = check_labels(labels)
    gone = values < 0 if missing is None else missing | (values < 0)
    areas, limit = whole
    holes = None
    if fill_holes:
        if missing is not None:  # what is masked may be the label that fills it
            values = np.where(missing, -1, values.astype(np.int64))
        holes = gone if areas is None else gone & (areas > 0)
    found = sieve_labels(
        values,
        gone,
        limit,
        areas=areas,
        connectivity=connectivity,
        periodic=periodic,
        holes=holes,
    )
    return found != values, found
