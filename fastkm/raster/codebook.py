"""Codebooks of several bands: what labels another raster, kept in a file that a person can read.

The file is JSON like that of one band (`fastkm.load_codebook`), with a format of its own: names
and units of the bands, the centroids in these units and, where bands were standardised, the
deviations, and the centroids divided by them as they were found. Floats are written with the
digits that give the same float back, so labels are the same, bit for bit.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.cluster.exact.predict import label_dtype
from fastkm.cluster.lloyd.fit import nearest_rows
from fastkm.raster.bands import Stack, gathered, stack_of
from fastkm.raster.grid.crs import carry_crs
from fastkm.raster.labels import describe_labels

if TYPE_CHECKING:
    import xarray as xr

FORMAT = "fastkm codebook of bands"
VERSION = 1

_DATE_OR_NUMBER = re.compile(r"\d{4}-\d{2}-\d{2}.*|.* [-+.\de]+")


@dataclass(frozen=True, eq=False)
class StackCodebook:
    """Centroids of several bands, and how cells are measured against them.

    Attributes
    ----------
    names, units : tuple of str
        One a band.
    codes : (k, d) float64 array
        Centroids in the space that was clustered.
    scale : (d,) float64 array or None
        What each band was divided by.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    codes: np.ndarray
    scale: np.ndarray | None = None

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.codes)

    @property
    def centroids(self) -> np.ndarray:
        """The centroids in the units of the bands, shape (k, d)."""
        return self.codes if self.scale is None else self.codes * self.scale

    def __repr__(self) -> str:
        bands = ", ".join(self.names)
        return f"StackCodebook: {self.k} clusters of {len(self.names)} bands ({bands})"

    def predict(self, raster: xr.DataArray | xr.Dataset, *, threads: int | None = None) -> Any:
        """Label the cells of another raster of these bands.

        Parameters
        ----------
        raster : xarray.DataArray or xarray.Dataset
            The variables of a dataset are taken by name, the bands of an array in their order.
        threads : int, optional
            Threads to use.

        Returns
        -------
        xarray.DataArray
            Labels as of `fastkm.cluster_raster`, -1 where a band is missing.

        Raises
        ------
        ValueError
            If the bands are not those of the codebook, or hold infinities.
        """
        stack = self._matched(raster)
        rows, valid = found = gathered(stack, self.scale)
        del valid
        labels = nearest_rows(rows, self.codes, threads=threads).labels
        return self.dressed(found.spread(labels, label_dtype(self.k), stack.grid), stack.grid)

    def dressed(self, labels: np.ndarray, grid: xr.DataArray) -> xr.DataArray:
        """Make labels on a grid a label map."""
        made = grid.copy(data=labels)
        made.encoding = {}
        what = ", ".join(self.names)
        return carry_crs(grid, describe_labels(made, what, self.names, self.units, self.centroids))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        stored: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "k": self.k,
            "bands": list(self.names),
            "units": list(self.units),
            "centroids": self.centroids.tolist(),
        }
        if self.scale is not None:
            stored |= {"scale": self.scale.tolist(), "scaled_centroids": self.codes.tolist()}
        with atomic_write(path) as draft:
            draft.write_text(json.dumps(stored, indent=1) + "\n")

    def _matched(self, raster: xr.DataArray | xr.Dataset) -> Stack:
        """Take the bands of the codebook from a raster."""
        if hasattr(raster, "data_vars"):
            absent = [name for name in self.names if name not in raster.data_vars]
            if absent:
                raise ValueError(
                    f"raster must have the variables {', '.join(self.names)}, got "
                    f"{', '.join(map(str, raster.data_vars))}"
                )
            helpers = [name for name in raster.data_vars if raster[name].ndim < 2]
            raster = raster[[*self.names, *(name for name in helpers if name not in self.names)]]
        stack = stack_of(raster)
        if len(stack.names) != len(self.names) or self._differ(stack.names):
            raise ValueError(
                f"raster must have the bands {', '.join(self.names)}, got {', '.join(stack.names)}"
            )
        return stack

    def _differ(self, names: tuple[str, ...]) -> bool:
        """Tell whether bands have other names; dates and numbers are no names."""
        pairs = zip(self.names, names, strict=True)
        return any(
            a != b and not (_DATE_OR_NUMBER.fullmatch(a) and _DATE_OR_NUMBER.fullmatch(b))
            for a, b in pairs
        )


def is_stack_codebook(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a codebook of several bands; what cannot be read is none."""
    try:
        stored = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("format") == FORMAT


def load_stack_codebook(path: str | os.PathLike[str]) -> StackCodebook:
    """Read a codebook that `StackCodebook.save` wrote.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not such a codebook, is one of another version, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     StackCodebook(("red", "nir"), ("", ""), np.eye(2)).save(f"{folder}/a.json")
    ...     load_stack_codebook(f"{folder}/a.json")
    StackCodebook: 2 clusters of 2 bands (red, nir)
    """
    file = Path(path)
    content = file.read_bytes()
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise ValueError(f"{file} is not a codebook of several bands of fastkm")
    if stored.get("version") != VERSION:
        raise ValueError(
            f"{file} is a codebook of version {stored.get('version')!r}; this fastkm reads "
            f"version {VERSION}"
        )
    try:
        return _restored(stored)
    except KeyError as error:
        raise ValueError(f"{file} is damaged: {error} is missing") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} is damaged: {error}") from None


def _restored(stored: dict[str, Any]) -> StackCodebook:
    """Rebuild a codebook; raise ValueError, TypeError or KeyError if it is damaged."""
    names = tuple(str(name) for name in stored["bands"])
    units = tuple(str(unit) for unit in stored["units"])
    shape = (stored["k"], len(names))
    if len(units) != len(names):
        raise ValueError(f"units must be {len(names)} words, got {len(units)}")
    codes = _table(stored, "scaled_centroids" if "scale" in stored else "centroids", shape)
    scale = _table(stored, "scale", shape[1:]) if "scale" in stored else None
    if scale is not None and not (scale > 0).all():
        raise ValueError("scale must hold numbers above 0")
    return StackCodebook(names, units, codes, scale)


def _table(stored: dict[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    table = np.array(stored[name], np.float64)
    if table.shape != shape or not np.isfinite(table).all():
        raise ValueError(f"{name} must be finite, of shape {shape}, got shape {table.shape}")
    return table
