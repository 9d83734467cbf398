"""Codebooks as JSON files that a person can read: what both kinds of codebook share.

A float is written with enough digits to read the same float back; one that JSON has no number for
is a string ("inf"). Nothing in a file depends on when or where it was written, so the same result
gives the same bytes. A file begins with its format and version; its numbers are checked one by one
when it is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from fastkm._core.atomic_write import atomic_write

VERSION = 1


def write_codebook(path: str | os.PathLike[str], text: str) -> None:
    """Write the text of a codebook, whole or not at all."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def read_stored(path: str | os.PathLike[str], formats: Collection[str]) -> dict[str, Any]:
    """Read what the file of a codebook holds; the caller rebuilds the codebook.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a codebook of one of these formats, or is one of another version.
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder, not a codebook")
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file")
    try:
        stored = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("format") not in list(formats):
        raise ValueError(f"{file} is not a codebook of fastkm")
    if stored.get("version") != VERSION:
        raise ValueError(
            f"{file} is a codebook of version {stored.get('version')!r}; this fastkm reads "
            f"version {VERSION}"
        )
    return stored


def to_json_number(value: Any) -> Any:
    """Return what strict JSON can hold: inf and NaN as strings, lists element by element."""
    if isinstance(value, list):
        return [to_json_number(element) for element in value]
    return value if np.isfinite(value) else str(value)


def read_integer(stored: dict[str, Any], name: str, *, least: int) -> int:
    """Return an entry; raise a KeyError or ValueError unless it is an integer of at least `least`."""
    value = stored[name]
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return value


def read_array(
    stored: dict[str, Any], name: str, shape: tuple[int, ...], dtype: Any = np.float64
) -> np.ndarray:
    """Return an entry; raise a KeyError or ValueError unless it holds numbers of one shape and type.

    No number is rounded to an integer, and null is not NaN.
    """
    value, dtype = stored[name], np.dtype(dtype)
    try:
        array = np.array(value, dtype)
    except (ValueError, TypeError, OverflowError):
        array = np.array(np.nan)
    if np.isnan(array).any() or (dtype.kind in "iu" and array.tolist() != value):
        raise ValueError(f"{name} must hold numbers of type {dtype.name}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array
