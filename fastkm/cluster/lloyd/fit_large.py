"""Lloyd's algorithm for large rasters: a start from a sample, then few passes over all cells.

Lloyd's algorithm first runs on a sample of the cells (`fastkm.cluster.lloyd.survey`) until it has
settled there. On a million rows that takes about a second, where a pass over all cells takes longer
than an iteration there by as much as the raster is larger. The centroids of the sample are those of
all cells but for the error of the sample, so that one or two passes suffice.

A run ends as in `fastkm.cluster.lloyd.fit`: when the means are no farther from the centroids than
`tol` times the mean variance of the bands (sum of squares), or after `max_iter` iterations. The
centroids are then those with which the last pass compared the cells: counts, weights and inertia
are theirs, without one more pass. A cluster that has lost its cells gets the cell of the sample that
is farthest from its centroid.

The passes of several k are made together, so that blocks are read once for all of them. Centroids
are sorted before each pass, because the order decides between equally near ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.blocks.dask_blocks import reduce_blocks
from fastkm.cluster.lloyd.exact_sums import FixedPointSums, IntegerSums
from fastkm.cluster.lloyd.fit import fit_rows
from fastkm.cluster.lloyd.out_of_core import (
    MIN_DRAWN,
    SAMPLE_TOLERANCE,
    refill_empty,
    select_distinct,
)

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.cell_reader import CellReader, Window
    from fastkm.cluster.lloyd.survey import Sample, Survey

Blocks = Sequence[Sequence[Any]]


class LargeFit(NamedTuple):
    """The clusters of all cells, in the space that is clustered."""

    centroids: np.ndarray  # (k, d) float64, sorted by the first column, then by the next
    counts: np.ndarray  # (k,) int64
    weights: np.ndarray  # (k,) float64
    inertia: float
    iterations: int  # on the sample and on all cells
    passes: int  # over all cells


@dataclass
class _Run:
    """One k: its centroids, and how far it is."""

    codes: np.ndarray
    iterations: int
    moves: int = 0


def start_on_sample(sample: Sample, k: int, *, tol: float, **options: Any) -> _Run:
    """Run Lloyd's algorithm on a sample; options are those of `fit_rows`."""
    fit = fit_rows(
        sample.rows, k, weights=sample.weights, tol=min(tol, SAMPLE_TOLERANCE), **options
    )
    return _Run(_sort(fit.centroids), fit.iterations)


def iterate_large(
    reader: CellReader,
    survey: Survey,
    blocks: Blocks,
    runs: dict[int, _Run],
    *,
    max_iter: int,
    tol: float,
    **how: Any,
) -> dict[int, LargeFit]:
    """Iterate over all cells from the start of each k; `how` is passed on to `reduce_blocks`."""
    rows = survey.sample.rows
    limit = tol * float(np.var(rows, axis=0, dtype=np.float64).mean())
    work: Any = IntegerSums if reader.has_integer_sums else FixedPointSums
    work = work(reader, survey)
    found: dict[int, LargeFit] = {}
    passes = 0
    while len(found) < len(runs):
        going = [k for k in runs if k not in found]
        passes += 1
        all_codes = [runs[k].codes for k in going]
        totals = reduce_blocks(partial(work.sum_block, all_codes), blocks, work.combine, **how)
        for k, total in zip(going, totals, strict=True):
            run = runs[k]
            sums = work.to_numbers(total, run.codes)
            means = np.where(sums.weights[:, None] > 0, sums.means, run.codes)
            means = refill_empty(means, sums, rows)
            run.iterations += 1
            if run.moves == max_iter or float(np.sum((means - run.codes) ** 2)) <= limit:
                found[k] = LargeFit(
                    run.codes, sums.counts, sums.weights, sums.inertia, run.iterations, passes
                )
            else:
                run.codes, run.moves = _sort(means), run.moves + 1
    return {k: found[k] for k in runs}


def draw_distinct(reader: CellReader, blocks: Blocks, number: int, **how: Any) -> np.ndarray:
    """Draw distinct rows of a weight above 0 among all cells, at least `number` if there are."""
    number = max(number, MIN_DRAWN)
    drawn: np.ndarray = reduce_blocks(
        partial(_draw_from_block, reader, number), blocks, partial(_combine_drawn, number), **how
    )
    return drawn


def _draw_from_block(reader: CellReader, number: int, window: Window, *parts: Any) -> np.ndarray:
    drawn = [np.empty((0, reader.d), reader.dtype)]
    for chunk in reader.read(window, *parts):
        present = np.ones(len(chunk.x), bool) if chunk.weights is None else chunk.weights > 0
        if chunk.missing is not None:
            present &= ~chunk.missing
        drawn.append(chunk.x[present].astype(reader.dtype, copy=False))
        drawn = [_combine_drawn(number, drawn)]
    return drawn[0]


def _combine_drawn(number: int, drawn: list[np.ndarray]) -> np.ndarray:
    return select_distinct(number, np.concatenate(drawn))


def _sort(codes: np.ndarray) -> np.ndarray:
    """Sort centroids by the first column, then by the next."""
    return codes[np.lexsort(codes.T[::-1])]
