"""Regions and rings of strips against those of the whole map."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.geometry import open_regions
from fastkm.geometry.strips import StripTracer
from fastkm.vector.merged_regions import find_merged_regions, trace_regions
from fastkm.vector.polygonize import to_cells_and_grid
from fastkm.vector.seam import unroll_columns
from tests.geometry.test_regions import SHAPES, some_map, spiral
from tests.label_maps import globe

SEEDS = st.integers(0, 2**32)
BOUNDARIES, CONNECTIVITIES = st.sampled_from(["cell", "contour"]), st.sampled_from([4, 8])


@pytest.fixture(autouse=True, scope="module")
def _no_room():
    """Let finished regions be forgotten at once, however small the map is."""
    patch = pytest.MonkeyPatch()
    patch.setattr(open_regions, "ROOM", 0)
    yield
    patch.undo()


def list_polygons(rings, owners, count):
    """Return the polygons of each region: lists of rings, which are lists of points."""
    found = [[] for _ in range(count)]
    for owner, (a, b) in zip(owners, itertools.pairwise(rings.polygon_offsets), strict=True):
        bounds = itertools.pairwise(rings.ring_offsets[a : b + 1])
        found[owner].append([rings.points[i:j].tolist() for i, j in bounds])
    return found


def find_whole(labels, west, boundary, connectivity, bridge, junctions=False):
    """Return what is known of each region of a whole map, by its first cell."""
    values, grid = to_cells_and_grid(labels)
    regions = find_merged_regions(values, grid, connectivity, bridge)
    rings, owners, _ = trace_regions(regions, grid, west, boundary, junctions)
    polygons = list_polygons(rings, owners, len(regions.labels))
    found = {}
    for region, label in enumerate(regions.labels.tolist()):
        cells = np.argwhere(regions.numbers == region)
        first = cells[0] @ (values.shape[1], 1)
        box = [*cells.min(axis=0).tolist(), *cells.max(axis=0).tolist()]
        found[first] = label, len(cells), box, polygons[region]
    return found


def find_in_strips(values, cuts, every, tracer):
    """Return the same of a map that comes in strips, some of them between two takes."""
    found, owners, numbers = {}, {}, np.full(values.shape, -1)

    def take():
        taken = tracer.take()
        firsts = taken.first_cells.tolist()
        assert firsts == sorted(firsts)
        polygons = list_polygons(taken.rings, taken.owners, len(firsts))
        facts = zip(*(facts.tolist() for facts in taken[:3]), polygons, strict=True)
        found.update(zip(firsts, facts, strict=True))
        owners.update(zip(taken.parts.tolist(), taken.part_owners.tolist(), strict=True))
        owners.update({part: firsts[owners[part]] for part in taken.parts.tolist()})

    seen = 0
    for strip, (a, b) in enumerate(itertools.pairwise([0, *cuts, len(values)])):
        parts = tracer.add(values[a:b])
        assert parts.first == seen
        assert parts.numbers.max(initial=-1) < parts.count
        seen += parts.count
        numbers[a:b] = np.where(parts.numbers < 0, -1, parts.numbers + parts.first)
        if strip % every == 0:
            take()
    tracer.finish()
    take()
    # every cell is in a part of its region
    regions = [owners[part] for part in numbers[numbers >= 0].tolist()]
    firsts, cells = np.unique(regions, return_counts=True)
    ref = {first: facts[1] for first, facts in found.items()}
    assert dict(zip(firsts.tolist(), cells.tolist(), strict=True)) == ref
    return found


def cut_rows(seed, rows):
    """Cut rows into single ones, into some strips, or not at all."""
    rng = np.random.default_rng(seed)
    return np.flatnonzero(rng.random(rows - 1) < rng.choice([0, 0.3, 1])) + 1


def check(labels, seed=0, cuts=None, west=None, boundary="cell", connectivity=4, bridge=0):
    """Compare a map in strips with the whole map, every other time with junctions."""
    junctions = seed % 2 == 0
    values, grid = to_cells_and_grid(labels)
    plane = unroll_columns(grid, values.shape[1], west)
    tracer = StripTracer(
        values.shape[1],
        order=plane.columns,
        first=plane.first,
        periodic=bool(grid.turn),
        boundary=boundary,
        junctions=junctions,
        connectivity=connectivity,
        bridge=bridge,
    )
    cuts = cut_rows(seed, len(values)) if cuts is None else cuts
    comp = find_in_strips(values, cuts, 1 + seed % 3, tracer)
    assert comp == find_whole(labels, west, boundary, connectivity, bridge, junctions)


@given(
    SEEDS,
    st.integers(1, 12),
    st.integers(1, 12),
    BOUNDARIES,
    CONNECTIVITIES,
    st.sampled_from([0, 0, 1, 2, 20]),
)
def test_strips_are_as_the_whole_map(seed, rows, columns, boundary, connectivity, bridge):
    labels = some_map(seed, rows, columns)
    check(labels, seed, boundary=boundary, connectivity=connectivity, bridge=bridge)


@given(
    SEEDS,
    st.integers(2, 9),
    st.integers(3, 9),
    BOUNDARIES,
    CONNECTIVITIES,
    st.sampled_from([0, 1, 3]),
    st.sampled_from([None, -180.0, 0.0, 77.0]),
)
def test_strips_go_round_the_globe(seed, rows, columns, boundary, connectivity, bridge, west):
    labels = globe(some_map(seed, rows, columns))
    check(labels, seed, None, west, boundary, connectivity, bridge)


@pytest.mark.parametrize("boundary", ["cell", "contour"])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_come_row_by_row_are_as_the_whole_map(name, boundary):
    labels = SHAPES[name]
    check(labels, cuts=range(1, len(labels)), boundary=boundary)


@pytest.mark.parametrize("height", [1, 2, 7])
def test_one_region_may_reach_over_all_strips(height):
    labels = spiral(23)
    check(labels, cuts=range(height, 23, height))
    check(1 - labels, cuts=range(height, 23, height))


def test_an_enclosed_area_is_a_hole_once_the_ring_around_it_closes():
    # the ring meets itself at a corner, and only its last row shows that it is one piece
    labels = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 0]])
    check(labels, cuts=range(1, 5))
    check(labels.T.copy(), cuts=range(1, 4))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_bridges_are_as_long_as_is_said(missing):
    labels = np.array([[1, 1], [2, -1], [-1, -1], [-1, -1], [2, 1]])[
        [0, *range(5 - missing - 1, 5)]
    ]
    for bridge in (missing - 1, missing, missing + 1):
        check(labels, cuts=range(1, len(labels)), bridge=bridge)


def test_round_maps_are_unrolled_by_default():
    labels = globe(some_map(4, 6, 7))
    tracer = StripTracer(7, periodic=True)
    comp = find_in_strips(labels.to_numpy(), [2, 3], 1, tracer)
    assert comp == find_whole(labels, None, "cell", 4, 0)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float32])
def test_labels_may_be_of_any_type_and_masked_in_some_strips(dtype):
    labels = np.ma.MaskedArray(np.abs(some_map(7, 8, 9)).astype(dtype))
    labels[:, 4:6] = np.ma.masked
    labels[3:6] = labels.data[3:6]
    check(labels, cuts=[2, 3, 4, 6])


def test_whatever_is_finished_is_taken_once_and_forgotten():
    labels, tracer = some_map(3, 200, 12), StripTracer(12)
    most = taken = 0
    for row in labels:
        tracer.add(row[None])
        taken += len(tracer.take().labels)
        assert len(tracer.take().labels) == 0
        most = max(most, len(tracer._open))
    tracer.finish()
    taken += len(tracer.take().labels)
    assert taken == len(find_whole(labels, None, "cell", 4, 0)) > 500
    assert most < 100


def test_a_map_may_have_no_cell():
    tracer = StripTracer(0)
    assert tracer.add(np.zeros((3, 0), int)).count == 0
    tracer.finish()
    assert len(tracer.take().labels) == 0
    tracer = StripTracer(4)
    assert tracer.add(np.zeros((0, 4), int)).numbers.shape == (0, 4)
    tracer.finish()
    assert len(tracer.take().rings.points) == 0


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="boundary must be one of 'cell', 'contour', got 'edge'"):
        StripTracer(3, boundary="edge")
    with pytest.raises(ValueError, match="connectivity must be 4 or 8, got 6"):
        StripTracer(3, connectivity=6)
    tracer = StripTracer(3)
    with pytest.raises(ValueError, match="labels must have 3 columns, got 2"):
        tracer.add([[1, 2]])
    tracer.add([[1, 2, 3]])
    with pytest.raises(ValueError, match=r"got 0\.5 at row 1, column 2"):
        tracer.add([[1.0, 2.0, 0.5]])
    tracer.finish()
    with pytest.raises(ValueError, match=r"labels must not be added after finish\(\)"):
        tracer.add([[1, 2, 3]])
