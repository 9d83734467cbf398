"""The part of the grid of a series that is read, and which of its cells a mask keeps.

The file of a raster is read again by each process, and must not have changed. Polygons are looked at
once, and what they keep travels with the blocks: workers need neither their file nor the places of cells.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.io.mask_file import is_polygon_file
from fastkm.raster.io.stamps import CHANGED, Stamp, read_stamp
from fastkm.raster.mask import read_kept_cells

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.io.read_netcdf import Bbox


@dataclass(frozen=True, eq=False)
class GridWindow:
    """The part of the grid that is read: rows and columns of the input, in the order of the output.

    `shape` has their numbers. `mask` is a raster file that says which of these cells are kept, with
    the stamp `mask_stamp`, and `bbox` the box by which it is cropped. If polygons say it, `kept` has
    the result (see `find_kept`), so that workers need neither the polygons nor where the cells are.
    """

    rows: slice | np.ndarray
    columns: slice | np.ndarray
    shape: tuple[int, int]
    mask: str | None = None
    bbox: Bbox | None = None
    mask_stamp: Stamp | None = None
    kept: bytes | None = None


def restrict_to_mask(
    window: GridWindow,
    grid: xr.DataArray,
    mask: str | os.PathLike[str],
    share: float | None,
) -> GridWindow:
    """Return a window of which a mask keeps cells; raise if it does not fit the raster `grid`."""
    path = os.fspath(Path(mask).absolute())
    stamp = read_stamp(path)
    kept = read_kept_cells(path, bbox=window.bbox, grid=grid, share=share)
    if is_polygon_file(path):
        return replace(window, kept=_pack(kept))
    return replace(window, mask=path, mask_stamp=stamp)


def find_kept(window: GridWindow) -> np.ndarray | None:
    """Return which cells a mask keeps; None if there is no mask."""
    if window.kept is not None:
        bits = np.frombuffer(zlib.decompress(window.kept), np.uint8)
        count = window.shape[0] * window.shape[1]
        return np.unpackbits(bits, count=count).astype(bool).reshape(window.shape)
    if window.mask is None:
        return None
    return _read_mask(window.mask, window.bbox, window.mask_stamp)


def _pack(keep: np.ndarray) -> bytes:
    """Return which cells are kept in few bytes: some 20 kB for continents at a tenth of a degree."""
    return zlib.compress(np.packbits(keep).tobytes())


def _read_mask(path: str, bbox: Bbox | None, stamp: Stamp | None) -> np.ndarray:
    """Read a mask; raise if it has changed."""
    keep, read = _read_mask_once(path, bbox, stamp)
    if not read == stamp == read_stamp(path):
        raise ValueError(f"{path} {CHANGED}")
    return keep


@lru_cache(maxsize=4)
def _read_mask_once(path: str, bbox: Bbox | None, _stamp: Stamp | None) -> tuple[np.ndarray, Stamp]:
    """Read a mask, once in a process: it costs as much as reading a step. Return also its stamp."""
    keep = read_kept_cells(path, bbox=bbox)
    keep.flags.writeable = False
    return keep, read_stamp(path)
