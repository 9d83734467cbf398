"""The tables of a job as rows, headings first, and as CSV."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fastkm._core.atomic_write import write_text

if TYPE_CHECKING:
    import numpy as np

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.selection.choose_k import Choice

Rows = list[list[object]]

OTHER_COLUMNS = {"k", "cluster", "cells", "share", "area_km2", "area_share"}


def cluster_table(
    codebooks: Mapping[int, Codebook],
    counts: Mapping[int, np.ndarray],
    shares: Mapping[int, np.ndarray],
    areas: Mapping[int, np.ndarray],
) -> Rows:
    """List each cluster: its centroid, the breaks that bound it, its cells and their share, its area.

    Clusters of several bands have a column for each band, and no breaks. Without `areas`, in km2,
    there are no columns of area.
    """
    rows: Rows = []
    for k, codebook in codebooks.items():
        columns = codebook.tabulate()
        if not rows:
            names = [f"{name} (band)" if name in OTHER_COLUMNS else name for name in columns]
            measured = ["area_km2", "area_share"] if areas else []
            rows.append(["k", "cluster", *names, "cells", "share", *measured])
        for j, centroid in enumerate(zip(*columns.values(), strict=True)):
            area = [areas[k][j], areas[k][j] / (areas[k].sum() or 1)] if areas else []
            rows.append([k, j, *centroid, counts[k][j], shares[k][j], *area])
    return rows


def choice_table(choice: Choice) -> Rows:
    """List each k: its score and the bound on its error, empty if it is undefined."""
    rows: Rows = [["k", "criterion", "score", "error", "chosen"]]
    for k in sorted([*choice.scores, *choice.left_out]):
        score, error = choice.scores.get(k, ""), choice.errors.get(k, "")
        rows.append([k, choice.criterion, score, error, int(k == choice.k)])
    return rows


def write_csv(rows: Iterable[Iterable[object]], path: str | os.PathLike[str]) -> None:
    """Write rows as CSV, whole or not at all; None becomes an empty field.

    Texts, which may come from a file, are no formulas for a spreadsheet and have one line: see
    `make_harmless`.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows(map(make_harmless, row) for row in rows)
    write_text(path, text.getvalue())


def make_harmless(cell: object) -> object:
    r"""Return a cell in which a text is no formula and has no control characters.

    Spreadsheets compute a text that begins with ``=``, ``+``, ``-`` or ``@``; with an apostrophe
    before it they show it. Numbers, also as text, stay what they are.

    Examples
    --------
    >>> make_harmless("=1+1"), make_harmless("-1.5"), make_harmless(-1.5), make_harmless("a\nb")
    ("'=1+1", '-1.5', -1.5, 'a b')
    """
    if not isinstance(cell, str):
        return cell
    shown = "".join(letter if letter.isprintable() else " " for letter in cell)
    first = unicodedata.normalize("NFKC", shown.lstrip()[:1])  # of = there are wide forms
    return f"'{shown}" if first and first in "=+-@" and not _is_number(shown) else shown


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
