"""Statistics of a variable that comes block by block: range, missing cells by rule, odd values.

Integers of 8 and 16 bits are counted, and the counts are looked at once, at the end. Other numbers
are looked at block by block. Either way the numbers are those of the file; only the few that are
shown are unpacked. Neither blocks nor their order change anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastkm._core.cf_missing import Described, find_missing_by_rule, to_unsigned
from fastkm._core.cf_rules import FILLS
from fastkm._core.nodata import find_nodata
from fastkm.raster.io.describe.suspicious import (
    Extremes,
    combine_extremes,
    count_integers,
    find_extremes,
    find_suspicious,
    list_counted,
    merge_equal,
)

MOST_HIDDEN = 3
"""Distinct values that only a valid range makes missing, up to which they are listed."""

DECLARED = ("NaN", "_FillValue", "missing_value", "nodata")
"""Rules that name the values which are missing."""


class Statistics(NamedTuple):
    """Statistics of a variable; see `fastkm.raster.io.describe.variables.VariableInfo`."""

    valid: int | None
    missing: dict[str, int]
    hidden: dict[str, list[float]]
    low: float
    high: float
    suspicious: list[float]


class Summary(NamedTuple):
    """What is known of some cells: how many are valid, and how many are missing by each rule.

    `hidden` are the values that only a valid range makes missing, by rule. They and the valid ones,
    of which `extremes` are the least and greatest, are as stored.
    """

    valid: int
    missing: Counter[str]
    hidden: dict[str, Extremes]
    extremes: Extremes

    def __add__(self, other: Any) -> Summary:
        rules = {**self.hidden, **other.hidden}
        parts = {
            rule: [part.hidden[rule] for part in (self, other) if rule in part.hidden]
            for rule in rules
        }
        return Summary(
            self.valid + other.valid,
            self.missing + other.missing,
            {rule: combine_extremes(found) for rule, found in parts.items()},
            combine_extremes([self.extremes, other.extremes]),
        )


@dataclass(frozen=True)
class Measurement:
    """What is measured of the blocks of a variable, and what that means at the end.

    `attrs` say what the numbers of the file mean, `nodata` are further missing values, and `decode`
    unpacks numbers. If `masked` is True, blocks come with masks of missing cells.
    """

    dtype: np.dtype
    attrs: Mapping[Any, Any]
    nodata: tuple[float, ...]
    decode: Callable[[np.ndarray], np.ndarray]
    masked: bool = False

    @property
    def counts_values(self) -> bool:
        """Return True if each value is counted."""
        return self.dtype.kind in "iu" and self.dtype.itemsize <= 2 and not self.masked

    @property
    def may_overflow(self) -> bool:
        """Return True if an integer of the type may be infinite when it is unpacked."""
        if self.dtype.kind not in "iu":
            return False
        limits = np.iinfo(self.dtype)
        return bool(np.isinf(self.decode(np.array([limits.min, limits.max], self.dtype))).any())

    def measure(self, values: np.ndarray, mask: np.ndarray | None = None) -> Any:
        """Return the counts of the values of a block, or its `Summary`: results are added up."""
        return count_integers(values) if self.counts_values else self._summarise(values, mask)

    def finish(self, result: Any) -> Statistics:
        """Return the statistics of a variable from what was measured of all of it."""
        if self.counts_values:
            values, counts = list_counted(result, self.dtype)
            result = self._summarise(values, counts=counts)
        found: Summary = result
        stored = found.extremes
        valid = merge_equal(self.decode(stored.values), stored.counts)
        hidden = {rule: own.values for rule, own in found.hidden.items()}
        return Statistics(
            found.valid,
            dict(found.missing),
            {r: [float(v) for v in own] for r, own in hidden.items() if len(own) <= MOST_HIDDEN},
            float(valid.values[0]) if found.valid else np.nan,
            float(valid.values[-1]) if found.valid else np.nan,
            find_suspicious(valid),
        )

    def _summarise(
        self,
        values: np.ndarray,
        mask: np.ndarray | None = None,
        counts: np.ndarray | None = None,
    ) -> Summary:
        """Summarise some cells, or distinct values that occur so often."""
        array = Described(values, self.attrs, {})
        rules = self._find_missing_by_rule(array)
        missing = np.zeros(values.shape, bool)
        for cells in rules.values():
            missing |= cells
        if mask is not None:
            rules["mask"] = mask & ~missing
            missing |= mask

        def count(cells: np.ndarray) -> int:
            return int(np.count_nonzero(cells) if counts is None else counts[cells].sum())

        def find(cells: np.ndarray) -> Extremes:
            """Find the extreme values of some cells."""
            stored = to_unsigned(array)
            if counts is not None:
                return merge_equal(stored[cells], counts[cells])
            return find_extremes(stored if cells.all() else stored[cells], finite=False)

        total = int(values.size if counts is None else counts.sum())
        declared = np.zeros(values.shape, bool)
        for rule in DECLARED:
            declared |= rules.get(rule, False)
        caught = {rule: cells & ~declared for rule, cells in rules.items() if "valid_" in rule}
        numbers = {rule: count(cells) for rule, cells in rules.items()}
        return Summary(
            total - count(missing),
            Counter({rule: number for rule, number in numbers.items() if number}),
            {rule: find(cells) for rule, cells in caught.items() if cells.any()},
            find(~missing),
        )

    def _find_missing_by_rule(self, array: Described) -> dict[str, np.ndarray]:
        """Find the missing cells by rule, with those that are named and those that overflow."""
        rules = find_missing_by_rule(array)
        if self.nodata:
            rules["nodata"] = find_nodata(array, self.nodata)
        if self.may_overflow:
            beyond = np.isinf(self.decode(array.values))
            for rule in FILLS:
                beyond &= np.logical_not(rules.get(rule, False))
            rules["overflow"] = beyond
        return rules
