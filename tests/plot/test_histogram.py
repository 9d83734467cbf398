"""The distribution of values with their clusters."""

import numpy as np
import pytest

from fastkm.plot import draw_histogram, histogram_figure
from fastkm.plot.histogram import MOST_COLUMNS, choose_edges
from tests.plot.test_figures import assert_tidy, png_size

VALUES, WEIGHTS = np.array([1.0, 2.0, 8.0, 9.0]), np.array([4.0, 1.0, 2.0, 3.0])


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure().add_subplot()


def heights(patch):
    data = patch.get_data()
    return data.values - data.baseline


def test_columns_of_each_cluster_sum_to_its_share(ax):
    low, high = draw_histogram(ax, VALUES, WEIGHTS, [5.0], [1.2, 8.6])
    assert heights(low).sum() == pytest.approx(50)
    assert heights(high).sum() == pytest.approx(50)
    assert low.get_data().edges.tolist() == [0.5, 1.5, 2.5]
    assert [line.get_xdata()[0] for line in ax.lines[:-1]] == [5.0]
    assert ax.lines[-1].get_xdata().tolist() == [1.2, 8.6]


def test_a_column_with_a_break_shows_both_clusters_above_one_another(ax):
    values = np.arange(1000.0)
    low, high = draw_histogram(ax, values, np.ones(1000), [499.0], [249.5, 749.5])
    shared = np.intersect1d(low.get_data().edges[:-1], high.get_data().edges[:-1])
    assert len(shared) == 1
    assert high.get_data().baseline[0] == low.get_data().values[-1]


def test_whole_numbers_share_columns_evenly():
    for count in (2, 100, 121, 255, 1000, 70_001):
        edges = choose_edges(np.arange(float(count)))
        assert len(edges) <= MOST_COLUMNS + 2
        inside = np.histogram(np.arange(count), edges)[0]
        assert inside.sum() == count
        assert len(set(inside[:-1].tolist())) <= 1


@pytest.mark.parametrize(
    "values", [[3.0], [0.0], [-1.7e308, 1.7e308], [0.0, 5e-324, 1.0], [1.0, 1.0 + 2**-52]]
)
def test_extreme_values_have_columns(values, ax):
    values = np.array(values)
    edges = choose_edges(values)
    assert (np.diff(edges) > 0).all()
    assert edges[0] <= values[0] <= values[-1] <= edges[-1]
    if np.abs(values).max() < 1e300:  # beyond, matplotlib's own sums overflow
        draw_histogram(ax, values, np.ones(len(values)), [], [float(values[0])])


def test_wide_bins_are_spread_over_columns(ax):
    values, widths = np.array([0.0, 50.0, 100.0, 100.1]), np.array([0.0, 40.0, 0.0, 0.0])
    [all_of_them] = draw_histogram(ax, values, np.ones(4), [], [50.0], widths=widths)
    filled = heights(all_of_them) > 0
    centres = np.convolve(all_of_them.get_data().edges, [0.5, 0.5], "valid")
    assert filled[(centres > 31) & (centres < 69)].all()
    assert not filled[(centres > 2) & (centres < 29)].any()
    assert heights(all_of_them).sum() == pytest.approx(100)


def test_the_legend_names_clusters_units_and_how_many():
    figure = histogram_figure(VALUES, WEIGHTS, [5.0], [1.2, 8.6], name="Water", units="kg m-2")
    legend = figure.axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["0: 1.2, 50.0 %", "1: 8.6, 50.0 %", "centroid", "break"]
    assert legend.get_title().get_text() == "centroid ($\\mathrm{kg\\,m^{-2}}$), share"
    assert figure.axes[0].get_title() == "2 clusters"
    assert_tidy(figure)
    k = 40
    many = histogram_figure(
        np.arange(80.0),
        np.ones(80),
        np.arange(k - 1) * 2 + 1.0,
        np.arange(k) * 2 + 0.5,
        title="All",
    )
    legend = many.axes[0].get_legend()
    assert legend.get_title().get_text() == "12 of 40 clusters\ncentroid, share"
    assert legend.get_texts()[11].get_text().startswith("39: ")
    assert many.axes[0].get_title() == "All"
    assert_tidy(many)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.ones((2, 2))}, "values and weights must have one dimension"),
        ({"weights": np.ones(3)}, "as many values as weights"),
        ({"values": np.empty(0), "weights": np.empty(0)}, "values and weights"),
        ({"breaks": [1.0, 2.0]}, "breaks must be one less than centroids"),
        ({"breaks": [], "centroids": []}, "breaks must be one less than centroids"),
        ({"cmap": "sunshine"}, "cmap must be a colour map"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    given = {"values": VALUES, "weights": WEIGHTS, "breaks": [5.0], "centroids": [1.2, 8.6]}
    with pytest.raises(ValueError, match=message):
        histogram_figure(**{**given, **changes})


def test_notebooks_show_the_figure():
    figure = histogram_figure(VALUES, WEIGHTS, [5.0], [1.2, 8.6])
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert png_size(figure, dpi=50) == (350, 190)
