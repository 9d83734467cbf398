"""Cases of changes through time: what passes between the clusters of label maps.

Each rival counts cells and adds up areas for the pairs of labels of consecutive maps.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import xarray as xr

import fastkm
from bench.case import Case, Rival
from bench.cases.outlines import label_map, serial
from fastkm.raster.grid.areas import cell_areas

MAPS = 48
CLUSTERS = 6


class Tables(NamedTuple):
    """Cells and areas in km2 by the labels before and after, (k, k)."""

    cells: np.ndarray
    areas: np.ndarray


def drifting_maps(rows: int) -> tuple[xr.DataArray, xr.DataArray]:
    """Let a label map of the globe drift eastwards, a degree a month; return the areas too."""
    one = label_map(rows).astype(np.int8)
    maps = np.stack([np.roll(one, (month * rows) // 180, axis=1) for month in range(MAPS)])
    times = (np.datetime64("2009-01") + np.arange(MAPS)).astype("M8[ns]")
    step = 180 / rows
    coords = {
        "time": times,
        "lat": 90 - step * (np.arange(rows) + 0.5),
        "lon": step * (np.arange(2 * rows) + 0.5),
    }
    labels = xr.DataArray(maps, coords, ("time", "lat", "lon"))
    return labels, cell_areas(labels[0])


def by_fastkm(data: tuple[xr.DataArray, xr.DataArray]) -> Tables:
    """Count all pairs of steps at once."""
    labels, areas = data
    found = fastkm.transitions(labels, areas=areas)
    return Tables(found.cells.to_numpy(), found.area_km2.to_numpy())


def by_confusion_matrix(data: tuple[xr.DataArray, xr.DataArray]) -> Tables:
    """Take each map for the truth and the next one for a prediction."""
    from sklearn.metrics import confusion_matrix

    labels, areas = (one.values for one in data)
    k, weights = CLUSTERS, areas.ravel()
    found = [
        confusion_matrix(before.ravel(), after.ravel(), labels=range(k), sample_weight=own)
        for before, after in pairwise(labels)
        for own in (None, weights)
    ]
    return Tables(np.sum(found[::2], axis=0), np.sum(found[1::2], axis=0) / 1e6)


def by_bincount(data: tuple[xr.DataArray, xr.DataArray]) -> Tables:
    """Turn the pairs into numbers, and count these."""
    labels, areas = (one.values for one in data)
    k, weights = CLUSTERS, areas.ravel()
    pairs = [before.ravel() * np.int8(k) + after.ravel() for before, after in pairwise(labels)]
    cells, sums = (
        np.sum([np.bincount(own, given, k * k) for own in pairs], axis=0).reshape(k, k)
        for given in (None, weights)
    )
    return Tables(cells, sums / 1e6)


def same_tables(_: object, ours: Tables, theirs: Tables) -> None:
    """Compare cells exactly, areas up to rounding."""
    np.testing.assert_array_equal(ours.cells, theirs.cells)
    np.testing.assert_allclose(ours.areas, theirs.areas, rtol=1e-9)


CHANGES = [
    Case(
        f"transitions, {MAPS} maps of 720 x 1440",
        drifting_maps,
        {"tiny": 40, "small": 180, "full": 720},
        {
            "fastkm": Rival(by_fastkm, "fastkm"),
            "numpy, bincount": serial(by_bincount, "numpy"),
            "scikit-learn, confusion_matrix": serial(by_confusion_matrix, "sklearn.metrics"),
        },
        same_tables,
        at={"n": MAPS * 2 * 720 * 720},
    ),
]
