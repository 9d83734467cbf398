"""Regions of a cluster followed through time: `track`, and its result.

Label maps come one after another (`label_stacks`), so memory does not grow with the number of steps.
`step_regions` finds and measures the regions of a step, `linking` links them to those of earlier steps
and numbers the tracks, `summary` makes the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm._core.validation import require_choice
from fastkm.raster.grid.axes import find_stack_axes
from fastkm.vector.measure import as_area
from fastkm.vector.strips import require_bridge
from fastkm.vector.tracking.label_stacks import (
    Step,
    find_cluster,
    find_time_axis,
    iterate_steps,
    require_aligned,
)
from fastkm.vector.tracking.linking import Linker
from fastkm.vector.tracking.step_regions import RegionChoice, StepReader
from fastkm.vector.tracking.summary import summarise_tracks, tabulate_events, tabulate_regions
from fastkm.vector.tracking.track_maps import TrackPainter, describe_map

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Tracks:
    """Regions followed through time: a result of `fastkm.track`.

    Attributes
    ----------
    tracks : pandas.DataFrame
        One row a track and step, by track: ``track``, ``step``, ``time``; ``region``, its number by
        first cell among the regions of the cluster at that step; ``cells``, ``area_km2``,
        ``longitude`` and ``latitude`` of the centroid on the sphere (``x`` and ``y`` if the raster
        lies nowhere on the globe), ``diameter_px``, ``diameter_km``, ``mean`` of the values if
        there are any, and the bounding box ``west``, ``south``, ``east``, ``north``. West is
        greater than east if the box lies across the end of longitudes.
    events : pandas.DataFrame
        The ledger, one row a link or end, by step: ``step``, ``time``, ``event``;
        ``parent_track``, ``child_track``, ``parent_step``, ``parent_region``, ``child_region`` (-1
        if there is none); ``shared_km2``, ``shared_cells``. Each region has one row in which it is
        born ("birth"), goes on ("continue") or splits off ("split"); its other links are "merge".
        A region that is linked to no later one has a row "death". ``at_record_end`` is True for
        births and deaths so near the first or last step that the region may have been there before
        or after.
    summary : pandas.DataFrame
        One row a track: ``track``; ``family``, the first of the tracks that mergers and splits
        connect it with; ``first``, ``last`` (times), ``first_step``, ``last_step``; ``steps``, in
        which it was seen; ``origin`` ("birth" or "split") and ``end`` ("death" or "merge");
        ``largest_cells``, ``largest_km2``, and ``largest_time`` and ``largest_step``, when its
        area was largest; ``path_km``, along geodesics from centroid to centroid;
        ``speed_km_per_day``, the path by the time; and its bounding box.
    choice : RegionChoice
        The regions that were tracked.
    """

    tracks: pd.DataFrame
    events: pd.DataFrame
    summary: pd.DataFrame
    choice: RegionChoice
    times: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        n, regions, steps = len(self.summary), len(self.tracks), len(self.times)
        return f"Tracks: {n} tracks of {regions} regions of cluster {self.choice.cluster} in {steps} steps"

    def to_map(
        self, labels: xr.DataArray, number: Literal["track", "family"] = "track"
    ) -> xr.DataArray:
        """Return the track of each cell at each step, -1 if it lies in none, int32.

        Parameters
        ----------
        labels : xarray.DataArray
            The labels that were tracked. If they are lazy, so is the result.
        number : {"track", "family"}, default: "track"
            With "family", the first of the tracks that mergers and splits connect it with.

        Raises
        ------
        ValueError
            If they are others, or `number` is neither of the two.
        """
        require_choice("number", number, ("track", "family"))
        time = find_time_axis(labels)
        if labels.sizes[time] != len(self.times):
            raise ValueError(
                f"labels must be those that were tracked, of {len(self.times)} steps, "
                f"got {labels.sizes[time]}"
            )
        axes = find_stack_axes(labels)
        stack = labels.transpose(time, axes.y, axes.x)
        steps = [stack.isel({time: at}, drop=True) for at in range(len(self.times))]
        numbers = self.summary[number].to_numpy()[self.tracks["track"]]
        painter = TrackPainter(steps[0], self.choice, self.tracks, numbers)
        data: Any
        if stack.chunks is None:
            data = np.empty(stack.shape, np.int32)
            for at, step in enumerate(steps):
                data[at] = painter.plan(at)(step)
        else:
            import dask.array as da
            from dask.delayed import delayed

            painted = [delayed(painter.plan(at))(step) for at, step in enumerate(steps)]
            data = da.stack([da.from_delayed(one, stack.shape[1:], np.int32) for one in painted])
        made = stack.copy(data=data)
        made.name, made.encoding = number, {"_FillValue": np.int32(-1)}
        made.attrs = describe_map(number)
        return made

    def plot(self, **options: Any) -> Figure:
        """Draw the tracks on a map: where each begins, goes and ends; colours are times.

        The options are those of `fastkm.plot.tracks_figure`.
        """
        from fastkm.plot import tracks_figure

        return tracks_figure(self.tracks, **options)

    def plot_lives(self, **options: Any) -> Figure:
        """Draw the lives of the ten largest tracks, with their mergers and splits.

        The options are those of `fastkm.plot.lives_figure`.
        """
        from fastkm.plot import lives_figure

        return lives_figure(self.tracks, self.events, self.summary, **options)


def track(
    labels: xr.DataArray,
    *,
    cluster: Literal["highest", "lowest"] | int = "highest",
    min_overlap: float = 0.0,
    min_area: float | str | None = None,
    gap: int = 0,
    connectivity: Literal[4, 8] = 4,
    bridge: int = 0,
    values: xr.DataArray | None = None,
    areas: xr.DataArray | None = None,
    threads: int | None = None,
) -> Tracks:
    """Follow the connected regions of a cluster through time.

    Regions of consecutive steps are linked if they overlap. A track goes on along the link with the
    largest shared area; of equal ones, along that of the older track. If regions merge, the tracks
    of the others end there; if a region splits, its other parts begin new tracks.

    Parameters
    ----------
    labels : xarray.DataArray
        Labels with a dimension of time, rows and columns: whole numbers, negative where missing,
        as `fastkm.cluster_raster` and ``fastkm archive`` make them. Lazy labels, of dask, are
        read some steps at a time.
    cluster : {"highest", "lowest"} or int
        The cluster whose regions are tracked; "highest" is the last one that the labels'
        ``flag_values`` name, or the highest label of all steps if they name none.
    min_overlap : float, default: 0
        The least share of the smaller region's area that two linked regions have in common, from 0
        to 1. With 0, any shared area is enough.
    min_area : float or str, optional
        Leave out regions whose area is not above this: ``"5000km2"``. A number is km2.
    gap : int, default: 0
        Steps that may be missed: a region without a link to the next step is looked for in
        so many more.
    connectivity, bridge
        Which cells are one region: see `fastkm.outline`.
    values : xarray.DataArray, optional
        The raster that the labels come from, for the mean of each region.
    areas : xarray.DataArray, optional
        Areas of the cells in m2; by default those of `fastkm.raster.grid.areas.cell_areas`. If
        the raster lies nowhere on the globe and there are none, numbers of cells are compared
        instead.
    threads : int, optional
        See `fastkm.kmeans1d`.

    Returns
    -------
    Tracks
        Tables of `tracks`, `events` and a `summary`; ``to_map`` makes a map of tracks.

    Raises
    ------
    ValueError
        If the labels have no dimension of time, or are not labels; times do not ascend; or
        an option is not valid.

    Notes
    -----
    The centroid of a region that goes all round the globe says little about it, and so do its path
    and speed.

    Examples
    --------
    >>> import fastkm, numpy as np, xarray as xr
    >>> labels = xr.DataArray(
    ...     [[[1, 1, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 1, 1]]],
    ...     {"time": np.arange("2020-01-01", "2020-01-04", dtype="M8[D]"),
    ...      "lat": [0.5], "lon": [0.5, 1.5, 2.5, 3.5]},
    ...     ("time", "lat", "lon"),
    ... ).isel(lat=[0, 0]).assign_coords(lat=[0.5, 1.5])
    >>> found = fastkm.track(labels)
    >>> found
    Tracks: 1 tracks of 3 regions of cluster 1 in 3 steps
    >>> found.tracks[["track", "step", "cells", "longitude"]].round(3).values.tolist()
    [[0.0, 0.0, 4.0, 1.0], [0.0, 1.0, 4.0, 2.0], [0.0, 2.0, 4.0, 3.0]]
    >>> found.events["event"].tolist()
    ['birth', 'continue', 'continue', 'death']
    >>> found.summary["speed_km_per_day"].round(1).tolist()
    [111.3]
    """
    time = find_time_axis(labels)
    choice = make_choice(
        find_cluster(labels, cluster), connectivity=connectivity, bridge=bridge, min_area=min_area
    )
    if values is not None:
        require_aligned(values, labels)
    steps = iterate_steps(labels, values, time)
    return track_steps(
        steps, choice, min_overlap=min_overlap, gap=gap, areas=areas, threads=threads
    )


def track_steps(
    steps: Iterable[Step],
    choice: RegionChoice,
    *,
    min_overlap: float = 0.0,
    gap: int = 0,
    areas: xr.DataArray | None = None,
    threads: int | None = None,
) -> Tracks:
    """Follow regions through steps, which are read one after another; see `track`."""
    _check_limits(min_overlap, gap)
    reader: StepReader | None = None
    times: list[Any] = []
    tracks, regions, measures = [], [], []
    for time, labels, values, outlined in steps:
        if times and not time > times[-1]:
            raise ValueError(
                f"times must ascend, got {time} after {times[-1]}: sort the steps, and leave out "
                "those that come twice"
            )
        if reader is None:
            reader = StepReader(labels, choice, areas, threads)
            linker = Linker(reader.weights, reader.unit, float(min_overlap), int(gap))
        if outlined is None:
            found = reader.read(labels, values)
        else:
            found = reader.read_outlined(labels, outlined)
        times.append(time)
        tracks.append(linker.add(found))
        regions.append(found.regions)
        measures.append(found.measures)
    if reader is None:
        raise ValueError("labels must have at least one step")
    ledger = linker.finish()
    table = tabulate_regions(times, tracks, regions, measures)
    events = tabulate_events(times, ledger, in_km2=reader.has_areas)
    summary = summarise_tracks(table, ledger, start=reader.round_start, on_globe=reader.on_globe)
    return Tracks(table, events, summary, choice, times)


def _check_limits(min_overlap: Any, gap: Any) -> None:
    if not isinstance(min_overlap, Real) or not 0 <= float(min_overlap) <= 1:
        raise ValueError(f"min_overlap must be a share from 0 to 1, got {min_overlap!r}")
    if not isinstance(gap, Integral) or gap < 0:
        raise ValueError(f"gap must be a whole number of steps of at least 0, got {gap!r}")


def make_choice(
    cluster: int,
    *,
    connectivity: Literal[4, 8] = 4,
    bridge: int = 0,
    min_area: float | str | None = None,
) -> RegionChoice:
    """Check which regions are to be tracked."""
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    require_bridge(bridge)
    return RegionChoice(cluster, connectivity, int(bridge), as_area(min_area or 0.0).value)
