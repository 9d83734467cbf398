"""Contours: scikit-image's, and which of them stay."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage import measure

from fastkm.geometry import find_contours, long_contours

DATA = Path(__file__).parents[2] / "../shared/data"
BLOBS = np.zeros((12, 20))
BLOBS[2, 2] = 1
BLOBS[5, 3:15] = 1
BLOBS[8:11, 4:7] = 1


@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "?"])
def test_the_contours_are_those_of_scikit_image(dtype):
    image = BLOBS.astype(dtype)
    wanted = measure.find_contours(BLOBS, 0.5)
    got = find_contours(image, 0.5)
    assert len(got) == len(wanted) == 3
    for contour, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(contour, other)


def test_the_smallest_image_has_a_contour():
    (contour,) = find_contours(np.array([[0.0, 0.0], [0.0, 1.0]]), 0.5)
    assert sorted(contour.tolist()) == [[0.5, 1.0], [1.0, 0.5]]


def test_an_image_without_the_level_has_none():
    assert find_contours(np.zeros((2, 2)), 0.5) == []
    assert long_contours(np.zeros((2, 2)), 0.5, min_diameter=0) == ([], [], 0)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,), (2, 2, 2)])
def test_an_image_of_another_shape_is_a_value_error(shape):
    with pytest.raises(ValueError, match="2"):
        find_contours(np.zeros(shape), 0.5)


@pytest.mark.parametrize(("minimum", "kept"), [(0, 3), (1, 2), (3, 2), (4, 1), (12, 0)])
def test_contours_stay_where_they_are_longer_than_the_minimum(minimum, kept):
    found = long_contours(BLOBS, 0.5, min_diameter=minimum)
    assert (len(found.contours), len(found.diameters), found.found) == (kept, kept, 3)
    for contour, diameter in zip(found.contours, found.diameters, strict=True):
        assert diameter > minimum
        assert diameter == pytest.approx(cdist(contour, contour).max(), rel=1e-12)


def test_a_contour_of_just_the_minimum_goes():
    diameter = max(long_contours(BLOBS, 0.5, min_diameter=0).diameters)
    assert long_contours(BLOBS, 0.5, min_diameter=diameter).contours == []


def test_contours_keep_their_order():
    found = long_contours(BLOBS, 0.5, min_diameter=1)
    tops = [contour[:, 0].min() for contour in found.contours]
    assert tops == sorted(tops)


def test_the_published_map_has_one_long_contour_of_915_points():
    file = DATA / "tpw_200910_published_maps.npz"
    if not file.exists():
        pytest.skip("needs the published maps")
    with np.load(file) as maps:
        found = long_contours(maps["thresholded"], 1.0, min_diameter=200)
    assert found.found == 25
    assert [len(contour) for contour in found.contours] == [915]
    assert found.diameters == pytest.approx([244.295], abs=5e-4)
