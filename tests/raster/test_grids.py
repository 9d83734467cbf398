import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm.raster.grids import interpolate, regional_extent, to_coordinates

GAUSSIAN = np.array([-85.76, -80.27, -74.74, -69.21, -63.68, 63.68, 69.21, 74.74, 80.27, 85.76])


def raster(latitude, longitude, dims=("lat", "lon"), **coords):
    values = np.zeros((len(latitude), len(longitude)))
    return xr.DataArray(values, {dims[0]: latitude, dims[1]: longitude, **coords}, dims)


def pixels(*pairs):
    return np.array(pairs, float)


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


def test_extent_of_a_region_is_that_of_its_outer_edges():
    assert regional_extent(raster([20, 10, 0], [-20, -10])) == (-25, -5, -5, 25)
    assert regional_extent(raster([-90, 0, 90], [0, 60])) == (-30, -90, 90, 90)


@pytest.mark.parametrize("step", [1.0, 30.0])
def test_extent_of_the_globe_is_none(step):
    longitude = np.arange(step / 2, 360, step)
    assert regional_extent(raster([-45, 45], longitude)) is None


def test_extent_of_projected_coordinates_is_none():
    assert regional_extent(raster([0.0, 1.0], [0.0, 1.0], ("y", "x"))) is None
