"""Maps of tracks: the track of each cell, step by step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fastkm.geometry.regions import renumber
from fastkm.vector.tracking.step_regions import Plane, RegionChoice, find_cluster_regions

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr

NAME = "track"
"""The name of a map of tracks."""


def describe_map(number: str) -> dict[str, str]:
    """Return the attributes of a map of tracks, or of families."""
    return {"long_name": f"{number} of the region, -1 if there is none"}


class TrackPainter:
    """Plans the map of each step; `template` is a label map on the grid of all of them.

    `tracks` is the table of `fastkm.Tracks`, `number` the one to write into the cells of each row.
    """

    def __init__(
        self,
        template: xr.DataArray,
        choice: RegionChoice,
        tracks: pd.DataFrame,
        number: np.ndarray | pd.Series,
    ) -> None:
        self._plane, self._choice = Plane(template), choice
        columns = tracks[["region", "cells"]].assign(number=number)
        self._none, self._rows = columns.iloc[:0], dict(list(columns.groupby(tracks["step"])))

    def plan(self, number: int) -> Callable[[xr.DataArray], np.ndarray]:
        """Return what makes the map of tracks, int32, of the label map of a step."""
        rows = self._rows.get(number, self._none)
        return partial(_paint, plane=self._plane, choice=self._choice, rows=rows)


def _paint(
    labels: xr.DataArray, plane: Plane, choice: RegionChoice, rows: pd.DataFrame
) -> np.ndarray:
    """Return the track of each cell of a step, also in columns that repeat others."""
    found = find_cluster_regions(plane.read_labels(labels), plane.grid, choice)
    marked, own = np.flatnonzero(found.labels == 1), rows["region"].to_numpy()
    known = own < len(marked)
    marked = marked[own[known]]
    if not (known.all() and np.array_equal(found.cells[marked], rows["cells"])):
        raise ValueError("labels must be those that were tracked, but they have other regions")
    tracks = np.full(len(found.labels), -1, np.int32)
    tracks[marked] = rows["number"]
    painted = renumber(found.numbers, tracks)
    again = painted[:, : plane.repeated]
    return np.concatenate([painted, again], axis=1) if again.size else painted
