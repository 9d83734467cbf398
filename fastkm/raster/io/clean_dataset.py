"""Put the attributes of a file right before anything reads them: text is text, numbers are numbers.

Then let xarray decode the numbers: missing cells, scales and offsets. It is told to decode no times,
but until 2025.1 it looks at units all the same, and turns missing whole numbers of days into -2^63.
So it does not see the units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastkm._core.attributes import read_text
from fastkm._core.cf_rules import clean_attributes

if TYPE_CHECKING:
    import xarray as xr

TEXTS = (
    "units", "long_name", "standard_name", "axis", "positive", "calendar", "coordinates", "bounds",
    "climatology", "grid_mapping", "ancillary_variables", "cell_measures", "cell_methods",
)  # fmt: skip
"""Attributes that the CF conventions define as text."""

NAMES = ("coordinates", "bounds", "climatology", "grid_mapping", "ancillary_variables")
"""Those of them that name variables: names in a list are put in one text."""


def _has_words(value: object) -> bool:
    """Return True for texts, such as the names of several bands."""
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def clean_dataset(dataset: xr.Dataset) -> xr.Dataset:
    """Clean the attributes of all variables of a dataset, opened without decoding, in place.

    Warns
    -----
    UserWarning
        If a rule of missing cells, a scale or an offset is a text, or cannot be applied.
    """
    for name, variable in dataset.variables.items():
        cleaned = clean_attributes(variable.attrs, variable.dtype, of=f" of {name!r}")
        texts = {
            text: read_text(cleaned, text)
            for text in TEXTS
            if text in cleaned and not _has_words(cleaned[text])
        }
        names = {
            text: " ".join(cleaned[text])
            for text in NAMES
            if text in cleaned and _has_words(cleaned[text])
        }
        variable.attrs = {**cleaned, **texts, **names}
    return dataset


def decode_numbers(name: str, variable: xr.Variable) -> xr.Variable:
    """Decode the missing cells, scale and offset of a variable, but no times, whatever its units."""
    from xarray.conventions import decode_cf_variable

    hidden = variable.copy(deep=False)
    hidden.attrs = _drop_units(variable.attrs)
    decoded = decode_cf_variable(name, hidden, decode_times=False, decode_timedelta=False)
    decoded.attrs = _put_units_back(decoded.attrs, variable.attrs)
    return decoded


def decode_dataset(dataset: xr.Dataset, *, mask_and_scale: bool) -> xr.Dataset:
    """Decode a dataset, opened without decoding, as `decode_numbers` does its variables."""
    import xarray as xr

    hidden = dataset.copy()
    for variable in hidden.variables.values():
        variable.attrs = _drop_units(variable.attrs)
    decoded = xr.decode_cf(
        hidden, mask_and_scale=mask_and_scale, decode_times=False, decode_timedelta=False
    )
    for name, variable in decoded.variables.items():
        variable.attrs = _put_units_back(variable.attrs, dataset.variables[name].attrs)
    return decoded


def _drop_units(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in attrs.items() if name != "units"}


def _put_units_back(attrs: Mapping[Any, Any], stored: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return decoded attributes with the stored units, in their place."""
    return {name: attrs.get(name, stored[name]) for name in stored if name in {*attrs, "units"}}
