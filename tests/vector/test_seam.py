import numpy as np
import pytest

from fastkm.raster.grid.geolocation import find_grid
from fastkm.vector.seam import WHOLE, unroll_columns
from tests.label_maps import globe, placed


def plane(raster, west):
    return unroll_columns(find_grid(raster), raster.shape[1], west)


def test_part_of_the_globe_has_one_window_without_ends():
    found = plane(placed(np.zeros((2, 3))), None)
    assert found.columns.tolist() == [0, 1, 2]
    assert (found.first, found.windows) == (0, (WHOLE,))
    assert plane(placed(np.zeros((2, 3))), -180.0).windows == (WHOLE,)


def test_part_of_the_globe_is_cut_where_longitudes_begin():
    found = plane(placed(np.zeros((1, 3)), [0.0], [170.0, 180, 190]), -180.0)
    assert found.windows == ((-np.inf, 1.0), (1.0, np.inf))


@pytest.mark.parametrize(
    ("west", "start"), [(None, -0.5), (0.0, -0.5), (-180.0, 1.5), (45.0, 0.0), (30.0, -1 / 6)]
)
def test_a_globe_is_unrolled_from_where_longitudes_begin(west, start):
    found = plane(globe(np.zeros((2, 4))), west)
    [(low, high)] = found.windows
    assert (low, high) == pytest.approx((start, start + 4))
    columns = np.arange(found.first, found.first + len(found.columns))
    np.testing.assert_array_equal(found.columns, columns % 4)
    # a whole cell beyond both ends
    assert columns[0] + 0.5 <= low
    assert columns[-1] - 0.5 >= high
