"""The lines to draw for outlines in longitudes and latitudes, without those along which they were cut.

Regions may have been cut at the meridian where longitudes end. They are drawn uncut: edges that one
row has on both sides of that meridian, at the same latitudes, are left out of its lines, and so
are edges along a pole.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

ON_CUT = 1e-6  # a point within so many degrees of a cut, or of a pole, lies on it
_LINE_TYPES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)


def split_rings(outlines: gpd.GeoDataFrame) -> tuple[list[np.ndarray], list[int]]:
    """Return every exterior, hole and line as points, shape (n, 2), and the row of each."""
    shapes = np.asarray(outlines.geometry.array, dtype=object)
    sets, rows = shapely.get_parts(shapes, return_index=True)
    parts, index = shapely.get_parts(sets, return_index=True)
    rows, kinds = rows[index], shapely.get_type_id(parts)
    areal = np.flatnonzero(kinds == shapely.GeometryType.POLYGON)
    linear = np.flatnonzero(np.isin(kinds, _LINE_TYPES) & ~shapely.is_empty(parts))
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    lines = [shapely.get_coordinates(line) for line in [*rings, *parts[linear]]]
    return lines, [*rows[areal][of].tolist(), *rows[linear].tolist()]


def cut_strokes(rings: Sequence[np.ndarray], rows: Sequence[int]) -> list[np.ndarray]:
    """Return the lines to draw: the rings without cuts and without edges along a pole."""
    if not rings:
        return []
    # Longitudes that span a whole turn end at a meridian where regions may be cut.
    west = min(ring[:, 0].min() for ring in rings)
    east = max(ring[:, 0].max() for ring in rings)
    meridians = (west, east) if abs(east - west - 360.0) < ON_CUT else ()
    # A cut has edges of the same row on both sides of that meridian.
    rings_of_row: dict[int, list[np.ndarray]] = {}
    for row, ring in sorted(zip(rows, rings, strict=True), key=itemgetter(0)):
        rings_of_row.setdefault(row, []).append(ring)
    strokes = []
    for own in rings_of_row.values():
        cuts = []
        for longitude in meridians:
            lines = [_make_latitudes(ring, _find_edges(ring, longitude)) for ring in own]
            any_edge = any(map(len, lines))
            cuts.append(shapely.union_all(np.concatenate(lines)) if any_edge else None)
        for ring in own:
            strokes += _remove_cuts(ring, meridians, cuts)
    return strokes


def _find_edges(ring: np.ndarray, longitude: float) -> np.ndarray:
    """Return which edges of a ring run along a meridian, as numbers of their first points."""
    on = np.abs(ring[:, 0] - longitude) < ON_CUT
    return np.flatnonzero(on[1:] & on[:-1])


def _make_latitudes(ring: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the latitudes between which edges run, as shapely's lines at longitude 0."""
    if not len(edges):  # most rings; shapely would take longer to find nothing
        return np.empty(0, dtype=object)
    ends = np.stack([ring[edges, 1], ring[edges + 1, 1]], axis=1)
    return np.asarray(shapely.linestrings(np.zeros_like(ends), ends))


def _remove_cuts(
    ring: np.ndarray, meridians: Sequence[float], cuts: Sequence[Any]
) -> list[np.ndarray]:
    """Split a ring into the lines that remain when edges on cuts and poles are left out.

    `cuts` are the latitudes of the row's edges on each of the meridians, as lines at longitude 0,
    or None if the row has no edge there.
    """
    polar = np.abs(np.abs(ring[:, 1]) - 90.0) < ON_CUT
    removed = polar[1:] & polar[:-1]
    # An edge on one side keeps the latitudes that have no edge on the other side.
    extra = []
    for side, longitude in enumerate(meridians):
        edges = _find_edges(ring, longitude)
        if not len(edges) or cuts[1 - side] is None:
            continue
        removed[edges] = True
        kept = shapely.difference(_make_latitudes(ring, edges), cuts[1 - side])
        parts = shapely.get_parts(kept[~shapely.is_empty(kept)])
        extra += [np.add(shapely.get_coordinates(part), (longitude, 0.0)) for part in parts]
    if not removed.any():
        return [ring]
    # Runs of edges that remain are one line each.
    edges = np.flatnonzero(~removed)
    runs = np.split(edges, np.flatnonzero(np.diff(edges) > 1) + 1)
    return [ring[run[0] : run[-1] + 2] for run in runs if len(run)] + extra
