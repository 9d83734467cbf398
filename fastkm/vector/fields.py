"""Columns that a file format can hold: what is turned, what is refused.

The drivers of GDAL take most frames and change what they do not understand: a shapefile cuts names
and text, writes times as text, small numbers as zero and what has more than 18 digits as a float;
GeoJSON has neither infinities nor integers beyond 2**53; times lose what is finer than a
millisecond, and those of a zone with summer time their hour. Each was seen by writing a frame and
reading it back. Here all that is an error that names the column and the format, before a file is
touched.

What is turned, so that nothing is lost: float16 becomes float32, a category what it stands for,
times with a zone become UTC. NaN is a null, and so is an empty text in a shapefile. Nullable
columns keep their nulls. The floats of a shapefile have 24 characters and at most 15 decimals.

A shapefile's names have at most ten bytes. Longer ones of fastkm's own get the names of
`SHAPEFILE_NAMES`, any others are an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

NAMES = {
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

LONGEST_NAME, LONGEST_TEXT = 10, 254
"""Bytes of a name and of a text in a shapefile."""
RESERVED = {".shp": (), ".gpkg": ("fid", "geom"), ".geojson": (), ".fgb": ()}
"""Names that a driver keeps for itself."""
CASELESS = (".shp", ".gpkg")
"""Formats in which ``a`` and ``A`` are one name."""
INTEGERS = {
    ".shp": (-(10**17) + 1, 10**18 - 1),  # 18 characters, the sign among them
    ".gpkg": (-(2**63), 2**63 - 1),
    ".geojson": (-(2**53) + 1, 2**53 - 1),  # beyond, readers may round (RFC 8259, section 6)
    ".fgb": (-(2**63), 2**63 - 1),
}
SHAPEFILE_FLOATS = (5e-8, 1e23)
"""Sizes of which 15 decimals keep 8 digits, a float32's, and 24 characters all before the point."""
FINITE_ONLY = (".shp", ".geojson")


def prepare_fields(outlines: gpd.GeoDataFrame, extension: str) -> gpd.GeoDataFrame:
    """Give a frame that a format holds without loss.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        It is left as it is.
    extension : str
        One of `NAMES`.

    Returns
    -------
    geopandas.GeoDataFrame
        With rows numbered from 0, and a shapefile's names where there are any.

    Raises
    ------
    ValueError
        If the format cannot hold a name or a column, which is named.

    Examples
    --------
    >>> import geopandas
    >>> frame = geopandas.GeoDataFrame({"diameter_px": [3.5]}, geometry=[None])
    >>> list(prepare_fields(frame, ".shp").columns)
    ['diam_px', 'geometry']
    """
    frame = outlines.reset_index(drop=True)
    frame.attrs = {}  # GeoParquet would want them to be JSON
    _check_names(frame)
    geometry = frame.geometry.name
    fields = [name for name in frame.columns if name != geometry]
    if extension != ".parquet":
        if geometry != "geometry" and "geometry" not in fields:
            frame = frame.rename_geometry("geometry")
        new = _names(fields, extension)
        frame = frame.rename(columns=new)
        fields = [new[name] for name in fields]
    convert = _parquet_column if extension == ".parquet" else _column
    for name in fields:
        frame[name] = convert(frame[name], extension, _refusal(name, extension))
    return frame


def _check_names(frame: gpd.GeoDataFrame) -> None:
    names = list(frame.columns)
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise ValueError(f"names of columns must be text, got {odd}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"names of columns must differ, got {twice} twice")


def _names(fields: list[str], extension: str) -> dict[str, str]:
    """Name the fields as the format allows."""
    new = {name: name for name in fields}
    what = NAMES[extension]
    if extension == ".shp":
        new = {name: SHAPEFILE_NAMES.get(name, name) for name in fields}
        long = [name for name in new.values() if len(_utf8(name, what)) > LONGEST_NAME]
        if long:
            raise ValueError(
                f"field names of {what} have at most 10 characters (bytes of UTF-8), got {long}"
            )
    reserved = ("geometry", *RESERVED[extension])
    seen: dict[str, str] = dict.fromkeys(reserved, "")
    for name, called in new.items():
        folded = called.lower() if extension in CASELESS else called
        if seen.get(folded) == "":
            raise ValueError(f"column {name!r} has a name that {what} keeps for itself")
        if folded in seen:
            raise ValueError(f"columns {seen[folded]!r} and {name!r} would be one field of {what}")
        seen[folded] = name
    return new


def _refusal(name: str, extension: str) -> Callable[[str], ValueError]:
    def refuse(why: str) -> ValueError:
        return ValueError(f"column {name!r} cannot be written to {NAMES[extension]}: {why}")

    return refuse


def _column(
    column: pd.Series, extension: str, refuse: Callable[[str], ValueError]
) -> pd.Series | np.ndarray:
    """Give a column that GDAL writes without loss."""
    import pandas as pd
    from pandas.api import types

    column = _plain(column)
    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        raise refuse(f"it has no type for {dtype}")
    if isinstance(dtype, pd.StringDtype) or dtype == object:
        return _text(column, extension, refuse)
    if types.is_bool_dtype(dtype):
        return column
    if types.is_integer_dtype(dtype):
        return _integers(column, extension, refuse)
    if types.is_float_dtype(dtype):
        return _floats(column, extension, refuse)
    if types.is_datetime64_any_dtype(dtype):
        return _times(column, extension, refuse)
    raise refuse(f"it has no type for {dtype}")


def _plain(column: pd.Series) -> pd.Series:
    """Undo the dressings of pandas: categories, objects of one type, Arrow's arrays."""
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if isinstance(dtype, pd.ArrowDtype):
        for test, name in ((types.is_bool_dtype, "boolean"), (types.is_float_dtype, "Float64")):
            if test(dtype):
                return column.astype(name)
        if types.is_integer_dtype(dtype):
            return column.astype("UInt64" if types.is_unsigned_integer_dtype(dtype) else "Int64")
    return _inferred(column)


def _inferred(column: pd.Series) -> pd.Series:
    try:
        return column.infer_objects()
    except UnicodeEncodeError:  # of a text that `_text` refuses by name
        return column


def _integers(column: pd.Series, extension: str, refuse: Callable[[str], ValueError]) -> pd.Series:
    low, high = INTEGERS[extension]
    present = column.dropna()
    if len(present) and not low <= int(present.min()) <= int(present.max()) <= high:
        raise refuse(
            f"its integers run from {low} to {high}, got {present.min()} to {present.max()}"
        )
    return column


def _floats(column: pd.Series, extension: str, refuse: Callable[[str], ValueError]) -> pd.Series:
    if column.dtype.itemsize > 8:
        raise refuse(f"it has no type for {column.dtype}")
    if column.dtype == np.float16:
        column = column.astype(np.float32)
    size = np.abs(column.to_numpy(np.float64, na_value=np.nan))
    if extension in FINITE_ONLY and np.isinf(size).any():
        raise refuse("it has no infinities")
    least, bound = SHAPEFILE_FLOATS
    if extension == ".shp" and (((size > 0) & (size < least)) | (size >= bound)).any():
        raise refuse(
            f"its floats have 15 decimals and 24 characters, enough from {least:g} to {bound:g}, "
            f"got sizes from {size[size > 0].min():g} to {np.nanmax(size):g}"
        )
    return column


def _text(column: pd.Series, extension: str, refuse: Callable[[str], ValueError]) -> pd.Series:
    present = column.dropna()
    for text in present:
        if not isinstance(text, str):
            raise refuse(f"it has no type for {type(text).__name__} objects")
        _check_text(text, extension, refuse)
    return column.astype(object).where(column.notna(), None)


def _check_text(text: str, extension: str, refuse: Callable[[str], ValueError]) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise refuse(f"its text is UTF-8, which {text!r} cannot be") from error
    if "\0" in text and extension != ".parquet":
        raise refuse(f"its text ends at the first NUL, got {text!r}")
    if extension != ".shp":
        return
    if size > LONGEST_TEXT:
        raise refuse(f"its text has at most {LONGEST_TEXT} bytes of UTF-8, got {size}")
    if text != text.strip():
        raise refuse(f"its text loses blanks at either end, got {text!r}")


def _times(column: pd.Series, extension: str, refuse: Callable[[str], ValueError]) -> pd.Series:
    if extension == ".shp":
        raise refuse(f"it has dates without a time of day only, no {column.dtype}")
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC")
    present = column.dropna()
    if len(present) and not 1 <= present.dt.year.min() <= present.dt.year.max() <= 9999:
        raise refuse("its times lie in the years 1 to 9999")
    if (present.dt.microsecond % 1000 != 0).any() or (present.dt.nanosecond != 0).any():
        raise refuse("its times have whole milliseconds")
    return column


def _parquet_column(
    column: pd.Series, extension: str, refuse: Callable[[str], ValueError]
) -> pd.Series:
    """Give a column that Arrow holds; what is no text is no object."""
    import pandas as pd
    import pyarrow as pa

    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = _inferred(column)
    if column.dtype == object:
        return _text(column, extension, refuse)
    if isinstance(column.dtype, pd.SparseDtype):
        raise refuse(f"it has no type for {column.dtype}")
    if column.dtype.name == "geometry":
        return column
    try:
        pa.array(column, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise refuse(f"it has no type for {column.dtype}") from error
    return column


def _utf8(name: str, what: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"field names of {what} are UTF-8, which {name!r} cannot be") from error
