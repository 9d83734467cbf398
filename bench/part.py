"""A part of the benchmarks: how to run it, and how to show what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = dict[str, Any]
"""What a part finds, in types that JSON has."""


def no_figures(_found: Found) -> dict[str, Figure]:
    """Draw nothing."""
    return {}


@dataclass(frozen=True)
class Part:
    """A part of the benchmarks.

    Attributes
    ----------
    title : str
        Its heading in the results.
    run : callable
        Takes "tiny", "small" or "full", and returns what it finds.
    section : callable
        Writes what was found in Markdown, without the heading.
    figures : callable
        Draws what was found: figures by the names of their files, without an extension.
    left_out : callable
        Returns the rivals that cannot take part here, and why.
    """

    title: str
    run: Callable[[str], Found]
    section: Callable[[Found], str]
    figures: Callable[[Found], dict[str, Figure]] = no_figures
    left_out: Callable[[], dict[str, str]] = dict
