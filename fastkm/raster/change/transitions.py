"""What passes from each cluster to each other one between two steps: tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastkm.raster.change.count_changes import (
    CellUnits,
    ChangeCounter,
    ChangeCounts,
    PairTable,
    measure_stays,
    sum_tables,
)
from fastkm.raster.change.label_steps import (
    Lag,
    iterate_label_maps,
    list_months,
    pair_steps,
    to_label_stack,
)
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.grid.geolocation import is_on_globe
from fastkm.raster.grid.repeated_columns import drop_repeated_columns

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
"""Names of the months, for titles."""

UNDATED = 0
"""The month of steps without dates."""


@dataclass(frozen=True, eq=False, repr=False)
class Transitions:
    """What passed between clusters from step to step: a result of `fastkm.transitions`.

    Rows and columns of tables are clusters. Cells that were missing at one of two steps have the
    label -1: there is such a row and column only if there are such cells, so that a row adds up to
    all that was in its cluster at the earlier step.

    Attributes
    ----------
    lag : int or "year"
        How far the two steps of a pair are apart.
    pairs : int
        Number of pairs of steps.
    span : tuple
        The first and the last time; the numbers of the steps if they have no times.
    cells : (k, k) pandas.DataFrame
        Cells that were in one cluster (row, ``from``) and in one (column, ``to``) at the later step,
        summed over all pairs.
    area_km2 : (k, k) pandas.DataFrame
        Their area on WGS84; NaN if it is not known where cells lie.
    by_month : xarray.Dataset or None
        Both tables for each month of the year of the earlier step, (month, from, to); None if steps
        have no dates.
    persistence : pandas.DataFrame
        A row a cluster: ``steps``, summed over cells; ``stays``, runs of steps in which a cell keeps
        its cluster; ``mean_steps``, their mean length, in which a stay that begins before the record
        or ends after it (or where a cell is missing) has the steps that are known;
        ``expected_steps``, the length expected if such stays are known to be longer: steps that are
        followed by another one over ends that were seen (infinite if none was); and
        ``mean_steps_by_area``, ``expected_steps_by_area``, in which cells count by their area.
        Steps are those of the lag: years if it is "year".
    persistence_by_month : pandas.DataFrame or None
        ``expected_steps`` and ``expected_steps_by_area`` by ``month`` of the earlier step and
        ``cluster``: how long stays would be if all months were like this one.
    """

    lag: Lag
    pairs: int
    span: tuple[Any, Any]
    cells: pd.DataFrame
    area_km2: pd.DataFrame
    by_month: xr.Dataset | None
    persistence: pd.DataFrame
    persistence_by_month: pd.DataFrame | None

    def __repr__(self) -> str:
        cells = self.cells.to_numpy()
        moved = 1 - np.trace(cells) / max(1, cells.sum())
        return (
            f"Transitions: {len(self.persistence)} clusters, {self.pairs} pairs of steps "
            f"{_name_lag(self.lag)} apart, {moved:.1%} of the cells change"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return all tables as one: a row for each month (0 for all), ``from`` and ``to``.

        Columns are ``cells``, ``area_km2`` and ``share``, of what was in the cluster at the earlier
        step: of its area or, if that is not known, of its cells.
        """
        import pandas as pd

        months = [0, *(() if self.by_month is None else self.by_month.month.values.tolist())]
        labels = self.cells.index.to_numpy()
        frames = []
        for month in months:
            cells, areas = (table.to_numpy() for table in self._choose(month))
            weights = cells if np.isnan(areas).any() else areas
            with np.errstate(invalid="ignore"):
                share = weights / weights.sum(axis=1, keepdims=True)
            columns = {
                "month": month,
                "from": np.repeat(labels, len(labels)),
                "to": np.tile(labels, len(labels)),
                "cells": cells.ravel(),
                "area_km2": areas.ravel(),
                "share": share.ravel(),
            }
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def plot(self, *, month: int | None = None, title: str | None = None) -> Figure:
        """Draw the matrix of transitions: for each cluster, the shares that pass to the others.

        Parameters
        ----------
        month : int, optional
            Only the pairs whose earlier step is in this month of the year, 1 to 12; by default all.
        title : str, optional
            The title; by default it names the lag and the month.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If there are no such pairs.
        """
        from fastkm.plot import transitions_figure

        table, unit = self._find_shown(month)
        return transitions_figure(
            table.to_numpy(), table.index, title=title or self._name(month), unit_of_area=unit
        )

    def plot_flows(self, *, month: int | None = None, title: str | None = None) -> Figure:
        """Draw what passes between clusters as flows as wide as their areas: a Sankey diagram.

        Parameters, result and errors are those of `plot`.
        """
        from fastkm.plot import flows_figure

        table, unit = self._find_shown(month)
        return flows_figure(
            table.to_numpy(), table.index, title=title or self._name(month), unit_of_area=unit
        )

    def _choose(self, month: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the tables of a month, or of all pairs if it is 0."""
        if month == 0:
            return self.cells, self.area_km2
        if self.by_month is None or month not in self.by_month.month:
            known = "none" if self.by_month is None else self.by_month.month.values.tolist()
            raise ValueError(
                f"month must be one in which pairs of steps begin, {known}, got {month}"
            )
        own = self.by_month.sel(month=month, drop=True)
        return own.cells.to_pandas(), own.area_km2.to_pandas()

    def _find_shown(self, month: int | None) -> tuple[pd.DataFrame, Literal["km2", "cells"]]:
        """Return the table that figures show, and its unit."""
        cells, areas = self._choose(month or 0)
        return (cells, "cells") if areas.isna().to_numpy().any() else (areas, "km2")

    def _name(self, month: int | None) -> str:
        """Return the title of figures."""
        from fastkm.plot._text import format_period

        start = "" if month is None else f" from {MONTHS[month - 1]}"
        later = f"{self.lag} steps later" if self.lag not in {1, "year"} else "the next"
        unit = "year" if self.lag == "year" else "step"
        return f"From one {unit} to {later}{start}\n{format_period(*self.span)}"


def transitions(
    labels: xr.DataArray,
    *,
    areas: xr.DataArray | None = None,
    lag: Lag = 1,
    threads: int | None = None,
) -> Transitions:
    """Count what passes from each cluster to each other one between steps of label maps.

    Parameters
    ----------
    labels : (time, y, x) xarray.DataArray
        Label maps in the order of time: whole numbers, negative or NaN where missing. Lazy ones, of
        dask, are read a few steps at a time. A last column that repeats the first counts once.
    areas : (y, x) xarray.DataArray, optional
        Areas of the cells in m2; by default the exact ones of the grid on WGS84.
    lag : int or "year", default: 1
        Compare each step with the one so many steps before, or with that of the same month (day,
        hour) of the year before.
    threads : int, optional
        By default all CPUs that the process may use.

    Returns
    -------
    Transitions
        Tables of cells and areas, for all steps and by month; how long cells stay; figures. They are
        the same, bit for bit, however the labels are chunked.

    Raises
    ------
    TypeError
        If the labels are no `DataArray`.
    ValueError
        If there are no two steps to compare, dates do not ascend, labels are no whole numbers below
        4096, `areas` are on another grid, or `lag` is not valid.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> maps = np.array([[[0, 0, 1]], [[0, 1, 1]], [[0, 1, 1]]])
    >>> months = np.array(["2009-01-16", "2009-02-14", "2009-03-16"], "M8[ns]")
    >>> labels = xr.DataArray(maps, {"time": months}, ("time", "y", "x"))
    >>> found = transitions(labels)
    >>> found
    Transitions: 2 clusters, 2 pairs of steps 1 step apart, 16.7% of the cells change
    >>> found.cells.values.tolist()
    [[2, 1], [0, 3]]
    >>> found.persistence[["steps", "stays", "mean_steps", "expected_steps"]].values.tolist()
    [[4.0, 2.0, 2.0, 3.0], [5.0, 2.0, 2.5, inf]]
    """
    stack = to_label_stack(labels)
    time = stack[stack.dims[0]]
    months = list_months(time)
    if months is not None and not (time.values[1:] > time.values[:-1]).all():
        raise ValueError(
            f"labels must be in the order of time, each time once: take labels.sortby({time.name!r}), "
            "and leave out steps that come twice"
        )
    earlier = pair_steps(time, lag)
    if not earlier:
        raise ValueError(
            f"labels must have two steps that are {_name_lag(lag)} apart, got {time.size} steps without "
            "such a pair"
        )
    units = _measure_cells(labels, stack, areas)
    counter = ChangeCounter(earlier, months or [], units, threads)
    for number, plane in enumerate(iterate_label_maps(stack)):
        counter.add(number, plane)
    k = int(np.max(labels.attrs.get("flag_values", 0))) + 1
    return summarize_changes(counter.counts, units, time, k=k, lag=lag, pairs=len(earlier))


def _measure_cells(
    labels: xr.DataArray, stack: xr.DataArray, areas: xr.DataArray | None
) -> CellUnits:
    """Measure the cells of the label maps, or take the areas that are given."""
    dims = stack.dims[1:]
    if areas is None:
        # the repeated columns say where the last of the others end
        plane = labels.isel({stack.dims[0]: 0}, drop=True).transpose(*dims)
        plane = plane.copy(data=np.zeros(plane.shape, np.int8))
        if not plane.size or not is_on_globe(plane):
            return CellUnits.measure(None)
        areas = cell_areas(plane)
    areas = drop_repeated_columns(areas)
    sizes = {dim: stack.sizes[dim] for dim in dims}
    if dict(areas.sizes) != sizes:
        raise ValueError(
            f"areas must have the rows and columns of the labels, {sizes}, got {dict(areas.sizes)}"
        )
    return CellUnits.measure(areas.transpose(*dims).values.astype(np.float64))


def summarize_changes(
    counts: ChangeCounts, units: CellUnits, time: xr.DataArray, *, k: int, lag: Lag, pairs: int
) -> Transitions:
    """Return the tables of what was counted at some times, of at least k clusters."""
    import pandas as pd
    import xarray as xr

    span = time.values[0], time.values[-1]
    # tables of one size, missing cells last or left out
    of_month = dict(sorted(counts.tables.items()))
    size = max(k + 1, *(len(table.cells) for table in (counts.entered, *of_month.values())))
    total = sum_tables([PairTable.empty(size), *of_month.values()])
    entered = counts.entered.widen(size)
    order = np.append(np.arange(1, size), 0)
    if not (total.cells[0, 1:].any() or total.cells[1:, 0].any()):
        order = order[:-1]

    def select(table: PairTable) -> tuple[np.ndarray, np.ndarray]:
        cells, areas = (part[np.ix_(order, order)] for part in table.widen(size))
        absent = np.flatnonzero(order == 0)  # cells that are missing at both steps
        cells[absent, absent] = areas[absent, absent] = 0
        return cells.astype(np.int64), units.to_km2(areas)

    index, columns = (pd.Index(order - 1, name=name) for name in ("from", "to"))
    cells, areas = (pd.DataFrame(one, index, columns) for one in select(total))
    stays = measure_stays(total, entered, known=units.known)
    if set(of_month) == {UNDATED}:
        return Transitions(lag, pairs, span, cells, areas, None, stays, None)

    # the same for each month
    both = zip(*map(select, of_month.values()), strict=True)
    dims = ("month", *cells.axes[0].names, *cells.axes[1].names)
    by_month = xr.Dataset(
        {
            name: (dims, np.stack(own))
            for name, own in zip(("cells", "area_km2"), both, strict=True)
        },
        dict(zip(dims, (list(of_month), index.to_numpy(), columns.to_numpy()), strict=True)),
    )
    by_month["area_km2"].attrs["units"] = "km2"
    frames = [
        measure_stays(table.widen(size), entered, known=units.known) for table in of_month.values()
    ]
    monthly = pd.concat(frames, keys=list(of_month), names=["month"])
    expected = [name for name in monthly if name.startswith("expected")]
    return Transitions(lag, pairs, span, cells, areas, by_month, stays, monthly[expected])


def _name_lag(lag: Lag) -> str:
    return "a year" if lag == "year" else "1 step" if lag == 1 else f"{lag} steps"
