"""What the command prints when it is done: tables and sentences on what was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import numpy as np

    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.cluster.selection.choose_k import Choice
    from fastkm.raster.codebook import StackCodebook
    from fastkm.workflows.raster_file import Clusters, Outlines
    from fastkm.workflows.several_bands import StackClusters

out = Console()
err = Console(stderr=True)


def print_description(variable: Any) -> None:
    """Print what a file holds of one variable."""
    sizes = " x ".join(f"{dim} {size}" for dim, size in variable.sizes.items())
    table = Table(
        title=escape(f"{variable.name} ({sizes})"), title_justify="left", show_header=False
    )
    table.add_row("what", escape(variable.long_name) or "-")
    table.add_row("units", escape(variable.units) or "-")
    table.add_row("stored as", variable.dtype)
    if variable.valid:
        table.add_row("range", f"{variable.low:g} to {variable.high:g}")
    table.add_row("cells", f"{variable.cells:,}, of them {variable.valid:,} valid")
    for rule, count in variable.missing.items():
        hidden = variable.hidden.get(rule, [])
        values = ", ".join(f"{value:g}" for value in hidden)
        note = f"; only this rule catches {values}" if hidden else ""
        table.add_row(f"missing by {rule}", f"{count:,}{note}")
    for value in variable.suspicious:
        table.add_row("suspicious", f"[red]{value:g} looks like a code for something missing[/red]")
    out.print(table)


def print_clusters(done: Clusters | StackClusters, codebook: Path | None) -> None:
    """Print a table for each k; the one that was chosen says so."""
    for k, inertia, table in _tables(done):
        what = "1 cluster" if k == 1 else f"{k} clusters"
        about = f", inertia {inertia:.6g}" if codebook is None else f" of {codebook.name}"
        chosen = ""
        if done.choice is not None and done.choice.k == k:
            chosen = f" [bold green](chosen by {done.choice.criterion})[/bold green]"
        table.title = escape(what + about) + chosen
        out.print(table)


def _tables(done: Clusters | StackClusters) -> Iterator[tuple[int, float, Table]]:
    """Give k, the inertia and a table of the clusters."""
    from fastkm.workflows.several_bands import StackClusters

    if isinstance(done, StackClusters):
        for k, codebook in done.codebooks.items():
            table = _table_of_bands(codebook, done.counts[k], done.shares(k))
            yield k, done.inertia.get(k, 0.0), table
        return
    units = str(done.raster.attrs.get("units", ""))
    for k, result in done.results.items():
        table = _table_of_clusters(result, done.counts[k], done.shares(k), units)
        yield k, result.inertia, table


def _table_of_bands(codebook: StackCodebook, counts: np.ndarray, shares: np.ndarray) -> Table:
    """Fill a table with one row a cluster and one column a band."""
    table = Table(title_justify="left")
    pairs = zip(codebook.names, codebook.units, strict=True)
    bands = [escape(f"{name} {unit}".strip()) for name, unit in pairs]
    for heading in ("cluster", *bands, "cells", "share"):
        table.add_column(heading, justify="right", overflow="fold")
    for j, row in enumerate(codebook.centroids):
        numbers = [f"{number:.5g}" for number in row]
        table.add_row(str(j), *numbers, f"{counts[j]:,}", f"{shares[j]:.1%}")
    return table


def _table_of_clusters(
    result: KMeans1D, counts: np.ndarray, shares: np.ndarray, units: str
) -> Table:
    """Fill a table with one row a cluster."""
    table = Table(title_justify="left")
    centroid = escape(f"centroid {units}".strip())
    for heading in ("cluster", centroid, "above", "up to", "cells", "share"):
        table.add_column(heading, justify="right", overflow="fold")
    bounds = ["", *(f"{value:.5g}" for value in result.breaks), ""]
    for j, mean in enumerate(result.centroids):
        table.add_row(
            str(j), f"{mean:.5g}", bounds[j], bounds[j + 1], f"{counts[j]:,}", f"{shares[j]:.1%}"
        )
    return table


def print_choice(choice: Choice, *, sampled: bool = False) -> None:
    """Print the scores of all k, and the k that they choose."""
    error = "2 standard errors" if sampled else "error at most"
    table = Table(title="scores, higher is better", title_justify="left")
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
    out.print(f"chosen by {choice.criterion}: k = {choice.k}{advice}", highlight=False)


def print_outlines(done: Outlines) -> None:
    """Print how many outlines each selected cluster has, and how long the longest is."""
    units = str(done.raster.attrs.get("units", ""))
    for k, result in done.results.items():
        of_k = done.outlines[done.outlines["k"] == k]
        if len(done.results) > 1:
            out.print(f"k = {k}", highlight=False)
        for cluster in done.selected[k]:
            own = of_k[of_k["cluster"] == cluster]
            value = f"{result.centroids[cluster]:.5g} {units}".strip()
            count = "1 outline" if len(own) == 1 else f"{len(own)} outlines"
            longest = f", the longest {_across(own.iloc[0])}" if len(own) else ""
            text = f"cluster {cluster} (around {value}): {count}{longest}"
            out.print(text, markup=False, highlight=False, soft_wrap=True)


def _across(region: Any) -> str:
    """Say how far across a region is."""
    pixels = f"{region['diameter_px']:.3f} pixels"
    kilometres = region["diameter_km"]
    known = math.isfinite(kilometres)
    return f"{pixels} or {kilometres:,.0f} km across" if known else f"{pixels} across"


def print_files(files: list[Path]) -> None:
    """Print which files were written."""
    for file in files:
        out.print(f"wrote {file}", markup=False, highlight=False, soft_wrap=True)
