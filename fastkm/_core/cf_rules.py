"""Which attributes say what the numbers of an array mean, and which of them still hold.

Rules are true of the numbers that a file holds. xarray keeps attributes through arithmetic, so that
``valid_min = 0`` survives into an anomaly, of which half is below 0. It drops the encoding, though:
an array with an encoding holds the numbers of its file, one without has been computed, and rules do
not apply to it. (A change in place, ``raster -= 1``, keeps the encoding and cannot be seen.)

Files have rules of the wrong type, or rules that cannot be meant. `clean_attributes` leaves what can
be applied, and warns of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastkm._core.attributes import read_factor, read_numbers, read_text
from fastkm._core.notes import warn_user

NEUTRAL = {"scale_factor": 1.0, "add_offset": 0.0}
"""The scale and the offset of numbers that are stored as they are."""

PACKING = tuple(NEUTRAL)
FILLS = ("_FillValue", "missing_value")
LIMITS = ("valid_min", "valid_max", "valid_range")
RULES = (*FILLS, *LIMITS, *PACKING, "_Unsigned")

_OF_FILES = {"source", "dtype", "original_shape", "rasterio_dtype", *PACKING}
"""Items of an encoding that come from reading; others are also set in order to write."""

Attributes = Mapping[Any, Any]


def is_packed(attributes: Attributes) -> bool:
    """Return True if attributes, or an encoding, have a scale or an offset."""
    return any(name in attributes for name in PACKING)


def is_unsigned(attributes: Attributes) -> bool:
    """Return True if attributes, or an encoding, say that integers are unsigned."""
    return read_text(attributes, "_Unsigned").lower() == "true"


def is_signed(attributes: Attributes) -> bool:
    """Return True if attributes, or an encoding, say that unsigned integers are signed."""
    return read_text(attributes, "_Unsigned").lower() == "false"


def split_attributes(
    attributes: Attributes, encoding: Attributes, dtype: np.dtype
) -> tuple[Attributes, dict[Any, Any]]:
    """Return the attributes that hold for an array, cleaned, and the rules that do not.

    The latter are empty unless the array has been computed since its file was read.
    """
    rules = {name: attributes[name] for name in RULES if name in attributes}
    if not rules:
        return attributes, {}
    if not _OF_FILES.isdisjoint(encoding):
        stored = np.dtype(encoding.get("dtype", dtype))
        return clean_attributes(attributes, stored, packed=is_packed(encoding)), {}
    kept = {name: value for name, value in attributes.items() if name not in rules}
    rules.pop("_Unsigned", None)
    return kept, clean_attributes(rules, np.dtype(np.float64))


def warn_of_stale_rules(rules: Attributes, count: int, *, among: str = "") -> None:
    """Warn of rules that are not applied to computed numbers, if that matters.

    `count` is the number of cells, `among` whatever they belong to, that they would have made
    missing.
    """
    packing = [n for n in PACKING if n in rules and rules[n] != NEUTRAL[n]]
    ignored = [name for name in (*FILLS, *LIMITS) if count and name in rules] + packing
    if not ignored:
        return
    listed = ", ".join(f"{name} = {read_text(rules, name)}" for name in ignored)
    text = f"attributes of computed data (which has no encoding) are not applied: {listed}"
    if count:
        cells = f"{f'{count:,} cells' if count > 1 else '1 cell'} {among}".strip()
        text += f"; {cells} that they would make missing are data now"
    warn_user(
        f"{text}: set what is missing to NaN, for example with .where(), or delete the attributes"
    )


def warn_of_overflow(count: int, name: Any, packing: Attributes) -> None:
    """Warn of cells that are missing because scale and offset make numbers of them that no float is."""
    if not count:
        return
    scale, offset = (packing.get(own, neutral) for own, neutral in NEUTRAL.items())
    warn_user(
        f"{count:,} cells of {name!r} are missing, because their scale_factor, {scale}, and "
        f"add_offset, {offset}, make numbers of them that are too large"
    )


def clean_attributes(
    attributes: Attributes, dtype: np.dtype, *, packed: bool = False, of: str = ""
) -> dict[Any, Any]:
    """Return attributes whose rules can be applied to numbers that are stored as `dtype`.

    Rules become numbers, fill values numbers of the type, and ``_Unsigned`` is "true" or "false";
    it is "true" too for integers of 8 and 16 bits whose valid range only unsigned ones can reach.
    `packed` says that numbers were packed, if the attributes do not. `of` says in warnings whose
    attributes they are.

    Warns
    -----
    UserWarning
        If a rule cannot be applied.

    Examples
    --------
    >>> clean_attributes({"valid_range": np.array([0, 255])}, np.dtype("i1"))["_Unsigned"]
    'true'
    """
    cleaned = dict(attributes)
    if dtype.kind not in "iuf":
        return cleaned
    for name in PACKING:
        factor = read_factor(cleaned, name, of)
        if factor is not None and dtype.kind in "iu" and dtype.itemsize >= 4:
            # xarray converts to the type of the factor before it compares with fill values
            factor = np.float64(factor)
        _replace(cleaned, name, factor)
    for name in LIMITS:
        _replace(cleaned, name, _read_limit(cleaned, name, of))
    in_physical_units = packed or is_packed(cleaned)
    _clean_unsigned(cleaned, dtype, of, in_physical_units)
    _drop_inverted_limits(cleaned, dtype, of)
    if is_signed(cleaned) and dtype.kind == "u":
        dtype = np.dtype(f"i{dtype.itemsize}")
    for name in FILLS:
        _replace(cleaned, name, fit_fills(read_numbers(cleaned, name, of), dtype))
    return cleaned


def wrap_unsigned(numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers of signed integers of a type as the unsigned ones of the same bits."""
    return np.where(numbers < 0, numbers + 2.0 ** (8 * dtype.itemsize), numbers)


def _replace(attributes: dict[Any, Any], name: str, numbers: Any) -> None:
    """Replace an attribute by numbers, a single one without dimensions; delete it if None."""
    if numbers is None:
        attributes.pop(name, None)
    elif np.size(numbers) == 1:
        attributes[name] = np.ravel(numbers)[0]
    else:
        attributes[name] = numbers


def _read_limit(attributes: Attributes, name: str, of: str) -> np.ndarray | None:
    """Return the number or numbers of a valid range; None if there are not as many as needed."""
    numbers = read_numbers(attributes, name, of)
    wanted = 2 if name == "valid_range" else 1
    if numbers is None or len(numbers) == wanted:
        return numbers
    warn_user(
        f"attribute {name}{of} must be {'two numbers' if wanted == 2 else 'one number'} and is "
        f"ignored: {attributes[name]}"
    )
    return None


def _clean_unsigned(attributes: dict[Any, Any], dtype: np.dtype, of: str, packed: bool) -> None:
    """Set ``_Unsigned`` to "true" or "false", or leave it out if nothing says either."""
    if dtype.kind == "f":
        attributes.pop("_Unsigned", None)
        return
    if "_Unsigned" in attributes:
        words = {"true": "true", "1": "true", "false": "false", "0": "false"}
        text = read_text(attributes, "_Unsigned").strip().lower()
        if text in words:
            attributes["_Unsigned"] = words[text]
            return
        given = attributes.pop("_Unsigned")
        warn_user(f"attribute _Unsigned{of} must be true or false and is ignored: {given}")
    if _has_unsigned_range(attributes, dtype, packed):
        attributes["_Unsigned"] = "true"
        if dtype.itemsize > 1:  # CF says so of bytes only
            warn_user(
                f"signed integers of 16 bits{of} are read as unsigned ones, because only these can "
                "reach the end of the valid range"
            )


def _has_unsigned_range(attributes: Attributes, dtype: np.dtype, packed: bool) -> bool:
    """Return True if the valid range of signed integers is one of unsigned integers (NUG, CF 2.2)."""
    if dtype.kind != "i" or dtype.itemsize > 2:
        return False
    low, high = _get_limits(attributes)
    if high is None or (low is not None and not low >= 0):
        return False
    if packed and np.asarray(high).dtype.kind == "f":  # in physical units
        return False
    half = 2 ** (8 * dtype.itemsize - 1)
    # netCDF3 has no unsigned byte, so that 0 and -1 stand for 0 and 255
    wraps = low is not None and dtype.itemsize == 1 and -half <= high < 0
    return bool(half <= high < 2 * half or wraps)


def _get_limits(attributes: Attributes) -> tuple[Any, Any]:
    """Return the least and the greatest valid number as they are stated; None for none."""
    if "valid_range" in attributes:
        low, high = attributes["valid_range"]
        return low, high
    return attributes.get("valid_min"), attributes.get("valid_max")


def _drop_inverted_limits(attributes: dict[Any, Any], dtype: np.dtype, of: str) -> None:
    """Drop a valid minimum above the valid maximum, between which no number lies."""
    if not {"valid_min", "valid_max"} <= set(attributes):
        return
    limits = np.array([attributes["valid_min"], attributes["valid_max"]])
    low, high = wrap_unsigned(limits, dtype) if is_unsigned(attributes) else limits
    if low > high:
        del attributes["valid_min"], attributes["valid_max"]
        warn_user(
            f"attributes valid_min and valid_max{of} are ignored, because the minimum, {low:g}, is "
            f"above the maximum, {high:g}"
        )


def fit_fills(numbers: np.ndarray | None, dtype: np.dtype) -> np.ndarray | None:
    """Return fill values in an integer type, by their bits; None if no integer can be one of them.

    The number 255 of a signed byte, and -1 of an unsigned one, are the same byte.
    """
    if numbers is None or dtype.kind == "f" or numbers.dtype == dtype:
        return numbers
    bits = 8 * dtype.itemsize
    finite = numbers[np.isfinite(numbers)].tolist()
    whole = [int(number) for number in finite if number == int(number)]
    fitting = [n % 2**bits for n in whole if -(2 ** (bits - 1)) <= n < 2**bits]
    if not fitting:
        return None
    return np.array(fitting, f"u{dtype.itemsize}").view(f"{dtype.kind}{dtype.itemsize}")
