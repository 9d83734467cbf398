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

A reference system that a format cannot keep, as that of a rotated pole, becomes WGS84 as in GeoJSON,
with a warning; GeoParquet keeps any.

A file is one layer of polygons; if a row is a MultiPolygon, all rows of a GeoPackage and a
FlatGeobuf are. The frame's index is not written. GeoJSON of no rows has no fields.

Columns hold integers, floats, truth values, text and times, as far as GDAL keeps them: a type or a
value that a format lacks is an error that names the column, before a file is touched. Times are cut
to milliseconds, with a warning. A shapefile has no times of day, text of at most 254 bytes, and
short names of columns: see `fastkm.vector.formats.fields`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm._core.notes import warn_user
from fastkm.vector.formats.check_outlines import Content
from fastkm.vector.formats.fields import FORMATS, prepare_fields
from fastkm.vector.formats.geojson import to_longlat, to_rfc7946
from fastkm.vector.formats.reference_system import is_same_crs, keeps_crs

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
"""Decimals of coordinates: 1e-15 degrees are below a nanometre, and below a float64's rounding."""
NEEDS_EXTRA = ".parquet files need pyarrow: install with pip install 'fastkm[parquet]'"
_POLYGON, _MULTIPOLYGON = 3, 6


def check_extension(path: str | os.PathLike[str]) -> str:
    """Return the GDAL driver for a file name.

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
        Polygons and MultiPolygons, with columns of types that the format has.
    path : path-like
        The file; one that exists is replaced. Its extension names the format.

    Returns
    -------
    list of pathlib.Path
        The files written, the named one first; a shapefile is five.

    Raises
    ------
    ValueError
        If the extension is unknown, a row is not a polygon, or the format cannot hold a column or
        its name.
    ImportError
        If the file is a .parquet and pyarrow, the extra ``parquet``, is not installed.
    OSError
        If the file cannot be written, or GDAL was built without the format.

    Warns
    -----
    UserWarning
        If the outlines have no CRS. Readers of GeoJSON then take x and y for longitudes and
        latitudes. Also if the format cannot keep the CRS, and the file has longitudes and latitudes.
    """
    # what can be known before a file is touched
    driver = check_extension(path)
    extension = Path(path).suffix.lower()
    check_support(extension, driver)
    check_shapes(outlines)
    frame = prepare_fields(outlines, extension)
    if outlines.crs is None:
        warn_of_no_crs(path)
    if extension == ".geojson":
        frame = to_rfc7946(frame)
    elif lacks_crs(frame, extension):
        warn_of_degrees(path)
        frame = to_longlat(frame)
    kinds = check_shapes(frame)
    # a draft, read again before it takes its place
    content = Content()
    content.add(np.asarray(frame.geometry.array, object))
    with warnings.catch_warnings(), atomic_write(path, content.check) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        if extension == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            write_with_gdal(frame, draft, driver, several=_MULTIPOLYGON in kinds)
            if not draft.exists():
                draft.with_suffix(extension).rename(draft)  # GDAL makes an .shp of an .SHP
            check_layer(frame, draft)
        return list_files(draft, path)


def list_files(draft: Path, path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that a draft becomes, the named one first."""
    parts = sorted(Path(path).with_name(part.name) for part in draft.parent.iterdir())
    return sorted(parts, key=lambda part: part != Path(path))


def lacks_crs(frame: gpd.GeoDataFrame, extension: str, bounds: np.ndarray | None = None) -> bool:
    """Return True if a format cannot keep the CRS, if there is one, within bounds of the outlines."""
    if frame.crs is None or extension == ".parquet":
        return False
    return not keeps_crs(extension, frame.crs, frame.total_bounds if bounds is None else bounds)


def warn_of_degrees(path: str | os.PathLike[str]) -> None:
    """Warn that a file has longitudes and latitudes instead of the coordinates of the raster."""
    what = FORMATS[Path(path).suffix.lower()]
    warn_user(
        f"{os.fspath(path)} has longitudes and latitudes, because {what} cannot keep the CRS of the "
        "raster; .parquet can"
    )


def warn_of_no_crs(path: str | os.PathLike[str]) -> None:
    """Warn that a file has no reference system."""
    warn_user(
        f"{os.fspath(path)} has no coordinate reference system: the raster has no latitudes and "
        "longitudes; if its x and y belong to a system, set it with rioxarray: "
        "raster.rio.write_crs('EPSG:3035')"
    )


def check_support(extension: str, driver: str) -> None:
    """Raise unless there is what writes a format."""
    if extension == ".parquet":
        try:
            import pyarrow as pa  # noqa: F401
        except ImportError as error:
            raise ImportError(NEEDS_EXTRA) from error
        return
    import pyogrio

    if driver not in pyogrio.list_drivers(write=True):
        raise OSError(f"GDAL {pyogrio.__gdal_version_string__} was built without {driver}")


def check_shapes(outlines: gpd.GeoDataFrame) -> set[int]:
    """Return the types of the geometries, which must be polygons of two dimensions."""
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


def write_with_gdal(
    frame: gpd.GeoDataFrame,
    draft: Path,
    driver: str,
    *,
    several: bool,
    append: bool = False,
    **further: Any,
) -> None:
    """Write one layer, or append to it; with `several`, of MultiPolygons.

    `further` options take the place of those that the driver has by default.
    """
    from pyproj.exceptions import CRSError

    options = choose_options(driver, several=several)
    if several and driver in ("GPKG", "FlatGeobuf"):
        options["promote_to_multi"] = True
    options |= further
    try:
        mode = "a" if append else "w"
        frame.to_file(draft, driver=driver, engine="pyogrio", mode=mode, **options)
    except CRSError as error:  # no WKT 1 of it
        raise _make_crs_error(frame, draft) from error


def choose_options(driver: str, *, several: bool) -> dict[str, Any]:
    """Return the options with which GDAL writes a layer of polygons, `several` of them a row."""
    if driver == "ESRI Shapefile":
        return {"geometry_type": "Polygon", "encoding": "UTF-8"}  # and so a .cpg file
    if driver == "GeoJSON":
        return {"geometry_type": "Unknown", "COORDINATE_PRECISION": str(GEOJSON_DECIMALS)}
    return {"geometry_type": "MultiPolygon" if several else "Polygon"}


def check_layer(frame: gpd.GeoDataFrame, draft: Path, count: int | None = None) -> None:
    """Raise unless the file that was written has all fields, all rows and the CRS."""
    import pyogrio

    # fields and rows
    count = len(frame) if count is None else count
    info = pyogrio.read_info(draft, force_feature_count=True)
    rows, fields = info["features"], list(info["fields"])
    expected = [name for name in frame.columns if name != frame.geometry.name]
    if not expected and fields == ["FID"]:  # which GDAL gives a shapefile that has no other
        fields = []
    if rows != count:
        raise OSError(f"it has {rows} outlines, not {count}")
    if fields != expected and (rows or draft.suffix.lower() != ".geojson"):
        raise OSError(f"it has columns {fields}, not {expected}")
    # the CRS puts the corners where they were
    if frame.crs is None or not len(frame):
        return
    if not is_same_crs(info["crs"], frame.crs, frame.total_bounds):
        raise _make_crs_error(frame, draft)


def _make_crs_error(frame: gpd.GeoDataFrame, draft: Path) -> ValueError:
    what = FORMATS[draft.suffix.lower()]
    return ValueError(f"{what} cannot keep the CRS {frame.crs.name!r}; .parquet can")
