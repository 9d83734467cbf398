"""Steps on an axis of time: where each begins and ends, where some are missing, its ticks.

A step has one time and no length. It is drawn up to half-way to its neighbours, but only where
the distance between the two is the usual one there: the median of the seven around it, so that
an archive may be daily for some years and monthly for others. Where it is more than one and a
half times that, steps are missing. A step then ends after half of the usual distance, and
nothing is drawn up to where the next one begins.

More steps than a page has dots share columns of equal width: steps whose times lie in a column
are averaged, and a column in which none lies shows the step that covers its middle, if any does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2000
"""Beyond which several steps share one: a page at 300 dpi has 2,250 dots across."""
GAP = 1.5
"""Times the usual distance from which on steps are missing between two."""
AROUND = 7
"""Distances that the usual one is the median of."""
YEAR_DAYS = 365.25
FIRST, LAST = (float(date2num(np.datetime64(day))) for day in ("0001-01-01", "9999-12-31"))
"""Days that matplotlib can mark: half a step beyond them is nowhere."""
TOGETHER = 32
"""Rows that are averaged together: all of them would take thrice the memory of the cells."""
YEAR = 12
"""Steps of a running mean."""


class Steps(NamedTuple):
    """Where steps lie on the axis, in days for dates and in years for numbers."""

    where: np.ndarray
    """Their times, ascending."""
    left: np.ndarray
    """Where each begins to be drawn."""
    right: np.ndarray
    """Where each ends."""
    gone: np.ndarray
    """Whether steps are missing after each but the last."""


class Shared(NamedTuple):
    """Columns of equal width that steps share."""

    edges: np.ndarray
    """Ends of the columns, one more than there are columns."""
    filled: np.ndarray
    """Columns in which times lie."""
    starts: np.ndarray
    """The first step of each of these; the next one's is where it stops."""
    covered: np.ndarray
    """Columns in which no time lies, but that a step covers."""
    by: np.ndarray
    """The step that covers each of these."""


def locate(times: np.ndarray) -> Steps:
    """Place steps on the axis.

    Parameters
    ----------
    times : (n,) array
        Dates, or numbers of years; n at least 1.

    Returns
    -------
    Steps

    Raises
    ------
    ValueError
        If the times do not ascend.

    Examples
    --------
    >>> steps = locate(np.array([2000.0, 2001.0, 2006.0, 2007.0]))
    >>> steps.left.tolist(), steps.right.tolist()
    ([1999.5, 2000.5, 2005.5, 2006.5], [2000.5, 2001.5, 2006.5, 2007.5])
    >>> steps.gone.tolist()
    [False, True, False]
    """
    dates = times.dtype.kind == "M"
    where = np.asarray(date2num(times) if dates else times, float)
    steps = np.diff(where)
    if not (np.isfinite(where).all() and (steps > 0).all()):
        at = int(np.argmin(np.isfinite(where) & np.append(True, steps > 0)))
        msg = f"times must ascend and none be missing, got {times[at]} as number {at}"
        raise ValueError(msg)
    usual = _usual(steps)
    gone = steps > GAP * usual
    reach = np.where(gone, usual, steps) / 2
    ends = usual[[0, -1]] / 2 if len(usual) else np.full(2, 15.0 if dates else 0.5)
    left, right = where - np.append(ends[0], reach), where + np.append(reach, ends[1])
    if dates:
        left, right = np.maximum(left, FIRST), np.minimum(right, LAST)
    return Steps(where, left, right, gone)


def is_monthly(times: np.ndarray) -> bool:
    """Tell whether most steps are a month after the one before.

    Examples
    --------
    >>> is_monthly(np.arange("2009-01", "2009-07", dtype="M8[M]")), is_monthly(np.arange(3.0))
    (True, False)
    """
    if len(times) < 2:
        return False
    days = float(np.median(np.diff(locate(times).where)))
    return 27.0 < days * (1.0 if times.dtype.kind == "M" else YEAR_DAYS) < 32.0


def shared_columns(steps: Steps) -> Shared:
    """Give columns to share where there are more steps than `COLUMNS`."""
    where, left, right, _ = steps
    edges = np.linspace(left[0], right[-1], COLUMNS + 1)
    inner = np.searchsorted(where, edges[1:-1])
    firsts, stops = np.append(0, inner), np.append(inner, len(where))
    filled = np.flatnonzero(stops > firsts)
    empty = np.flatnonzero(stops == firsts)
    middle = (edges[empty] + edges[empty + 1]) / 2
    by = np.minimum(np.searchsorted(right, middle), len(where) - 1)
    covers = (left[by] <= middle) & (middle < right[by])
    return Shared(edges, filled, firsts[filled], empty[covers], by[covers])


def columns(steps: Steps, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the ends of columns and what is in them.

    Parameters
    ----------
    steps : Steps
        The n steps.
    cells : (n, y) float array
        What each holds; NaN is missing.

    Returns
    -------
    edges : (m + 1,) array
        Ends of the columns.
    columns : (m, y) array
        NaN where steps are missing.

    Examples
    --------
    >>> edges, held = columns(locate(np.array([0.0, 1.0, 5.0, 6.0])), np.eye(4, 1))
    >>> edges.tolist(), held[:, 0].tolist()
    ([-0.5, 0.5, 1.5, 4.5, 5.5, 6.5], [1.0, 0.0, nan, 0.0, 0.0])
    """
    if len(steps.where) > COLUMNS:
        shared = shared_columns(steps)
        held = np.full((COLUMNS, cells.shape[1]), np.nan)
        for first in range(0, cells.shape[1], TOGETHER):
            rows = slice(first, first + TOGETHER)
            present = np.isfinite(cells[:, rows])
            sums = np.add.reduceat(
                np.where(present, cells[:, rows], 0.0), shared.starts, dtype=float
            )
            counts = np.add.reduceat(present, shared.starts, dtype=np.int64)
            held[shared.filled, rows] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        held[shared.covered] = cells[shared.by]
        return shared.edges, held
    before = np.flatnonzero(steps.gone) + 1
    edges = np.append(steps.left[0], steps.right)
    return np.insert(edges, before + 1, steps.left[before]), np.insert(cells, before, np.nan, 0)


def broken(steps: Steps, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put NaN where steps are missing, so that a line is broken there."""
    after = np.flatnonzero(steps.gone) + 1
    return np.insert(steps.where, after, steps.right[after - 1]), np.insert(values, after, np.nan)


def alone(line: np.ndarray) -> np.ndarray:
    """Tell which values have no neighbour that a line could join them to."""
    held = np.pad(np.isfinite(line), 1)
    return np.asarray(held[1:-1] & ~held[:-2] & ~held[2:])


def running_mean(steps: Steps, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average 12 steps that follow each other; NaN where one of them is missing."""
    windows = np.lib.stride_tricks.sliding_window_view
    mean = windows(values, YEAR).mean(axis=1)
    gone = windows(steps.gone, YEAR - 1).any(axis=1)
    return windows(steps.where, YEAR).mean(axis=1), np.where(gone, np.nan, mean)


def mark_time(ax: Axes, times: np.ndarray, steps: Steps) -> None:
    """Set limits and ticks; a single step has one tick, which says when it is."""
    axis: Any = ax.xaxis
    ax.set_xlim(steps.left[0], steps.right[-1])
    dates = times.dtype.kind == "M"
    if dates:
        axis.axis_date()
    else:
        ax.set_xlabel("year")
    if len(times) == 1:
        text = str(times.astype("M8[D]")[0]) if dates else f"{times[0]:.2f}"
        ax.set_xticks(steps.where, [text])
    elif dates:
        locator = AutoDateLocator(minticks=3, maxticks=9)
        axis.set_major_locator(locator)
        axis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.10g}"))


def _usual(distances: np.ndarray) -> np.ndarray:
    """Give the usual distance around each: a median that one or two gaps do not move."""
    if len(distances) <= AROUND:
        return np.full(len(distances), np.median(distances)) if len(distances) else distances
    padded = np.pad(distances, AROUND // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    return np.asarray(np.median(windows, axis=1))
