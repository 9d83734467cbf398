"""Grids of every kind, to lay cells out on, and what polygons of their cells must keep to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import shapely
import xarray as xr
from pyproj import CRS, Transformer

from tests.label_maps import curvilinear, globe, placed, projected


def axis_points(raster):
    """Return a point within each cell of a grid of axes, off its middle, nearer to the equator."""
    axes = [raster[dim].values for dim in raster.dims]
    y, x = (0.2 * np.abs(np.gradient(axis)) for axis in axes)
    return np.meshgrid(axes[1] + x, axes[0] - y * np.sign(axes[0]))


def cell_points(raster):
    """Return the centres of cells that have a latitude and a longitude each."""
    return raster["longitude"].values, raster["latitude"].values


def from_pole_to_pole(cells):
    """Centre the first and the last row on the poles."""
    rows, columns = np.shape(cells)
    return placed(cells, np.linspace(-90, 90, rows), np.arange(columns) * 360 / columns)


def stereographic(cells, shift=0.37):
    """Centre cells of 200 km near the north pole."""
    rows, columns = np.shape(cells)
    x = (np.arange(columns) - (columns - 1) / 2 + shift) * 2e5
    y = ((rows - 1) / 2 - np.arange(rows) + shift / 2) * 2e5
    to_degrees = Transformer.from_crs(3413, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(*np.meshgrid(x, y))
    return curvilinear(cells, latitude, longitude)


def wavy(cells, around):
    """Give cells on a part of the globe, or all round it, parallels that wave."""
    rows, columns = np.shape(cells)
    step = 360 / columns if around else 2.0
    longitude = (170.3 + step * np.arange(columns)) % 360
    longitude, latitude = np.meshgrid(longitude, np.linspace(-30, 30, rows))
    return curvilinear(cells, latitude + 2 * np.sin(np.radians(3 * longitude)), longitude)


def rotated(cells):
    """Turn a grid of 100 m by a transform."""
    attrs = {"crs_wkt": CRS(32633).to_wkt(), "GeoTransform": "4e5 80 60 5e6 60 -80"}
    return xr.DataArray(
        np.asarray(cells), {"spatial_ref": xr.DataArray(0, attrs=attrs)}, ("y", "x")
    )


def rotated_points(raster):
    row, column = np.indices(raster.shape) + 0.5
    return 4e5 + 80 * column + 60 * row, 5e6 + 60 * column - 80 * row


def in_metres(cells):
    rows, columns = np.shape(cells)
    return projected(cells, 3035, 4e6 + 1e5 * np.arange(columns), 3e6 - 1e5 * np.arange(rows))


def in_pixels(cells):
    rows, columns = np.shape(cells)
    coords = {"y": np.arange(rows, dtype=float), "x": np.arange(columns, dtype=float)}
    return xr.DataArray(np.asarray(cells), coords, ("y", "x"))


@dataclass(frozen=True)
class Kind:
    """A kind of grid: how to lay cells out, a point within each, the area of a cell if all are alike."""

    make: Callable
    points: Callable = axis_points
    area: Callable | None = None
    degrees: bool = True


def whole_globe(shape):
    return 360 * 180 / np.prod(shape)


GRIDS = {
    "pixels": Kind(in_pixels, area=lambda _: 1.0, degrees=False),
    "box": Kind(lambda cells: placed(cells, 40 - 2.0 * np.arange(len(cells))), area=lambda _: 2.0),
    "box over the antimeridian": Kind(
        lambda cells: placed(cells, None, 173.3 + 3 * np.arange(np.shape(cells)[1])),
        area=lambda _: 3.0,
    ),
    "metres": Kind(in_metres, area=lambda _: 1e10, degrees=False),
    "rotated": Kind(rotated, rotated_points, lambda _: 1e4, degrees=False),
    "globe": Kind(globe, area=whole_globe),
    "globe from -180": Kind(partial(globe, west=-180.0, descending=True), area=whole_globe),
    "globe cut through cells": Kind(partial(globe, west=-7.5), area=whole_globe),
    "rows on the poles": Kind(from_pole_to_pole),
    "wavy": Kind(partial(wavy, around=False), cell_points),
    "wavy globe": Kind(partial(wavy, around=True), cell_points),
    "stereographic": Kind(stereographic, cell_points),
}


def rasterize(frame, x, y, turns=(0,)):
    """Return the label of the polygon that a point lies in, in any turn; -1 for none, -2 for several."""
    found = np.full(np.shape(x), -1)
    for cluster, polygon in zip(frame["cluster"], frame.geometry, strict=True):
        for turn in turns:
            inside = shapely.intersects_xy(polygon, x + 360 * turn, y)
            found[inside] = np.where(found[inside] == -1, cluster, -2)
    return found


def require_coverage(geometry):
    """Fail unless polygons are valid, share the vertices of their edges, and overlap nowhere."""
    geometry = np.asarray(geometry)
    assert shapely.is_valid(geometry).all(), shapely.is_valid_reason(geometry)
    if not shapely.coverage_is_valid(geometry):
        faces = shapely.coverage_invalid_edges(geometry)
        pytest.fail(f"not a coverage: {[face.wkt for face in faces if not face.is_empty]}")


def require_whole(frame, total):
    """Fail unless the polygons have an area together, and their union has."""
    np.testing.assert_allclose(shapely.area(frame.geometry).sum(), total, rtol=1e-9)
    np.testing.assert_allclose(shapely.area(frame.union_all()), total, rtol=1e-9)
