"""The tables and figures of the tracks of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.workflows.job import FileWriter
from fastkm.workflows.tables import write_csv

if TYPE_CHECKING:
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
            first=times[found.summary["first_step"]], last=times[found.summary["last_step"]]
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
