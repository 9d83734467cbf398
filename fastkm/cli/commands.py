"""The command ``fastkm``; the work is in `fastkm.workflows`.

Exit status: 0 done, 1 failed (the message says why, and what to do), 2 wrong usage, 130
stopped by ctrl-C.
"""

import glob
import shlex
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from fastkm._core.interrupts import STOPPED, was_interrupted
from fastkm._version import __version__
from fastkm.cli import archive, outline, parse, sample
from fastkm.cli import options as shared
from fastkm.cli.description import print_grid, print_variable
from fastkm.cli.output import (
    err,
    print_choice,
    print_clusters,
    print_files,
    print_line,
    tolerate_missing_letters,
)
from fastkm.cli.progress import show_passing_bar, show_work
from fastkm.cli.start import QuickCommand, QuickGroup, hold_garbage, load_reader

app = typer.Typer(
    name="fastkm",
    cls=QuickGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEFAULT_K, DEFAULT_RANGE = "6", "2:8"
"""Numbers of clusters of ``fastkm cluster`` without -k: a map that an eye still reads, and what is
tried if a criterion chooses."""

EXAMPLE = "\n\n[bold]Example[/bold]: [cyan]{}[/cyan]"

File = Annotated[
    Path, typer.Argument(help="A netCDF or GeoTIFF file, or a Zarr store.", metavar="FILE")
]


def main() -> None:
    """Run the command; if it fails, print one sentence and end with status 1."""
    warnings.showwarning = partial(_print_note, set())
    tolerate_missing_letters()
    hold_garbage()
    try:
        app()
    except (OSError, ValueError, ImportError) as error:  # an extra that is not installed
        if was_interrupted(error):
            sys.exit(STOPPED)
        print_line(f"fastkm: {error}{_advise(error)}", err, style="red")
        sys.exit(1)
    except MemoryError as error:
        print_line(f"fastkm: {str(error) or 'there is too little memory'}", err, style="red")
        sys.exit(1)


@app.callback(
    invoke_without_command=True,
    help="Clusters of large rasters: label maps, outlines and figures from netCDF and GeoTIFF files."
    "\n\n[bold]To begin[/bold]: [cyan]fastkm sample[/cyan], then [cyan]fastkm cluster sample.nc[/cyan]",
)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Print the version, or the help."""
    if version:
        print_line(__version__)
        raise typer.Exit


@app.command(
    cls=QuickCommand,
    help="Show what a file holds: at once its grids, from its metadata; then its variables, their "
    "ranges, and how many cells each rule of the file marks as missing, for which all values are "
    "read."
    + EXAMPLE.format("fastkm info sample.nc")
    + EXAMPLE.format("fastkm info scene.tif --no-stats"),
)
def info(
    file: File,
    nodata: shared.Nodata = None,
    no_stats: Annotated[
        bool, typer.Option("--no-stats", help="Read no values: leave out ranges and missing cells.")
    ] = False,
) -> None:
    """Describe a file."""
    from fastkm._core.progress import use_progress
    from fastkm.raster.io.describe.grids import describe_grids
    from fastkm.raster.io.describe.open_file import open_file
    from fastkm.raster.io.describe.variables import describe_variables

    load_reader()
    _require_one_file(file)
    with open_file(file) as opened:
        grids = describe_grids(opened)
        if not grids:
            raise ValueError(f"{file} holds no raster variable")
        for grid, layouts in grids.items():
            print_grid(grid, layouts)
        with show_passing_bar(err) as progress, use_progress(progress):
            described = describe_variables(opened, nodata=nodata, statistics=not no_stats)
    for variable in described:
        print_variable(variable)


@app.command(
    cls=QuickCommand,
    help="Cluster a raster, or several variables or bands together; write label maps as CF netCDF "
    "or GeoTIFF, codebooks, a figure and a table of centroids. Missing cells are left out. With "
    "--choose a score decides how many clusters are best; with --codebook the raster is labelled "
    "by the clusters of an earlier run."
    + EXAMPLE.format("fastkm cluster sample.nc")
    + EXAMPLE.format("fastkm cluster sample.nc -v precipitable_water -k 2:8 -o out")
    + EXAMPLE.format("fastkm cluster sample.nc -k 2:8 --choose silhouette -o out")
    + EXAMPLE.format("fastkm cluster climate.nc -v temp -v rain --standardize -k 5 -o out")
    + EXAMPLE.format("fastkm cluster photo.tif -k 6 -o labels.tif")
    + EXAMPLE.format("fastkm cluster next.nc --codebook out/codebook_k6.json -o next"),
)
def cluster(
    file: File,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Output folder; or a .nc or .tif file, or a .zarr store, for the label map of one k "
            "alone. By default a folder here, named after the file and k, such as sample_k6.",
        ),
    ] = None,
    k: shared.OptionalK = None,
    choose: shared.Criterion = None,
    codebook: Annotated[
        Path | None,
        typer.Option(
            metavar="CODEBOOK.json", help="Label by the codebook of an earlier run, instead of -k."
        ),
    ] = None,
    variable: shared.Variables = None,
    band: Annotated[
        list[int] | None,
        typer.Option(
            metavar="BAND",
            help="A band, counted from 1; repeat it for several. By default all.",
            min=1,
        ),
    ] = None,
    standardize: shared.Standardize = False,
    weights: shared.Weights = None,
    sieve: shared.Sieve = None,
    fill_holes: shared.FillHoles = False,
    report: shared.Report = None,
    figure_format: shared.FigureFormat = "png",
    dpi: shared.Dpi = 150.0,
    title: shared.Title = None,
    cmap: shared.Cmap = None,
    projection: shared.Projection = None,
    size: shared.Size = None,
    time: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="Time step: an index from 0, a date such as 2009-10, or all, which makes each "
            "step a band.",
        ),
    ] = "0",
    sel: shared.Sel = None,
    nodata: shared.Nodata = None,
    bbox: shared.Bbox = None,
    mask: shared.Mask = None,
    mask_share: shared.MaskShare = None,
    memory: shared.Memory = None,
    workers: shared.Workers = 1,
    scheduler: shared.Scheduler = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Cluster a raster, or label it by a codebook."""
    from fastkm.workflows.cluster_file import cluster_file, label_file
    from fastkm.workflows.job import Selection
    from fastkm.workflows.outputs import require_one_k

    load_reader()
    # options
    if codebook is None and k is None:
        k = DEFAULT_K if choose is None else DEFAULT_RANGE
    parse.check_codebook_options(codebook is not None, k, weights, standardize)
    ks = [] if k is None else parse.parse_option("-k", parse.as_ks, k)
    output = _name_output(file, k) if output is None else output
    criterion = parse.parse_option("--choose", lambda name: parse.as_criterion(name, ks), choose)
    weights = parse.parse_option("--weights", parse.as_one_of(("area", None)), weights)
    names = variable[0] if variable and len(variable) == 1 else variable or None
    box = parse.parse_box(bbox)
    fixed = parse.parse_sel(sel)
    parse.check_workers(workers, scheduler)
    figures = parse.parse_figures(dpi, title, cmap, projection, size, figure_format)
    sieved = parse.parse_sieve(sieve, fill_holes=fill_holes)
    parse.parse_report(report)
    selection = Selection(
        file,
        names,
        parse.as_time(time),
        box,
        mask,
        band or None,
        fixed,
        nodata or None,
        parse.parse_memory_limit(memory),
        parse.parse_mask_share(mask_share, mask),
    )

    # work
    parse.parse_option("--output", lambda path: require_one_k(path, ks or [0]), output)
    with show_work(err, workers, scheduler, quiet=quiet) as progress:
        if codebook is None:
            done = cluster_file(
                selection,
                ks,
                output,
                choose=criterion,
                weights=weights,
                standardize=standardize,
                sieve=sieved,
                report=report,
                overwrite=overwrite,
                figures=figures,
                progress=progress,
            )
        else:
            done = label_file(
                selection,
                codebook,
                output,
                sieve=sieved,
                report=report,
                overwrite=overwrite,
                figures=figures,
                progress=progress,
            )
    if not quiet:
        print_clusters(done, codebook)
        if done.choice is not None:
            print_choice(done.choice, sampled=len(done.stack.bands) > 1)
        print_files(done.files, report)


app.command(
    "outline",
    cls=QuickCommand,
    help=outline.HELP
    + EXAMPLE.format(
        "fastkm outline sample.nc -k 4 --min-diameter 2000km -o moist.gpkg --map map.png"
    ),
)(outline.outline)


app.command(
    "archive",
    cls=QuickCommand,
    help=archive.HELP
    + EXAMPLE.format("fastkm sample months --months 24")
    + EXAMPLE.format("fastkm archive 'months/*.nc' -k 4 --min-diameter 2000km -o out"),
)(archive.archive)


app.command(
    "sample",
    cls=QuickCommand,
    help=sample.HELP
    + EXAMPLE.format("fastkm sample")
    + EXAMPLE.format("fastkm sample months --months 120 --resolution 0.25"),
)(sample.sample)


def _require_one_file(file: Path) -> None:
    """Refuse a pattern that matches files."""
    if not file.exists() and (found := sorted(glob.glob(str(file)))):  # noqa: PTH207
        reason = f"info takes one file; {file} matches {len(found)}, such as {found[0]}"
        parse.refuse_option("FILE", reason)


def _name_output(file: Path, k: str | None) -> Path:
    """Name the folder of the clusters of a file, or of its labels by a codebook."""
    what = "labels" if k is None else f"k{k.replace(':', '-')}"
    return Path(f"{file.stem.replace('.', '_')}_{what}")


def _advise(error: BaseException) -> str:
    """Return the end of a sentence: the option that would have avoided an error, if there is one."""
    from fastkm.raster.io.choose import UnnamedRasterError

    for one in (error, error.__cause__):
        if isinstance(one, UnnamedRasterError):
            return f", such as -v {shlex.quote(one.names[0])}"
    return ""


def _print_note(printed: set[str], message: Warning | str, *_args: Any, **_options: Any) -> None:
    """Print a warning, unless the same has been printed before."""
    text = str(message).replace("longitudes='raster'", "--longitudes raster")
    if text not in printed:
        printed.add(text)
        print_line(f"note: {text}", err, style="yellow")
