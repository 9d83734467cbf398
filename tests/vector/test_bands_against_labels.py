"""Bands between isolines beside what is known otherwise: labels of the same breaks, areas, contourpy's polygons."""

from itertools import pairwise

import contourpy
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastkm
from tests.grid_kinds import GRIDS, cell_points, rasterize, require_coverage, require_whole
from tests.label_maps import globe

SHAPES = st.tuples(st.integers(2, 7), st.integers(3, 9))
FIELDS = arrays(np.float64, SHAPES, elements=st.integers(-40, 40).map(lambda n: n / 4))
"""Quarters, so that many cells are equal to a break."""
BREAKS = st.lists(st.integers(-12, 12), min_size=1, max_size=5, unique=True).map(sorted)
LITTLE = 1e-9
each_grid = pytest.mark.parametrize("kind", GRIDS.values(), ids=GRIDS)


def count_breaks_below(values, breaks):
    """Return the cluster of each value, as `predict` does: a value equal to a break is below it."""
    return (values[..., None] > np.asarray(breaks, float)).sum(axis=-1)


def centres(kind, raster):
    """Return the centres of cells, x and y."""
    if kind.points is cell_points:
        return cell_points(raster)
    if kind is GRIDS["rotated"]:
        return kind.points(raster)
    y, x = (raster[dim].values for dim in raster.dims)
    return np.meshgrid(x, y)


def scale_of(frame):
    return np.ptp(np.reshape(frame.total_bounds, (2, 2)), axis=0).max()


@each_grid
@settings(max_examples=8)
@given(FIELDS, BREAKS, st.sampled_from([0.0, 0.3, 0.8]), st.integers(0, 99))
def test_bands_tile_the_cells_and_give_their_clusters_back(kind, values, breaks, share, seed):
    values[np.random.default_rng(seed).random(values.shape) < share] = np.nan
    raster = kind.make(values)
    frame = fastkm.bands(raster, breaks)
    if kind is GRIDS["stereographic"]:  # round the pole edges are curved, and lines may cross them
        assert frame.is_valid.all()
    else:
        require_coverage(frame.geometry)
    assert (frame["lower"] < frame["upper"]).all()
    valid = np.isfinite(values)
    clusters = np.where(valid, count_breaks_below(values, breaks), -1)
    x, y = centres(kind, raster)
    at_pole = np.abs(y) == 90  # where all bands of the row meet
    turns = (-1, 0, 1) if kind.degrees else (0,)
    found = rasterize(frame, x, y, turns)
    np.testing.assert_array_equal(found[~at_pole], clusters[~at_pole])
    if kind.area is not None and valid.any():
        require_whole(frame, kind.area(values.shape) * valid.sum())


@given(FIELDS, BREAKS)
def test_bands_have_the_areas_of_contourpy(values, breaks):
    frame = fastkm.bands(GRIDS["pixels"].make(values), breaks)
    rows, columns = values.shape
    inner = shapely.box(0, 0, columns - 1, rows - 1)  # contourpy's end at the outermost centres
    generator = contourpy.contour_generator(z=values, fill_type=contourpy.FillType.OuterOffset)
    # a value equal to a break is below it, a little
    levels = [-np.inf, *(level + LITTLE for level in breaks), np.inf]
    for cluster, (lower, upper) in enumerate(pairwise(levels)):
        found = zip(*generator.filled(lower, upper), strict=True)
        rings = [np.split(points, own[1:-1]) for points, own in found]
        theirs = sum(shapely.Polygon(own[0], own[1:]).area for own in rings)
        ours = shapely.intersection(frame.geometry[frame["cluster"] == cluster].array, inner)
        np.testing.assert_allclose(shapely.area(ours).sum(), theirs, atol=1e-3)


def test_a_slope_has_straight_bands():
    row, column = np.indices((5, 9)).astype(float)
    frame = fastkm.bands(GRIDS["pixels"].make(column + 0 * row), [1.25, 6.5]).set_index("cluster")
    edges = shapely.bounds(frame.geometry.array)
    assert edges[0][2] == edges[1][0] == 1.25
    assert edges[1][2] == edges[2][0] == 6.5


def areas_within(frame, part, bands):
    """Return the area of each band within a part."""
    found = np.zeros(bands)
    found[frame["cluster"]] = shapely.area(shapely.intersection(frame.geometry.array, part))
    return found


@settings(max_examples=6)
@given(FIELDS, BREAKS, st.integers(1, 5))
def test_bands_do_not_depend_on_the_first_column(values, breaks, shift):
    width = 360 / values.shape[1]
    turned = globe(np.roll(values, shift, axis=1), west=-shift * width)
    whole = fastkm.bands(globe(values), breaks, longitudes="0..360")
    same = fastkm.bands(turned, breaks, longitudes="0..360")
    for part in (shapely.box(0, -90, 360, 90), shapely.box(0, -90, width, 90)):
        one, other = (areas_within(frame, part, len(breaks) + 1) for frame in (whole, same))
        np.testing.assert_allclose(one, other, atol=1e-6)
    if width < 90:  # lines are others in the column on each side of a cut
        cut = fastkm.bands(turned, breaks, longitudes="-180..180")
        part = shapely.box(width, -90, 180 - width, 90)
        one, other = (areas_within(frame, part, len(breaks) + 1) for frame in (whole, cut))
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_codebook_stands_for_its_breaks():
    values = np.random.default_rng(0).normal(size=(12, 20)).cumsum(axis=1)
    raster = GRIDS["box"].make(values)
    codebook = fastkm.kmeans1d(raster, 4)
    frame = fastkm.bands(raster, codebook)
    assert frame.equals(fastkm.bands(raster, codebook.breaks))
    labels = codebook.predict(raster).values
    x, y = np.meshgrid(raster["lon"], raster["lat"])
    for cluster, band in zip(frame["cluster"], frame.geometry, strict=True):
        np.testing.assert_array_equal(
            labels[shapely.contains_properly(band, shapely.points(x, y))], cluster
        )


@each_grid
@settings(max_examples=5)
@given(FIELDS, BREAKS)
def test_isolines_are_the_edges_of_bands(kind, values, breaks):
    raster = kind.make(values)
    lines = fastkm.isolines(raster, breaks)
    frame = fastkm.bands(raster, breaks)
    assert lines.crs == frame.crs
    assert set(lines["level"]) <= set(breaks)
    if kind.points is cell_points or not len(lines):
        return
    edges = shapely.union_all(shapely.boundary(frame.geometry.array))
    far = shapely.hausdorff_distance(
        lines.geometry.array,
        shapely.intersection(lines.geometry.array, edges.buffer(1e-7 * scale_of(frame))),
    )
    assert np.nanmax(far) < 1e-6 * scale_of(frame)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((3, 4)),
        np.full((3, 4), np.nan),
        np.arange(4.0)[None],
        np.arange(4.0)[:, None],
        [[1.0]],
    ],
    ids=["constant", "missing", "one row", "one column", "one cell"],
)
def test_few_cells_and_few_values(values):
    raster = GRIDS["pixels"].make(np.asarray(values))
    for breaks in ([0.5], [-9.0, 0.0, 9.0], [100.0]):
        frame = fastkm.bands(raster, breaks)
        assert list(frame.columns) == ["lower", "upper", "cluster", "geometry"]
        require_coverage(frame.geometry)
        assert set(frame["cluster"]) <= set(
            count_breaks_below(np.asarray(values)[np.isfinite(values)], breaks).tolist()
        )
        assert list(fastkm.isolines(raster, breaks).columns) == ["level", "geometry"]


def test_noise_of_many_bands_is_a_coverage():
    values = np.random.default_rng(1).normal(size=(40, 60))
    frame = fastkm.bands(globe(values), [-1.0, -0.3, 0.3, 1.0])
    require_coverage(frame.geometry)
