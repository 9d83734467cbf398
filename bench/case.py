"""What a case of the benchmarks is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A piece of work.

    Attributes
    ----------
    name : str
        What is computed, with the size of the full case.
    make : callable
        Makes the data for a size.
    sizes : dict of str to int
        The argument of `make` for "tiny" (tests), "small" and "full".
    rivals : dict of str to callable
        Who does it; "fastkm" is one of them.
    check : callable
        ``check(data, ours, theirs)`` raises AssertionError where answers disagree.
    once : tuple of str
        Rivals that take so long at the full size that they are run once there.
    """

    name: str
    make: Callable[[int], Any]
    sizes: dict[str, int]
    rivals: dict[str, Callable[[Any], Any]]
    check: Callable[[Any, Any, Any], None]
    once: tuple[str, ...] = ()
