r"""Count what passes between clusters, step by step: tables that do not depend on how maps are cut.

Cells are counted, and their areas are added up as whole numbers of a unit, a power of two of which the
largest cell has up to 2^44: the smallest cells at a pole of a quarter-degree grid, a five hundredth of
it, are then right to 2e-11. A chunk of 2^18 cells has less than 2^63 of it, and sums of chunks and
steps are Python's integers. So no sum is rounded before it becomes km2, and neither chunks nor threads
change a bit.

The stays of a cluster are runs of steps in which a cell keeps its label. Their number and their
length follow from the tables of pairs. A stay begins where the label was another one a step before,
or is the first one known, so with N_ij cells that pass from i to j and E_j that are in j without a
step before them,

    steps_j = E_j + sum_i N_ij,    stays_j = E_j + sum_{i != j} N_ij,    mean_j = steps_j / stays_j.

Stays that the record, or missing cells, cut off at an end count with the steps that are known, so
this mean is too small. The expected length takes that into account: if stays end at a rate that does
not depend on their age, the estimate of greatest likelihood from stays censored at both ends is the
number of steps that are followed by another one over the number of ends that were seen
[Cox & Oakes 1984, chapter 3],

    expected_j = sum_{i >= 0} N_ji / sum_{i >= 0, i != j} N_ji.

Cox, D. R. & Oakes, D. (1984). Analysis of Survival Data. Chapman & Hall.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm._core.threads import map_chunks
from fastkm._kernels.label_pairs import count_label_pairs

if TYPE_CHECKING:
    import pandas as pd

CELLS_PER_CHUNK = 1 << 18
"""Cells that a thread counts at a time: they take 0.5 ms, a hundred times as long as a call."""

AREA_BITS = 44
"""Bits of the area of the largest cell in units; with the 18 of a chunk they are fewer than 63."""

SQUARE_KM = 1e6
"""Square metres in a square kilometre."""


class CellUnits(NamedTuple):
    """The areas of the cells of a map, (m,) int64, in units of so many m2; empty if not known."""

    areas: np.ndarray
    unit: float

    @classmethod
    def measure(cls, areas: np.ndarray | None) -> CellUnits:
        """Turn areas in m2, NaN or 0 where cells have none, into whole numbers."""
        if areas is None:
            return cls(np.empty(0, np.int64), math.nan)
        areas = np.where(areas > 0, areas, 0.0).ravel()
        unit = math.ldexp(1.0, math.frexp(areas.max(initial=0.0))[1] - AREA_BITS)
        return cls(np.rint(areas / unit).astype(np.int64), unit)

    @property
    def known(self) -> bool:
        """Whether areas are known."""
        return not math.isnan(self.unit)

    def to_km2(self, sums: np.ndarray) -> np.ndarray:
        """Return sums of units, Python's integers, in km2; NaN if areas are not known."""
        if not self.known:
            return np.full(sums.shape, np.nan)
        return np.asarray(sums.astype(np.float64) * self.unit / SQUARE_KM)


class PairTable(NamedTuple):
    """Cells and units of area by two labels: Python's integers, (n, n), first those missing."""

    cells: np.ndarray
    units: np.ndarray

    @classmethod
    def empty(cls, size: int = 1) -> PairTable:
        """Return a table of zeros."""
        return cls(*np.full((2, size, size), 0, object))

    def widen(self, size: int) -> PairTable:
        """Return the table with more rows and columns, of zeros."""
        wide, n = PairTable.empty(size), len(self.cells)
        for part, own in zip(wide, self, strict=True):
            part[:n, :n] = own
        return wide


def sum_tables(tables: Sequence[PairTable]) -> PairTable:
    """Return the sum of one or more tables, as large as the largest."""
    size = max(len(table.cells) for table in tables)
    parts = zip(*(table.widen(size) for table in tables), strict=True)
    return PairTable(*(np.sum(part, axis=0) for part in parts))


class ChangeCounts(NamedTuple):
    """What was counted: tables by the group of the earlier step; and cells of steps without one.

    The latter, `entered`, count as missing before.
    """

    entered: PairTable
    tables: dict[int, PairTable]


def combine_counts(parts: Sequence[ChangeCounts]) -> ChangeCounts:
    """Return the sum of what was counted in parts."""
    groups = sorted({group for part in parts for group in part.tables})
    tables = {
        group: sum_tables([part.tables[group] for part in parts if group in part.tables])
        for group in groups
    }
    return ChangeCounts(sum_tables([part.entered for part in parts]), tables)


class ChangeCounter:
    """Compares label maps that come one after another, each with an earlier one.

    `earlier` has the number of that step for each step that has one, `groups` the group of each step,
    such as its month; without groups there is one, 0.
    """

    def __init__(
        self,
        earlier: Mapping[int, int],
        groups: Sequence[int],
        areas: CellUnits,
        threads: int | None = None,
    ) -> None:
        self._earlier, self._groups, self._threads = earlier, groups, threads
        self._wanted, self._kept = set(earlier.values()), dict[int, np.ndarray]()
        self._areas = areas.areas
        self._entered, self._tables = PairTable.empty(), dict[int, PairTable]()

    @property
    def counts(self) -> ChangeCounts:
        """What was counted so far."""
        return ChangeCounts(self._entered, dict(self._tables))

    def add(self, number: int, labels: np.ndarray, *, counts: bool = True) -> None:
        """Take the label map, (y, x), of the next step, which counts or is there to compare with."""
        before = self._earlier.get(number)
        if counts and before is None:
            table = self._count(np.full_like(labels, -1), labels)
            self._entered = sum_tables([self._entered, table])
        elif counts and before is not None:
            group = self._groups[before] if self._groups else 0
            table = self._count(self._kept.pop(before), labels)
            self._tables[group] = sum_tables([table, self._tables.get(group, PairTable.empty())])
        if number in self._wanted:
            self._kept[number] = labels

    def _count(self, before: np.ndarray, after: np.ndarray) -> PairTable:
        """Count the pairs of two label maps, chunk by chunk."""
        dtype = np.result_type(before, after)
        one, other = (np.ascontiguousarray(one, dtype).ravel() for one in (before, after))
        size = 2 + int(max(one.max(initial=-1), other.max(initial=-1)))

        def count(start: int, stop: int) -> np.ndarray:
            tables = np.zeros((2, size, size), np.int64)
            chunk = slice(start, stop)
            count_label_pairs(one[chunk], other[chunk], self._areas[chunk], *tables)
            return tables

        parts = map_chunks(count, one.size, CELLS_PER_CHUNK, threads=self._threads)
        return sum_tables([PairTable.empty(), *(PairTable(*part.astype(object)) for part in parts)])


def measure_stays(table: PairTable, entered: PairTable, *, known: bool) -> pd.DataFrame:
    """Measure the stays of each cluster, by cells and, if these are known, by areas."""
    import pandas as pd

    columns: dict[str, np.ndarray] = {}
    for suffix, pairs, new in zip(("", "_by_area"), table, entered, strict=True):
        stayed, followed = np.diag(pairs)[1:], pairs[1:, 1:].sum(axis=1)
        steps = pairs[:, 1:].sum(axis=0) + new[0, 1:]
        stays = steps - stayed
        if not suffix:
            columns = {"steps": steps.astype(np.int64), "stays": stays.astype(np.int64)}
        ratios = {"mean_steps": (steps, stays), "expected_steps": (followed, followed - stayed)}
        for name, (lengths, ends) in ratios.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = lengths.astype(np.float64) / ends.astype(np.float64)
            columns[name + suffix] = ratio if known or not suffix else np.full(len(ratio), np.nan)
    return pd.DataFrame(columns).rename_axis("cluster")
