"""Attributes of a file, read as text or as numbers, whatever type they are stored as.

A file may hold ``units = 1``, ``scale_factor = "0.1"`` or two numbers where one is meant. What can be
read is read; the rest is left out, and a warning says so.

Which reference system a raster names is read here too, because label maps of all kinds keep it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastkm._core.notes import warn_user

SPATIAL_REF = "spatial_ref"
"""The name of the coordinate with the reference system if no attribute names one."""


def read_text(attributes: Mapping[Any, Any], name: str, default: str = "") -> str:
    """Return an attribute as text; several values are joined by commas.

    Examples
    --------
    >>> read_text({"units": np.int16(1)}, "units"), read_text({"units": ["m", "s"]}, "units")
    ('1', 'm, s')
    """
    value = attributes.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return str(value)
    return ", ".join(map(_format_value, np.ravel(np.asarray(value, object))))


def read_numbers(attributes: Mapping[Any, Any], name: str, of: str = "") -> np.ndarray | None:
    """Return the numbers of an attribute in one dimension; None if there are none.

    `of` says in warnings whose attribute it is.

    Warns
    -----
    UserWarning
        If the numbers stand in a text, or there is something else.

    Examples
    --------
    >>> read_numbers({"valid_range": np.array([0, 75])}, "valid_range")
    array([ 0, 75])
    """
    if name not in attributes:
        return None
    given = attributes[name]
    numbers = np.ravel(np.asarray(given))
    if numbers.dtype.kind in "iuf" and len(numbers):
        return numbers
    parsed = _parse_numbers(read_text(attributes, name))
    shown = f"attribute {name}{of} is not a number"
    if parsed is None or numbers.dtype.kind not in "USO":
        warn_user(f"{shown} and is ignored: {_show(given)}")
        return None
    listed = ", ".join(map(str, parsed.tolist()))
    warn_user(f"{shown} but a text and is read as {listed}: {_show(given)}")
    return parsed


def read_factor(attributes: Mapping[Any, Any], name: str, of: str = "") -> np.generic | None:
    """Return a ``scale_factor`` or an ``add_offset``; None if there is none that can be applied.

    It is a float, because xarray would cut off the decimals of what it multiplies by an integer.

    Warns
    -----
    UserWarning
        If it is a text, several numbers, not finite, or a scale of 0.
    """
    numbers = read_numbers(attributes, name, of)
    if numbers is None:
        return None
    usable = np.isfinite(numbers[0]) and (name != "scale_factor" or numbers[0] != 0)
    if usable and (numbers == numbers[0]).all():
        return numbers[0] if numbers.dtype.kind == "f" else np.float64(numbers[0])
    what = "one finite number" if name != "scale_factor" else "one finite number other than 0"
    warn_user(f"attribute {name}{of} must be {what} and is ignored: {_show(attributes[name])}")
    return None


def get_mapping_name(array: Any) -> str | None:
    """Return the name of the grid mapping of a variable's dimensions; None if it names none.

    Examples
    --------
    >>> import xarray as xr
    >>> named = {"grid_mapping": "british: x y wgs84: lat lon"}
    >>> get_mapping_name(xr.DataArray([[0.0]], dims=("y", "x"), attrs=named))
    'british'
    """
    attrs = array.encoding if "grid_mapping" in array.encoding else array.attrs
    words = read_text(attrs, "grid_mapping").replace(":", ": ").split()
    if not any(word.endswith(":") for word in words):
        return _drop_path(words[0]) if words else None
    # each mapping with the coordinates it is for
    coordinates: dict[str, set[str]] = {}
    for word in words:
        if word.endswith(":"):
            name = _drop_path(word[:-1])
            coordinates[name] = set()
        elif coordinates:
            coordinates[name].add(_drop_path(word))
    known = set(map(str, array.dims)), set(map(str, array.coords))
    return max(
        coordinates,
        key=lambda name: [len(coordinates[name] & names) for names in known],
        default=None,
    )


def find_grid_mapping(array: Any) -> str | None:
    """Return the name of the coordinate that holds the reference system; None if there is none."""
    named = get_mapping_name(array)
    return next((name for name in (named, SPATIAL_REF) if name in array.coords), None)


def carry_crs(source: Any, made: Any) -> Any:
    """Let an array that was made of a raster name the same reference system, if it has it."""
    name = find_grid_mapping(source)
    if name is not None and name in made.coords:
        made.encoding = {**made.encoding, "grid_mapping": name}
    return made


def _drop_path(name: str) -> str:
    """Return the name of a variable in a group without the names of the groups."""
    return name.rpartition("/")[2]


def _parse_numbers(text: str) -> np.ndarray | None:
    """Return the numbers that a text holds and nothing else, as integers if all are."""
    words = [word for word in re.split(r"[\s,;]+", text.strip("[]() \t\n\0")) if word]
    for kind in (int, float):
        try:
            return np.array([kind(word) for word in words], kind) if words else None
        except (ValueError, OverflowError):
            pass
    return None


def _show(given: Any) -> str:
    """Return an attribute as a warning quotes it."""
    return repr(given) if isinstance(given, str | bytes) else str(given)


def _format_value(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
