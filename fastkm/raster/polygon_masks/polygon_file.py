"""Files of polygons that GDAL reads, or GeoParquet, for masks."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastkm._core.notes import note_once

if TYPE_CHECKING:
    import pyproj


class Polygons(NamedTuple):
    """Polygons, (n,), valid, exteriors counter-clockwise, and their CRS; None if not known."""

    shapes: np.ndarray
    crs: pyproj.CRS | None


def read_polygons(path: str | os.PathLike[str]) -> Polygons:
    """Read the polygons of a file, those of its first layer that has any.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it holds no polygons.
    ImportError
        If it is a .parquet and pyarrow, the extra ``parquet``, is not installed.
    """
    import shapely

    if not Path(path).exists():
        raise FileNotFoundError(f"mask {os.fspath(path)}: no such file")
    geometry, crs = _read(path)
    parts = shapely.get_parts(shapely.get_parts(geometry[~shapely.is_missing(geometry)]))
    shapes = shapely.force_2d(_select_polygons(parts))
    if not len(shapes):
        kinds = Counter(part.geom_type for part in parts)
        found = ", ".join(f"{count} of {kind}" for kind, count in kinds.items()) or "nothing"
        raise ValueError(f"mask {os.fspath(path)} must hold polygons, got {found}")
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        mended = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapes[broken])))
        shapes = np.concatenate([shapes[~broken], _select_polygons(mended)])
    return Polygons(shapely.orient_polygons(shapes), crs)


def _select_polygons(parts: np.ndarray) -> np.ndarray:
    import shapely

    return parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]


def _read(path: str | os.PathLike[str]) -> tuple[np.ndarray, pyproj.CRS | None]:
    """Read all geometries and their CRS."""
    import pyproj
    import shapely

    if Path(path).suffix.lower() == ".parquet":
        return _read_parquet(path)
    import pyogrio
    from pyogrio.errors import DataSourceError

    try:
        meta, _, geometry, _ = pyogrio.raw.read(path, layer=_choose_layer(path), columns=[])
    except DataSourceError as error:
        reason = str(error).split("; It might help")[0].strip()
        raise OSError(
            f"mask {os.fspath(path)} is no raster and has no polygons: {reason}"
        ) from error
    crs = None if meta["crs"] is None else pyproj.CRS(meta["crs"])
    return np.asarray(shapely.from_wkb(geometry), object), crs


def _choose_layer(path: str | os.PathLike[str]) -> Any:
    """Return the first layer that may have polygons; None if none has."""
    import pyogrio

    layers = pyogrio.list_layers(path)
    likely = [name for name, kind in layers if kind and ("Polygon" in kind or kind == "Unknown")]
    if len(likely) > 1:
        listed = ", ".join(map(repr, likely[1:]))
        note_once(f"mask {os.fspath(path)}: layer {likely[0]!r} is taken, not {listed}")
    return likely[0] if likely else None


def _read_parquet(path: str | os.PathLike[str]) -> tuple[np.ndarray, pyproj.CRS | None]:
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"mask {os.fspath(path)} needs pyarrow: pip install 'fastkm[parquet]'"
        ) from error
    import geopandas as gpd

    try:
        frame = gpd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise OSError(f"mask {os.fspath(path)} cannot be read as GeoParquet: {error}") from error
    return np.asarray(frame.geometry.array, object), frame.crs
