"""What the options of the command may be: text that becomes numbers, boxes, words of a choice.

Each reader raises a ValueError that says what to give instead, and `usage` makes wrong usage of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import typer

Value = TypeVar("Value")


def usage(option: str, parse: Callable[[Any], Value], given: Any) -> Value:
    """Parse an option; what it refuses is wrong usage, not a failure."""
    try:
        return parse(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def as_ks(text: str) -> list[int]:
    """Take a number of clusters, or a range of them."""
    try:
        first, colon, last = text.partition(":")
        low = int(first)
        high = int(last) if colon else low
    except ValueError:
        low, high = 0, 0
    if low < 1 or high < low:
        raise ValueError(
            f"take a number of clusters such as 6, or a range such as 2:8, not {text!r}"
        )
    return list(range(low, high + 1))


def as_criterion(text: str, ks: list[int]) -> str:
    """Take a criterion that can choose among some numbers of clusters."""
    from fastkm.cluster.selection.choose_k import CRITERIA

    if text not in CRITERIA:
        raise ValueError(f"take one of {', '.join(CRITERIA)}, not {text!r}")
    least = 3 if text == "elbow" else 2
    if len(ks) < least:
        raise ValueError(f"{text} needs at least {least} numbers to choose from, such as -k 2:8")
    return text


def as_time(text: str) -> int | str:
    """Take up to three digits for an index and all else for a date: 2009 is a year."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else text


def as_bbox(text: str) -> tuple[float, float, float, float]:
    """Take west, south, east and north."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not all(map(math.isfinite, (west, south, east, north))):
        raise ValueError(f"take four numbers W,S,E,N such as -60,-30,60,30, not {text!r}")
    if south > north:
        raise ValueError(f"south, {south:g}, is above north, {north:g}")
    return west, south, east, north


def as_years(text: str) -> tuple[int, int]:
    """Take a year, or the first and the last of a range."""
    found = re.fullmatch(r"(\d{1,4})(?::(\d{1,4}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise ValueError(f"take a year or a range such as 1988:2016, not {text!r}")
    return first, last


def one_of(choices: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Give what takes one of some choices and refuses all else."""

    def checked(given: Any) -> Any:
        if given not in choices:
            listed = " or ".join(str(choice) for choice in choices if choice is not None)
            raise ValueError(f"take {listed}, not {given!r}")
        return given

    return checked


def as_png(path: Path) -> Path:
    """Take a file of figures."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"take a .png file, not {str(path)!r}")
    return path
