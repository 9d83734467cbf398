"""CF grid mappings: which variable describes a reference system, and what can be read of it.

A raster names its grid mapping in the attribute ``grid_mapping``: "crs" or, since CF 1.7, also
"crs: x y", with the coordinates that it is for, and several of these. The mapping's attributes hold
a well-known text (``crs_wkt``, ``spatial_ref``), the parameters of CF (``grid_mapping_name`` ...), or
both. Texts may be cut off and parameters missing: what can be read is used, and a note says
what is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.notes import note_once

TEXTS = ("crs_wkt", "spatial_ref")
"""Attributes with well-known text."""

_OTHER_TEXTS = ("proj4", "proj4text", "proj4_params", "proj4_string", "epsg_code")
"""Attributes with other texts, which no convention knows; they count if there is nothing else."""


def clean_mapping(attrs: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Return the attributes of a grid mapping without texts and parameters that cannot be read."""
    texts = [key for key in TEXTS if read_text(attrs, key)]
    unread = {key for key in texts if not is_readable(read_text(attrs, key))}
    kept = {str(key): value for key, value in attrs.items() if key not in unread}
    if read_system(attrs, name) is None:
        kept = {key: value for key, value in kept.items() if key == "GeoTransform"}
    return kept


def read_system(attrs: Mapping[Any, Any], name: str) -> str | None:
    """Return the reference system that attributes describe, as text; None if they do not.

    A note says what cannot be read; `name` is that of the grid mapping.
    """
    ignored: list[str] = []
    for key in TEXTS:
        text = read_text(attrs, key)
        if text and is_readable(text):
            _note(name, ignored, key)
            return text
        ignored += [key] * bool(text)
    if "grid_mapping_name" in attrs:
        parameters = tuple((str(k), _freeze(v)) for k, v in attrs.items() if k not in TEXTS)
        made = _read_parameters(parameters)
        if made is not None:
            _note(name, ignored, "grid_mapping_name")
            return made
        ignored.append("grid_mapping_name")
    for key in _OTHER_TEXTS:
        text = read_text(attrs, key)
        if text and is_readable(text):
            _note(name, ignored, key)
            return text
    _note(name, ignored, "")
    return None


def _note(name: str, ignored: list[str], used: str) -> None:
    """Warn of what is ignored of a grid mapping, and what is used instead."""
    if not ignored:
        return
    then = f"{used} is used instead" if used else "it is ignored"
    note_once(
        f"{' and '.join(ignored)} of grid mapping {name!r} cannot be read as a reference system: "
        f"{then}"
    )


@lru_cache(maxsize=64)
def is_readable(text: str) -> bool:
    """Return True if a text is a reference system of places, which PROJ can read."""
    from pyproj import CRS
    from pyproj.exceptions import ProjError

    try:
        system = CRS(text)
    except (ProjError, ValueError, TypeError):
        return False
    return bool(system.type_name != "Vertical CRS")


@lru_cache(maxsize=64)
def _read_parameters(parameters: tuple[tuple[str, Any], ...]) -> str | None:
    """Return the reference system of CF parameters; None if one is missing or wrong."""
    from pyproj import CRS
    from pyproj.exceptions import ProjError

    attrs = {key: list(value) if isinstance(value, tuple) else value for key, value in parameters}
    try:
        text = str(CRS.from_cf(attrs).to_wkt())
    except (ProjError, LookupError, ValueError, TypeError, AttributeError):
        return None
    return text if is_readable(text) else None


def _freeze(value: Any) -> Any:
    """Return a parameter as a number or tuple of numbers, also if it is stored as text."""
    if isinstance(value, str):
        try:
            numbers = tuple(float(word) for word in value.replace(",", " ").split())
        except ValueError:
            return value
    else:
        numbers = tuple(np.ravel(np.asarray(value, object)).tolist())
    return numbers[0] if len(numbers) == 1 else numbers or value
