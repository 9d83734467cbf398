"""The log of a run, ``run.json``: when and where it ran, with which versions, and how fast."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from typing import Any

from fastkm._core.dask_client import current_client
from fastkm._core.progress import Progress
from fastkm._version import __version__


@dataclass
class RunLog:
    """The seconds that each stage took, and other facts of a run."""

    stages: dict[str, float] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)  # passes, and steps that were labelled
    started: float = field(default_factory=time.time)
    begun: float = field(default_factory=time.perf_counter)

    def end_stage(self, stage: str) -> None:
        """Note that a stage has ended; the next one begins now."""
        now = time.perf_counter()
        self.stages[stage] = now - self.begun
        self.begun = now

    def to_dict(self, cells: int) -> dict[str, Any]:
        """Return what ``run.json`` holds; `cells` is the number of cells of a step."""
        labelled = self.facts.get("steps", 0)
        seconds = self.stages.get("label the steps", 0.0)
        client = current_client()
        hosts, workers = [platform.node()], 1
        if client is not None:
            known = client.scheduler_info(n_workers=-1)["workers"]
            hosts, workers = sorted({one["host"] for one in known.values()}), len(known)
        return {
            "versions": _find_versions(),
            "started": _format_time(self.started),
            "ended": _format_time(time.time()),
            "hosts": hosts,
            "workers": workers,
            "seconds": {name: round(value, 3) for name, value in self.stages.items()},
            "passes": self.facts.get("passes"),
            "steps": labelled,
            "cells_per_step": cells,
            "steps_per_second": round(labelled / seconds, 3) if labelled else None,
        }


class PassCounter(Progress):
    """Counts passes over an archive, and shows each as a stage of its own."""

    def __init__(self, progress: Progress, stage: str) -> None:
        self.progress, self.stage, self.count = progress, stage, 0

    def begin(self, stage: str, total: int = 1, unit: str = "") -> None:  # noqa: ARG002
        """Begin a pass."""
        self.count += 1
        self.progress.begin(f"{self.stage}, pass {self.count}", total, unit)

    def advance(self, number: int = 1) -> None:
        """Report that `number` more blocks are done."""
        self.progress.advance(number)


def _format_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _find_versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("numpy", "numba", "xarray", "netCDF4", "dask", "distributed", "geopandas", "shapely")
    return {
        "fastkm": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }
