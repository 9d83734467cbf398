"""Regions and rings against scipy's labels, rasterio's polygons and skimage's contours."""

import itertools

import numpy as np
import pytest
import rasterio.features
import scipy.ndimage
import shapely
import skimage.measure
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry import regions
from fastkm.geometry.region_merging import find_touching_pairs, merge_pairs
from fastkm.geometry.regions import Regions, find_regions, trace_rings
from tests import naive
from tests.conftest import needs_jit
from tests.from_file import from_file

SEEDS, SIDES = st.integers(0, 2**32), st.integers(1, 12)
BOUNDARIES = pytest.mark.parametrize("boundary", ["cell", "contour"])


def some_map(seed, rows, columns):
    """Make a map of up to four labels and missing cells: noise, or smooth."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, rng.integers(1, 5), (rows, columns))
    if seed % 2:
        smooth = scipy.ndimage.gaussian_filter(rng.normal(size=(rows, columns)), 1.0)
        labels = np.clip(np.round(smooth * 6), -1, 3).astype(int)
    return labels


def checkerboard(n):
    return np.indices((n, n)).sum(axis=0) % 2


def nested(n):
    """Squares one in another."""
    i, j = np.indices((n, n))
    return np.minimum(np.minimum(i, j), np.minimum(n - 1 - i, n - 1 - j)) % 2


def spiral(n):
    labels, row, column, down, along = np.zeros((n, n), int), 0, 0, 0, 1
    labels[0, 0] = 1
    for length in [n - 1, *np.repeat(np.arange(n - 1, 0, -2), 2)]:
        for _ in range(length):
            row, column = row + down, column + along
            labels[row, column] = 1
        down, along = along, -down
    return labels


def diagonal_ring(n):
    """Cells that meet at corners only, around a middle of another label, and a bay that is open."""
    labels = np.zeros((n, n), int)
    i, j = np.indices((n, n))
    labels[np.abs(i - n // 2) + np.abs(j - n // 2) == n // 2] = 1
    return labels


SHAPES = {
    "one cell": np.array([[3]]),
    "one missing cell": np.array([[-1]]),
    "a row": np.array([[0, 0, 1, -1, 0, 1, 1]]),
    "a column": np.array([[0, 0, 1, -1, 0, 1, 1]]).T,
    "all one": np.zeros((4, 6), int),
    "checkerboard": checkerboard(7),
    "nested": nested(9),
    "spiral": spiral(11),
    "diagonal ring": diagonal_ring(9),
    "meets itself thrice": np.array(
        [[1, 1, 1, 1, 1], [1, 0, 1, 0, 1], [1, 1, 0, 1, 1], [1, 0, 1, 0, 0], [1, 1, 1, 0, 2]]
    ),
    "hole open at a corner": np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]]),
    "two holes that meet": np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, -1, 1], [1, 1, 1, 1]]),
}
ALL_SHAPES = pytest.mark.parametrize("name", SHAPES)


def polygons(rings):
    """Give polygons in (column, row) where cell (0, 0) covers the unit square."""
    points = np.ascontiguousarray(rings.points[:, ::-1]) + 0.5
    offsets = (rings.ring_offsets, rings.polygon_offsets)
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, offsets)


def normalized(geometries):
    return sorted(shapely.to_wkt(shapely.normalize(np.array(geometries, object))).tolist())


def cyclic(ring):
    """Give a closed ring as an open one that starts at its lowest point."""
    points = [tuple(point) for point in ring[:-1]]
    start = points.index(min(points))
    return points[start:] + points[:start]


def check_cells(labels):
    """Compare rings of cells with rasterio's, and with what must hold for any."""
    found = find_regions(labels)
    rings = trace_rings(found)
    comp = polygons(rings)
    shapes = rasterio.features.shapes(labels.astype(np.int32), mask=labels >= 0, connectivity=4)
    assert normalized(comp) == normalized([shapely.geometry.shape(shape) for shape, _ in shapes])
    assert shapely.is_valid(comp).all()
    np.testing.assert_array_equal(shapely.area(comp), found.cells)
    np.testing.assert_array_equal(rings.regions, np.arange(len(found.labels)))
    assert shapely.union_all(comp).area == np.count_nonzero(labels >= 0)  # so none overlap
    assert all(polygon.exterior.is_ccw for polygon in comp)
    assert not any(hole.is_ccw for polygon in comp for hole in polygon.interiors)


def check_contours(labels):
    """Compare rings of midpoints with skimage's."""
    found = find_regions(labels)
    rings = trace_rings(found, boundary="contour")
    assert shapely.is_valid(polygons(rings)).all()
    for polygon, region in enumerate(rings.regions):
        inside = np.pad(found.numbers == region, 1).astype(float)
        ref = [ring - 1 for ring in skimage.measure.find_contours(inside, 0.5)]
        first, last = rings.polygon_offsets[polygon : polygon + 2]
        offsets = rings.ring_offsets[first : last + 1]
        comp = [rings.points[a:b] for a, b in itertools.pairwise(offsets.tolist())]
        assert sorted(map(cyclic, comp)) == sorted(map(cyclic, ref))


def check_round_trip(labels, boundary):
    """Look up which polygon each cell's centre lies in."""
    found = find_regions(labels)
    rings = trace_rings(found, boundary=boundary)
    row, column = np.indices(labels.shape).reshape(2, -1)
    tree = shapely.STRtree(polygons(rings))
    centres = shapely.points(column + 0.5, row + 0.5)
    cell, polygon = tree.query(centres, predicate="within")
    assert len(cell) == len(set(cell.tolist()))
    comp = np.full(labels.size, -1)
    comp[cell] = found.labels[rings.regions[polygon]]
    np.testing.assert_array_equal(comp, np.maximum(labels, -1).reshape(-1))


def check_order(labels, boundary):
    """Compare with rings walked one after another: exteriors first, then holes in raster order."""
    found = find_regions(labels)
    rings = trace_rings(found, boundary=boundary)
    n = len(found.labels)
    ref = [naive.trace_rings(found.numbers == r, contour=boundary == "contour") for r in range(n)]
    assert np.diff(rings.polygon_offsets).tolist() == [len(region) for region in ref]
    flat = [ring for region in ref for ring in region]
    assert np.diff(rings.ring_offsets).tolist() == [len(ring) for ring in flat]
    np.testing.assert_array_equal(rings.points, np.concatenate([np.empty((0, 2)), *flat]))


class TestFindRegions:
    @given(SEEDS, SIDES, SIDES)
    def test_numbers_are_those_of_scipy_up_to_their_order(self, seed, rows, columns):
        labels = some_map(seed, rows, columns)
        found = find_regions(labels)
        count = 0
        for label in np.unique(labels[labels >= 0]):
            ref, n = scipy.ndimage.label(labels == label)
            pairs = {*zip(found.numbers[ref > 0].tolist(), ref[ref > 0].tolist(), strict=True)}
            assert len(pairs) == n == len({number for number, _ in pairs})
            count += n
        assert len(found.labels) == count
        assert (found.numbers[labels < 0] == -1).all()

    @given(SEEDS, SIDES, SIDES)
    def test_regions_are_numbered_by_first_cell_and_measured(self, seed, rows, columns):
        labels = some_map(seed, rows, columns)
        found = find_regions(labels)
        assert found.numbers.dtype == found.boxes.dtype == np.int32
        assert found.labels.dtype == found.cells.dtype == np.int64
        np.testing.assert_array_equal(found.numbers, naive.number_regions(labels))
        for region, box in enumerate(found.boxes.tolist()):
            row, column = np.nonzero(found.numbers == region)
            assert (labels[row, column] == found.labels[region]).all()
            assert found.cells[region] == len(row)
            assert box == [row.min(), column.min(), row.max(), column.max()]

    @pytest.mark.parametrize(
        "dtype",
        ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i2", ">f8"],
    )
    def test_any_type_will_do(self, dtype):
        labels = np.abs(some_map(7, 9, 11)) % 2
        comp = find_regions(labels.astype(dtype))
        for array, ref in zip(comp, find_regions(labels), strict=True):
            np.testing.assert_array_equal(array, ref)

    def test_any_layout_will_do_and_nothing_is_written(self):
        labels = some_map(3, 9, 11)
        ref = find_regions(labels).numbers
        labels.flags.writeable = False
        np.testing.assert_array_equal(find_regions(labels).numbers, ref)
        np.testing.assert_array_equal(find_regions(np.asfortranarray(labels)).numbers, ref)
        np.testing.assert_array_equal(find_regions(labels.tolist()).numbers, ref)
        np.testing.assert_array_equal(
            find_regions(labels[::-1, ::-1]).numbers, naive.number_regions(labels[::-1, ::-1])
        )
        assert not any(array.flags.writeable for array in find_regions(labels))

    @given(SEEDS, SIDES, SIDES)
    def test_missing_cells_are_negative_masked_or_nan(self, seed, rows, columns):
        labels = some_map(seed, rows, columns)
        ref, missing = find_regions(labels), labels < 0
        filled = np.where(missing, np.random.default_rng(seed).integers(0, 3, labels.shape), labels)
        other = np.where(missing, -1 - np.indices(labels.shape)[1], labels)
        for comp in (
            find_regions(np.ma.array(filled, mask=missing)),
            find_regions(np.ma.array(filled.astype("u8"), mask=missing)),
            find_regions(np.ma.array(filled.astype("f4"), mask=missing)),
            find_regions(np.where(missing, np.nan, labels)),
            find_regions(other),
            find_regions(from_file(xr.DataArray(np.where(missing, 9, labels)), _FillValue=9)),
        ):
            for array, expected in zip(comp, ref, strict=True):
                np.testing.assert_array_equal(array, expected)

    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 2)])
    def test_there_may_be_no_cell_and_no_region(self, shape):
        found = find_regions(np.full(shape, -1))
        assert found.numbers.shape == shape
        assert [len(array) for array in found[1:]] == [0, 0, 0]
        assert found.boxes.shape == (0, 4)
        for boundary in ("cell", "contour"):
            rings = trace_rings(found, boundary=boundary)
            assert rings.points.shape == (0, 2)
            assert rings.ring_offsets.tolist() == rings.polygon_offsets.tolist() == [0]
            assert rings.regions.tolist() == []
        assert find_touching_pairs(found, connectivity=8, periodic=True).shape == (0, 2)
        assert merge_pairs(found, np.empty((0, 2), int)).tolist() == []

    def test_large_labels_are_kept_to_the_last_digit(self):
        top = 2**63 - 1
        assert find_regions(np.array([[top, top - 1]], "u8")).labels.tolist() == [top, top - 1]
        assert find_regions(np.array([[2.0**62, 0.0]])).labels.tolist() == [2**62, 0]

    def test_what_a_mask_covers_may_be_anything(self):
        labels = np.ma.array(np.array([[2**64 - 1, 4]], "u8"), mask=[[True, False]])
        assert find_regions(labels).numbers.tolist() == [[-1, 0]]
        labels = np.ma.array([[np.inf, 0.5, 4]], mask=[[True, True, False]])
        assert find_regions(labels).numbers.tolist() == [[-1, -1, 0]]

    @pytest.mark.parametrize(
        ("labels", "error", "message"),
        [
            (np.zeros(3, int), ValueError, r"labels must have shape \(rows, columns\), got \(3,\)"),
            ([[0, 0.5]], ValueError, r"whole numbers .* got 0.5 at row 0, column 1"),
            ([[0], [np.inf]], ValueError, r"whole numbers .* got inf at row 1, column 0"),
            ([[2.0**63]], ValueError, "whole numbers within int64"),
            (np.array([[1, 2**63]], "u8"), ValueError, "within int64, got 9223372036854775808"),
            (np.array([["a"]]), TypeError, "labels must hold real numbers"),
        ],
    )
    def test_what_is_no_label_map_is_an_error(self, labels, error, message):
        with pytest.raises(error, match=message):
            find_regions(labels)

    def test_masked_labels_do_not_hide_one_beyond_int64(self):
        labels = np.ma.array(np.array([[2**63 + 1, 2**63]], "u8"), mask=[[True, False]])
        with pytest.raises(ValueError, match="got 9223372036854775808"):
            find_regions(labels)

    def test_more_regions_than_numbers_are_an_error(self, monkeypatch):
        monkeypatch.setattr(regions, "MOST_REGIONS", 3)
        assert len(find_regions([[0, 1, 0]]).labels) == 3
        with pytest.raises(ValueError, match="at most 3 regions, got 4"):
            find_regions([[0, 1, 0, 1]])


class TestTraceRings:
    @given(SEEDS, SIDES, SIDES)
    def test_rings_of_cells_are_those_of_rasterio(self, seed, rows, columns):
        check_cells(some_map(seed, rows, columns))

    @ALL_SHAPES
    def test_rings_of_cells_of_shapes(self, name):
        check_cells(SHAPES[name])

    @given(SEEDS, SIDES, SIDES)
    def test_rings_of_midpoints_are_those_of_skimage(self, seed, rows, columns):
        check_contours(some_map(seed, rows, columns))

    @ALL_SHAPES
    def test_rings_of_midpoints_of_shapes(self, name):
        check_contours(SHAPES[name])

    @BOUNDARIES
    @given(SEEDS, SIDES, SIDES)
    def test_each_centre_lies_in_the_polygon_of_its_region(self, boundary, seed, rows, columns):
        check_round_trip(some_map(seed, rows, columns), boundary)

    @BOUNDARIES
    @ALL_SHAPES
    def test_each_centre_lies_in_the_polygon_of_its_shape(self, name, boundary):
        check_round_trip(SHAPES[name], boundary)

    @BOUNDARIES
    @given(SEEDS, SIDES, SIDES)
    def test_rings_are_in_order(self, boundary, seed, rows, columns):
        check_order(some_map(seed, rows, columns), boundary)

    @BOUNDARIES
    @ALL_SHAPES
    def test_rings_of_shapes_are_in_order(self, name, boundary):
        check_order(SHAPES[name], boundary)

    def test_rasterizing_the_polygons_gives_the_labels_back(self):
        labels = some_map(11, 12, 12)
        found = find_regions(labels)
        shapes = zip(polygons(trace_rings(found)), found.labels.tolist(), strict=True)
        comp = rasterio.features.rasterize(shapes, labels.shape, fill=-1, dtype="int32")
        np.testing.assert_array_equal(comp, labels)

    def test_a_hole_open_at_a_corner_is_a_hole_for_cells_only(self):
        found = find_regions(SHAPES["hole open at a corner"])
        cells, contours = trace_rings(found), trace_rings(found, boundary="contour")
        assert [cells.polygon_offsets[1], contours.polygon_offsets[1]] == [2, 1]

    @BOUNDARIES
    @given(SEEDS, SIDES, SIDES)
    def test_wanted_regions_have_the_rings_that_they_have_among_all(
        self, boundary, seed, rows, columns
    ):
        found = find_regions(some_map(seed, rows, columns))
        wanted = np.random.default_rng(seed).random(len(found.labels)) < 0.4
        ref = trace_rings(found, boundary=boundary)
        comp = trace_rings(found, boundary=boundary, wanted=wanted)
        assert comp.regions.tolist() == np.flatnonzero(wanted).tolist()
        assert polygons(comp).tolist() == polygons(ref)[wanted].tolist()

    @BOUNDARIES
    def test_wide_maps_have_wider_nodes_and_the_same_rings(self, boundary, monkeypatch):
        found = find_regions(some_map(5, 12, 12))
        ref = trace_rings(found, boundary=boundary)
        monkeypatch.setattr(regions, "SMALL", 2)
        for comp, expected in zip(trace_rings(found, boundary=boundary), ref, strict=True):
            np.testing.assert_array_equal(comp, expected)

    @BOUNDARIES
    @pytest.mark.parametrize("threads", ["1", "3"])
    def test_chunks_and_threads_change_nothing(self, boundary, threads, monkeypatch):
        labels = some_map(21, 12, 12)
        found = find_regions(labels)
        ref = trace_rings(found, boundary=boundary)
        monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
        for name in ("RUNS", "POINTS"):
            monkeypatch.setattr(regions, name, 7)
        monkeypatch.setattr(regions, "rows_per_chunk", lambda _: 2)
        again = find_regions(labels)
        for comp, expected in zip(again, found, strict=True):
            np.testing.assert_array_equal(comp, expected)
        for comp, expected in zip(trace_rings(again, boundary=boundary), ref, strict=True):
            np.testing.assert_array_equal(comp, expected)

    @needs_jit
    def test_a_large_map_equals_rasterio_and_its_areas_add_up(self):
        rng = np.random.default_rng(1)
        smooth = scipy.ndimage.gaussian_filter(rng.normal(size=(300, 700)), 3)
        labels = np.digitize(smooth, np.quantile(smooth, [0.2, 0.4, 0.6, 0.8])).astype(np.uint8)
        labels[100:120, 300:500] = 9
        found = find_regions(np.ma.masked_equal(labels, 9))
        rings = trace_rings(found)
        comp = polygons(rings)
        shapes = rasterio.features.shapes(labels, mask=labels != 9)
        assert normalized(comp) == normalized(
            [shapely.geometry.shape(shape) for shape, _ in shapes]
        )
        np.testing.assert_array_equal(shapely.area(comp), found.cells)
        contours = polygons(trace_rings(found, boundary="contour"))
        assert shapely.is_valid(contours).all()
        assert len(contours) == len(comp) > 500

    @needs_jit
    def test_a_map_wider_than_half_of_32_bits(self):
        labels = np.tile(np.arange(70_000) % 3 == 0, (2, 1))
        found = find_regions(labels)
        comp = polygons(trace_rings(found))
        np.testing.assert_array_equal(shapely.area(comp), found.cells)
        assert shapely.total_bounds(comp).tolist() == [0, 0, 70_000, 2]

    def test_unknown_boundaries_and_wrong_wishes_are_errors(self):
        found = find_regions([[0, 1]])
        with pytest.raises(ValueError, match="boundary must be one of 'cell', 'contour', got 'x'"):
            trace_rings(found, boundary="x")
        for wanted in ([True], [[True, False]], [0, 1]):
            with pytest.raises(
                ValueError, match=r"wanted must be one boolean a region, shape \(2,\)"
            ):
                trace_rings(found, wanted=wanted)

    def test_regions_that_are_numbered_otherwise_are_an_error(self):
        found = find_regions([[0, 1], [2, 2]])
        wrong = found._replace(numbers=np.array([[1, 0], [2, 2]], np.int32))
        with pytest.raises(ValueError, match="numbered by their first cells"):
            trace_rings(wrong)


def touching_pairs(found, connectivity, periodic):
    """Look at all neighbours of all cells."""
    rows, columns = found.numbers.shape
    steps = [(0, 1), (1, 0), (1, 1), (1, -1)][: 2 if connectivity == 4 else 4]
    pairs = set()
    for row, column in np.ndindex(rows, columns):
        for down, along in steps:
            a, b = row + down, column + along
            if periodic:
                b %= columns
            if a < rows and 0 <= b < columns:
                pair = sorted((int(found.numbers[row, column]), int(found.numbers[a, b])))
                same = pair[0] >= 0 and found.labels[pair[0]] == found.labels[pair[1]]
                if same and pair[0] != pair[1]:
                    pairs.add(tuple(pair))
    return sorted(pairs)


class TestTouching:
    @pytest.mark.parametrize("connectivity", [4, 8])
    @pytest.mark.parametrize("periodic", [False, True])
    @given(SEEDS, SIDES, SIDES)
    def test_pairs_are_those_of_all_neighbours(self, connectivity, periodic, seed, rows, columns):
        found = find_regions(some_map(seed, rows, columns))
        comp = find_touching_pairs(found, connectivity=connectivity, periodic=periodic)
        assert list(map(tuple, comp.tolist())) == touching_pairs(found, connectivity, periodic)

    def test_within_the_array_regions_of_one_label_touch_at_corners_only(self):
        assert find_touching_pairs(find_regions(checkerboard(5))).shape == (0, 2)
        assert len(find_touching_pairs(find_regions(checkerboard(5)), connectivity=8)) == 2 * 4 * 4

    @pytest.mark.parametrize("connectivity", [0, 6, "4"])
    def test_other_connectivities_are_errors(self, connectivity):
        with pytest.raises(ValueError, match="connectivity must be 4 or 8, got"):
            find_touching_pairs(find_regions([[0]]), connectivity=connectivity)


class TestJoined:
    @given(SEEDS, SIDES, SIDES)
    def test_joined_across_corners_regions_are_scipys_8_connected(self, seed, rows, columns):
        labels = some_map(seed, rows, columns)
        found = find_regions(labels)
        groups = merge_pairs(found, find_touching_pairs(found, connectivity=8))
        comp = np.where(labels < 0, -1, np.append(groups, -1)[found.numbers])
        seen = []
        for label in np.unique(labels[labels >= 0]):
            ref, n = scipy.ndimage.label(labels == label, np.ones((3, 3)))
            for part in range(1, n + 1):
                numbers = np.unique(comp[ref == part])
                assert len(numbers) == 1
                seen.append(int(numbers[0]))
        assert sorted(seen) == list(range(len(seen)))

    @given(st.integers(1, 12), st.data())
    def test_groups_are_numbered_by_first_region(self, n, data):
        pairs = data.draw(st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=8))
        ref = list(range(n))
        for a, b in pairs:
            low, high = sorted((ref[a], ref[b]))
            ref = [low if group == high else group for group in ref]
        order = sorted(set(ref))
        found = find_regions([np.arange(n)])
        assert merge_pairs(found, np.reshape(pairs, (-1, 2)).astype(int)).tolist() == [
            order.index(group) for group in ref
        ]


def test_a_record_of_regions_is_a_tuple_that_unpacks():
    numbers, labels, cells, boxes = find_regions([[4, 4]])
    assert isinstance(find_regions([[4]]), Regions)
    assert (numbers.tolist(), labels.tolist(), cells.tolist()) == ([[0, 0]], [4], [2])
    assert boxes.tolist() == [[0, 0, 0, 1]]
