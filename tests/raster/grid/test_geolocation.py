import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm.raster.grid.geolocation import (
    AxisGrid,
    find_grid,
    find_regional_extent,
    interpolate,
    is_on_globe,
)
from tests.label_maps import curvilinear

GAUSSIAN = np.array([-85.76, -80.27, -74.74, -69.21, -63.68, 63.68, 69.21, 74.74, 80.27, 85.76])


def raster(latitude, longitude, dims=("lat", "lon"), **coords):
    values = np.zeros((len(latitude), len(longitude)))
    return xr.DataArray(values, {dims[0]: latitude, dims[1]: longitude, **coords}, dims)


def pixels(*pairs):
    return np.array(pairs, float)


def to_coordinates(pixels, raster):
    return find_grid(raster).place(np.asarray(pixels, np.float64))


def lesson_rule(centres, index):
    """A whole index is that coordinate, a half one the mean of its neighbours."""
    if int(index) == index:
        return centres[int(index)]
    return (centres[int(index)] + centres[int(index) + 1]) / 2.0


def test_whole_numbers_are_centres_and_columns_come_first():
    found = to_coordinates(pixels((0, 0), (1, 2)), raster([10, 20], [100, 101, 102]))
    np.testing.assert_array_equal(found, [[100, 10], [102, 20]])


def test_between_centres_coordinates_are_linear():
    found = to_coordinates(pixels((0.25, 1.75)), raster([10, 20], [100, 110, 130]))
    np.testing.assert_array_equal(found, [[125, 12.5]])


@pytest.mark.parametrize("centres", [GAUSSIAN, GAUSSIAN[::-1], np.arange(0.5, 10)])
def test_whole_and_half_indices_follow_the_lesson_to_the_bit(centres):
    index = np.arange(0, len(centres) - 0.5, 0.5)
    expected = [lesson_rule(centres, i) for i in index]
    np.testing.assert_array_equal(interpolate(centres, index), expected)


def test_float32_coordinates_give_float64():
    found = to_coordinates(pixels((0.5, 0.5)), raster(np.float32([1, 2]), np.float32([3, 4])))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[3.5, 1.5]])


def test_descending_axes_are_followed():
    found = to_coordinates(pixels((-0.5, 1.5)), raster([20, 10], [5, 3]))
    np.testing.assert_array_equal(found, [[2, 25]])


def test_beyond_the_ends_the_last_step_goes_on():
    found = interpolate(np.array([0.0, 10, 30]), np.array([-1.0, -0.5, 2.5, 3.0]))
    np.testing.assert_array_equal(found, [-10, -5, 40, 50])


@pytest.mark.parametrize("latitude", [[-90, 0, 90], [90, 0, -90], [-89.9, 0, 89.9]])
def test_latitudes_end_at_the_poles(latitude):
    found = to_coordinates(pixels((-0.5, 0), (2.5, 0)), raster(latitude, [0, 1]))
    np.testing.assert_array_equal(np.abs(found[:, 1]), [90, 90])


def test_projected_rows_do_not_end_at_ninety():
    metres = raster([0.0, 1000.0], [0.0, 1000.0], ("y", "x"))
    np.testing.assert_array_equal(to_coordinates(pixels((1.5, -0.5)), metres), [[-500, 1500]])


def test_axes_without_coordinates_are_numbered():
    bare = xr.DataArray(np.zeros((2, 3)), dims=("rows", "columns"))
    np.testing.assert_array_equal(
        to_coordinates(pixels((0.5, 2), (-0.5, 1)), bare), [[2, 0.5], [1, -0.5]]
    )


def test_single_row_has_cells_of_one():
    found = to_coordinates(pixels((-0.5, 0), (0.5, 1)), raster([40.0], [0, 1]))
    np.testing.assert_array_equal(found, [[0, 39.5], [1, 40.5]])


@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=20, unique=True).map(sorted),
    st.booleans(),
)
def test_monotone_centres_give_monotone_coordinates(centres, falling):
    ordered = np.array(centres[::-1] if falling else centres, float)
    index = np.linspace(-0.5, len(ordered) - 0.5, 101)
    steps = np.diff(interpolate(ordered, index))
    assert (steps < 0).all() if falling else (steps > 0).all()


def test_raster_without_cells_lies_nowhere():
    empty = raster([10.0, 20.0], [])
    empty.lat.attrs["units"], empty.lon.attrs["units"] = "degrees_north", "degrees_east"
    with pytest.raises(ValueError, match=r"raster must have cells, got shape \(2, 0\)"):
        find_grid(empty)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_longitudes_that_are_not_finite_are_refused_in_one_sentence(bad):
    broken = raster([10.0, 20.0], [0.0, 200.0, bad])
    broken.lat.attrs["units"], broken.lon.attrs["units"] = "degrees_north", "degrees_east"
    with pytest.raises(ValueError, match="'lon' must be finite"):
        find_grid(broken)


def test_extent_of_a_region_is_that_of_its_outer_edges():
    assert find_regional_extent(raster([20, 10, 0], [-20, -10])) == (-25, -5, -5, 25)
    assert find_regional_extent(raster([-90, 0, 90], [0, 60])) == (-30, -90, 90, 90)


@pytest.mark.parametrize("step", [1.0, 30.0])
def test_extent_of_the_globe_is_none(step):
    longitude = np.arange(step / 2, 360, step)
    assert find_regional_extent(raster([-45, 45], longitude)) is None


def test_extent_of_projected_coordinates_is_none():
    assert find_regional_extent(raster([0.0, 1.0], [0.0, 1.0], ("y", "x"))) is None


# Grids


def globe_of_columns(columns, west=0.0, *, descending=False):
    longitude = west + (np.arange(columns) + 0.5) * 360 / columns
    return raster([-45.0, 45], longitude[::-1] if descending else longitude)


@pytest.mark.parametrize("descending", [False, True])
def test_columns_of_a_globe_go_on_round_it(descending):
    grid = find_grid(globe_of_columns(8, descending=descending))
    assert grid.turn == 8
    index = np.arange(-20, 20, 0.25)
    step = -45.0 if descending else 45.0
    first = 337.5 if descending else 22.5
    np.testing.assert_allclose(grid.interpolate_x(index), first + step * index, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "longitude",
    [np.arange(0.0, 360, 10), np.arange(-175.0, 180, 10), np.float32(np.arange(0.05, 360, 0.1)),
     np.array([95.0, 185, 275, 5]), np.array([0.0, 180])],
    ids=["0", "-180", "float32", "jump", "two"],
)  # fmt: skip
def test_grids_that_go_round_are_recognised(longitude):
    assert find_grid(raster([0.0, 1], longitude)).turn == len(longitude)


@pytest.mark.parametrize(
    "longitude", [np.arange(0.0, 350, 10), np.arange(0.0, 361, 10), [5.0], [170.0, 180, -170]]
)
def test_grids_that_do_not_go_round_are_recognised(longitude):
    grid = find_grid(raster([0.0, 1], longitude))
    assert grid.turn == 0
    assert (np.diff(grid.x) > 0).all()


@given(st.integers(2, 40), st.floats(-400, 400), st.floats(-720, 720), st.booleans())
def test_the_column_of_a_meridian_is_at_the_meridian(columns, west, meridian, descending):
    grid = find_grid(globe_of_columns(columns, west % 360 - 180, descending=descending))
    column = grid.find_column(meridian)
    assert -0.5 <= column <= columns - 0.5
    away = (grid.interpolate_x(np.array([column]))[0] - meridian + 180) % 360 - 180
    assert abs(away) < 1e-3 * 360 / columns


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_halves_are_placed_as_any_points(rows, columns, data):
    grid = find_grid(
        raster(
            np.sort(
                data.draw(st.lists(st.floats(-90, 90), min_size=rows, max_size=rows, unique=True))
            ),
            (np.arange(columns) + 0.5) * 360 / columns,
        )
    )
    halves = st.integers(-2, (4 if grid.turn else 2) * columns)
    points = np.array(data.draw(st.lists(st.tuples(st.integers(-1, 2 * rows), halves)))) / 2
    points = points.reshape(-1, 2)
    np.testing.assert_array_equal(grid.place_halves(points), grid.place(points))


def test_a_meridian_may_miss_a_part_of_the_globe():
    grid = find_grid(raster([0.0, 1], [170.0, 180, 190]))
    assert grid.find_column(-180.0) == 1.0
    assert grid.find_column(0.0) is None
    assert grid.find_column(195.0) is None  # its edge


def test_a_mesh_of_cells_is_a_grid_of_axes():
    longitude, latitude = np.meshgrid(np.arange(0.0, 360, 10), [10.0, 20])
    grid = find_grid(curvilinear(np.zeros((2, 36)), latitude, longitude))
    assert isinstance(grid, AxisGrid)
    assert (grid.turn, grid.y.tolist()) == (36, [10, 20])


def test_axes_come_before_cells():
    both = raster([0.0, 1], [5.0, 6]).assign_coords(
        latitude=(("lat", "lon"), np.zeros((2, 2)), {"units": "degrees_north"}),
        longitude=(("lat", "lon"), np.zeros((2, 2)), {"units": "degrees_east"}),
    )
    assert isinstance(find_grid(both), AxisGrid)


def test_what_lies_on_the_globe():
    assert is_on_globe(raster([0.0, 1], [0.0, 1]))
    assert not is_on_globe(raster([0.0, 1], [0.0, 1], ("y", "x")))
