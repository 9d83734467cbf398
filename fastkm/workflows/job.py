"""What every job does: announce its steps, write files, read the raster that it was told to."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.atomic_write import atomic_write
from fastkm.raster.grid.axes import raster_variables
from fastkm.raster.io.info import suspicious_values
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.io.read_geotiff import is_geotiff
from fastkm.raster.io.read_netcdf import global_attributes, read_raster
from fastkm.raster.io.write_geotiff import write_label_tiff
from fastkm.raster.labels import write_labels
from fastkm.raster.mask import apply_mask
from fastkm.workflows.tables import Rows, write_csv

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.io.read_netcdf import Bbox

Announce = Callable[[str], None]
Colours = Sequence[Sequence[float]]

DPI = 150
MAPS = (".nc", ".tif", ".tiff")
"""Extensions of label maps."""


def silent(step: str) -> None:
    """Announce nothing."""


@dataclass
class Job:
    """What a job wrote, and how long each of its steps took."""

    announce: Announce = silent
    files: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step and time it."""
        self.announce(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def save(self, figure: Figure, path: Path) -> None:
        """Write a figure as PNG."""
        with atomic_write(path) as draft:
            figure.savefig(draft, dpi=DPI)
        self.files.append(path)

    def write(self, rows: Rows, path: Path) -> None:
        """Write a table as CSV."""
        write_csv(rows, path)
        self.files.append(path)


@dataclass(frozen=True)
class Selection:
    """Which raster of a file: the arguments of `fastkm.read_raster`, and a mask file.

    Several variables, or several `bands`, counted from 1, make a stack.
    """

    file: Path
    variable: str | Sequence[str] | None = None
    time: int | str = 0
    bbox: Bbox | None = None
    mask: Path | None = None
    bands: Sequence[int] | None = None

    def read(self) -> xr.DataArray:
        """Read one raster with all missing cells missing."""
        raster = read_raster(self.file, self._one_variable(), time=self.time, bbox=self.bbox)
        if self.mask is not None:
            raster = apply_mask(raster, self.mask, bbox=self.bbox)
        _warn_of_suspicious(raster)
        return raster

    def read_stack(self) -> xr.DataArray | xr.Dataset:
        """Read one raster or a stack of several bands, with all missing cells missing."""
        raster = read_stack(
            self.file, self.variable, time=self.time, bbox=self.bbox, bands=self.bands
        )
        if self.mask is not None:
            raster = apply_mask(raster, self.mask, bbox=self.bbox)
        _warn_of_suspicious(raster)
        return raster

    def areas(self) -> xr.DataArray:
        """Read the areas of the cells."""
        first = self.variable
        if first is not None and not isinstance(first, str):
            first = first[0]
        return read_areas(self.file, first, bbox=self.bbox)

    def _one_variable(self) -> str | None:
        if self.variable is None or isinstance(self.variable, str):
            return self.variable
        if len(self.variable) != 1:
            raise ValueError(f"one variable is needed, got {', '.join(self.variable)}")
        return self.variable[0]

    def __str__(self) -> str:
        """Say which raster it is, in the words of the command."""
        options = {
            "time": self.time,
            "bbox": self.bbox,
            "mask": self.mask and self.mask.name,
            "band": self.bands and " ".join(map(str, self.bands)),
        }
        chosen = [f"{name} {value}" for name, value in options.items() if value]
        return ", ".join([self.file.name, *chosen])


def _warn_of_suspicious(raster: xr.DataArray | xr.Dataset) -> None:
    """Warn of values that look like undeclared codes, band by band."""
    import xarray as xr

    if isinstance(raster, xr.Dataset):
        layers = [raster[name].values for name in raster_variables(raster)]
    elif raster.ndim == 3 and np.dtype(raster.encoding.get("dtype", raster.dtype)) == np.uint8:
        return  # the brightest cells of a photo are no codes
    else:
        layers = list(raster.values) if raster.ndim == 3 else [raster.values]
    found: dict[float, None] = {}
    for layer in layers:
        found |= dict.fromkeys(suspicious_values(layer[np.isfinite(layer)]))
    for value in found:
        warnings.warn(f"{value:g} looks like a code for something missing", stacklevel=3)


def is_map(output: str | os.PathLike[str]) -> bool:
    """Tell whether an output names a single label map, not a folder."""
    return Path(output).suffix.lower() in MAPS and not Path(output).is_dir()


def require_one_map(output: str | os.PathLike[str], ks: Sequence[int]) -> None:
    """Raise if a single label map is to hold several k.

    Raises
    ------
    ValueError
        Of several k.
    """
    if is_map(output) and len(ks) != 1:
        raise ValueError(
            f"{os.fspath(output)} holds the label map of one k, got {len(ks)}; name a folder"
        )


def write_maps(
    job: Job,
    maps: Mapping[int, xr.DataArray],
    colours: Mapping[int, Colours],
    selection: Selection,
    output: Path,
    *,
    by: str,
    of: str,
) -> None:
    """Write a label map for each k, which says how it was made and of what.

    In a folder they have the format of the raster's file.
    """
    suffix = ".tif" if is_geotiff(selection.file) else ".nc"
    source = f"{selection.file.name}: {of}"
    for k, labels in maps.items():
        path = output if is_map(output) else output / f"labels_k{k}{suffix}"
        history = f"{by} of {of}, k = {k}, in {selection}"
        if is_geotiff(path):
            write_label_tiff(labels, path, colours=colours[k], source=source, history=history)
        else:
            inherited = global_attributes(selection.file)
            write_labels(labels, path, source=source, history=history, inherited=inherited)
        job.files.append(path)
