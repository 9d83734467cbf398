"""What a case of the benchmarks is, and who takes part in it.

A case is one piece of work with the data for it, a table of those who do it, and the proof that
their answers are right. Timing, memory, first calls, scaling, the tests of every rival's answer and
the tables all go through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

OURS = "fastkm"
"""Whoever is called so is the measure of the others."""


@dataclass(frozen=True)
class Rival:
    """One who does the work.

    Attributes
    ----------
    run : callable
        Takes the data, returns the answer. What it imports, it imports when it is called, so that
        the table of cases can be read where a rival is not installed.
    needs : str
        The module without which it is left out; by default one that is always there.
    serial : bool
        Whether it has one thread whatever it is allowed. It is compared with fastkm on one thread.
    yardstick : bool
        Whether it is not the same work, but shows how near the limit is: a pass over the data.
    """

    run: Callable[[Any], Any]
    needs: str = "numpy"
    serial: bool = False
    yardstick: bool = False

    def missing(self) -> str:
        """Tell why it cannot take part, or nothing."""
        return why_missing(self.needs)


@cache
def why_missing(module: str) -> str:
    """Tell why a module cannot be imported, or nothing."""
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001  (one that is there and does not work is left out, too)
        return f"{type(error).__name__}: {error}"
    return ""


@dataclass(frozen=True)
class Case:
    """A piece of work.

    Attributes
    ----------
    name : str
        What is computed, with the size of the full case.
    make : callable
        Makes the data for a size. Making is never timed.
    sizes : mapping of str to int
        The argument of `make` for "tiny" (tests), "small" and "full".
    rivals : mapping of str to Rival
        Who does it: fastkm first, then the usual way, then the others.
    check : callable
        ``check(data, ours, theirs)`` raises AssertionError where answers disagree.
    loss : callable, optional
        ``loss(data, answer)`` is a number that should be small, the inertia: quality beside time.
    at : mapping of str to int
        Where on the axes of a plot the case lies: n, k, d.
    """

    name: str
    make: Callable[[int], Any]
    sizes: Mapping[str, int]
    rivals: Mapping[str, Rival]
    check: Callable[[Any, Any, Any], None]
    loss: Callable[[Any, Any], float] | None = None
    at: Mapping[str, int] | None = None

    def present(self) -> dict[str, Rival]:
        """Give those who can take part."""
        return {name: rival for name, rival in self.rivals.items() if not rival.missing()}


def left_out(cases: list[Case]) -> dict[str, str]:
    """Tell who cannot take part, and why."""
    rivals = {name: rival for case in cases for name, rival in case.rivals.items()}
    reasons = {name: rival.missing() for name, rival in rivals.items()}
    return {name: reason for name, reason in reasons.items() if reason}
