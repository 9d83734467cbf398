"""The results of a run in a few numbers: ``summary.json``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastkm.cluster.codebook import Codebook
    from fastkm.errors import ArchiveError
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.options import Description
    from fastkm.workflows.archive.step_tasks import Row


def summarize(
    archive: RasterSeries,
    rows: Sequence[Row],
    codebook: Codebook | None,
    k: int,
    faults: Sequence[ArchiveError],
) -> Description:
    """Sum up the results of a run; this does not depend on how the run was cut into parts.

    `rows` are the measures of each step and cluster, `faults` the inputs and steps left out.
    `codebook` is None if each step has its own.
    """
    times = list(dict.fromkeys(row["time"] for row in rows))
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
        "highest": describe_highest(archive, codebook),
        "proven_optimal": codebook is not None and codebook.proven_optimal,
        "clusters": [_summarize_cluster(rows, j) for j in range(k)],
    }


def describe_highest(
    archive: RasterSeries, codebook: Codebook | None, typeset: Callable[[str], str] = str
) -> str:
    """Describe the highest cluster by its centroid and units, which `typeset` may reformat."""
    if codebook is None:
        return "of each step by itself"
    last = np.atleast_1d(codebook.centroids[-1])
    pairs = zip(last, archive.units, strict=True)
    return "around " + ", ".join(f"{value:.4g} {typeset(unit)}".strip() for value, unit in pairs)


def _summarize_cluster(rows: Sequence[Row], cluster: int) -> dict[str, Any]:
    """Sum up one cluster over all steps."""
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
