"""The command ``fastkm outline``."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from fastkm.cli import options as shared
from fastkm.cli import parse
from fastkm.cli.output import err, print_files, print_outlines
from fastkm.cli.progress import show_work
from fastkm.cli.start import load_reader

HELP = (
    "Cluster a raster and write the outlines of clusters as polygons, with a coordinate "
    "reference system."
)


def outline(
    file: Annotated[
        Path, typer.Argument(help="A netCDF or GeoTIFF file, or a Zarr store.", metavar="FILE")
    ],
    k: shared.K,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="A .shp, .gpkg, .geojson, .fgb or .parquet file.",
        ),
    ],
    variable: shared.Variable = None,
    select: shared.Select = "highest",
    min_diameter: shared.MinDiameter = "0px",
    min_area: Annotated[
        str,
        typer.Option(metavar="AREA", help="Keep only outlines larger than this, such as 5000km2."),
    ] = "0km2",
    boundary: Annotated[
        str,
        typer.Option(
            metavar="cell|contour|band",
            help="Draw outlines along the edges of cells, or smoother ones between their centres; or "
            "those of the bands of values between clusters, along lines of equal value, without gaps.",
        ),
    ] = "cell",
    connectivity: Annotated[
        int, typer.Option(metavar="4|8", help="With 8, cells that touch at a corner are connected.")
    ] = 4,
    simplify: shared.Simplify = None,
    smooth: shared.Smooth = 0,
    bridge: Annotated[
        int,
        typer.Option(
            metavar="CELLS",
            min=0,
            help="Join regions with at most this many missing cells between them.",
        ),
    ] = 0,
    sieve: shared.Sieve = None,
    fill_holes: shared.FillHoles = False,
    longitudes: shared.Longitudes = None,
    map_path: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="MAP.png",
            help="Also draw the outlines on a map, a .png, .pdf or .svg.",
        ),
    ] = None,
    report: shared.Report = None,
    dpi: shared.Dpi = 150.0,
    title: shared.Title = None,
    cmap: shared.Cmap = None,
    projection: shared.Projection = None,
    size: shared.Size = None,
    time: shared.Time = "0",
    sel: shared.Sel = None,
    nodata: shared.Nodata = None,
    bbox: shared.Bbox = None,
    mask: shared.Mask = None,
    mask_share: shared.MaskShare = None,
    memory: shared.Memory = None,
    workers: shared.Workers = 1,
    scheduler: shared.Scheduler = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace a GeoPackage that holds further layers, and remove maps of other k; other "
            "files are replaced in any case.",
        ),
    ] = False,
    quiet: shared.Quiet = False,
) -> None:
    """Outline clusters."""
    from fastkm.vector.write import check_extension
    from fastkm.workflows.job import Selection
    from fastkm.workflows.outline_file import OutlineOptions, outline_file

    load_reader()
    # options
    ks = parse.parse_option("-k", parse.as_ks, k)
    parse.parse_option("--output", check_extension, output)
    if map_path is not None:
        parse.parse_option("--map", parse.as_figure, map_path)
    parse.parse_report(report)
    fixed = parse.parse_sel(sel)
    box = parse.parse_box(bbox)
    parse.check_workers(workers, scheduler)
    figures = parse.parse_figures(dpi, title, cmap, projection, size)
    selection = Selection(
        file,
        variable,
        parse.as_time(time),
        box,
        mask,
        sel=fixed,
        nodata=nodata or None,
        memory=parse.parse_memory_limit(memory),
        mask_share=parse.parse_mask_share(mask_share, mask),
    )
    touching: Literal[4, 8] = parse.parse_option(
        "--connectivity", parse.as_one_of((4, 8)), connectivity
    )
    options = OutlineOptions(
        min_diameter=parse.parse_limit("--min-diameter", min_diameter, "px", "km"),
        min_area=parse.parse_limit("--min-area", min_area, "km2"),
        boundary=parse.parse_boundary(boundary, connectivity, bridge, sieve),
        connectivity=touching,
        simplify=parse.parse_simplify(simplify, smooth, boundary),
        smooth=smooth,
        bridge=bridge,
        sieve=parse.parse_sieve(sieve, touching, fill_holes=fill_holes),
        longitudes=parse.parse_longitudes(longitudes),
    )

    # work
    with show_work(err, workers, scheduler, quiet=quiet) as progress, _name_other_way(file, ks):
        done = outline_file(
            selection,
            ks,
            parse.parse_select(select, ks),
            output,
            options=options,
            map_path=map_path,
            report=report,
            overwrite=overwrite,
            figures=figures,
            progress=progress,
        )
    if not quiet:
        print_outlines(done)
        print_files(done.files, report)


@contextmanager
def _name_other_way(file: Path, ks: Sequence[int]) -> Iterator[None]:
    """Add to an error how to outline clusters of all bands of a GeoTIFF, if none of them is named."""
    from fastkm.raster.io.choose import UnnamedRasterError
    from fastkm.raster.io.geotiff.read_geotiff import is_geotiff

    try:
        yield
    except UnnamedRasterError as error:
        if not is_geotiff(file):
            raise
        raise ValueError(
            f"{error}, such as -v {shlex.quote(error.names[0])}; or cluster all of them first: fastkm "
            f"cluster {shlex.quote(str(file))} -k {ks[-1]} -o labels.tif, then fastkm outline "
            f"labels.tif -k {ks[-1]} --select all"
        ) from None
