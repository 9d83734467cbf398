"""The tables and figures of the tracks of an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import explain_write_errors
from fastkm.raster.io.open import is_zarr_store
from fastkm.raster.io.write_netcdf_series import add_step_variable
from fastkm.vector.tracking.track_maps import NAME, TrackPainter, describe_map
from fastkm.workflows.job import FileWriter
from fastkm.workflows.label_counts import StoredMap, read_maps
from fastkm.workflows.tables import write_csv

if TYPE_CHECKING:
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.vector.tracking.track import Tracks
    from fastkm.workflows.archive.checkpoint import RunFolder


def write_tracks(found: Tracks, steps: Sequence[str], folder: RunFolder) -> list[Path]:
    """Write ``tracks.csv``, ``events.csv`` and ``track_summary.csv``, and draw the tracks.

    `steps` are the times of all steps as texts.
    """
    times = np.array(steps, object)
    tables = {
        "tracks": found.tracks.assign(time=times[found.tracks["step"]]),
        "events": found.events.assign(time=times[found.events["step"]]),
        "track_summary": found.summary.assign(
            first=times[found.summary["first_step"]],
            last=times[found.summary["last_step"]],
            largest_time=times[found.summary["largest_step"]],
        ),
    }
    files = []
    for name, frame in tables.items():
        cells = frame.astype(object).where(frame.notna(), None)
        write_csv([list(frame), *cells.to_numpy().tolist()], folder.root / f"{name}.csv")
        files.append(folder.root / f"{name}.csv")
    if not len(found.summary):
        return files
    writer = FileWriter()
    for name, draw in {"tracks": found.plot, "lives": found.plot_lives}.items():
        writer.write_figure(draw(), folder.root / "figures" / f"{name}.png")
    return files + writer.files


def write_track_maps(found: Tracks, maps: Sequence[StoredMap], archive: RasterSeries) -> None:
    """Write the track of each cell beside the label maps of all steps of an archive."""
    import xarray as xr

    grid = archive.make_template()
    painter = TrackPainter(grid, found.choice, found.tracks, found.tracks[NAME])
    for path, own in groupby(enumerate(maps), lambda pair: pair[1].path):
        numbers, places = zip(*own, strict=True)
        with _open_track_maps(path) as stored:
            for number, place, labels in zip(numbers, places, read_maps(places), strict=True):
                plane = xr.DataArray(labels, grid.coords, grid.dims)
                stored[place.index] = painter.plan(number)(plane)


@contextmanager
def _open_track_maps(path: str) -> Iterator[Any]:
    """Yield the variable for maps of tracks in a file or store of label maps."""
    if not is_zarr_store(path):
        with add_step_variable(path, NAME, describe_map(NAME)) as variable:
            yield variable
        return
    import zarr

    with explain_write_errors(Path(path), Path(path)):
        yield zarr.open_group(path, mode="r+", use_consolidated=False)[NAME]
