"""The tables of a job as rows, headings first, and as CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fastkm._core.atomic_write import atomic_write

if TYPE_CHECKING:
    import numpy as np

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.selection.choose_k import Choice

Rows = list[list[object]]

OTHER_COLUMNS = {"k", "cluster", "cells", "share"}


def cluster_table(
    codebooks: Mapping[int, Codebook],
    counts: Mapping[int, np.ndarray],
    shares: Mapping[int, np.ndarray],
) -> Rows:
    """List each cluster: its centroid, the breaks that bound it, its cells and their share.

    Clusters of several bands have a column for each band, and no breaks.
    """
    rows: Rows = []
    for k, codebook in codebooks.items():
        columns = codebook.tabulate()
        if not rows:
            names = [f"{name} (band)" if name in OTHER_COLUMNS else name for name in columns]
            rows.append(["k", "cluster", *names, "cells", "share"])
        for j, centroid in enumerate(zip(*columns.values(), strict=True)):
            rows.append([k, j, *centroid, counts[k][j], shares[k][j]])
    return rows


def choice_table(choice: Choice) -> Rows:
    """List each k: its score and the bound on its error, empty if it is undefined."""
    rows: Rows = [["k", "criterion", "score", "error", "chosen"]]
    for k in sorted([*choice.scores, *choice.left_out]):
        score, error = choice.scores.get(k, ""), choice.errors.get(k, "")
        rows.append([k, choice.criterion, score, error, int(k == choice.k)])
    return rows


def write_csv(rows: Iterable[Iterable[object]], path: str | os.PathLike[str]) -> None:
    """Write rows as CSV, whole or not at all; None becomes an empty field."""
    with atomic_write(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
