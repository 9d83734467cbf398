"""Missing cells, by the attributes of a raster, whichever library opened the file.

The rules are those of the CF conventions and the NetCDF Users' Guide. Missing are values equal to
``_FillValue`` or to any of ``missing_value``, values outside ``valid_min``, ``valid_max`` or
``valid_range``, and NaN. The rules apply to the numbers as stored: packed data is compared in
packed units. An array may be raw (the attributes still describe its numbers) or decoded by xarray
(fill values are NaN already, the packing has moved to ``encoding``, but the valid range has not
been applied). Both are handled; the place of the packing shows which one it is.

Functions that find or unpack take the attributes as they are. `settle` and `split_attributes` leave
only those that hold for the numbers of an array (`fastkm._core.cf_rules`); whatever comes from
outside passes one of them once.

Only numpy is needed: an array is anything with ``values``, ``attrs`` and perhaps ``encoding``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fastkm._core.attributes import read_numbers
from fastkm._core.cf_rules import (
    FILLS,
    LIMITS,
    PACKING,
    RULES,
    is_packed,
    is_signed,
    is_unsigned,
    split_attributes,
    warn_of_stale_rules,
    wrap_unsigned,
)

Array = TypeVar("Array")

FEW = 4
"""Values that are compared with one after another: a comparison takes a tenth of `numpy.isin`."""


class Packing(NamedTuple):
    """How integers of 8 or 16 bits are unpacked: ``stored * scale + offset``."""

    dtype: np.dtype
    scale: float
    offset: float


class Described(NamedTuple):
    """Values with their attributes and their encoding."""

    values: np.ndarray
    attrs: Mapping[Any, Any]
    encoding: Mapping[Any, Any]

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        return self.values.dtype


def is_described_array(array: Any) -> bool:
    """Return True if an array has values and attributes, as an `xarray.DataArray` has.

    The type is asked for values, because to ask a lazy array itself would compute them.
    """
    described = all(hasattr(array, name) for name in ("attrs", "dims", "dtype"))
    return described and hasattr(type(array), "values")


def has_rules(array: Any) -> bool:
    """Return True if values other than NaN may be missing, or numbers are not physical."""
    return any(name in array.attrs for name in RULES)


def settle(array: Array) -> Array:
    """Return a described array with only those attributes that hold for its numbers.

    These are all, cleaned, if the numbers are those of a file. The rules of missing cells are left
    out if the array has been computed, with a warning if that matters.
    """
    return settle_all([array])[0]


def settle_all(arrays: Sequence[Array]) -> list[Array]:
    """Settle several arrays, as `settle` does, with one warning for all."""
    settled, rules, count = [], dict[Any, Any](), 0
    for array in arrays:
        own: Any = array
        kept, stale = split_attributes(own.attrs, getattr(own, "encoding", {}), own.dtype)
        if stale:
            count += count_stale_missing(own.values, stale)
            rules |= stale
        if kept is not own.attrs:
            own = copy.copy(own)
            own.attrs = dict(kept)
        settled.append(own)
    warn_of_stale_rules(rules, count)
    return settled


def drop_stale_rules(array: Array) -> Array:
    """Return a described array without rules that do not hold; nothing is counted or computed."""
    own: Any = array
    _, stale = split_attributes(own.attrs, getattr(own, "encoding", {}), own.dtype)
    if stale:
        own = copy.copy(own)
        own.attrs = {name: value for name, value in own.attrs.items() if name not in RULES}
    return own


def count_stale_missing(values: np.ndarray, rules: Mapping[Any, Any]) -> int:
    """Count the values that rules would make missing if they held; NaN is not counted."""
    told = {name: rules[name] for name in (*FILLS, *LIMITS) if name in rules}
    found = find_missing_by_rule(Described(np.asarray(values), told, {}))
    found.pop("NaN", None)
    cells = list(found.values())
    return int(np.count_nonzero(np.logical_or.reduce(cells))) if cells else 0


def select_rules(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Select the attributes, or items of an encoding, that this module reads."""
    names = (*RULES, "dtype")
    return {name: attributes[name] for name in names if name in attributes}


def find_missing_by_rule(array: Any) -> dict[str, np.ndarray]:
    """Find the missing cells of a described array, raw or decoded, by each rule.

    The rules are ``NaN`` for floats, then the names of attributes; several may apply to a cell.
    """
    values = np.asarray(array.values)
    found = {"NaN": np.isnan(values)} if values.dtype.kind == "f" else {}
    encoding = getattr(array, "encoding", {})
    in_file = _as_stored(values, array.attrs, encoding)
    unsigned = is_unsigned(array.attrs) or is_unsigned(encoding)
    stored = np.dtype(encoding.get("dtype", values.dtype))
    for name, test in _TESTS.items():
        numbers = read_numbers(array.attrs, name)
        if numbers is not None:
            if unsigned:
                numbers = wrap_unsigned(numbers, stored)
            if in_file.dtype.kind == "f":
                with np.errstate(over="ignore"):  # a limit beyond all values stays beyond them
                    numbers = numbers.astype(in_file.dtype)
            unpacked = name.startswith("valid_") and _is_in_physical_units(array, name)
            compared = to_physical(array) if unpacked else in_file
            packed = is_packed(encoding) and not is_packed(array.attrs)
            if packed and stored.kind == values.dtype.kind == "f":
                compared = _undo_rounding(compared, numbers, values.dtype, encoding)
            found[name] = test(compared, numbers)
    return found


def find_missing(array: Any) -> np.ndarray:
    """Find the missing cells of a described array under any rule; see `find_missing_by_rule`."""
    found = list(find_missing_by_rule(array).values())
    result = found[0] if found else np.zeros(np.shape(array.values), bool)
    for cells in found[1:]:
        result |= cells
    return result


def to_physical(array: Any) -> np.ndarray:
    """Return the values in physical units: raw packed numbers are scaled, others unchanged."""
    values, encoding = np.asarray(array.values), getattr(array, "encoding", {})
    if values.dtype.kind == "f" and is_unsigned(array.attrs):  # decoded as signed integers
        steps = _as_stored(values, array.attrs, encoding)
        scale, offset = (_read_factor(encoding, name) for name in PACKING)
        return (steps * scale + offset).astype(values.dtype)
    numbers = _as_stored(values, array.attrs, {})
    if not is_packed(array.attrs):
        return numbers
    scale, offset = (_read_factor(array.attrs, name) for name in PACKING)
    with np.errstate(over="ignore"):  # infinity is seen by who needs finite numbers
        return np.asarray(numbers * scale + offset)


def to_unsigned(array: Any) -> np.ndarray:
    """Return the values of a raw array as stored: as unsigned integers if the attributes say so."""
    return _as_stored(np.asarray(array.values), array.attrs, {})


def read_packing(array: Any) -> Packing | None:
    """Return how the array, raw or decoded, is packed in integers of 8 or 16 bits.

    Return None if it is not, or if the packing cannot be undone: scale 0, or not finite.
    """
    raw = is_packed(array.attrs)
    attributes = array.attrs if raw else getattr(array, "encoding", {})
    if not is_packed(attributes):
        return None
    given = np.asarray(array.values).dtype
    dtype = given if raw else np.dtype(attributes.get("dtype", np.float64))
    decodable = dtype.kind in "iu" and dtype.itemsize <= 2 and (raw or given.kind == "f")
    scale, offset = (_read_factor(attributes, name) for name in PACKING)
    if not decodable or scale == 0 or not math.isfinite(scale * 2**16 + offset):
        return None
    kind = dtype.kind
    for source in (attributes, array.attrs):
        kind = "u" if is_unsigned(source) else "i" if is_signed(source) else kind
    return Packing(np.dtype(f"{kind}{dtype.itemsize}"), scale, offset)


def to_stored(array: Any, absent: np.ndarray | None) -> np.ndarray | None:
    """Return the integers of the file for an array with a packing (see `read_packing`).

    Raw integers are returned as they are (unsigned if ``_Unsigned`` says so). Decoded floats are
    packed again, to the nearest integers, and only if these reproduce every value: decoded in the
    array's own float type they may differ from it by two units in the last place of the larger of
    the two numbers that are added. This covers the rounding of all decoders. It must be less than a
    quarter of the scale, so that no other integer could be meant.

    Missing cells, which `absent` marks, need not be packed values; they become 0 if `array` is
    decoded. Return None if another value is no packed one: the numbers have changed since they were
    read.
    """
    values, packing = np.asarray(array.values), read_packing(array)
    if packing is None:
        return None
    if values.dtype.kind != "f":
        return _as_stored(values, array.attrs, {})
    missing = False if absent is None else absent
    steps = np.where(missing, 0, _as_stored(values, array.attrs, array.encoding))
    limits = np.iinfo(packing.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond float16 does not decode
        scaled = steps.astype(values.dtype) * values.dtype.type(packing.scale)
        error = np.abs(scaled + values.dtype.type(packing.offset) - values)
        offset = values.dtype.type(abs(packing.offset))
        slack = 2 * np.spacing(np.maximum(np.abs(scaled), offset))
        close = (error <= slack) & (slack < abs(packing.scale) / 4)
    fits = close & (steps >= limits.min) & (steps <= limits.max)
    return steps.astype(packing.dtype) if np.all(fits | missing) else None


def _is_any(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    if not 1 <= len(numbers) <= FEW:
        return np.isin(values, numbers)
    found = np.asarray(values == numbers[0])
    for number in numbers[1:]:
        found |= values == number
    return found


def _is_below(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values < numbers[0])


def _is_above(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values > numbers[-1])


def _is_outside(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    if numbers[0] > numbers[-1]:  # some files have them the wrong way round
        numbers = numbers[::-1]
    return _is_below(values, numbers) | _is_above(values, numbers)


_TESTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "_FillValue": _is_any,
    "missing_value": _is_any,
    "valid_min": _is_below,
    "valid_max": _is_above,
    "valid_range": _is_outside,
}


def _is_in_physical_units(array: Any, name: str) -> bool:
    """Return True if a range is in physical units: a floating range of packed integers (NUG)."""
    encoding = getattr(array, "encoding", {})
    raw = is_packed(array.attrs)
    packed = raw or is_packed(encoding)
    in_file = np.asarray(array.values).dtype if raw else np.dtype(encoding.get("dtype", "f8"))
    return packed and in_file.kind in "iu" and np.asarray(array.attrs[name]).dtype.kind == "f"


def _read_factor(attributes: Mapping[Any, Any], name: str) -> float:
    neutral = 1.0 if name == "scale_factor" else 0.0
    return float(np.ravel(attributes.get(name, neutral))[0])


def _undo_rounding(
    values: np.ndarray, numbers: np.ndarray, dtype: np.dtype, encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Return floats that were unpacked and packed again, exact where they were one of `numbers`."""
    scale, offset = (_read_factor(encoding, name) for name in PACKING)
    for number in numbers[np.isfinite(numbers)]:
        slack = 4 * np.finfo(dtype).eps * max(abs(number), abs(offset / scale))
        values = np.where(np.abs(values - number) <= slack, number, values)
    return values


def _as_stored(
    values: np.ndarray, attributes: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Return the numbers in the units of the attributes, which are those of the file."""
    if is_unsigned(attributes) and values.dtype.kind == "i":
        return values.view(values.dtype.str.replace("i", "u"))
    if is_signed(attributes) and values.dtype.kind == "u":
        return values.view(values.dtype.str.replace("u", "i"))
    stored = np.dtype(encoding.get("dtype", np.float64))
    if any(name in encoding and name not in attributes for name in PACKING):
        scale, offset = (_read_factor(encoding, name) for name in PACKING)
        with np.errstate(invalid="ignore", over="ignore"):  # NaN stays NaN
            values = (values.astype(np.float64) - offset) / scale
            values = np.rint(values) if stored.kind in "iu" else values
    if is_unsigned(attributes) and stored.kind == "i":
        return wrap_unsigned(values, stored)
    return values
