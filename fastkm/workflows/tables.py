"""The tables of a job as rows, the headings first, and as CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fastkm._core.atomic_write import atomic_write

if TYPE_CHECKING:
    import numpy as np

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Choice

Rows = list[list[object]]


def cluster_table(
    results: Mapping[int, KMeans1D],
    counts: Mapping[int, np.ndarray],
    shares: Mapping[int, np.ndarray],
) -> Rows:
    """List each cluster: its centroid, the breaks that bound it, its cells and their share."""
    rows: Rows = [["k", "cluster", "centroid", "above", "up_to", "cells", "share"]]
    for k, result in results.items():
        bounds = ["", *result.breaks.tolist(), ""]
        cells, share = counts[k], shares[k]
        rows += [
            [k, j, result.centroids[j], bounds[j], bounds[j + 1], cells[j], share[j]]
            for j in range(k)
        ]
    return rows


def stack_table(
    names: Sequence[str],
    centroids: Mapping[int, np.ndarray],
    counts: Mapping[int, np.ndarray],
    shares: Mapping[int, np.ndarray],
) -> Rows:
    """List each cluster of several bands: its centroid band by band, its cells and their share."""
    taken = {"k", "cluster", "cells", "share"}
    columns = [f"{name} (band)" if name in taken else name for name in names]
    rows: Rows = [["k", "cluster", *columns, "cells", "share"]]
    for k, own in centroids.items():
        rows += [[k, j, *row.tolist(), counts[k][j], shares[k][j]] for j, row in enumerate(own)]
    return rows


def choice_table(choice: Choice) -> Rows:
    """List each k: its score and the bound on its error, empty where it is undefined."""
    rows: Rows = [["k", "criterion", "score", "error", "chosen"]]
    for k in sorted([*choice.scores, *choice.left_out]):
        score, error = choice.scores.get(k, ""), choice.errors.get(k, "")
        rows.append([k, choice.criterion, score, error, int(k == choice.k)])
    return rows


def write_csv(rows: Rows, path: str | os.PathLike[str]) -> None:
    """Write rows as CSV, whole or not at all."""
    with atomic_write(path) as draft, draft.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
