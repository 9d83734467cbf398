"""Missing values that a file does not declare, but its reader: ``nodata``.

They are given as the user sees them, in physical units, or as they are stored; a cell that is equal in
either is missing. An infinity stands for both of them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from fastkm._core.cf_missing import Described, find_missing_by_rule
from fastkm._core.cf_rules import FILLS, LIMITS, PACKING, fit_fills, is_packed

Array = TypeVar("Array")

Nodata = float | Sequence[float] | None
"""Missing values as an argument: one, several or none."""

NEAR = 1e-3
"""Share of a step of packed integers by which a physical value may miss it: it was rounded."""


def as_nodata(nodata: Any) -> tuple[float, ...]:
    """Return the argument `nodata` as numbers; raise TypeError if it is something else.

    Examples
    --------
    >>> as_nodata(None), as_nodata(-999), as_nodata([0, float("inf")])
    ((), (-999.0,), (0.0, inf, -inf))
    """
    given = () if nodata is None else (nodata,) if isinstance(nodata, Real | str) else nodata
    if not isinstance(given, Iterable):
        given = (given,)
    numbers: list[float] = []
    for value in given:
        if not isinstance(value, Real):
            raise TypeError(f"nodata must be a number or several, got {nodata!r}")
        numbers += [math.inf, -math.inf] if math.isinf(value) else [float(value)]
    return tuple(dict.fromkeys(numbers))


def declare_missing(array: Array, nodata: tuple[float, ...]) -> Array:
    """Return an array of a file, raw or decoded, whose ``missing_value`` includes `nodata`."""
    own: Any = array
    values = list_stored(own, nodata)
    if not len(values):
        return array
    before = own.attrs.get("missing_value", own.encoding.get("missing_value", ()))
    own = copy.copy(own)
    both = np.concatenate([np.ravel(before), values]).astype(values.dtype)
    own.attrs = {**own.attrs, "missing_value": both}
    return own


def find_nodata(array: Any, nodata: tuple[float, ...]) -> np.ndarray:
    """Find the cells of an array of a file, raw or decoded, that are equal to one of `nodata`."""
    values = list_stored(array, nodata)
    if not len(values):
        return np.zeros(np.shape(array.values), bool)
    attrs = {name: v for name, v in array.attrs.items() if name not in {*FILLS, *LIMITS}}
    attrs["missing_value"] = values
    return find_missing_by_rule(Described(array.values, attrs, array.encoding))["missing_value"]


def list_stored(array: Any, nodata: tuple[float, ...]) -> np.ndarray:
    """List the numbers that a file stores for values, given as stored or in physical units."""
    packing = array.attrs if is_packed(array.attrs) else array.encoding
    stored = np.dtype(array.encoding.get("dtype", array.dtype))
    scale, offset = (
        float(np.ravel(packing.get(name, neutral))[0])
        for name, neutral in zip(PACKING, (1, 0), strict=True)
    )
    numbers = np.array(nodata, np.float64)
    unpacked = (numbers - offset) / scale
    if stored.kind == "f":
        return np.unique(np.concatenate([numbers, unpacked]))
    steps = np.rint(unpacked)
    with np.errstate(invalid="ignore"):  # infinity is no step
        steps = steps[np.abs(unpacked - steps) <= NEAR]
    fitting = fit_fills(np.concatenate([numbers, steps]), stored)
    return np.array([], stored) if fitting is None else np.unique(fitting)
