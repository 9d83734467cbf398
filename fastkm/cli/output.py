"""What the command prints: lines, tables and sentences on what was found."""

from __future__ import annotations

import io
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.workflows.cluster_file import Clusters
    from fastkm.workflows.outline_file import ClusterOutlines, Outlines

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, with those that begin a terminal's commands
    "\u200e\u200f\u2028-\u202e\u2066-\u2069"  # ends of lines and changes of direction
    "\ud800-\udfff]"  # bytes of file names that are no text
)


class _Console(Console):
    """A console that falls silent when nobody reads it any more, as in ``fastkm ... | head``."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), self.file.fileno())


WIDE = 1000
"""Letters in which every table fits."""

LONGEST_NAME = 30
"""Letters of a band's name that stand in one line of a table."""

TABLE: dict[str, Any] = {
    "box": SIMPLE_HEAD,
    "title_justify": "left",
    "show_edge": False,
    "pad_edge": False,
    "collapse_padding": True,
}
"""How tables look: without lines between columns, so that eight columns fit in 80 letters."""

out = _Console()
err = _Console(stderr=True)


def tolerate_missing_letters() -> None:
    """Let letters that the terminal's encoding lacks be printed as their numbers."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_line(text: str, console: Console = out, *, style: str | None = None) -> None:
    """Print a text in one line: no markup, no colours for numbers, nothing hidden."""
    text = make_visible(text)
    console.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


def make_visible(text: str) -> str:
    """Return a text with the number of each character that a terminal obeys or cannot show.

    Examples
    --------
    >>> print(make_visible("kg" + chr(27) + "[31m").replace(chr(92), "/"))
    kg/x1b[31m
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def to_plain(text: str, style: str = "") -> Text:
    """Return a text for a table, in which nothing is markup and nothing is hidden."""
    return Text(make_visible(text), style)


def print_clusters(done: Clusters, codebook: Path | None) -> None:
    """Print a table for each k, and mark the k that was chosen."""
    for k, own in done.codebooks.items():
        units = own.units or done.stack.units
        cells = {"cells": [f"{count:,}" for count in done.counts[k]]}
        if not done.weights or k not in done.areas:
            cells["share"] = [f"{share:.1%}" for share in done.shares(k)]
        if k in done.areas:
            area = done.areas[k]
            cells["area km2"] = [f"{own:,.0f}" if own >= 100 else f"{own:.4g}" for own in area]
            cells["share of area"] = [f"{share:.1%}" for share in area / (area.sum() or 1)]
        table = _make_table(own, units, cells)
        about = f" of {codebook.name}" if codebook else f", {_describe_distance(done, k)}"
        if k in done.passes:
            about += f", {count_units(done.passes[k], 'passes')}"
        table.title = title = to_plain(count_units(k, "clusters") + about, "table.title")
        if done.choice is not None and done.choice.k == k:
            title.append(f" (chosen by {done.choice.criterion})", "bold green")
        print_whole(table)


def print_whole(table: Table) -> None:
    """Print a table of which nothing is left out: on a narrow terminal its lines are too long."""
    least = out.measure(table, options=out.options.update(width=WIDE)).minimum
    out.print(table, width=max(out.width, least), crop=False)


def _describe_distance(done: Clusters, k: int) -> str:
    """Say how far cells are from their centroids, and the inertia unless it has weights in its unit."""
    units = {"standard deviations"} if done.standardized else set(done.stack.units)
    unit = units.pop() if len(units) == 1 else ""
    text = f"root mean square distance {done.measure_distance(k):.5g} {unit}".rstrip()
    return text if done.weights else f"inertia {done.inertia[k]:.6g}, {text}"


def count_units(number: int, unit: str) -> str:
    """Return a number with its unit, which is given in the plural.

    Examples
    --------
    >>> count_units(1, "files"), count_units(2000, "files"), count_units(1, "passes")
    ('1 file', '2,000 files', '1 pass')
    """
    if number == 1:
        unit = unit.removesuffix("es") if unit.endswith("sses") else unit.removesuffix("s")
    return f"{number:,} {unit}"


def _make_table(
    codebook: Codebook, units: Sequence[str], cells: Mapping[str, Sequence[str]]
) -> Table:
    """Return a table with one row a cluster: its centroid, and what is known of its `cells`."""
    columns = codebook.tabulate()
    names = codebook.names or [name.replace("_", " ") for name in columns]
    pairs = zip_longest(names, units, fillvalue="")
    centroids = [to_plain(f"{name} {unit}".strip()) for name, unit in pairs]
    table = Table(**TABLE)
    headings: list[str | Text] = ["cluster", *centroids, *cells]
    numbers = [
        ["" if number == "" else f"{number:.5g}" for number in column]
        for column in columns.values()
    ]
    texts = [list(map(str, range(codebook.k))), *numbers, *cells.values()]
    lines: list[list[str | Text]] = [
        [heading, *column] for heading, column in zip(headings, texts, strict=True)
    ]
    turned = len(codebook.names) > 1 and _measure_width(lines) > out.width  # a row for each band
    if turned:
        lines = _leave_out(list(map(list, zip(*lines, strict=True))), out.width)
    for number, (heading, *column) in enumerate(lines):
        named = turned and number == 0
        words = max(map(len, str(heading).split()), default=0)
        most = LONGEST_NAME if named else out.width  # folded beyond
        longest = min(max(words, *map(len, column)), most)
        side: Literal["left", "right"] = "left" if named else "right"
        table.add_column(heading, justify=side, overflow="fold", min_width=longest)
    for row in zip(*(column for _, *column in lines), strict=True):
        table.add_row(*row)
    return table


def _measure_width(lines: Sequence[Sequence[str | Text]]) -> int:
    """Return how wide a table of these columns is if no word of a heading is broken."""
    words = [max(map(len, str(heading).split()), default=0) for heading, *_ in lines]
    cells = [max(map(len, column)) for _, *column in lines]
    return sum(2 + max(pair) for pair in zip(words, cells, strict=True)) - 2


def _leave_out(lines: list[list[str | Text]], width: int) -> list[list[str | Text]]:
    """Return the first columns and the last one, if not all have room; dots stand for the others."""
    shown = lines
    dots: list[str | Text] = ["…" for _ in lines[0]]
    for count in range(len(lines) - 2, 0, -1):
        if _measure_width(shown) <= width:
            break
        shown = [*lines[:count], dots, lines[-1]]
    return shown


def print_choice(choice: Choice, *, sampled: bool = False) -> None:
    """Print the scores of all k, the chosen k, and what the criterion tends to choose.

    `sampled` silhouettes have standard errors.
    """
    from fastkm.cluster.selection.choose_k import TENDENCIES  # with numpy, which starts threads

    error = "2 standard errors" if sampled else "error at most"
    better = "lower" if choice.lower_is_better else "higher"
    table = Table(title=f"scores, {better} is better", **TABLE)
    for heading in ("k", choice.criterion, error):
        table.add_column(heading, justify="right")
    for k in sorted([*choice.scores, *choice.left_out]):
        if k in choice.scores:
            cells = f"{choice.scores[k]:.6g}", f"{choice.errors[k]:.2g}"
        else:
            cells = "undefined", ""
        table.add_row(str(k), *cells, style="bold green" if k == choice.k else None)
    out.print(table)
    most = choice.k == max([*choice.scores, *choice.left_out])
    advice = ", the most that were tried: a wider range may choose another" if most else ""
    print_line(f"chosen by {choice.criterion}: k = {choice.k}{advice}")
    print_line(TENDENCIES[choice.criterion])


def print_outlines(done: Outlines) -> None:
    """Print how many outlines each selected cluster has, and how long the longest is."""
    from fastkm._core.attributes import read_text  # with numpy, which starts threads

    units = read_text(done.raster.attrs, "units")
    for k, result in done.results.items():
        if len(done.results) > 1:
            print_line(f"k = {k}")
        for cluster, found in done.found[k].items():
            value = f"{result.centroids[cluster]:.5g} {units}".strip()
            count = count_units(found.number, "outlines")
            longest = f", the longest {_format_diameter(found)}" if found.number else ""
            print_line(f"cluster {cluster} (around {value}): {count}{longest}")


def _format_diameter(found: ClusterOutlines) -> str:
    """Format the longest diameter of the outlines of a cluster."""
    pixels = f"{found.diameter_px:.3f} pixels"
    known = math.isfinite(found.diameter_km)
    return f"{pixels} or {found.diameter_km:,.0f} km across" if known else f"{pixels} across"


def print_files(files: list[Path], report: Path | None = None) -> None:
    """Print which files were written; the last line is a link to the report, if there is one."""
    for file in files:
        if file != report:
            print_line(f"wrote {file}")
    if report is not None:
        link = report.absolute().as_uri()
        print_line(f"wrote {link}", style=f"link {link}")
