"""Arrays in a page are unpacked to what they were; here by Python, in `test_page` by a browser."""

import base64
import zlib

import numpy as np
import pytest

from fastkm.html_report.contents import Axis, MapGrid
from fastkm.html_report.pack import pack_array, pack_lines, pack_regions, pack_values


def unpack(packed):
    """Do what `unpackArray` of data.js does."""
    raw = zlib.decompress(base64.b64decode(packed["bytes"]))
    return np.frombuffer(raw, packed["type"]).reshape(packed["shape"])


def unpack_values(packed):
    """Do what `unpackValues` of data.js does; NaN for null."""
    low, high = unpack(packed["steps"]).astype(np.uint16)
    numbers = np.cumsum(low + 256 * high, axis=1, dtype=np.uint16)
    whole = packed["first"] + numbers.astype(float)
    decimals = packed["decimals"]
    values = whole / 10.0**decimals if decimals >= 0 else whole * 10.0**-decimals
    return np.where(numbers == 65535, np.nan, values)


def unpack_lines(packed, grid):
    """Do what `unpackLines` of data.js does."""
    places = [
        axis.centres[0] + np.cumsum(unpack(packed[name])) / packed["parts"] * axis.step
        for axis, name in ((grid.x, "columns"), (grid.y, "rows"))
    ]
    return np.split(np.column_stack(places), unpack(packed["ends"])[:-1])


@pytest.mark.parametrize("dtype", ["int8", "int16", ">i4", "float32", "uint8"])
def test_arrays_come_back(dtype):
    array = np.arange(-6, 6).reshape(3, 4).astype(dtype)
    np.testing.assert_array_equal(unpack(pack_array(array)), array)
    np.testing.assert_array_equal(unpack(pack_array(array[:, ::-2])), array[:, ::-2])


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 75), (250, 310), (-1e-9, 2e-9), (1e30, 3e30), (-5e4, 5e4), (1e9, 1e9 + 1), (0, 1e-250)],
)
def test_values_are_right_to_four_digits_of_their_range(low, high):
    values = np.random.default_rng(0).uniform(low, high, (30, 40))
    values[3, 4:9] = np.nan
    values[0, 0] = np.nan
    found = unpack_values(pack_values(values))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_allclose(found, values, rtol=0, atol=1e-4 * (high - low))


def test_values_with_few_decimals_are_what_they_were():
    values = np.round(np.random.default_rng(1).uniform(0, 75, (50, 60)), 2).astype(np.float32)
    found = unpack_values(pack_values(values))
    assert [f"{x:.2f}" for x in found.ravel()] == [f"{x:.2f}" for x in values.ravel()]


@pytest.mark.parametrize("value", [0.0, 3.25, -7e5, np.nan])
def test_equal_values_come_back(value):
    values = np.full((2, 3), value)
    np.testing.assert_array_equal(unpack_values(pack_values(values)), values)


def test_huge_ranges_do_not_overflow():
    values = np.array([[-1.7e308, 0.0, 1.7e308]])
    found = unpack_values(pack_values(values))
    np.testing.assert_allclose(found, values, rtol=1e-3, atol=1e304)


def make_grid(descending):
    y = np.linspace(5, -5, 11) if descending else np.linspace(-5, 5, 11)
    return MapGrid(Axis("x", "m", np.arange(7.0)), Axis("y", "m", y), 1.0)


@pytest.mark.parametrize("descending", [False, True])
def test_lines_come_back_to_a_part_of_a_cell(descending):
    grid = make_grid(descending)
    rng = np.random.default_rng(2)
    lines = [rng.uniform(-3, 9, (n, 2)) for n in (2, 5, 1)]
    found = unpack_lines(pack_lines(lines, grid), grid)
    assert [len(line) for line in found] == [2, 5, 1]
    for line, other in zip(found, lines, strict=True):
        np.testing.assert_allclose(line, other, rtol=0, atol=1 / 64 + 1e-9)


def test_edges_of_cells_stay_where_they_are():
    grid = make_grid(descending=True)
    line = np.array([[-0.5, -5.5], [6.5, 5.5]])
    np.testing.assert_array_equal(unpack_lines(pack_lines([line], grid), grid)[0], line)


def test_no_lines_are_packed():
    grid = make_grid(descending=False)
    packed = pack_lines([], grid)
    assert unpack(packed["ends"]).size == unpack(packed["columns"]).size == 0


def test_regions_keep_their_polygons_and_holes():
    ring = np.array([[0.0, 0], [1, 0], [1, 1], [0, 0]])
    regions = [[[ring, ring / 2], [ring + 2]], [[ring + 4]]]
    packed = pack_regions(regions, make_grid(descending=False))
    assert unpack(packed["polygons_of_region"]).tolist() == [2, 1]
    assert unpack(packed["rings_of_polygon"]).tolist() == [2, 1, 1]
    assert unpack(packed["rings"]["ends"]).tolist() == [4, 8, 12, 16]
