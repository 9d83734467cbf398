"""The end of a run: what parts hold becomes files for all steps.

Everything is made from the parts in the order of time, so it is the same whoever made them. A file
is written whole or not at all; one that is there already, of a run that was killed at its end, is
written again or, a label map, left as it is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.raster.io.write_netcdf_series import join_label_series
from fastkm.vector.write import write_outline_parts
from fastkm.workflows.archive.checkpoint import Folder, read_json

if TYPE_CHECKING:
    import geopandas as gpd

    from fastkm.errors import ArchiveError
    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.step_tasks import Row, Span


OUTLINES = 10_000
"""Outlines that are in memory together: of a quarter degree some 20 MB."""


def read_tables(folder: Folder, parts: int) -> tuple[list[Row], list[Row]]:
    """Read what was measured of each step and cluster, and the codebooks of steps."""
    rows: list[Row] = []
    books: list[Row] = []
    for number in range(parts):
        table = read_json(folder.part(number) / "table.json")
        if table is not None:
            rows += table["rows"]
            books += table["codebooks"]
    return rows, books


def read_row_counts(folder: Folder, parts: int, together: int) -> np.ndarray:
    """Read for all rows of cells those in the highest cluster, and those present.

    Parameters
    ----------
    folder : Folder
    parts : int
        Number of parts.
    together : int
        Steps whose counts are added: so an archive of any length needs no more memory.

    Returns
    -------
    (columns, 2, y) int64 array
    """
    paths = [folder.part(number) / "rows.npy" for number in range(parts)]
    columns: list[np.ndarray] = []
    done = 0
    for path in paths:
        for counts in np.load(path) if path.exists() else ():
            if done % together == 0:
                columns.append(np.zeros(counts.shape, np.int64))
            columns[-1] += counts
            done += 1
    return np.array(columns)


def place_labels(folder: Folder, archive: Archive, spans: Sequence[Span]) -> list[Path]:
    """Give each input one file of label maps: its only part is moved there, several are joined."""
    folder.labels.mkdir(exist_ok=True)
    of_input: dict[int, list[int]] = {}
    for number, span in enumerate(spans):
        of_input.setdefault(archive.steps[span.first].source, []).append(number)
    names = label_names([one.name for one in archive.inputs])
    placed = []
    for source, numbers in of_input.items():
        target = folder.labels / names[source]
        parts = [folder.part(number) / "labels.nc" for number in numbers]
        parts = [part for part in parts if part.exists()]
        if parts and len(numbers) == 1:
            parts[0].replace(target)
        elif parts:
            join_label_series(parts, target)
        if target.exists():
            placed.append(target)
    return placed


def label_names(inputs: Sequence[str]) -> list[str]:
    """Name the label maps of inputs, no two alike.

    Examples
    --------
    >>> label_names(["a/x.nc", "b/x.nc4", "store.zarr"])
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


def write_outlines_of(folder: Folder, parts: int) -> Path | None:
    """Write the outlines of all steps; none where no step has any."""
    target = folder.root / "outlines.gpkg"
    found = [folder.part(number) / "outlines.parquet" for number in range(parts)]
    found = [path for path in found if path.exists()]
    if not found:
        return None
    write_outline_parts(_frames(found), target)
    return target


def _frames(paths: Sequence[Path]) -> Iterator[gpd.GeoDataFrame]:
    """Read outlines, many parts at a time: to read and to write a CRS takes longer than a row."""
    import geopandas as gpd
    import pandas as pd

    crs = gpd.read_parquet(paths[0]).crs
    waiting: list[Any] = []
    for number, path in enumerate(paths, 1):
        waiting.append(pd.read_parquet(path))
        if number == len(paths) or sum(map(len, waiting)) > OUTLINES:
            rows = pd.concat(waiting, ignore_index=True)
            yield gpd.GeoDataFrame(
                rows.drop(columns="geometry"),
                geometry=gpd.GeoSeries.from_wkb(rows["geometry"], crs=crs),
            )
            waiting = []


def write_areas(rows: list[Row], folder: Folder) -> list[Path]:
    """Write what was measured as CSV and Parquet, a row for each step and cluster."""
    import pandas as pd

    paths = [folder.root / "areas.csv", folder.root / "areas.parquet"]
    columns = list(rows[0])
    with atomic_write(paths[0]) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(["" if row[c] is None else row[c] for c in columns] for row in rows)
    frame = pd.DataFrame(rows, columns=columns)
    whole = {name: "Int64" if name == "outlines" else "int64" for name in _COUNTS}
    numbers = {name: "float64" for name in columns[3:] if name not in _COUNTS}
    with atomic_write(paths[1]) as draft:
        frame.astype({**whole, **numbers}).to_parquet(draft, index=False)
    return paths


_COUNTS = ("cluster", "cells", "outlines")


def write_errors(faults: Sequence[ArchiveError], folder: Folder) -> Path | None:
    """Write which inputs and steps were left out, and why; no file where none was."""
    if not faults:
        folder.errors.unlink(missing_ok=True)
        return None
    with (
        atomic_write(folder.errors) as draft,
        draft.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(["file", "step", "reason"])
        listed = sorted({(fault.file, fault.step, fault.reason) for fault in faults})
        table.writerows(listed)
    return folder.errors
