"""The words of a figure: units, degrees and numbers as a paper would print them.

netCDF files write units as plain text (``kg m-2``), which a figure should not. What this module
understands it sets as mathematics; what it does not understand it passes on as it came, because
an ugly unit is better than a wrong one.
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
    "%": r"\%",
    "percent": r"\%",
    "°": r"{}^{\circ}",
    "degC": r"{}^{\circ}C",
    "°C": r"{}^{\circ}C",
    "celsius": r"{}^{\circ}C",
    "Celsius": r"{}^{\circ}C",
    "µm": r"\mu m",
    "μm": r"\mu m",
}


def typeset_units(units: str) -> str:
    r"""Set units as mathematics: ``kg m-2`` with a raised minus two.

    Parameters
    ----------
    units : str
        Units as netCDF files have them: factors with integer powers, apart by blanks, dots or
        one slash.

    Returns
    -------
    str
        The units for matplotlib; ``""`` for dimensionless ones. Text that is not understood
        comes back unchanged but for its dollar signs, which are escaped.

    Examples
    --------
    >>> typeset_units("kg m-2")
    '$\\mathrm{kg\\,m^{-2}}$'
    >>> typeset_units("W/m^2")
    '$\\mathrm{W/m^{2}}$'
    >>> typeset_units("1")
    ''
    >>> typeset_units("days since 1970-01-01")
    'days since 1970-01-01'
    """
    text = units.strip()
    if text in {"", "1"}:
        return ""
    sides = [_typeset_product(side) for side in text.split("/")]
    if "" in sides or len(sides) > 2:
        return text.replace("$", r"\$")
    return rf"$\mathrm{{{'/'.join(sides)}}}$"


def _typeset_product(text: str) -> str:
    """Set factors side by side; an empty string says that one of them was not understood."""
    factors = [_FACTOR.fullmatch(part) for part in re.split(r"[\s.·]+", text.strip())]
    known = [factor for factor in factors if factor is not None]
    if len(known) < len(factors):
        return ""
    return r"\,".join(_typeset_factor(factor["symbol"], factor["power"]) for factor in known)


def _typeset_factor(symbol: str, power: str | None) -> str:
    raised = "" if power is None else f"^{{{int(power)}}}"
    return _SYMBOLS.get(symbol, symbol) + raised


def quantity_label(name: str, units: str) -> str:
    """Join a name and its typeset units, either of which may be empty.

    Examples
    --------
    >>> quantity_label("height", "")
    'height'
    >>> quantity_label("height", "days since then 2")
    'height (days since then 2)'
    """
    units = typeset_units(units)
    if name and units:
        return f"{name} ({units})"
    return name or units


def centroid_numbers(centroids: Sequence[float] | np.ndarray) -> list[str]:
    """Print centroids with the decimals that keep them apart, and no more than six.

    Parameters
    ----------
    centroids : array-like of float, shape (k,)
        The centroids.

    Returns
    -------
    list of str
        One number a centroid, all with the same number of decimals.

    Examples
    --------
    >>> centroid_numbers([11.288, 21.722, 35.539, 50.751])
    ['11.3', '21.7', '35.5', '50.8']
    >>> centroid_numbers([0.0121, 0.0143])
    ['0.0121', '0.0143']
    >>> centroid_numbers([-3.0e12, 5.0e12])
    ['−3.00e+12', '5.00e+12']
    """
    values = np.asarray(centroids, dtype=float)
    largest = float(np.abs(values).max(initial=0.0))
    gaps = np.diff(np.unique(values))
    gap = float(gaps.min()) if gaps.size else largest
    if largest >= 1e6 or 0 < largest < 1e-3 or not math.isfinite(largest):
        return [_minus(f"{value:.2e}") for value in values]
    # Two figures of half the smallest gap: 10 apart gets one decimal, 1.9 apart gets two.
    wanted = 1 - math.floor(math.log10(gap / 2)) if gap > 0 else 1
    decimals = min(max(wanted, 1 if largest < 100 else 0), 6)
    return [_minus(f"{value:.{decimals}f}") for value in values]


def _minus(number: str) -> str:
    """Print the sign as matplotlib prints it on its axes; an exponent keeps its hyphen."""
    return f"−{number[1:]}" if number.startswith("-") else number


def degrees_label(value: float, axis: Axis) -> str:
    """Print a longitude or latitude in degrees with its hemisphere.

    Parameters
    ----------
    value : float
        Degrees; longitudes of any turn.
    axis : {'longitude', 'latitude'}
        Which of the two it is.

    Returns
    -------
    str
        The label; the equator and the meridians 0 and 180 belong to no hemisphere.

    Examples
    --------
    >>> [degrees_label(x, "longitude") for x in (0, 60, 180, 300, 360)]
    ['0°', '60°E', '180°', '60°W', '0°']
    >>> degrees_label(-12.5, "latitude")
    '12.5°S'
    """
    if axis == "latitude":
        return f"{abs(value):g}°{_hemisphere(value, 'N', 'S')}"
    turned = (value + 180.0) % 360.0 - 180.0
    side = "" if turned == -180.0 else _hemisphere(turned, "E", "W")
    return f"{abs(turned):g}°{side}"


def _hemisphere(value: float, positive: str, negative: str) -> str:
    if value == 0:
        return ""
    return positive if value > 0 else negative
