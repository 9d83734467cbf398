"""What a run tells of its progress, to whoever wants to show it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastkm._core.dask_blocks import report_blocks


class Report:
    """Tell nothing; subclasses show what they are told."""

    def begin(self, stage: str, total: int, unit: str) -> None:
        """Be told that a stage of so many steps, or blocks of steps, begins."""

    def advance(self, number: int = 1) -> None:
        """Be told that so many more are done."""

    def note(self, text: str) -> None:
        """Be told something else."""


SILENT = Report()


@contextmanager
def passes(report: Report, stage: str) -> Iterator[list[int]]:
    """Report the passes over an archive in a block; give a list that grows by one for each."""
    begun: list[int] = []

    def watcher(number: int) -> None:
        if number < 0:
            begun.append(-number)
            report.begin(f"{stage}, pass {len(begun)}", -number, "blocks")
        else:
            report.advance(number)

    with report_blocks(watcher):
        yield begun
