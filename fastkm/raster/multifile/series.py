"""A series of rasters in many files, as one: xarray out, dask underneath.

An `Archive` is what `fastkm.raster.multifile.combine.assembled` makes of surveys: which steps there are, in
the order of time, where each lies, and on which grid. It holds no values. They are read step by
step when asked for (`Archive.read`), or when dask computes a block (`Archive.lazy`): each
block opens its files, reads its steps and closes them, on whichever worker it runs.

Numbers can be had as stored, with the attributes that say which are missing, as long as one set of
attributes speaks for all inputs. Where inputs differ in type, packing or missing values they are
decoded, to one type of float, whatever was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm.raster.grid.crs import carry_crs
from fastkm.raster.io.open import opened
from fastkm.raster.io.read_bands import areas_of
from fastkm.raster.multifile.read_steps import Block, Outcome, Place, Window, load

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.raster.multifile.scan import Survey

Missing = Literal["keep", "mask"]

TOGETHER = 1 << 26
"""Bytes of a variable that are read at a time."""

NANOSECONDS = ("1678", "2262")
"""Years from and before which dates are counted in nanoseconds, as xarray does by default."""


class Step(NamedTuple):
    """A raster of an archive.

    Attributes
    ----------
    source : int
        Which of the inputs it lies in.
    index : int
        Where on the time axis of this input.
    time : str
        ISO text: a date, with the time of day where not all steps of the archive are at midnight.
    """

    source: int
    index: int  # type: ignore[assignment]  # a tuple's method, which is not called
    time: str


class Target(NamedTuple):
    """A variable, and what comes of it: as stored (None where inputs differ), and decoded."""

    name: str
    units: str
    stored: Outcome | None
    decoded: Outcome

    def outcome(self, missing: Missing) -> Outcome:
        """Choose what was asked for, if it can be had."""
        return self.stored if missing == "keep" and self.stored is not None else self.decoded


@dataclass(frozen=True, eq=False, repr=False)
class Archive:
    """Steps of time of one or more variables on one grid; picklable, and without values.

    Attributes
    ----------
    inputs : tuple of Survey
        The files and stores.
    steps : tuple of Step
        In the order of time.
    targets : tuple of Target
        The variables, and how they come out.
    calendar : str
        Of all times.
    bbox, mask
        What the archive is cut by.
    window : Window
        Rows and columns of the inputs that are read.
    grid : xarray.Dataset
        Coordinates of rows, columns and cells, and the reference system; no values.
    dims : (str, str, str)
        Names of time, rows and columns.
    dated : bool
        Times are numpy's; else cftime's.
    time_attrs, time_encoding : dict
        Of the time coordinate.
    """

    inputs: tuple[Survey, ...]
    steps: tuple[Step, ...]
    targets: tuple[Target, ...]
    calendar: str
    bbox: Bbox | None
    mask: str | None
    window: Window
    grid: xr.Dataset
    dims: tuple[str, str, str]
    dated: bool
    time_attrs: dict[str, Any]
    time_encoding: dict[str, Any]

    def __repr__(self) -> str:
        rows, columns = self.shape
        span = f"{self.steps[0].time} to {self.steps[-1].time}" if self.steps else "none"
        return (
            f"Archive: {', '.join(self.variables)}, {len(self.steps)} steps ({span}) of "
            f"{rows} x {columns} cells in {len(self.inputs)} inputs"
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(target.name for target in self.targets)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the variables; empty text where the inputs name none."""
        return tuple(target.units for target in self.targets)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, after `bbox`."""
        return self.window.shape

    @property
    def steps_per_read(self) -> int:
        """Steps that are best read together: those of a stored chunk, but some 64 MB at most."""
        stored = max((f.chunk for given in self.inputs for f in given.variables), default=1)
        widest = max(np.dtype(target.decoded.dtype).itemsize for target in self.targets)
        cells = self.shape[0] * self.shape[1]
        return max(1, min(stored, len(self.steps), TOGETHER // (cells * widest)))

    def times(self) -> xr.DataArray:
        """Give the time coordinate of all steps."""
        import xarray as xr

        texts = [self.inputs[step.source].times[step.index] for step in self.steps]
        time = self.dims[0]
        made = xr.DataArray(
            _dates(texts, self.calendar, dated=self.dated),
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
        """Read the steps from `first` up to, and not including, `last`.

        Parameters
        ----------
        first, last : int
            Numbers of steps, counted from 0.
        missing : {"keep", "mask"}
            "keep" gives numbers as stored, with the attributes that say which are missing, as
            `fastkm.read_raster` does; cells that the mask leaves out hold the fill value. "mask"
            gives floats, NaN where missing. See `fastkm.raster.multifile.series` for inputs that differ.

        Returns
        -------
        xarray.DataArray or xarray.Dataset
            Dimensions (time, y, x) under their own names; a dataset of several variables.

        Raises
        ------
        ArchiveError
            If a step cannot be read; it names the input and the step.
        ValueError
            If there are no such steps, or `missing` is something else.
        """
        if not 0 <= first < last <= len(self.steps):
            raise ValueError(
                f"first and last must be numbers of steps, 0 <= first < last <= "
                f"{len(self.steps)}, got {first} and {last}"
            )
        part = replace(self, steps=self.steps[first:last])
        _require_missing(missing)
        return part._dressed(
            [
                load(Block(part._places(number), self.window, target.outcome(missing)))
                for number, target in enumerate(self.targets)
            ],
            missing,
        )

    def lazy(
        self, *, missing: Missing = "keep", steps_per_chunk: int | None = None
    ) -> xr.DataArray | xr.Dataset:
        """Give all steps as arrays of dask, whose blocks are read when they are computed.

        Parameters
        ----------
        missing : {"keep", "mask"}
            As for `read`.
        steps_per_chunk : int, optional
            Steps in a block; by default `steps_per_read`.

        Returns
        -------
        xarray.DataArray or xarray.Dataset
            As of `read`.

        Raises
        ------
        ValueError
            If `missing` or `steps_per_chunk` does not fit.
        ImportError
            If dask, of the extra ``archive``, is not installed.
        """
        _require_missing(missing)
        length = self.steps_per_read if steps_per_chunk is None else steps_per_chunk
        if length < 1:
            raise ValueError(f"steps_per_chunk must be at least 1, got {steps_per_chunk}")
        return self._dressed(
            [
                self._blocks(number, target, missing, length)
                for number, target in enumerate(self.targets)
            ],
            missing,
        )

    def part(self, first: int, last: int) -> Archive:
        """Give the steps from `first` up to `last` as an archive: what reads them, and no more."""
        return self.only(range(*slice(first, last).indices(len(self.steps))))

    def only(self, numbers: Iterable[int]) -> Archive:
        """Give some steps as an archive: what reads them, and no more."""
        steps = [self.steps[number] for number in numbers]
        used = sorted({step.source for step in steps})
        number = {source: i for i, source in enumerate(used)}
        return replace(
            self,
            inputs=tuple(self.inputs[source] for source in used),
            steps=tuple(step._replace(source=number[step.source]) for step in steps),
        )

    def without(self, steps: Iterable[Step]) -> Archive:
        """Leave out steps, such as those that turned out to be damaged."""
        gone = set(steps)
        return replace(self, steps=tuple(step for step in self.steps if step not in gone))

    def template(self) -> xr.DataArray:
        """Give a raster of zeros (int8) on the grid, with its coordinates and reference system.

        Its name and attributes are those of the first variable, decoded.
        """
        import xarray as xr

        target = self.targets[0]
        made = xr.DataArray(
            np.zeros(self.shape, np.int8),
            coords=self.grid.coords,
            dims=self.dims[1:],
            name=target.name,
            attrs=dict(target.decoded.attrs),
        )
        return self._with_crs(made)

    def areas(self) -> xr.DataArray:
        """Give the areas of the cells; see `fastkm.raster.io.read_bands.read_areas`.

        Raises
        ------
        ValueError
            If the grid has no latitudes and longitudes and no reference system.
        OSError
            If the first input, whose limits of cells count, cannot be read any more.
        """
        first = self.inputs[0]
        with opened(first.path) as dataset:
            return areas_of(dataset, first.variables[0].name, first.path, self.bbox)

    def _places(self, variable: int) -> tuple[Place, ...]:
        """Gather neighbouring steps of one input, so that it is opened once."""
        runs: list[list[Step]] = []
        for step in self.steps:
            if runs and runs[-1][0].source == step.source:
                runs[-1].append(step)
            else:
                runs.append([step])
        return tuple(
            Place(
                self.inputs[run[0].source].path,
                self.inputs[run[0].source].name,
                self.inputs[run[0].source].variables[variable],
                tuple(step.index for step in run),
                tuple(step.time for step in run),
            )
            for run in runs
        )

    def _blocks(self, variable: int, target: Target, missing: Missing, length: int) -> Any:
        """Make an array of dask of one variable."""
        try:
            from dask.array import Array
            from dask.base import tokenize
        except ImportError as error:
            raise ImportError("a lazy archive needs dask: pip install 'fastkm[archive]'") from error
        from uuid import uuid4

        name = f"archive-{target.name}-{tokenize(uuid4().hex)}"
        outcome = target.outcome(missing)
        starts = range(0, len(self.steps), length)
        graph = {
            (name, number, 0, 0): (
                load,
                Block(
                    replace(self, steps=self.steps[start : start + length])._places(variable),
                    self.window,
                    outcome,
                ),
            )
            for number, start in enumerate(starts)
        }
        lengths = tuple(min(length, len(self.steps) - start) for start in starts)
        chunks = (lengths, *((size,) for size in self.shape))
        return Array(graph, name, chunks, dtype=np.dtype(outcome.dtype))

    def _dressed(self, values: list[Any], missing: Missing) -> xr.DataArray | xr.Dataset:
        """Give arrays their coordinates and attributes."""
        import xarray as xr

        time = self.times()
        arrays = {}
        for target, numbers in zip(self.targets, values, strict=True):
            outcome = target.outcome(missing)
            array = xr.DataArray(
                numbers,
                coords={**self.grid.coords, self.dims[0]: time},
                dims=self.dims,
                name=target.name,
                attrs=dict(outcome.attrs),
            )
            array.encoding = dict(outcome.encoding)
            array[self.dims[0]].encoding = dict(self.time_encoding)
            arrays[target.name] = self._with_crs(array)
        if len(arrays) == 1:
            return next(iter(arrays.values()))
        made = xr.Dataset(arrays)
        for name, array in arrays.items():
            made[name].encoding = array.encoding
        return made

    def _with_crs(self, array: xr.DataArray) -> xr.DataArray:
        """Let an array name the reference system among its coordinates, as its inputs did."""
        name = self.grid.attrs.get("grid_mapping")
        if name is not None:
            array.encoding = {**array.encoding, "grid_mapping": name}
        return carry_crs(array, array)


def _require_missing(missing: Any) -> None:
    if missing not in {"mask", "keep"}:
        raise ValueError(f"missing must be 'mask' or 'keep', got {missing!r}")


def _dates(texts: list[str], calendar: str, *, dated: bool) -> np.ndarray:
    """Turn ISO text into dates of numpy, or of cftime."""
    if dated:
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
