"""Clusters of large rasters, of several bands, in memory or not: block by block.

`cluster_raster` takes this way for rasters of more than `fastkm.raster.cell_blocks.LARGE_CELLS` cells.
It starts on a sample and makes few passes over all cells (`fastkm.cluster.lloyd.fit_large`). A lazy
raster gets lazy labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.cf_rules import warn_of_stale_rules
from fastkm.cluster.lloyd.cell_reader import raise_infinite
from fastkm.cluster.lloyd.exact_sums import measure_deviations
from fastkm.cluster.lloyd.fit_large import (
    LargeFit,
    draw_distinct,
    iterate_large,
    start_on_sample,
)
from fastkm.cluster.lloyd.out_of_core import check_squares
from fastkm.cluster.lloyd.survey import Survey, survey_cells
from fastkm.raster.bands import BandStack, replace_zeros
from fastkm.raster.cell_blocks import CellBlocks
from fastkm.raster.cluster_options import (
    as_generator,
    check_weight_range,
    choose_possible,
    count_distinct,
    draw_seed,
    scale_init,
)
from fastkm.raster.codebook import BandsCodebook
from fastkm.raster.raster_clusters import RasterClusters, SampledRows, to_band_array

if TYPE_CHECKING:
    from collections.abc import Sequence


def fit_large_raster(
    stack: BandStack,
    wanted: list[int],
    weights: Any,
    standardize: bool,
    random_state: Any,
    options: dict[str, Any],
) -> dict[int, RasterClusters]:
    """Cluster a raster of several bands; weights are numbers that broadcast to its grid."""
    source = CellBlocks.of(stack, weights)
    blocks = source.list_blocks()
    threads, how = options["threads"], source.get_schedule(options["threads"])
    # what the cells are, and a sample of them
    seed = draw_seed(random_state)
    survey, passes = survey_cells(source.reader, blocks, stack.grid.size, seed, **how)
    _check_survey(survey, source)
    survey, distinct, more = _require_distinct(survey, source, blocks, max(wanted), how)
    possible = choose_possible(distinct, survey.cells, wanted)
    passes += more
    # the space that is clustered
    if standardize:
        found, more = measure_deviations(source.reader, survey, blocks, **how)
        passes += more
        scale = replace_zeros(found, stack.names)
        source = source.divide(scale)
        sample = survey.sample
        rows = (sample.rows / scale.astype(sample.rows.dtype)).astype(sample.rows.dtype)
        survey = survey.replace_sample(rows, sample.weights)
    _check_squares(survey, source)
    # every k starts from the same seed
    runs = {}
    for k in possible:
        init = scale_init(options["init"], k, len(stack.bands), source.reader.scale)
        own = {**options, "init": init, "rng": as_generator(random_state)}
        runs[k] = start_on_sample(survey.sample, k, **own)
    fits = iterate_large(
        source.reader, survey, blocks, runs,
        max_iter=options["max_iter"], tol=options["tol"], **how,
    )  # fmt: skip
    rows = SampledRows(survey.sample.rows, survey.sample.weights)
    return {
        k: _describe_fit(fit._replace(passes=passes + fit.passes), stack, source, rows, threads)
        for k, fit in fits.items()
    }


def measure_large_deviations(stack: BandStack, threads: int | None) -> np.ndarray:
    """Measure the standard deviations of the bands of a large raster, 1 for a constant one."""
    source = CellBlocks.of(stack)
    blocks, how = source.list_blocks(), source.get_schedule(threads)
    survey, _ = survey_cells(source.reader, blocks, stack.grid.size, 0, **how)
    found, _ = measure_deviations(source.reader, survey, blocks, **how)
    return replace_zeros(found, stack.names)


def _check_survey(survey: Survey, source: CellBlocks) -> None:
    """Raise if cells or weights are not finite; warn of rules that do not hold."""
    for count, band in zip(survey.infinite, source.reader.bands, strict=True):
        if count:
            raise_infinite(int(count), band.name)
    check_weight_range(survey.lightest, survey.heaviest)
    stale: dict[Any, Any] = {}
    for band in source.reader.bands:
        stale |= band.cells.stale
    warn_of_stale_rules(stale, int(survey.stale_missing.sum()))


def _require_distinct(
    survey: Survey,
    source: CellBlocks,
    blocks: Sequence[Sequence[Any]],
    most: int,
    how: dict[str, Any],
) -> tuple[Survey, int, int]:
    """Count the distinct cells, up to `most`; if the sample has too few, draw others.

    Return also how many passes that took.
    """
    sample = survey.sample
    distinct = count_distinct(sample.rows, None, most)
    if distinct == most or len(sample.rows) == survey.weighted:
        return survey, distinct, 0
    rows = draw_distinct(source.reader, blocks, most, **how)
    survey = survey.replace_sample(rows, None)
    return survey, min(len(rows), most), 1


def _check_squares(survey: Survey, source: CellBlocks) -> None:
    """Raise if squared distances may overflow."""
    ends = np.array([survey.least, survey.greatest])
    if source.reader.has_integer_sums:
        ends = np.sort(
            ends * [band.factor for band in source.reader.bands]
            + [band.offset for band in source.reader.bands],
            axis=0,
        )
    scale = 1.0 if source.reader.scale is None else source.reader.scale
    least, greatest = ends / scale
    check_squares(least, greatest, source.reader.dtype)


def _describe_fit(
    fit: LargeFit, stack: BandStack, source: CellBlocks, rows: SampledRows, threads: int | None
) -> RasterClusters:
    """Label all cells, later if the raster is lazy, and give numbers their units."""
    scale = source.reader.scale
    codebook = BandsCodebook(stack.names, stack.units, fit.centroids, scale)
    labels = codebook.describe_labels(source.label(fit.centroids, threads), stack.grid)
    labels.attrs["inertia"] = fit.inertia
    return RasterClusters(
        k=len(fit.centroids),
        labels=labels,
        centroids=to_band_array(stack, codebook.centroids),
        counts=fit.counts,
        weights=fit.weights,
        inertia=fit.inertia,
        gap=None,
        iterations=fit.iterations,
        scale=None if scale is None else to_band_array(stack, scale),
        codebook=codebook,
        clustered_rows=rows,
        passes=fit.passes,
    )
