"""The cases of the benchmarks, and the rivals that take part in them.

A case is one piece of work: its data, a table of the rivals that do it, and a check that their
answers are right. Timing, memory, first calls, scaling, the tests of every rival's answer and the
tables all use the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

OURS = "fastkm"
"""Name of the rival with which all others are compared."""


@dataclass(frozen=True)
class Rival:
    """A library, or a function of one, that does the work.

    Attributes
    ----------
    run : callable
        Takes the data, returns the answer. What it imports, it imports when it is called, so that
        the table of cases can be read where a rival is not installed.
    needs : str
        The module without which it is left out; the default is always installed.
    serial : bool
        Whether it uses one thread, however many are allowed; then it is compared with fastkm on one.
    yardstick : bool
        Whether it is a plain pass over the data instead of the same work: it shows the limit.
    """

    run: Callable[[Any], Any]
    needs: str = "numpy"
    serial: bool = False
    yardstick: bool = False

    def why_missing(self) -> str:
        """Return why the rival cannot take part, or an empty string."""
        return why_missing(self.needs)


@cache
def why_missing(module: str) -> str:
    """Return why a module cannot be imported, or an empty string."""
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001  (a broken installation is left out, too)
        return f"{type(error).__name__}: {error}"
    return ""


@dataclass(frozen=True)
class Case:
    """A piece of work.

    Attributes
    ----------
    name : str
        What is computed, with the size of the full case: as `format_count` writes it, or the rows
        and columns of a map twice as wide as high.
    make : callable
        Makes the data for a size. Making is never timed.
    sizes : mapping of str to int
        The argument of `make` for "tiny" (tests), "small" and "full".
    rivals : mapping of str to Rival
        The rivals by name: fastkm first, then the usual way, then the others.
    check : callable
        ``check(data, ours, theirs)`` raises AssertionError if answers disagree.
    loss : callable, optional
        ``loss(data, answer)`` is a number that should be small, the inertia: quality beside time.
    at : mapping of str to int
        The place of the case on the axes of a plot: n, k, d.
    rename : callable, optional
        Takes the argument of `make`, returns the name, if the name has the size in other words.
    """

    name: str
    make: Callable[[int], Any]
    sizes: Mapping[str, int]
    rivals: Mapping[str, Rival]
    check: Callable[[Any, Any, Any], None]
    loss: Callable[[Any, Any], float] | None = None
    at: Mapping[str, int] | None = None
    rename: Callable[[int], str] | None = None

    def name_at(self, size: str) -> str:
        """Return the name, with the size that is run at "tiny", "small" or "full"."""
        n, full = self.sizes[size], self.sizes["full"]
        if n == full:
            return self.name
        return replace_size(self.name, full, n) if self.rename is None else self.rename(n)

    def present(self) -> dict[str, Rival]:
        """Return the rivals that can take part."""
        return {name: rival for name, rival in self.rivals.items() if not rival.why_missing()}


def replace_size(name: str, full: int, n: int) -> str:
    """Replace the size in a name: rows and columns of a map twice as wide as high, or a number.

    >>> replace_size("vq, 1e7 float32", 10**7, 10**5), replace_size("map, 30 x 60", 30, 20)
    ('vq, 1e5 float32', 'map, 20 x 40')
    """
    from bench.table import format_count

    rows_and_columns = f"{full} x {2 * full}"
    if rows_and_columns in name:
        return name.replace(rows_and_columns, f"{n} x {2 * n}", 1)
    return name.replace(format_count(full), format_count(n), 1)


def list_left_out(cases: list[Case]) -> dict[str, str]:
    """Return the rivals that cannot take part, and why."""
    rivals = {name: rival for case in cases for name, rival in case.rivals.items()}
    reasons = {name: rival.why_missing() for name, rival in rivals.items()}
    return {name: reason for name, reason in reasons.items() if reason}
