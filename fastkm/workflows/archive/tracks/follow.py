"""Regions that parts have outlined are followed through the label maps of all steps, in one pass.

Each part has numbered the regions of its outlines and measured them. What is left is to find the regions
again, where they lie, and what each shares with those of the step before. Maps and outlines are read
in the order of time, so the tracks are the same whichever workers made the parts, and after a run
that was resumed. Of the steps before, only those that may still be linked are in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastkm.vector.tracking.label_stacks import Step
from fastkm.vector.tracking.step_regions import RegionChoice
from fastkm.vector.tracking.track import Tracks, track_steps
from fastkm.workflows.label_counts import StoredMap, read_maps

if TYPE_CHECKING:
    import pandas as pd

    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.options import TrackOptions
    from fastkm.workflows.archive.parts import Part

Columns = dict[str, np.ndarray]

MEASURES = (
    "region", "cells", "area_km2", "perimeter_km", "diameter_px", "diameter_km", "mean", "min", "max",
)  # fmt: skip
"""Columns of outlines that go into the table of tracks."""


def follow_regions(
    maps: Sequence[StoredMap],
    archive: RasterSeries,
    parts: Sequence[Part],
    cluster: int,
    options: TrackOptions,
) -> Tracks:
    """Follow the outlined regions of a cluster through the steps that are labelled.

    `maps` are their label maps, and `archive` has these steps only.
    """
    return track_steps(
        _iterate_steps(maps, archive, parts, cluster),
        RegionChoice(cluster),
        min_overlap=options.min_overlap,
        gap=options.gap,
        areas=archive.find_areas(),
    )


def _iterate_steps(
    maps: Sequence[StoredMap], archive: RasterSeries, parts: Sequence[Part], cluster: int
) -> Iterator[Step]:
    """Yield the labels of each step, and what was measured of its outlined regions."""
    import xarray as xr

    grid = archive.make_template()
    times = archive.make_time_coordinate().values
    steps = zip(times, read_maps(maps), _read_outlined(parts, cluster), strict=True)
    for time, labels, outlined in steps:
        # the attributes of the raster say nothing of labels
        yield Step(time, xr.DataArray(labels, grid.coords, grid.dims), outlined=outlined)


def _read_outlined(parts: Sequence[Part], cluster: int) -> Iterator[Columns]:
    """Yield the measures of the outlines of a cluster, step by step."""
    import pandas as pd

    for part in parts:
        frame = None
        if "outlines.parquet" in part.files:
            columns = ["time", "cluster", *MEASURES]
            frame = pd.read_parquet(part.path / "outlines.parquet", columns=columns)
            frame = frame[frame["cluster"] == cluster]
            step = find_steps(frame["time"], part.steps)
        for number in range(len(part.steps)):
            if frame is None:
                yield {name: np.empty(0, np.int64 if name in {"region", "cells"} else float)
                       for name in MEASURES}  # fmt: skip
            else:
                own = frame[step == number]
                yield {name: own[name].to_numpy() for name in MEASURES}


def find_steps(times: pd.Series, steps: Sequence[str]) -> np.ndarray:
    """Return the number of the step of each time of outlines: dates, or texts as steps have them.

    Examples
    --------
    >>> import pandas as pd
    >>> find_steps(pd.Series(np.array(["2000-02-01"], "M8[ms]")), ["2000-01-01", "2000-02-01"])
    array([1])
    """
    known, wanted = np.array(steps, object), times.to_numpy()
    if wanted.dtype.kind == "M":
        known, wanted = (own.astype("datetime64[ms]") for own in (known, wanted))
    places = dict(zip(known.tolist(), range(len(steps)), strict=True))
    return np.array([places[time] for time in wanted.tolist()], np.int64)


def find_tracks(outlines: pd.DataFrame, found: Tracks, steps: Sequence[str]) -> np.ndarray:
    """Return the track of each outline, -1 for those of other clusters; `steps` are times as texts."""
    tracks, size = found.tracks, int(found.tracks["region"].max()) + 1 if len(found.tracks) else 1
    codes = (tracks["step"] * size + tracks["region"]).to_numpy()
    order = np.argsort(codes)
    own = (outlines["cluster"] == found.choice.cluster).to_numpy()
    made = np.full(len(outlines), -1, np.int64)
    some = outlines[own]
    wanted = find_steps(some["time"], steps) * size + some["region"].to_numpy()
    made[own] = tracks["track"].to_numpy()[order[np.searchsorted(codes[order], wanted)]]
    return made
