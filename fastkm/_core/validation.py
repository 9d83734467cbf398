"""Conversion and validation of arguments, once, before anything is computed.

Kernels may then assume C-contiguous, aligned, native-endian floats. Arrays are passed on
read-only, even if they came writeable: Numba compiles a kernel once for each kind of argument,
and this way there is one kind.

A cell is missing if a masked array's mask or a `DataArray`'s attributes say so (see
`fastkm._core.cf_missing`). In a two-dimensional array of observations one missing cell makes the
whole row missing.
"""

from __future__ import annotations

import math
import os
import re
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import cf_missing

FEW = 1 << 10
"""Numbers up to which their scalar product, which is finite only if they are, is taken first: 0.7
instead of 1.7 microseconds."""


class Observations(NamedTuple):
    """Rows of numbers, checked, and what the original array was."""

    rows: np.ndarray  # (n, d) float32 or float64; the numbers of missing rows mean nothing
    valid: np.ndarray | None  # (n,) bool, True if the row is not missing; None if none is missing
    ndim: int  # dimensions of the original array, 1 or 2
    dtype: np.dtype  # type of the original array

    def select_valid(self) -> np.ndarray:
        """Return the rows that are not missing."""
        return self.rows if self.valid is None else freeze(self.rows[self.valid])


class Limit(NamedTuple):
    """A lower limit of length or area, and its unit."""

    value: float
    unit: str


def as_values_and_mask(array: Any, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return any array as a plain array of real numbers, and a mask or None if no cell is missing.

    Raise a TypeError if it does not hold numbers of at most 64 bits, a ValueError if they are
    complex.
    """
    values, mask = _split_mask(array)
    values = np.asarray(values)
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        wrong = ValueError if values.dtype.kind == "c" else TypeError  # as scipy raises
        raise wrong(f"{name} must hold real numbers of at most 64 bits, got {values.dtype}")
    return values, mask if mask is not None and mask.any() else None


def _split_mask(array: Any) -> tuple[Any, np.ndarray | None]:
    """Return the values of an array, unpacked, and which are missing by its mask or attributes."""
    if type(array) is np.ndarray:
        return array, None
    if isinstance(array, np.ma.MaskedArray):
        return array.data, np.ma.getmaskarray(array)
    if cf_missing.is_described_array(array):
        settled = cf_missing.settle(array)
        return cf_missing.to_physical(settled), cf_missing.find_missing(settled)
    return array, None


def check_observations(array: Any, name: str, *, dtype: np.dtype | None = None) -> Observations:
    """Check observations, (n,) or (n, d) with d above 0: the argument `name` of a public function.

    `dtype` is the type to compute in; by default `choose_working_dtype` of the array's type.
    """
    values, mask = as_values_and_mask(array, name)
    if values.ndim not in (1, 2) or values.shape[1:] == (0,):
        raise ValueError(f"{name} must have shape (n,) or (n, d), got {values.shape}")
    rows = values
    if values.ndim == 1 or values.size == 0:
        rows = values.reshape(-1, 1) if values.size else np.empty((0, values.shape[-1] or 1))
    valid = None if mask is None else find_complete_rows(mask)
    working = choose_working_dtype(values.dtype) if dtype is None else dtype
    return Observations(freeze(rows, working), valid, values.ndim, values.dtype)


def find_complete_rows(mask: np.ndarray) -> np.ndarray:
    """Return True for each row of a (n,) or (n, d) mask that has no missing cell."""
    return np.logical_not(np.any(mask.reshape(len(mask), -1), axis=1))


@lru_cache(maxsize=128)
def choose_working_dtype(*dtypes: np.dtype) -> np.dtype:
    """Choose the type to compute in: float32 for float32 and float16, float64 for all others."""
    common = np.result_type(*dtypes)
    return np.dtype(np.float32 if common.kind == "f" and common.itemsize <= 4 else np.float64)


def freeze(array: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """Return a read-only, C-contiguous, aligned, native-endian view, or a copy if necessary."""
    wanted = array.dtype.newbyteorder("=") if dtype is None else dtype
    flags = array.flags
    if not (array.dtype == wanted and flags.c_contiguous and flags.aligned):
        array = np.require(array, wanted, ["C_CONTIGUOUS", "ALIGNED"])
    view = array.view()
    view.setflags(write=False)
    return view


def refuse_path(name: str, given: Any) -> None:
    """Raise a TypeError if an argument is the path of a file instead of its numbers."""
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        raise TypeError(
            f"{name} must hold numbers, got {path!r}: read the file first: "
            f"fastkm.read_raster({path!r})"
        )


def require_finite(
    rows: np.ndarray, name: str, *, valid: np.ndarray | None = None, takes_masks: bool = True
) -> None:
    """Raise a ValueError that names the first valid row with NaN or an infinity, if there is one.

    `takes_masks` says whether such rows may be masked instead of left out.
    """
    if rows.dtype.kind != "f" or (rows.size <= FEW and math.isfinite(np.vdot(rows, rows))):
        return
    finite = np.isfinite(rows)
    if finite.all():
        return
    bad = ~finite.all(axis=1)
    if valid is not None:
        bad &= valid
    if bad.any():
        first = int(np.argmax(bad))
        count = np.count_nonzero(bad)
        remedy = "leave them out, or mask them" if takes_masks else "leave them out"
        raise ValueError(
            f"{name} must not hold infs or NaNs: row {first} is {np.squeeze(rows[first])!s} "
            f"({count} such {'row' if count == 1 else 'rows'}; {remedy})"
        )


def require_count(name: str, value: Any, *, or_else: str = "") -> None:
    """Raise ValueError unless a value is an integer of at least 1."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be {or_else}an integer of at least 1, got {value!r}")


def require_number(name: str, value: Any) -> None:
    """Raise ValueError unless a value is a number of at least 0."""
    if not isinstance(value, Real) or not float(value) >= 0:
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def require_choice(name: str, value: Any, choices: tuple[str, ...], *, or_else: str = "") -> None:
    """Raise ValueError unless a value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {listed}{or_else}, got {value!r}")


def parse_limit(
    name: str, limit: float | str, units: tuple[str, ...], *, plain: bool = True
) -> Limit:
    """Read a number of at least 0 and its unit.

    If it is `plain`, a number without a unit is one of the first of `units`; otherwise it must have
    one.

    Examples
    --------
    >>> parse_limit("min_diameter", "2000km", ("px", "km"))
    Limit(value=2000.0, unit='km')
    """
    number, unit = limit, units[0]
    if isinstance(limit, str):
        optional = "?" if plain else ""
        match = re.fullmatch(rf"\s*([-+.0-9eE]+)\s*({'|'.join(units)}){optional}\s*", limit)
        number, unit = (match[1], match[2] or unit) if match else ("", unit)
    elif not plain:
        number = ""
    try:
        value = float(number)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value < np.inf:
        examples = " or ".join(f"'200{unit}'" for unit in units)
        unit = "" if plain else " with a unit,"
        raise ValueError(
            f"{name} must be a number of at least 0{unit} such as {examples}, got {limit!r}"
        )
    return Limit(value, unit)


def check_unmasked(array: Any, name: str) -> Any:
    """Return an array, a `DataArray` unpacked; raise a ValueError if cells of it are missing."""
    values, missing = _split_mask(array)
    if missing is not None and missing.any():
        raise ValueError(
            f"{name} must not have missing cells, but {np.count_nonzero(missing)} are masked or missing "
            "by its attributes: leave their rows out, or fill them"
        )
    return values
