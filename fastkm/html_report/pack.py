"""Arrays as text in a page: compressed, and unpacked by the browser (`data.js`).

Values are kept as whole numbers of a power of ten, so that what a reader sees is the value itself,
rounded. Lines are kept in rows and columns of the map.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastkm.html_report.contents import MapGrid

MISSING = np.iinfo(np.uint16).max
"""Stands for a missing value."""

PARTS = 32
"""Of a cell, to which lines are rounded."""

MOST_DECIMALS = 300
"""Larger powers of ten are no floats."""

DIGITS = 14
"""Decimal digits that all floats have."""


def pack_array(array: np.ndarray) -> dict[str, Any]:
    """Return an array as its type, its shape, and its compressed bytes in base64.

    Examples
    --------
    >>> packed = pack_array(np.zeros((2, 3), np.int8))
    >>> packed["type"], packed["shape"]
    ('int8', [2, 3])
    """
    array = np.asarray(array)
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {
        "type": plain.dtype.name,
        "shape": list(array.shape),
        "bytes": base64.b64encode(zlib.compress(plain.tobytes(), 9)).decode("ascii"),
    }


def pack_values(values: np.ndarray) -> dict[str, Any]:
    """Return values as whole numbers of a power of ten, with as many decimals as 16 bits hold.

    A value is ``(first + number) / 10**decimals``. The numbers of a row are kept as differences, which
    compress well, and their high bytes apart from the low ones.

    Examples
    --------
    >>> packed = pack_values(np.array([[10.04, np.nan, 75.26]]))
    >>> packed["first"], packed["decimals"]
    (10040, 3)
    """
    known = np.isfinite(values)
    decimals, first = 0, 0
    numbers = np.full(values.shape, MISSING, np.uint16)
    if known.any():
        shown = np.asarray(values, np.float64)[known]
        decimals = _choose_decimals(float(shown.min()), float(shown.max()))
        whole = _round_to(shown, decimals)
        first = int(whole.min())
        numbers[known] = whole - whole.min()
    steps = np.diff(numbers, axis=1, prepend=np.zeros((len(numbers), 1), np.uint16))
    low_high = steps.astype("<u2").view(np.uint8).reshape(*steps.shape, 2)
    packed = pack_array(np.moveaxis(low_high, 2, 0))
    return {"steps": packed, "first": first, "decimals": decimals}


def pack_lines(lines: Iterable[np.ndarray], grid: MapGrid) -> dict[str, Any]:
    """Return lines, (n, 2) each, as one list of columns and rows, and where each line ends.

    Columns and rows are whole numbers of a part of a cell, kept as differences.
    """
    lines = list(lines)
    points = np.concatenate([np.empty((0, 2)), *lines])
    columns, rows = (
        np.rint(PARTS * (points[:, j] - axis.centres[0]) / axis.step).astype(np.int32)
        for j, axis in enumerate((grid.x, grid.y))
    )
    return {
        "columns": pack_array(np.diff(columns, prepend=np.int32(0))),
        "rows": pack_array(np.diff(rows, prepend=np.int32(0))),
        "parts": PARTS,
        "ends": pack_array(np.cumsum([len(line) for line in lines], dtype=np.int32)),
    }


def pack_regions(
    regions: Sequence[Sequence[Sequence[np.ndarray]]], grid: MapGrid
) -> dict[str, Any]:
    """Return regions as the lines of all rings, and how many rings and polygons each has."""
    polygons = [polygon for region in regions for polygon in region]
    return {
        "rings": pack_lines((ring for polygon in polygons for ring in polygon), grid),
        "rings_of_polygon": pack_array(np.array([len(rings) for rings in polygons], np.int32)),
        "polygons_of_region": pack_array(np.array([len(parts) for parts in regions], np.int32)),
    }


def _choose_decimals(low: float, high: float) -> int:
    """Return the decimals of values: as many as 16 bits hold, and not more than floats have."""
    span, largest = high / 2 - low / 2, max(abs(low), abs(high))
    if largest == 0.0:
        return 0
    in_floats = DIGITS - math.floor(math.log10(largest))
    in_16_bits = math.floor(math.log10((MISSING - 2) / 2 / span)) if span > 0 else in_floats
    return min(in_16_bits, in_floats, MOST_DECIMALS)


def _round_to(values: np.ndarray, decimals: int) -> np.ndarray:
    """Return values in units of 10 to the power of minus `decimals`, rounded to whole numbers."""
    scaled = values * 10.0**decimals if decimals >= 0 else values / 10.0**-decimals
    return np.rint(scaled)
