"""The command ``fastkm archive``: its options, what it says, and how it ends.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 done without some inputs or steps, 130 stopped by
ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastkm.cli.output import err, out, print_files
from fastkm.cli.parse import as_bbox, as_criterion, as_ks, as_years, one_of, usage

if TYPE_CHECKING:
    from fastkm.workflows.archive.options import ArchiveOptions
    from fastkm.workflows.archive.run import Done

SKIPPED, STOPPED = 3, 130
SHOWN = 12
"""Files that are listed one by one; of more, folders are."""

HELP = (
    "Cluster all steps of an archive: a codebook, label maps, outlines, areas through time and "
    "figures. Inputs are netCDF files or Zarr stores, with a step or with many. A run that was "
    "stopped goes on with --resume. Exit status 3: done, but some inputs or steps were left out, "
    "see errors.csv."
)


def archive(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES", help="NetCDF files, Zarr stores, or patterns such as 'pw_*.nc'."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the results.")
    ],
    variable: Annotated[
        list[str] | None,
        typer.Option(
            "-v",
            "--variable",
            metavar="NAME",
            help="The variable; several times for several together.",
        ),
    ] = None,
    k: Annotated[
        str | None,
        typer.Option("-k", metavar="K", help="Number of clusters: 6; with --choose also 2:8."),
    ] = None,
    codebook: Annotated[
        str,
        typer.Option(
            metavar="common|per-step|FILE",
            help="One codebook for all steps, one for each, or that of an earlier run.",
        ),
    ] = "common",
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="CRITERION",
            help="Choose k by silhouette, bic, calinski_harabasz or elbow.",
        ),
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option(metavar="W,S,E,N", help="Only the cells with centres in this box."),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File on the same grid; cells where it is 0 are left out."
        ),
    ] = None,
    years: Annotated[
        str | None, typer.Option(metavar="FIRST:LAST", help="Only the steps of these years.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="area", help="Weight cells by their area on the globe.")
    ] = None,
    standardize: Annotated[
        bool, typer.Option("--standardize", help="Divide variables by their standard deviations.")
    ] = False,
    select: Annotated[
        str,
        typer.Option(
            metavar="CLUSTER", help="The clusters to outline: all, highest, lowest, or a number."
        ),
    ] = "highest",
    min_diameter: Annotated[
        str,
        typer.Option(metavar="LENGTH", help="Keep outlines longer than this: 200px or 2000km."),
    ] = "0px",
    labels: Annotated[
        str, typer.Option(metavar="netcdf|zarr", help="A file for each input, or one Zarr store.")
    ] = "netcdf",
    workers: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Processes that work side by side on this machine."),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="A dask scheduler whose workers work instead."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.")
    ] = False,
    on_error: Annotated[
        str,
        typer.Option(
            metavar="stop|skip", help="What becomes of inputs and steps that cannot be used."
        ),
    ] = "stop",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Cluster an archive."""
    if scheduler is not None and workers > 1:
        raise typer.BadParameter("give one of the two", param_hint="--workers / --scheduler")
    options = _options(
        k, codebook, choose, variable, select, min_diameter, weights, bbox, mask, years, labels,
        standardize=standardize,
    )  # fmt: skip
    usage("--on-error", one_of(("stop", "skip")), on_error)
    from fastkm.cli.progress import reporting
    from fastkm.workflows.archive.run import cluster_archive

    try:
        with reporting(err, quiet=quiet) as report:
            done = cluster_archive(
                files,
                output,
                options,
                resume=resume,
                on_error=on_error,  # type: ignore[arg-type]  # one of the two
                workers=workers,
                scheduler=scheduler,
                report=report,
            )
    except KeyboardInterrupt:
        kept = f"; what is finished is kept in {output}, and the same command with --resume goes on"
        err.print(
            f"fastkm: stopped{kept if output.exists() else ''}",
            style="red", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        raise typer.Exit(STOPPED) from None
    if not quiet:
        print_done(done)
    if done.faults:
        raise typer.Exit(SKIPPED)


def _options(
    k: str | None,
    codebook: str,
    choose: str | None,
    variables: list[str] | None,
    select: str,
    min_diameter: str,
    weights: str | None,
    bbox: str | None,
    mask: Path | None,
    years: str | None,
    labels: str,
    *,
    standardize: bool,
) -> ArchiveOptions:
    """Read the options; those that do not go together are wrong usage."""
    from fastkm.vector.outline import as_length
    from fastkm.workflows.archive.options import ArchiveOptions
    from fastkm.workflows.raster_file import chosen_clusters

    own = codebook in {"common", "per-step"}
    if (k is None) == own:
        given = "-k is needed" if own else "a codebook that is given has its own k"
        raise typer.BadParameter(given, param_hint="-k / --codebook")
    ks = () if k is None else tuple(usage("-k", as_ks, k))
    several = variables is not None and len(variables) > 1
    if choose is not None:
        usage("--choose", lambda name: as_criterion(name, list(ks)), choose)
        if codebook != "common" or several:
            raise typer.BadParameter(
                "k is chosen for a common codebook of one variable", param_hint="--choose"
            )
    elif len(ks) > 1:
        raise typer.BadParameter("take one number, or --choose among several", param_hint="-k")
    if not own and (weights is not None or standardize):
        raise typer.BadParameter(
            "clusters of an earlier run are as they are", param_hint="--weights / --standardize"
        )
    for option, path in (("--codebook", None if own else Path(codebook)), ("--mask", mask)):
        if path is not None and not path.is_file():
            raise typer.BadParameter(f"{path}: no such file", param_hint=option)
    if codebook == "per-step" and several:
        raise typer.BadParameter("steps of several variables share one", param_hint="--codebook")
    usage("--weights", one_of((None, "area")), weights)
    usage("--labels", one_of(("netcdf", "zarr")), labels)
    usage("--min-diameter", as_length, min_diameter)
    usage("--select", lambda text: [chosen_clusters(text, number) for number in ks], select)
    return ArchiveOptions(
        ks=ks,
        codebook=codebook if own else Path(codebook),  # type: ignore[arg-type]  # one of the two
        variables=tuple(variables or ()),
        select=select,
        min_diameter=min_diameter,
        weights=weights,  # type: ignore[arg-type]
        standardize=standardize,
        choose=choose,
        bbox=None if bbox is None else usage("--bbox", as_bbox, bbox),
        mask=mask,
        years=None if years is None else usage("--years", as_years, years),
        labels=labels,  # type: ignore[arg-type]
    )


def print_done(done: Done) -> None:
    """Print what the results say, and where they are."""
    if done.before:
        _say(f"{done.folder} is finished: nothing is left to do")
        return
    summary: dict[str, Any] = done.summary
    _say(
        f"{summary['steps']} steps, {summary['first']} to {summary['last']}; "
        f"{summary['k']} clusters, the highest {summary['highest']}"
    )
    if done.faults:
        count = len(done.faults)
        what = "1 input or step was" if count == 1 else f"{count} inputs or steps were"
        _say(f"{what} left out: see {done.folder / 'errors.csv'}")
    print_files(_shown(done.files))


def _shown(files: list[Path]) -> list[Path]:
    """Name folders where files are many."""
    if len(files) <= SHOWN:
        return files
    many = {
        parent for parent in {file.parent for file in files} if _count(files, parent) > SHOWN // 2
    }
    return list(dict.fromkeys(file.parent if file.parent in many else file for file in files))


def _count(files: list[Path], parent: Path) -> int:
    return sum(file.parent == parent and parent.name == "labels" for file in files)


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
