"""Find values that look like undeclared codes of missing cells.

A sentinel that no attribute declares would be clustered as if it were data. A value is suspicious
if it is among the least or the greatest, occurs several times, and lies farther from all other
values than the range of these is wide: -500 beside values from 0 to 75.

So all that is needed are the few least and greatest distinct values with their counts. They are
found block by block and combined in any order; neither blocks nor threads change the answer:

    combine_extremes([find_extremes(block) for block in blocks])
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from fastkm._core.cf_missing import (
    Described,
    find_missing,
    has_rules,
    is_described_array,
    to_physical,
)
from fastkm._core.threads import map_chunks, rows_per_chunk

MOST_SENTINELS = 3
"""Number of suspicious values that are looked for at each end."""

OFTEN = 5
"""Times that a suspicious value occurs, at least."""

LEAST_BODY = 3
"""Number of distinct values that must be left beside suspicious ones."""

ENDS = MOST_SENTINELS + 2
"""Distinct values that are kept at each end: with these it is known whether a body is left."""

CHUNKS_TOGETHER = 16
"""Chunks that are searched by one call: each call has bounds, or a table of counts, to fill."""

SMALL = 1 << 22
"""Bytes of values up to which NumPy looks at them, in 2 to 12 ms for a million float32 values. A
kernel takes 1 or 2, but 0.4 s until it is loaded; all parts that `parts` reads are small."""

BLOCK = 1 << 16
"""Values that NumPy compares with the bounds together: few enough to stay in the cache."""


class Extremes(NamedTuple):
    """The least and the greatest distinct values of some data, `ENDS` of each, and their counts."""

    values: np.ndarray  # ascending; all distinct values if there are at most 2 ENDS
    counts: np.ndarray  # how often each occurs


def find_extremes(array: Any, *, finite: bool = True) -> Extremes:
    """Find the extreme values of an array, of any shape and real type, in physical units.

    Left out are NaN, the missing cells of a described array by its attributes (which hold for its
    numbers: `fastkm._core.cf_missing.settle`), and infinities unless `finite` is False.
    """
    if not (is_described_array(array) or isinstance(array, Described)):
        array = Described(np.asarray(array), {}, {})
    values = np.atleast_1d(np.asarray(array.values))
    values = values.view(np.uint8) if values.dtype == bool else values
    step = CHUNKS_TOGETHER * rows_per_chunk(values[:1].nbytes)

    def search(start: int, stop: int) -> Extremes:
        rows = Described(values[start:stop], array.attrs, array.encoding)
        return _search(rows, finite=finite)

    return combine_extremes(map_chunks(search, len(values), step))


def combine_extremes(parts: Iterable[Extremes]) -> Extremes:
    """Combine the extreme values of parts of some data to those of all, in any order."""
    parts = [part for part in parts if len(part.values)]
    if not parts:
        return Extremes(np.zeros(0), np.zeros(0, np.int64))
    values = np.concatenate([part.values for part in parts])
    return merge_equal(values, np.concatenate([part.counts for part in parts]))


class SentinelSearch:
    """Looks for suspicious values in the blocks of one band, as they come.

    Examples
    --------
    >>> search = SentinelSearch()
    >>> for block in (np.array([-500.0] * 9), np.arange(1.0, 6)):
    ...     search.add(block)
    >>> search.find()
    [-500.0]
    """

    def __init__(self) -> None:
        self._extremes = combine_extremes([])

    def add(self, block: Any) -> None:
        """Look at a block, as `find_extremes` does."""
        self._extremes = combine_extremes([self._extremes, find_extremes(block)])

    def find(self) -> list[float]:
        """Return the suspicious values of all blocks."""
        return find_suspicious(self._extremes)


def merge_equal(values: np.ndarray, counts: np.ndarray, *, finite: bool = False) -> Extremes:
    """Return the extreme ones of some values, in any order; counts of equal ones are added."""
    if finite and values.dtype.kind == "f":
        known = np.isfinite(values)
        values, counts = values[known], counts[known]
    distinct, places = np.unique(values, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, places, counts)
    if len(distinct) <= 2 * ENDS:
        return Extremes(distinct, sums)
    kept = np.r_[:ENDS, -ENDS:0]
    return Extremes(distinct[kept], sums[kept])


def find_suspicious(extremes: Extremes) -> list[float]:
    """Find the values among extreme ones that look like undeclared codes.

    Examples
    --------
    >>> find_suspicious(find_extremes(np.array([-500.0] * 9 + [1, 2, 3, 4, 5])))
    [-500.0]
    """
    numbers, counts = extremes.values.astype(np.float64), extremes.counts
    # find the most values at both ends that all occur often and lie far from the others
    splits = itertools.product(range(MOST_SENTINELS + 1), repeat=2)
    for low, high in sorted(splits, key=sum, reverse=True):
        if low + high == 0 or len(numbers) - low - high < LEAST_BODY:
            continue
        body = slice(low, len(numbers) - high)
        inner, sentinels = numbers[body], np.r_[numbers[:low], numbers[body.stop :]]
        often = np.r_[counts[:low], counts[body.stop :]].min() >= OFTEN
        with np.errstate(over="ignore", invalid="ignore"):  # no number is far from an infinity
            apart = np.minimum(abs(sentinels - inner[0]), abs(sentinels - inner[-1])).min()
            if often and apart > inner[-1] - inner[0]:
                return [float(sentinel) for sentinel in sentinels]
    return []


def format_sentinel(value: float) -> str:
    """Return a value as text that is read as this very value again, when it is given as nodata.

    Examples
    --------
    >>> format_sentinel(-500.0), format_sentinel(float(np.float32(-3.4028235e38)))
    ('-500', '-3.4028234663852886e+38')
    """
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def find_suspicious_values(values: np.ndarray) -> list[float]:
    """Find suspicious values of an array in memory, infinities among them; NaN is left out.

    Examples
    --------
    >>> find_suspicious_values(np.array([-500.0] * 9 + [1, 2, 3, 4, 5]))
    [-500.0]
    """
    return find_suspicious(find_extremes(values, finite=False))


def count_integers(values: np.ndarray) -> np.ndarray:
    """Count each bit pattern of integers of 8 or 16 bits; see `list_counted`."""
    dtype = values.dtype.newbyteorder("=")
    flat = np.ascontiguousarray(values.ravel("K"), dtype).view(f"u{dtype.itemsize}")
    codes = 1 << 8 * dtype.itemsize
    if flat.nbytes <= SMALL:
        return np.bincount(flat, minlength=codes)
    from fastkm._kernels.histogram import count_codes

    counts = np.zeros((4, codes), np.int64)
    count_codes(flat, counts)
    return np.asarray(counts.sum(0))


def list_counted(counts: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct integers of a type that were counted, and their counts."""
    codes = np.flatnonzero(counts)
    return codes.astype(f"u{dtype.itemsize}").view(dtype.newbyteorder("=")), counts[codes]


def _search(array: Described, *, finite: bool) -> Extremes:
    """Find the extreme values of a part that one thread takes."""
    ruled = has_rules(array)
    if array.dtype.kind in "iu" and array.dtype.itemsize <= (2 if ruled else 1):
        codes, counts = list_counted(count_integers(array.values), array.dtype)
        array = array._replace(values=codes)
        present = ~find_missing(array)
        return merge_equal(to_physical(array)[present], counts[present], finite=finite)
    if not ruled:
        return _collect(array.values, finite=finite)
    present = ~find_missing(array)
    values = to_physical(array)
    return _collect(values if present.all() else values[present], finite=finite)


def _collect(values: np.ndarray, *, finite: bool) -> Extremes:
    """Find the extreme values of numbers of which none is missing but NaN."""
    dtype = values.dtype.newbyteorder("=")
    if dtype.kind == "f":  # kernels know no halves and no long doubles
        dtype = np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    flat = np.ascontiguousarray(values.ravel("K"), dtype)
    if flat.nbytes <= SMALL:
        return _sort_for_extremes(flat, finite=finite)
    from fastkm._kernels.extremes import collect_extremes

    if flat.dtype.kind == "f":
        most = np.finfo(flat.dtype).max if finite else np.inf
        limits = np.array([-most, most], flat.dtype)
    else:
        known = np.iinfo(flat.dtype)
        limits = np.array([known.min, known.max], flat.dtype)
    least, greatest = np.empty((2, ENDS), flat.dtype)
    counts, numbers = np.empty((2, ENDS), np.int64), np.empty(2, np.int64)
    collect_extremes(flat, limits, least, greatest, counts, numbers)
    fewer, more = numbers
    # a value that is among the least and among the greatest ones is taken once
    upper = greatest[:more] > (least[fewer - 1] if fewer else 0)
    return Extremes(
        np.concatenate([least[:fewer], greatest[:more][upper][::-1]]),
        np.concatenate([counts[0, :fewer], counts[1, :more][upper][::-1]]),
    )


def _sort_for_extremes(flat: np.ndarray, *, finite: bool) -> Extremes:
    """Find the same with NumPy: most values lie between the bounds that others before them set."""
    is_known = np.isfinite if finite else _is_number
    found = Extremes(flat[:0], np.zeros(0, np.int64))
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        if len(found.values) == 2 * ENDS:
            block = block[(block <= found.values[ENDS - 1]) | (block >= found.values[ENDS])]
        block = block[is_known(block)]
        if len(block):
            distinct, counts = np.unique(block, return_counts=True)
            found = combine_extremes([found, Extremes(distinct, counts)])
    return found


def _is_number(values: np.ndarray) -> np.ndarray:
    return ~np.isnan(values)
