"""Progress of a long run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fastkm.workflows.archive.progress import Report

if TYPE_CHECKING:
    from rich.console import Console

EVERY = 10.0
"""Seconds between plain lines of one stage."""


@contextmanager
def reporting(console: Console, *, quiet: bool = False) -> Iterator[Report]:
    """Give what shows the progress on a console, in the way that suits it.

    Examples
    --------
    >>> from rich.console import Console
    >>> with reporting(Console(), quiet=True) as report:
    ...     report.begin("label the steps", 12, "steps")
    """
    if quiet:
        yield Report()
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        ) as progress:
            yield Bars(progress)
    else:
        yield Lines(console)


class Pace:
    """How fast a stage goes."""

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit, self.done, self.counted = total, unit, 0, 0
        self.begun = time.monotonic()

    def advance(self, number: int) -> None:
        """Count what was done; what was done before the stage began tells nothing of its pace."""
        self.done += number
        if time.monotonic() - self.begun > 0.001:
            self.counted += number

    def rate(self) -> float:
        """Give how many are done a second."""
        return self.counted / max(time.monotonic() - self.begun, 1e-6)

    def __str__(self) -> str:
        rate = self.rate()
        text = f"{self.done} of {self.total} {self.unit}"
        if rate == 0 or self.done >= self.total:
            return text
        return f"{text}, {_per_time(rate)}, {_span((self.total - self.done) / rate)} left"


class Bars(Report):
    """A live bar for the stage in hand; those before stay above it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task: TaskID | None = None
        self.pace = Pace(0, "")

    def begin(self, stage: str, total: int, unit: str) -> None:
        """Begin a bar."""
        self.pace = Pace(total, unit)
        self.task = self.progress.add_task(stage, total=total, unit=unit, rate="")

    def advance(self, number: int = 1) -> None:
        """Move the bar."""
        self.pace.advance(number)
        if self.task is not None:
            rate = _per_time(self.pace.rate()) if self.pace.counted else ""
            self.progress.update(self.task, advance=number, rate=rate)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self.progress.console.print(
            f"note: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )


class Lines(Report):
    """A line where a stage begins and ends, and now and then between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage, self.pace = "", Pace(0, "")
        self.said = 0.0

    def begin(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage."""
        self.stage, self.pace, self.said = stage, Pace(total, unit), time.monotonic()
        self._say(f"{stage}: {total} {unit}")

    def advance(self, number: int = 1) -> None:
        """Say how far it is, unless that was said just now."""
        self.pace.advance(number)
        now = time.monotonic()
        if self.pace.done >= self.pace.total or now - self.said >= EVERY:
            self.said = now
            self._say(f"{self.stage}: {self.pace}")

    def note(self, text: str) -> None:
        """Print a line."""
        self._say(f"note: {text}")

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _per_time(rate: float) -> str:
    """Say a rate in the unit that gives it a readable number.

    Examples
    --------
    >>> _per_time(12.34), _per_time(0.1)
    ('12.3/s', '6.0/min')
    """
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def _span(seconds: float) -> str:
    """Say how long something takes.

    Examples
    --------
    >>> _span(5.2), _span(75), _span(7300)
    ('5 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
