"""The parts of a run: those that are whole are kept, the others are made, here or by workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastkm._core.blocks.dask_blocks import map_blocks
from fastkm.errors import ArchiveError
from fastkm.workflows.archive.parts import Part, PartPlan, read_part
from fastkm.workflows.archive.step_tasks import Span, Task, make_part

if TYPE_CHECKING:
    from fastkm._core.progress import Progress
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.checkpoint import RunFolder
    from fastkm.workflows.archive.folder_lock import FolderLock

ROUNDS = 4
"""How often parts are made that turn out to be lost or damaged, before the run gives up."""


@dataclass
class PartMaker:
    """Makes the parts of a run that are not there, or not whole; `steps` counts those it labelled."""

    folder: RunFolder
    lock: FolderLock
    progress: Progress
    handle_fault: Callable[[ArchiveError], None]
    archive: RasterSeries
    spans: list[Span]
    task: Task
    plans: list[PartPlan]
    steps: int = 0

    def make_all(self) -> list[Part]:
        """Make the parts that are missing, again if they get lost; return all of them."""
        for number in range(ROUNDS):
            parts = self._read()
            waiting = [n for n in range(len(self.plans)) if n not in parts]
            if number == 0:
                for part in parts.values():
                    for fault in part.faults:
                        self.handle_fault(fault)
            if not waiting:
                return [parts[n] for n in sorted(parts)]
            lost = [n for n in waiting if number > 0 or Path(self.plans[n].path).exists()]
            if lost:
                what = (
                    "1 finished part was" if len(lost) == 1 else f"{len(lost)} finished parts were"
                )
                self.progress.note(f"{what} lost or damaged: made again")
            self._make(waiting)
        raise OSError(
            f"finished parts in {self.folder.parts} are lost or damaged again and again: look "
            "for what removes or changes files there, then go on with --resume"
        )

    def _read(self) -> dict[int, Part]:
        """Read the manifests of the parts that are whole."""
        numbers = [n for n in self.folder.list_parts() if n < len(self.plans)]
        found = {}
        for done, result in map_blocks(read_part, [(self.plans[n],) for n in numbers]):
            if isinstance(result, Part):
                found[numbers[done]] = result
        return found

    def _make(self, waiting: list[int]) -> None:
        """Make some parts, and handle their faults."""
        steps = sum(self.spans[n].length for n in waiting)
        self.progress.begin("label the steps", len(self.archive.steps), "steps")
        self.progress.advance(len(self.archive.steps) - steps)
        blocks = [
            (self.archive.select_range(*self.spans[n]), self.task, self.plans[n]) for n in waiting
        ]
        for done, result in map_blocks(make_part, blocks):
            self.lock.require_held()
            if isinstance(result, list):
                faults = result
            elif isinstance(result, ArchiveError):
                faults = [result]
            else:
                raise result
            for fault in faults:
                self.handle_fault(fault)
            self.progress.advance(self.spans[waiting[done]].length)
        self.steps += steps
