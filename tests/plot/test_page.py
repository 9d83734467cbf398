import numpy as np
import pytest
from matplotlib.figure import Figure

from fastkm.plot import draw_labels, draw_raster, make_panels
from tests.plot.test_figures import assert_tidy, png_size


def draw_page(raster, **options):
    page, axes = make_panels(4, raster, **options)
    for ax in axes:
        draw_raster(ax, raster)
    page.trim()
    return page, axes


def frames(page):
    page.draw_without_rendering()
    return np.array([ax.get_window_extent().bounds for ax in page.axes])


def test_panels_keep_the_scale_and_have_one_size(world):
    page, _ = draw_page(world, title="title")
    bounds = frames(page)
    np.testing.assert_allclose(bounds[:, 2:], bounds[:1, 2:] + np.zeros((4, 1)), rtol=1e-6)
    assert bounds[0, 2] == pytest.approx(2 * bounds[0, 3])
    assert page.get_suptitle() == "title"
    assert_tidy(page)


@pytest.mark.parametrize(("columns", "grid"), [(None, (1, 4)), (1, (4, 1)), (2, (2, 2))])
def test_panels_stand_in_columns(world, columns, grid):
    page, axes = draw_page(world, columns=columns)
    assert axes[0].get_subplotspec().get_gridspec().get_geometry() == grid
    left, bottom = frames(page)[:, :2].round(3).T
    assert (len(set(bottom)), len(set(left))) == grid
    assert_tidy(page)


@pytest.mark.parametrize("size", [(12, 3), (11, 9), (20, 20)])
def test_a_page_of_another_size_stays_tidy(world, size):
    page, _ = draw_page(world, title="title")
    page.set_size_inches(size)
    assert_tidy(page)
    bounds = frames(page)
    assert bounds[0, 2] == pytest.approx(2 * bounds[0, 3])


def test_texts_that_change_find_room(world):
    page, axes = draw_page(world)
    page.draw_without_rendering()
    before = axes[0].get_position().y1
    axes[0].set_title("one\ntwo\nthree\nfour")
    axes[0].set_xlabel("longitude")
    assert_tidy(page)
    assert axes[0].get_position().y1 < before


def test_a_page_too_small_for_its_texts_is_still_drawn(world):
    page, _ = draw_page(world)
    page.set_size_inches(0.5, 0.5)
    assert png_size(page) == (25, 25)


def test_a_page_is_as_wide_as_long_numbers_demand():
    raster = np.arange(120.0).reshape(60, 2)
    page, axes = make_panels(2, raster)
    for ax in axes:
        image = draw_labels(ax, (raster > 60).astype(int), [1.0, 2.0])
        image.colorbar.set_ticks([0, 1], labels=["a number of thirty-three digits", "b"])
    page.trim()
    assert_tidy(page)
    assert frames(page)[0, 2] >= 0.49 * page.dpi


def test_a_page_may_have_a_layout_engine_or_be_cut(world):
    page, _ = draw_page(world)
    width, height = png_size(page, bbox_inches="tight", pad_inches=0.06)
    assert width == pytest.approx(50 * page.get_figwidth(), abs=6)
    assert height == pytest.approx(50 * page.get_figheight(), abs=6)
    page.set_layout_engine("compressed")
    assert_tidy(page)


def test_names_of_axes_stand_beyond_their_numbers(world):
    page, [ax] = make_panels(1, world)
    image = draw_raster(ax, world, title="water")
    ax.set(xlabel="x", ylabel="y")
    page.trim()
    page.draw_without_rendering()
    lowest = min(text.get_window_extent().y0 for text in ax.get_xticklabels())
    assert ax.xaxis.label.get_window_extent().y1 <= lowest
    leftmost = min(text.get_window_extent().x0 for text in ax.get_yticklabels())
    assert ax.yaxis.label.get_window_extent().x1 <= leftmost
    bar = image.colorbar.ax
    drawn = [
        text
        for place, text in zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)
        if bar.get_ylim()[0] <= place <= bar.get_ylim()[1]
    ]
    rightmost = max(text.get_window_extent().x1 for text in drawn)
    assert bar.yaxis.label.get_window_extent().x0 >= rightmost


def test_a_power_of_ten_has_its_place_above_the_colour_bar(world):
    page, [ax] = make_panels(1, world)
    image = draw_raster(ax, 1e9 * world, title="a title that is as long as the panel is wide" * 2)
    page.trim()
    page.draw_without_rendering()
    power = image.colorbar.ax.yaxis.get_offset_text()
    assert power.get_text()
    assert not power.get_window_extent().overlaps(ax.title.get_window_extent())
    assert ax.title.get_window_extent().y1 <= page.bbox.y1 + 1


def test_panels_are_drawn_on_other_figures_as_well(world, labels):
    top, bottom = Figure(figsize=(6, 8), layout="constrained").subplots(2, 1)
    draw_raster(top, world)
    draw_labels(bottom, labels, [1.0, 2.0, 3.0])
    assert_tidy(top.figure)


def test_a_page_without_panels_is_empty(world):
    page, [ax] = make_panels(1, world)
    page.delaxes(ax)
    assert png_size(page)[0] > 0
