"""Cases of tracking: patches of a moving field on a grid with land, from labels to a map of events.

An event is all patches that overlap from step to step, which is a family of fastkm's tracks. ocetrac
finds the same events: its radius of 1 leaves the patches as they are, and no patch is too small. fastkm
also measures every patch, numbers tracks within events, and keeps the ledger; the others do not.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

import fastkm
from bench.case import Case, Rival

STEPS = 24
"""Months: two years."""

EIGHT = np.ones((3, 3), int)
"""Cells that touch at a corner are connected."""


def make_months(rows: int) -> xr.DataArray:
    """Label the highest tenth of a field that changes from month to month as 1, land as -1."""
    rng = np.random.default_rng(0)
    shape, across = (STEPS, rows, 2 * rows), (1.2, rows / 90, rows / 60)
    field = gaussian_filter(
        rng.normal(size=shape).astype(np.float32), across, mode=("nearest", "nearest", "wrap")
    )
    land = gaussian_filter(rng.normal(size=shape[1:]), rows / 30, mode=("nearest", "wrap"))
    ocean = land <= np.quantile(land, 0.7)
    labels = np.where(ocean, field > np.quantile(field[:, ocean], 0.9), -1).astype(np.int8)
    months = np.arange("2000-01", "2002-01", dtype="M8[M]").astype("M8[ns]")
    latitude = -90 + (np.arange(rows) + 0.5) * 180 / rows
    longitude = (np.arange(2 * rows) + 0.5) * 180 / rows
    coords = {"time": months, "lat": latitude, "lon": longitude}
    return xr.DataArray(labels, coords, ("time", "lat", "lon"))


def by_fastkm(labels: xr.DataArray) -> np.ndarray:
    found = fastkm.track(labels, cluster=1, connectivity=8)
    return np.asarray(found.to_map(labels, "family").values)


def by_scipy(labels: xr.DataArray) -> np.ndarray:
    """Label each step, pair what shares cells with the step before, and join the pairs."""
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = labels.values == 1
    numbers, count, pairs = np.full(inside.shape, -1), 0, []
    for step, cells in enumerate(inside):
        own, found = label(cells, EIGHT)
        numbers[step] = np.where(cells, own + (count - 1), -1)
        count += found
        # the first and the last column are neighbours
        west, east = numbers[step][:, -1], numbers[step][:, 0]
        for shift in (-1, 0, 1):
            moved = np.roll(east, shift)
            touch = (west >= 0) & (moved >= 0)
            if shift:
                touch[0 if shift == 1 else -1] = False
            pairs.append(np.stack([west[touch], moved[touch]]))
        if step:
            both = cells & inside[step - 1]
            shared = np.stack([numbers[step - 1][both], numbers[step][both]])
            pairs.append(np.unique(shared, axis=1))
    ends = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(ends.shape[1], bool), tuple(ends)), shape=(count, count))
    events = np.append(connected_components(graph, directed=False)[1], -1)
    return np.asarray(events[numbers])


def by_ocetrac(labels: xr.DataArray) -> np.ndarray:
    import ocetrac

    field = (labels == 1).astype(float)
    ocean = (labels[0] >= 0).astype(int)
    with contextlib.redirect_stdout(io.StringIO()):
        events = ocetrac.Tracker(
            field, ocean, radius=1, min_size_quartile=0.0, min_area_cells=0, xdim="lon",
            ydim="lat", method="temporal_neighbor",
        ).run()  # fmt: skip
    return np.nan_to_num(events.values, nan=-1.0).astype(int)


def same_events(_: Any, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Require the same cells in the same events, whatever their numbers."""
    assert ours.dtype.kind == theirs.dtype.kind == "i"
    np.testing.assert_array_equal(ours >= 0, theirs >= 0)
    inside = ours >= 0
    pairs = np.unique(np.stack([ours[inside], theirs[inside]]), axis=1)
    assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


TRACKS = [
    Case(
        f"track, {STEPS} maps of 720 x 1440",
        make_months,
        {"tiny": 20, "small": 90, "full": 720},
        {
            "fastkm": Rival(by_fastkm, "fastkm"),
            "scipy, events only": Rival(by_scipy, "scipy.ndimage", serial=True),
            "ocetrac": Rival(by_ocetrac, "ocetrac", serial=True),
        },
        same_events,
        at={"n": STEPS * 720 * 1440},
    ),
]
