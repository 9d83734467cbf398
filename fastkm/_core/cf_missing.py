"""Missing cells, by the attributes of a raster, whichever library opened the file.

The rules are those of the CF conventions and the NetCDF Users' Guide. Missing are values equal to
``_FillValue`` or to any of ``missing_value``, values outside ``valid_min``, ``valid_max`` or
``valid_range``, and NaN. The rules apply to the numbers as stored: packed data is compared in
packed units. An array may be raw (the attributes still describe its numbers) or decoded by xarray
(fill values are NaN already, the packing has moved to ``encoding``, but the valid range has not
been applied). Both are handled; the place of the packing shows which one it is.

Only numpy is needed: an array is anything with ``values``, ``attrs`` and perhaps ``encoding``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

PACKING = ("scale_factor", "add_offset")


class Packing(NamedTuple):
    """How integers of 8 or 16 bits are unpacked: ``stored * scale + offset``."""

    dtype: np.dtype
    scale: float
    offset: float


def is_packed(attributes: Mapping[Any, Any]) -> bool:
    """Return True if attributes, or an encoding, have a scale or an offset."""
    return any(name in attributes for name in PACKING)


def is_described_array(array: Any) -> bool:
    """Return True if an array has values and attributes, as an `xarray.DataArray` has.

    The type is asked for values, because to ask a lazy array itself would compute them.
    """
    described = all(hasattr(array, name) for name in ("attrs", "dims", "dtype"))
    return described and hasattr(type(array), "values")


def has_rules(array: Any) -> bool:
    """Return True if values other than NaN may be missing, or numbers are not physical."""
    return any(name in array.attrs for name in (*_TESTS, *PACKING, "_Unsigned"))


def select_rules(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Select the attributes, or items of an encoding, that this module reads."""
    names = (*_TESTS, *PACKING, "_Unsigned", "dtype")
    return {name: attributes[name] for name in names if name in attributes}


def find_missing_by_rule(array: Any) -> dict[str, np.ndarray]:
    """Find the missing cells of a described array, raw or decoded, by each rule.

    The rules are ``NaN`` for floats, then the names of attributes; several may apply to a cell.
    """
    values = np.asarray(array.values)
    found = {"NaN": np.isnan(values)} if values.dtype.kind == "f" else {}
    encoding = getattr(array, "encoding", {})
    in_file = _as_stored(values, array.attrs, encoding)
    unsigned = _is_unsigned(array.attrs) or _is_unsigned(encoding)
    for name, test in _TESTS.items():
        numbers = _read_numbers(array.attrs, name, in_file.dtype, unsigned=unsigned)
        if numbers is not None:
            unpacked = name.startswith("valid_") and _is_in_physical_units(array, name)
            found[name] = test(to_physical(array) if unpacked else in_file, numbers)
    return found


def find_missing(array: Any) -> np.ndarray:
    """Find the missing cells of a described array under any rule; see `find_missing_by_rule`."""
    result = np.zeros(np.shape(array), bool)
    for cells in find_missing_by_rule(array).values():
        result |= cells
    return result


def to_physical(array: Any) -> np.ndarray:
    """Return the values in physical units: raw packed numbers are scaled, others unchanged."""
    numbers = _as_stored(np.asarray(array.values), array.attrs, {})
    if not is_packed(array.attrs):
        return numbers
    scale, offset = (_read_factor(array.attrs, name) for name in PACKING)
    return np.asarray(numbers * scale + offset)


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
    unsigned = _is_unsigned(array.attrs) or _is_unsigned(attributes)
    return Packing(np.dtype(f"{'u' if unsigned else dtype.kind}{dtype.itemsize}"), scale, offset)


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


def _is_below(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values < numbers[0])


def _is_above(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values > numbers[-1])


def _is_outside(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    numbers = np.sort(numbers)  # some files have them the wrong way round
    return _is_below(values, numbers) | _is_above(values, numbers)


_TESTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "_FillValue": np.isin,
    "missing_value": np.isin,
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


def _is_unsigned(attributes: Mapping[Any, Any]) -> bool:
    return str(attributes.get("_Unsigned", "false")).lower() == "true"


def _read_factor(attributes: Mapping[Any, Any], name: str) -> float:
    neutral = 1.0 if name == "scale_factor" else 0.0
    return float(np.ravel(attributes.get(name, neutral))[0])


def _as_stored(
    values: np.ndarray, attributes: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Return the numbers in the units of the attributes, which are those of the file."""
    if _is_unsigned(attributes) and values.dtype.kind == "i":
        return values.view(values.dtype.str.replace("i", "u"))
    decoded = any(name in encoding and name not in attributes for name in PACKING)
    if not decoded:
        return values
    scale, offset = (_read_factor(encoding, name) for name in PACKING)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        packed = (values.astype(np.float64) - offset) / scale
        integral = np.dtype(encoding.get("dtype", np.float64)).kind in "iu"
        return np.rint(packed) if integral else packed


def _read_numbers(
    attributes: Mapping[Any, Any], name: str, dtype: np.dtype, *, unsigned: bool
) -> np.ndarray | None:
    """Return a numeric attribute in the precision of the data; None if there is none."""
    if name not in attributes:
        return None
    numbers = np.ravel(np.asarray(attributes[name]))
    if numbers.dtype.kind not in "iuf" or len(numbers) == 0:
        warnings.warn(
            f"attribute {name} is not a number and is ignored: {attributes[name]!r}", stacklevel=4
        )
        return None
    if unsigned and numbers.dtype.kind == "i":
        numbers = numbers.view(numbers.dtype.str.replace("i", "u"))
    return numbers.astype(dtype) if dtype.kind == "f" else numbers
