"""The command ``fastkm archive``: its options, what it prints, and its exit status.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 done without some inputs or steps, 130 stopped by
ctrl-C or SIGTERM.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fastkm._core.interrupts import STOPPED, hold_interrupts, stop_on_sigterm, was_interrupted
from fastkm.cli import options as shared
from fastkm.cli import parse
from fastkm.cli.output import count_units, err, print_files, print_line
from fastkm.cli.start import collect_garbage

if TYPE_CHECKING:
    from fastkm._core.progress import Progress
    from fastkm.workflows.archive_clusters import ArchiveClusters

SKIPPED = 3
NOTHING = "; nothing was written"
MAX_LISTED = 12
"""Files that are listed one by one; if there are more, the label maps are listed as a folder."""

HELP = (
    "Cluster all time steps of an archive; write a codebook, label maps, outlines, a table of "
    "areas through time, and figures. Each input is a netCDF file or a Zarr store with one step "
    "or many. The same command with --resume goes on with a run that was stopped. Exit status 3: "
    "done, but some inputs or steps were left out; errors.csv lists them."
)


def archive(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES",
            help="NetCDF files, Zarr stores, folders of them, or patterns such as 'pw_*.nc'.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the results.")
    ],
    variable: shared.Variables = None,
    k: Annotated[
        str | None,
        typer.Option(
            "-k",
            metavar="K",
            help="Number of clusters, such as 6; with --choose a range such as 2:8.",
        ),
    ] = None,
    codebook: Annotated[
        str,
        typer.Option(
            metavar="common|per-step|FILE",
            help="Find one codebook for all steps (common) or one for each step (per-step), or "
            "take the codebook.json of an earlier run.",
        ),
    ] = "common",
    choose: shared.Criterion = None,
    sel: shared.Sel = None,
    nodata: shared.Nodata = None,
    bbox: shared.Bbox = None,
    mask: shared.Mask = None,
    mask_share: shared.MaskShare = None,
    years: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:LAST", help="Only the steps of these years, both included; or of one."
        ),
    ] = None,
    weights: shared.Weights = None,
    standardize: shared.Standardize = False,
    sieve: shared.Sieve = None,
    fill_holes: shared.FillHoles = False,
    select: shared.Select = "highest",
    min_diameter: shared.MinDiameter = "0px",
    longitudes: shared.Longitudes = None,
    simplify: shared.Simplify = None,
    smooth: shared.Smooth = 0,
    labels: Annotated[
        str,
        typer.Option(
            metavar="netcdf|zarr",
            help="Write label maps as a netCDF file for each input, or as one Zarr store.",
        ),
    ] = "netcdf",
    track: Annotated[
        bool,
        typer.Option(
            "--track",
            help="Follow the outlined regions of the highest selected cluster through time: where "
            "they move, merge and split.",
        ),
    ] = False,
    track_overlap: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            help="With --track, the least share of the smaller of two regions that they have in "
            "common; by default any.",
        ),
    ] = None,
    track_gap: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS",
            min=0,
            help="With --track, for how many steps a region may be missing; by default 0.",
        ),
    ] = None,
    track_maps: Annotated[
        bool,
        typer.Option(
            "--track-maps",
            help="With --track, write the track of each cell beside its cluster into the label maps.",
        ),
    ] = False,
    report: shared.Report = None,
    workers: shared.Workers = 1,
    scheduler: shared.Scheduler = None,
    worker_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=1,
            help="If no worker is left, wait so long for one, then stop; by default 30 s.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.")
    ] = False,
    overwrite: shared.Overwrite = False,
    on_error: Annotated[
        str,
        typer.Option(
            metavar="stop|skip", help="Stop at an input or step that cannot be used, or skip it."
        ),
    ] = "stop",
    quiet: shared.Quiet = False,
) -> None:
    """Cluster an archive."""
    with hold_interrupts():  # libraries start threads, which must not take ctrl-C from this one
        from fastkm.cli.progress import show_progress
        from fastkm.workflows.cluster_archive import cluster_archive
        from fastkm.workflows.dask_workers import WORKER_TIMEOUT
        from fastkm.workflows.outputs import check_folder
    collect_garbage()

    # options
    parse.parse_option("--output", check_folder, output)
    if resume and overwrite:
        parse.refuse_option("--resume / --overwrite", "take one of the two, not both")
    following = {
        "--track-overlap": track_overlap, "--track-gap": track_gap, "--track-maps": track_maps or None,
    }  # fmt: skip
    for option, value in following.items():
        if value is not None and not track:
            parse.refuse_option(option, "add --track to follow regions through time")
    parse.check_workers(workers, scheduler)
    parse.parse_report(report)
    book: Literal["common", "per-step"] | Path = Path(codebook)
    if codebook == "common":
        book = "common"
    elif codebook == "per-step":
        book = "per-step"
    parse.check_codebook_options(isinstance(book, Path), k, weights, standardize)
    ks = () if k is None else tuple(parse.parse_option("-k", parse.as_ks, k))
    parse.parse_sieve(sieve, fill_holes=fill_holes)
    options: dict[str, Any] = {
        "variable": variable,
        "codebook": book,
        "select": parse.parse_select(select, ks),
        "min_diameter": parse.parse_limit("--min-diameter", min_diameter, "px", "km"),
        "longitudes": parse.parse_longitudes(longitudes),
        "simplify": parse.parse_simplify(simplify, smooth),
        "smooth": smooth,
        "weights": parse.parse_option("--weights", parse.as_one_of(("area", None)), weights),
        "standardize": standardize,
        "choose": parse.parse_option("--choose", lambda name: parse.as_criterion(name, ks), choose),
        "sel": parse.parse_sel(sel),
        "nodata": nodata or None,
        "bbox": parse.parse_box(bbox),
        "mask": mask,
        "mask_share": parse.parse_mask_share(mask_share, mask),
        "years": None if years is None else parse.parse_option("--years", parse.as_years, years),
        "sieve": sieve,
        "fill_holes": fill_holes,
        "labels": parse.parse_option("--labels", parse.as_one_of(("netcdf", "zarr")), labels),
        "track": track
        and {"min_overlap": track_overlap or 0.0, "gap": track_gap or 0, "maps": track_maps},
    }
    _check_options(ks, options)
    on_fault: Literal["stop", "skip"] = parse.parse_option(
        "--on-error", parse.as_one_of(("stop", "skip")), on_error
    )

    # work
    try:
        with ExitStack() as stack:
            stack.enter_context(stop_on_sigterm())
            with hold_interrupts():
                progress = stack.enter_context(show_progress(err, quiet=quiet))
            done = cluster_archive(
                files,
                ks or None,
                output,
                **options,
                resume=resume,
                overwrite=overwrite,
                on_error=on_fault,
                workers=workers,
                scheduler=scheduler,
                worker_timeout=WORKER_TIMEOUT if worker_timeout is None else worker_timeout,
                progress=progress,
            )
            if report is not None:
                _write_report(done, report, progress)
    except BaseException as error:
        if was_interrupted(error):
            advice = _say_how_to_go_on(output) if output.exists() else NOTHING
            print_line(f"fastkm: stopped{advice}", err, style="red")
            raise typer.Exit(STOPPED) from None
        if isinstance(error, OSError) and "--resume" not in str(error):
            raise OSError(f"{error}{_say_how_to_go_on(output)}") from error
        raise

    # results
    if not quiet:
        print_result(done, report)
    if done.faults:
        raise typer.Exit(SKIPPED)


def _check_options(ks: tuple[int, ...], options: dict[str, Any]) -> None:
    """Refuse options that do not go together, and files that do not exist."""
    several, book = len(options["variable"] or ()) > 1, options["codebook"]
    if options["choose"] is not None and (book != "common" or several):
        parse.refuse_option(
            "--choose", "k can be chosen only for a common codebook of one variable"
        )
    if options["choose"] is None and len(ks) > 1:
        parse.refuse_option("-k", "take one number, or add --choose to choose among several")
    for option, path in (("--codebook", book), ("--mask", options["mask"])):
        if isinstance(path, Path) and not path.is_file():
            parse.refuse_option(option, f"{path}: no such file")
    if book == "per-step" and several:
        parse.refuse_option("--codebook", "per-step codebooks are for one variable; take common")


def _write_report(done: "ArchiveClusters", report: Path, progress: "Progress") -> None:
    """Write the report of an archive."""
    from fastkm.workflows.reports.report import report as write

    progress.begin("write the report", 1, "tasks")
    write(done, report)
    progress.advance()


def _say_how_to_go_on(output: Path) -> str:
    """Return the end of a sentence, empty if the run has not begun to write."""
    if not (output / ".work").exists():
        return ""
    return f"; finished parts are kept in {str(output)!r}: the same command with --resume goes on"


def print_result(done: "ArchiveClusters", report: Path | None = None) -> None:
    """Print a summary of the results, and where they are; the report comes last."""
    if done.already_finished:
        print_line(f"{done.folder} is finished: nothing is left to do")
        print_files([], report)
        return
    summary = done.summary
    print_line(
        f"{count_units(summary['steps'], 'steps')}, {summary['first']} to {summary['last']}; "
        f"{count_units(summary['k'], 'clusters')}, the highest {summary['highest']}"
    )
    if "tracks" in summary:
        print_line(f"{count_units(summary['tracks'], 'tracks')} of the outlined regions")
    if done.faults:
        count = len(done.faults)
        what = "1 input or step was" if count == 1 else f"{count} inputs or steps were"
        print_line(f"{what} left out: see {Path(str(done.folder), 'errors.csv')}")
    print_files(_shorten(done.files), report)


def _shorten(files: list[Path]) -> list[Path]:
    """Replace the label maps by their folder if there are many files."""
    count = sum(file.parent.name == "labels" for file in files)
    if len(files) <= MAX_LISTED or count <= MAX_LISTED // 2:
        return files
    listed = [file.parent if file.parent.name == "labels" else file for file in files]
    return list(dict.fromkeys(listed))
