"""The fields of outlines in the formats of GDAL: what a format lacks is an error, before it is lost."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.notes import warn_user

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
LONGEST_TEXT = 254
"""Bytes of a text in a shapefile."""
INTEGERS = {".shp": (1 - 10**17, 10**18 - 1), ".geojson": (1 - 2**53, 2**53 - 1)}
"""Least and greatest integer of a format that keeps fewer than 64 bits: 18 characters, or a double."""
SHAPEFILE_FLOATS = (5e-8, 1e23)
"""Sizes of which 15 decimals keep 8 digits, a float32's, and 24 characters all before the point."""


def prepare_fields(outlines: gpd.GeoDataFrame, extension: str) -> gpd.GeoDataFrame:
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
    if extension == ".gpkg" and (own := {"fid", "geom"} & {name.lower() for name in fields}):
        raise ValueError(
            f"a GeoPackage has a column {min(own)!r} of its own: rename that of the frame"
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
        _check_integers(column.dropna(), extension)
        return column
    if kind == "f" and dtype.itemsize <= 8:
        _check_floats(column.to_numpy(np.float64, na_value=np.nan), extension)
        return column.astype(np.float32) if dtype == np.float16 else column
    if kind == "M":
        if extension == ".shp":
            raise ValueError(f"it has dates without a time of day only, not {dtype}")
        return _cut_times(column if column.dt.tz is None else column.dt.tz_convert("UTC"))
    # text
    odd = {type(value).__name__ for value in column.dropna() if not isinstance(value, str)}
    if odd:
        raise ValueError(f"it has no type for {', '.join(odd) if dtype == object else dtype}")
    _check_texts(column.dropna(), extension)
    return column.astype(object).where(column.notna(), None)


def _cut_times(column: pd.Series) -> pd.Series:
    """Return times without parts of milliseconds, with a warning if there are some."""
    there = column.dropna()
    years = there.dt.year
    if len(there) and not (years.min() >= 1 and years.max() <= 9999):
        raise ValueError(f"its years go from 1 to 9999, got {years.min()} to {years.max()}")
    cut = column.dt.as_unit("ms")
    if (there != cut.dropna()).any():
        warn_user(f"the times of column {column.name!r} are cut to milliseconds")
    return cut


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


def _check_integers(values: pd.Series, extension: str) -> None:
    """Raise if a format cannot hold integers."""
    low, high = INTEGERS.get(extension, (-(2**63), 2**63 - 1))
    if len(values) and not (low <= int(values.min()) and int(values.max()) <= high):
        raise ValueError(f"its integers go from {low} to {high}")


def _check_texts(values: pd.Series, extension: str) -> None:
    """Raise if a format cannot hold texts."""
    for text in values:
        if "\0" in text:
            raise ValueError(f"its texts have no NUL characters, got {reprlib.repr(text)}")
        if extension == ".shp" and len(text.encode()) > LONGEST_TEXT:
            raise ValueError(
                f"its texts have at most {LONGEST_TEXT} bytes of UTF-8, got {len(text.encode())}"
            )
