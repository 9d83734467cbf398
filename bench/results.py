"""Runs as files: each is one JSON file with its environment, and the newest run of a part counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.environment import collect_environment
from fastkm._core.atomic_write import atomic_write

if TYPE_CHECKING:
    from bench.part import Found


class Run:
    """One run: it grows part by part, and its file with it.

    Parameters
    ----------
    folder : Path
        Where its file goes.
    size : {"tiny", "small", "full"}
        How much work.
    """

    def __init__(self, folder: Path, size: str) -> None:
        started = datetime.now(UTC)
        self.path = folder / f"{started:%Y%m%dT%H%M%S}_{size}.json"
        self.content: dict[str, Any] = {
            "started": started.isoformat(timespec="seconds"),
            "size": size,
            "environment": collect_environment(),
            "parts": {},
        }

    def add(self, name: str, found: Found, left_out: Mapping[str, str], seconds: float) -> None:
        """Add a part, and write the file again."""
        part = {"seconds": round(seconds, 1), "left_out": dict(left_out), "found": found}
        self.content["parts"][name] = part
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path) as draft:
            draft.write_text(json.dumps(self.content, indent=1) + "\n")


def find_newest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return for each part its newest full run, or the newest run of a smaller size.

    Each is the part of the run's file with the run's own ``started``, ``size`` and ``environment``.
    """
    found: dict[str, dict[str, Any]] = {}
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    for run in sorted(runs, key=lambda run: (run["size"] == "full", run["started"])):
        about = {key: run[key] for key in ("started", "size", "environment")}
        found.update({name: {**about, **part} for name, part in run["parts"].items()})
    return found
