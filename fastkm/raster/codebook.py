"""Codebooks of several bands, which label other rasters, and the files of all codebooks.

A codebook of several bands holds their names and units, and the centroids in these units. If the
bands were standardised, it also holds their deviations, and the centroids divided by them as they
were found. Its file has a format of its own, see `fastkm.cluster.codebook_file`; `load_codebook`
reads both formats.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.notes import warn_user
from fastkm._core.renamed import make_getattr
from fastkm.cluster.codebook import describe_classes, describe_labels, label_dtype
from fastkm.cluster.codebook_file import (
    VERSION,
    read_array,
    read_integer,
    read_stored,
    read_words,
    write_codebook,
)
from fastkm.cluster.exact.result import FORMAT as ONE_BAND_FORMAT
from fastkm.cluster.exact.result import MEDIANS_FORMAT, KMeans1D
from fastkm.cluster.lloyd.fit import assign_rows
from fastkm.raster.bands import BandStack, CellRows, as_band_stack, gather_rows, make_unique
from fastkm.raster.cell_blocks import CellBlocks, is_large

if TYPE_CHECKING:
    import xarray as xr

if not TYPE_CHECKING:  # otherwise type checkers would take any name for one of these
    __getattr__ = make_getattr(__name__)

FORMAT = "fastkm codebook of bands"

_FACTOR = re.compile(r"(?P<under>/?)(?P<name>[^\W\d_]+|[%°µμ]\w*)(?P<power>[+-]?\d+)?")
_DATE_OR_NUMBER = re.compile(r"\d{4}-\d{2}-\d{2}.*|.* [-+.\de]+")


@dataclass(frozen=True, eq=False)
class BandsCodebook:
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

    @property
    def inertia(self) -> None:
        """None: the codebook does not know the inertia of the data that was clustered."""

    @property
    def passes(self) -> int:
        """0: the codebook does not know how often the data was read."""
        return 0

    @property
    def proven_optimal(self) -> bool:
        """False: nothing is proven for several bands."""
        return False

    def __repr__(self) -> str:
        bands = ", ".join(self.names)
        return f"BandsCodebook: {self.k} clusters of {len(self.names)} bands ({bands})"

    def predict(
        self, raster: xr.DataArray | xr.Dataset, *, threads: int | None = None
    ) -> xr.DataArray:
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
            Labels as those of `fastkm.cluster_raster`, -1 where a band is missing; lazy if the
            raster is.

        Raises
        ------
        ValueError
            If the bands are not those of the codebook, or hold infinities.

        Warns
        -----
        UserWarning
            If a band has other units than the codebook.
        """
        stack = self._select_bands(raster)
        warn_of_other_units(stack.units, self.units)
        if stack.is_lazy or is_large(stack):
            source = CellBlocks.of(stack).divide(self.scale)
            return self.describe_labels(source.label(self.codes, threads), stack.grid)
        cells = gather_rows(stack, self.scale)
        labels = assign_rows(cells.rows, self.codes, threads=threads).labels
        return self.to_label_map(labels, cells, stack.grid)

    def to_label_map(self, labels: np.ndarray, cells: CellRows, grid: xr.DataArray) -> xr.DataArray:
        """Lay the labels of cells out on their grid, and describe them."""
        return self.describe_labels(cells.to_grid(labels, label_dtype(self.k), grid), grid)

    def describe_labels(self, labels: Any, grid: xr.DataArray) -> xr.DataArray:
        """Return labels, (y, x), with the coordinates of their grid and a description."""
        made: xr.DataArray = describe_labels(grid.copy(data=labels), grid, self.describe())
        return made

    def describe(self, _raster: Any = None, /) -> dict[str, Any]:
        """Return the attributes of a label map, the same for every raster of these bands.

        The centroids of each band are an attribute of its own, because netCDF has no tables in
        attributes.
        """
        centroids = self.centroids
        words = make_attribute_names(self.names)
        return {
            **describe_classes(", ".join(self.names), centroids),
            "bands": ", ".join(self.names),
            "centroid_units": ", ".join(unit or "1" for unit in self.units),
            **{f"centroids_{word}": centroids[:, j] for j, word in enumerate(words)},
        }

    def tabulate(self) -> dict[str, list[Any]]:
        """Return the centroids band by band, one row a cluster."""
        return {
            name: column.tolist() for name, column in zip(self.names, self.centroids.T, strict=True)
        }

    def without_profile(self) -> BandsCodebook:
        """Return the codebook itself, which has no profile of the data."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return what the codebook's file holds: strings, integers, floats, lists of them."""
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
        return stored

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> BandsCodebook:
        """Rebuild a codebook from what its file holds.

        Raises
        ------
        KeyError, ValueError
            If an entry is missing or wrong.
        """
        names, units = read_words(stored, "bands"), read_words(stored, "units")
        if len(units) != len(names):
            raise ValueError(f"units must be {len(names)} words, got {len(units)}")
        shape = (read_integer(stored, "k", least=1), len(names))
        centroids = _read_finite(stored, "centroids", shape)
        if "scale" not in stored:
            return cls(names, units, centroids)
        codes = _read_finite(stored, "scaled_centroids", shape)
        scale = _read_finite(stored, "scale", shape[1:])
        if not (scale > 0).all():
            raise ValueError("scale must hold numbers above 0")
        with np.errstate(all="ignore"):
            same = np.allclose(codes * scale, centroids, rtol=1e-9, atol=0)
        if not same:
            raise ValueError("centroids must be scaled_centroids times scale")
        return cls(names, units, codes, scale)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook as a JSON file, whole or not at all; see `fastkm.load_codebook`.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_codebook(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def _select_bands(self, raster: xr.DataArray | xr.Dataset) -> BandStack:
        """Take the bands of the codebook from a raster; raise ValueError if it has others."""
        if hasattr(raster, "data_vars"):
            if not set(self.names) <= set(raster.data_vars):
                raise ValueError(
                    f"raster must have the variables {', '.join(self.names)}, got "
                    f"{', '.join(map(str, raster.data_vars))}"
                )
            # limits of cells and reference systems stay with the bands
            helpers = [name for name in raster.data_vars if raster[name].ndim < 2]
            raster = raster[[*self.names, *(name for name in helpers if name not in self.names)]]
        stack = as_band_stack(raster)
        if len(stack.names) != len(self.names) or self._has_other_names(stack.names):
            raise ValueError(
                f"raster must have the bands {', '.join(self.names)}, got {', '.join(stack.names)}"
            )
        return stack

    def _has_other_names(self, names: tuple[str, ...]) -> bool:
        """Return True if bands have other names; dates and numbers are no names."""
        pairs = zip(self.names, names, strict=True)
        return any(
            a != b and not (_DATE_OR_NUMBER.fullmatch(a) and _DATE_OR_NUMBER.fullmatch(b))
            for a, b in pairs
        )


def _read_finite(stored: dict[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = read_array(stored, name, shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers")
    return array


def warn_of_other_units(raster: Sequence[str], codebook: Sequence[str]) -> None:
    """Warn if the units of the bands of a raster, in their order, are not those of a codebook."""
    for own, wanted in zip(raster, codebook, strict=False):
        if differ(own, wanted):
            warn_user(
                f"raster is in {own}, the codebook in {wanted}: convert the raster, unless these are "
                "names of the same unit"
            )
            return


def differ(one: str, other: str) -> bool:
    """Return True if two units are known, and are not two spellings of the same factors.

    Examples
    --------
    >>> differ("degC", "K"), differ("kg m-2", "kg/m^2"), differ("m s**-1", "m.s-1"), differ("", "K")
    (True, False, False, False)
    """
    return bool(one.strip() and other.strip()) and _list_factors(one) != _list_factors(other)


def _list_factors(units: str) -> list[tuple[str, int]]:
    """Return the factors of units with their powers, sorted; a text that has none is one of them."""
    text = re.sub(r"\*\*|\^", "", units)
    text = re.sub(r"(?<!\d)[.·*]|[.·*](?!\d)", " ", text)  # a product, not the point of a number
    words = re.sub(r"\s*/\s*", " /", text).split()
    found = [_FACTOR.fullmatch(word) for word in words]
    if not all(found):
        return [(" ".join(words), 1)]
    return sorted(
        (match["name"], int(match["power"] or 1) * (-1 if match["under"] else 1))
        for match in found
        if match is not None
    )


def make_attribute_names(names: Sequence[str]) -> list[str]:
    """Turn names of bands into words of letters, digits and underscores, no two alike.

    Examples
    --------
    >>> make_attribute_names(["2 m temperature", "2-m temperature"])
    ['2_m_temperature', '2_m_temperature_2']
    """
    words = [re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "band" for name in names]
    return list(make_unique(words, "{}_{}"))


def load_codebook(path: str | os.PathLike[str]) -> KMeans1D | BandsCodebook:
    """Read a codebook that the `save` of a result wrote.

    Parameters
    ----------
    path : path-like
        A JSON file.

    Returns
    -------
    KMeans1D or BandsCodebook
        It predicts, reports and prints as the one that was saved. A `KMeans1D` if values or a
        raster of one band were clustered; its `profile` is None.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a codebook, is one of another version, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import fastkm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fastkm.kmeans1d([1, 2, 8, 9], 2).save(f"{folder}/year.json")
    ...     codebook = fastkm.load_codebook(f"{folder}/year.json")
    >>> codebook.predict([0.5, 7.0])
    array([0, 1], dtype=int8)
    """
    return read_codebook_file(path)[0]


def read_codebook_file(
    path: str | os.PathLike[str],
) -> tuple[KMeans1D | BandsCodebook, dict[str, Any]]:
    """Read a codebook, and all that its file holds; see `load_codebook`."""
    stored = read_stored(path, (ONE_BAND_FORMAT, MEDIANS_FORMAT, FORMAT))
    kind = BandsCodebook if stored["format"] == FORMAT else KMeans1D
    try:
        return kind.from_dict(stored), stored
    except KeyError as error:
        raise ValueError(f"{os.fspath(path)} is damaged: {error} is missing") from None
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} is damaged: {error}") from None
