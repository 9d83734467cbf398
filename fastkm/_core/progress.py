"""Progress of long work: the code that does the work reports it here, and the command shows it.

A workflow takes a `Progress` as an argument. Passes over blocks begin many calls deeper, in rooms
that know nothing of workflows: they report to the current progress, which is `SILENT` unless
`use_progress` has set another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Progress:
    """Receives the progress of some work; this class shows nothing, its subclasses show it."""

    def begin(self, stage: str, total: int = 1, unit: str = "") -> None:
        """Begin a stage of `total` units."""

    def advance(self, number: int = 1) -> None:
        """Report that `number` more units of the stage are done."""

    def note(self, text: str) -> None:
        """Report something else, in a sentence."""


SILENT = Progress()

_CURRENT: ContextVar[Progress] = ContextVar("progress", default=SILENT)


def current_progress() -> Progress:
    """Return the progress to which passes over blocks report."""
    return _CURRENT.get()


@contextmanager
def use_progress(progress: Progress) -> Iterator[None]:
    """Make a progress current within a ``with`` block."""
    token = _CURRENT.set(progress)
    try:
        yield
    finally:
        _CURRENT.reset(token)
