"""The first pass over a large raster: what it holds, and a uniform sample of its cells.

The sample is those cells whose hashed positions, of a seed and the number of the cell in the raster,
are least (a mixer of 64 bits that is one-to-one, so no two are equal: Steele, Lea & Flood 2014). So
it does not depend on blocks, threads or the order of results, and each cell is as likely as any
other. A pass keeps the cells whose hash is below a limit that is a few times what is needed if all
cells count; if too many are missing for that, there is a second pass with a limit that suffices.

The pass also counts cells, and finds the ranges of bands and weights, which set the units of sums
(`fastkm.cluster.lloyd.exact_sums`), infinities, which are refused, and for bands of small integers
their exact sums and sums of squares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.blocks.dask_blocks import reduce_blocks
from fastkm._kernels.cell_survey import draw_cells, measure_integers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastkm.cluster.lloyd.cell_reader import CellChunk, CellReader, Window

SAMPLE_ROWS = 1 << 20
"""Cells of the sample."""

SURPLUS = 4
"""How many times as many cells are looked for, at least: so a quarter of the raster may hold data."""

ENOUGH = 1.25
"""How many times as many cells are kept at most until those of the greatest hashes are dropped."""

HIGHEST = 2**64 - 1
"""The greatest hash."""

NONE = np.iinfo(np.int64)
"""Ends of the range of a band without cells."""


class Sample(NamedTuple):
    """Cells that were drawn; their rows are of the type of the chunks until they are all known."""

    hashes: np.ndarray  # (s,) uint64
    places: np.ndarray  # (s,) int64, numbers of the cells in the raster
    rows: np.ndarray  # (s, d)
    weights: np.ndarray | None  # (s,)

    def take(self, chosen: Any) -> Sample:
        """Take some of the cells."""
        weights = None if self.weights is None else self.weights[chosen]
        rows = self.rows.T.take(chosen, axis=1).T
        return Sample(self.hashes[chosen], self.places[chosen], rows, weights)


class Survey(NamedTuple):
    """What the cells of a raster are that are missing in no band."""

    cells: int
    weighted: int  # cells that have a weight above 0
    least: np.ndarray  # (d,) float64
    greatest: np.ndarray
    lightest: float
    heaviest: float
    infinite: np.ndarray  # (d,) cells of each band, missing in others or not
    stale_missing: np.ndarray  # (d,) cells that rules that do not hold would make missing
    sums: tuple[int, ...]  # of the stored integers of each band, if they are small ones
    squares: tuple[int, ...]
    samples: tuple[Sample, ...]  # of some blocks each, one at the end

    @property
    def sample(self) -> Sample:
        """The sample of all blocks."""
        return self.samples[0]

    def replace_sample(self, rows: np.ndarray, weights: np.ndarray | None) -> Survey:
        """Return the survey with other rows in its sample."""
        return self._replace(samples=(self.sample._replace(rows=rows, weights=weights),))


def survey_cells(
    reader: CellReader, blocks: Sequence[Sequence[Any]], cells: int, seed: int, **how: Any
) -> tuple[Survey, int]:
    """Survey a raster of so many cells; return what it holds, and how many passes that took.

    `how` is passed on to `reduce_blocks`. The sample is in the order of the raster.
    """
    limit, passes = _scale_limit(SURPLUS * SAMPLE_ROWS, cells), 0
    while True:
        passes += 1
        work = _SurveyBlock(reader, seed, limit)
        found: Survey = reduce_blocks(work, blocks, work.combine, **how)
        sample = _join_samples(found.samples)
        if len(sample.places) >= min(SAMPLE_ROWS, found.weighted) or found.infinite.any():
            break
        limit = max(2 * limit, _scale_limit(SURPLUS * SAMPLE_ROWS, found.weighted))
        limit = min(limit, HIGHEST)
    sample = sample.take(np.argsort(sample.places))
    rows = sample.rows.astype(reader.dtype, copy=False)
    return found._replace(samples=(sample._replace(rows=rows),)), passes


class _SurveyBlock:
    """Surveys one block; it is sent to workers."""

    def __init__(self, reader: CellReader, seed: int, limit: int) -> None:
        self.reader, self.seed, self.limit = reader, seed, limit

    def __call__(self, window: Window, *parts: Any) -> Survey:
        chunks = self.reader.read(window, *parts)
        found = _add_up([self._survey_chunk(chunk, window) for chunk in chunks])
        return found._replace(samples=(_join_samples(found.samples),))

    def combine(self, found: list[Survey]) -> Survey:
        """Combine the results of several blocks.

        Once there are enough cells, later blocks of this process need none of a greater hash.
        """
        total = _add_up(found)
        if sum(len(sample.places) for sample in total.samples) <= ENOUGH * SAMPLE_ROWS:
            return total
        sample = _join_samples(total.samples)
        self.limit = min(self.limit, int(sample.hashes.max()))
        return total._replace(samples=(sample,))

    def _survey_chunk(self, chunk: CellChunk, window: Window) -> Survey:
        weights, m = chunk.weights, len(chunk.x)
        missing = np.zeros(m, bool) if chunk.missing is None else chunk.missing
        excluded = missing if weights is None else missing | ~(weights > 0)
        # the ranges of all cells that count
        least, greatest, sums, squares = self._measure(chunk, missing)
        lightest, heaviest = (1.0, 1.0) if weights is None else (np.inf, 0.0)
        cells = m - int(np.count_nonzero(missing))
        if weights is not None and cells:
            own = weights if chunk.missing is None else weights[~missing]
            lightest, heaviest = float(own.min()), float(own.max())
        return Survey(
            cells=cells,
            weighted=m - int(np.count_nonzero(excluded)),
            least=least,
            greatest=greatest,
            lightest=lightest,
            heaviest=heaviest,
            infinite=np.array(self._count_infinite(chunk)),
            stale_missing=np.array([band.count_stale_missing() for band in chunk.bands]),
            sums=sums,
            squares=squares,
            samples=(self._draw(chunk, excluded, window),),
        )

    def _draw(self, chunk: CellChunk, excluded: np.ndarray, window: Window) -> Sample:
        """Draw the cells of a chunk whose hashes are below the limit."""
        m = len(chunk.x)
        chosen, places = np.empty(m, np.int32), np.empty(m, np.int64)
        hashes = np.empty(m, np.uint64)
        first = np.array([chunk.cut.start, window.first_row, window.first_column])
        with np.errstate(over="ignore"):  # products modulo 2^64, if kernels are not compiled
            count = draw_cells(
                excluded, first, window.columns, self.reader.columns,
                np.uint64(self.seed), np.uint64(self.limit), chosen, places, hashes,
            )  # fmt: skip
        chosen = chosen[:count]
        rows = chunk.x.T.take(chosen, axis=1).T
        weights = None if chunk.weights is None else chunk.weights[chosen]
        return Sample(hashes[:count].copy(), places[:count].copy(), rows, weights)

    def _count_infinite(self, chunk: CellChunk) -> list[int]:
        pairs = zip(self.reader.bands, chunk.bands, strict=True)
        return [band.count_infinite(cells) for band, cells in pairs]

    def _measure(self, chunk: CellChunk, missing: np.ndarray) -> tuple[Any, ...]:
        """Measure the ranges of columns and, of small integers, sums and sums of squares."""
        d = self.reader.d
        if self.reader.has_integer_sums:
            totals = np.tile([NONE.max, NONE.min, 0, 0], (d, 1))
            for column, total in zip(chunk.stored.T, totals, strict=True):
                measure_integers(column, missing, total)
            least, greatest = totals[:, :2].T.astype(np.float64)
            return least, greatest, tuple(totals[:, 2].tolist()), tuple(totals[:, 3].tolist())
        least, greatest = np.full(d, np.inf), np.full(d, -np.inf)
        present = None if chunk.missing is None else np.flatnonzero(~missing)
        # column by column: along the first axis it takes 40 times as long
        for j, column in enumerate(chunk.x.T):
            numbers = column if present is None else column.take(present)
            if len(numbers):
                least[j], greatest[j] = numbers.min(), numbers.max()
        return least, greatest, (0,) * d, (0,) * d


def _add_up(found: list[Survey]) -> Survey:
    """Add up the results of several chunks or blocks; their samples are kept as they are."""
    return Survey(
        cells=sum(one.cells for one in found),
        weighted=sum(one.weighted for one in found),
        least=np.min([one.least for one in found], axis=0),
        greatest=np.max([one.greatest for one in found], axis=0),
        lightest=float(np.min([one.lightest for one in found])),
        heaviest=float(np.max([one.heaviest for one in found])),
        infinite=np.sum([one.infinite for one in found], axis=0),
        stale_missing=np.sum([one.stale_missing for one in found], axis=0),
        sums=tuple(map(sum, zip(*(one.sums for one in found), strict=True))),
        squares=tuple(map(sum, zip(*(one.squares for one in found), strict=True))),
        samples=tuple(sample for one in found for sample in one.samples),
    )


def _join_samples(samples: tuple[Sample, ...]) -> Sample:
    """Join samples; keep the cells of the least hashes."""
    hashes = np.concatenate([one.hashes for one in samples])
    if len(hashes) > SAMPLE_ROWS:  # rows are copied last, and only those that are kept
        limit = np.partition(hashes, SAMPLE_ROWS - 1)[SAMPLE_ROWS - 1]
        samples = tuple(one.take(np.flatnonzero(one.hashes <= limit)) for one in samples)
    weights = [one.weights for one in samples if one.weights is not None]
    return Sample(
        np.concatenate([one.hashes for one in samples]),
        np.concatenate([one.places for one in samples]),
        np.concatenate([one.rows.T for one in samples], axis=1).T,
        np.concatenate(weights) if weights else None,
    )


def _scale_limit(wanted: int, cells: int) -> int:
    """Return the limit of hashes below which about so many of some cells are."""
    return HIGHEST if wanted >= cells else (HIGHEST * wanted) // cells
