"""How the command shows progress: bars or lines for a long run, a spinner for a short one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from fastkm._core.progress import SILENT, Progress, use_progress
from fastkm.cli.output import count_units, print_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

COMPILING = (
    "kernels for this kind of data are compiled, which takes some seconds; they are kept, and the next "
    "run starts at once"
)

LINE_INTERVAL = 10.0
"""Seconds between two plain lines of one stage, at least."""


@contextmanager
def show_progress(console: Console, *, quiet: bool = False) -> Iterator[Progress]:
    """Show the progress of a long run: a bar on a terminal, plain lines elsewhere.

    With `quiet`, hide warnings too.
    """
    if quiet:
        with warnings.catch_warnings(action="ignore"):
            yield SILENT
    elif console.is_terminal:
        with note_compiling(console), _make_bars(console) as bars:
            yield Bars(bars)
    else:
        yield Lines(console)


@contextmanager
def show_passing_bar(console: Console) -> Iterator[Progress]:
    """Show the progress of one pass by a bar, which is gone when it ends; on a terminal only."""
    if not console.is_terminal:
        yield SILENT
        return
    with note_compiling(console), _make_bars(console, transient=True) as bars:
        yield Bars(bars)


@contextmanager
def note_compiling(console: Console) -> Iterator[None]:
    """Say once, on a terminal, that kernels compile for the first time; see `fastkm._kernels._jit`."""
    if not console.is_terminal:
        yield
        return
    import logging

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
            log.removeHandler(self)
            print_line(f"note: {COMPILING}", console, style="yellow")

    log, note = logging.getLogger("fastkm"), Note()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(note)
    try:
        yield
    finally:
        log.removeHandler(note)
        log.setLevel(level)


def _make_bars(console: Console, *, transient: bool = False) -> RichProgress:
    """Return live bars; `transient` ones vanish."""
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=transient,
    )


@contextmanager
def show_stages(console: Console, *, quiet: bool = False) -> Iterator[Progress]:
    """Show the stage of a short run on a terminal; with `quiet`, hide warnings too."""
    if quiet:
        with warnings.catch_warnings(action="ignore"):
            yield SILENT
        return
    with note_compiling(console), console.status("starting") as status:
        yield Spinner(status)


@contextmanager
def show_work(
    console: Console, workers: int, scheduler: str | None, *, quiet: bool
) -> Iterator[Progress]:
    """Show the progress of what is done in a ``with`` block, by workers if there are to be some."""
    with show_stages(console, quiet=quiet) as progress, use_progress(progress):
        if workers == 1 and scheduler is None:
            yield progress
            return
        from fastkm.workflows.dask_workers import use_workers

        with use_workers(workers, scheduler, progress=progress):
            yield progress


class Spinner(Progress):
    """A live line with the name of the stage, and how far a pass over blocks is."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.stage, self.pace = "", Pace(0, "")

    def begin(self, stage: str, total: int = 1, unit: str = "") -> None:
        """Show the name of the stage; a pass over blocks is part of the stage before it."""
        self.pace = Pace(total, unit)
        if unit and self.stage:
            stage = f"{self.stage}: {stage}"
        else:
            self.stage = stage
        self.status.update(stage)

    def advance(self, number: int = 1) -> None:
        """Show how far the pass is."""
        self.pace.advance(number)
        if self.pace.unit:
            self.status.update(f"{self.stage}: {self.pace}")


class Pace:
    """How much of a stage is done, and how fast it goes."""

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit, self.done, self.counted = total, unit, 0, 0
        self.begun = time.monotonic()

    def advance(self, number: int) -> None:
        """Count units; those reported within 1 ms were done by an earlier run and not timed."""
        self.done += number
        if time.monotonic() - self.begun > 0.001:
            self.counted += number

    def rate(self) -> float:
        """Return how many units are done per second."""
        return self.counted / max(time.monotonic() - self.begun, 1e-6)

    def __str__(self) -> str:
        rate = self.rate()
        text = f"{self.done:,} of {count_units(self.total, self.unit)}"
        if rate == 0 or self.done >= self.total:
            return text
        left = _format_duration((self.total - self.done) / rate)
        return f"{text}, {_format_rate(rate)}, {left} left"


class Bars(Progress):
    """A live bar for the current stage, below the bars of earlier stages."""

    def __init__(self, bars: RichProgress) -> None:
        self.bars = bars
        self.task: TaskID | None = None
        self.pace = Pace(0, "")

    def begin(self, stage: str, total: int = 1, unit: str = "") -> None:
        """Begin a bar."""
        self.pace = Pace(total, unit)
        unit = count_units(total, unit).partition(" ")[2]
        self.task = self.bars.add_task(stage, total=total, unit=unit, rate="")

    def advance(self, number: int = 1) -> None:
        """Move the bar."""
        self.pace.advance(number)
        if self.task is not None:
            rate = _format_rate(self.pace.rate()) if self.pace.counted else ""
            self.bars.update(self.task, advance=number, rate=rate)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        print_line(f"note: {text}", self.bars.console, style="yellow")


class Lines(Progress):
    """A line when a stage begins, when it ends, and every `LINE_INTERVAL` seconds between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage, self.pace = "", Pace(0, "")
        self.printed = 0.0

    def begin(self, stage: str, total: int = 1, unit: str = "") -> None:
        """Begin a stage."""
        self.stage, self.pace, self.printed = stage, Pace(total, unit), time.monotonic()
        print_line(f"{stage}: {count_units(total, unit)}", self.console)

    def advance(self, number: int = 1) -> None:
        """Print how far the stage is, if it has ended or was last printed some time ago."""
        self.pace.advance(number)
        now = time.monotonic()
        if self.pace.done >= self.pace.total or now - self.printed >= LINE_INTERVAL:
            self.printed = now
            print_line(f"{self.stage}: {self.pace}", self.console)

    def note(self, text: str) -> None:
        """Print a line."""
        print_line(f"note: {text}", self.console)


def _format_rate(rate: float) -> str:
    """Format a rate per second or, if it is low, per minute.

    Examples
    --------
    >>> _format_rate(12.34), _format_rate(0.1)
    ('12.3/s', '6.0/min')
    """
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def _format_duration(seconds: float) -> str:
    """Format a duration in its one or two largest units.

    Examples
    --------
    >>> _format_duration(5.2), _format_duration(75), _format_duration(7300)
    ('5 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
