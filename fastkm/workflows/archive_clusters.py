"""The results of an archive as one object, read from its folder or computed when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

import numpy as np

from fastkm.raster.change.label_steps import cut_steps
from fastkm.raster.change.transitions import transitions
from fastkm.raster.labels import label_raster
from fastkm.workflows.archive.assemble_results import locate_maps, make_area_table
from fastkm.workflows.archive.checkpoint import RunFolder
from fastkm.workflows.archive.fit import read_codebook
from fastkm.workflows.archive.label_maps import make_label_template, open_label_maps
from fastkm.workflows.label_counts import read_maps

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from fastkm.cluster.codebook import Codebook
    from fastkm.cluster.exact.result import KMeans1D
    from fastkm.errors import ArchiveError
    from fastkm.raster.change.label_steps import Lag
    from fastkm.raster.change.transitions import Transitions
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.raster.sieve import SieveOptions
    from fastkm.vector.tracking.track import Tracks
    from fastkm.workflows.archive.step_tasks import Row


class Results(Protocol):
    """Where the results of an archive are: in memory, or in a folder."""

    def read_codebook(self) -> Codebook | None:
        """Return the codebook that all steps share; None if each has its own."""

    def open_labels(self) -> xr.DataArray:
        """Return the label maps as one lazy array."""

    def read_maps(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Read the label maps of some steps of `open_labels`, (y, x) each, one after another."""

    def read_areas(self) -> pd.DataFrame:
        """Return the measures of each step and cluster."""

    def read_outlines(self) -> gpd.GeoDataFrame:
        """Return the outlines of all steps."""

    def read_scores(self) -> ScoresOfK | None:
        """Return the scores of each k that was tried; None if k was not to be chosen."""

    def read_tracks(self) -> TrackTables | None:
        """Return the tables of tracks; None if nothing was followed through time."""


class ScoresOfK(NamedTuple):
    """The scores by which the number of clusters of an archive was chosen."""

    criterion: str
    scores: dict[int, float]


class TrackTables(NamedTuple):
    """The tables of tracks of an archive, see `fastkm.Tracks`, with times as texts."""

    tracks: pd.DataFrame
    summary: pd.DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class ArchiveClusters:
    """The clusters of an archive: a result of `fastkm.cluster_archive`.

    Attributes
    ----------
    k : int
        Number of clusters.
    codebook : KMeans1D, BandsCodebook or None
        It labels other rasters, and is kept in a file; None if each step has its own.
    labels : xarray.DataArray
        The label maps, (time, y, x), -1 where a variable is missing; lazy, of dask. Those of a folder
        are read from it, others are computed from the data when they are asked for.
    areas : pandas.DataFrame
        A row for each step and cluster: ``time`` as in `labels`, cells, area in km2, mean, outlines,
        and the longest outline.
    outlines : geopandas.GeoDataFrame
        The outlines of the clusters that were selected, with the ``time`` of each.
    summary : dict
        The results in a few numbers, as ``summary.json`` has them.
    faults : list of ArchiveError
        Inputs and steps that were left out (``on_error="skip"``).
    folder : pathlib.Path or None
        The folder of the results; None if they were not written.
    files : list of pathlib.Path
        The files that were written; empty if the run was finished before.
    already_finished : bool
        The folder held all results before, so nothing was done.
    series : RasterSeries
        The steps of the data.
    results : Results
        Where the results come from when they are asked for.
    """

    k: int
    summary: dict[str, Any]
    faults: list[ArchiveError]
    series: RasterSeries
    results: Results
    folder: Path | None = None
    files: list[Path] = field(default_factory=list)
    already_finished: bool = False

    def __repr__(self) -> str:
        where = "" if self.folder is None else f", in {self.folder}"
        return (
            f"ArchiveClusters: {self.k} clusters, the highest {self.summary['highest']}; "
            f"{self.summary['steps']} steps, {self.summary['first']} to {self.summary['last']}{where}"
        )

    @cached_property
    def codebook(self) -> Codebook | None:
        """The codebook that all steps share."""
        return self.results.read_codebook()

    @cached_property
    def labels(self) -> xr.DataArray:
        """The label maps, lazy."""
        return self.results.open_labels()

    @cached_property
    def areas(self) -> pd.DataFrame:
        """The measures of each step and cluster."""
        found = self.results.read_areas()
        texts = [step.time for step in self.series.steps]
        times = dict(zip(texts, self.series.make_time_coordinate().values, strict=True))
        return found.assign(time=found["time"].map(times))

    @cached_property
    def outlines(self) -> gpd.GeoDataFrame:
        """The outlines of all steps."""
        return self.results.read_outlines()

    def transitions(self, lag: Lag = 1, *, threads: int | None = None) -> Transitions:
        """Count what passes between clusters from step to step, or from year to year.

        Parameters, result and errors are those of `fastkm.transitions`.
        """
        areas = self.series.find_areas()
        return transitions(self.labels, areas=areas, lag=lag, threads=threads)

    def track(self, **options: Any) -> Tracks:
        """Follow the regions of a cluster through time.

        Parameters, result and errors are those of `fastkm.track`.
        """
        from fastkm.vector.tracking.track import track

        return track(self.labels, **{"areas": self.series.find_areas(), **options})


@dataclass(frozen=True, eq=False)
class FolderResults:
    """Results in the folder of a run of a series."""

    folder: Path
    series: RasterSeries

    def read_codebook(self) -> Codebook | None:
        """Read the codebook, unless the file holds one for each step."""
        path = self.folder / "codebook.json"
        if json.loads(path.read_bytes()).get("codebook") == "per-step":
            return None
        return read_codebook(path, self.series)

    def open_labels(self) -> xr.DataArray:
        """Open the files of label maps, or the store."""
        store = self.folder / "labels.zarr"
        if store.exists():  # it has a place for steps that were left out, too
            return open_label_maps([store], self.read_areas()["time"].unique().tolist())
        return open_label_maps(sorted((self.folder / "labels").glob("*.nc")))

    def read_maps(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Read label maps: of many files only those that are needed are opened."""
        times = set(self.read_areas()["time"])
        _, places = locate_maps(RunFolder(self.folder), self.series, times)
        wanted = [places[number] for number in numbers]
        if all(place.path.endswith(".nc") and Path(place.path).exists() for place in wanted):
            yield from read_maps(wanted)
        else:
            yield from read_lazily(self.open_labels(), numbers)

    def read_areas(self) -> pd.DataFrame:
        """Read the table of areas."""
        import pandas as pd

        return pd.read_parquet(self.folder / "areas.parquet")

    def read_outlines(self) -> gpd.GeoDataFrame:
        """Read the outlines; there is no file if there are none."""
        import geopandas as gpd

        path = self.folder / "outlines.gpkg"
        return gpd.read_file(path) if path.exists() else gpd.GeoDataFrame(geometry=[])

    def read_scores(self) -> ScoresOfK | None:
        """Read the scores from the file of the codebook."""
        return as_scores(json.loads((self.folder / "codebook.json").read_bytes()))

    def read_tracks(self) -> TrackTables | None:
        """Read the tables of tracks; there are no files if there are none."""
        import pandas as pd

        paths = [self.folder / f"{name}.csv" for name in ("tracks", "track_summary")]
        if not all(path.exists() for path in paths):
            return None
        return TrackTables(*map(pd.read_csv, paths))


@dataclass(frozen=True, eq=False)
class MemoryResults:
    """Results in memory: `codebook` is None if each step of the series has its `own`.

    Label maps are sieved as `sieve` says, unless it is None.
    """

    series: RasterSeries
    k: int
    codebook: Codebook | None
    own: Sequence[KMeans1D]
    rows: list[Row]
    outlines: gpd.GeoDataFrame
    sieve: SieveOptions | None = None
    scores: ScoresOfK | None = None

    def read_codebook(self) -> Codebook | None:
        """Return the codebook."""
        return self.codebook

    def open_labels(self) -> xr.DataArray:
        """Plan the labels of all steps: each block reads its steps and labels them."""
        from dask.array import Array

        template = make_label_template(self.series, self.codebook, self.k)
        name, size = f"labels-{uuid4().hex}", self.series.steps_per_read
        count = len(self.series.steps)
        starts = range(0, count, size)
        graph = {
            (name, number, 0, 0): (
                _label_steps,
                self.series.select_range(start, start + size),
                self.codebook,
                self.own[start : start + size],
                self.sieve,
            )
            for number, start in enumerate(starts)
        }
        lengths = tuple(min(size, count - start) for start in starts)
        array = Array(graph, name, (lengths, *((n,) for n in template.shape)), template.dtype)
        time = self.series.make_time_coordinate()
        labels = template.expand_dims({str(time.name): time}).copy(data=array)
        labels.encoding = dict(template.encoding)
        return labels

    def read_maps(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Label steps, block by block."""
        yield from read_lazily(self.open_labels(), numbers)

    def read_areas(self) -> pd.DataFrame:
        """Return the table of areas."""
        return make_area_table(self.rows)

    def read_outlines(self) -> gpd.GeoDataFrame:
        """Return the outlines."""
        return self.outlines

    def read_scores(self) -> ScoresOfK | None:
        """Return the scores."""
        return self.scores

    def read_tracks(self) -> TrackTables | None:
        """Return None: tracks are written to a folder."""
        return None


def read_lazily(labels: xr.DataArray, numbers: np.ndarray) -> Iterator[np.ndarray]:
    """Yield some steps of lazy label maps, (time, y, x), read block by block."""
    for first, stop in cut_steps(labels):
        own = numbers[(numbers >= first) & (numbers < stop)]
        if own.size:
            yield from labels[own].values


def as_scores(facts: Mapping[str, Any]) -> ScoresOfK | None:
    """Return the scores among what is known of a codebook, None if there are none."""
    if "scores" not in facts:
        return None
    return ScoresOfK(facts["criterion"], {int(k): own for k, own in facts["scores"].items()})


def _label_steps(
    series: RasterSeries,
    codebook: Codebook | None,
    own: Sequence[KMeans1D],
    sieve: SieveOptions | None,
) -> np.ndarray:
    """Read the steps of a series, label each by the codebook or its own one, and sieve it."""
    count = len(series.steps)
    rasters: Any = series.read(0, count, missing="mask")
    books: Sequence[Codebook] = own if codebook is None else [codebook] * count
    maps = [
        label_raster(rasters.isel({series.dims[0]: i}), book, with_inertia=False)
        for i, book in enumerate(books)
    ]
    if sieve is not None:
        areas = series.find_areas()
        maps = [sieve.apply(labels, areas) for labels in maps]
    return np.stack([labels.values for labels in maps])
