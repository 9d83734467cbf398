"""Keys: unsigned integers in the order of the values, and windows of them.

The bit pattern of a float, changed as `fastkm._kernels.histogram` describes, or an integer with
its sign bit flipped. Bins are ranges of keys.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

COARSE_BITS = 16
"""log2 of the cells in which windows of 64-bit keys are looked up."""


class KeyOrder(NamedTuple):
    """How the bit patterns of a type become keys.

    Attributes
    ----------
    dtype : numpy.dtype
        A type of 32 or 64 bits.
    parts : (4,) uint64 array
        The sign bit, what to flip where it is set and where it is not, and the pattern that
        counts as 0 (that of -0.0): `fastkm._kernels.histogram.key_of`.
    """

    dtype: np.dtype
    parts: np.ndarray

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
        """The least and greatest key that is no NaN: (2,), of the type of the bit patterns."""
        if self.dtype.kind == "f":
            return self.keys(np.array([-np.inf, np.inf])).astype(self.unsigned)
        return np.array([0, np.iinfo(self.unsigned).max], self.unsigned)

    def keys(self, values: np.ndarray) -> np.ndarray:
        """Give the keys of values."""
        bits = np.asarray(values).astype(self.dtype).view(self.unsigned).astype(np.uint64)
        bits[bits == self.parts[3]] = 0
        return bits ^ np.where(bits & self.parts[0], self.parts[1], self.parts[2])

    def values(self, keys: np.ndarray) -> np.ndarray:
        """Give the values of keys, in float64."""
        bits = np.where(
            keys & self.parts[0] == self.parts[2] & self.parts[0],
            keys ^ self.parts[2],
            keys ^ self.parts[1],
        )
        typed = bits.astype(self.unsigned).view(self.dtype)
        with np.errstate(invalid="ignore"):  # signalling NaN
            return typed.astype(np.float64) + 0.0


class KeyWindows(NamedTuple):
    """Ranges of keys, disjoint and ascending, and a table that finds them.

    Attributes
    ----------
    ends : (2, w) uint64 array
        Least and greatest key of each.
    origin, wide : int
        Cell c begins at key ``origin + c * 2**wide``.
    marks : (c + 1,) uint8 array
        1 for each cell of keys into which a window reaches.
    coarse : (c,) int16 array
        The first of these windows, or -1.
    """

    ends: np.ndarray
    origin: int
    wide: int
    marks: np.ndarray
    coarse: np.ndarray

    @classmethod
    def of(cls, ends: np.ndarray, origin: int, wide: int, cells: int) -> KeyWindows:
        """Build the table."""
        coarse = np.full(cells, -1, np.int16)
        first, last = ((ends - np.uint64(origin)) >> np.uint64(wide)).astype(np.int64)
        for w in range(ends.shape[1] - 1, -1, -1):
            coarse[first[w] : last[w] + 1] = w
        return cls(ends, origin, wide, np.append(coarse >= 0, False).view(np.uint8), coarse)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without the table, which is large beside the windows."""
        return _windows, (self.ends.tobytes(), self.origin, self.wide, len(self.coarse))

    @property
    def lookup(self) -> tuple[np.uint64, int, np.ndarray, np.ndarray, np.ndarray]:
        """What the kernels want, in their order."""
        return np.uint64(self.origin), self.wide, self.marks, self.coarse, self.ends

    def bins(self, most: int, below: int = 64) -> tuple[int, np.ndarray]:
        """Choose the narrowest bins of which at most `most` are needed, or ones below a width.

        Returns
        -------
        shift : int
            log2 of the keys in a bin.
        offsets : (w + 1,) int64 array
            The first bin of each window, and their number.
        """
        for shift in range(below):
            first, last = self.ends >> np.uint64(shift)  # bins of one pass nest in those before
            sizes = last - first + np.uint64(1)
            if float(sizes.astype(np.float64).sum()) <= max(most, len(sizes)):
                break
        return shift, np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


@lru_cache(maxsize=2)
def _windows(ends: bytes, origin: int, wide: int, cells: int) -> KeyWindows:
    """Build windows once for all tasks of a pass."""
    return KeyWindows.of(np.frombuffer(ends, np.uint64).reshape(2, -1), origin, wide, cells)
