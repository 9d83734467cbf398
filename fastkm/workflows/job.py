"""What all jobs on one raster share: the raster that is read, and the files that are written."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm._core.atomic_write import write_bytes
from fastkm.raster.grid.axes import find_raster_variables
from fastkm.raster.io.info import find_suspicious_values
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.io.read_geotiff import is_geotiff, read_tags
from fastkm.raster.io.read_netcdf import read_global_attributes, read_raster
from fastkm.raster.io.write_geotiff import write_label_tiff
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.mask import Raster, apply_mask
from fastkm.workflows.outputs import is_label_map
from fastkm.workflows.tables import Rows, write_csv

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox

Colours = Sequence[Sequence[float]]

DPI = 150


@dataclass
class FileWriter:
    """Writes the files of a job and lists them."""

    files: list[Path] = field(default_factory=list)

    def write_figure(self, figure: Figure, path: Path) -> None:
        """Write a figure as PNG."""
        from fastkm.plot._text import ignore_text_warnings

        drawn = io.BytesIO()
        with ignore_text_warnings():
            figure.savefig(drawn, dpi=DPI, format="png")
        write_bytes(path, drawn.getvalue())
        self.files.append(path)

    def write_table(self, rows: Rows, path: Path) -> None:
        """Write a table as CSV."""
        write_csv(rows, path)
        self.files.append(path)


@dataclass(frozen=True)
class Selection:
    """Which raster of a file: the arguments of `fastkm.read_raster`, and a mask file.

    Several variables, or several `bands`, counted from 1, make a raster of several bands.
    """

    file: Path
    variable: str | Sequence[str] | None = None
    time: int | str = 0
    bbox: Bbox | None = None
    mask: Path | None = None
    bands: Sequence[int] | None = None
    sel: Sel | None = None
    nodata: Sequence[float] | None = None

    def read(self) -> xr.DataArray:
        """Read a raster of one band with all missing cells missing."""
        variable = self.variable
        if variable is not None and not isinstance(variable, str):
            if len(variable) != 1:
                raise ValueError(f"one variable is needed, got {', '.join(variable)}")
            variable = variable[0]
        raster = read_raster(
            self.file,
            variable,
            time=self.time,
            bbox=self.bbox,
            sel=self.sel,
            nodata=self.nodata,
        )
        return self._prepare(raster)

    def read_stack(self) -> xr.DataArray | xr.Dataset:
        """Read a raster of one or several bands with all missing cells missing."""
        raster = read_stack(
            self.file,
            self.variable,
            time=self.time,
            bbox=self.bbox,
            bands=self.bands,
            sel=self.sel,
            nodata=self.nodata,
        )
        return self._prepare(raster)

    def read_areas(self) -> xr.DataArray:
        """Read the areas of the cells."""
        first = self.variable
        if first is not None and not isinstance(first, str):
            first = first[0]
        return read_areas(self.file, first, time=self.time, bbox=self.bbox, sel=self.sel)

    def _prepare(self, raster: Raster) -> Raster:
        """Apply the mask; warn of values that look like undeclared codes of missing cells."""
        if self.mask is not None:
            raster = apply_mask(raster, self.mask, bbox=self.bbox)
        found: dict[float, None] = {}
        for layer in _list_layers(raster):
            found |= dict.fromkeys(find_suspicious_values(layer[np.isfinite(layer)]))
        for value in found:
            warnings.warn(
                f"{value:g} looks like a code for something missing; if it is one, --nodata {value:g} "
                "leaves it out",
                stacklevel=3,
            )
        return raster

    def __str__(self) -> str:
        """Return which raster it is, in the words of the command."""
        options = {
            "time": self.time,
            "bbox": self.bbox,
            "mask": self.mask and self.mask.name,
            "band": self.bands and " ".join(map(str, self.bands)),
            "nodata": self.nodata and " ".join(f"{value:g}" for value in self.nodata),
            "sel": self.sel and " ".join(f"{dim}={value}" for dim, value in self.sel.items()),
        }
        chosen = [f"{name} {value}" for name, value in options.items() if value]
        return ", ".join([self.file.name, *chosen])


def _list_layers(raster: xr.DataArray | xr.Dataset) -> list[np.ndarray]:
    """List the values of each band in which a value may stand for a missing cell."""
    import xarray as xr

    if isinstance(raster, xr.Dataset):
        return [raster[name].values for name in find_raster_variables(raster)]
    if raster.ndim == 2:
        return [raster.values]
    if np.dtype(raster.encoding.get("dtype", raster.dtype)) == np.uint8:
        return []  # the brightest cells of a photo are no codes
    return list(raster.values)


def write_maps(
    writer: FileWriter,
    maps: Mapping[int, xr.DataArray],
    colours: Mapping[int, Colours],
    selection: Selection,
    output: Path,
    *,
    by: str,
    of: str,
) -> None:
    """Write a label map for each k, whose history says how it was made (`by`) and from what (`of`)."""
    source = f"{selection.file.name}: {of}"
    plan = plan_maps(maps, selection, output, by=by, of=of)
    for (k, labels), (path, history) in zip(maps.items(), plan.items(), strict=True):
        if is_geotiff(path):
            write_label_tiff(labels, path, colours=colours[k], source=source, history=history)
        else:
            inherited = read_global_attributes(selection.file)
            write_labels(labels, path, source=source, history=history, inherited=inherited)
        writer.files.append(path)


def plan_maps(
    ks: Iterable[int], selection: Selection, output: Path, *, by: str, of: str
) -> dict[Path, str]:
    """Return the path of the label map of each k, and its history; see `write_maps`.

    In a folder the label maps have the format of the raster's file.
    """
    suffix = ".tif" if is_geotiff(selection.file) else ".nc"
    return {
        output if is_label_map(output) else output / f"labels_k{k}{suffix}": (
            f"{by} of {of}, k = {k}, in {selection}"
        )
        for k in ks
    }


def read_history(path: Path) -> str:
    """Read the history that `write_maps` gave to a label map; empty if there is none."""
    if not path.is_file():
        return ""
    read = read_tags if is_geotiff(path) else read_global_attributes
    try:
        history = str(read(path).get("history", ""))
    except OSError:
        return ""
    return history.partition("\n")[0].partition(": ")[2]
