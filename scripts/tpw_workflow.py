"""The lesson on k-means of a satellite raster, step by step and to the letter, with fastkm.

    python scripts/tpw_workflow.py --output out          # with the embedded sample
    python scripts/tpw_workflow.py FILE --output out     # with a raster of latitudes and longitudes

The lesson reads one raster, clusters its cells for k = 2 ... 8, keeps the land and the moistest of
six clusters, traces their contours, writes the long ones to a shapefile and draws it on a map.

Its mistakes are repeated here, so that results can be compared with those of others: fill values are
clustered along with the water, contours end at the edge of the array, each contour becomes a polygon
of its own, and lengths are in pixels. `fastkm cluster` and `fastkm outline` do the same work without
them.

Two things are better than in the lesson. The clusters are optimal, and they are numbered by their
centroids, so the land is always the lowest cluster and the moistest water the highest.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # what is loaded is no garbage, and to look through it takes 0.3 s
    gc.disable()

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from matplotlib.colors import ListedColormap
from matplotlib.patheffects import withStroke
from rich.console import Console
from rich.table import Table

import fastkm
from fastkm.datasets import write_sample
from fastkm.plot import clusters_figure, draw_labels, draw_raster, make_panels, map_figure

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

LESSON_KS = range(2, 9)
LESSON_K = 6
LESSON_LEVEL = 1.0
LESSON_MIN_DIAMETER = 200.0
LAND, MOISTEST = 1, 2
"""Classes of the thresholded map: the lowest cluster and the highest one. All other cells are 0."""

CLASS_COLOURS = ListedColormap(["#f5f5f0", "#c2a878", "#0072b2"])
TO_THE_LETTER = (
    "This follows the lesson to the letter, fill values and all; to leave missing cells out, "
    "run `fastkm cluster FILE -k 6 -o out`."
)

console = Console(markup=False, soft_wrap=True)
notes = Console(stderr=True, markup=False, soft_wrap=True)


def lesson(
    file: Path, output: Path, *, variable: str | None = None, make_valid: bool = False
) -> dict[str, Any]:
    """Do every step of the lesson, and write its figures, its shapefile and a summary.

    Parameters
    ----------
    file : Path
        A file with one raster, or several if `variable` names one; its first time step is taken.
    output : Path
        The folder for ``clusters.png``, ``thresholded.png``, ``contours.png``,
        ``contour_test.shp``, ``map.png`` and ``summary.json``.
    variable : str, optional
        The variable to read. By default the file must have only one.
    make_valid : bool, default: False
        Mend contours that cross or touch themselves before they are written. By default they are
        written as they are, and a warning says so.

    Returns
    -------
    dict
        What ``summary.json`` holds, and under ``"files"`` the files.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or holds no such raster; if `output` cannot be written to.
    fastkm.ClusterError
        If the raster has fewer than six distinct values.
    """
    seconds: dict[str, float] = {}

    # 1. Read the raster. The lesson clears the mask; only its figures have missing cells.
    with step("read the raster", seconds):
        stored = fastkm.read_raster(file, variable, missing="keep")
        raster = fastkm.read_raster(file, variable)
        cells = unpack(stored)
    console.print(TO_THE_LETTER)

    # 2. Cluster all cells, fill values among them, and turn the codes into images.
    with step("cluster, k = 2 ... 8", seconds):
        results = fastkm.kmeans1d(cells, LESSON_KS)
        if LESSON_K not in results:
            raise fastkm.ClusterError(
                f"the lesson needs {LESSON_K} clusters; the raster has fewer values"
            )
    with step("label the cells", seconds):
        maps = {k: raster.copy(data=result.predict(cells)) for k, result in results.items()}

    # 3. Of six clusters keep two.
    with step("keep land and the moistest cluster", seconds):
        thresholded = threshold(maps[LESSON_K].values, LESSON_K)

    # 4. Trace the contours, and keep those that are longer than 200 pixels.
    with step("trace contours and measure them", seconds):
        long, diameters, found = trace_long_contours(thresholded)

    # 5. Turn rows and columns into longitudes and latitudes, and write polygons.
    with step("write the shapefile", seconds):
        polygons = to_polygons(long, stored, make_valid=make_valid)
        output.mkdir(parents=True, exist_ok=True)
        files = write_shapefile(polygons, output / "contour_test.shp")

    # 6. Draw the clusters, the thresholded map, the contours; the shapefile over coastlines.
    with step("draw the figures", seconds):
        centroids = {k: result.centroids for k, result in results.items()}
        kept = raster.copy(data=thresholded)
        figures = {
            "clusters": clusters_figure(
                raster, maps, centroids, title="k-means, fill values included"
            ),
            "thresholded": draw_thresholded(raster, maps[LESSON_K], centroids[LESSON_K], kept),
            "contours": draw_contours(raster, long),
        }
        files += [save(figure, output / f"{name}.png") for name, figure in figures.items()]
    with step("draw the shapefile on a map", seconds):
        drawn = map_figure(gpd.read_file(files[0]), title=title_map(raster))
        files.append(save(drawn, output / "map.png"))

    summary = {
        "fastkm": fastkm.__version__,
        "variable": str(stored.name),
        "units": str(stored.attrs.get("units", "")),
        "shape": list(stored.shape),
        "clusters": {
            str(k): {"centroids": result.centroids.tolist(), "inertia": result.inertia}
            for k, result in results.items()
        },
        "contours": {
            "level": LESSON_LEVEL,
            "min_diameter_px": LESSON_MIN_DIAMETER,
            "found": found,
            "kept": [
                {"points": len(contour), "diameter_px": diameter}
                for contour, diameter in zip(long, diameters, strict=True)
            ],
        },
        "seconds": seconds,
    }
    files.append(output / "summary.json")
    files[-1].write_text(json.dumps(summary, indent=2) + "\n")
    return {**summary, "files": files}


@contextmanager
def step(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Show the name of a step while it runs, and note its seconds."""
    begin = time.perf_counter()
    with console.status(name):
        yield
    seconds[name] = round(time.perf_counter() - begin, 6)


def unpack(stored: xr.DataArray) -> np.ndarray:
    """Return the numbers in physical units, fill values and all."""
    if not {"scale_factor", "add_offset"} & stored.attrs.keys():
        return stored.values
    scale, offset = stored.attrs.get("scale_factor", 1), stored.attrs.get("add_offset", 0)
    return stored.values * float(scale) + float(offset)


def threshold(labels: np.ndarray, k: int) -> np.ndarray:
    """Return 1 where the lowest of k clusters is, 2 where the highest is, and 0 elsewhere.

    Examples
    --------
    >>> threshold(np.array([0, 1, 2, -1]), 3)
    array([1, 0, 2, 0], dtype=int8)
    """
    classes = np.zeros(np.shape(labels), np.int8)
    classes[labels == 0] = LAND
    classes[labels == k - 1] = MOISTEST
    return classes


def trace_long_contours(thresholded: np.ndarray) -> tuple[list[np.ndarray], list[float], int]:
    """Return the contours longer than 200 pixels, their lengths, and how many there are in all.

    The length of a contour is the longest distance between two of its points, in pixels.
    """
    contours = fastkm.find_contours(thresholded, LESSON_LEVEL)
    diameters = [fastkm.max_pairwise_distance(contour) for contour in contours]
    long = [number for number, d in enumerate(diameters) if d > LESSON_MIN_DIAMETER]
    return [contours[i] for i in long], [diameters[i] for i in long], len(contours)


def to_polygons(
    contours: Sequence[np.ndarray], raster: xr.DataArray, *, make_valid: bool = False
) -> gpd.GeoDataFrame:
    """Turn contours into polygons named ``contour_0``, ``contour_1`` ... in column ``idx_name``.

    An open contour is closed by a straight line, and a hole is a polygon of its own. Polygons that
    cross or touch themselves stay so, with a warning, unless `make_valid` mends them.
    """
    # The latitude of each row and the longitude of each column; or y and x of a projection.
    rows, columns = (raster[name] for name in raster.dims)
    on_globe = is_in_degrees(rows) and is_in_degrees(columns)
    y, x = rows.values.astype(float), columns.values.astype(float)
    if on_globe:
        x = np.unwrap(x, period=360.0)

    rings = [np.column_stack([place(x, c[:, 1]), place(y, c[:, 0])]) for c in contours]
    polygons = [shapely.Polygon(ring) for ring in rings]
    wrong = [number for number, polygon in enumerate(polygons) if not polygon.is_valid]
    if make_valid:
        for number in wrong:
            polygons[number] = keep_areas(shapely.make_valid(polygons[number]))
    elif wrong:
        others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        warnings.warn(
            f"contour_{wrong[0]} is not a valid polygon, "
            f"{shapely.is_valid_reason(polygons[wrong[0]])}{others}: mend it with make_valid, "
            "or use fastkm.outline, whose polygons are valid",
            stacklevel=2,
        )
    names = [f"contour_{number}" for number in range(len(polygons))]
    crs = "EPSG:4326" if on_globe else None
    return gpd.GeoDataFrame({"idx_name": names}, geometry=polygons, crs=crs)


def is_in_degrees(axis: xr.DataArray) -> bool:
    """Return True if a coordinate is a latitude or a longitude, by its units or its name."""
    units, name = str(axis.attrs.get("units", "")), str(axis.name).lower()
    return units in {"degrees_north", "degrees_east"} or name.startswith(("lat", "lon"))


def place(centres: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the coordinates at indices: those of cells, or halfway between two cells their mean.

    Examples
    --------
    >>> place(np.array([10.0, 20.0, 40.0]), np.array([0, 0.5, 1.5]))
    array([10., 15., 30.])
    """
    before, after = np.floor(index).astype(int), np.ceil(index).astype(int)
    return (centres[before] + centres[after]) / 2.0


def keep_areas(mended: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a mended geometry, without its points and lines."""
    parts = shapely.get_parts(shapely.get_parts(mended))
    areas = parts[shapely.get_dimensions(parts) == 2]
    return areas[0] if len(areas) == 1 else shapely.multipolygons(areas)


def write_shapefile(polygons: gpd.GeoDataFrame, path: Path) -> list[Path]:
    """Write a shapefile, and return its files, the .shp first."""
    # Without a type, pyogrio would write no geometry column if no contour is long enough.
    pyogrio.write_dataframe(polygons, path, geometry_type="Polygon")
    if len(gpd.read_file(path)) != len(polygons):  # as on a full disk
        raise OSError(f"{path} cannot be read again")
    return sorted(path.parent.glob(f"{path.stem}.*"), key=lambda file: (file != path, file))


def draw_thresholded(
    raster: xr.DataArray, labels: xr.DataArray, centroids: np.ndarray, thresholded: xr.DataArray
) -> Figure:
    """Draw the raster, its clusters and the two that were kept, one above the other."""
    page, [top, middle, bottom] = make_panels(3, raster, columns=1)
    draw_raster(top, raster)
    draw_labels(middle, labels, centroids, units=str(raster.attrs.get("units", "")))
    image = draw_labels(bottom, thresholded, [0, LAND, MOISTEST], title="kept: land, moistest")
    image.set_cmap(CLASS_COLOURS)
    image.colorbar.set_ticks([0, LAND, MOISTEST], labels=["other", "land", "moistest"])
    image.colorbar.set_label("")
    image.colorbar.minorticks_off()
    page.trim()
    return page


def draw_contours(raster: xr.DataArray, contours: Sequence[np.ndarray]) -> Figure:
    """Draw the raster, and the contours on it; x is the column and y the row of a point."""
    page, [ax] = make_panels(1, raster)
    draw_raster(ax, raster)
    halo = withStroke(linewidth=2.8, foreground="white")
    for contour in contours:
        ax.plot(contour[:, 1], contour[:, 0], color="black", linewidth=1.6, path_effects=[halo])
    page.trim()
    return page


def title_map(raster: xr.DataArray) -> str:
    """Return what the map shows, and the date of the raster if it has one."""
    dates = [c for c in raster.coords.values() if c.ndim == 0 and c.dtype.kind == "M"]
    name = raster.attrs.get("long_name", raster.name)
    return ", ".join([f"{name}: the moistest", *(str(date.values)[:10] for date in dates)])


def save(figure: Figure, path: Path) -> Path:
    """Write a figure, and return its path."""
    figure.savefig(path, dpi=150, pil_kwargs={"compress_level": 3})  # twice as quick as 6
    return path


@contextmanager
def draft_folder(output: Path, file: Path) -> Iterator[Path]:
    """Yield a folder for all results, and move them to `output` if nothing has failed.

    An older shapefile goes with all its files. Raise ValueError if `file` would be replaced.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".lesson-") as folder:
        yield Path(folder)
        results = sorted(Path(folder).iterdir())
        old = [output / result.name for result in results] + [*output.glob("contour_test.*")]
        if any(path.exists() and path.samefile(file) for path in old):
            raise ValueError(f"{file} would be replaced by a result: name another folder")
        for path in old:
            path.unlink(missing_ok=True)
        for result in results:
            result.rename(output / result.name)


def show(summary: dict[str, Any]) -> None:
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
    for name, seconds in summary["seconds"].items():
        console.print(f"{seconds:8.3f} s  {name}", highlight=False)
    for path in summary["files"]:
        console.print(f"wrote {path}", highlight=False)


def parse_arguments() -> argparse.Namespace:
    """Parse the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description="Reproduce the lesson to the letter on FILE, or on the embedded sample."
    )
    parser.add_argument("file", nargs="?", type=Path, help="a netCDF file with one raster")
    parser.add_argument(
        "--output", type=Path, default=Path("out"), help="the folder of all results"
    )
    parser.add_argument("--variable", help="the variable, if there are several")
    mended = "mend contours that cross or touch themselves"
    parser.add_argument("--make-valid", action="store_true", help=mended)
    return parser.parse_args()


def run() -> None:
    """Do the lesson on the file, or the sample, that the command line names."""
    gc.freeze()
    gc.enable()  # figures leave garbage
    arguments = parse_arguments()
    warnings.showwarning = lambda message, *_: notes.print(f"note: {message}", style="yellow")
    file, output, made = arguments.file, arguments.output, []
    try:
        if file is None:
            file = output / "sample.nc"
            write_sample(file)
            made = [file]
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such file")
        with draft_folder(output, file) as drafts:
            summary = lesson(
                file, drafts, variable=arguments.variable, make_valid=arguments.make_valid
            )
    except (OSError, RuntimeError, ValueError) as error:
        notes.print(f"tpw_workflow: {error}", style="red")
        raise SystemExit(1) from None
    summary["files"] = [*made, *(output / path.name for path in summary["files"])]
    show(summary)


if __name__ == "__main__":
    run()
    gc.freeze()  # what is left goes with the process
