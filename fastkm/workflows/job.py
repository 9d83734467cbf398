"""What all jobs on one raster share: the raster that is read, and the files that are written."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastkm._core.atomic_write import write_bytes
from fastkm._core.notes import ignore_notes, warn_user
from fastkm.raster.grid.axes import find_axes, find_raster_variables
from fastkm.raster.io.describe.suspicious import find_extremes, find_suspicious, format_sentinel
from fastkm.raster.io.geotiff.read_geotiff import find_band, has_classes, is_geotiff
from fastkm.raster.io.lazy.open_areas import open_areas
from fastkm.raster.io.lazy.open_raster import open_raster
from fastkm.raster.io.open import count_values
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.io.read_netcdf import read_raster
from fastkm.raster.mask import Raster, apply_mask
from fastkm.workflows.tables import Rows, write_csv

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox

Colours = Sequence[Sequence[float]]

DPI = 150
COMPRESSION = 3
"""Of PNG, from 0 to 9: a page of eight maps takes 42 ms and 171 kB with 3, 63 ms and 142 kB with 6."""

DATELESS = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""What keeps the time of writing out of a file, by format: the same run writes the same file."""

MOST_READ = 1 << 22
"""Values, over all bands, of rasters that are read at once; larger ones are opened lazily."""


@dataclass
class FileWriter:
    """Writes the files of a job and lists them."""

    files: list[Path] = field(default_factory=list)

    def write_figure(self, figure: Figure, path: Path, dpi: float = DPI) -> None:
        """Write a figure as PNG, PDF or SVG, by the ending of its file."""
        from fastkm.plot._text import ignore_text_warnings

        kind = path.suffix.lower().removeprefix(".")
        options: dict[str, Any] = {"metadata": DATELESS.get(kind)}
        if kind == "png":
            options["pil_kwargs"] = {"compress_level": COMPRESSION}
        drawn = io.BytesIO()
        with ignore_text_warnings():
            figure.savefig(drawn, dpi=dpi, format=kind, **options)
        write_bytes(path, drawn.getvalue())
        self.files.append(path)

    def write_table(self, rows: Rows, path: Path) -> None:
        """Write a table as CSV."""
        write_csv(rows, path)
        self.files.append(path)


@dataclass(frozen=True)
class Selection:
    """Which raster of a file: the arguments of `fastkm.read_raster`, and a mask file with its share.

    Several variables, or several `bands`, counted from 1, make a raster of several bands. `memory` is
    how much the process may take for a raster that is opened lazily; see `fastkm.open_raster`.
    """

    file: Path
    variable: str | Sequence[str] | None = None
    time: int | str = 0
    bbox: Bbox | None = None
    mask: Path | None = None
    bands: Sequence[int] | None = None
    sel: Sel | None = None
    nodata: Sequence[float] | None = None
    memory: int | str | None = None
    mask_share: float | None = None

    def open(self) -> xr.DataArray | xr.Dataset:
        """Open a raster of one or several bands: lazily if it is large, otherwise `read_stack`."""
        if count_values(self.file) <= MOST_READ:  # without dask, which takes 0.8 s to load
            return self.read_stack()
        with ignore_notes():
            is_large = _count_values(self._open_lazily()) > MOST_READ
        return self._open_lazily() if is_large else self.read_stack()

    def open_band(self) -> xr.DataArray:
        """Open a raster of one band: lazily if it is large, otherwise `read`."""
        if count_values(self.file) <= MOST_READ:
            return self.read()
        with ignore_notes():
            is_large = _count_values(self._open_band_lazily()) > MOST_READ
        return self._open_band_lazily() if is_large else self.read()

    def open_areas(self, raster: xr.DataArray | xr.Dataset) -> xr.DataArray:
        """Open the areas of the cells of a raster of `open`: lazily, in its blocks, if it is lazy."""
        grid: Any = raster
        if hasattr(raster, "data_vars"):
            grid = grid[find_raster_variables(grid)[0]]
        if grid.chunks is None:
            return self.read_areas()
        return open_areas(
            self.file,
            self._first_variable,
            like=grid,
            memory=self.memory,
            used=raster.nbytes,
            **self._place,
        )

    def read(self) -> xr.DataArray:
        """Read a raster of one band with all missing cells missing."""
        raster = read_raster(self.file, self._only_variable, nodata=self.nodata, **self._place)
        return self._prepare(raster)

    def read_stored(self) -> xr.DataArray:
        """Read a raster of one band as its file has it, without further codes and without the mask."""
        return read_raster(self.file, self._only_variable, missing="keep", **self._place)

    def read_stack(self) -> xr.DataArray | xr.Dataset:
        """Read a raster of one or several bands with all missing cells missing."""
        raster = read_stack(
            self.file, self.variable, bands=self.bands, nodata=self.nodata, **self._place
        )
        return self._prepare(raster)

    def has_classes(self, raster: xr.DataArray) -> bool:
        """Return True if the numbers of a raster of one band are classes, as in a label map."""
        if is_geotiff(self.file):
            return has_classes(self.file, find_band(self.file, self._only_variable))
        return "flag_values" in raster.attrs

    def read_areas(self) -> xr.DataArray:
        """Read the areas of the cells."""
        return read_areas(self.file, self._first_variable, **self._place)

    @property
    def _place(self) -> dict[str, Any]:
        """Return the options that choose a part of a raster."""
        return {"time": self.time, "bbox": self.bbox, "sel": self.sel}

    @property
    def _first_variable(self) -> str | None:
        first = self.variable
        return first if first is None or isinstance(first, str) else first[0]

    @property
    def _only_variable(self) -> str | None:
        """Return the variable; raise if there are several."""
        if (
            not (self.variable is None or isinstance(self.variable, str))
            and len(self.variable) != 1
        ):
            raise ValueError(f"one variable is needed, got {', '.join(self.variable)}")
        return self._first_variable

    def _open_lazily(self) -> xr.DataArray | xr.Dataset:
        return open_raster(
            self.file,
            self.variable,
            bands=self.bands,
            nodata=self.nodata,
            mask=self.mask,
            mask_share=self.mask_share,
            memory=self.memory,
            **self._place,
        )

    def _open_band_lazily(self) -> xr.DataArray:
        variable = self._only_variable
        if is_geotiff(self.file):
            named = replace(self, variable=None, bands=[find_band(self.file, variable)])
        else:
            named = replace(self, variable=variable, bands=None)
        band: Any = named._open_lazily()
        find_axes(band)  # raises if there is a further dimension
        return band

    def _prepare(self, raster: Raster) -> Raster:
        """Apply the mask; warn of values that look like undeclared codes of missing cells."""
        if self.mask is not None:
            raster = apply_mask(raster, self.mask, bbox=self.bbox, share=self.mask_share)
        found: dict[float, None] = {}
        layers = _list_layers(raster)
        if self.mask is not None and layers and all(np.isnan(layer).all() for layer in layers):
            raise ValueError(f"mask {self.mask}: all cells that it keeps are missing")
        for layer in layers:
            found |= dict.fromkeys(find_suspicious(find_extremes(layer)))
        warn_of_sentinels(found)
        return raster

    def __str__(self) -> str:
        """Return which raster it is, in the words of the command."""
        options = {
            "time": self.time,
            "bbox": self.bbox,
            "mask": self.mask and self.mask.name,
            "mask share": self.mask_share and f"{self.mask_share:g}",
            "band": self.bands and " ".join(map(str, self.bands)),
            "nodata": self.nodata and " ".join(f"{value:g}" for value in self.nodata),
            "sel": self.sel and " ".join(f"{dim}={value}" for dim, value in self.sel.items()),
        }
        chosen = [f"{name} {value}" for name, value in options.items() if value]
        return ", ".join([self.file.name, *chosen])


def _count_values(raster: xr.DataArray | xr.Dataset) -> int:
    """Count the values of all bands."""
    import xarray as xr

    if isinstance(raster, xr.Dataset):
        return sum(raster[name].size for name in find_raster_variables(raster))
    return raster.size


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


def warn_of_sentinels(values: Iterable[float]) -> None:
    """Warn of values that look like undeclared codes of missing cells."""
    for code in map(format_sentinel, values):
        warn_user(
            f"{code} looks like a code for something missing; if it is one, --nodata {code} "
            "leaves it out"
        )


def note_classes(selection: Selection, raster: xr.DataArray, ks: Sequence[int]) -> None:
    """Note that a raster is a label map, unless it has as many classes as there are to be clusters."""
    if not selection.has_classes(raster):
        return
    is_read = raster.chunks is None
    number = str(np.isfinite(np.unique(raster.values)).sum()) if is_read else "K"
    if [*map(str, ks)] != [number]:
        warn_user(
            f"{selection.file} is a label map, and the numbers of its classes are clustered: "
            f"-k {number} --select all outlines its {number} classes"
        )
