"""Figures of tracks: what is drawn, where, and in which colours."""

import io

import cftime
import numpy as np
import pandas as pd
import pytest

from fastkm.plot import lives_figure, tracks_figure

DAYS = pd.date_range("2020-01-01", periods=4)


def make_tables(times=DAYS):
    """Make three tracks: one goes over the antimeridian, one ends in it, one splits off and stays."""
    rows = [(0, 0, 170.0, 9.0), (0, 1, 178.0, 9.0), (0, 2, -174.0, 9.0), (0, 3, -166.0, 9.0),
            (1, 0, 160.0, 1.0), (1, 1, 165.0, 1.0), (2, 3, -150.0, 4.0)]  # fmt: skip
    tracks = pd.DataFrame(rows, columns=["track", "step", "longitude", "area_km2"])
    tracks["latitude"], tracks["cells"] = 5.0 * tracks["track"], 1
    tracks["time"] = np.asarray(times)[tracks["step"]]
    events = [(0, "birth", -1, 0, -1, True), (0, "birth", -1, 1, -1, False),
              (1, "continue", 0, 0, 0, False), (1, "continue", 1, 1, 0, False),
              (2, "continue", 0, 0, 1, False), (2, "merge", 1, 0, 1, False),
              (3, "continue", 0, 0, 2, False), (3, "split", 0, 2, 2, False),
              (3, "death", 0, -1, 3, True), (3, "death", 2, -1, 3, False)]  # fmt: skip
    names = ["step", "event", "parent_track", "child_track", "parent_step", "at_record_end"]
    ledger = pd.DataFrame(events, columns=names)
    ledger["time"] = np.asarray(times)[ledger["step"]]
    summary = pd.DataFrame({"largest_km2": [9.0, 1.0, 4.0], "largest_cells": [1, 1, 1]})
    return tracks, ledger, summary


def drawn(figure):
    figure.savefig(io.BytesIO(), dpi=40)
    return figure


def test_paths_go_on_over_the_end_of_longitudes():
    figure = drawn(tracks_figure(make_tables()[0], title="Three"))
    ax = figure.axes[0]
    assert ax.get_title(loc="left") == "Three"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["begins", "ends"]
    [paths] = [c for c in ax.collections if c.get_cmap().name == "plasma" and c.get_zorder() == 4]
    segments = np.array(paths.get_segments())
    assert len(segments) == 4
    assert np.abs(np.diff(segments[..., 0], axis=1)).max() == pytest.approx(8)
    starts, stops = (c.get_offsets() for c in ax.collections if len(c.get_offsets()) == 3)
    assert (starts[:, 1].tolist(), stops[:, 1].tolist()) == ([0, 5, 10], [0, 5, 10])
    assert starts[2].tolist() == stops[2].tolist()


def test_without_a_place_paths_have_axes_of_x_and_y():
    tracks = make_tables(np.arange(4))[0].rename(columns={"longitude": "x", "latitude": "y"})
    ax = drawn(tracks_figure(tracks)).axes[0]
    assert (ax.get_xlabel(), ax.child_axes[0].get_ylabel()) == ("x", "time")
    assert ax.get_title(loc="left") == "3 tracks, 0 to 3"


def test_no_tracks_are_an_empty_map():
    assert not drawn(tracks_figure(make_tables()[0].iloc[:0])).axes[0].child_axes


def test_lives_have_their_events():
    figure = drawn(lives_figure(*make_tables()))
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["track 0", "track 1", "track 2"]
    marks = {line.get_label(): line.get_xydata()[:, 1].tolist() for line in ax.lines}
    named = {name: rows for name, rows in marks.items() if not name.startswith("_")}
    assert named == {"birth": [1], "split off": [2], "ends in another": [1], "death": [2]}
    joins = [
        np.asarray(line.get_ydata()).tolist()
        for line in ax.lines
        if len(set(line.get_xdata())) == 1
    ]
    assert [2, 0] in joins
    assert [1, 0] in joins
    assert ax.get_title(loc="left").startswith(
        "The 3 largest of 3 tracks, up to 9 km²\n2020-01-01 to 2020-01-04"
    )


def test_the_largest_lives_are_chosen():
    tracks, events, summary = make_tables()
    figure = lives_figure(tracks, events, summary, most=2, title="Two")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["track 0", "track 2"]
    assert figure.axes[0].get_title(loc="left").strip() == "Two"
    with pytest.raises(ValueError, match="no tracks to draw"):
        lives_figure(tracks, events, summary.iloc[:0])


def test_dates_of_other_calendars_become_years():
    tables = make_tables([cftime.DatetimeNoLeap(2000, month, 1) for month in (1, 2, 3, 4)])
    summary = tables[2].assign(largest_km2=np.nan)
    ax = drawn(lives_figure(*tables[:2], summary)).axes[0]
    assert ax.get_xlabel() == "year"
    assert "cells" in ax.get_title(loc="left")
    drawn(tracks_figure(tables[0]))
