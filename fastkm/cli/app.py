"""The command ``fastkm``: arguments, progress and messages; the work is in `fastkm.workflows.raster_file`.

Exit status: 0 done, 1 failed (the message says why, and what to do), 2 wrong usage.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastkm._version import __version__
from fastkm.cli import archive
from fastkm.cli.output import (
    err,
    out,
    print_choice,
    print_clusters,
    print_description,
    print_files,
    print_outlines,
)
from fastkm.cli.parse import as_bbox, as_criterion, as_ks, as_png, as_time, one_of, usage

if TYPE_CHECKING:
    from fastkm.workflows.job import Announce, Selection

app = typer.Typer(
    name="fastkm",
    help="Clusters of large rasters: label maps, outlines and figures from netCDF and GeoTIFF files.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXAMPLE = "\n\n[bold]Example[/bold]: [cyan]{}[/cyan]"

File = Annotated[Path, typer.Argument(help="A netCDF or GeoTIFF file.", metavar="FILE")]
Variable = Annotated[
    str | None,
    typer.Option(
        "-v", "--variable", help="The variable, or band of a GeoTIFF, if not the only one."
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "-v",
        "--variable",
        help="The variable; may be left out if only one, or given several times.",
    ),
]
Time = Annotated[str, typer.Option(help="Time step: an index from 0, or a date such as 2009-10.")]
Box = Annotated[
    str | None, typer.Option(metavar="W,S,E,N", help="Only the cells with centres in this box.")
]
Mask = Annotated[
    Path | None,
    typer.Option(help="File on the same grid; cells where it is 0 are left out."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]


def main() -> None:
    """Run the command; failures end in one sentence and status 1."""
    warnings.showwarning = _note
    try:
        app()
    except (OSError, ValueError, ImportError) as error:  # an extra that is not installed
        err.print(f"fastkm: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Clusters of large rasters: label maps, outlines and figures from netCDF and GeoTIFF files."""
    if version:
        out.print(__version__, highlight=False)
        raise typer.Exit


@app.command(
    help="Show what a file holds: variables, ranges, missing cells and the rule that makes them so."
    + EXAMPLE.format("fastkm info sample.nc")
)
def info(file: File) -> None:
    """Describe a file."""
    from fastkm.raster.io.info import describe

    described = describe(file)
    if not described:
        raise ValueError(f"{file} holds no raster variable")
    for variable in described:
        print_description(variable)


@app.command(
    help="Cluster a raster, or several variables or bands together: label maps as CF netCDF or "
    "GeoTIFF, codebooks, a figure, and a table of centroids. Missing cells are left out. With --choose the number of clusters is chosen by a "
    "score; with --codebook the raster is labelled by the clusters of another one."
    + EXAMPLE.format("fastkm cluster sample.nc -v precipitable_water -k 2:8 -o out")
    + EXAMPLE.format("fastkm cluster sample.nc -k 2:8 --choose silhouette -o out")
    + EXAMPLE.format("fastkm cluster climate.nc -v temp -v rain --standardize -k 5 -o out")
    + EXAMPLE.format("fastkm cluster photo.tif -k 6 -o labels.tif")
    + EXAMPLE.format("fastkm cluster next.nc --codebook out/codebook_k6.json -o next")
)
def cluster(
    file: File,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Output folder; or of one k a .nc or .tif file for the label map alone.",
        ),
    ],
    k: Annotated[
        str | None, typer.Option("-k", help="Number of clusters: 6, or 2:8 (both included).")
    ] = None,
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="CRITERION",
            help="Choose one k of several: by silhouette, bic, calinski_harabasz or elbow.",
        ),
    ] = None,
    codebook: Annotated[
        Path | None,
        typer.Option(metavar="CODEBOOK.json", help="Clusters of an earlier run, instead of -k."),
    ] = None,
    variable: Variables = None,
    band: Annotated[
        list[int] | None,
        typer.Option(help="A band, from 1; several times for several. By default all.", min=1),
    ] = None,
    standardize: Annotated[
        bool, typer.Option("--standardize", help="Divide bands by their standard deviations.")
    ] = False,
    weights: Annotated[
        str | None, typer.Option(metavar="area", help="Weight cells by their area on the globe.")
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            help="Time step: an index from 0, or a date such as 2009-10; all: each step is a band."
        ),
    ] = "0",
    bbox: Box = None,
    mask: Mask = None,
    quiet: Quiet = False,
) -> None:
    """Cluster a raster, or label it by a codebook."""
    ks = _asked_ks(k, codebook)
    _check_options(codebook, output, ks, weights, standardize=standardize)
    if choose is not None:
        usage("--choose", lambda name: as_criterion(name, ks), choose)
    selection = _selection(file, _few(variable), time, bbox, mask, band)
    from fastkm.workflows.raster_file import cluster_file, label_file

    with _progress(quiet=quiet) as announce:
        if codebook is None:
            done = cluster_file(
                selection,
                ks,
                output,
                choose=choose,
                weights=weights,
                standardize=standardize,
                announce=announce,
            )
        else:
            done = label_file(selection, codebook, output, announce=announce)
    if not quiet:
        print_clusters(done, codebook)
        if done.choice is not None:
            print_choice(done.choice, sampled=hasattr(done, "codebooks"))
        print_files(done.files)


@app.command(
    help="Outline clusters of a raster as polygons with a coordinate reference system."
    + EXAMPLE.format(
        "fastkm outline sample.nc -k 4 --min-diameter 2000km -o moist.gpkg --map map.png"
    )
)
def outline(
    file: File,
    k: Annotated[str, typer.Option("-k", help="Number of clusters: 6, or 2:8 (both included).")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="A .shp, .gpkg, .geojson, .fgb or .parquet file.",
        ),
    ],
    variable: Variable = None,
    select: Annotated[
        str, typer.Option(help="The clusters: all, highest, lowest, or a number (0 is the lowest).")
    ] = "highest",
    min_diameter: Annotated[
        str,
        typer.Option(
            metavar="LENGTH", help="Keep regions longer than this: 200px, or 2000km on the ground."
        ),
    ] = "0px",
    min_area: Annotated[
        str, typer.Option(metavar="AREA", help="Keep regions larger than this, such as 5000km2.")
    ] = "0km2",
    boundary: Annotated[
        str,
        typer.Option(
            metavar="cell|contour", help="Along the edges of cells, or smoother between centres."
        ),
    ] = "cell",
    connectivity: Annotated[
        int, typer.Option(metavar="4|8", help="8: cells that touch at a corner are connected.")
    ] = 4,
    bridge: Annotated[
        int,
        typer.Option(
            metavar="CELLS", min=0, help="Join regions that this many missing cells part, or fewer."
        ),
    ] = 0,
    longitudes: Annotated[
        str | None,
        typer.Option(
            metavar="0..360|-180..180", help="Longitudes of the polygons; else the raster's own."
        ),
    ] = None,
    map_path: Annotated[
        Path | None, typer.Option("--map", metavar="MAP.png", help="Draw the outlines on a map.")
    ] = None,
    time: Time = "0",
    bbox: Box = None,
    mask: Mask = None,
    quiet: Quiet = False,
) -> None:
    """Outline clusters."""
    from fastkm.vector.outline import as_area, as_length
    from fastkm.vector.write import check_extension
    from fastkm.workflows.raster_file import OutlineOptions, chosen_clusters, outline_file

    ks = usage("-k", as_ks, k)
    usage("--output", check_extension, output)
    usage("--min-diameter", as_length, min_diameter)
    usage("--min-area", as_area, min_area)
    if map_path is not None:
        usage("--map", as_png, map_path)
    usage("--select", lambda text: [chosen_clusters(text, number) for number in ks], select)
    selection = _selection(file, variable, time, bbox, mask)
    options = OutlineOptions(
        min_diameter=min_diameter,
        min_area=min_area,
        boundary=usage("--boundary", one_of(("cell", "contour")), boundary),
        connectivity=usage("--connectivity", one_of((4, 8)), connectivity),
        bridge=bridge,
        longitudes=usage("--longitudes", one_of((None, "0..360", "-180..180")), longitudes),
    )
    with _progress(quiet=quiet) as announce:
        done = outline_file(
            selection,
            ks,
            select,
            output,
            options=options,
            map_path=map_path,
            announce=announce,
        )
    if not quiet:
        print_outlines(done)
        print_files(done.files)


app.command(
    "archive",
    help=archive.HELP
    + EXAMPLE.format("fastkm sample months --months 24")
    + EXAMPLE.format("fastkm archive 'months/*.nc' -k 4 --min-diameter 2000km -o out"),
)(archive.archive)


@app.command(
    help="Write the embedded sample: a generated month of precipitable water over the oceans; or "
    "with --months an archive of it."
    + EXAMPLE.format("fastkm sample sample.nc")
    + EXAMPLE.format("fastkm sample months --months 120 --resolution 0.25")
)
def sample(
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; of an archive the folder.")
    ],
    months: Annotated[
        int | None, typer.Option(min=1, help="Write so many months, a file for each.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(metavar="1.0|0.25", help="Of an archive, in degrees.")
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="Write the months of an archive as one file.")
    ] = False,
) -> None:
    """Write the sample."""
    if months is None:
        if single or resolution is not None:
            raise typer.BadParameter("an archive needs --months", param_hint="--months")
        from fastkm.datasets.water_vapour import write_sample

        write_sample(output)
        print_files([output])
        return
    from fastkm.datasets.monthly_series import write_sample_archive

    layout = "single" if single else "monthly"
    paths = write_sample_archive(output, months=months, resolution=resolution or 1.0, layout=layout)
    what = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    out.print(f"wrote {what} to {output}", markup=False, highlight=False, soft_wrap=True)


def _selection(
    file: Path,
    variable: str | list[str] | None,
    time: str,
    bbox: str | None,
    mask: Path | None,
    bands: list[int] | None = None,
) -> Selection:
    from fastkm.workflows.job import Selection

    box = None if bbox is None else usage("--bbox", as_bbox, bbox)
    return Selection(file, variable, as_time(time), box, mask, bands or None)


def _few(names: list[str] | None) -> str | list[str] | None:
    """Give one name by itself, and None for none."""
    return None if not names else names[0] if len(names) == 1 else names


def _check_options(
    codebook: Path | None, output: Path, ks: list[int], weights: str | None, *, standardize: bool
) -> None:
    """Refuse options that do not go together."""
    from fastkm.workflows.job import require_one_map

    if weights not in {None, "area"}:
        raise typer.BadParameter(f"take area, not {weights!r}", param_hint="--weights")
    if codebook is not None and (weights is not None or standardize):
        raise typer.BadParameter(
            "clusters of an earlier run are as they are", param_hint="--weights / --standardize"
        )
    if codebook is None:
        usage("--output", lambda path: require_one_map(path, ks), output)


def _asked_ks(k: str | None, codebook: Path | None) -> list[int]:
    """Read -k, which stands where no codebook does."""
    if (k is None) == (codebook is None):
        given = "one of the two" if k is None else "only one of the two"
        raise typer.BadParameter(f"give {given}", param_hint="-k / --codebook")
    return [] if k is None else usage("-k", as_ks, k)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Announce]:
    """Show the step under way: a live line on a terminal, nothing elsewhere."""
    if quiet:
        with warnings.catch_warnings(action="ignore"):
            yield lambda _step: None
        return
    with err.status("starting") as status:
        yield status.update


def _note(message: Warning | str, *_args: Any, **_options: Any) -> None:
    err.print(f"note: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)
