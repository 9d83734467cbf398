"""Every step of the lesson on one raster: clusters, contours, shapefile, map.

With no FILE the embedded sample is written to the output folder and used:

    python scripts/tpw_workflow.py --output out
"""

import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fastkm.datasets.water_vapour import write_sample
from fastkm.lesson import lesson

console = Console(markup=False, soft_wrap=True)
notes = Console(stderr=True, markup=False, soft_wrap=True)


def run(
    file: Annotated[Path | None, typer.Argument(help="A netCDF file with one raster.")] = None,
    output: Annotated[Path, typer.Option(help="The folder for all results.")] = Path("out"),
    variable: Annotated[
        str | None, typer.Option(help="The variable, if there are several.")
    ] = None,
    make_valid: Annotated[
        bool, typer.Option("--make-valid", help="Mend contours that cross or touch themselves.")
    ] = False,
) -> None:
    """Reproduce the lesson to the letter on FILE, or on the embedded sample."""
    warnings.showwarning = lambda message, *_: notes.print(f"note: {message}", style="yellow")
    try:
        made = []
        if file is None:
            file = output / "sample.nc"
            write_sample(file)
            made = [file]
        with console.status("starting") as status:
            summary = lesson(
                file, output, variable=variable, make_valid=make_valid, announce=status.update
            )
    except (OSError, ValueError) as error:
        notes.print(f"tpw_workflow: {error}", style="red")
        raise typer.Exit(1) from None
    summary["files"] = [*made, *summary["files"]]
    show(summary)


def show(summary: dict) -> None:
    """Print the clusters, the contours that were kept, the time each step took, and the files."""
    table = Table(title=f"{summary['variable']} ({summary['units']})", title_justify="left")
    table.add_column("k", justify="right")
    table.add_column("centroids")
    table.add_column("inertia", justify="right")
    for k, found in summary["clusters"].items():
        centroids = "  ".join(f"{centroid:.3f}" for centroid in found["centroids"])
        table.add_row(k, centroids, f"{found['inertia']:.6g}")
    console.print(table)
    contours = summary["contours"]
    console.print(
        f"{contours['found']} contours, {len(contours['kept'])} longer than "
        f"{contours['min_diameter_px']:g} pixels"
    )
    for kept in contours["kept"]:
        console.print(f"  {kept['points']} points, {kept['diameter_px']:.3f} pixels across")
    for step, seconds in summary["seconds"].items():
        console.print(f"{seconds:8.3f} s  {step}", highlight=False)
    for path in summary["files"]:
        console.print(f"wrote {path}", highlight=False)


if __name__ == "__main__":
    typer.run(run)
