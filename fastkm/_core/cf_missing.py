"""What a raster's attributes say is missing, whichever library opened the file.

The rules are those of the CF conventions and the NetCDF Users' Guide: values equal to
``_FillValue`` or to any of ``missing_value``, outside ``valid_min``, ``valid_max`` or
``valid_range``, and NaN. They speak of the numbers as stored: packed data is compared in packed
units. An array may come raw (the attributes still describe its numbers) or decoded by xarray
(fill values are NaN already, the packing has moved to ``encoding``, but the valid range is
unapplied); both are handled, told apart by where the packing stands.

Only numpy is needed: an array is anything with ``values``, ``attrs`` and perhaps ``encoding``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

PACKING = ("scale_factor", "add_offset")


class Packing(NamedTuple):
    """How small integers stand for physical values: ``stored * scale + offset``."""

    dtype: np.dtype
    scale: float
    offset: float


def describes_itself(array: Any) -> bool:
    """Tell whether `array` carries values and attributes, as an `xarray.DataArray` does.

    Values are looked for on the type: to ask a lazy array itself would compute them.
    """
    described = all(hasattr(array, name) for name in ("attrs", "dims", "dtype"))
    return described and hasattr(type(array), "values")


def has_rules(array: Any) -> bool:
    """Tell whether the attributes say more than that NaN is missing and numbers are physical."""
    return any(name in array.attrs for name in (*_TESTS, *PACKING, "_Unsigned"))


def rules_of(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Choose the attributes, or parts of an encoding, that are looked at here."""
    names = (*_TESTS, *PACKING, "_Unsigned", "dtype")
    return {name: attributes[name] for name in names if name in attributes}


def missing_by_rule(array: Any) -> dict[str, np.ndarray]:
    """Find the missing cells of a described array, rule by rule.

    Parameters
    ----------
    array : xarray.DataArray
        Raw or decoded.

    Returns
    -------
    dict of str to bool array
        For each rule that the array has (``NaN`` for floats, then attribute names) the cells
        that it makes missing. A cell may fall under several.
    """
    values = np.asarray(array.values)
    found = {"NaN": np.isnan(values)} if values.dtype.kind == "f" else {}
    encoding = getattr(array, "encoding", {})
    stored = _as_stored(values, array.attrs, encoding)
    unsigned = _is_unsigned(array.attrs) or _is_unsigned(encoding)
    for name, test in _TESTS.items():
        numbers = _numbers(array.attrs, name, stored.dtype, unsigned=unsigned)
        if numbers is not None:
            unpacked = name.startswith("valid_") and _in_physical_units(array, name)
            found[name] = test(physical(array) if unpacked else stored, numbers)
    return found


def missing(array: Any) -> np.ndarray:
    """Find the missing cells of a described array under any rule; see `missing_by_rule`."""
    result = np.zeros(np.shape(array), bool)
    for cells in missing_by_rule(array).values():
        result |= cells
    return result


def physical(array: Any) -> np.ndarray:
    """Give the values in physical units: raw packed numbers are scaled, others are as they are."""
    stored = _as_stored(np.asarray(array.values), array.attrs, {})
    if not any(name in array.attrs for name in PACKING):
        return stored
    scale, offset = (_packing(array.attrs, name) for name in PACKING)
    return np.asarray(stored * scale + offset)


def packing(array: Any) -> Packing | None:
    """Tell how the array, raw or decoded, is packed in integers of 8 or 16 bits.

    Returns
    -------
    Packing or None
        None where it is not, or the packing cannot be undone: scale 0, or not finite.
    """
    raw = any(name in array.attrs for name in PACKING)
    attributes = array.attrs if raw else getattr(array, "encoding", {})
    if not any(name in attributes for name in PACKING):
        return None
    given = np.asarray(array.values).dtype
    dtype = given if raw else np.dtype(attributes.get("dtype", np.float64))
    decodable = dtype.kind in "iu" and dtype.itemsize <= 2 and (raw or given.kind == "f")
    scale, offset = (_packing(attributes, name) for name in PACKING)
    if not decodable or scale == 0 or not math.isfinite(scale * 2**16 + offset):
        return None
    unsigned = _is_unsigned(array.attrs) or _is_unsigned(attributes)
    return Packing(np.dtype(f"{'u' if unsigned else dtype.kind}{dtype.itemsize}"), scale, offset)


def stored(array: Any, missing: np.ndarray | None) -> np.ndarray | None:
    """Give the integers that stand in the file, of an array that has a `packing`.

    Raw integers are those (unsigned where ``_Unsigned`` says so). Of decoded floats they are
    the nearest ones, and only if they give every value back: decoded in the array's own float
    type they may differ from it by two units in the last place of the larger of the two numbers
    that are added, which is what the rounding of one decoder or another amounts to, and that
    must be less than a quarter of `scale`, so that no other integer is meant.

    Parameters
    ----------
    array : xarray.DataArray
        Raw or decoded.
    missing : bool array or None
        Its missing cells; they need not decode, and hold 0 where `array` is decoded.

    Returns
    -------
    array or None
        None where a value is not a packed one: the numbers have changed since they were read.
    """
    values, how = np.asarray(array.values), packing(array)
    if how is None:
        return None
    if values.dtype.kind != "f":
        return _as_stored(values, array.attrs, {})
    absent = False if missing is None else missing
    steps = np.where(absent, 0, _as_stored(values, array.attrs, array.encoding))
    limits = np.iinfo(how.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond float16 does not decode
        scaled = steps.astype(values.dtype) * values.dtype.type(how.scale)
        error = np.abs(scaled + values.dtype.type(how.offset) - values)
        slack = 2 * np.spacing(np.maximum(np.abs(scaled), values.dtype.type(abs(how.offset))))
        close = (error <= slack) & (slack < abs(how.scale) / 4)
    fits = close & (steps >= limits.min) & (steps <= limits.max)
    return steps.astype(how.dtype) if np.all(fits | absent) else None


def _equals(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.isin(values, numbers)


def _below(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values < numbers[0])


def _above(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(values > numbers[-1])


def _outside(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    numbers = np.sort(numbers)  # some files have them the wrong way round
    return _below(values, numbers) | _above(values, numbers)


_TESTS = {
    "_FillValue": _equals,
    "missing_value": _equals,
    "valid_min": _below,
    "valid_max": _above,
    "valid_range": _outside,
}


def _in_physical_units(array: Any, name: str) -> bool:
    """Tell whether a range is not in packed units: a floating range of packed integers (NUG)."""
    encoding = getattr(array, "encoding", {})
    raw = any(key in array.attrs for key in PACKING)
    packed = raw or any(key in encoding for key in PACKING)
    stored = np.asarray(array.values).dtype if raw else np.dtype(encoding.get("dtype", "f8"))
    return packed and stored.kind in "iu" and np.asarray(array.attrs[name]).dtype.kind == "f"


def _is_unsigned(attributes: Mapping[Any, Any]) -> bool:
    return str(attributes.get("_Unsigned", "false")).lower() == "true"


def _packing(attributes: Mapping[Any, Any], name: str) -> float:
    neutral = 1.0 if name == "scale_factor" else 0.0
    return float(np.ravel(attributes.get(name, neutral))[0])


def _as_stored(
    values: np.ndarray, attributes: Mapping[Any, Any], encoding: Mapping[Any, Any]
) -> np.ndarray:
    """Give the numbers in the units that the attributes are in, those of the file."""
    if _is_unsigned(attributes) and values.dtype.kind == "i":
        return values.view(values.dtype.str.replace("i", "u"))
    decoded = any(name in encoding and name not in attributes for name in PACKING)
    if not decoded:
        return values
    scale, offset = (_packing(encoding, name) for name in PACKING)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        packed = (values.astype(np.float64) - offset) / scale
        integral = np.dtype(encoding.get("dtype", np.float64)).kind in "iu"
        return np.rint(packed) if integral else packed


def _numbers(
    attributes: Mapping[Any, Any], name: str, dtype: np.dtype, *, unsigned: bool
) -> np.ndarray | None:
    """Read a numeric attribute in the precision of the data; None where there is none."""
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
