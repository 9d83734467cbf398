"""Rows of large rasters: the cells of a block of several bands, chunk by chunk, as they are stored.

A block is an array of all bands, or an array of each, from memory or from a graph of dask that
loads it. Its cells are taken in chunks that stay in the second-level cache: for each chunk the
cells that are missing are found, and numbers are unpacked if they are packed. Integers of 8 and 16
bits that need no unpacking go to the kernels as integers, of 32 bits, so that kernels are compiled
for one type of them. Nothing as large as a block is made besides the block.

Missing cells keep their place in a chunk: kernels take all cells, and what does not count gets a
label of its own. To copy those that count would take longer than to compare all with the centroids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.cf_rules import is_packed
from fastkm.cluster.streaming.arrays import RawArray, as_raw_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastkm.cluster.lloyd.nearest import NearestCentroid

CHUNK_CELLS = 1 << 15
"""Cells of a chunk: 1 MB of four bands in float64, and the Python around it counts for little."""

FEW_CODES = 4
"""Number of stored integers that are compared one by one; if more are missing, the rules are used."""


class Window(NamedTuple):
    """Where a block lies in a raster."""

    first_row: int
    rows: int
    first_column: int
    columns: int

    @property
    def cells(self) -> int:
        """Number of cells of the block."""
        return self.rows * self.columns


@dataclass(frozen=True, eq=False)
class BandReader:
    """How the numbers of a band are read.

    `cells` has the rules of missing cells and an empty array of the type that is stored; `codes`
    are the stored integers that are missing, None if there are many or numbers are no small ones.
    `factor` and `offset` unpack integers.
    """

    name: str
    cells: RawArray
    codes: np.ndarray | None
    integer: bool
    factor: float
    offset: float

    @classmethod
    def of(cls, cells: RawArray, name: str) -> BandReader:
        """Return the reader of a band of any kind."""
        empty = replace(cells, values=np.empty(0, cells.values.dtype), mask=None)
        packing = cf_missing.read_packing(empty)
        unpackable = packing is not None or not is_packed(empty.attrs)
        small = empty.values.dtype.kind in "iu" and empty.values.dtype.itemsize <= 2
        return cls(
            name,
            empty,
            _list_missing_codes(empty) if small else None,
            integer=small and unpackable,
            factor=1.0 if packing is None else packing.scale,
            offset=0.0 if packing is None else packing.offset,
        )

    @property
    def is_plain(self) -> bool:
        """Whether the stored integers are the numbers themselves."""
        return self.integer and self.factor == 1 and self.offset == 0

    def find_missing(self, cells: RawArray) -> np.ndarray | None:
        """Find missing cells; None if there are none. Infinities are not missing."""
        if self.codes is None:
            missing = cells.find_missing()
            if cells.values.dtype.kind == "f":
                nan = np.isnan(cells.values)
                missing = nan if missing is None else missing | nan
            return missing
        found = cells.mask
        for code in self.codes:
            equal = cells.values == code
            found = equal if found is None else np.logical_or(found, equal, out=equal)
        return found

    def count_infinite(self, cells: RawArray) -> int:
        """Count the cells that are infinite and not missing."""
        if cells.values.dtype.kind != "f":
            return 0
        infinite, missing = np.isinf(cells.values), cells.find_missing()
        if missing is not None:
            infinite &= ~missing
        return int(np.count_nonzero(infinite))


class CellChunk(NamedTuple):
    """Some adjacent cells of a block.

    Attributes
    ----------
    x : (m, d) array
        Rows in Fortran order, in the space that is clustered, integers or floats. The rows of
        missing cells mean nothing.
    stored : (m, d) array
        The same as stored, in int32, if all bands are small integers; otherwise `x` itself.
    bands : list of RawArray
        The cells of each band.
    missing : (m,) bool array or None
        Cells that are missing in some band; None if no cell is.
    weights : (m,) float64 array or None
        Their weights.
    cut : slice
        Which cells of the block these are.
    """

    x: np.ndarray
    stored: np.ndarray
    bands: list[RawArray]
    missing: np.ndarray | None
    weights: np.ndarray | None
    cut: slice

    def assign(self, nearest: NearestCentroid, absent: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the label of each cell, int32, and its squared distance.

        Those of missing cells are `absent` and 0.
        """
        labels = np.empty(len(self.x), np.int32)
        squares = nearest.find(self.x, 0, labels)
        if self.missing is not None:
            np.copyto(labels, np.int32(absent), where=self.missing)
            np.copyto(squares, 0, where=self.missing)
        return labels, squares


@dataclass(frozen=True, eq=False)
class CellReader:
    """Reads blocks of a raster of several bands; it is sent to workers.

    `columns` are those of the raster; `weighted` says whether each block comes with weights. Numbers
    are divided by `scale`, (d,), if it is given.
    """

    bands: tuple[BandReader, ...]
    columns: int
    weighted: bool = False
    scale: np.ndarray | None = None

    @property
    def d(self) -> int:
        """Number of bands."""
        return len(self.bands)

    @property
    def dtype(self) -> np.dtype:
        """Type in which rows are compared with centroids."""
        kinds = [cf_missing.to_physical(band.cells).dtype for band in self.bands]
        return validation.choose_working_dtype(*kinds)

    @property
    def has_integer_sums(self) -> bool:
        """Whether all bands are small integers and cells have no weights."""
        return not self.weighted and all(band.integer for band in self.bands)

    def read(self, window: Window, *parts: Any) -> Iterator[CellChunk]:
        """Yield the chunks of a block.

        `parts` are the arrays of the block, (d, rows, columns) or (rows, columns) of each band,
        and its weights if there are any; or one object whose `compute` returns them.
        """
        arrays = list(parts[0].compute() if hasattr(parts[0], "compute") else parts)
        weights = None
        if self.weighted:
            spread = np.broadcast_to(arrays.pop(), (window.rows, window.columns))
            weights = np.asarray(spread.reshape(-1), np.float64)
        planes = arrays if len(arrays) > 1 else list(arrays[0].reshape(self.d, -1))
        cells = [
            _fill(band.cells, plane.reshape(-1))
            for band, plane in zip(self.bands, planes, strict=True)
        ]
        for start in range(0, window.cells, CHUNK_CELLS):
            cut = slice(start, min(start + CHUNK_CELLS, window.cells))
            own = [band.select((cut,)) for band in cells]
            yield self._make_chunk(own, None if weights is None else weights[cut], cut)

    def _make_chunk(
        self, bands: list[RawArray], weights: np.ndarray | None, cut: slice
    ) -> CellChunk:
        """Find which cells are missing, and unpack numbers if necessary."""
        missing = None
        for reader, band in zip(self.bands, bands, strict=True):
            own = reader.find_missing(band)
            if own is not None:
                missing = own if missing is None else missing | own
        if missing is not None and not missing.any():
            missing = None
        stored = None
        if self.has_integer_sums:
            columns = [cf_missing.to_unsigned(band) for band in bands]
            stored = validation.freeze(np.stack(columns, dtype=np.int32)).T
            if self.scale is None and all(band.is_plain for band in self.bands):
                return CellChunk(stored, stored, bands, missing, weights, cut)
        x = np.empty((self.d, cut.stop - cut.start), self.dtype)
        for column, band in zip(x, bands, strict=True):
            column[...] = cf_missing.to_physical(band)
        if self.scale is not None:
            x /= self.scale[:, None].astype(x.dtype)
        rows = validation.freeze(x).T
        return CellChunk(rows, rows if stored is None else stored, bands, missing, weights, cut)


def raise_infinite(count: int, band: str, of: str = "") -> NoReturn:
    """Raise a ValueError that says how many cells of a band are infinite."""
    raise ValueError(
        f"raster must be finite where it is not missing, got infinity in {count} cells{of} of band "
        f"{band!r}: set infinities to NaN, or leave them out when a file is read (nodata=inf, or "
        "--nodata inf)"
    )


def _fill(rules: RawArray, values: Any) -> RawArray:
    """Return rules with the values of a block."""
    computed = as_raw_array(values, "raster")
    return replace(rules, values=computed.values, mask=computed.mask)


def _list_missing_codes(cells: RawArray) -> np.ndarray | None:
    """List the integers that are missing by the rules; None if there are many."""
    limits = np.iinfo(cells.values.dtype)
    all_codes = np.arange(limits.min, limits.max + 1).astype(cells.values.dtype)
    missing = replace(cells, values=all_codes).find_missing()
    codes = all_codes[:0] if missing is None else all_codes[missing]
    return codes if len(codes) <= FEW_CODES else None
