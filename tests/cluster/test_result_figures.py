"""Results draw themselves, in a new figure or on axes that are given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import fastkm
from fastkm.plot import class_colours, clusters_figure, labels_figure
from tests.plot.test_figures import assert_tidy

VALUES = np.random.default_rng(3).normal(size=500)


def test_the_histogram_of_a_result_has_its_breaks_and_all_values():
    result = fastkm.kmeans1d(VALUES, 3)
    for draw in (result.plot_histogram, result.plot):
        [ax] = draw(name="height", units="m").axes
        assert [line.get_xdata()[0] for line in ax.lines[:-1]] == result.breaks.tolist()
        assert ax.get_xlabel() == "height ($\\mathrm{m}$)"
        shares = [(p.get_data().values - p.get_data().baseline).sum() for p in ax.patches]
        assert shares == pytest.approx((result.counts / 5).tolist())


def test_weights_count():
    result = fastkm.kmeans1d([1.0, 2.0, 9.0], 2, weights=[1.0, 1.0, 6.0])
    low, high = result.plot().axes[0].patches
    assert high.get_data().values.max() == pytest.approx(75)
    assert low.get_data().values.max() == pytest.approx(12.5)


def test_medians_have_a_histogram_too():
    result = fastkm.kmeans1d([1.0, 2.0, 9.0, 9.5], 2, criterion="median")
    assert result.plot().axes[0].lines[-1].get_xdata().tolist() == result.centroids.tolist()


def test_axes_that_are_given_are_drawn_on():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    results = fastkm.kmeans1d(VALUES, [2, 3, 4])
    assert results[3].plot(ax=left, title="mine") is figure
    assert left.get_title() == "mine"
    assert fastkm.choose_k(results).plot(ax=right, title="scores") is figure
    assert right.get_title() == "scores"


def test_a_loaded_codebook_has_no_histogram(tmp_path):
    fastkm.kmeans1d(VALUES, 2).save(tmp_path / "codebook.json")
    with pytest.raises(ValueError, match="loaded from a file has no profile"):
        fastkm.load_codebook(tmp_path / "codebook.json").plot()


def test_a_choice_marks_the_chosen_k():
    choice = fastkm.choose_k(fastkm.kmeans1d(VALUES, [2, 3, 4]), "bic")
    [ax] = choice.plot().axes
    assert ax.lines[0].get_ydata().tolist() == list(choice.scores.values())
    assert ax.lines[1].get_xdata() == [choice.k]
    assert ax.get_ylabel() == "Bayesian information criterion, lower is better"


@pytest.fixture
def water():
    values = np.arange(24.0).reshape(4, 6)
    values[0, 0] = np.nan
    coords = {"latitude": [45.0, 15, -15, -45], "longitude": np.arange(30.0, 360, 60)}
    attrs = {"long_name": "Water", "units": "kg m-2"}
    return xr.DataArray(values, coords, ("latitude", "longitude"), name="water", attrs=attrs)


def test_the_label_map_has_its_title_its_legend_and_missing_cells(water):
    result = fastkm.cluster_raster(water.assign_coords(time=np.datetime64("2009-10-16", "ns")), 2)
    figure = result.plot()
    [ax] = figure.axes
    assert ax.get_title() == "2 clusters of Water, 2009-10-16"
    image = ax.images[0]
    texts = [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    assert texts == [f"{j}: {x:.1f}" for j, x in enumerate(result.centroids.values[:, 0])]
    assert image.colorbar.ax.get_ylabel() == "centroid ($\\mathrm{kg\\,m^{-2}}$)"
    assert image.get_array().mask.sum() == 1
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_the_histogram_of_a_raster_has_its_name_and_units(water):
    [ax] = fastkm.cluster_raster(water, 2).plot_histogram(title="mine").axes
    assert ax.get_xlabel() == "Water ($\\mathrm{kg\\,m^{-2}}$)"
    assert ax.get_title() == "mine"


def test_several_bands_have_colours_without_an_order_and_no_histogram(water):
    result = fastkm.cluster_raster(xr.Dataset({"a": water, "b": water**2}), 2)
    [ax] = result.plot().axes
    assert ax.get_title() == "2 clusters of a, b"
    colours = [ax.images[0].cmap(j)[:3] for j in range(2)]
    assert np.allclose(colours, class_colours(2))
    with pytest.raises(ValueError, match="histogram needs clusters of one band, got those of 2"):
        result.plot_histogram()
    many = fastkm.cluster_raster(xr.concat([water, -water, water**2], "band"), 1)
    assert many.plot().axes[0].get_title() == "1 cluster of 3 bands"


def test_a_label_map_is_drawn_on_given_axes_or_in_a_projection(water):
    result = fastkm.cluster_raster(water, 2)
    figure = Figure()
    ax = figure.add_subplot()
    assert result.plot(ax=ax, title="mine", cmap="magma") is figure
    assert ax.get_title() == "mine"
    for option in ({"projection": "robinson"}, {"size": (3, None)}):
        with pytest.raises(ValueError, match="leave them or ax out"):
            result.plot(ax=ax, **option)
    assert result.plot(size=(4, None)).get_figwidth() == 4


def test_results_are_taken_as_they_come(water):
    results = fastkm.kmeans1d(water, [2, 3])
    figure = clusters_figure(water, results)
    assert [ax.get_title() for ax in figure.axes[1:]] == ["2 clusters", "3 clusters"]
    for ax, (k, result) in zip(figure.axes[1:], results.items(), strict=True):
        assert (ax.images[0].get_array().filled(-1) == result.predict(water).values).all()
        assert len(ax.images[0].colorbar.ax.get_yticklabels()) == k
    one = clusters_figure(water, fastkm.cluster_raster(water, 3))
    assert (one.axes[1].images[0].get_array() == figure.axes[2].images[0].get_array()).all()
    assert len(clusters_figure(water.values, fastkm.kmeans1d(water.values, 2)).axes) == 2


def test_results_of_several_bands_and_bare_label_maps_are_refused(water):
    pair = fastkm.cluster_raster(xr.Dataset({"a": water, "b": water**2}), 2)
    with pytest.raises(ValueError, match="results of one band, got one of several"):
        clusters_figure(water, {2: pair})
    with pytest.raises(ValueError, match="if there are no centroids, got DataArray for k = 3"):
        clusters_figure(water, {3: water})


def test_a_label_map_says_itself_what_it_shows(water, tmp_path):
    labelled = fastkm.kmeans1d(water, 3).predict(water)
    labelled.to_netcdf(tmp_path / "labels.nc")
    with xr.open_dataset(tmp_path / "labels.nc") as stored:
        for one in (labelled, stored["cluster"]):
            [ax] = labels_figure(one).axes
            assert ax.get_title() == "3 clusters of Water"
            assert ax.images[0].colorbar.ax.get_ylabel() == "centroid ($\\mathrm{kg\\,m^{-2}}$)"
            assert ax.images[0].get_array().mask.sum() == 1
    figure = labels_figure(labelled, title="mine", units="", size=(6, 5), cmap="magma")
    assert figure.axes[0].get_title() == "mine"
    assert figure.get_size_inches().tolist() == [6, 5]
    assert_tidy(figure)
