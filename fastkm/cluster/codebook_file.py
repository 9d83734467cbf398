"""Codebooks as JSON files that a person can read: what both kinds of codebook share.

A float is written with enough digits to read the same float back; one that JSON has no number for
is a string ("inf"). Nothing in a file depends on when or where it was written, so the same result
gives the same bytes. A file begins with its format and version; its numbers are checked one by one
when it is read.
"""

from __future__ import annotations

import json
import os
import re
import reprlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from fastkm._core.atomic_write import write_text

VERSION = 1

MAX_BYTES = 1 << 30
"""A larger file is no codebook: that of a million clusters has 0.1 GB."""

FORMAT_BYTES = 200
"""The beginning of a file, which names its format; a file that cannot be parsed is known by it."""


def write_codebook(path: str | os.PathLike[str], text: str) -> None:
    """Write the text of a codebook, whole or not at all."""
    write_text(path, text)


def read_stored(path: str | os.PathLike[str], formats: Collection[str]) -> dict[str, Any]:
    """Read what the file of a codebook holds; the caller rebuilds the codebook.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a codebook of one of these formats, is one of another version, or is damaged.
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder, not a codebook")
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file")
    if not file.is_file() or file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file} is not a codebook of fastkm")
    stored, fault, text = None, "", file.read_bytes()
    try:
        stored = json.loads(text, object_pairs_hook=_as_dict)
    except ValueError as error:
        fault = str(error)
    except RecursionError:
        fault = "it is nested too deeply"
    if fault and any(json.dumps(name).encode() in text[:FORMAT_BYTES] for name in formats):
        raise ValueError(f"{file} is damaged: {fault}")
    if not isinstance(stored, dict) or stored.get("format") not in list(formats):
        raise ValueError(f"{file} is not a codebook of fastkm")
    version = stored.get("version")
    if type(version) is not int or version != VERSION:
        raise ValueError(
            f"{file} is a codebook of version {reprlib.repr(version)}; this fastkm reads version "
            f"{VERSION}"
        )
    return stored


def _as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    stored = dict(pairs)
    if len(stored) < len(pairs):
        raise ValueError("an entry stands in it twice")
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
        got = reprlib.repr(value)
        raise ValueError(f"{name} must be an integer of at least {least}, got {got}")
    return value


def read_words(stored: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return an entry; raise a KeyError or ValueError unless it is a list of Unicode texts."""
    value = stored[name]
    if not (isinstance(value, list) and all(map(_is_word, value))):
        raise ValueError(f"{name} must be a list of words, got {reprlib.repr(value)}")
    return tuple(value)


def _is_word(value: Any) -> bool:
    # JSON can hold halves of a letter, which no file can
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def read_array(
    stored: dict[str, Any],
    name: str,
    shape: tuple[int, ...],
    dtype: Any = np.float64,
    *,
    least: float | None = None,
) -> np.ndarray:
    """Return an entry; raise a KeyError or ValueError unless it holds numbers of one shape and type.

    No number is rounded to an integer, a truth value is no number, and null is not NaN. None may be
    below `least`.
    """
    value, dtype = stored[name], np.dtype(dtype)
    try:
        array = np.array(value, dtype)
        if not all(map(_is_number, np.array(value, object).flat)):
            array = np.array(np.nan)
    except (ValueError, TypeError, OverflowError):
        array = np.array(np.nan)
    if np.isnan(array).any() or (dtype.kind in "iu" and array.tolist() != value):
        raise ValueError(f"{name} must hold numbers of type {dtype.name}")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {reprlib.repr(shape)}, got {array.shape}")
    if least is not None and not (array >= least).all():
        raise ValueError(f"{name} must hold numbers of at least {least:g}")
    return array


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} or value == "inf"
