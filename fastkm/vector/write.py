"""Writing outlines: the format by extension, the file whole or not at all.

========== ========== ====================================================================
extension  format     coordinates and rows
========== ========== ====================================================================
.shp       shapefile  as they are; five files; field names of at most 10 bytes, see below
.gpkg      GeoPackage as they are
.geojson   RFC 7946   WGS84, -180..180, cut at the antimeridian, 15 decimals, no CRS member
.fgb       FlatGeobuf as they are; the rows in the order of its spatial index
.parquet   GeoParquet as they are; needs the extra ``parquet``
========== ========== ====================================================================

A file is one layer of polygons: where a row is a MultiPolygon, all rows of a GeoPackage and a
FlatGeobuf are. The frame's index is not written. GeoJSON of no rows has no fields.

What a column may hold stands in `fastkm.vector.fields`. A shapefile's names are those of the
frame, but for

============ =========
column       field
============ =========
perimeter_km perim_km
diameter_px  diam_px
diameter_km  diam_km
============ =========
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.vector.fields import NAMES, prepare_fields
from fastkm.vector.geojson import to_rfc7946

if TYPE_CHECKING:
    import geopandas as gpd

DRIVERS = {
    ".shp": "ESRI Shapefile",
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".parquet": "Parquet",
}
GEOJSON_DECIMALS = 15
"""Of coordinates: 1e-15 degrees are less than a nanometre, and less than a float64 tells apart."""
NEEDS_EXTRA = ".parquet files need pyarrow: install with pip install 'fastkm[parquet]'"
SAME_PLACE = 1e-9
"""Share of the extent by which a CRS that was written may move the corners of the outlines."""
_POLYGON, _MULTIPOLYGON = 3, 6


def check_extension(path: str | os.PathLike[str]) -> str:
    """Give the GDAL driver for a file name.

    Raises
    ------
    ValueError
        If the extension is none of `DRIVERS`.

    Examples
    --------
    >>> check_extension("outlines.gpkg")
    'GPKG'
    """
    extension = Path(path).suffix.lower()
    if extension not in DRIVERS:
        raise ValueError(f"{os.fspath(path)} must end in {', '.join(DRIVERS)}, not {extension!r}")
    return DRIVERS[extension]


def write_outlines(outlines: gpd.GeoDataFrame, path: str | os.PathLike[str]) -> list[Path]:
    """Write outlines to a shapefile, GeoPackage, GeoJSON, FlatGeobuf or GeoParquet file.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        Polygons and MultiPolygons, with columns that the format has types for.
    path : path-like
        The file; one that exists is replaced. Its extension names the format.

    Returns
    -------
    list of pathlib.Path
        The files written, the named one first; a shapefile is five.

    Raises
    ------
    ValueError
        If the extension is unknown, if a row is no polygon, or if the format would lose something
        of a column, its name or the CRS.
    ImportError
        If the file is a .parquet and pyarrow, the extra ``parquet``, is not installed.
    OSError
        If the file cannot be written, or GDAL was built without the format.

    Warns
    -----
    UserWarning
        If the outlines have no CRS. Readers of GeoJSON then take x and y for longitudes and
        latitudes.
    """
    driver = check_extension(path)
    extension = Path(path).suffix.lower()
    _check_support(extension, driver)
    kinds = _check_shapes(outlines)
    frame = prepare_fields(outlines, extension)
    if outlines.crs is None:
        warnings.warn(
            f"{os.fspath(path)} has no coordinate reference system: the raster has no latitudes "
            "and longitudes",
            stacklevel=2,
        )
    if extension == ".geojson":
        frame = to_rfc7946(frame)
    with warnings.catch_warnings(), atomic_write(path) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        if extension == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            _write_with_gdal(frame, draft, driver, several=_MULTIPOLYGON in kinds)
            if not draft.exists():
                draft.with_suffix(extension).rename(draft)  # GDAL makes an .shp of an .SHP
            _check_layer(frame, draft)
        parts = sorted(Path(path).with_name(part.name) for part in draft.parent.iterdir())
    return sorted(parts, key=lambda part: part != Path(path))


def write_outline_parts(parts: Iterable[gpd.GeoDataFrame], path: str | os.PathLike[str]) -> None:
    """Write outlines that come in parts to a GeoPackage, of which one part is in memory at a time.

    Parameters
    ----------
    parts : iterable of geopandas.GeoDataFrame
        At least one, all with the same columns, types and CRS. All rows become MultiPolygons.
    path : path-like
        A .gpkg file; one that exists is replaced.

    Raises
    ------
    ValueError
        If the extension is another, or as `write_outlines` says.
    OSError
        If the file cannot be written.
    """
    if check_extension(path) != "GPKG":
        raise ValueError(f"{os.fspath(path)} must end in .gpkg: only that takes parts")
    rows = 0
    with warnings.catch_warnings(), atomic_write(path) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        for part in parts:
            _check_shapes(part)
            frame = prepare_fields(part, ".gpkg")
            _write_with_gdal(frame, draft, "GPKG", several=True, append=rows > 0)
            rows += len(frame)
        _check_layer(frame, draft, rows)


def _check_support(extension: str, driver: str) -> None:
    if extension == ".parquet":
        try:
            import pyarrow as pa  # noqa: F401
        except ImportError as error:
            raise ImportError(NEEDS_EXTRA) from error
        return
    import pyogrio

    if driver not in pyogrio.list_drivers(write=True):
        raise OSError(f"GDAL {pyogrio.__gdal_version_string__} was built without {driver}")


def _check_shapes(outlines: gpd.GeoDataFrame) -> set[int]:
    """Give the types of the geometries, which are polygons of two dimensions."""
    import shapely

    shapes = np.asarray(outlines.geometry.array, object)
    nothing = np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if nothing.size:
        raise ValueError(f"outlines must be polygons, got none in row {nothing[0]}")
    kinds = shapely.get_type_id(shapes)
    others = np.flatnonzero(~np.isin(kinds, (_POLYGON, _MULTIPOLYGON)) | shapely.has_z(shapes))
    if others.size:
        wrong = shapes[others[0]]
        what = wrong.geom_type + (" Z" if wrong.has_z else "")
        raise ValueError(f"outlines must be polygons, got a {what} in row {others[0]}")
    return set(kinds.tolist())


def _write_with_gdal(
    frame: gpd.GeoDataFrame, draft: Path, driver: str, *, several: bool, append: bool = False
) -> None:
    """Write one layer."""
    from pyproj.exceptions import CRSError

    options: dict[str, Any] = {"geometry_type": "Polygon"}
    if driver == "ESRI Shapefile":
        options["encoding"] = "UTF-8"  # and so a .cpg file
    elif driver == "GeoJSON":
        options |= {"geometry_type": "Unknown", "COORDINATE_PRECISION": str(GEOJSON_DECIMALS)}
    elif several:
        options = {"geometry_type": "MultiPolygon", "promote_to_multi": True}
    try:
        mode = "a" if append else "w"
        frame.to_file(draft, driver=driver, engine="pyogrio", mode=mode, **options)
    except CRSError as error:  # no WKT 1 of it
        raise ValueError(_crs_lost(frame, draft)) from error


def _check_layer(frame: gpd.GeoDataFrame, draft: Path, count: int | None = None) -> None:
    """Read the head of what was written: the fields, the rows, and the CRS are all there."""
    count = len(frame) if count is None else count
    import pyogrio
    import pyproj

    info = pyogrio.read_info(draft, force_feature_count=True)
    rows, fields = info["features"], list(info["fields"])
    expected = [name for name in frame.columns if name != frame.geometry.name]
    if not expected and fields == ["FID"]:  # which GDAL gives a shapefile that has no other
        fields = []
    if rows != count or (fields != expected and (rows or draft.suffix.lower() != ".geojson")):
        raise ValueError(
            f"{draft.name} would have {rows} rows of {fields}, not {count} of {expected}"
        )
    if frame.crs is None or not len(frame):
        return
    if info["crs"] is None:
        raise ValueError(_crs_lost(frame, draft))
    west, south, east, north = frame.total_bounds.tolist()
    x, y = np.array([west, west, east, east]), np.array([south, north, south, north])
    there = pyproj.Transformer.from_crs(info["crs"], frame.crs, always_xy=True).transform(x, y)
    shift = np.abs(np.concatenate([there[0] - x, there[1] - y]))
    if (shift[np.isfinite(shift)] > SAME_PLACE * max(np.abs(x).max(), np.abs(y).max(), 1)).any():
        raise ValueError(_crs_lost(frame, draft))


def _crs_lost(frame: gpd.GeoDataFrame, draft: Path) -> str:
    what = NAMES[draft.suffix.lower()]
    return f"{what} cannot keep the CRS {frame.crs.name!r}; .parquet can"
