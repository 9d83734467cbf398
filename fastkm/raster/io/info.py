"""What a file holds: variables, ranges, missing cells by rule, and numbers that look like codes.

A sentinel that no attribute declares is clustered as if it were data. One is suspected where the
least or the greatest value occurs several times and lies farther from all others than they
spread among themselves: -500 among 0 to 75.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastkm.raster.grid.axes import raster_variables
from fastkm.raster.io.read_geotiff import band_numbers, is_geotiff, read_geotiff, single_band
from fastkm.raster.io.read_netcdf import missing_cells, open_netcdf

if TYPE_CHECKING:
    import xarray as xr


MOST_CODES = 3
"""Codes that are looked for at each end."""


@dataclass(frozen=True)
class Description:
    """One raster variable of a file.

    Attributes
    ----------
    name, units, long_name : str
    sizes : dict of str to int
        Dimensions.
    dtype : str
        Type as stored.
    low, high : float
        Range of the cells that are not missing; NaN where all are.
    cells : int
        All cells, all time steps.
    missing : dict of str to int
        Cells by the rule that makes them missing; a cell may fall under several.
    valid : int
        Cells under no rule.
    hidden : dict of str to list of float
        For rules on the valid range, the distinct values that they catch, where few: readers
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
    valid: int
    hidden: dict[str, list[float]]
    suspicious: list[float]


def describe(path: str | os.PathLike[str]) -> list[Description]:
    """Describe the raster variables of a netCDF file, or the bands of a GeoTIFF.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImportError
        If it is a GeoTIFF and rasterio or rioxarray is not installed.
    """
    if is_geotiff(path):
        return [_describe_band(path, number) for number in band_numbers(path)]
    with open_netcdf(path, decode=False) as raw, open_netcdf(path) as decoded:
        return [_describe(raw[name], decoded[name].values) for name in raster_variables(raw)]


def suspicious_values(values: np.ndarray, *, at_least: int = 5) -> list[float]:
    """Find extreme values that look like codes for something missing.

    Examples
    --------
    >>> suspicious_values(np.array([-500.0] * 9 + [1, 2, 3, 4, 5]))
    [-500.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    numbers = distinct.astype(np.float64)
    # the most values at both ends that all occur often and leave a body they lie far from
    splits = [(low, high) for low in range(MOST_CODES + 1) for high in range(MOST_CODES + 1)]
    for low, high in sorted(splits, key=sum, reverse=True):
        body = slice(low, len(numbers) - high)
        codes = np.r_[numbers[:low], numbers[body.stop :]]
        if low + high == 0 or len(numbers) - low - high < 3:
            continue
        inner = numbers[body]
        apart = np.minimum(abs(codes - inner[0]), abs(codes - inner[-1])).min()
        often = min(np.r_[counts[:low], counts[body.stop :]]) >= at_least
        if often and apart > inner[-1] - inner[0]:
            return [float(code) for code in codes]
    return []


def _describe_band(path: str | os.PathLike[str], number: int) -> Description:
    """Describe a band; what its mask alone makes missing is found by comparing both readings."""
    raw = single_band(read_geotiff(path, [number], decode=False))
    decoded = read_geotiff(path, [number]).values[0]
    found = _describe(raw, decoded)
    gone = np.isnan(decoded) if decoded.dtype.kind == "f" else np.zeros(decoded.shape, bool)
    unruled = int(gone.sum()) - (found.cells - found.valid)
    if unruled > 0:
        valid = decoded[~gone]
        ends = (float(valid.min()), float(valid.max())) if valid.size else (np.nan, np.nan)
        return replace(
            found,
            missing={**found.missing, "mask": unruled},
            valid=int(valid.size),
            low=ends[0],
            high=ends[1],
            suspicious=suspicious_values(valid),
        )
    return found


def _describe(raw: xr.DataArray, decoded: np.ndarray) -> Description:
    rules = missing_cells(raw)
    gone = np.logical_or.reduce([np.zeros(raw.shape, bool), *rules.values()])
    valid = decoded[~gone]
    return Description(
        name=str(raw.name),
        units=str(raw.attrs.get("units", "")),
        long_name=str(raw.attrs.get("long_name", "")),
        sizes={str(dim): int(size) for dim, size in raw.sizes.items()},
        dtype=str(raw.dtype),
        low=float(valid.min()) if valid.size else np.nan,
        high=float(valid.max()) if valid.size else np.nan,
        cells=int(raw.size),
        missing={rule: int(cells.sum()) for rule, cells in rules.items() if cells.any()},
        valid=int(valid.size),
        hidden=_hidden(raw.values, rules),
        suspicious=suspicious_values(valid),
    )


def _hidden(values: np.ndarray, rules: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """List what only the valid range makes missing, where it is one or a few numbers."""
    declared = np.zeros(values.shape, bool)
    for rule in ("NaN", "_FillValue", "missing_value"):
        declared |= rules.get(rule, False)
    found = {}
    for rule, cells in rules.items():
        if rule.startswith("valid_"):
            caught = np.unique(values[cells & ~declared])
            if 0 < len(caught) <= 3:
                found[rule] = [float(value) for value in caught]
    return found
