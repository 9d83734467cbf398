"""Figures of several bands."""

import numpy as np
import pytest
import xarray as xr

from fastkm.plot import class_colours, stack_figure
from tests.plot.test_figures import assert_tidy


def band(name="height", value=1.0, **attrs):
    values = np.arange(48.0).reshape(6, 8) * value
    coords = {"y": np.arange(6.0)[::-1] * 30, "x": np.arange(8.0) * 30}
    return xr.DataArray(values, coords, ("y", "x"), attrs={"long_name": name, **attrs})


def labels(k):
    return band().copy(data=(np.arange(48) % k).reshape(6, 8) - (np.arange(48) == 0).reshape(6, 8))


def figure_of(bands, ks=(2, 3), **options):
    centroids = {k: np.arange(k * len(bands), dtype=float).reshape(k, -1) for k in ks}
    colours = {k: class_colours(k) for k in ks}
    return stack_figure(bands, {k: labels(k) for k in ks}, centroids, colours, **options)


def test_bands_then_label_maps():
    figure = figure_of([band("a", units="m"), band("b")])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "2 clusters", "3 clusters"]
    assert_tidy(figure)


def test_label_maps_have_the_given_colours_and_few_bands_their_centroids():
    figure = figure_of([band("a"), band("b")], ks=(2,))
    image = figure.axes[2].images[0]
    np.testing.assert_allclose(image.cmap(0)[:3], class_colours(2)[0])
    texts = [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    assert texts == ["0: 0.0, 1.0", "1: 2.0, 3.0"]
    many = figure_of([band(str(j)) for j in range(4)], ks=(2,)).axes[-1].images[0]
    assert [text.get_text() for text in many.colorbar.ax.get_yticklabels()] == ["0", "1"]


def test_many_bands_are_thinned():
    figure = figure_of([band(f"month {j}") for j in range(30)], ks=(2,))
    assert len(figure.axes) == 13
    assert figure.axes[0].get_title() == "month 0"
    assert figure.axes[11].get_title() == "month 29"


def test_photo_is_one_picture_with_missing_cells_grey():
    red, green, blue = (band(value=scale) for scale in (1.0, 2.0, 5.0))
    green[0, 0] = np.nan
    figure = figure_of([red, green, blue], photo=True)
    assert figure.axes[0].get_title() == "red, green, blue"
    assert len(figure.axes) == 3
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (6, 8, 3)
    np.testing.assert_allclose(picture[0, 0], 0xD9 / 255)
    np.testing.assert_allclose(picture[1, 1], [9 / 255, 18 / 255, 45 / 255])
    assert_tidy(figure)


def test_axes_are_named_at_the_edge_only():
    figure = figure_of([band("a"), band("b")])
    assert [ax.get_ylabel() for ax in figure.axes] == ["y", "", "", ""]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"label_maps\[2\] must have the raster's shape"):
        stack_figure([band()[:3]], {2: labels(2)}, {2: np.eye(2)}, {2: class_colours(2)})


@pytest.mark.parametrize("k", [1, 7, 18, 19, 60])
def test_colours_of_classes_differ(k):
    colours = class_colours(k)
    assert len(set(colours)) == k
    assert all(0 <= part <= 1 for colour in colours for part in colour)
    assert all(max(colour) - min(colour) > 0.05 for colour in colours)


def test_no_class_has_no_colour():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        class_colours(0)


def test_steps_of_one_variable_have_dates_one_scale_and_a_count():
    steps = [band("water", value=j + 1.0, units="m") for j in range(24)]
    names = [f"2009-{j + 1}" for j in range(24)]
    figure = figure_of(steps, ks=(2,), names=names)
    assert figure.get_suptitle() == "water ($\\mathrm{m}$), 12 of 24 bands"
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0] == "2009-1"
    assert titles[11:] == ["2009-24", "2 clusters"]
    assert {ax.images[0].get_clim() for ax in figure.axes[:-1]} == {(0.0, 47.0 * 24)}
    bar = figure.axes[-1].images[0].colorbar.ax
    assert bar.get_ylabel() == "mean centroid ($\\mathrm{m}$)"
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0: 11.5", "1: 35.5"]
    assert_tidy(figure)


def test_steps_without_names_have_their_dates_or_numbers():
    dated = band("water").assign_coords(time=np.datetime64("2009-02-01", "ns"))
    figure = figure_of([dated, band("water")], ks=(2,))
    assert [ax.get_title() for ax in figure.axes] == ["2009-02-01", "band 2", "2 clusters"]


def test_a_step_without_cells_does_not_change_the_scale():
    with xr.set_options(keep_attrs=True):  # the default of newer versions of xarray
        more = band("water") + 5
    figure = figure_of([band("water", value=np.nan), more], ks=())
    assert {ax.images[0].get_clim() for ax in figure.axes} == {(5.0, 52.0)}


def test_bands_of_other_names_or_units_have_their_own_scales():
    figure = figure_of([band("red"), band("nir", value=2.0)], ks=())
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(0.0, 47.0), (0.0, 94.0)]
    assert figure.get_suptitle() == ""
    many = figure_of([band(f"band {j}") for j in range(30)], ks=())
    assert many.get_suptitle() == "12 of 30 bands"
