"""What is counted in all label maps of an archive, in one pass: how often, and what changes.

Each cell is counted in how many steps it is in the highest cluster, and not missing. And each step is
compared with the one before, and with that of the same month of the year before
(`fastkm.raster.change`). Blocks of steps are counted on the workers, if there are any. A block reads
the earlier steps that it needs too, so blocks are long. All counts are whole numbers, so the blocks
change no bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm._core.blocks.dask_blocks import reduce_blocks
from fastkm.raster.change.count_changes import (
    CellUnits,
    ChangeCounter,
    ChangeCounts,
    combine_counts,
)
from fastkm.raster.change.label_steps import Lag, list_months, pair_steps
from fastkm.raster.change.transitions import Transitions, summarize_changes
from fastkm.raster.grid.repeated_columns import find_distinct_columns
from fastkm.raster.multifile.read_steps import open_stored_variable

if TYPE_CHECKING:
    from fastkm.raster.multifile.series import RasterSeries

STEPS_PER_BLOCK = 60
"""Steps that are counted as one block: of months, a fifth more are read for the year before."""

LAGS: tuple[Lag, ...] = (1, "year")
"""How far the steps are apart that are compared."""


class StoredMap(NamedTuple):
    """Where a label map is: a file or a store, and its position there."""

    path: str
    index: int  # type: ignore[assignment]  # a tuple's method, which is not called


class LabelCounts(NamedTuple):
    """Cells in the highest cluster, and not missing, (2, y, x); and the changes at each lag."""

    cells: np.ndarray
    changes: list[ChangeCounts]


def count_labels(
    maps: Sequence[StoredMap], archive: RasterSeries, k: int
) -> tuple[np.ndarray, list[Transitions]]:
    """Count in the label maps of all steps of an archive.

    Return cells in the highest cluster and not missing, (2, y, x), and the transitions at each lag at
    which there are two steps.
    """
    time, template = archive.make_time_coordinate(), archive.make_template()
    months = list_months(time) or []
    pairs = [pair_steps(time, lag) for lag in LAGS]
    areas = archive.find_areas()
    columns = next(iter(find_distinct_columns(template).values()), slice(None))
    units = CellUnits.measure(None if areas is None else areas.values[:, columns])
    blocks = []
    for first in range(0, len(maps), STEPS_PER_BLOCK):
        steps = range(first, min(first + STEPS_PER_BLOCK, len(maps)))
        before = {later[n] for later in pairs for n in steps if n in later and later[n] < first}
        read = {n: maps[n] for n in (*sorted(before), *steps)}
        earlier = [{n: own[n] for n in steps if n in own} for own in pairs]
        blocks.append((read, steps, earlier, months, units, columns, k))
    cells, changes = reduce_blocks(_count_block, blocks, _combine)
    found = zip(LAGS, pairs, changes, strict=True)
    return cells, [
        summarize_changes(own, units, time, k=k, lag=lag, pairs=len(later))
        for lag, later, own in found
        if later
    ]


def _count_block(
    maps: dict[int, StoredMap],
    steps: range,
    earlier: Sequence[Mapping[int, int]],
    months: Sequence[int],
    units: CellUnits,
    columns: slice,
    k: int,
) -> LabelCounts:
    """Count in the label maps of some steps; maps of earlier steps are there to compare with."""
    counters = [ChangeCounter(own, months, units, threads=1) for own in earlier]
    cells = np.zeros((2, 1, 1), np.int32)
    for number, labels in zip(maps, read_maps(list(maps.values())), strict=True):
        distinct = np.ascontiguousarray(labels[:, columns])
        for counter in counters:
            counter.add(number, distinct, counts=number in steps)
        if number in steps:
            if cells.shape[1:] != labels.shape:
                cells = np.zeros((2, *labels.shape), np.int32)
            cells[0] += labels == k - 1
            cells[1] += labels >= 0
    return LabelCounts(cells, [counter.counts for counter in counters])


def _combine(parts: list[LabelCounts]) -> LabelCounts:
    """Add counts one after another; stacking them first would need as much memory again."""
    cells = parts[0].cells.copy()
    for part in parts[1:]:
        cells += part.cells
    changes = zip(*(part.changes for part in parts), strict=True)
    return LabelCounts(cells, [combine_counts(own) for own in changes])


def read_maps(maps: Sequence[StoredMap]) -> Iterator[np.ndarray]:
    """Read label maps one after another; each file is opened once for those that follow each other."""
    for path, own in groupby(maps, lambda one: one.path):
        with open_stored_variable(path, "cluster") as variable:
            for one in own:
                yield np.asarray(variable[one.index])
