"""Coercion and validation at the border: what comes in is checked here, once.

Kernels may then assume C-contiguous, aligned, native-endian floats. Arrays are handed on
read-only, whether or not they came so: Numba compiles a kernel once for each kind of argument,
and this way there is one kind.

Cells are missing where a masked array's mask says so, or a `DataArray`'s attributes (see
`fastkm._core.cf_missing`). In a two-dimensional array of observations one missing cell makes the whole
row missing.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from fastkm._core import cf_missing


class Observations(NamedTuple):
    """Rows of numbers, checked.

    Attributes
    ----------
    rows : (n, d) float32 or float64 array
        All rows, missing ones included (their numbers mean nothing).
    valid : (n,) bool array or None
        Rows that are not missing; None where none is.
    ndim : int
        Dimensions of the array as it came, 1 or 2.
    dtype : numpy.dtype
        Its type as it came.
    """

    rows: np.ndarray
    valid: np.ndarray | None
    ndim: int
    dtype: np.dtype

    def present(self) -> np.ndarray:
        """Give the rows that are not missing."""
        return self.rows if self.valid is None else frozen(self.rows[self.valid])


def plain(array: Any, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Split any array into a plain array of real numbers and a mask of its missing cells.

    Raises
    ------
    TypeError, ValueError
        If the array does not hold numbers of at most 64 bits, or holds complex ones.
    """
    mask = None
    if isinstance(array, np.ma.MaskedArray):
        values, mask = np.asarray(array.data), np.ma.getmaskarray(array)
    elif cf_missing.describes_itself(array):
        values, mask = cf_missing.physical(array), cf_missing.missing(array)
    else:
        values = np.asarray(array)
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        wrong = ValueError if values.dtype.kind == "c" else TypeError  # as scipy raises
        raise wrong(f"{name} must hold real numbers of at most 64 bits, got {values.dtype}")
    return values, mask if mask is not None and mask.any() else None


def observations(array: Any, name: str, *, dtype: np.dtype | None = None) -> Observations:
    """Check a one- or two-dimensional array of observations.

    Parameters
    ----------
    array : array-like
        Shape (n,) or (n, d).
    name : str
        What to call it in errors.
    dtype : numpy.dtype, optional
        The type to compute in; by default `working_dtype` of the array's own.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it has no or more than two dimensions, or rows of no features.
    """
    values, mask = plain(array, name)
    if values.ndim not in (1, 2) or values.shape[1:] == (0,):
        raise ValueError(f"{name} must have shape (n,) or (n, d), got {values.shape}")
    rows = values.reshape(len(values), -1) if values.size else np.empty((0, values.shape[-1] or 1))
    valid = None if mask is None else complete_rows(mask)
    working = working_dtype(values.dtype) if dtype is None else dtype
    return Observations(frozen(rows, working), valid, values.ndim, values.dtype)


def complete_rows(mask: np.ndarray) -> np.ndarray:
    """Tell which rows of a (n,) or (n, d) mask have no missing cell."""
    return np.logical_not(np.any(mask.reshape(len(mask), -1), axis=1))


def working_dtype(*dtypes: np.dtype) -> np.dtype:
    """Choose the type to compute in: float32 for float32 and float16, float64 for all else.

    Examples
    --------
    >>> working_dtype(np.dtype("f4"), np.dtype("f2"))
    dtype('float32')
    >>> working_dtype(np.dtype("i2"))
    dtype('float64')
    """
    common = np.result_type(*dtypes)
    return np.dtype(np.float32 if common.kind == "f" and common.itemsize <= 4 else np.float64)


def frozen(array: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """Give a read-only, C-contiguous, aligned, native-endian view, or a copy where it must."""
    wanted = array.dtype.newbyteorder("=") if dtype is None else dtype
    view = np.require(array, wanted, ["C_CONTIGUOUS", "ALIGNED"]).view()
    view.flags.writeable = False
    return view


def require_finite(rows: np.ndarray, name: str, *, valid: np.ndarray | None = None) -> None:
    """Raise if a valid row of `rows` holds NaN or an infinity.

    Raises
    ------
    ValueError
        With the first such row.
    """
    finite = np.isfinite(rows)
    if finite.all():
        return
    bad = ~finite.all(axis=1)
    if valid is not None:
        bad &= valid
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"{name} must not hold infs or NaNs: row {first} is {np.squeeze(rows[first])!s} "
            f"({np.count_nonzero(bad)} such rows; leave them out, or mask them where masks are taken)"
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
    """Raise ValueError unless a value is one of some words."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {listed}{or_else}, got {value!r}")


def unmasked(array: Any, name: str) -> Any:
    """Unpack a `DataArray`; raise where cells are missing by a mask or by attributes.

    Raises
    ------
    ValueError
        With the number of such cells.
    """
    if isinstance(array, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(array)
    elif cf_missing.describes_itself(array):
        array, missing = cf_missing.physical(array), cf_missing.missing(array)
    else:
        return array
    if missing.any():
        raise ValueError(
            f"{name} must not have missing cells, but {np.count_nonzero(missing)} are masked or missing "
            "by its attributes: leave their rows out, or fill them"
        )
    return array
