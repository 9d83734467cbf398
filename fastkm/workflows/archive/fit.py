"""The codebook that all steps of an archive share: found from all steps, or read from a file.

For one variable the common codebook is the proven optimum over all valid cells of all steps; for
several it is what Lloyd's algorithm finds. Both read the archive a few times, block by block.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.blocks.dask_blocks import map_blocks
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.selection.choose_k import choose_k
from fastkm.errors import ArchiveError, ClusterError
from fastkm.raster.codebook import BandsCodebook, read_codebook_file
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.workflows.archive.checkpoint import read_json

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.raster.multifile.series import RasterSeries, Step
    from fastkm.workflows.archive.options import ArchiveOptions, Description

WeightedRows = tuple[np.ndarray, np.ndarray | None]

BLOCK_CELLS = 1 << 20
"""Cells in a block, unless one step has more: 4 MB of float32."""

SAMPLE_ROWS = 1 << 17
"""Rows (a value of each variable) from which Lloyd's algorithm starts; about so many are drawn."""

SAMPLE_STEPS = 12
"""Steps from which these rows are drawn."""


def find_common_codebook(
    archive: RasterSeries, options: ArchiveOptions, on_fault: Callable[[ArchiveError], None]
) -> tuple[Codebook, Description, RasterSeries]:
    """Find the codebook of all steps.

    `on_fault` is called for each step that cannot be used; unless it raises, the step is left out.
    Return the codebook, what else is known (scores; counts and inertia if there are several
    variables), and the archive without these steps.
    """
    find = _find_optimum if len(archive.variables) == 1 else _run_lloyd
    while True:
        try:
            codebook, facts = find(archive, options)
        except ClusterError:
            raise
        except ValueError as error:  # a step may be the reason
            archive = _drop_unusable_steps(archive, error, on_fault)
        else:
            return codebook, facts, archive


def _drop_unusable_steps(
    archive: RasterSeries, error: ValueError, on_fault: Callable[[ArchiveError], None]
) -> RasterSeries:
    """Read all steps one by one and leave out those that fail; if none does, raise `error`."""
    wrong: list[Step] = []
    blocks = [(archive.select_range(i, i + 1),) for i in range(len(archive.steps))]
    for number, result in sorted(map_blocks(_check_step, blocks), key=lambda pair: pair[0]):
        if isinstance(result, ArchiveError):
            on_fault(result)
            wrong.append(archive.steps[number])
        elif isinstance(result, Exception):
            raise result
    if not wrong:
        raise error
    if len(wrong) == len(archive.steps):
        raise ValueError("no step of the archive can be used")
    return archive.drop_steps(wrong)


def _check_step(archive: RasterSeries) -> None:
    """Read a step and look for infinities."""
    raster: Any = archive.read(0, 1, missing="mask")
    require_finite(archive, 0, raster)


def require_finite(archive: RasterSeries, number: int, raster: Any) -> None:
    """Raise an ArchiveError if a variable of a step that has been read is infinite somewhere."""
    for name in archive.variables:
        layer = raster if len(archive.variables) == 1 else raster[name]
        infinite = np.count_nonzero(np.isinf(layer.values))
        if infinite:
            step = archive.steps[number]
            source = archive.inputs[step.source].name
            reason = f"{name} is infinite in {infinite} cells (--nodata inf leaves them out)"
            raise ArchiveError(source, step.time, reason)


def _find_optimum(archive: RasterSeries, options: ArchiveOptions) -> tuple[KMeans1D, Description]:
    """Find the optimum of one variable, for the only k or for the k that the criterion chooses."""
    values = archive.as_dask(missing="keep", steps_per_chunk=_count_steps_per_block(archive))
    values = drop_repeated_columns(values)
    areas = _read_areas(archive, options)
    results: dict[int, KMeans1D] = kmeans1d(values, options.ks, weights=areas)
    if options.choose is None:
        [result] = results.values()
        return result, {}
    choice = choose_k(results, options.choose)
    scores = {str(k): float(score) for k, score in choice.scores.items() if np.isfinite(score)}
    return results[choice.k], {"criterion": choice.criterion, "scores": scores}


def _run_lloyd(archive: RasterSeries, options: ArchiveOptions) -> tuple[BandsCodebook, Description]:
    """Run Lloyd's algorithm on the rows of several variables."""
    from fastkm.cluster.lloyd.out_of_core import fit_out_of_core

    areas = _read_areas(archive, options)
    read = partial(_read_rows, areas=None if areas is None else areas.values)
    [k] = options.ks
    count = len(archive.steps)
    size = _count_steps_per_block(archive)
    blocks = [(archive.select_range(i, min(i + size, count)),) for i in range(0, count, size)]
    sample = _draw_sample(archive, read)
    found = fit_out_of_core(read, blocks, k, sample=sample, standardize=options.standardize)
    codebook = BandsCodebook(archive.variables, archive.units, found.centroids, found.scale)
    return codebook, {
        "counts": found.counts.tolist(),
        "weights": found.weights.tolist(),
        "inertia": float(found.inertia),
        "iterations": int(found.iterations),
    }


def _read_areas(archive: RasterSeries, options: ArchiveOptions) -> xr.DataArray | None:
    """Read the areas of the cells, without columns that repeat others, if they are the weights."""
    return drop_repeated_columns(archive.read_areas()) if options.weights == "area" else None


def _count_steps_per_block(archive: RasterSeries) -> int:
    return max(archive.steps_per_read, BLOCK_CELLS // math.prod(archive.shape))


def _read_rows(archive: RasterSeries, areas: np.ndarray | None) -> WeightedRows:
    """Read the cells in which no variable is missing: rows (n, d) and, of `areas`, weights (n,)."""
    stack = drop_repeated_columns(archive.read(0, len(archive.steps), missing="mask"))
    bands = [np.asarray(stack[name].values) for name in archive.variables]
    missing = np.isnan(bands[0])
    for band in bands[1:]:
        missing |= np.isnan(band)
    present = np.flatnonzero(~missing)
    # band by band: 2^20 cells of three bands take 4 ms; stacking them first would take 40 ms
    rows = np.empty((len(present), len(bands)), np.result_type(*bands))
    for column, band in zip(rows.T, bands, strict=True):
        column[...] = band.reshape(-1)[present]
    if areas is None:
        return rows, None
    return rows, np.broadcast_to(areas, bands[0].shape).reshape(-1)[present]


def _draw_sample(
    archive: RasterSeries, read: Callable[[RasterSeries], WeightedRows]
) -> WeightedRows:
    """Draw rows evenly from some steps, the same rows however the archive is cut into blocks."""
    count = len(archive.steps)
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLE_STEPS)).round().astype(int))
    parts = [read(archive.select_range(int(i), int(i) + 1)) for i in chosen]
    every = max(1, sum(len(rows) for rows, _ in parts) // SAMPLE_ROWS)
    rows = np.concatenate([rows[::every] for rows, _ in parts])
    drawn = [weights[::every] for _, weights in parts if weights is not None]
    return rows, np.concatenate(drawn) if drawn else None


def read_codebook(path: Path, archive: RasterSeries) -> Codebook:
    """Read the codebook of a file; raise if it has not the variables and units of the archive."""
    if (read_json(path) or {}).get("codebook") == "per-step":
        raise ValueError(f"{path} holds a codebook for each step; one for all steps is needed")
    codebook, stored = read_codebook_file(path)
    # of one variable, only the codebook of an archive has units
    units = tuple(stored.get("units", archive.units))
    if units != archive.units:
        raise ValueError(
            f"{path} is in {', '.join(units) or 'no units'}, but the archive in "
            f"{', '.join(archive.units) or 'no units'}"
        )
    # a codebook of one variable has no names: it fits any variable
    if (codebook.names or archive.variables[:1]) != archive.variables:
        what = ", ".join(codebook.names) or "one variable"
        raise ValueError(
            f"{path} is the codebook of {what}, but the variables of the archive are "
            f"{', '.join(archive.variables)}"
        )
    return codebook
