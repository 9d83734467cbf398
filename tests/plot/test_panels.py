from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from fastkm.plot.panels import describe, draw_labels, draw_raster


@pytest.fixture
def ax():
    return Figure().add_subplot()


def tick_texts(image):
    return [text.get_text() for text in image.colorbar.ax.get_yticklabels()]


def pixel_of(ax, row, column):
    """Where a cell is on the page: pixels to the right and upwards."""
    return ax.transData.transform((column, row))


@pytest.mark.parametrize("north_first", [False, True])
def test_north_is_up_and_rows_stay_rows(ax, world, north_first):
    raster = world[::-1] if north_first else world
    image = draw_raster(ax, raster)
    np.testing.assert_array_equal(image.get_array().filled(np.nan), raster.values)
    northmost = int(np.argmax(raster.latitude.values))
    southmost = int(np.argmin(raster.latitude.values))
    assert pixel_of(ax, northmost, 0)[1] > pixel_of(ax, southmost, 0)[1]
    assert pixel_of(ax, 0, 5)[0] > pixel_of(ax, 0, 4)[0]


def test_a_raster_says_what_it_is(ax, world):
    image = draw_raster(ax, world)
    assert ax.get_title() == "Precipitable Water"
    assert image.colorbar.ax.get_ylabel() == r"$\mathrm{kg\,m^{-2}}$"


def test_a_title_leaves_the_name_beside_the_colours(ax, world):
    image = draw_raster(ax, world, title="October")
    assert ax.get_title() == "October"
    assert image.colorbar.ax.get_ylabel().startswith("Precipitable Water")


def test_describe_falls_back_on_standard_name_and_name(world):
    world.attrs = {"standard_name": "air_temperature"}
    assert describe(world) == ("air temperature", "")
    world.attrs = {}
    assert describe(world.rename("t_2m")) == ("t 2m", "")
    assert describe(world) == ("", "")
    assert describe(np.zeros((2, 2))) == ("", "")


def test_missing_cells_are_masked_in_both(ax, world, labels):
    assert draw_raster(ax, world).get_array().mask.sum() == 1
    assert draw_labels(ax, labels, [1, 2, 3]).get_array().mask.sum() == 1


@pytest.mark.parametrize("raster", [np.full((3, 4), np.nan), np.full((3, 4), 5.0), [[1]]])
def test_a_raster_without_contrast_is_drawn(ax, raster):
    draw_raster(ax, np.array(raster, dtype=float))
    ax.figure.draw_without_rendering()


def test_labels_have_a_colour_and_a_tick_each(ax, labels):
    image = draw_labels(ax, labels, [11.288, 21.722, 50.751], units="kg m-2")
    assert image.norm.boundaries.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert image.cmap.N == 3
    assert tick_texts(image) == ["0: 11.3", "1: 21.7", "2: 50.8"]
    assert image.colorbar.ax.get_ylabel() == r"centroid ($\mathrm{kg\,m^{-2}}$)"
    assert ax.get_title() == "3 clusters"
    np.testing.assert_array_equal(image.to_rgba(np.arange(3)), image.cmap(np.arange(3)))


@pytest.mark.parametrize("k", [1, 10, 25])
def test_tick_labels_do_not_overlap(ax, k):
    image = draw_labels(ax, np.arange(2 * k).reshape(2, k) % k, np.arange(k) * 1.5)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in image.colorbar.ax.get_yticklabels()]
    assert len(boxes) == k
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))


def test_labels_as_floats_may_have_nan(ax):
    image = draw_labels(ax, np.array([[0.0, np.nan, 1.0, -1.0]]), [1, 2])
    assert image.get_array().mask.tolist() == [[False, True, False, True]]


@pytest.mark.parametrize("wrong", [-2, 3])
def test_a_label_without_a_centroid_is_refused(ax, wrong):
    with pytest.raises(ValueError, match=r"labels must be -1 or lie in 0 to 2, got"):
        draw_labels(ax, np.array([[0, wrong]]), [1, 2, 3])


@pytest.mark.parametrize("centroids", [[], [[[1.0, 2.0]]], 3.0])
def test_centroids_of_another_shape_are_refused(ax, centroids):
    with pytest.raises(ValueError, match=r"centroids must have shape \(k,\)"):
        draw_labels(ax, np.zeros((2, 2), int), centroids)


def test_the_colour_bar_is_as_high_as_the_map(ax, world):
    image = draw_raster(ax, world)
    ax.figure.draw_without_rendering()
    bar, frame = image.colorbar.ax.get_window_extent(), ax.get_window_extent()
    assert bar.height == pytest.approx(frame.height)
    assert bar.x0 > frame.x1
