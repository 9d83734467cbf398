"""Put the attributes of a file right before anything reads them: text is text, numbers are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
