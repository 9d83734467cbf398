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

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

PACKING = ("scale_factor", "add_offset")


def describes_itself(array: Any) -> bool:
    """Tell whether `array` carries values and attributes, as an `xarray.DataArray` does."""
    return all(hasattr(array, name) for name in ("values", "attrs", "dims", "dtype"))


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
