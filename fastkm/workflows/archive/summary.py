"""What a run says of its results in a few numbers: ``summary.json``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm.cluster.exact.result import KMeans1D

if TYPE_CHECKING:
    from fastkm.errors import ArchiveError
    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.fit import Codebook
    from fastkm.workflows.archive.options import Description
    from fastkm.workflows.archive.step_tasks import Row


def summarised(
    archive: Archive,
    rows: Sequence[Row],
    codebook: Codebook | int,
    faults: Sequence[ArchiveError],
) -> Description:
    """Sum a run up: the same however it was done.

    Parameters
    ----------
    archive : Archive
        All steps.
    rows : sequence of dict
        What was measured of each step and cluster.
    codebook : KMeans1D, StackCodebook or int
        The clusters, or their number where each step has its own.
    faults : sequence of ArchiveError
        What was left out.
    """
    times = list(dict.fromkeys(row["time"] for row in rows))
    k = codebook if isinstance(codebook, int) else codebook.k
    return {
        "steps": len(times),
        "first": times[0],
        "last": times[-1],
        "calendar": archive.calendar,
        "inputs": len(archive.inputs),
        "left_out": len(faults),
        "variables": list(archive.variables),
        "units": list(archive.units),
        "rows_and_columns": list(archive.shape),
        "k": k,
        "highest": highest_name(archive, codebook),
        "proven_optimal": isinstance(codebook, KMeans1D) and bool(codebook.gap == 0),
        "clusters": [_of_cluster(rows, j) for j in range(k)],
    }


def highest_name(
    archive: Archive, codebook: Codebook | int, typeset: Callable[[str], str] = str
) -> str:
    """Say what the highest cluster is, in the units of the archive, which `typeset` may change."""
    if isinstance(codebook, int):
        return "of each step by itself"
    last = np.atleast_1d(codebook.centroids[-1])
    pairs = zip(last, archive.units, strict=True)
    return "around " + ", ".join(f"{value:.4g} {typeset(unit)}".strip() for value, unit in pairs)


def _of_cluster(rows: Sequence[Row], cluster: int) -> dict[str, Any]:
    """Sum one cluster up over all steps."""
    own = [row for row in rows if row["cluster"] == cluster]
    outlines = [row["outlines"] for row in own if row["outlines"] is not None]
    lengths = [row["longest_km"] for row in own if row["longest_km"] is not None]
    areas = [row["area_km2"] for row in own]
    return {
        "cluster": cluster,
        "mean_cells": math.fsum(row["cells"] for row in own) / len(own),
        "mean_area_km2": None if None in areas else math.fsum(areas) / len(own),
        "outlines": sum(outlines) if outlines else None,
        "longest_km": max(lengths, default=None),
    }
