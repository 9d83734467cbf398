"""Lower limits of lengths and areas, with their units."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np


class Limit(NamedTuple):
    """A lower limit of length or area, and its unit."""

    value: float
    unit: str


def parse_limit(
    name: str, limit: float | str, units: tuple[str, ...], *, plain: bool = True
) -> Limit:
    """Read a number of at least 0 and its unit.

    If it is `plain`, a number without a unit is one of the first of `units`; otherwise it must have
    one.

    Examples
    --------
    >>> parse_limit("min_diameter", "2000km", ("px", "km"))
    Limit(value=2000.0, unit='km')
    """
    number, unit = limit, units[0]
    if isinstance(limit, str):
        optional = "?" if plain else ""
        match = re.fullmatch(rf"\s*([-+.0-9eE]+)\s*({'|'.join(units)}){optional}\s*", limit)
        number, unit = (match[1], match[2] or unit) if match else ("", unit)
    elif not plain:
        number = ""
    try:
        value = float(number)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value < np.inf:
        examples = " or ".join(f"'200{unit}'" for unit in units)
        unit = "" if plain else " with a unit,"
        raise ValueError(
            f"{name} must be a number of at least 0{unit} such as {examples}, got {limit!r}"
        )
    return Limit(value, unit)
