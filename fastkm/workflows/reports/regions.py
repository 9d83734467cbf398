"""Outlines as regions on the map of a page, and their table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from fastkm.html_report.contents import MOST_ROWS, Outlines, Table
from fastkm.workflows.reports.words import format_number, format_units

if TYPE_CHECKING:
    import geopandas as gpd

    from fastkm.workflows.reports.sheet import Sheet

MOST_POINTS = 200_000
"""Points of all regions; if there are more, they are simplified to what the map shows."""

HEADINGS = {
    "k": "k",
    "cluster": "cluster",
    "value": "centroid",
    "cells": "cells",
    "area_km2": "area km²",
    "perimeter_km": "perimeter km",
    "diameter_km": "longest distance km",
    "mean": "mean",
    "min": "least",
    "max": "greatest",
}
"""Columns of outlines that the table shows."""

IN_UNITS = {"value", "mean", "min", "max"}


def describe_outlines(outlines: gpd.GeoDataFrame, sheet: Sheet, units: str = "") -> Outlines:
    """Return the largest outlines as regions on a map.

    Parameters
    ----------
    outlines : geopandas.GeoDataFrame
        What `fastkm.outline` or `fastkm.polygonize` returns, in any reference system.
    sheet : Sheet
        The map.
    units : str
        Units of the values.

    Raises
    ------
    ValueError
        If outlines lie on the globe, and nothing says where the map does.
    """
    if outlines.crs is not None and sheet.crs is None:
        raise ValueError(
            "outlines must be in the columns and rows of the result, which lies nowhere on the globe, "
            f"got outlines in {outlines.crs.name}"
        )
    outlines = outlines[~(outlines.geometry.isna() | outlines.geometry.is_empty)]
    if outlines.crs is not None and outlines.crs != sheet.crs:
        outlines = outlines.to_crs(sheet.crs)
    count = len(outlines)
    notes = []
    if count > MOST_ROWS:
        outlines = outlines.loc[_find_largest(outlines)]
        notes.append(f"These are the {MOST_ROWS} largest of {count:,} regions.")
    shapes = outlines.geometry.to_numpy()
    if shapely.get_num_coordinates(shapes).sum() > MOST_POINTS:
        shapes = _simplify(shapes, outlines, min(abs(sheet.x.step), abs(sheet.y.step)))
        notes.append("Their lines are simplified to what the map shows; the numbers are not.")
    if sheet.x.degrees is not None:
        shapes = [_repeat_by_turns(shape, *sheet.x.ends) for shape in shapes]
    regions = tuple(_list_rings(shape) for shape in shapes)
    ks = tuple(int(k) for k in outlines["k"]) if "k" in outlines else ()
    return Outlines(regions, _tabulate(outlines, units), ks, tuple(notes))


def _find_largest(outlines: gpd.GeoDataFrame) -> Any:
    """Return the index of the largest outlines, in the order of the table."""
    named = (name for name in ("area_km2", "cells") if name in outlines)
    sizes = next((outlines[name] for name in named if outlines[name].notna().all()), None)
    if sizes is None:
        sizes = outlines.geometry.area
    places = np.argsort(-sizes.to_numpy(), kind="stable")[:MOST_ROWS]
    return outlines.index[np.sort(places)]


def _simplify(shapes: np.ndarray, outlines: gpd.GeoDataFrame, tolerance: float) -> np.ndarray:
    """Simplify the lines of regions, which neighbours share; those of each k by themselves."""
    made = shapes.copy()
    groups = outlines["k"].to_numpy() if "k" in outlines else np.zeros(len(shapes))
    for k in np.unique(groups):
        made[groups == k] = shapely.coverage_simplify(shapes[groups == k], tolerance)
    return made


def _repeat_by_turns(shape: Any, west: float, east: float) -> Any:
    """Return a shape in longitudes with its copies, a turn away, as far as they meet a map."""
    copies = []
    for part in shapely.get_parts(shape):
        left, _, right, _ = shapely.bounds(part)
        copies += [
            shapely.transform(part, partial(np.add, (turn, 0.0)))
            for turn in (-360.0, 0.0, 360.0)
            if left + turn < east and right + turn > west
        ]
    return shapely.multipolygons(copies)


def _list_rings(shape: Any) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return the rings of each polygon of a shape."""
    return tuple(
        tuple(shapely.get_coordinates(ring) for ring in shapely.get_rings(part))
        for part in shapely.get_parts(shape)
    )


def _tabulate(outlines: gpd.GeoDataFrame, units: str) -> Table:
    """Return the measures of the outlines that are known."""
    names = [name for name in HEADINGS if name in outlines and outlines[name].notna().any()]
    unit = format_units(units)
    headings = [
        f"{HEADINGS[name]} {unit}".strip() if name in IN_UNITS else HEADINGS[name] for name in names
    ]
    columns = [[_format_cell(cell) for cell in outlines[name]] for name in names]
    numbers = [str(number) for number in range(1, len(outlines) + 1)]
    rows = tuple(zip(numbers, *columns, strict=True))
    return Table(("region", *headings), rows)


def _format_cell(cell: Any) -> str:
    """Return a number of a table as text; "" if it is missing."""
    if isinstance(cell, int | np.integer):
        return f"{cell:,}".replace("-", "−")
    return "" if np.isnan(cell) else format_number(float(cell))
