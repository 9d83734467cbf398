"""Writing outlines: the format by extension, the file whole or not at all.

A shapefile's field names have at most ten characters. GDAL would cut longer ones; fastkm writes
names of its own instead, listed in `SHAPEFILE_NAMES`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from fastkm._files import replacing

if TYPE_CHECKING:
    import geopandas as gpd

DRIVERS = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".geojson": "GeoJSON"}

SHAPEFILE_NAMES = {"diameter_px": "diam_px"}
"""Field names that a shapefile gets in place of longer ones."""


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
    """Write outlines to a shapefile, GeoPackage or GeoJSON file.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        With any columns that the format has types for.
    path : path-like
        The file; one that exists is replaced.

    Returns
    -------
    list of pathlib.Path
        The files written, the named one first; a shapefile is five.

    Raises
    ------
    ValueError
        If the extension is unknown, or a shapefile's field name would be too long.
    """
    driver = check_extension(path)
    options = {}
    if driver == "ESRI Shapefile":
        outlines = outlines.rename(columns=SHAPEFILE_NAMES)
        if outlines.geometry.name != "geometry":
            outlines = outlines.rename_geometry("geometry")
        fields = outlines.columns.drop(outlines.geometry.name)
        too_long = [name for name in fields if len(name) > 10]
        if too_long:
            raise ValueError(f"shapefile fields have at most 10 characters, got {too_long}")
        options = {"encoding": "UTF-8"}  # and so a .cpg file
    if outlines.crs is None:
        warnings.warn(
            f"{os.fspath(path)} has no coordinate reference system: the raster has no latitudes "
            "and longitudes",
            stacklevel=2,
        )
    with warnings.catch_warnings(), replacing(path) as draft:
        warnings.filterwarnings("ignore", "'crs' was not provided")
        outlines.to_file(draft, driver=driver, engine="pyogrio", geometry_type="Polygon", **options)
        parts = sorted(Path(path).with_name(part.name) for part in draft.parent.iterdir())
    return sorted(parts, key=lambda part: part != Path(path))
