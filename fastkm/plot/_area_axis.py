"""Areas on an axis: a unit that suits how large they are, and numbers in full.

The areas of a world's clusters are millions of square kilometres, those of a lake's a few. One unit
for both would leave a power of ten above the axis, which is a second unit beside the one that is
named, and lies where the panel's title is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import ScalarFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def shown_areas(areas: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Give areas in the units of the axis, and what it is called.

    Examples
    --------
    >>> [shown_areas(np.array([area]), "km2")[1] for area in (3e7, 3e4, 30.0)]
    ['area, million km²', 'area, thousand km²', 'area, km²']
    """
    if unit not in {"km2", "cells"}:
        msg = f"unit_of_area must be 'km2' or 'cells', got {unit!r}"
        raise ValueError(msg)
    largest = float(np.nanmax(areas, initial=0.0))
    name, bounds = ("area, {}km²", (1e5, 100.0)) if unit == "km2" else ("{}cells", (1e6, np.inf))
    if largest >= bounds[0] or (unit == "km2" and largest == 0):
        return areas / 1e6, name.format("million ")
    if largest >= bounds[1]:
        return areas / 1e3, name.format("thousand ")
    return areas, name.format("")


def mark_areas(ax: Axes, values: np.ndarray) -> None:
    """Write numbers in full: a power of ten above the axis would lie in the title."""
    numbers = ScalarFormatter(useOffset=False)
    numbers.set_scientific(False)
    ax.yaxis.set_major_formatter(numbers)
    if not (values > 0).any():  # all 0 or missing; no area is negative
        ax.set_ylim(-0.05, 1.0)
