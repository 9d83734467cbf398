"""The words of a figure: units, degrees and numbers as a paper would print them.

netCDF files write units as plain text (``kg m-2``), which a figure should not. Units that are
understood here are set as mathematics; others are passed on as they came, because an ugly unit is
better than a wrong one.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Axis = Literal["longitude", "latitude"]

_FACTOR = re.compile(r"(?P<symbol>[A-Za-zµμ%°]+)(?:\^|\*\*)?(?P<power>[+-]?\d+)?")
_SYMBOLS = {
    "°": r"{}^{\circ}",
    **dict.fromkeys(("%", "percent"), r"\%"),
    **dict.fromkeys(("degC", "°C", "celsius", "Celsius"), r"{}^{\circ}C"),
    **dict.fromkeys(("µm", "μm"), r"\mu m"),
}


def typeset_units(units: str) -> str:
    r"""Return units, as netCDF files write them, as mathematics for matplotlib.

    Factors with integer powers are understood, separated by blanks, dots or one slash. Units
    without a dimension become ``""``. Other text stays, but its dollar signs are escaped.

    Examples
    --------
    >>> typeset_units("kg m-2")
    '$\\mathrm{kg\\,m^{-2}}$'
    """
    text = units.strip()
    if text in {"", "1"}:
        return ""
    sides = [_typeset_product(side) for side in text.split("/")]
    if "" in sides or len(sides) > 2:
        return text.replace("$", r"\$")
    return rf"$\mathrm{{{'/'.join(sides)}}}$"


def _typeset_product(text: str) -> str:
    """Return factors side by side; an empty string if one of them is not understood."""
    typeset = []
    for part in re.split(r"[\s.·]+", text.strip()):
        factor = _FACTOR.fullmatch(part)
        if factor is None:
            return ""
        symbol, power = factor["symbol"], factor["power"]
        raised = "" if power is None else f"^{{{int(power)}}}"
        typeset.append(_SYMBOLS.get(symbol, symbol) + raised)
    return r"\,".join(typeset)


def format_quantity(name: str, units: str) -> str:
    """Return a name with its typeset units; either may be empty."""
    units = typeset_units(units)
    if name and units:
        return f"{name} ({units})"
    return name or units


def format_centroids(centroids: Sequence[float] | np.ndarray) -> list[str]:
    """Return centroids as texts, all with the decimals that tell them apart, at most six.

    Minus signs are those that matplotlib has on axes; an exponent keeps its own.

    Examples
    --------
    >>> format_centroids([11.288, 21.722, 35.539, -50.751])
    ['11.3', '21.7', '35.5', '−50.8']
    """
    values = np.asarray(centroids, dtype=float)
    largest = float(np.abs(values).max(initial=0.0))
    gaps = np.diff(np.unique(values))
    gap = float(gaps.min()) if gaps.size else largest
    if largest >= 1e6 or 0 < largest < 1e-3 or not math.isfinite(largest):
        style = ".2e"
    else:
        # Two figures of half the smallest gap: 10 apart gets one decimal, 1.9 apart gets two.
        wanted = 1 - math.floor(math.log10(gap / 2)) if gap > 0 else 1
        style = f".{min(max(wanted, 1 if largest < 100 else 0), 6)}f"
    return [re.sub("^-", "−", f"{value:{style}}") for value in values]


def format_degrees(value: float, axis: Axis) -> str:
    """Return a longitude (any number of degrees) or a latitude as text, with its hemisphere.

    The equator and the meridians 0 and 180 belong to no hemisphere.

    Examples
    --------
    >>> [format_degrees(x, "longitude") for x in (0, 60, 180, 300, 360)]
    ['0°', '60°E', '180°', '60°W', '0°']
    """
    if axis == "longitude":
        value = (value + 180.0) % 360.0 - 180.0
    if value in (0.0, -180.0):
        return f"{abs(value):g}°"
    positive, negative = "NS" if axis == "latitude" else "EW"
    return f"{abs(value):g}°{positive if value > 0 else negative}"
