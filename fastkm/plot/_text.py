"""The words of a figure: units, degrees and numbers as a paper would print them.

netCDF files write units as plain text (``kg m-2``), which a figure should not. Units that are
understood here are set as mathematics; others are passed on as they came, because an ugly unit is
better than a wrong one.

matplotlib reads what stands between two dollar signs as mathematics, and fails if it is none. Text of
files therefore goes through `escape`, and text of callers, who may mean mathematics, through
`make_printable`.
"""

from __future__ import annotations

import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.cbook import is_math_text
from matplotlib.mathtext import MathTextParser

if TYPE_CHECKING:
    from collections.abc import Sequence

Axis = Literal["longitude", "latitude"]

_FACTOR = re.compile(r"(?P<symbol>[A-Za-zµμ%°]+)(?:\^|\*\*)?(?P<power>[+-]?\d+)?")
_SYMBOLS = {
    "°": r"{}^{\circ}",
    "percent": "%",
    **dict.fromkeys(("degC", "°C", "celsius", "Celsius"), r"{}^{\circ}C"),
    **dict.fromkeys(("µm", "μm"), r"\mu m"),
}


LONGEST_TEXT = 200
"""Letters of a name that are printed."""
LONGEST_UNITS = 80
"""Letters of units that are printed."""


def read_text(attribute: Any) -> str:
    """Return an attribute as text, whatever its type.

    Examples
    --------
    >>> read_text(b"kg"), read_text(np.array([1, 2])), read_text(None)
    ('kg', '1, 2', '')
    """
    if attribute is None:
        return ""
    if isinstance(attribute, bytes):
        return attribute.decode(errors="replace")
    if isinstance(attribute, list | tuple | np.ndarray):
        return ", ".join(read_text(part) for part in np.ravel(np.asarray(attribute, object)))
    return str(attribute)


def escape(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""Return a text that matplotlib prints as it is, without letters that cannot be printed.

    Examples
    --------
    >>> escape("US$ and $x^$")
    'US\\$ and \\$x^\\$'
    """
    return _clean(text, longest).replace("$", r"\$")


def make_printable(text: str) -> str:
    """Return a text with its mathematics or, if matplotlib cannot read that, without."""
    return text if len(text) <= LONGEST_TEXT and _is_readable(text) else escape(text)


def format_period(first: Any, last: Any) -> str:
    """Return the first and the last of some times as text: dates, with hours if they are of one day.

    Examples
    --------
    >>> format_period(np.datetime64("2009-10-01"), np.datetime64("2009-12-01"))
    '2009-10-01 to 2009-12-01'
    >>> format_period(np.datetime64("2009-10-01T06"), np.datetime64("2009-10-01T18"))
    '2009-10-01 06:00 to 2009-10-01 18:00'
    >>> format_period(0, 3)
    '0 to 3'
    """
    texts = [str(time).replace("T", " ") for time in (first, last)]
    if not isinstance(first, int | float | np.number):
        days = dict.fromkeys(text[:10] for text in texts)
        hours = dict.fromkeys(f"{text[:16]}:00"[:16] for text in texts)
        texts = list(days if len(days) > 1 or first == last else hours)
    return " to ".join(dict.fromkeys(texts))


@contextmanager
def ignore_text_warnings() -> Iterator[None]:
    """Do not warn of letters that the font lacks, which become boxes, and of text without room."""
    unheard = "Glyph .* missing from|Matplotlib currently does not|constrained_layout not applied"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"({unheard})")
        yield


def _clean(text: str, longest: int) -> str:
    """Return a text without control characters and lone surrogates, and not too long."""
    printable = (
        letter if unicodedata.category(letter) not in {"Cc", "Cs"} else " " for letter in text
    )
    cleaned = "".join(printable)
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"


@lru_cache(maxsize=256)  # a page asks for the units of each panel; the parser takes 10 ms
def _is_readable(text: str) -> bool:
    """Return True if matplotlib can draw a text."""
    if any(unicodedata.category(letter) in {"Cc", "Cs"} and letter != "\n" for letter in text):
        return False
    parser: Any = MathTextParser("path")
    try:
        for line in filter(is_math_text, text.split("\n")):
            parser.parse(line)
    except ValueError:
        return False
    return True


def typeset_units(units: str) -> str:
    r"""Return units, as netCDF files write them, as mathematics for matplotlib.

    Factors with integer powers are understood, separated by blanks, dots or one slash. Units
    without a dimension become ``""``. Other text stays; see `escape`.

    Examples
    --------
    >>> typeset_units("kg m-2")
    '$\\mathrm{kg\\,m^{-2}}$'
    """
    text = units.strip()
    if text in {"", "1"}:
        return ""
    sides = [_typeset_product(side) for side in text.split("/")]
    if "" in sides or len(sides) > 2 or len(text) > LONGEST_UNITS:
        return escape(text, LONGEST_UNITS)
    typeset = rf"$\mathrm{{{'/'.join(sides)}}}$"
    return typeset if _is_readable(typeset) else escape(text, LONGEST_UNITS)


def _typeset_product(text: str) -> str:
    """Return factors side by side; an empty string if one of them is not understood."""
    typeset = []
    for part in re.split(r"[\s.·]+", text.strip()):
        factor = _FACTOR.fullmatch(part)
        if factor is None:
            return ""
        symbol, power = factor["symbol"], factor["power"]
        raised = "" if power is None else f"^{{{int(power)}}}"
        typeset.append(_SYMBOLS.get(symbol, symbol).replace("%", r"\%") + raised)
    return r"\,".join(typeset)


def format_quantity(name: str, units: str) -> str:
    """Return a name, escaped, with its typeset units; either may be empty."""
    name, units = escape(name), typeset_units(units)
    if name and units:
        return f"{name} ({units})"
    return name or units


def format_date(value: Any) -> str:
    """Return a date of numpy or cftime as text, to the minute unless it is midnight; "" for others.

    Examples
    --------
    >>> format_date(np.datetime64("2009-10-16T06:00")), format_date(np.datetime64("NaT")), format_date(3)
    ('2009-10-16 06:00', '', '')
    """
    value = np.asarray(value)
    if value.dtype.kind == "M":
        text = "" if np.isnat(value) else str(value.astype("datetime64[m]"))
    else:
        isoformat = getattr(value.item(), "isoformat", None)
        text = "" if isoformat is None else str(isoformat())[:16]
    return text.replace("T", " ").removesuffix(" 00:00")


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
