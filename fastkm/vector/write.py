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

A file is one layer of polygons; if a row is a MultiPolygon, all rows of a GeoPackage and a
FlatGeobuf are. The frame's index is not written. GeoJSON of no rows has no fields.

Columns hold integers, floats, truth values, text and times, as far as GDAL keeps them: a type that a
format lacks is an error that names the column, before a file is touched. A shapefile has no times
of day, cuts text to 254 bytes, and has short names of columns: see `SHAPEFILE_NAMES`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.vector.geojson import to_rfc7946

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

FORMATS = {
    ".shp": "a shapefile",
    ".gpkg": "a GeoPackage",
    ".geojson": "GeoJSON",
    ".fgb": "a FlatGeobuf",
    ".parquet": "GeoParquet",
}
"""What errors call the formats."""
DRIVERS = {
    ".shp": "ESRI Shapefile",
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".parquet": "Parquet",
}
SHAPEFILE_NAMES = {
    "perimeter_km": "perim_km",
    "diameter_px": "diam_px",
    "diameter_km": "diam_km",
}
"""Field names that a shapefile gets in place of longer ones."""
CASELESS = (".shp", ".gpkg")
"""Formats in which ``a`` and ``A`` are one name."""
LONGEST_NAME = 10
"""Bytes of a field's name in a shapefile."""
SHAPEFILE_FLOATS = (5e-8, 1e23)
"""Sizes of which 15 decimals keep 8 digits, a float32's, and 24 characters all before the point."""
GEOJSON_DECIMALS = 15
"""Decimals of coordinates: 1e-15 degrees are below a nanometre, and below a float64's rounding."""
NEEDS_EXTRA = ".parquet files need pyarrow: install with pip install 'fastkm[parquet]'"
SAME_PLACE = 1e-9
"""Share of the extent by which a CRS that was written may move the corners of the outlines."""
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
        If the extension is unknown, a row is not a polygon, or the format cannot hold a column, its
        name or the CRS.
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
    # what can be known before a file is touched
    driver = check_extension(path)
    extension = Path(path).suffix.lower()
    _check_support(extension, driver)
    kinds = _check_shapes(outlines)
    frame = _prepare_fields(outlines, extension)
    if outlines.crs is None:
        warnings.warn(
            f"{os.fspath(path)} has no coordinate reference system: the raster has no latitudes "
            "and longitudes",
            stacklevel=2,
        )
    if extension == ".geojson":
        frame = to_rfc7946(frame)
    # a draft, read again before it takes its place
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
    """Write outlines that come in parts to a GeoPackage, with one part in memory at a time.

    Parameters
    ----------
    parts : iterable of geopandas.GeoDataFrame
        At least one, all with the same columns, types and CRS. All rows become MultiPolygons.
    path : path-like
        A .gpkg file; one that exists is replaced.

    Raises
    ------
    ValueError, OSError
        As `write_outlines`; also if the extension is not .gpkg.
    """
    if check_extension(path) != "GPKG":
        raise ValueError(f"{os.fspath(path)} must end in .gpkg: no other format takes parts")
    rows = 0
    with warnings.catch_warnings(), atomic_write(path) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        for part in parts:
            _check_shapes(part)
            frame = _prepare_fields(part, ".gpkg")
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


def _prepare_fields(outlines: gpd.GeoDataFrame, extension: str) -> gpd.GeoDataFrame:
    """Return a frame with rows numbered from 0 and fields that the format holds."""
    frame = outlines.reset_index(drop=True)
    frame.attrs = {}  # GeoParquet would want them to be JSON
    # names
    if not all(isinstance(name, str) for name in frame.columns):
        raise ValueError(f"names of columns must be text, got {list(frame.columns)}")
    if extension != ".parquet" and frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    if extension == ".shp":
        frame = frame.rename(columns=SHAPEFILE_NAMES)
    fields = [name for name in frame.columns if name != frame.geometry.name]
    long = [name for name in fields if len(name.encode()) > LONGEST_NAME]
    if extension == ".shp" and long:
        raise ValueError(
            f"field names of a shapefile have at most 10 characters (bytes of UTF-8), got {long}"
        )
    keys = {name.lower() if extension in CASELESS else name for name in fields}
    if len(keys) < len(fields):
        raise ValueError(f"names of columns must differ in {FORMATS[extension]}, got {fields}")
    if extension == ".parquet":
        return frame
    # types
    for name in fields:
        try:
            frame[name] = _convert_column(frame[name], extension)
        except ValueError as error:
            what = f"column {name!r} cannot be written to {FORMATS[extension]}"
            raise ValueError(f"{what}: {error}") from None
    return frame


def _convert_column(column: pd.Series, extension: str) -> pd.Series:
    """Return a column that GDAL writes; raise ValueError if the format has no type for it."""
    import pandas as pd

    # what categories, objects of one type and Arrow's arrays stand for
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if isinstance(column.dtype, pd.ArrowDtype):
        column = column.convert_dtypes()
    column = column.infer_objects()
    dtype = column.dtype
    kind = "sparse" if isinstance(dtype, pd.SparseDtype) else dtype.kind
    # integers, truth values, floats and times
    if kind in ("b", "i", "u"):
        return column
    if kind == "f" and dtype.itemsize <= 8:
        _check_floats(column.to_numpy(np.float64, na_value=np.nan), extension)
        return column.astype(np.float32) if dtype == np.float16 else column
    if kind == "M":
        if extension == ".shp":
            raise ValueError(f"it has dates without a time of day only, not {dtype}")
        return column if column.dt.tz is None else column.dt.tz_convert("UTC")
    # text
    odd = {type(value).__name__ for value in column.dropna() if not isinstance(value, str)}
    if odd:
        raise ValueError(f"it has no type for {', '.join(odd) if dtype == object else dtype}")
    return column.astype(object).where(column.notna(), None)


def _check_floats(values: np.ndarray, extension: str) -> None:
    """Raise if the text of a format cannot hold floats."""
    size = np.abs(values)
    if extension in (".shp", ".geojson") and np.isinf(size).any():
        raise ValueError("it has no infinities")
    least, bound = SHAPEFILE_FLOATS
    if extension == ".shp" and (((size > 0) & (size < least)) | (size >= bound)).any():
        raise ValueError(
            f"its floats have 15 decimals and 24 characters, enough from {least:g} to {bound:g}, "
            f"got sizes from {size[size > 0].min():g} to {np.nanmax(size):g}"
        )


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
        raise _make_crs_error(frame, draft) from error


def _check_layer(frame: gpd.GeoDataFrame, draft: Path, count: int | None = None) -> None:
    """Raise unless the file that was written has all fields, all rows and the CRS."""
    import pyogrio
    import pyproj

    # fields and rows
    count = len(frame) if count is None else count
    info = pyogrio.read_info(draft, force_feature_count=True)
    rows, fields = info["features"], list(info["fields"])
    expected = [name for name in frame.columns if name != frame.geometry.name]
    if not expected and fields == ["FID"]:  # which GDAL gives a shapefile that has no other
        fields = []
    if rows != count or (fields != expected and (rows or draft.suffix.lower() != ".geojson")):
        raise ValueError(
            f"{draft.name} would have {rows} rows of {fields}, not {count} of {expected}"
        )
    # the CRS puts the corners where they were
    if frame.crs is None or not len(frame):
        return
    if info["crs"] is None:
        raise _make_crs_error(frame, draft)
    west, south, east, north = frame.total_bounds.tolist()
    x, y = np.array([west, west, east, east]), np.array([south, north, south, north])
    there = pyproj.Transformer.from_crs(info["crs"], frame.crs, always_xy=True).transform(x, y)
    shift = np.abs(np.concatenate([there[0] - x, there[1] - y]))
    if (shift[np.isfinite(shift)] > SAME_PLACE * max(np.abs(x).max(), np.abs(y).max(), 1)).any():
        raise _make_crs_error(frame, draft)


def _make_crs_error(frame: gpd.GeoDataFrame, draft: Path) -> ValueError:
    what = FORMATS[draft.suffix.lower()]
    return ValueError(f"{what} cannot keep the CRS {frame.crs.name!r}; .parquet can")
