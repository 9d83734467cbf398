"""Outlines: what they measure, which are left out, and where they lie."""

import itertools

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Geod

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.vector.measure import as_area, as_length
from fastkm.vector.outline import outline
from tests.label_maps import globe, placed, polar, projected, rings_around_the_middle
from tests.small_files import REAL

WGS84 = Geod(ellps="WGS84")
COLUMNS = [
    "cluster", "value", "cells", "area_km2", "perimeter_km", "diameter_px", "diameter_km",
]  # fmt: skip
GLOBES = arrays(
    np.int16, st.tuples(st.integers(2, 6), st.integers(2, 8)), elements=st.integers(-1, 2)
)
BOUNDARIES = ("cell", "contour")


def densified_perimeter(geometry, skipped=()):
    """Sum geodesics between points a hundredth of a degree apart, but along skipped meridians."""
    total = 0.0
    for ring in shapely.get_rings(shapely.get_parts(geometry)):
        points = shapely.get_coordinates(ring)
        for a, b in itertools.pairwise(points):
            if a[0] == b[0] and a[0] in skipped:
                continue
            line = np.linspace(a, b, 2 + int(100 * np.abs(b - a).max()))
            total += WGS84.line_length(*line.T)
    return total / 1e3


def farthest_km(geometry):
    """Compare all pairs of the corners of the exteriors."""
    points = shapely.get_coordinates(shapely.get_exterior_ring(shapely.get_parts(geometry)))
    i, j = np.triu_indices(len(points))
    return WGS84.inv(*points[i].T, *points[j].T)[2].max() / 1e3


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("make", [globe, polar], ids=["globe", "polar"])
def test_junctions_change_no_measure(make, boundary):
    labels = make(np.random.default_rng(4).integers(-1, 3, (9, 11)))
    options = {"boundary": boundary, "longitudes": "-180..180", "min_diameter": "2px"}
    found, wanted = (outline(labels, junctions=own, **options) for own in (True, False))
    assert found.drop(columns="geometry").equals(wanted.drop(columns="geometry"))
    more = found.count_coordinates().sum() - wanted.count_coordinates().sum()
    assert (more > 0) == (boundary == "cell" and make is globe)


# Columns


def test_columns_and_types():
    frame = outline(placed([[0, 0, 0], [0, 2, 0], [0, 0, 0]]))
    assert list(frame.columns) == [*COLUMNS, "geometry"]
    assert [str(kind) for kind in frame.dtypes] == ["int64", "float64", "int64", *["float64"] * 4,
                                                    "geometry"]  # fmt: skip
    assert frame.crs.to_epsg() == 4326
    assert frame["cluster"].tolist() == [0, 2]
    assert frame["cells"].tolist() == [8, 1]
    assert frame["diameter_px"].tolist() == [np.hypot(3, 3), np.hypot(1, 1)]
    assert frame["value"].isna().all()


def test_a_raster_is_clustered_and_gives_values_and_statistics():
    raster = placed([[1.0, 1, 9], [3, 1, np.nan], [8, 1, 10]])
    frame = outline(raster, 2)
    assert list(frame.columns) == [*COLUMNS, "mean", "min", "max", "geometry"]
    assert frame["cluster"].tolist() == [0, 1, 1, 1]
    assert frame["value"].tolist() == [1.4, 9.0, 9.0, 9.0]
    assert frame["cells"].tolist() == [5, 1, 1, 1]
    assert frame["mean"].tolist() == [1.4, 9, 8, 10]
    assert frame["min"].tolist() == [1, 9, 8, 10]
    assert frame["max"].tolist() == [3, 9, 8, 10]


def test_labels_bring_their_centroids_and_values_their_statistics():
    raster = placed([[1.0, 2, 9], [3, 2, 11]])
    labels = fastkm.cluster_raster(raster, 2).labels
    frame = outline(labels, values=raster)
    assert frame["value"].tolist() == [2, 10]
    assert frame["mean"].tolist() == [2, 10]
    bare = outline(labels)
    assert "mean" not in bare
    assert bare["value"].tolist() == [2, 10]


def test_missing_values_inside_count_for_nothing():
    values = placed([[1.0, np.nan, 5], [7, 7, 7]])
    frame = outline(placed([[0, 0, 0], [1, 1, 1]]), values=values)
    assert frame["mean"].tolist() == [3, 7]
    frame = outline(placed([[0, 1, 0]] * 2), values=placed([[1.0, np.nan, 5]] * 2))
    assert frame["mean"].fillna(-1).tolist() == [1, 5, -1]


def test_longest_comes_first_in_each_cluster():
    cells = np.zeros((7, 12), int)
    cells[1, 1:4], cells[3, 1:10], cells[5, 1:6] = 1, 1, 1
    frame = outline(placed(cells), boundary="contour")
    assert frame["cluster"].tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(frame["diameter_px"][1:], [9, 5, 3])


@pytest.mark.parametrize("cells", [np.full((3, 4), -1), np.full((1, 1), -1)])
def test_nothing_to_outline_gives_an_empty_frame_with_the_columns(cells):
    frame = outline(placed(cells), areas=placed(np.ones(cells.shape)))
    assert len(frame) == 0
    assert list(frame.columns) == [*COLUMNS, "geometry"]
    assert frame.dtypes["cells"] == np.int64
    assert frame.crs.to_epsg() == 4326


# Measures


@given(GLOBES, st.sampled_from(BOUNDARIES), st.sampled_from([4, 8]))
def test_measures_do_not_depend_on_where_a_globe_is_cut(labels, boundary, connectivity):
    options = {"boundary": boundary, "connectivity": connectivity}
    one = outline(globe(labels), **options)
    turned = globe(np.roll(labels, 1, axis=1), west=-360 / labels.shape[1])
    other = outline(turned, longitudes="-180..180", **options)
    assert one["cells"].sum() == (labels >= 0).sum()
    names = ["cluster", "cells", "area_km2", "perimeter_km", "diameter_px"]
    for frame in (one, other):
        frame[names[2:]] = frame[names[2:]].round(6)
    rows = [sorted(frame[names].itertuples(index=False, name=None)) for frame in (one, other)]
    np.testing.assert_allclose(
        [r[:4] for r in rows[0]], [r[:4] for r in rows[1]], rtol=1e-9, atol=1e-3
    )


@given(GLOBES)
def test_areas_are_those_of_the_cells(labels):
    raster = globe(labels)
    frame = outline(raster)
    areas = cell_areas(raster).values
    for cluster in range(3):
        found = frame["area_km2"][frame["cluster"] == cluster].sum()
        np.testing.assert_allclose(found, areas[labels == cluster].sum() / 1e6, rtol=1e-12)


def test_areas_can_be_given_and_bounds_count():
    labels = placed([[0, 1]], [0.5], [0.5, 1.5])
    given_areas = outline(labels, areas=placed([[4e6, 5e6]], [0.5], [0.5, 1.5]))
    assert given_areas["area_km2"].tolist() == [4, 5]
    labels["lat"].attrs["bounds"] = "lat_bnds"
    bounded = xr.Dataset({"labels": labels, "lat_bnds": (("lat", "nv"), [[0.0, 2.0]])})
    area = outline(labels, areas=cell_areas(bounded))["area_km2"][0]
    square = WGS84.geometry_area_perimeter(shapely.segmentize(shapely.box(0, 0, 1, 2), 0.001))[0]
    assert area == pytest.approx(square / 1e6, rel=1e-7)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_perimeter_is_that_of_the_line_drawn(boundary):
    rng = np.random.default_rng(1)
    frame = outline(globe(rng.integers(0, 2, (6, 8))), boundary=boundary)
    wanted = [densified_perimeter(g, skipped=(0.0, 360.0)) for g in frame.geometry]
    seam = outline(globe(rng.integers(0, 2, (6, 8)) * 0), boundary=boundary)
    uncut = ~np.array([bool({0.0, 360.0} & set(g.bounds[::2])) for g in frame.geometry])
    assert uncut.any()
    np.testing.assert_allclose(frame["perimeter_km"][uncut], np.array(wanted)[uncut], rtol=1e-6)
    np.testing.assert_allclose(seam["perimeter_km"], 0, atol=1e-9)  # the whole globe


def test_boundary_along_the_seam_counts_and_a_cut_does_not():
    cells = np.zeros((4, 8), int)
    cells[1:3, 0] = 1
    frame = outline(globe(cells)).set_index("cluster")
    wanted = densified_perimeter(frame.geometry[1])
    assert frame["perimeter_km"].tolist() == pytest.approx([wanted, wanted], rel=1e-6)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_diameters_are_those_of_the_exteriors(boundary):
    rng = np.random.default_rng(4)
    raster = placed(rng.integers(0, 3, (7, 9)), np.linspace(50, 62, 7), np.linspace(-3, 21, 9))
    frame = outline(raster, boundary=boundary)
    wanted = [farthest_km(g) for g in frame.geometry]
    np.testing.assert_allclose(frame["diameter_km"], wanted, rtol=1e-9)


def test_diameter_goes_over_the_seam_not_round_the_globe():
    cells = np.zeros((4, 12), int)
    cells[1, :3], cells[1, -2:] = 1, 1
    frame = outline(globe(cells)).set_index("cluster")
    assert frame["diameter_px"][1] == np.hypot(5, 1)
    assert frame["diameter_px"][0] == np.hypot(12, 4)


@pytest.mark.parametrize(("columns", "across"), [((0, 10), 3), ((0, 6), 7), ((2, 9), 6)])
def test_regions_over_a_bridge_are_one(columns, across):
    cells = np.full((3, 12), -1)
    cells[1, columns] = 1
    frame = outline(globe(cells), bridge=11)
    assert frame["cells"].tolist() == [2]
    assert frame["diameter_px"].tolist() == [np.hypot(across, 1)]
    assert len(outline(globe(cells))) == 2


def test_only_missing_cells_are_bridged():
    frame = outline(placed([[1, -1, 1, 0, 1]] * 2), bridge=1)
    assert frame["cells"].tolist() == [2, 4, 2]
    assert frame.geom_type.tolist() == ["Polygon", "MultiPolygon", "Polygon"]
    assert frame.is_valid.all()


def test_projected_cells_have_their_area_on_the_ellipsoid():
    x, y = np.arange(-2e5, 2.1e5, 1e5), np.arange(5e6, 5.3e6, 1e5)
    labels = projected(np.zeros((3, 5), int), 6933, x, y)  # equal areas
    frame = outline(labels)
    assert frame["area_km2"].tolist() == pytest.approx([15e4], rel=2e-5)  # sides of 100 km
    box = shapely.segmentize(frame.geometry[0], 1e3)
    points = shapely.get_coordinates(frame.set_geometry([box]).to_crs(4326).geometry[0])
    assert frame["perimeter_km"][0] == pytest.approx(WGS84.line_length(*points.T) / 1e3, rel=1e-3)


@pytest.mark.parametrize("longitudes", [None, "0..360", "-180..180"])
def test_measures_around_a_pole(longitudes):
    frame = outline(polar(rings_around_the_middle()), longitudes=longitudes).set_index("cluster")
    scale = 4e4  # km2 a cell of 200 km at 70 degrees, where the projection is true
    cells = frame["cells"]
    assert (frame["area_km2"] / cells / scale).between(0.7, 1.15).all()
    assert frame["diameter_km"][2] == pytest.approx(frame["diameter_px"][2] * 200, rel=0.05)


def test_arrays_without_a_place_are_measured_in_pixels():
    frame = outline(xr.DataArray([[0, 1], [0, 1]], dims=("y", "x")))
    assert frame[["area_km2", "perimeter_km", "diameter_km"]].isna().all(axis=None)
    assert frame["diameter_px"].tolist() == [np.hypot(1, 2)] * 2
    assert frame.crs is None


# Filters


def three_bars():
    cells = np.zeros((7, 12), int)
    cells[1, 1:4], cells[3, 1:10], cells[5, 1:6] = 1, 1, 1
    return placed(cells)


@pytest.mark.parametrize(("limit", "kept"), [(2.999, 3), (3.0, 2), ("5px", 1), (9.0, 0), (1e9, 0)])
def test_diameter_must_exceed_the_limit(limit, kept):
    frame = outline(three_bars(), select=1, min_diameter=limit, boundary="contour")
    assert len(frame) == kept


def test_limits_on_the_ground():
    whole = outline(three_bars(), select=1)
    middle = whole["diameter_km"][1]
    assert len(outline(three_bars(), select=1, min_diameter=f"{middle}km")) == 1
    assert len(outline(three_bars(), select=1, min_diameter=f"{middle * 0.999}km")) == 2
    area = whole["area_km2"].sort_values().tolist()[1]
    assert len(outline(three_bars(), select=1, min_area=area)) == 1
    assert len(outline(three_bars(), select=1, min_area=f"{area * 0.999}km2")) == 2


@given(GLOBES, st.sampled_from(BOUNDARIES), st.floats(0, 6), st.floats(0, 2e4))
def test_filters_leave_out_what_the_columns_say(labels, boundary, pixels, kilometres):
    raster = globe(labels)
    whole = outline(raster, boundary=boundary)
    for column, limit in (("diameter_px", f"{pixels}px"), ("diameter_km", f"{kilometres}km")):
        kept = whole[whole[column] > float(limit[:-2])].reset_index(drop=True)
        assert outline(raster, boundary=boundary, min_diameter=limit).equals(kept)


@pytest.mark.parametrize(
    ("select", "clusters"),
    [("all", [0, 2, 5]), ("highest", [5]), ("lowest", [0]), (2, [2]), ([5, 0], [0, 5]), (7, [])],
)
def test_clusters_are_selected(select, clusters):
    frame = outline(placed([[0, 2, 5]]), select=select, areas=placed([[1.0, 1, 1]]))
    assert frame["cluster"].tolist() == clusters


def test_statistics_are_those_of_the_regions_that_stay():
    raster = placed([[1.0, 1, 9], [1, 1, 1], [8, 8, 1]])
    frame = outline(raster, 2, select="highest", min_diameter=2)
    assert frame["mean"].tolist() == [8]
    assert frame["cells"].tolist() == [2]


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_diameter": "far"}, "min_diameter must be a number of at least 0 such as '200px'"),
        ({"min_diameter": -1}, "min_diameter must be a number of at least 0"),
        ({"min_diameter": "3km2"}, "min_diameter"),
        ({"min_diameter": float("nan")}, "min_diameter"),
        ({"min_area": "3km"}, "min_area must be a number of at least 0 such as '200km2'"),
        ({"select": "most"}, "select must be 'all', 'highest', 'lowest' or whole numbers"),
        ({"select": 1.5}, "select must be"),
        ({"boundary": "edge"}, "boundary must be one of"),
        ({"longitudes": "east"}, "longitudes must be"),
        ({"bridge": -1}, "bridge must be a whole number of at least 0, got -1"),
        ({"bridge": 1.5}, "bridge must be a whole number"),
        ({"connectivity": 5}, "connectivity must be 4 or 8"),
        ({"values": placed([[1.0]])}, r"values must have the shape of the labels, \(7, 12\)"),
        ({"areas": placed([[1.0]])}, "areas must have the shape of the labels"),
    ],
)
def test_bad_options_are_value_errors_that_say_what_came(options, message):
    with pytest.raises(ValueError, match=message):
        outline(three_bars(), **options)


def test_limits_on_the_ground_need_a_place():
    bare = xr.DataArray([[0, 1]], dims=("y", "x"))
    with pytest.raises(ValueError, match="2000km needs a raster with latitudes and longitudes"):
        outline(bare, min_diameter="2000km")
    with pytest.raises(ValueError, match="5km2 needs a raster"):
        outline(bare, min_area=5)
    assert len(outline(bare, min_diameter="0km")) == 2


def test_a_raster_needs_k():
    with pytest.raises(ValueError, match="whole numbers"):
        outline(placed([[1.5, 2.5]], [1.0]))


def test_lengths_and_areas_are_read():
    assert as_length(3) == (3.0, "px")
    assert as_length(" 1.5e3 km ") == (1500.0, "km")
    assert as_length("20") == (20.0, "px")
    assert as_area("2e6") == (2e6, "km2")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_gives_the_same(threads):
    rng = np.random.default_rng(0)
    raster = globe(rng.random((20, 40)))
    assert outline(raster, 3, threads=threads).equals(outline(raster, 3, threads=3))


REAL_OPTIONS = {"select": "highest", "longitudes": "-180..180", "bridge": 1}


@pytest.mark.skipif(not REAL.exists(), reason="the real raster is not part of the project")
def test_the_moist_belt_is_one_region_from_africa_round_to_africa():
    raster = fastkm.read_raster(REAL)
    frame = outline(raster, 4, min_diameter="10000km", **REAL_OPTIONS)
    [belt] = frame.geometry
    assert belt.is_valid
    assert belt.geom_type == "MultiPolygon"
    assert belt.bounds[::2] == (-180, 180)
    east, west = shapely.Point(43.5, -3.5), shapely.Point(8.5, 1.5)  # off Kenya, off Gabon
    assert belt.covers(east)
    assert belt.covers(west)
    assert frame["diameter_px"][0] == pytest.approx(334, abs=1)
    assert not belt.intersects(shapely.box(15, -40, 38, 40))  # Africa itself
    apart = outline(raster, 4, min_diameter="5000km", **REAL_OPTIONS | {"bridge": 0})
    assert len(apart) == 3
