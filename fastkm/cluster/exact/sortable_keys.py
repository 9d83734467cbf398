"""Keys: unsigned integers in the order of the values, windows of keys, and keys counted singly.

The key of a float is its bit pattern, changed as `fastkm._kernels.histogram` describes; that of an
integer is the integer with its sign bit flipped. Bins are ranges of keys.
"""

from __future__ import annotations

import mmap
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fastkm._kernels.histogram import LOW_BITS

COARSE_BITS = 16
"""log2 of the cells in which windows of 64-bit keys are looked up."""

SINGLE_KEYS = 3 << 19
"""Keys that are counted one by one at most: a table of 1.5 MB, which a second-level cache holds."""


class KeyOrder(NamedTuple):
    """Rule by which the bit patterns of a type become keys.

    The parts are the sign bit, the bits to flip if it is set and if it is not, and the pattern that
    counts as 0 (that of -0.0): see `fastkm._kernels.histogram.to_key`.
    """

    dtype: np.dtype  # of 32 or 64 bits
    parts: np.ndarray  # (4,) uint64

    @classmethod
    def of(cls, dtype: np.dtype) -> KeyOrder:
        """Choose the order for a type."""
        bits = 8 * dtype.itemsize
        sign, full = 1 << (bits - 1), (1 << bits) - 1
        parts = {"f": (sign, full, sign, sign), "i": (sign, sign, sign, 0), "u": (sign, 0, 0, 0)}
        return cls(dtype, np.array(parts[dtype.kind], np.uint64))

    @property
    def unsigned(self) -> np.dtype:
        """The type of the bit patterns."""
        return np.dtype(f"u{self.dtype.itemsize}")

    @property
    def minus_zero(self) -> int:
        """The key that no value has; -1 for integers, which have no -0.0."""
        return int(self.parts[0] ^ self.parts[1]) if self.dtype.kind == "f" else -1

    @property
    def limits(self) -> np.ndarray:
        """The least and greatest key that is not NaN: (2,), of the type of the bit patterns."""
        if self.dtype.kind == "f":
            return self.to_keys(np.array([-np.inf, np.inf])).astype(self.unsigned)
        return np.array([0, np.iinfo(self.unsigned).max], self.unsigned)

    def to_keys(self, values: np.ndarray) -> np.ndarray:
        """Return the keys of values, as uint64."""
        bits = np.asarray(values).astype(self.dtype).view(self.unsigned).astype(np.uint64)
        bits[bits == self.parts[3]] = 0
        return bits ^ np.where(bits & self.parts[0], self.parts[1], self.parts[2])

    def to_values(self, keys: np.ndarray) -> np.ndarray:
        """Return the values of keys, as float64."""
        sign, flip_if_set, flip_if_not, _ = self.parts
        bits = keys ^ np.where(keys & sign == flip_if_not & sign, flip_if_not, flip_if_set)
        typed = bits.astype(self.unsigned).view(self.dtype)
        with np.errstate(invalid="ignore"):  # signalling NaN
            return typed.astype(np.float64) + 0.0


class KeyWindows(NamedTuple):
    """Ranges of keys, disjoint and ascending, and a table that finds them.

    Cell c of the table begins at key ``origin + c * 2**wide``.
    """

    ends: np.ndarray  # (2, w) uint64, least and greatest key of each window
    origin: int
    wide: int
    marks: np.ndarray  # (c + 1,) uint8, 1 for each cell of keys into which a window reaches
    coarse: np.ndarray  # (c,) int16, the first of the windows that reach into each cell, or -1

    @classmethod
    def of(cls, ends: np.ndarray, origin: int, wide: int, cells: int) -> KeyWindows:
        """Build the table of some windows."""
        coarse = np.full(cells, -1, np.int16)
        first, last = ((ends - np.uint64(origin)) >> np.uint64(wide)).astype(np.int64)
        for w in range(ends.shape[1] - 1, -1, -1):
            coarse[first[w] : last[w] + 1] = w
        return cls(ends, origin, wide, np.append(coarse >= 0, False).view(np.uint8), coarse)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the table, which is much larger than the windows."""
        return _rebuild_windows, (self.ends.tobytes(), self.origin, self.wide, len(self.coarse))

    @property
    def lookup(self) -> tuple[np.uint64, int, np.ndarray, np.ndarray, np.ndarray]:
        """The arguments of the kernels that find windows, in their order."""
        return np.uint64(self.origin), self.wide, self.marks, self.coarse, self.ends

    def choose_bins(self, most: int, below: int = 64) -> tuple[int, np.ndarray]:
        """Choose the narrowest bins of which at most `most` are needed, but narrower than 2^below keys.

        Return log2 of the number of keys in a bin, and the first bin of each window and the number
        of all bins, (w + 1,) int64.
        """
        for shift in range(below):
            first, last = self.ends >> np.uint64(shift)  # bins nest in those of earlier passes
            sizes = last - first + np.uint64(1)
            if float(sizes.astype(np.float64).sum()) <= max(most, len(sizes)):
                break
        return shift, np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


@lru_cache(maxsize=2)
def _rebuild_windows(ends: bytes, origin: int, wide: int, cells: int) -> KeyWindows:
    """Build windows once for all tasks of a pass."""
    return KeyWindows.of(np.frombuffer(ends, np.uint64).reshape(2, -1), origin, wide, cells)


def make_sparse(size: int) -> np.ndarray:
    """Return zeros, uint32, of which only pages that are written to take memory.

    `numpy.zeros` clears what was freed before, and so uses all of it.
    """
    pages = mmap.mmap(-1, max(1, 4 * size))
    return np.frombuffer(pages, np.uint32, size)


class SingleKeys(NamedTuple):
    """Bins of the first pass over values of 32 bits in which each key is counted by itself.

    Looking into bins takes a second pass, which is half of the time if values are read from files.
    So cuts are guessed before (`fastkm.cluster.exact.solver.guess_cuts`), and the first pass counts
    each key in the bins around them. If all cuts prove to lie there, no second pass is needed. The
    result is the same to the bit, whatever the guess is.
    """

    bins: np.ndarray  # (b,) int64, numbers of the bins, ascending

    @classmethod
    def none(cls) -> SingleKeys:
        """Choose no bin."""
        return cls(np.empty(0, np.int64))

    @classmethod
    def choose(cls, bins: np.ndarray, ranks: np.ndarray) -> SingleKeys:
        """Choose the bins of the lowest ranks, as many as fit into the table."""
        ordered = bins[np.argsort(ranks, kind="stable")]
        _, first = np.unique(ordered, return_index=True)
        return cls(np.sort(ordered[np.sort(first)[: SINGLE_KEYS >> LOW_BITS]]))

    @property
    def size(self) -> int:
        """Number of keys."""
        return len(self.bins) << LOW_BITS

    def find_starts(self) -> np.ndarray:
        """Return the place at which the counts of each of these bins begin: (2^21,) uint32."""
        starts = make_sparse(1 << (32 - LOW_BITS))
        starts[self.bins] = np.arange(len(self.bins), dtype=np.uint32) << np.uint32(LOW_BITS)
        return starts

    def find_places(self, keys: np.ndarray) -> np.ndarray:
        """Return the places of some keys of these bins: int64."""
        bins, low = keys >> np.uint64(LOW_BITS), keys & np.uint64((1 << LOW_BITS) - 1)
        places = np.searchsorted(self.bins, bins.astype(np.int64))
        return np.asarray((places << LOW_BITS) + low.astype(np.int64))
