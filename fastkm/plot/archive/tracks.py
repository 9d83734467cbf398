"""Figures of tracks: where regions go on a map, and how long the largest ones live.

The tables are those of `fastkm.Tracks`. A track that crosses the end of longitudes goes on at the other
side of the map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from fastkm.plot._grid import shrink_longitudes
from fastkm.plot._page import Page
from fastkm.plot._text import format_period, make_printable
from fastkm.plot.archive.time_axis import format_time, place_steps
from fastkm.plot.archive.time_series import EDGE_COLOUR, PAGE_WIDTH, scale_areas
from fastkm.plot.globe.sheets import Extent, Sheet, add_land, find_shifts
from fastkm.plot.maps import choose_window
from fastkm.plot.style import draw_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAP_WIDTH = 10.0
TIME_CMAP = "plasma"
ROW_HEIGHT = 0.42  # inches
TALLEST = 0.4  # of half a row, how far the largest area reaches
LIFE_COLOUR = "#4477aa"
END_COLOUR = "#666666"
LEGEND: dict[str, Any] = {
    "borderpad": 0.0, "borderaxespad": 0.4, "frameon": False, "fontsize": "small",
    "handletextpad": 0.3, "columnspacing": 1.4,
}  # fmt: skip
"""Of a legend above the axes."""
MARKS = {
    "birth": ("o", "white", "birth"),
    "split": (">", "#ccbb44", "split off"),
    "merge": ("s", "#ee6677", "ends in another"),
    "death": ("X", "#222222", "death"),
}
"""The marker of each event, its colour, and its name in the legend."""


def tracks_figure(
    tracks: pd.DataFrame, *, title: str | None = None, extent: Extent | None = None
) -> Figure:
    """Draw tracks on a map: a line from centroid to centroid, in the colours of time.

    Parameters
    ----------
    tracks : pandas.DataFrame
        As `fastkm.Tracks` has them: ``track``, ``time``, and ``longitude`` and ``latitude``, or ``x``
        and ``y``.
    title : str, optional
        The title; by default it says how many tracks there are, and when.
    extent : (west, south, east, north), optional
        The part of the world to show, in degrees; by default that of the tracks, with some room.

    Returns
    -------
    matplotlib.figure.Figure
        A circle is where a track begins, a dot where it ends; what lived for one step is a dot
        alone. If there are no tracks, the map is empty.

    Warns
    -----
    UserWarning
        If extra ``maps`` is not installed: the map is drawn without land.

    Examples
    --------
    >>> import pandas as pd
    >>> places = {"track": [0, 0], "time": [0, 1], "x": [1.0, 3.0], "y": [2.0, 2.0]}
    >>> figure = tracks_figure(pd.DataFrame(places), title="One track")
    >>> figure.axes[0].get_title(loc="left")
    'One track'
    """
    on_globe = "longitude" in tracks
    names = ["longitude", "latitude"] if on_globe else ["x", "y"]
    known = tracks[np.isfinite(tracks[names]).all(axis=1)]
    times, dates = _as_numbers(known["time"].to_numpy())
    ends = np.flatnonzero(np.diff(known["track"].to_numpy())) + 1
    lines = np.split(known[names].to_numpy(float), ends)
    if on_globe:
        lines = [np.unwrap(line, period=360.0, axis=0) for line in lines]
    central, window = choose_window(
        [line for line in lines if len(line)], extent, None, on_globe=on_globe
    )
    shrink = shrink_longitudes(*window[1::2], window[2] - window[0]) if on_globe else 1.0
    sheet = Sheet(central if on_globe else None, window, shrink)
    # the page, with land if the tracks lie on Earth
    figure = Page(sheet.ratio, figsize=(MAP_WIDTH, MAP_WIDTH * sheet.ratio))
    ax = figure.add_subplot()
    sheet.prepare(ax)
    if on_globe:
        add_land(ax, sheet, central, None, shores_on_top=False)
    _draw_paths(ax, lines, np.split(times, ends), central if on_globe else None, dates=dates)
    count = len({*tracks["track"]})
    text = _name_tracks(f"{count} tracks", tracks["time"]).replace("\n", ", ")
    ax.set_title(make_printable(title or text), loc="left")
    figure.trim()
    return figure


def _draw_paths(
    ax: Axes,
    lines: list[np.ndarray],
    times: list[np.ndarray],
    central: float | None,
    *,
    dates: bool,
) -> None:
    """Draw lines from place to place, a circle at each beginning and a dot at each end."""
    segments, colours = [], []
    starts, stops = [], []
    for line, when in zip(lines, times, strict=True):
        if not len(line):
            continue
        for shift in [0.0] if central is None else find_shifts(line, central):
            placed = line - (shift, 0.0)
            segments.append(np.stack([placed[:-1], placed[1:]], axis=1))
            colours.append((when[:-1] + when[1:]) / 2)
            starts.append((*placed[0], when[0]))
            stops.append((*placed[-1], when[-1]))
    if not starts:
        return
    every = np.concatenate(times)
    look: dict[str, Any] = {
        "cmap": TIME_CMAP,
        "clim": (every.min(), max(every.max(), every.min() + 1e-9)),
    }
    halo = withStroke(linewidth=3.0, foreground="white", alpha=0.7)
    paths = LineCollection(
        list(np.concatenate(segments)), array=np.concatenate(colours), linewidths=1.6, zorder=4,
        path_effects=[halo], **look,
    )  # fmt: skip
    ax.add_collection(paths, autolim=False)
    for places, size, faces in ((starts, 26, "white"), (stops, 16, None)):
        x, y, when = np.array(places).T
        dots: Any = ax.scatter(x, y, size, when, cmap=TIME_CMAP, linewidths=0.9, zorder=5)
        dots.set_clim(*look["clim"])
        dots.update_scalarmappable()
        if faces is not None:
            dots.set(edgecolors=dots.get_facecolors(), array=None, facecolors=faces, zorder=4.5)
    look = {"marker": "o", "color": END_COLOUR, "linestyle": "", "markersize": 5}
    marks = [Line2D([], [], label="begins", markerfacecolor="white", **look),
             Line2D([], [], label="ends", **look)]  # fmt: skip
    ax.legend(handles=marks, loc="lower right", bbox_to_anchor=(1.0, 1.0), **LEGEND, ncols=2)
    bar: Any = ax.figure.colorbar(paths, cax=ax.inset_axes((1.02, 0.0, 0.02, 1.0)))
    bar.outline.set_linewidth(0.6)
    if dates:
        locator = AutoDateLocator(minticks=3, maxticks=9)
        bar.ax.yaxis.set_major_locator(locator)
        bar.ax.yaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    else:
        bar.set_label("time")


def lives_figure(
    tracks: pd.DataFrame,
    events: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    most: int = 10,
    title: str | None = None,
) -> Figure:
    """Draw the lives of the largest tracks, one below the other, with their mergers and splits.

    Parameters
    ----------
    tracks, events, summary : pandas.DataFrame
        As `fastkm.Tracks` has them.
    most : int, default: 10
        The number of tracks, those whose largest areas are largest.
    title : str, optional
        The title; by default it says what is shown.

    Returns
    -------
    matplotlib.figure.Figure
        Each life is as high as the area of its region at the time. Marks say how it begins and
        ends; lines lead to the track that it comes from or ends in, if that is shown.

    Raises
    ------
    ValueError
        If there are no tracks.

    Examples
    --------
    >>> import numpy as np, xarray as xr, fastkm
    >>> labels = xr.DataArray(np.ones((3, 2, 2), int), dims=("time", "y", "x"))
    >>> figure = fastkm.track(labels).plot_lives()
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['track 0']
    """
    if not len(summary):
        raise ValueError("there are no tracks to draw")
    in_km2 = bool(summary["largest_km2"].notna().all())
    column = "area_km2" if in_km2 else "cells"
    size = summary["largest_km2" if in_km2 else "largest_cells"].to_numpy(float)
    chosen = np.sort(np.argsort(-size, kind="stable")[:most])
    rows = {int(number): row for row, number in enumerate(chosen)}
    figure = Page(figsize=(PAGE_WIDTH, 1.1 + ROW_HEIGHT * len(chosen)))
    ax = figure.add_subplot()
    # the axis of time
    moments = np.unique(np.concatenate([tracks["time"], events["time"]]))
    axis_times = moments if moments.dtype.kind == "M" else _as_numbers(moments)[0]
    steps = place_steps(axis_times)
    number_of = {time: number for number, time in enumerate(moments.tolist())}
    largest = size[chosen].max() or 1.0
    for number, own in tracks[tracks["track"].isin(chosen)].groupby("track"):
        at = np.array([number_of[time] for time in own["time"].to_numpy().tolist()])
        where = np.column_stack([steps.left[at], steps.right[at]]).ravel()
        height = np.repeat(TALLEST * own[column].to_numpy(float) / largest, 2)
        row = rows[int(number)]
        ax.plot(where, np.full(len(where), row), color=LIFE_COLOUR, linewidth=1.2, zorder=2)
        ax.fill_between(
            where, row - height, row + height, color=LIFE_COLOUR, alpha=0.45, linewidth=0
        )
    when = [steps.position[number_of[time]] for time in events["time"].to_numpy().tolist()]
    _mark_events(ax, events, rows, np.array(when))
    # rows from the first to the last, and what the figure shows
    format_time(ax, axis_times, steps)
    ax.set_ylim(len(chosen) - 0.4, -0.6)
    ax.set_yticks(range(len(chosen)), [f"track {number}" for number in chosen])
    draw_grid(ax)
    shown, label = scale_areas(np.array([largest]), "km2" if in_km2 else "cells")
    unit = label.removeprefix("area, ")
    text = f"The {len(chosen)} largest of {len(summary)} tracks, up to {shown[0]:.3g} {unit}"
    text = _name_tracks(text, tracks["time"])
    marks, names = ax.get_legend_handles_labels()
    ax.set_title(make_printable(title or text) + ("\n " if marks else ""), loc="left")
    if marks:  # below the title
        ax.legend(marks, names, loc="lower left", bbox_to_anchor=(0.0, 1.0), **LEGEND, ncols=4)
    return figure


def _mark_events(ax: Axes, events: pd.DataFrame, rows: dict[int, int], when: np.ndarray) -> None:
    """Mark how tracks begin and end, and join them with those that they come from and end in."""
    goes_on = set(
        zip(
            *(
                events.loc[events["event"] == "continue", name]
                for name in ("parent_track", "parent_step")
            ),
            strict=True,
        )
    )
    for name, (marker, face, text) in MARKS.items():
        own = np.flatnonzero(events["event"] == name)
        whose = events["child_track" if name in {"birth", "split"} else "parent_track"].to_numpy()
        other = events["parent_track" if name == "split" else "child_track"].to_numpy()
        places = []
        for at in own:
            parent = (events["parent_track"].iloc[at], events["parent_step"].iloc[at])
            if name == "merge" and parent in goes_on:
                continue  # it only lends a part
            if events["at_record_end"].iloc[at]:
                continue  # nobody knows
            here, there = rows.get(int(whose[at])), rows.get(int(other[at]))
            if here is None:
                continue
            places.append((when[at], here))
            if name in {"split", "merge"} and there is not None:
                ax.plot([when[at]] * 2, [here, there], color=EDGE_COLOUR, linewidth=0.9, zorder=1)
        if places:
            x, y = np.array(places).T
            ax.plot(
                x, y, marker, color=face, markeredgecolor="#222222", markeredgewidth=0.8,
                markersize=6, linestyle="", zorder=3, label=text,
            )  # fmt: skip


def _name_tracks(text: str, times: pd.Series) -> str:
    """Return a title with the period of some times."""
    return f"{text}\n{format_period(times.min(), times.max())}" if len(times) else text


def _as_numbers(times: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return times as numbers, and whether these are matplotlib's dates."""
    if times.dtype.kind == "M":
        return np.asarray(date2num(times), float), True
    if times.dtype.kind == "O":  # calendars that numpy lacks
        return np.array([time.year + (time.dayofyr - 1) / 366 for time in times], float), False
    return times.astype(float), False
