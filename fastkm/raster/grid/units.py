"""Units of coordinates: lengths in metres, angles in degrees.

A unit is a number, if any, and a word: "m", "1000 meter", "US_survey_foot", "microradian". The words
are those of the EPSG registry, in the singular or plural and in either spelling, and some short
ones. Degrees may have a direction: "degrees_north", "degreesN", "degrees north".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_SHORT = {
    "m": "metre", "km": "kilometre", "cm": "centimetre", "mm": "millimetre",
    "ft": "foot", "ft us": "us survey foot", "us ft": "us survey foot", "ftus": "us survey foot",
    "us foot": "us survey foot", "survey foot": "us survey foot", "international foot": "foot",
    "nmi": "nautical mile", "mi": "statute mile", "mile": "statute mile",
    "rad": "radian", "mrad": "milliradian", "urad": "microradian", "µrad": "microradian",
    "μrad": "microradian", "gon": "grad", "gradian": "grad",
    "arcminute": "arc minute", "arcmin": "arc minute",
    "arcsecond": "arc second", "arcsec": "arc second",
}  # fmt: skip
"""Short words, and those of the registry that they stand for."""

_METRES = {"metre": 1.0, "kilometre": 1000.0, "centimetre": 0.01, "millimetre": 0.001}
"""The most frequent lengths, for which the registry is not loaded."""

_WORDS = re.compile(
    "metre|foot|yard|mile|fathom|chain|link|degree|minute|second|grad|radian|mil|sexagesimal"
)
"""A word that the name of each unit of the registry has, which takes 0.1 s to load."""

_NUMBER = re.compile(
    r"(?:10\s*(?:\^|\*\*)\s*(?P<power>[-+]?\d+)|(?P<factor>(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))"
    r"\s*\*?\s*(?P<word>[^\d\s].*)"
)
_DEGREES = re.compile(r"(?:degrees?|degs?|°)(?: ?(?P<direction>n|north|s|south|e|east|w|west))?")


class Unit(NamedTuple):
    """A unit of length, in metres, or of angles, in degrees.

    `role` is "y" for degrees north or south and "x" for degrees east or west, otherwise None. The
    size of degrees south and west is negative.
    """

    is_angle: bool
    size: float
    role: str | None = None


@lru_cache(maxsize=256)
def parse_unit(text: str) -> Unit | None:
    """Return the unit that a text stands for; None if it is neither a length nor an angle.

    Examples
    --------
    >>> parse_unit("1000 meter"), parse_unit("Degrees_north"), parse_unit("kelvin")
    (Unit(is_angle=False, size=1000.0, role=None), Unit(is_angle=True, size=1.0, role='y'), None)
    """
    words = text.strip().lower()
    number = _NUMBER.fullmatch(words)
    if number is not None:
        unit = parse_unit(number["word"])
        factor = 10.0 ** int(number["power"]) if number["power"] else float(number["factor"] or 1)
        return None if unit is None else unit._replace(size=factor * unit.size)
    words = re.sub(r"[\s_-]+", " ", words)
    degrees = _DEGREES.fullmatch(words)
    if degrees is not None:
        direction = (degrees["direction"] or " ")[0]
        role = "y" if direction in "ns" else "x" if direction in "ew" else None
        return Unit(True, -1.0 if direction in "sw" else 1.0, role)
    words = words.replace("meter", "metre").replace("feet", "foot")
    for word in (words, words.removesuffix("s")):
        name = _SHORT.get(word, word)
        if name in _METRES:
            return Unit(False, _METRES[name])
        if _WORDS.search(name) and name in _list_units():
            return _list_units()[name]
    return None


@lru_cache(maxsize=1)
def _list_units() -> dict[str, Unit]:
    """Return the units of the EPSG registry by their names in lower case, without hyphens."""
    from pyproj.database import get_units_map

    units = {}
    for name, entry in get_units_map(auth_name="EPSG").items():
        size = entry.conv_factor
        if entry.category in {"linear", "angular"} and size > 0:
            is_angle = entry.category == "angular"
            size = float(np.degrees(size)) if is_angle else size
            units[name.lower().replace("-", " ")] = Unit(is_angle, size)
    # without the rounding of the registry
    angles = {"grad": 0.9, "arc minute": 1 / 60, "arc second": 1 / 3600}
    angles["milliradian"] = float(np.degrees(1e-3))
    return units | {name: Unit(True, size) for name, size in angles.items()}
