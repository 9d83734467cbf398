"""Polygons are a valid coverage on grids of every kind: no gap, no overlap, no vertex that only one has.

Each grid of `GRIDS` is filled with maps that Hypothesis makes, with missing cells, both connectivities,
longitudes from every meridian, in memory and strip by strip.
"""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastkm
from tests.grid_kinds import GRIDS, cell_points, rasterize, require_coverage, require_whole
from tests.label_maps import curvilinear, globe

MAPS = arrays(
    np.int16, st.tuples(st.integers(2, 7), st.integers(3, 9)), elements=st.integers(-1, 2)
)
TURNS = [None, "0..360", "-180..180"]
BEND = 0.01
"""How far `bend` moves the middle of a line, in cells by square of its length: less than a cell is wide."""


SOME_GRIDS = {
    name: GRIDS[name]
    for name in ("metres", "globe cut through cells", "wavy globe", "stereographic")
}
each_grid = pytest.mark.parametrize("kind", GRIDS.values(), ids=GRIDS)


def bend(geometry, cells):
    """Bend the plane by less than a cell, as a change of the reference system does.

    Straight edges stay so between their vertices: a vertex that a neighbour lacks opens a gap.
    """
    low, high = np.reshape(shapely.total_bounds(geometry), (2, 2))

    def move(points):
        x, y = ((points - low) / (high - low) * cells).T
        return np.column_stack([x + BEND * y * y, y + BEND * x * x])

    return shapely.transform(np.asarray(geometry), move)


def lay_out(kind, cells, *, lazy=False, as_float=False):
    """Return a raster on a grid; missing cells are -1, or NaN."""
    raster = kind.make(cells)
    if as_float:
        raster = raster.where(raster >= 0)
    return raster.chunk(dict.fromkeys(raster.dims, 3)) if lazy else raster


def options_of(kind):
    longitudes = st.sampled_from(TURNS if kind.degrees else [None])
    return st.fixed_dictionaries(
        {"connectivity": st.sampled_from([4, 8]), "longitudes": longitudes}
    )


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """Let strips of lazy labels be of a row or two, and batches of a few polygons."""
    monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 8)
    monkeypatch.setattr("fastkm.vector.merged_regions.BATCH_POINTS", 30)


# As they come


@each_grid
@given(st.data(), MAPS, st.booleans(), st.booleans())
def test_polygons_tile_the_cells_and_give_the_labels_back(kind, data, cells, lazy, as_float):
    options = data.draw(options_of(kind))
    raster = lay_out(kind, cells, lazy=lazy, as_float=as_float)
    frame = fastkm.polygonize(raster, **options)
    require_coverage(frame.geometry)
    if not len(frame):
        assert (cells < 0).all()
        return
    turns = (-1, 0, 1) if kind.degrees else (0,)
    np.testing.assert_array_equal(rasterize(frame, *kind.points(raster), turns), cells)
    if kind.area is not None:
        require_whole(frame, kind.area(cells.shape) * (cells >= 0).sum())
        found = frame.assign(area=shapely.area(frame.geometry)).groupby("cluster")["area"].sum()
        counts = np.bincount(cells[cells >= 0])
        np.testing.assert_allclose(found, counts[counts > 0] * kind.area(cells.shape), rtol=1e-9)
    else:
        np.testing.assert_allclose(
            shapely.area(frame.geometry).sum(), shapely.area(frame.union_all()), rtol=1e-9
        )


@each_grid
@given(MAPS, st.sampled_from([4, 8]))
def test_no_gap_opens_if_the_plane_bends(kind, cells, connectivity):
    frame = fastkm.polygonize(kind.make(cells), connectivity=connectivity)
    if not len(frame):
        return
    bent = bend(frame.geometry, cells.shape[::-1])
    if kind.points is not cell_points:  # edges of others may run otherwise than the axes
        require_coverage(bent)
        return
    assert shapely.coverage_is_valid(bent[shapely.is_valid(bent)])


def test_without_junctions_a_gap_opens():
    labels = np.array([[0, 1], [0, 2]])
    assert shapely.coverage_is_valid(fastkm.polygonize(labels).geometry.array)
    fewest = fastkm.polygonize(labels, junctions=False).geometry.array
    assert not shapely.coverage_is_valid(fewest)
    assert shapely.get_num_coordinates(fewest).tolist() == [5, 5, 5]
    assert not shapely.coverage_is_valid(bend(fewest, (2, 2)))


@each_grid
@given(st.data(), MAPS)
def test_junctions_change_no_shape(kind, data, cells):
    raster, options = kind.make(cells), data.draw(options_of(kind))
    more = fastkm.polygonize(raster, **options)
    fewest = fastkm.polygonize(raster, junctions=False, **options)
    assert more["cluster"].tolist() == fewest["cluster"].tolist()
    assert shapely.equals(
        shapely.set_precision(more.geometry.array, 1e-7),
        shapely.set_precision(fewest.geometry.array, 1e-7),
    ).all()


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("size", [4, 7])
def test_a_pole_may_be_a_corner_of_cells_or_lie_on_an_edge(shift, size):
    cells = np.random.default_rng(size).integers(-1, 3, (size, size + 1))
    require_coverage(fastkm.polygonize(GRIDS["stereographic"].make(cells, shift)).geometry)


def test_cells_may_fold_over_the_pole():
    longitude = np.tile((np.arange(7) + 0.5) * 360 / 7, (7, 1))
    latitude = np.repeat(np.linspace(-60.0, 80, 7), 7).reshape(7, 7)
    latitude[-1] += 5 * np.abs(np.cos(np.radians(longitude[-1])))
    for seed in range(4):
        cells = np.random.default_rng(seed).integers(-1, 3, (7, 7))
        require_coverage(fastkm.polygonize(curvilinear(cells, latitude, longitude)).geometry)


@pytest.mark.parametrize(("crs", "kind"), [(4326, "metres"), (4326, "rotated"), (3035, "box")])
def test_polygons_in_another_reference_system_are_a_coverage(crs, kind):
    cells = np.random.default_rng(1).integers(-1, 3, (30, 40))
    frame = fastkm.polygonize(GRIDS[kind].make(cells)).to_crs(crs)
    require_coverage(frame.geometry)


@pytest.mark.parametrize("kind", SOME_GRIDS.values(), ids=SOME_GRIDS)
@settings(max_examples=8)
@given(st.data(), MAPS)
def test_outlines_are_a_coverage_too(kind, data, cells):
    raster, options = kind.make(cells), data.draw(options_of(kind))
    frame = fastkm.outline(raster, **options)
    require_coverage(frame.geometry)
    fewest = fastkm.outline(raster, junctions=False, **options)
    for name in frame.columns.drop("geometry"):
        np.testing.assert_allclose(frame[name], fewest[name], rtol=1e-12, err_msg=name)


@pytest.mark.filterwarnings("ignore:.* has longitudes -180..180")
@pytest.mark.parametrize("kind", ["globe", "stereographic", "metres"])
def test_a_file_that_was_written_batch_by_batch_holds_a_coverage(kind, tmp_path):
    import geopandas as gpd

    cells = np.random.default_rng(2).integers(-1, 3, (9, 8))
    path = tmp_path / "regions.parquet"
    fastkm.polygonize_to_file(lay_out(GRIDS[kind], cells, lazy=True), path)
    require_coverage(gpd.read_parquet(path).geometry)


# Simplified and smoothed


@each_grid
@given(
    st.data(), MAPS, st.sampled_from(["1px", "2.5px"]), st.sampled_from([0, 1, 3]), st.booleans()
)
def test_simplified_and_smoothed_polygons_are_a_coverage(kind, data, cells, simplify, smooth, lazy):
    options = data.draw(options_of(kind))
    raster = lay_out(kind, cells, lazy=lazy)
    plain = fastkm.polygonize(raster, **options)
    frame = fastkm.polygonize(raster, simplify=simplify, smooth=smooth, **options)
    require_coverage(frame.geometry)
    assert frame["cluster"].tolist() == plain["cluster"].tolist()
    assert not frame.geometry.is_empty.any()
    if len(frame) and kind.area is not None and (cells >= 0).all():
        require_whole(frame, kind.area(cells.shape) * cells.size)
        np.testing.assert_allclose(frame.total_bounds, plain.total_bounds, rtol=1e-9)


@each_grid
@given(st.data(), MAPS, st.integers(1, 5))
def test_smooth_polygons_are_a_coverage(kind, data, cells, smooth):
    options = data.draw(options_of(kind))
    plain = fastkm.polygonize(kind.make(cells), **options)
    frame = fastkm.polygonize(kind.make(cells), smooth=smooth, **options)
    require_coverage(frame.geometry)
    if kind.area is not None:
        corners = shapely.get_num_coordinates(plain.geometry.array)
        bound = corners * kind.area(cells.shape) / 24
        change = np.abs(shapely.area(frame.geometry.array) - shapely.area(plain.geometry.array))
        assert (change <= bound * (1 + 1e-9)).all()


@each_grid
@given(st.data(), MAPS, st.floats(0.1, 3))
def test_polygons_simplified_in_units_are_a_coverage(kind, data, cells, cell_widths):
    options = data.draw(options_of(kind))
    plain = fastkm.polygonize(kind.make(cells), **options)
    if not len(plain):
        return
    low, high = np.reshape(plain.total_bounds, (2, 2))
    units = float((high - low).min() / max(cells.shape) * cell_widths)
    frame = fastkm.polygonize(kind.make(cells), simplify=units, **options)
    require_coverage(frame.geometry)
    assert frame["cluster"].tolist() == plain["cluster"].tolist()
    assert not frame.geometry.is_empty.any()
    same = fastkm.polygonize(kind.make(cells), simplify=str(units), **options)
    assert same.equals(frame)


def test_real_regions_are_a_coverage_in_each_way():
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(3).normal(size=(60, 120))
    values = gaussian_filter(noise, 2.0, mode=("nearest", "wrap"))
    labels = globe(np.digitize(values, np.quantile(values, [0.2, 0.4, 0.6, 0.8])))
    for options in ({}, {"simplify": "2px"}, {"smooth": 2}, {"simplify": 3.0, "smooth": 1}):
        frame = fastkm.polygonize(labels, longitudes="-180..180", **options)
        require_coverage(frame.geometry)
        require_whole(frame, 360 * 180)


# Sieved


@each_grid
@given(st.data(), MAPS, st.integers(1, 6), st.booleans())
def test_sieved_labels_become_a_coverage_without_small_regions(
    kind, data, cells, least, fill_holes
):
    options = data.draw(options_of(kind))
    sieved = fastkm.sieve(
        kind.make(cells), f"{least}px", connectivity=options["connectivity"], fill_holes=fill_holes
    )
    frame = fastkm.outline(sieved, **options)
    require_coverage(frame.geometry)
    if not fill_holes:
        np.testing.assert_array_equal(sieved.values < 0, cells < 0)
    # what is small still has no neighbour, which its edge shares with a gap only
    small = frame[frame["cells"] < least]
    for polygon in small.geometry:
        others = frame.geometry[frame.geometry != polygon]
        lengths = shapely.length(shapely.intersection(others.array, polygon))
        assert lengths.max(initial=0.0) < 1e-9
