"""Contours that the bench keeps: those above a diameter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from bench.cases.data import make_long_contours
from tests.conftest import COMPILED
from tests.geometry.test_contours import BLOBS, DATA, SEEDS, assert_same, some_image, theirs


def test_an_image_without_the_level_has_none():
    assert make_long_contours(np.zeros((2, 2)), 0.5, min_diameter=0) == ([], [], 0)


@pytest.mark.parametrize(("minimum", "kept"), [(0, 3), (1, 2), (3, 2), (4, 1), (12, 0)])
def test_contours_stay_where_they_are_longer_than_the_minimum(minimum, kept):
    found = make_long_contours(BLOBS, 0.5, min_diameter=minimum)
    assert (len(found.contours), len(found.diameters), found.found) == (kept, kept, 3)
    for contour, diameter in zip(found.contours, found.diameters, strict=True):
        assert diameter > minimum
        assert diameter == pytest.approx(cdist(contour, contour).max(), rel=1e-12)


@given(SEEDS, st.sampled_from(["binary", "smooth", "equal"]), st.floats(0, 12))
def test_the_shortcut_by_boxes_drops_no_long_contour(seed, kind, minimum):
    image = some_image(seed, (9, 12) if COMPILED else (6, 6), kind)
    contours = theirs(image, 0.4)
    across = [cdist(contour, contour).max() for contour in contours]
    minimum = min((a for a in across if a > minimum), default=minimum) * (1 - 1e-9)
    found = make_long_contours(image, 0.4, min_diameter=minimum)
    assert_same(found.contours, [c for c, a in zip(contours, across, strict=True) if a > minimum])
    assert found.found == len(contours)


def test_a_contour_of_just_the_minimum_goes():
    diameter = max(make_long_contours(BLOBS, 0.5, min_diameter=0).diameters)
    assert make_long_contours(BLOBS, 0.5, min_diameter=diameter).contours == []
    assert len(make_long_contours(BLOBS, 0.5, min_diameter=np.nextafter(diameter, 0)).contours) == 1


def test_a_long_contour_does_not_keep_the_others_alive():
    (contour,) = make_long_contours(BLOBS, 0.5, min_diameter=4).contours
    assert contour.base is None


def test_contours_keep_their_order():
    found = make_long_contours(BLOBS, 0.5, min_diameter=1)
    tops = [contour[:, 0].min() for contour in found.contours]
    assert tops == sorted(tops)


def test_a_contour_by_an_infinite_pixel_has_no_diameter():
    image = np.zeros((4, 5))
    image[1, 1:3] = np.inf, 1.0
    with pytest.raises(ValueError, match="infs or NaNs"):
        make_long_contours(image, 0.5, min_diameter=0)


def test_the_published_map_has_one_long_contour_of_915_points():
    file = DATA / "tpw_200910_published_maps.npz"
    if not file.exists():
        pytest.skip("needs the published maps")
    with np.load(file) as maps:
        found = make_long_contours(maps["thresholded"], 1.0, min_diameter=200)
    assert found.found == 25
    assert [len(contour) for contour in found.contours] == [915]
    assert found.diameters == pytest.approx([244.295], abs=5e-4)
