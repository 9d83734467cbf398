"""Outlines on the map of a page."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.html_report.contents import MOST_ROWS
from fastkm.workflows.reports import regions
from fastkm.workflows.reports.regions import describe_outlines
from fastkm.workflows.reports.sheet import make_sheet
from tests.label_maps import globe, projected

LABELS = np.array([[0, 0, 1, 1], [0, 1, 1, 0], [2, 2, 2, 0]])


def join(outlines):
    """Return the shapes of regions."""
    return [
        shapely.MultiPolygon([shapely.Polygon(rings[0], rings[1:]) for rings in region])
        for region in outlines.regions
    ]


def test_regions_are_the_outlines():
    labels = projected(LABELS, 3035, 4e6 + 1e5 * np.arange(4), 3e6 - 1e5 * np.arange(3))
    frame = fastkm.outline(labels)
    found = describe_outlines(frame, make_sheet(labels))
    assert all(a.equals(b) for a, b in zip(join(found), frame.geometry, strict=True))
    assert found.table.headings[:3] == ("region", "cluster", "cells")
    assert [row[2] for row in found.table.rows] == [str(n) for n in frame["cells"]]
    assert found.ks == ()
    assert found.notes == ()


@pytest.mark.parametrize("longitudes", ["0..360", "-180..180"])
@pytest.mark.parametrize("west", [0.0, -180.0, -7.5])
def test_outlines_lie_on_maps_of_other_longitudes(west, longitudes):
    labels = globe(LABELS, west=west)
    sheet = make_sheet(labels)
    shapes = join(describe_outlines(fastkm.outline(labels, longitudes=longitudes), sheet))
    frame = shapely.box(sheet.x.ends[0], -90, sheet.x.ends[1], 90)
    seen = [shapely.intersection(shape, frame).area for shape in shapes]
    np.testing.assert_allclose(sum(seen), 360 * 180)


def test_outlines_of_another_reference_system_are_moved():
    labels = projected(LABELS, 3035, 4e6 + 1e5 * np.arange(4), 3e6 - 1e5 * np.arange(3))
    frame = fastkm.outline(labels)
    there = join(describe_outlines(frame.to_crs("EPSG:4326"), make_sheet(labels)))
    for shape, own in zip(there, frame.geometry, strict=True):
        assert shapely.hausdorff_distance(shape, own) < 1.0


def test_many_regions_are_the_largest():
    rng = np.random.default_rng(0)
    labels = projected(rng.integers(0, 4, (40, 40)), 3035, np.arange(40.0), np.arange(40.0))
    frame = fastkm.outline(labels)
    found = describe_outlines(frame, make_sheet(labels))
    assert len(found.regions) == len(found.table.rows) == MOST_ROWS
    cells = np.array([int(row[2]) for row in found.table.rows])
    assert cells.sum() == np.sort(frame["cells"])[::-1][:MOST_ROWS].sum()
    assert found.notes == (f"These are the 200 largest of {len(frame)} regions.",)


def test_long_lines_are_simplified_together(monkeypatch):
    monkeypatch.setattr(regions, "MOST_POINTS", 20)
    rows = np.indices((30, 30)).sum(axis=0) // 7
    labels = projected(rows, 3035, 10.0 * np.arange(30), 10.0 * np.arange(30))
    frame = fastkm.outline(labels)
    found = describe_outlines(frame, make_sheet(labels))
    shapes = join(found)
    assert (
        shapely.get_num_coordinates(shapes).sum()
        < 0.5 * shapely.get_num_coordinates(frame.geometry).sum()
    )
    assert shapely.coverage_is_valid([shape.geoms[0] for shape in shapes])
    assert "simplified" in found.notes[-1]


def test_columns_without_numbers_are_left_out():
    frame = gpd.GeoDataFrame(
        {"k": [2, 3], "cluster": [0, -1], "mean": [np.nan, np.nan]},
        geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
    )
    labels = projected(LABELS, 3035, np.arange(4.0), np.arange(3.0))
    found = describe_outlines(frame, make_sheet(labels), "kg m-2")
    assert found.table.headings == ("region", "k", "cluster")
    assert found.table.rows == (("1", "2", "0"), ("2", "3", "−1"))
    assert found.ks == (2, 3)


def test_no_outlines_are_an_empty_table():
    labels = projected(LABELS, 3035, np.arange(4.0), np.arange(3.0))
    found = describe_outlines(fastkm.outline(labels, min_area=1e9), make_sheet(labels))
    assert found.regions == found.table.rows == ()


def test_outlines_of_another_place_are_an_error():
    frame = fastkm.outline(globe(LABELS))
    sheet = make_sheet(xr.DataArray(LABELS, dims=("y", "x")))
    with pytest.raises(ValueError, match="lies nowhere on the globe, got outlines in WGS 84"):
        describe_outlines(frame, sheet)


def test_polygons_without_measures_are_the_largest_in_the_plane():
    rng = np.random.default_rng(1)
    labels = xr.DataArray(rng.integers(0, 4, (40, 40)), dims=("y", "x"))
    frame = fastkm.polygonize(labels)
    found = describe_outlines(frame, make_sheet(labels))
    assert found.table.headings == ("region", "cluster")
    sizes = [shape.area for shape in join(found)]
    np.testing.assert_allclose(sum(sizes), frame.area.nlargest(MOST_ROWS).sum())
