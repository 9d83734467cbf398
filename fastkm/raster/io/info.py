"""Describe what a file holds: variables, ranges, missing cells by rule, suspicious values.

A sentinel that no attribute declares would be clustered as if it were data. A value is suspicious
if it is the least or the greatest, occurs several times, and lies farther from all other values
than the range of these is wide: -500 beside values from 0 to 75.
"""

from __future__ import annotations

import itertools
import os
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.attributes import read_text
from fastkm._core.cf_missing import find_missing_by_rule, to_unsigned
from fastkm._core.memory import require_memory
from fastkm._core.nodata import Nodata, as_nodata, find_nodata
from fastkm.raster.io.choose import list_raster_variables, open_variables
from fastkm.raster.io.read_geotiff import is_geotiff, list_bands, read_geotiff, take_single_band
from fastkm.raster.io.read_netcdf import add_default_fill

if TYPE_CHECKING:
    import xarray as xr

VALUE_COPIES = 4
"""Copies of the decoded values that a description holds at a time, with masks, at the least."""

MOST_SENTINELS = 3
"""Number of suspicious values that are looked for at each end."""


@dataclass(frozen=True)
class VariableInfo:
    """One raster variable of a file.

    Attributes
    ----------
    name, units, long_name : str
    sizes : dict of str to int
        Sizes of the dimensions.
    dtype : str
        Type as stored.
    low, high : float
        Range of the cells that are not missing; NaN if all are.
    cells : int
        Number of cells of all time steps.
    missing : dict of str to int
        Number of missing cells by rule; several rules may apply to a cell.
    valid : int or None
        Number of cells to which no rule applies; None if the values do not fit in memory, so that
        nothing is known of them.
    hidden : dict of str to list of float
        For rules on the valid range, the distinct values outside it, if there are few: readers
        that ignore valid ranges take these for data.
    suspicious : list of float
        Values that look like undeclared sentinels.
    """

    name: str
    units: str
    long_name: str
    sizes: dict[str, int]
    dtype: str
    low: float
    high: float
    cells: int
    missing: dict[str, int]
    valid: int | None
    hidden: dict[str, list[float]]
    suspicious: list[float]


def describe_variables(
    path: str | os.PathLike[str], *, nodata: Nodata = None
) -> list[VariableInfo]:
    """Describe the raster variables of a netCDF file or a Zarr store, or the bands of a GeoTIFF.

    Variables in groups have their paths as names. `nodata` are further missing values, as for
    `fastkm.read_raster`; they count as a rule of this name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImportError
        If the file is a GeoTIFF and rasterio or rioxarray is not installed.
    """
    absent = as_nodata(nodata)
    if is_geotiff(path):
        return [_describe_band(path, number, absent) for number in list_bands(path)]
    names = list_raster_variables(path)
    with (
        open_variables(path, names, decode=False) as raw,
        open_variables(path, names, decode=True) as decoded,
    ):
        pairs = zip(raw, decoded, strict=True)
        return [
            _describe_stored(add_default_fill(stored), known, absent)
            for (stored, _), (known, _) in pairs
        ]


def find_suspicious_values(values: np.ndarray, *, at_least: int = 5) -> list[float]:
    """Find extreme values that look like undeclared sentinels.

    Examples
    --------
    >>> find_suspicious_values(np.array([-500.0] * 9 + [1, 2, 3, 4, 5]))
    [-500.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    numbers = distinct.astype(np.float64)
    # find the most values at both ends that all occur often and lie far from the others
    splits = itertools.product(range(MOST_SENTINELS + 1), repeat=2)
    for low, high in sorted(splits, key=sum, reverse=True):
        body = slice(low, len(numbers) - high)
        sentinels = np.r_[numbers[:low], numbers[body.stop :]]
        if low + high == 0 or len(numbers) - low - high < 3:
            continue
        inner = numbers[body]
        apart = np.minimum(abs(sentinels - inner[0]), abs(sentinels - inner[-1])).min()
        often = min(np.r_[counts[:low], counts[body.stop :]]) >= at_least
        if often and apart > inner[-1] - inner[0]:
            return [float(sentinel) for sentinel in sentinels]
    return []


def _describe_band(
    path: str | os.PathLike[str], number: int, nodata: tuple[float, ...]
) -> VariableInfo:
    """Describe a band; cells missing by its mask alone are found by comparing both readings."""
    raw = take_single_band(read_geotiff(path, [number], decode=False))
    decoded = read_geotiff(path, [number], nodata=nodata).values[0]
    found = _describe_variable(raw, decoded, nodata)
    missing = np.isnan(decoded) if decoded.dtype.kind == "f" else np.zeros(decoded.shape, bool)
    unruled = int(missing.sum()) - (found.cells - (found.valid or 0))
    if unruled > 0:
        summary = _summarise(decoded[~missing])
        return replace(found, missing={**found.missing, "mask": unruled}, **summary)
    return found


def _describe_stored(
    raw: xr.DataArray, decoded: xr.DataArray, nodata: tuple[float, ...]
) -> VariableInfo:
    """Describe a variable; only by its metadata if its values do not fit in memory."""
    try:
        require_memory(
            raw.size * (raw.dtype.itemsize + VALUE_COPIES * decoded.dtype.itemsize),
            f"{raw.name!r} of {' x '.join(map(str, raw.shape))} cells",
            "its values are not looked at",
        )
    except MemoryError as error:
        warnings.warn(str(error), stacklevel=3)
        unread = raw.isel({dim: slice(0) for dim in raw.dims})
        found = _describe_variable(unread, unread.values, nodata)
        sizes = {str(dim): int(size) for dim, size in raw.sizes.items()}
        return replace(found, sizes=sizes, cells=int(raw.size), valid=None)
    with np.errstate(over="ignore"):  # infinite values are seen
        return _describe_variable(raw.load(), decoded.values, nodata)


def _describe_variable(
    raw: xr.DataArray, decoded: np.ndarray, nodata: tuple[float, ...]
) -> VariableInfo:
    rules = find_missing_by_rule(raw)
    if nodata:
        rules["nodata"] = find_nodata(raw, nodata)
    if decoded.dtype.kind == "f" and raw.dtype.kind in "iu":
        rules["overflow"] = np.isinf(decoded)
    missing = np.logical_or.reduce([np.zeros(raw.shape, bool), *rules.values()])
    return VariableInfo(
        name=str(raw.name),
        units=read_text(raw.attrs, "units"),
        long_name=read_text(raw.attrs, "long_name"),
        sizes={str(dim): int(size) for dim, size in raw.sizes.items()},
        dtype=str(raw.dtype),
        cells=int(raw.size),
        missing={rule: int(cells.sum()) for rule, cells in rules.items() if cells.any()},
        hidden=_find_hidden_values(to_unsigned(raw), rules),
        **_summarise(decoded[~missing]),
    )


def _summarise(valid: np.ndarray) -> dict[str, Any]:
    """Return the fields of a description that follow from the valid values."""
    return {
        "valid": int(valid.size),
        "low": float(valid.min()) if valid.size else np.nan,
        "high": float(valid.max()) if valid.size else np.nan,
        "suspicious": find_suspicious_values(valid),
    }


def _find_hidden_values(values: np.ndarray, rules: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """List the values that only the valid range makes missing, if there are at most three."""
    declared = np.zeros(values.shape, bool)
    for rule in ("NaN", "_FillValue", "missing_value", "nodata"):
        declared |= rules.get(rule, False)
    found = {}
    for rule, cells in rules.items():
        if rule.startswith("valid_"):
            caught = np.unique(values[cells & ~declared])
            if 0 < len(caught) <= 3:
                found[rule] = [float(value) for value in caught]
    return found
