"""Where cuts may be, guessed before the first pass, so that it need not be followed by another.

To look into bins of the first pass takes a second one. Where values are read from files that is
half of the time, so a few blocks are read before (`fastkm.cluster.exact.solver`), clustered, and in
some bins to both sides of their cuts the first pass counts each number by itself. If the cuts of
all data prove to lie there, all is known. If not, nothing is lost but the guess: what it found is
not used, and the result is the same to the bit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fastkm._kernels.histogram import LOW_BITS

KEYS = 1 << 20
"""Keys that are counted one by one: a table of 4 MB."""


class Guess(NamedTuple):
    """Bins of the first pass.

    Attributes
    ----------
    bins : (b,) int64 array
        Ascending.
    """

    bins: np.ndarray

    @classmethod
    def none(cls) -> Guess:
        """Guess nothing."""
        return cls(np.empty(0, np.int64))

    @classmethod
    def around(cls, bins: np.ndarray, most: int) -> Guess:
        """Guess that cuts are near some bins: as many beside each as make `most` in all."""
        bins = np.unique(bins)
        reach = (KEYS >> LOW_BITS) // max(len(bins), 1) // 2
        if reach == 0:
            return cls.none()
        near = np.unique(bins[:, None] + np.arange(-reach, reach))
        return cls(near[(near >= 0) & (near < most)])

    @property
    def keys_counted(self) -> int:
        """Number of keys."""
        return len(self.bins) << LOW_BITS

    def starts(self) -> np.ndarray:
        """Give where the keys of each bin of the first pass are counted: uint32."""
        return _starts(self.bins.tobytes())

    def keys(self, places: np.ndarray) -> np.ndarray:
        """Give the keys that are counted at some places."""
        bins, low = places >> LOW_BITS, places & ((1 << LOW_BITS) - 1)
        return ((self.bins[bins] << LOW_BITS) + low).astype(np.uint64)

    def places(self, ends: np.ndarray) -> np.ndarray | None:
        """Give where some keys are counted; None unless all between each pair, (2, w), are."""
        bins, low = ends >> np.uint64(LOW_BITS), ends & np.uint64((1 << LOW_BITS) - 1)
        first, last = bins.astype(np.int64)
        begin, stop = np.searchsorted(self.bins, first), np.searchsorted(self.bins, last + 1)
        if (stop - begin != last + 1 - first).any():
            return None
        return (np.stack([begin, stop - 1]) << LOW_BITS) + low.astype(np.int64)


@lru_cache(maxsize=2)
def _starts(bins: bytes) -> np.ndarray:
    """All other keys are counted behind, where nobody looks: that is quicker than to branch."""
    wanted = np.frombuffer(bins, np.int64)
    starts = np.full(1 << (32 - LOW_BITS), len(wanted) << LOW_BITS, np.uint32)
    starts[wanted] = np.arange(len(wanted), dtype=np.uint32) << np.uint32(LOW_BITS)
    starts.flags.writeable = False
    return starts
