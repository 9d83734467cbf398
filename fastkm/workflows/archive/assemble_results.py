"""The end of a run: the results of parts are joined to files for all steps.

Parts are read in the order of time, so the files are the same whichever workers made the parts. A
file is written whole or not at all. If a run was killed here, its files are written again.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.raster.io.write_netcdf_series import join_label_series
from fastkm.vector.write_batches import write_batches
from fastkm.workflows.archive.step_tasks import OUTLINES
from fastkm.workflows.archive.tracks.follow import find_tracks
from fastkm.workflows.label_counts import StoredMap
from fastkm.workflows.tables import write_csv

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from fastkm.errors import ArchiveError
    from fastkm.raster.change.transitions import Transitions
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.vector.tracking.track import Tracks
    from fastkm.workflows.archive.checkpoint import RunFolder
    from fastkm.workflows.archive.parts import Part
    from fastkm.workflows.archive.step_tasks import Row, Span

OUTLINES_IN_MEMORY = 10_000
"""Outlines that are written at a time: some 20 MB at a quarter degree."""


def find_files(name: str, parts: Iterable[Part]) -> list[Path]:
    """Find the files of this name in the folders of some parts; not every part has one."""
    return [part.path / name for part in parts if name in part.files]


def read_tables(parts: Sequence[Part], k: int) -> tuple[list[Row], list[Row]]:
    """Read the measures of each step and cluster, and the codebooks of single steps.

    Raises
    ------
    OSError
        If a table cannot be read, or there is not each cluster of each step, once.
    """
    tables = [json.loads(path.read_bytes()) for path in find_files("table.json", parts)]
    rows = [row for table in tables for row in table["rows"]]
    expected = [(time, j) for part in parts for time in part.steps for j in range(k)]
    if [(row["time"], row["cluster"]) for row in rows] != expected:
        raise OSError("the finished parts do not hold each step once: go on with --resume")
    return rows, [book for table in tables for book in table["codebooks"]]


def read_row_counts(parts: Sequence[Part], together: int) -> np.ndarray:
    """Read for each row of the grid how many cells are in the highest cluster, and not missing.

    Counts of `together` consecutive steps are added, so that a long archive needs no more memory
    than a short one. Return (columns, 2, y) int64.
    """
    columns: list[np.ndarray] = []
    done = 0
    for path in find_files("rows.npy", parts):
        for counts in np.load(path):
            if done % together == 0:
                columns.append(np.zeros(counts.shape, np.int64))
            columns[-1] += counts
            done += 1
    return np.array(columns)


def place_labels(
    folder: RunFolder, archive: RasterSeries, spans: Sequence[Span], parts: Sequence[Part]
) -> list[Path]:
    """Make one file of label maps for each input: link to its only part, or join its parts."""
    folder.labels.mkdir(exist_ok=True)
    of_input: dict[int, list[Part]] = {}
    for span, part in zip(spans, parts, strict=True):
        of_input.setdefault(archive.steps[span.first].source, []).append(part)
    names = name_label_files([one.name for one in archive.inputs])
    placed = []
    for source, own in of_input.items():
        target = folder.labels / names[source]
        files = find_files("labels.nc", own)
        if not files:
            continue
        if len(files) == 1:
            _link_or_copy(files[0], target)
        else:
            join_label_series(files, target)
        placed.append(target)
    return placed


def locate_maps(
    folder: RunFolder, archive: RasterSeries, times: Collection[str]
) -> tuple[RasterSeries, list[StoredMap]]:
    """Return the series of the steps at `times`, which are labelled, and where the map of each is."""
    labelled = [number for number, step in enumerate(archive.steps) if step.time in times]
    if folder.label_store.exists():
        maps = [StoredMap(str(folder.label_store), number) for number in labelled]
        return archive.select(labelled), maps
    names = name_label_files([one.name for one in archive.inputs])
    maps, done = [], Counter[int]()
    for number in labelled:
        source = archive.steps[number].source
        maps.append(StoredMap(str(folder.labels / names[source]), done[source]))
        done[source] += 1
    return archive.select(labelled), maps


def write_transitions(found: Sequence[Transitions], folder: RunFolder) -> list[Path]:
    """Write what passed between clusters, and how long cells stayed; nothing for a single step."""
    import pandas as pd

    if not found:
        return []
    names = {1: "step", "year": "year"}
    tables: dict[str, list[pd.DataFrame]] = {"transitions": [], "persistence": []}
    for one in found:
        tables["transitions"].append(one.to_frame().assign(lag=names[one.lag]))
        stays = [one.persistence.reset_index().assign(month=0)]
        if one.persistence_by_month is not None:
            stays.append(one.persistence_by_month.reset_index())
        tables["persistence"] += [part.assign(lag=names[one.lag]) for part in stays]
    written = []
    for name, parts in tables.items():
        frame = pd.concat([part.astype(object) for part in parts], ignore_index=True)
        frame = frame.where(frame.notna(), None)
        columns = ["lag", "month", *(c for c in frame if c not in {"lag", "month"})]
        write_csv([columns, *frame[columns].values.tolist()], folder.root / f"{name}.csv")
        written.append(folder.root / f"{name}.csv")
    return written


def _link_or_copy(part: Path, target: Path) -> None:
    """Link a file to a second name: if the run is killed later, the part is still whole."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(part)
    except OSError:  # not on every file system
        with atomic_write(target) as draft:
            shutil.copyfile(part, draft)


def name_label_files(inputs: Sequence[str]) -> list[str]:
    """Choose a different name for each file of label maps.

    Examples
    --------
    >>> name_label_files(["a/x.nc", "b/x.nc4", "store.zarr"])
    ['a_x.nc', 'b_x.nc', 'store.nc']
    """
    names: list[str] = []
    for one in inputs:
        stem = Path(one).with_suffix("").as_posix().strip("/").replace("/", "_")
        name, number = f"{stem}.nc", 2
        while name in names:
            name, number = f"{stem}_{number}.nc", number + 1
        names.append(name)
    return names


def write_all_outlines(
    folder: RunFolder, parts: Sequence[Part], tracks: Tracks | None = None
) -> list[Path]:
    """Write the outlines of all steps, with their tracks if there are any; no file without outlines."""
    found = find_files("outlines.parquet", parts)
    if not found:
        return []
    target = folder.root / OUTLINES
    batches = _read_outlines(found)
    if tracks is not None:
        steps = [time for part in parts for time in part.steps]
        batches = (_add_tracks(batch, tracks, steps) for batch in batches)
    write_batches(batches, target)
    return [target]


def _add_tracks(
    outlines: gpd.GeoDataFrame, tracks: Tracks, steps: Sequence[str]
) -> gpd.GeoDataFrame:
    """Put tracks in the place of the numbers of regions."""
    found = find_tracks(outlines, tracks, steps)
    at = list(outlines).index("region")
    outlines = outlines.drop(columns="region")
    outlines.insert(at, "track", found)
    return outlines


def _read_outlines(paths: Sequence[Path]) -> Iterator[gpd.GeoDataFrame]:
    """Read the outlines of many parts at a time, and the CRS once: reading it takes long."""
    import geopandas as gpd
    import pandas as pd

    crs = gpd.read_parquet(paths[0]).crs
    waiting: list[Any] = []
    for number, path in enumerate(paths, 1):
        waiting.append(pd.read_parquet(path))
        if number == len(paths) or sum(map(len, waiting)) > OUTLINES_IN_MEMORY:
            rows = pd.concat(waiting, ignore_index=True)
            yield gpd.GeoDataFrame(
                rows.drop(columns="geometry"),
                geometry=gpd.GeoSeries.from_wkb(rows["geometry"], crs=crs),
            )
            waiting = []


def write_areas(rows: list[Row], folder: RunFolder) -> list[Path]:
    """Write the measures as CSV and Parquet, a row for each step and cluster."""
    import pandas as pd

    columns = list(rows[0])
    table = folder.root / "areas.csv"
    write_csv([columns, *([row[column] for column in columns] for row in rows)], table)
    frame = make_area_table(rows)

    def check(draft: Path) -> None:
        if len(pd.read_parquet(draft)) != len(frame):
            raise OSError("it holds other rows than were written")

    with atomic_write(table.with_suffix(".parquet"), check) as draft:
        frame.to_parquet(draft, index=False)
    return [table, table.with_suffix(".parquet")]


def make_area_table(rows: list[Row]) -> pd.DataFrame:
    """Return the measures as a table, a row for each step and cluster."""
    import pandas as pd

    columns = list(rows[0])
    types = dict.fromkeys(columns[3:], "float64")
    types |= {"cluster": "int64", "cells": "int64", "outlines": "Int64"}
    return pd.DataFrame(rows, columns=columns).astype(types)


def write_errors(faults: Sequence[ArchiveError], folder: RunFolder) -> list[Path]:
    """Write which inputs and steps were left out, and why; write no file if there are none."""
    if not faults:
        folder.errors.unlink(missing_ok=True)
        return []
    listed = sorted({(fault.file, fault.step, fault.reason) for fault in faults})
    write_csv([["file", "step", "reason"], *listed], folder.errors)
    return [folder.errors]
