"""The options that several commands share, each declared once.

An option is text until `fastkm.cli.parse` reads it. Options of one command stand in the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_K = typer.Option(
    "-k", metavar="K", help="Number of clusters, such as 6; or a range such as 2:8, from 2 to 8."
)

_OPTIONAL_K = typer.Option(
    "-k",
    metavar="K",
    help="Number of clusters, such as 6; or a range such as 2:8, from 2 to 8. By default 6; with "
    "--choose 2:8.",
)

K = Annotated[str, _K]
OptionalK = Annotated[str | None, _OPTIONAL_K]
Variable = Annotated[
    str | None,
    typer.Option(
        "-v",
        "--variable",
        metavar="NAME",
        help="The variable (group/name in a group), or the band of a GeoTIFF, if the file has "
        "several.",
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "-v",
        "--variable",
        metavar="NAME",
        help="The variable (group/name in a group), if there are several; repeat it to cluster "
        "several together.",
    ),
]
Criterion = Annotated[
    str | None,
    typer.Option(
        "--choose",
        metavar="CRITERION",
        help="Choose the best k of a range by silhouette (prefers few clusters), bic or "
        "calinski_harabasz (often prefer many), or elbow (where more pay less).",
    ),
]
Weights = Annotated[
    str | None, typer.Option(metavar="area", help="Weight cells by their area on the globe.")
]
Standardize = Annotated[
    bool,
    typer.Option("--standardize", help="Divide variables or bands by their standard deviations."),
]
Select = Annotated[
    str,
    typer.Option(
        metavar="CLUSTER",
        help="The clusters to outline: all, highest, lowest, or a number (0 is the lowest).",
    ),
]
MinDiameter = Annotated[
    str,
    typer.Option(
        metavar="LENGTH", help="Keep only outlines longer than this, such as 200px or 2000km."
    ),
]
Time = Annotated[
    str,
    typer.Option(metavar="WHEN", help="Time step: an index from 0, or a date such as 2009-10."),
]
Sel = Annotated[
    list[str] | None,
    typer.Option(
        "--sel",
        metavar="DIM=VALUE",
        help="Fix a dimension at a value of its coordinate, such as level=500; repeat it for "
        "several. A dimension without coordinate takes an index from 0.",
    ),
]
Nodata = Annotated[
    list[float] | None,
    typer.Option(
        "--nodata",
        metavar="VALUE",
        help="A value that means missing, which the file does not declare, as stored or in physical "
        "units; inf for infinities. Repeat it for several.",
    ),
]
Bbox = Annotated[
    str | None,
    typer.Option(metavar="W,S,E,N", help="Only the cells whose centres are in this box."),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Polygons of any reference system (.gpkg, .shp, .geojson ...): cells with centres outside "
        "are left out. Or a raster on the same grid: cells where it is 0 are.",
    ),
]
MaskShare = Annotated[
    float | None,
    typer.Option(
        "--mask-share",
        metavar="SHARE",
        help="Keep the cells of which at least this share, such as 0.5, lies in the polygons of "
        "--mask, instead of those whose centres do.",
    ),
]
Longitudes = Annotated[
    str | None,
    typer.Option(
        metavar="0..360|-180..180|raster",
        help="Range of the polygons' longitudes, or that of the raster; by default -180..180, as on "
        "maps.",
    ),
]
Simplify = Annotated[
    str | None,
    typer.Option(
        metavar="LENGTH",
        help="Leave out points of all outlines together, without gaps, up to a tolerance such as "
        "2px; a number is in the units of the coordinates.",
    ),
]
Smooth = Annotated[
    int,
    typer.Option(
        metavar="TIMES",
        min=0,
        max=5,
        help="Cut the corners of outlines so many times, without gaps.",
    ),
]
Sieve = Annotated[
    str | None,
    typer.Option(
        metavar="AREA",
        help="Join regions of the label map that are smaller than this, such as 16px or 500km2, to "
        "the cluster with the longest border to them.",
    ),
]
FillHoles = Annotated[
    bool,
    typer.Option("--fill-holes", help="With --sieve, fill regions of missing cells as small, too."),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory that a large raster may take, such as 2GiB; by default half of what is free. "
        "It changes how long the work takes, not the results.",
    ),
]
Workers = Annotated[
    int, typer.Option(metavar="N", min=1, help="Number of processes on this machine.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Address of a dask scheduler; its workers then do the work.",
    ),
]
FigureFormat = Annotated[
    str, typer.Option("--figure-format", metavar="png|pdf|svg", help="Format of the figures.")
]
Dpi = Annotated[float, typer.Option(metavar="DOTS", help="Dots per inch of figures.", min=10)]
Title = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Title of the figure, instead of what it shows.")
]
Cmap = Annotated[
    str | None, typer.Option(metavar="NAME", help="A colour map of matplotlib, such as magma.")
]
Projection = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Draw maps in a projection: robinson, plate-carree, orthographic, polar or EPSG:n.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="WIDTH[xHEIGHT]", help="Inches of the figure, such as 8 or 8x5."),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="REPORT.html",
        help="Also write a report: one page for a browser, with the map, tables and figures to look "
        "into, which opens without a network.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace the results of an earlier run in the folder; a single file is replaced in any "
        "case.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]
