"""What a page says of missing cells: how many there are, and by which rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.cf_rules import FILLS, LIMITS
from fastkm.cluster.streaming.arrays import is_lazy
from fastkm.raster.io.read_netcdf import find_missing_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

RULES = {
    **dict.fromkeys(FILLS, ("{} is a code for missing", "with the code {}")),
    "valid_min": ("values below {} are not valid", "below {}, the least valid value"),
    "valid_max": ("values above {} are not valid", "above {}, the greatest valid value"),
    "valid_range": ("values outside of {} are not valid", "outside of {}, the valid range"),
    "NaN": ("", "that are no numbers (NaN)"),
}
"""How each rule is told, without a count and with one."""


def explain_missing(
    cells: int,
    missing: int,
    bands: Sequence[xr.DataArray] = (),
    counts: Mapping[str, int] | None = None,
) -> str:
    """Return how many cells are missing, and by which rules.

    Parameters
    ----------
    cells, missing : int
        How many cells there are, and how many of them are missing.
    bands : sequence of xarray.DataArray
        The bands, whose attributes or encodings have the rules.
    counts : mapping of str to int, optional
        How many cells are missing by each rule, of a single band: see `count_by_rule`.
    """
    if not missing:
        return f"No cell of {cells:,} is missing."
    text = (
        f"{missing:,} of {cells:,} cells ({100 * missing / cells:.1f}\u00a0%) are missing and belong to no "
        "cluster"
    )
    if counts:
        told = [
            f"{count:,} {RULES[rule][1].format(_read_rule(bands[0], rule))}"
            for rule, count in counts.items()
        ]
        rest = missing - sum(counts.values())
        told += [f"{rest:,} left out by a mask or as further codes"] if rest > 0 else []
        return f"{text}: {', '.join(told)}."
    rules = [
        RULES[rule][0].format(said)
        for band in bands
        for rule in (*FILLS, *LIMITS)
        if (said := _read_rule(band, rule)) not in {"", "nan"}
    ]
    listed = ", ".join(dict.fromkeys(rules))
    return f"{text}. The file says which: {listed}." if rules else f"{text}."


def holds_stored_values(band: xr.DataArray) -> bool:
    """Return True if a band in memory has its values as they are stored, with rules that hold."""
    return not is_lazy(band.data) and any(rule in band.attrs for rule in (*FILLS, *LIMITS))


def count_by_rule(band: xr.DataArray) -> dict[str, int]:
    """Count the missing cells of a band as it is stored, each by the first rule that holds for it.

    Examples
    --------
    >>> import xarray as xr
    >>> stored = xr.DataArray([[-9, -5, 1]], attrs={"missing_value": -9, "valid_min": 0})
    >>> count_by_rule(stored)
    {'missing_value': 1, 'valid_min': 1}
    """
    left = np.ones(band.shape, bool)
    counts = {}
    for rule, cells in find_missing_cells(band).items():
        counts[rule] = int(np.count_nonzero(cells & left))
        left &= ~cells
    return {rule: count for rule, count in counts.items() if count}


def _read_rule(band: xr.DataArray, rule: str) -> str:
    """Return the numbers of a rule as text, or the text that an attribute is; "" if there is none."""
    said: dict[Any, Any] = {**band.encoding, **band.attrs}
    if rule not in said:
        return ""
    numbers = np.ravel(np.asarray(said[rule]))
    if numbers.dtype.kind not in "iuf":
        return read_text(said, rule)
    between = " to " if rule == "valid_range" else ", "
    return between.join(f"{number:.7g}".replace("-", "−") for number in numbers.tolist())
