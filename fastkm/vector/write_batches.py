"""Writing more outlines than fit in memory: batch by batch, the file whole or not at all.

========== =====================================================================================
extension  how batches get there
========== =====================================================================================
.gpkg      appended; all rows are MultiPolygons
.shp       appended
.parquet   row groups; what the whole file has (types, bounds) is added at its end
.fgb       through a GeoPackage beside it, because its index must know all rows; MultiPolygons
.geojson   through a GeoPackage beside it, because GDAL reads all of a file to which it appends
========== =====================================================================================

The GeoPackage beside goes again; it takes as much space on the disk as the file, for a while. From
there GDAL streams all rows to the file, some thousands at a time, without pyarrow.

Otherwise files are those of `fastkm.vector.write`. Rows stand in the order in which they come.
"""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core.atomic_write import ExplainedError, atomic_write
from fastkm.raster.grid.geolocation import Grid, find_grid
from fastkm.raster.io.lazy.block_reader import read_last
from fastkm.vector.formats.check_outlines import Content
from fastkm.vector.formats.fields import prepare_fields
from fastkm.vector.formats.file_longitudes import (
    FileLongitudes,
    choose_longitudes,
    note_longitudes,
)
from fastkm.vector.formats.geojson import EarthEdge, to_longlat, to_rfc7946
from fastkm.vector.polygonize import find_checked_grid, iterate_polygons, polygonize, to_plane
from fastkm.vector.strips import needs_strips
from fastkm.vector.write import (
    check_extension,
    check_layer,
    check_shapes,
    check_support,
    choose_options,
    lacks_crs,
    list_files,
    warn_of_degrees,
    warn_of_no_crs,
    write_outlines,
    write_with_gdal,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import ArrayLike

    from fastkm.geometry.regions import Boundary

POINTS_TOGETHER = 1 << 19
"""Points of the rows that are written at a time, about: 8 MB of coordinates."""

ROWS_STREAMED = 1 << 12
"""Rows that GDAL passes on at a time."""


def polygonize_to_file(
    labels: ArrayLike | xr.DataArray,
    path: str | os.PathLike[str],
    *,
    boundary: Boundary = "cell",
    connectivity: Literal[4, 8] = 4,
    junctions: bool = True,
    longitudes: FileLongitudes | None = None,
) -> list[Path]:
    """Write every connected region of a label map as a polygon, in the memory of a part of them.

    Lazy labels, of dask, are read and traced strip by strip, and regions are written when no later row
    can change them. The rows are those of `fastkm.polygonize`, in the order in which regions end.

    Parameters
    ----------
    labels : (rows, columns) array-like or xarray.DataArray
        As for `fastkm.polygonize`.
    path : path-like
        A .gpkg, .shp, .geojson, .fgb or .parquet file; one that exists is replaced.
    boundary, connectivity, junctions
        As for `fastkm.polygonize`.
    longitudes : {"0..360", "-180..180", "raster"}, optional
        Cut polygons where these begin; "raster" keeps those of the labels. By default files have
        -180..180, as maps do, and a note says so if the labels have others.

    Returns
    -------
    list of pathlib.Path
        The files written, the named one first; a shapefile is five.

    Raises
    ------
    ValueError, TypeError
        As `fastkm.polygonize`, or if the extension is unknown.
    ImportError
        If the file is a .parquet and pyarrow, the extra ``parquet``, is not installed.
    OSError
        If labels cannot be read, or the file cannot be written.

    Examples
    --------
    >>> import fastkm
    >>> fastkm.polygonize_to_file([[0, 0, 1], [0, 0, 0]], "regions.gpkg")  # doctest: +SKIP
    [PosixPath('regions.gpkg')]
    """
    check_extension(path)
    plane = to_plane(labels)
    grid = find_checked_grid(plane) if hasattr(plane, "dims") else None  # a plain array
    options: Any = {
        "boundary": boundary, "connectivity": connectivity, "junctions": junctions,
        "longitudes": choose_longitudes(longitudes, grid),
    }  # fmt: skip
    note_longitudes(path, longitudes, grid)
    if not needs_strips(plane):
        return write_outlines(polygonize(plane, **options), path)
    batches = (frame for frame, _ in iterate_polygons(plane, **options))
    with read_last():
        return write_batches(batches, path, bounds=find_bounds(find_grid(plane), plane.shape))


def find_bounds(grid: Grid, shape: tuple[int, ...]) -> np.ndarray:
    """Return the least x and y and the greatest x and y of the corners of a grid, as far as known.

    Examples
    --------
    >>> from fastkm.raster.grid.geolocation import TransformGrid
    >>> find_bounds(TransformGrid((0.0, 2.0, 0.0, 9.0, 0.0, -3.0), None), (2, 5)).tolist()
    [0.0, 3.0, 10.0, 9.0]
    """
    rows, columns = ((-0.5, size - 0.5) for size in shape)
    corners = grid.place(np.array([(row, column) for row in rows for column in columns]))
    return np.concatenate([np.fmin.reduce(corners), np.fmax.reduce(corners)])


def write_batches(
    batches: Iterable[gpd.GeoDataFrame],
    path: str | os.PathLike[str],
    *,
    bounds: np.ndarray | None = None,
) -> list[Path]:
    """Write outlines that come in batches, with one batch in memory at a time.

    Parameters
    ----------
    batches : iterable of geopandas.GeoDataFrame
        At least one, all with the same columns, types and CRS. An OSError of theirs is raised as
        it is.
    path : path-like
        A file of a format of `fastkm.vector.write`; one that exists is replaced.
    bounds : (4,) array, optional
        Least x and y and greatest x and y of all batches, within which the format must keep the CRS;
        by default those of the first.

    Returns
    -------
    list of pathlib.Path
        The files written, the named one first.

    Raises
    ------
    ValueError, ImportError, OSError
        As `fastkm.vector.write.write_outlines`.
    """
    driver = check_extension(path)
    check_support(Path(path).suffix.lower(), driver)
    content, edge = Content(), EarthEdge(bounds)
    with warnings.catch_warnings(), atomic_write(path, content.check) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        frames = _place(_join_small(_explain_errors(batches)), path, content, edge)
        if driver == "Parquet":
            _write_row_groups(frames, draft)
        else:
            write = _write_through if driver in {"FlatGeobuf", "GeoJSON"} else _append
            check_layer(write(frames, draft, driver), draft, content.rows)
        files = list_files(draft, path)
    edge.warn()
    return files


def _explain_errors(batches: Iterable[gpd.GeoDataFrame]) -> Iterator[gpd.GeoDataFrame]:
    """Yield batches; an error in reading them says nothing about the file that is written."""
    try:
        yield from batches
    except OSError as error:
        raise ExplainedError(str(error)) from error


def _join_small(batches: Iterable[gpd.GeoDataFrame]) -> Iterator[gpd.GeoDataFrame]:
    """Join batches of few points; the last may have no rows."""
    import pandas as pd
    import shapely

    waiting: list[gpd.GeoDataFrame] = []
    points = 0
    for batch in batches:
        if len(batch) or not waiting:
            waiting = [frame for frame in waiting if len(frame)] + [batch]
        points += int(shapely.get_num_coordinates(batch.geometry.array).sum())
        if points >= POINTS_TOGETHER:
            yield pd.concat(waiting, ignore_index=True)
            waiting, points = [batch.iloc[:0]], 0
    yield pd.concat(waiting, ignore_index=True)


def _place(
    batches: Iterable[gpd.GeoDataFrame],
    path: str | os.PathLike[str],
    content: Content,
    edge: EarthEdge,
) -> Iterator[gpd.GeoDataFrame]:
    """Yield batches with the fields and in the coordinates of a format, and say what changes."""
    extension, in_degrees = Path(path).suffix.lower(), None
    for batch in batches:
        check_shapes(batch)
        frame, is_first = prepare_fields(batch, extension), in_degrees is None
        if in_degrees is None:
            in_degrees = extension != ".geojson" and lacks_crs(frame, extension, edge.bounds)
            if frame.crs is None:
                warn_of_no_crs(path)
            elif in_degrees:
                warn_of_degrees(path)
        if extension == ".geojson":
            frame = to_rfc7946(frame, edge=edge)
        elif in_degrees:
            frame = to_longlat(frame, edge=edge)
        if len(frame) or is_first:
            content.add(np.asarray(frame.geometry.array, object))
            yield frame


def _append(
    frames: Iterable[gpd.GeoDataFrame], path: Path, driver: str, **options: Any
) -> gpd.GeoDataFrame:
    """Append frames to a layer of GDAL; return the last."""
    written = path.with_suffix(path.suffix.lower())  # GDAL makes an .shp of an .SHP
    for number, frame in enumerate(frames):
        several = driver == "GPKG"
        write_with_gdal(frame, written, driver, several=several, append=number > 0, **options)
    if written != path:
        written.rename(path)
    return frame


def _write_through(frames: Iterator[gpd.GeoDataFrame], path: Path, driver: str) -> gpd.GeoDataFrame:
    """Write frames to a GeoPackage, and stream this to the file; return the last."""
    import pyogrio

    # a reference system that it may not keep is left out there
    first = next(frames)
    bare = (frame.set_crs(None, allow_override=True) for frame in chain([first], frames))
    options: dict[str, Any] = {"SPATIAL_INDEX": "NO"}
    if driver == "GeoJSON":
        options |= {"geometry_type": "Unknown", "promote_to_multi": False}
    with TemporaryDirectory(dir=path.parent) as folder:
        between = Path(folder) / "rows.gpkg"
        last = _append(bare, between, "GPKG", **options)
        with pyogrio.open_arrow(between, batch_size=ROWS_STREAMED, use_pyarrow=False) as opened:
            described, rows = opened
            pyogrio.write_arrow(
                rows,
                path,
                driver=driver,
                geometry_name=described["geometry_name"],
                crs=_describe_crs(first.crs),
                **choose_options(driver, several=True),
            )
    return last.set_crs(first.crs, allow_override=True)


def _describe_crs(crs: Any) -> str | None:
    """Return a reference system as GDAL takes it: a number, if it has one."""
    if crs is None:
        return None
    number = crs.to_epsg()
    return f"EPSG:{number}" if number else crs.to_wkt("WKT1_GDAL")


def _write_row_groups(frames: Iterator[gpd.GeoDataFrame], path: Path) -> None:
    """Write a GeoParquet file, a row group for each frame."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(frames)
    rows = pa.table(first.to_arrow(index=False, geometry_encoding="WKB"))
    kinds, bounds = set[str](), np.array([np.inf, np.inf, -np.inf, -np.inf])
    # a schema that is stored would hide what is added at the end
    with pq.ParquetWriter(path, rows.schema, store_schema=False) as writer:
        for frame in chain([first], frames):
            writer.write_table(pa.table(frame.to_arrow(index=False, geometry_encoding="WKB")))
            kinds |= set(frame.geom_type)
            ends = frame.total_bounds
            bounds[:2], bounds[2:] = np.fmin(bounds[:2], ends[:2]), np.fmax(bounds[2:], ends[2:])
        metadata = _read_metadata(first)
        geo = json.loads(metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        column["geometry_types"] = sorted(kinds)
        if np.isfinite(bounds).all():
            column["bbox"] = bounds.tolist()
        writer.add_key_value_metadata({**metadata, b"geo": json.dumps(geo).encode()})


def _read_metadata(frame: gpd.GeoDataFrame) -> dict[bytes, bytes]:
    """Return the metadata that geopandas gives to a GeoParquet file of a frame without its rows."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    frame.iloc[:0].to_parquet(file, index=False)
    return dict(pq.read_schema(file).metadata)
