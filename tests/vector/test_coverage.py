"""Polygons that are simplified and smoothed together: what stays, what goes, what is refused."""

import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.vector.coverage import as_shape
from tests.grid_kinds import require_coverage
from tests.label_maps import curvilinear, globe, placed, projected


def patches(rows=24, columns=36, seed=0, classes=3):
    """Draw patches that go on across the seam."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(rows, columns))
    values = gaussian_filter(noise, 2.0, mode=("nearest", "wrap"))
    return np.digitize(values, np.quantile(values, np.arange(1, classes) / classes))


def count_points(frame):
    return shapely.get_num_coordinates(frame.geometry.array).sum()


def on_meridian(frame, longitude):
    """List the latitudes of the points on a meridian."""
    x, y = shapely.get_coordinates(frame.geometry.array).T
    return np.unique(y[x == longitude])


@pytest.mark.parametrize("options", [{"simplify": "2px"}, {"smooth": 2}, {"simplify": 20.0}])
@pytest.mark.parametrize("west", [0.0, -7.5, -3.0])
def test_ends_of_longitudes_stay_and_meet(options, west):
    labels = globe(patches(), west=west)
    plain = fastkm.polygonize(labels, longitudes="-180..180")
    frame = fastkm.polygonize(labels, longitudes="-180..180", **options)
    require_coverage(frame.geometry)
    assert frame.total_bounds.tolist() == [-180, -90, 180, 90]
    np.testing.assert_allclose(shapely.area(frame.geometry.array).sum(), 360 * 180, rtol=1e-12)
    np.testing.assert_array_equal(on_meridian(frame, -180.0), on_meridian(frame, 180.0))
    if "simplify" in options:
        np.testing.assert_array_equal(on_meridian(frame, 180.0), on_meridian(plain, 180.0))


def test_a_tolerance_in_pixels_is_that_of_a_cell_as_large():
    cells = patches()
    wanted = fastkm.polygonize(cells, simplify="2px")
    assert count_points(wanted) < 0.6 * count_points(fastkm.polygonize(cells))
    stretched = placed(cells, 4.0 * np.arange(24), np.arange(36.0))
    for frame in (
        fastkm.polygonize(stretched, simplify="2px"),
        fastkm.polygonize(stretched, simplify=4.0),
        fastkm.polygonize(stretched, simplify="4"),
    ):
        found = shapely.transform(frame.geometry.array, lambda points: points / [1.0, 4.0])
        assert shapely.equals(shapely.normalize(found), wanted.geometry.array).all()


@pytest.mark.parametrize("smooth", [0, 1])
def test_about_as_many_points_go_as_shapely_says(smooth):
    cells = patches(60, 80)
    plain = fastkm.polygonize(cells, smooth=smooth)
    frame = fastkm.polygonize(cells, smooth=smooth, simplify="1.5px")
    wanted = shapely.coverage_simplify(plain.geometry.array, 1.5, simplify_boundary=False)
    assert count_points(frame) == pytest.approx(shapely.get_num_coordinates(wanted).sum(), rel=0.1)
    assert frame.area.sum() == 4800


def test_missing_cells_are_simplified_around_and_left_out():
    cells = np.where(patches(seed=1) == 0, -1, patches(seed=2))
    frame = fastkm.polygonize(cells, simplify="2px")
    require_coverage(frame.geometry)
    assert (frame["cluster"] >= 0).all()
    # their shore as well, but not the frame
    shore, plain = (own.union_all().boundary for own in (frame, fastkm.polygonize(cells)))
    assert shapely.get_num_coordinates(shore) < 0.75 * shapely.get_num_coordinates(plain)
    box = shapely.box(-0.5, -0.5, 35.5, 23.5)
    assert shore.intersection(box.boundary).length == plain.intersection(box.boundary).length


def test_no_polygon_vanishes():
    cells = np.zeros((9, 9), int)
    cells[2, 2] = cells[5, 5:7] = cells[6:8, 2] = 1
    frame = fastkm.polygonize(cells, simplify="100px")
    require_coverage(frame.geometry)
    assert len(frame) == 4
    assert (frame.area > 0).all()
    assert frame.area.sum() == 81


@pytest.mark.parametrize("options", [{"simplify": "2px"}, {"simplify": 1}, {"smooth": 5}])
def test_one_region_and_none(options):
    assert len(fastkm.polygonize(np.full((3, 4), -1), **options)) == 0
    assert len(fastkm.polygonize(np.empty((0, 4), int), **options)) == 0
    frame = fastkm.polygonize(np.zeros((3, 4), int), **options)
    assert frame.area.tolist() == [12.0]
    assert frame.total_bounds.tolist() == [-0.5, -0.5, 3.5, 2.5]


@pytest.mark.parametrize("options", [{"simplify": "2px"}, {"smooth": 2}])
def test_no_slivers_open_in_another_reference_system(options):
    labels = projected(patches(), 3035, 4e6 + 1e4 * np.arange(36), 3e6 - 1e4 * np.arange(24))
    frame = fastkm.polygonize(labels, **options)
    require_coverage(frame.geometry)
    require_coverage(frame.to_crs(4326).geometry)


def test_cells_without_a_place_are_no_part():
    longitude, latitude = np.meshgrid(np.arange(36.0), np.arange(24.0))
    latitude += 0.02 * longitude
    longitude[:6, :9] = latitude[:6, :9] = np.nan
    cells = np.where(np.isnan(latitude), -1, patches())
    frame = fastkm.polygonize(curvilinear(cells, latitude, longitude), simplify="1px", smooth=1)
    require_coverage(frame.geometry)
    assert not shapely.intersects_xy(frame.union_all(), 3.0, 2.0)


# Outlines


def test_outlines_are_shaped_with_their_neighbours_and_measured_before():
    labels = globe(patches())
    options = {"simplify": "2px", "smooth": 1}
    plain, frame = fastkm.outline(labels), fastkm.outline(labels, **options)
    some = fastkm.outline(labels, select=1, min_area="4e6km2", min_diameter="6px", **options)
    for one, other in ((frame, plain), (some, fastkm.outline(labels, select=1, min_area="4e6km2",
                                                             min_diameter="6px"))):  # fmt: skip
        assert one.drop(columns="geometry").equals(other.drop(columns="geometry"))
    assert 0 < len(some) < (frame["cluster"] == 1).sum()
    ones = frame[frame["cluster"] == 1].itertuples()
    by_size = {(one.area_km2, one.diameter_km): one.geometry for one in ones}
    for row in some.itertuples():
        assert row.geometry.equals(by_size[row.area_km2, row.diameter_km])


@pytest.mark.parametrize("options", [{"simplify": "2px"}, {"smooth": 2}])
def test_lazy_labels_are_read_at_once(options, monkeypatch):
    labels = globe(patches())
    lazy = labels.chunk({"lat": 5, "lon": 7})
    wanted = fastkm.polygonize(labels, **options), fastkm.outline(labels, **options)
    monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 50)
    for frame, make in zip(wanted, (fastkm.polygonize, fastkm.outline), strict=True):
        assert make(lazy, **options).geometry.geom_equals_exact(frame.geometry, 1e-9).all()
    monkeypatch.setattr("fastkm._core.memory.measure_available", lambda: 1000)
    for make in (fastkm.polygonize, fastkm.outline):
        with pytest.raises(MemoryError, match=r"needs all 864 labels at once, needs .* leave both"):
            make(lazy, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simplify": 0}, "simplify must be a number above 0 .* got 0"),
        ({"simplify": -1.5}, "such as 0.5, or of pixels, such as '2px', got -1.5"),
        ({"simplify": "2km"}, "got '2km'"),
        ({"simplify": "px"}, "got 'px'"),
        ({"simplify": "1e5e"}, "got '1e5e'"),
        ({"simplify": np.nan}, "got nan"),
        ({"simplify": True}, "got True"),
        ({"smooth": 6}, "smooth must be a whole number from 0 to 5, got 6"),
        ({"smooth": -1}, "got -1"),
        ({"smooth": 0.5}, "got 0.5"),
        ({"smooth": True}, "got True"),
        ({"smooth": "2"}, "got '2'"),
        (
            {"simplify": "2px", "boundary": "contour"},
            "simplify needs boundary='cell', whose polygons tile, got boundary='contour'",
        ),
        ({"smooth": 1, "boundary": "contour"}, "smooth needs boundary='cell'"),
        ({"simplify": "2px", "junctions": False}, "simplify needs junctions=True"),
    ],
)
def test_bad_options_are_refused(options, message):
    for make in (fastkm.polygonize, fastkm.outline):
        with pytest.raises(ValueError, match=message):
            make(xr.DataArray([[0, 1]], dims=("y", "x")), **options)


def test_smoothing_needs_no_junctions():
    assert as_shape(None, 2, junctions=False).changes()
    assert not as_shape(None, 0, junctions=False).changes()
    cells = patches()
    more, fewest = (fastkm.polygonize(cells, smooth=2, junctions=own) for own in (True, False))
    assert shapely.equals(more.geometry.array, fewest.geometry.array).all()
    assert count_points(fewest) < count_points(more)
