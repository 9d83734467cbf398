"""The clusters of an archive: one codebook for all steps, that of a file, or one for each step.

Of one variable the common codebook is the proven optimum over all valid cells of all steps, of
several what Lloyd's algorithm finds. Both read the archive a few times and hold little of it.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.dask_blocks import map_blocks
from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.cluster.exact.result import KMeans1D, load_codebook
from fastkm.cluster.selection.choose_k import choose_k
from fastkm.errors import ArchiveError, ClusterError
from fastkm.raster.codebook import StackCodebook, is_stack_codebook, load_stack_codebook
from fastkm.workflows.archive.checkpoint import read_json

if TYPE_CHECKING:
    from fastkm.cluster.lloyd.out_of_core import Streamed
    from fastkm.raster.multifile.series import Archive, Step
    from fastkm.workflows.archive.options import ArchiveOptions, Description

Codebook = KMeans1D | StackCodebook

BLOCK_CELLS = 1 << 20
"""Cells a block, or one step where that has more: 4 MB of float32."""

SAMPLE_ROWS = 1 << 17
"""Rows of several variables from which Lloyd's algorithm starts: drawn evenly from some steps."""

SAMPLE_STEPS = 12
"""Steps that they are drawn from."""


def common_codebook(
    archive: Archive, options: ArchiveOptions, on_fault: Callable[[ArchiveError], None]
) -> tuple[Codebook, Description, Archive]:
    """Find the codebook of all steps.

    Parameters
    ----------
    archive : Archive
        All steps.
    options : ArchiveOptions
        With one k, or several of which one is chosen.
    on_fault : callable
        Told of each step that cannot be used; it raises, or they are left out.

    Returns
    -------
    codebook : KMeans1D or StackCodebook
    facts : dict
        What else is known: counts and inertia of a codebook of several variables, scores.
    archive : Archive
        Without the steps that cannot be used.
    """
    find = _optimum if len(archive.variables) == 1 else _lloyd
    while True:
        try:
            codebook, facts = find(archive, options)
        except ClusterError:
            raise
        except ValueError as error:  # of a step, or of something else
            archive = _usable(archive, error, on_fault)
        else:
            return codebook, facts, archive


def _usable(
    archive: Archive, error: ValueError, on_fault: Callable[[ArchiveError], None]
) -> Archive:
    """Leave out the steps that cannot be used; all are tried now that one is known."""
    wrong: list[Step] = []
    blocks = [(archive.part(i, i + 1),) for i in range(len(archive.steps))]
    for number, result in sorted(map_blocks(_check, blocks), key=lambda pair: pair[0]):
        if isinstance(result, ArchiveError):
            on_fault(result)
            wrong.append(archive.steps[number])
        elif isinstance(result, Exception):
            raise result
    if not wrong:
        raise error
    if len(wrong) == len(archive.steps):
        raise ValueError("no step of the archive can be used")
    return archive.without(wrong)


def _check(archive: Archive) -> None:
    """Read a step and look for infinities."""
    raster: Any = archive.read(0, 1, missing="mask")
    require_finite(archive, 0, raster)


def require_finite(archive: Archive, number: int, raster: Any) -> None:
    """Raise if a variable of a step that has been read is infinite somewhere.

    Raises
    ------
    ArchiveError
        With the input and the step.
    """
    for name in archive.variables:
        layer = raster if len(archive.variables) == 1 else raster[name]
        infinite = np.count_nonzero(np.isinf(layer.values))
        if infinite:
            step = archive.steps[number]
            source = archive.inputs[step.source].name
            raise ArchiveError(source, step.time, f"{name} is infinite in {infinite} cells")


def _optimum(archive: Archive, options: ArchiveOptions) -> tuple[KMeans1D, Description]:
    """Find the optimum of one variable, for one k or the one that is chosen."""
    values = archive.lazy(missing="keep", steps_per_chunk=_steps_per_block(archive))
    areas = archive.areas() if options.weights == "area" else None
    results: dict[int, KMeans1D] = kmeans1d(values, options.ks, weights=areas)
    if options.choose is None:
        [result] = results.values()
        return result, {}
    choice = choose_k(results, options.choose)
    scores = {str(k): float(score) for k, score in choice.scores.items() if np.isfinite(score)}
    return results[choice.k], {"criterion": choice.criterion, "scores": scores}


def _lloyd(archive: Archive, options: ArchiveOptions) -> tuple[StackCodebook, Description]:
    """Run Lloyd's algorithm on the rows of several variables."""
    from fastkm.cluster.lloyd.out_of_core import fit_out_of_core

    areas = archive.areas().values if options.weights == "area" else None
    [k] = options.ks
    count = len(archive.steps)
    size = _steps_per_block(archive)
    blocks = [(archive.part(i, min(i + size, count)),) for i in range(0, count, size)]
    found = fit_out_of_core(
        _Rows(areas),
        blocks,
        k,
        sample=_sample(archive, areas),
        standardize=options.standardize,
    )
    codebook = StackCodebook(archive.variables, archive.units, found.centroids, found.scale)
    return codebook, _facts(found)


def _steps_per_block(archive: Archive) -> int:
    return max(archive.steps_per_read, BLOCK_CELLS // math.prod(archive.shape))


def _facts(found: Streamed) -> Description:
    return {
        "counts": found.counts.tolist(),
        "weights": found.weights.tolist(),
        "inertia": float(found.inertia),
        "iterations": int(found.iterations),
    }


class _Rows:
    """Reads the complete rows of a part of an archive, and their weights."""

    def __init__(self, areas: np.ndarray | None) -> None:
        self.areas = areas

    def __call__(self, archive: Archive) -> tuple[np.ndarray, np.ndarray | None]:
        """Give rows (n, d) and weights (n,)."""
        stack = archive.read(0, len(archive.steps), missing="mask")
        bands = [np.asarray(stack[name].values) for name in archive.variables]
        present = np.flatnonzero(~_missing(bands))
        # band by band: 2^20 cells of three take 4 ms, stacked first 40 ms
        rows = np.empty((len(present), len(bands)), np.result_type(*bands))
        for column, band in zip(rows.T, bands, strict=True):
            column[...] = band.reshape(-1)[present]
        if self.areas is None:
            return rows, None
        return rows, np.broadcast_to(self.areas, bands[0].shape).reshape(-1)[present]


def _missing(bands: list[np.ndarray]) -> np.ndarray:
    """Tell which cells are missing in one band or another."""
    missing = np.isnan(bands[0])
    for band in bands[1:]:
        missing |= np.isnan(band)
    return missing


def _sample(archive: Archive, areas: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw rows evenly from some steps, the same however the archive is cut into blocks."""
    count = len(archive.steps)
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLE_STEPS)).round().astype(int))
    read = _Rows(areas)
    parts = [read(archive.part(int(i), int(i) + 1)) for i in chosen]
    every = max(1, sum(len(rows) for rows, _ in parts) // SAMPLE_ROWS)
    rows = np.concatenate([rows[::every] for rows, _ in parts])
    heavy = [weights[::every] for _, weights in parts if weights is not None]
    return rows, np.concatenate(heavy) if heavy else None


def read_codebook(path: Path, archive: Archive) -> Codebook:
    """Read the codebook of a file, which must be one of the variables of the archive.

    Raises
    ------
    OSError, ValueError
        If it cannot be read or is one of other variables.
    """
    raw = read_json(path) or {}
    if raw.get("codebook") == "per-step":
        raise ValueError(f"{path} holds a codebook for each step; one for all is needed")
    units = tuple(raw.get("units", archive.units))
    if units != archive.units:
        raise ValueError(
            f"{path} is in {', '.join(units) or 'no units'}, the archive in "
            f"{', '.join(archive.units) or 'no units'}"
        )
    if not is_stack_codebook(path):
        if len(archive.variables) != 1:
            raise ValueError(
                f"{path} is the codebook of one variable, got {', '.join(archive.variables)}"
            )
        return load_codebook(path)
    codebook = load_stack_codebook(path)
    if codebook.names != archive.variables:
        raise ValueError(
            f"{path} is the codebook of {', '.join(codebook.names)}, got "
            f"{', '.join(archive.variables)}"
        )
    return codebook


def stored(codebook: Codebook) -> Description:
    """Give what a codebook's file holds, but for how often the data was read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "codebook.json")
        codebook.save(path)
        kept: Description = json.loads(path.read_bytes())
    kept.pop("passes", None)
    return kept


def for_tasks(codebook: Codebook) -> Codebook:
    """Leave out what labels do not need, since a codebook travels with every task."""
    return replace(codebook, profile=None) if isinstance(codebook, KMeans1D) else codebook


def passes_of(codebook: Codebook | None, begun: int) -> int:
    """Tell how often the archive was read for a codebook."""
    return codebook.passes if isinstance(codebook, KMeans1D) else begun
