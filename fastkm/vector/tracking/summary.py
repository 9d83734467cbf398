"""Tables of tracks: regions, ledger, and a summary of each track, from arrays by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastkm.vector.tracking.boxes import join_boxes
from fastkm.vector.tracking.linking import DEATH, EVENTS, SPLIT, Ledger

if TYPE_CHECKING:
    import pandas as pd

SIDES = ["west", "south", "east", "north"]

DAY = 86_400.0
"""Seconds."""


def tabulate_regions(
    times: Sequence[object],
    tracks: Sequence[np.ndarray],
    regions: Sequence[np.ndarray],
    measures: Sequence[dict[str, np.ndarray]],
) -> pd.DataFrame:
    """Return a row for each track and step, by track; the arrays are those of each step."""
    import pandas as pd

    sizes = [len(own) for own in tracks]
    columns = {
        "track": np.concatenate(tracks),
        "step": np.repeat(np.arange(len(times)), sizes),
        "time": np.repeat(_as_times(times), sizes),
        "region": np.concatenate(regions).astype(np.int64),
        **{name: np.concatenate([own[name] for own in measures]) for name in measures[0]},
    }
    frame = pd.DataFrame(columns)
    return frame.iloc[np.lexsort((columns["step"], columns["track"]))].reset_index(drop=True)


def tabulate_events(times: Sequence[object], ledger: Ledger, *, in_km2: bool) -> pd.DataFrame:
    """Return the ledger as a table; shared areas are NaN unless they are `in_km2`."""
    import pandas as pd

    known = (ledger.shared_cells > 0) & in_km2
    return pd.DataFrame(
        {
            "step": ledger.step,
            "time": _as_times(times)[ledger.step],
            "event": np.array(EVENTS, object)[ledger.event],
            "parent_track": ledger.parent_track,
            "child_track": ledger.child_track,
            "parent_step": ledger.parent_step,
            "parent_region": ledger.parent_region,
            "child_region": ledger.child_region,
            "shared_km2": np.where(known, ledger.shared_area, np.nan),
            "shared_cells": ledger.shared_cells,
            "at_record_end": ledger.at_record_end,
        }
    )


def summarise_tracks(
    tracks: pd.DataFrame, ledger: Ledger, *, start: float | None, on_globe: bool
) -> pd.DataFrame:
    """Return a row for each track; `tracks` are the rows of regions, by track and step.

    `start` is where longitudes begin, None if they do not go round.
    """
    import pandas as pd

    number = tracks["track"].to_numpy()
    first = np.flatnonzero(np.diff(number, prepend=-1))
    last = np.append(first[1:], len(number))[: len(first)] - 1
    count = len(first)
    times, step = tracks["time"].to_numpy(), tracks["step"].to_numpy()
    path = _measure_paths(tracks, count) if on_globe else np.full(count, np.nan)
    days = _count_days(times[first], times[last])
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(days > 0, path / days, np.nan)
    # how each began and ended
    origin = np.full(count, "birth", object)
    origin[ledger.child_track[ledger.event == SPLIT]] = "split"
    end = np.full(count, "merge", object)
    end[ledger.parent_track[ledger.event == DEATH]] = "death"
    sides = join_boxes(tracks[SIDES].to_numpy(), first, start)
    by_size = np.lexsort((-step, tracks["cells"], number))  # the last of each track: its largest
    if not tracks["area_km2"].isna().any():
        by_size = np.lexsort((-step, tracks["area_km2"], number))
    largest = {
        f"largest_{name}": np.maximum.reduceat(tracks[column].to_numpy(), first)
        if count
        else tracks[column].to_numpy()
        for name, column in (("cells", "cells"), ("km2", "area_km2"))
    }
    return pd.DataFrame(
        {
            "track": np.arange(count),
            "family": find_families(ledger, count),
            "first": times[first],
            "last": times[last],
            "first_step": step[first],
            "last_step": step[last],
            "steps": last - first + 1,
            "origin": origin,
            "end": end,
            **largest,
            "largest_time": times[by_size[last]],
            "largest_step": step[by_size[last]],
            "path_km": path,
            "speed_km_per_day": speed,
            **dict(zip(SIDES, sides.T, strict=True)),
        }
    )


def find_families(ledger: Ledger, count: int) -> np.ndarray:
    """Return the family of each track, its first one: tracks that mergers and splits connect.

    Examples
    --------
    >>> from fastkm.vector.tracking.linking import Ledger
    >>> none, parents, children = np.empty(0), np.array([0, -1]), np.array([2, 1])
    >>> find_families(Ledger(none, none, parents, children, *[none] * 6), 3)
    array([0, 1, 0])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linked = (ledger.parent_track >= 0) & (ledger.child_track >= 0)
    pairs = ledger.parent_track[linked], ledger.child_track[linked]
    graph = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(count, count))
    family = connected_components(graph, directed=False)[1]
    first = np.full(count, count)
    np.minimum.at(first, family, np.arange(count))
    return first[family]


def _measure_paths(tracks: pd.DataFrame, count: int) -> np.ndarray:
    """Measure the geodesics from centroid to centroid of each track, in km."""
    from pyproj import Geod

    known = tracks[["track", "longitude", "latitude"]].dropna()
    number, x, y = known.to_numpy().T
    same = np.diff(number) == 0
    a, b = np.flatnonzero(same), np.flatnonzero(same) + 1
    path = np.full(count, np.nan)
    path[number.astype(np.int64)] = 0.0
    if len(a):
        metres = Geod(ellps="WGS84").inv(x[a], y[a], x[b], y[b])[2]
        np.add.at(path, number[b].astype(np.int64), 1e-3 * np.asarray(metres))
    return path


def _count_days(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the days from some times to others; NaN if they are not dates."""
    if first.dtype.kind == "M":
        return np.asarray((last - first) / np.timedelta64(1, "s") / DAY)
    if first.dtype.kind == "O":
        return np.array([(b - a).total_seconds() / DAY for a, b in zip(first, last, strict=True)])
    return np.full(len(first), np.nan)


def _as_times(times: Sequence[object]) -> np.ndarray:
    """Return times as an array: dates, numbers, or objects of cftime."""
    if times and hasattr(times[0], "calendar"):
        made = np.empty(len(times), object)
        made[:] = times
        return made
    return np.asarray(times)
