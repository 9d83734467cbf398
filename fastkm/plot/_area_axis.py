"""Areas on an axis: a unit that suits how large they are, and numbers in full.

The clusters of the world cover millions of square kilometres, those of a lake a few. With one unit
for both, matplotlib would write a power of ten above the axis, where the panel's title stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import ScalarFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def scale_areas(areas: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Return areas in the unit of the axis, and the label of the axis."""
    if unit not in {"km2", "cells"}:
        raise ValueError(f"unit_of_area must be 'km2' or 'cells', got {unit!r}")
    largest = float(np.nanmax(areas, initial=0.0))
    name, bounds = ("area, {}km²", (1e5, 100.0)) if unit == "km2" else ("{}cells", (1e6, np.inf))
    if largest >= bounds[0] or (unit == "km2" and largest == 0):
        return areas / 1e6, name.format("million ")
    if largest >= bounds[1]:
        return areas / 1e3, name.format("thousand ")
    return areas, name.format("")


def format_areas(ax: Axes, values: np.ndarray) -> None:
    """Write the numbers of the axis in full, without a power of ten above it."""
    numbers = ScalarFormatter(useOffset=False)
    numbers.set_scientific(False)
    ax.yaxis.set_major_formatter(numbers)
    if not (values > 0).any():  # all 0 or missing; no area is negative
        ax.set_ylim(-0.05, 1.0)
