"""Parts of a variable of a netCDF file or a Zarr store, as stored."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.cf_rules import FILLS, PACKING
from fastkm.raster.io.clean_dataset import decode_numbers
from fastkm.raster.io.lazy.block_plan import Index, arrange, cover, simplify_index
from fastkm.raster.io.open import (
    DAMAGES,
    NETCDF,
    ZARR,
    is_zarr_store,
    name_damage,
    netcdf_lock,
    open_netcdf4,
)

if TYPE_CHECKING:
    import xarray as xr

UNPACKING = (LookupError, TypeError, EOFError, zlib.error)
"""What zarr and its codecs raise, too, if data is damaged."""

POSITION = "position "
"""Begin of the names of coordinates that hold positions in the file."""


@dataclass(frozen=True, eq=False)
class GridSource:
    """Parts of a variable: (bands, rows, columns), or (rows, columns).

    `index` has the position of each dimension of the file; those of rows, columns and bands, whose
    axes are `axes` in this order, are replaced.
    """

    path: str
    dtype: np.dtype
    name: str
    index: tuple[int, ...]
    axes: tuple[int, ...]
    bands: Index | None

    def read(self, rows: Index, columns: Index) -> np.ndarray:
        """Read some rows and columns, of all bands."""
        with self._open() as variable:
            if self.bands is None:
                values = self._read_part(variable, cover(rows), cover(columns))
            elif isinstance(self.bands, slice):
                values = self._read_part(variable, cover(rows), cover(columns), self.bands)
            else:
                values = np.stack(
                    [
                        self._read_part(variable, cover(rows), cover(columns), int(band))
                        for band in self.bands
                    ]
                )
        return arrange(values, rows, columns)

    def _read_part(self, variable: Any, *chosen: slice | int) -> np.ndarray:
        """Read a range of rows and columns, and perhaps of bands, in this order of arguments."""
        index: list[slice | int] = list(self.index)
        for axis, own in zip(self.axes, chosen, strict=True):
            index[axis] = own
        values = np.asarray(variable[tuple(index)])
        ranges = [axis for axis in self.axes if isinstance(index[axis], slice)]
        order = [sorted(ranges).index(axis) for axis in (*ranges[2:], *ranges[:2])]
        return values.transpose(order)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the variable, without the checks of `open_stored`, which it has passed."""
        if is_zarr_store(self.path):
            import zarr

            with name_damage(self.path, ZARR, *DAMAGES, *UNPACKING):
                yield zarr.open_group(self.path, mode="r", use_consolidated=False)[self.name]
            return
        with (
            name_damage(self.path, NETCDF, *DAMAGES, LookupError),
            open_netcdf4(self.path) as file,
            netcdf_lock(),
        ):
            variable = file[self.name]
            variable.set_auto_maskandscale(False)
            yield variable


def record_positions(array: xr.DataArray) -> xr.DataArray:
    """Return a variable without values, but with coordinates that hold the positions of its cells."""
    import dask.array as da

    described = array.copy(data=da.zeros(array.shape, dtype=array.dtype, chunks=array.shape))
    return described.assign_coords(
        {
            f"{POSITION}{axis}": (dim, np.arange(array.sizes[dim]))
            for axis, dim in enumerate(array.dims)
        }
    )


def take_positions(
    array: xr.DataArray, stored: xr.DataArray
) -> tuple[xr.DataArray, list[np.ndarray]]:
    """Return an array that was selected of `record_positions` without these coordinates, and them.

    There is one for each dimension of the stored variable; it has no dimensions if one position is
    selected. Dimensions that were dropped have one position, 0.
    """
    names = [f"{POSITION}{axis}" for axis in range(stored.ndim)]
    found = [array.coords[n].values if n in array.coords else np.array(0) for n in names]
    return array.drop_vars(names, errors="ignore"), found


def load_coordinates(array: xr.DataArray) -> xr.DataArray:
    """Return an array, opened as stored, with coordinates that are loaded and decoded."""
    decoded = {}
    for name, coordinate in array.coords.items():
        stored = coordinate.variable.load()
        if any(rule in stored.attrs for rule in (*FILLS, *PACKING, "_Unsigned")):
            decoded[name] = decode_numbers(str(name), stored)
    return array.assign_coords(decoded)


def make_source(
    path: str | os.PathLike[str],
    array: xr.DataArray,
    stored: xr.DataArray,
    positions: list[np.ndarray],
) -> tuple[GridSource, np.ndarray, np.ndarray]:
    """Return what reads an array, and the positions of its rows and columns."""
    axes = {dim: axis for axis, dim in enumerate(stored.dims)}
    *front, y, x = (axes[dim] for dim in array.dims)
    source = GridSource(
        os.fspath(path),
        array.dtype.newbyteorder("="),
        str(stored.name),
        tuple(int(position) if position.ndim == 0 else 0 for position in positions),
        (y, x, *front),
        simplify_index(positions[front[0]]) if front else None,
    )
    return source, positions[y], positions[x]


def find_tile(array: xr.DataArray, stored: xr.DataArray) -> tuple[int, int]:
    """Return the rows and columns of the chunks of a variable; of what lies together, if it has none."""
    y, x = (stored.dims.index(dim) for dim in array.dims[-2:])
    chunks = stored.encoding.get("chunksizes") or stored.encoding.get("chunks")
    if chunks:
        return int(chunks[y]), int(chunks[x])
    return (1, stored.shape[x]) if y < x else (stored.shape[y], 1)
