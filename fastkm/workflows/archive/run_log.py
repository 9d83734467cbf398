"""What ``run.json`` tells of a run: when, where, by what and how fast. No result depends on it."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from typing import Any

from fastkm._core.dask_blocks import current_client
from fastkm._version import __version__


@dataclass
class Log:
    """The seconds that each stage took, and what else is worth telling.

    Attributes
    ----------
    stages : dict of str to float
        Seconds.
    facts : dict
        ``passes`` over the archive, and ``steps`` that were labelled.
    """

    stages: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    begun: float = field(default_factory=time.perf_counter)

    def ended(self, stage: str) -> None:
        """Note that a stage is over, and the next one begins."""
        now = time.perf_counter()
        self.stages[stage] = now - self.begun
        self.begun = now

    def told(self, cells: int) -> dict[str, Any]:
        """Give all in words and numbers that JSON holds; a step has so many cells."""
        labelled = self.facts.get("steps", 0)
        seconds = self.stages.get("label the steps", 0.0)
        client = current_client()
        hosts, workers = [platform.node()], 1
        if client is not None:
            known = client.scheduler_info(n_workers=-1)["workers"]
            hosts, workers = sorted({one["host"] for one in known.values()}), len(known)
        return {
            "versions": _versions(),
            "started": _moment(self.started),
            "ended": _moment(time.time()),
            "hosts": hosts,
            "workers": workers,
            "seconds": {name: round(value, 3) for name, value in self.stages.items()},
            "passes": self.facts.get("passes"),
            "steps": labelled,
            "cells_per_step": cells,
            "steps_per_second": round(labelled / seconds, 3) if labelled else None,
        }


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("numpy", "numba", "xarray", "netCDF4", "dask", "distributed", "geopandas", "shapely")
    return {
        "fastkm": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }
