"""Steps on an axis of time: where they begin and end, also where some are missing."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from fastkm.plot.archive.time_axis import (
    COLUMNS,
    average_columns,
    format_time,
    is_monthly,
    place_steps,
)


def test_steps_meet_half_way_or_end_where_steps_are_missing():
    steps = place_steps(np.array([0.0, 1.0, 2.0, 6.0, 7.0, 8.0]))
    assert steps.gap_after.tolist() == [False, False, True, False, False]
    assert steps.left.tolist() == [-0.5, 0.5, 1.5, 5.5, 6.5, 7.5]
    assert steps.right.tolist() == [0.5, 1.5, 2.5, 6.5, 7.5, 8.5]


def test_months_have_no_gaps_and_a_missing_one_is_one():
    months = np.arange("1988-01", "1992-01", dtype="M8[M]").astype("M8[s]")
    assert not place_steps(months).gap_after.any()
    assert np.flatnonzero(place_steps(np.delete(months, 20)).gap_after).tolist() == [19]


def test_the_usual_distance_may_change():
    where = np.concatenate([np.arange(0.0, 100), np.arange(100, 1000, 30.0)])
    steps = place_steps(where)
    assert not steps.gap_after.any()
    assert np.flatnonzero(place_steps(np.delete(where, [50, 115])).gap_after).tolist() == [49, 113]


@pytest.mark.parametrize("times", [[2.0, 1.0], [1.0, 1.0], [1.0, np.nan], ["2000-01", "NaT"]])
def test_times_ascend(times):
    kind = "M8[D]" if isinstance(times[0], str) else float
    with pytest.raises(ValueError, match=r"times must ascend and none be missing, got .* number 1"):
        place_steps(np.array(times, kind))


def test_months_are_told_from_days_and_years():
    assert is_monthly(1988 + np.arange(40) / 12)
    assert not is_monthly(np.arange(40.0))
    assert not is_monthly(np.arange(40).astype("M8[D]"))
    assert not is_monthly(np.array([1988.0]))


def test_a_gap_is_a_column_of_nan():
    edges, held = average_columns(place_steps(np.array([0.0, 1.0, 5.0, 6.0])), np.eye(4, 1))
    assert edges.tolist() == [-0.5, 0.5, 1.5, 4.5, 5.5, 6.5]
    np.testing.assert_array_equal(held[:, 0], [1, 0, np.nan, 0, 0])


def test_no_shared_column_lies_in_a_gap():
    where = np.concatenate([np.arange(0.0, 30010), np.arange(40000.0, 140000)])
    edges, held = average_columns(place_steps(where), np.ones((len(where), 1)))
    assert len(held) == COLUMNS
    shown = np.isfinite(held[:, 0])
    assert not (shown & (edges[:-1] > 30010) & (edges[1:] < 39999)).any()
    assert shown[(edges[1:] < 30000) | (edges[:-1] > 40000)].all()


def test_steps_wider_than_a_shared_column_fill_it():
    where = np.concatenate([np.arange(0.0, 3000), np.arange(3000, 9000, 30.0)])
    values = np.where(where < 3000, 0.0, where)
    edges, held = average_columns(place_steps(where), values[:, None])
    late = edges[:-1] > 3200
    assert np.isfinite(held[late]).all()
    middle = ((edges[1:] + edges[:-1]) / 2)[late]
    assert np.abs(held[late, 0] - middle).max() <= 15 + np.diff(edges)[0]


def test_shared_columns_leave_out_what_is_missing():
    cells = np.ones((2 * COLUMNS, 2))
    cells[0, 0] = 5
    cells[1, 0] = cells[2:4, 1] = np.nan
    held = average_columns(place_steps(np.arange(2.0 * COLUMNS)), cells)[1]
    assert held[0].tolist() == [5, 1]
    assert np.isnan(held[1]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("time", "text"), [(np.array(["2009-10-01"], "M8[s]"), "2009-10-01"), (np.ones(1), "1.00")]
)
def test_a_single_step_has_one_tick(time, text):
    ax = Figure().add_subplot()
    format_time(ax, time, place_steps(time))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [text]
    low, high = ax.get_xlim()
    assert low < place_steps(time).position[0] < high
