"""A series: rasters of the same variables on one grid, one a step of time, in many files.

`fastkm.raster.multifile.combine.combine_files` makes a `RasterSeries` of scanned files: which steps
there are, in the order of time, where each lies, and on which grid. A series holds no values. They
are read step by step (`RasterSeries.read`), or when dask computes a block (`RasterSeries.as_dask`):
each block opens its files, reads its steps and closes the files, on whichever worker it runs.

Numbers can be had as stored, with the attributes that say which are missing, as long as one set of
attributes is valid for all inputs. If inputs differ in type, packing or missing values, they are
decoded to one type of float, whatever was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from fastkm._core.attributes import carry_crs
from fastkm._core.validation import require_choice
from fastkm.raster.grid.geolocation import is_on_globe
from fastkm.raster.io.choose import open_variables
from fastkm.raster.io.read_bands import compute_variable_areas
from fastkm.raster.multifile.read_steps import (
    Block,
    FileSteps,
    OutputFormat,
    read_block,
)
from fastkm.raster.multifile.stamps import require_unchanged

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.multifile.grid_window import GridWindow
    from fastkm.raster.multifile.scan import FileInfo

Missing = Literal["keep", "mask"]

BYTES_PER_READ = 1 << 26
"""Bytes of a variable that are read at a time, at most."""

NANOSECOND_YEARS = ("1678", "2262")
"""Dates from the first year on and before the second fit into nanoseconds, xarray's default."""


class Step(NamedTuple):
    """A step of a series: the number of its input, its position on the time axis there, its time.

    The time is ISO text: a date, with the time of day if not all steps of the series are at
    midnight.
    """

    source: int
    index: int  # type: ignore[assignment]  # a tuple's method, which is not called
    time: str


class VariableFormats(NamedTuple):
    """A variable, and its output formats: as stored (None if inputs differ), and decoded."""

    name: str
    units: str
    stored: OutputFormat | None
    decoded: OutputFormat

    def choose_format(self, missing: Missing) -> OutputFormat:
        """Return the format that was asked for, or the decoded one if inputs differ."""
        return self.stored if missing == "keep" and self.stored is not None else self.decoded


@dataclass(frozen=True, eq=False, repr=False)
class RasterSeries:
    """Rasters of one or more variables on one grid, one a step of time; picklable, without values.

    Attributes
    ----------
    inputs : tuple of FileInfo
        The files and stores.
    steps : tuple of Step
        In the order of time.
    formats : tuple of VariableFormats
        The variables, and their output formats.
    calendar : str
        Calendar of all times.
    window : GridWindow
        Rows and columns of the inputs that are read, and the box and the mask that restrict them.
    grid : xarray.Dataset
        Coordinates of rows, columns and cells, and the reference system; no values.
    dims : (str, str, str)
        Names of the dimensions: time, rows and columns.
    uses_numpy_dates : bool
        Times are dates of numpy; otherwise of cftime.
    time_attrs, time_encoding : dict
        Attributes and encoding of the time coordinate.
    """

    inputs: tuple[FileInfo, ...]
    steps: tuple[Step, ...]
    formats: tuple[VariableFormats, ...]
    calendar: str
    window: GridWindow
    grid: xr.Dataset
    dims: tuple[str, str, str]
    uses_numpy_dates: bool
    time_attrs: dict[str, Any]
    time_encoding: dict[str, Any]

    def __repr__(self) -> str:
        rows, columns = self.shape
        span = f"{self.steps[0].time} to {self.steps[-1].time}" if self.steps else "none"
        return (
            f"RasterSeries: {', '.join(self.variables)}, {len(self.steps)} steps ({span}) of "
            f"{rows} x {columns} cells in {len(self.inputs)} inputs"
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(variable.name for variable in self.formats)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the variables; an empty text if the inputs name none."""
        return tuple(variable.units for variable in self.formats)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns, after `bbox`."""
        return self.window.shape

    @property
    def steps_per_read(self) -> int:
        """Steps that are best read together: those of a stored chunk, but at most some 64 MB."""
        stored = max(
            (f.steps_per_chunk for given in self.inputs for f in given.variables), default=1
        )
        widest = max(np.dtype(variable.decoded.dtype).itemsize for variable in self.formats)
        cells = self.shape[0] * self.shape[1]
        return max(1, min(stored, len(self.steps), BYTES_PER_READ // (cells * widest)))

    def make_time_coordinate(self) -> xr.DataArray:
        """Return the time coordinate of all steps."""
        import xarray as xr

        texts = [self.inputs[step.source].times[step.index] for step in self.steps]
        time = self.dims[0]
        made = xr.DataArray(
            _parse_dates(texts, self.calendar, as_numpy=self.uses_numpy_dates),
            dims=(time,),
            attrs=dict(self.time_attrs),
            name=time,
        )
        made = made.assign_coords({time: made})[time]
        made.encoding = dict(self.time_encoding)
        return made

    def read(
        self, first: int, last: int, *, missing: Missing = "keep"
    ) -> xr.DataArray | xr.Dataset:
        """Read the steps from `first` to before `last`, counted from 0: (time, y, x).

        Parameters
        ----------
        missing : {"keep", "mask"}
            "keep" returns numbers as stored, with the attributes that say which are missing, as
            `fastkm.read_raster` does; cells outside the mask hold the fill value. "mask" returns
            floats, NaN where missing. If inputs differ, "keep" does the same as "mask".

        Raises
        ------
        ArchiveError
            If a step cannot be read; it names the input and the step.
        ValueError
            If there are no such steps, or `missing` is something else.
        """
        self._require_steps(first, last, missing)
        values = [
            read_block(self._make_block(first, last, number, variable.choose_format(missing)))
            for number, variable in enumerate(self.formats)
        ]
        some = replace(self, steps=self.steps[first:last])
        return some._attach_coordinates(values, missing)

    def as_dask(
        self, *, missing: Missing = "keep", steps_per_chunk: int | None = None
    ) -> xr.DataArray | xr.Dataset:
        """Return all steps as arrays of dask, whose blocks are read when they are computed.

        A block holds `steps_per_chunk` steps, by default `steps_per_read`. See `read`.

        Raises
        ------
        ValueError
            If `missing` or `steps_per_chunk` is not valid.
        ImportError
            If dask, of the extra ``archive``, is not installed.
        """
        length = self._check_chunk(missing, steps_per_chunk)
        arrays = [
            self._make_dask_array(number, variable.choose_format(missing), length)
            for number, variable in enumerate(self.formats)
        ]
        return self._attach_coordinates(arrays, missing)

    def select_range(self, first: int, last: int) -> Self:
        """Return the series of the steps from `first` to before `last`."""
        return self.select(range(*slice(first, last).indices(len(self.steps))))

    def select(self, numbers: Iterable[int]) -> Self:
        """Return the series of some steps, with no more inputs than they need."""
        steps = [self.steps[number] for number in numbers]
        used = sorted({step.source for step in steps})
        number = {source: i for i, source in enumerate(used)}
        return replace(
            self,
            inputs=tuple(self.inputs[source] for source in used),
            steps=tuple(step._replace(source=number[step.source]) for step in steps),
        )

    def drop_steps(self, steps: Iterable[Step]) -> Self:
        """Return the series without some steps, such as those that turned out to be damaged."""
        dropped = set(steps)
        return replace(self, steps=tuple(step for step in self.steps if step not in dropped))

    def make_template(self) -> xr.DataArray:
        """Return a raster of zeros (int8) on the grid, with its coordinates and reference system.

        Its name and attributes are those of the first variable, decoded.
        """
        import xarray as xr

        variable = self.formats[0]
        made = xr.DataArray(
            np.zeros(self.shape, np.int8),
            coords=self.grid.coords,
            dims=self.dims[1:],
            name=variable.name,
            attrs=dict(variable.decoded.attrs),
        )
        return self._attach_crs(made)

    def read_areas(self) -> xr.DataArray:
        """Return the areas of the cells; see `fastkm.raster.io.read_bands.read_areas`.

        Raises
        ------
        ValueError
            If the grid has no latitudes and longitudes and no reference system.
        OSError
            If the first input, from which the limits of cells are read, cannot be read any more.
        ArchiveError
            If it is no longer what it was.
        """
        first = self.inputs[0]
        with open_variables(first.path, [first.variables[0].name], decode=True) as [opened]:
            areas = compute_variable_areas(opened, "all", self.window.bbox, None)
        first.require_unchanged()
        return areas

    def find_areas(self) -> xr.DataArray | None:
        """Return the areas of the cells as `read_areas` does, None if the grid is not on the globe."""
        return self.read_areas() if is_on_globe(self.make_template()) else None

    def require_stores_unchanged(self) -> None:
        """Raise an ArchiveError if a store has changed, which may not show in its metadata."""
        for info in self.inputs:
            if Path(info.path).is_dir():
                require_unchanged(info.path, info.name, info.whole)

    def _require_steps(self, first: int, last: int, missing: Missing) -> None:
        """Raise ValueError unless there are these steps, and `missing` is a known word."""
        if not 0 <= first < last <= len(self.steps):
            raise ValueError(
                f"first and last must be numbers of steps, 0 <= first < last <= "
                f"{len(self.steps)}, got {first} and {last}"
            )
        require_choice("missing", missing, ("mask", "keep"))

    def _check_chunk(self, missing: Missing, steps_per_chunk: int | None) -> int:
        """Check the options of `as_dask`, and return the steps of a block."""
        require_choice("missing", missing, ("mask", "keep"))
        length = self.steps_per_read if steps_per_chunk is None else steps_per_chunk
        if length < 1:
            raise ValueError(f"steps_per_chunk must be at least 1, got {steps_per_chunk}")
        return length

    def _make_block(
        self, first: int, last: int, variable: int, output_format: OutputFormat
    ) -> Block:
        """Describe what to read for some steps of one variable; each file is opened once."""
        files = []
        for number, run in groupby(self.steps[first:last], lambda step: step.source):
            source, steps = self.inputs[number], tuple(run)
            indices, times = tuple(s.index for s in steps), tuple(s.time for s in steps)
            stored = source.variables[variable]
            files.append(
                FileSteps(
                    source.path,
                    source.name,
                    stored,
                    indices,
                    times,
                    source.stamp,
                    source.arrays,
                    source.time_name,
                    source.times_digest,
                )
            )
        return Block(tuple(files), self.window, output_format)

    def _make_dask_array(self, variable: int, output_format: OutputFormat, length: int) -> Any:
        """Make an array of dask of one variable, with blocks of `length` steps."""
        try:
            from dask.array import Array
            from dask.base import tokenize
        except ImportError as error:
            raise ImportError("a lazy archive needs dask: pip install 'fastkm[archive]'") from error
        from uuid import uuid4

        name = f"archive-{self.variables[variable]}-{tokenize(uuid4().hex)}"
        starts = range(0, len(self.steps), length)
        graph = {
            (name, number, 0, 0): (
                read_block,
                self._make_block(start, start + length, variable, output_format),
            )
            for number, start in enumerate(starts)
        }
        lengths = tuple(min(length, len(self.steps) - start) for start in starts)
        chunks = (lengths, *((size,) for size in self.shape))
        return Array(graph, name, chunks, dtype=np.dtype(output_format.dtype))

    def _attach_coordinates(self, values: list[Any], missing: Missing) -> xr.DataArray | xr.Dataset:
        """Turn the values of each variable into arrays with coordinates and attributes."""
        import xarray as xr

        time = self.make_time_coordinate()
        arrays = {}
        for variable, numbers in zip(self.formats, values, strict=True):
            output_format = variable.choose_format(missing)
            array = xr.DataArray(
                numbers,
                coords={**self.grid.coords, self.dims[0]: time},
                dims=self.dims,
                name=variable.name,
                attrs=dict(output_format.attrs),
            )
            array.encoding = dict(output_format.encoding)
            array[self.dims[0]].encoding = dict(self.time_encoding)
            arrays[variable.name] = self._attach_crs(array)
        return next(iter(arrays.values())) if len(arrays) == 1 else xr.Dataset(arrays)

    def _attach_crs(self, array: xr.DataArray) -> xr.DataArray:
        """Let an array name its reference system, as the inputs do."""
        name = self.grid.attrs.get("grid_mapping")
        if name is not None:
            array.encoding = {**array.encoding, "grid_mapping": name}
        return carry_crs(array, array)


def _parse_dates(texts: list[str], calendar: str, *, as_numpy: bool) -> np.ndarray:
    """Return the dates of ISO texts, of numpy or of cftime."""
    if as_numpy:
        return np.array(texts, "datetime64[ns]")
    import cftime  # type: ignore[import-untyped]

    made = np.empty(len(texts), object)
    for i, text in enumerate(texts):
        day, _, clock = text.partition("T")
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        numbers = (*day.split("-"), hour, minute, whole, fraction[:6].ljust(6, "0"))
        made[i] = cftime.datetime(*map(int, numbers), calendar=calendar)
    return made
