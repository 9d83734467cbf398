"""Steps on an axis of time: where each begins and ends, where steps are missing, and the ticks.

A step has one time and no length. It is drawn up to half-way to its neighbours, provided that the
distance between the two is the usual one: the median of the seven distances around it, so that an
archive may be daily for some years and monthly for others. If the distance is more than one and a
half times the usual one, steps are missing. The step then ends after half of the usual distance,
and nothing is drawn up to where the next one begins.

If there are more steps than a page has dots, they share columns of equal width: steps whose times
lie in a column are averaged, and a column without any shows the step that covers its middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2000  # more steps than this share columns: a page at 300 dpi has 2,250 dots across
GAP = 1.5  # steps are missing between two that are more than this times the usual distance apart
WINDOW = 7  # number of distances whose median is the usual one
YEAR_DAYS = 365.25
FIRST, LAST = (float(date2num(np.datetime64(day))) for day in ("0001-01-01", "9999-12-31"))
"""Days that matplotlib can mark; half a step may not reach beyond them."""
ROWS_AT_ONCE = 32  # rows averaged at a time: all at once would take thrice the cells' memory
YEAR = 12  # months of the running mean


class Steps(NamedTuple):
    """Where steps lie on the axis, in days for dates and in years for numbers."""

    position: np.ndarray  # the times, ascending
    left: np.ndarray  # where each step begins to be drawn
    right: np.ndarray  # where each step ends
    gap_after: np.ndarray  # whether steps are missing after each step but the last


class SharedColumns(NamedTuple):
    """Columns of equal width that steps share."""

    edges: np.ndarray  # ends of the columns, one more than there are columns
    filled: np.ndarray  # columns in which times lie
    starts: np.ndarray  # first step of each filled column; its last one is before the next start
    covered: np.ndarray  # columns in which no time lies, but that a step covers
    covering: np.ndarray  # the step that covers each of those columns


def check_series(
    times: np.ndarray, values: np.ndarray, ndim: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values as arrays of fitting shapes, unknown values NaN."""
    times = np.asarray(times)
    values = getattr(values, "values", values)
    kind = np.result_type(np.asarray(values), np.float32)  # float32 stays, to spare memory
    values = np.ma.asarray(values).astype(kind, copy=False)
    values = np.asarray(np.ma.filled(values, np.nan))
    if np.isinf(values).any():
        values = np.where(np.isinf(values), np.nan, values)
    if times.ndim != 1 or not len(times):
        raise ValueError(f"times must have shape (n,) with n of at least 1, got {times.shape}")
    if values.ndim != ndim or len(values) != len(times) or not values.size:
        raise ValueError(
            f"{name} must have {ndim} dimensions, the first of {len(times)}, got {values.shape}"
        )
    return times, values


def place_steps(times: np.ndarray) -> Steps:
    """Place at least one step, with dates or numbers of years as times, on the axis."""
    dates = times.dtype.kind == "M"
    position = np.asarray(date2num(times) if dates else times, float)
    distances = np.diff(position)
    if not (np.isfinite(position).all() and (distances > 0).all()):
        at = int(np.argmin(np.isfinite(position) & np.append(True, distances > 0)))
        raise ValueError(f"times must ascend and none be missing, got {times[at]} as number {at}")
    # Each step reaches half-way to its neighbours, or less far if steps are missing.
    usual = _find_usual_distances(distances)
    gap_after = distances > GAP * usual
    reach = np.where(gap_after, usual, distances) / 2
    ends = usual[[0, -1]] / 2 if len(usual) else np.full(2, 15.0 if dates else 0.5)
    left, right = position - np.append(ends[0], reach), position + np.append(reach, ends[1])
    if dates:
        left, right = np.maximum(left, FIRST), np.minimum(right, LAST)
    return Steps(position, left, right, gap_after)


def is_monthly(times: np.ndarray) -> bool:
    """Return True if most steps are a month after the one before."""
    if len(times) < 2:
        return False
    days = float(np.median(np.diff(place_steps(times).position)))
    return 27.0 < days * (1.0 if times.dtype.kind == "M" else YEAR_DAYS) < 32.0


def share_columns(steps: Steps) -> SharedColumns:
    """Divide the axis into `COLUMNS` columns, for more steps than that."""
    position, left, right, _ = steps
    edges = np.linspace(left[0], right[-1], COLUMNS + 1)
    # The steps of column i are those from firsts[i] to before stops[i].
    inner = np.searchsorted(position, edges[1:-1])
    firsts, stops = np.append(0, inner), np.append(inner, len(position))
    filled = np.flatnonzero(stops > firsts)
    # A column without steps may lie within one that begins before it.
    empty = np.flatnonzero(stops == firsts)
    middle = (edges[empty] + edges[empty + 1]) / 2
    nearest = np.minimum(np.searchsorted(right, middle), len(position) - 1)
    covers = (left[nearest] <= middle) & (middle < right[nearest])
    return SharedColumns(edges, filled, firsts[filled], empty[covers], nearest[covers])


def average_columns(steps: Steps, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of columns, (m + 1,), and what is in them, (m, y): one a step, or shared.

    `cells`, (n, y), is what each step holds. NaN is missing; a column of NaN is a gap.
    """
    if len(steps.position) > COLUMNS:
        shared = share_columns(steps)
        held = np.full((COLUMNS, cells.shape[1]), np.nan)
        for first in range(0, cells.shape[1], ROWS_AT_ONCE):
            rows = slice(first, first + ROWS_AT_ONCE)
            present = np.isfinite(cells[:, rows])
            known = np.where(present, cells[:, rows], 0.0)
            sums = np.add.reduceat(known, shared.starts, dtype=float)
            counts = np.add.reduceat(present, shared.starts, dtype=np.int64)
            held[shared.filled, rows] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        held[shared.covered] = cells[shared.covering]
        return shared.edges, held
    # A column of NaN stands before each step that follows a gap.
    before = np.flatnonzero(steps.gap_after) + 1
    edges = np.append(steps.left[0], steps.right)
    return np.insert(edges, before + 1, steps.left[before]), np.insert(cells, before, np.nan, 0)


def break_line(steps: Steps, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and values with NaN where steps are missing: a line is broken there."""
    after = np.flatnonzero(steps.gap_after) + 1
    ends = steps.right[after - 1]
    return np.insert(steps.position, after, ends), np.insert(values, after, np.nan)


def find_isolated(line: np.ndarray) -> np.ndarray:
    """Return which values have no neighbour that a line could join them to."""
    held = np.pad(np.isfinite(line), 1)
    return np.asarray(held[1:-1] & ~held[:-2] & ~held[2:])


def running_mean(steps: Steps, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and means of 12 successive steps; NaN if one of them is missing."""
    windows = np.lib.stride_tricks.sliding_window_view
    mean = windows(values, YEAR).mean(axis=1)
    broken = windows(steps.gap_after, YEAR - 1).any(axis=1)
    return windows(steps.position, YEAR).mean(axis=1), np.where(broken, np.nan, mean)


def format_time(ax: Axes, times: np.ndarray, steps: Steps) -> None:
    """Set limits and ticks; a single step has one tick, with its date."""
    axis: Any = ax.xaxis
    ax.set_xlim(steps.left[0], steps.right[-1])
    dates = times.dtype.kind == "M"
    if dates:
        axis.axis_date()
    else:
        ax.set_xlabel("year")
    if len(times) == 1:
        text = str(times.astype("M8[D]")[0]) if dates else f"{times[0]:.2f}"
        ax.set_xticks(steps.position, [text])
    elif dates:
        locator = AutoDateLocator(minticks=3, maxticks=9)
        axis.set_major_locator(locator)
        axis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.10g}"))


def _find_usual_distances(distances: np.ndarray) -> np.ndarray:
    """Return the median of the distances around each; one or two gaps do not move it."""
    if len(distances) <= WINDOW:
        return np.full(len(distances), np.median(distances)) if len(distances) else distances
    padded = np.pad(distances, WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    return np.asarray(np.median(windows, axis=1))
