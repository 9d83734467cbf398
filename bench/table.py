"""Numbers and tables in Markdown, as readers want them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bench.case import OURS

if TYPE_CHECKING:
    from bench.timing import Measurement


def format_seconds(seconds: float) -> str:
    """Return seconds with three digits and a fitting unit.

    >>> format_seconds(0.0123), format_seconds(85.13), format_seconds(0.0000421)
    ('12.3 ms', '85.1 s', '42.1 us')
    """
    for unit, name in ((1, "s"), (1e3, "ms")):
        if seconds * unit >= 1:
            return f"{seconds * unit:.3g} {name}" if seconds < 1000 else f"{seconds:,.0f} s"
    return f"{seconds * 1e6:.3g} us"


def format_ratio(quotient: float) -> str:
    """Return a ratio with two decimals, from ten on without decimals.

    >>> format_ratio(2.345), format_ratio(1234.5)
    ('2.35', '1,234')
    """
    return f"{quotient:.2f}" if quotient < 10 else f"{quotient:,.0f}"


def format_count(n: int) -> str:
    """Return a whole number as text; powers of ten from 10,000 on as such.

    >>> format_count(10_000_000), format_count(64_800), format_count(100)
    ('1e7', '64,800', '100')
    """
    zeros = len(str(n)) - 1
    return f"1e{zeros}" if n == 10**zeros and zeros >= 4 else f"{n:,}"


def format_spread(seconds: Sequence[float]) -> str:
    """Return the least and the greatest time of some runs, and their number.

    >>> format_spread([0.012, 0.014, 0.011]), format_spread([85.0])
    ('11 ms to 14 ms, 3 runs', 'one run')
    """
    if len(seconds) == 1:
        return "one run"
    return f"{format_seconds(min(seconds))} to {format_seconds(max(seconds))}, {len(seconds)} runs"


def format_table(header: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> str:
    """Return a table; its last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    lines = [header, rules, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def group_by_case(measured: list[Measurement]) -> dict[str, list[Measurement]]:
    """Group measurements by the names of their cases."""
    return {name: list(some) for name, some in groupby(measured, lambda one: one.case)}


def find_own(one: Measurement, case: list[Measurement]) -> Measurement:
    """Return fastkm's measurement on a case, with as many threads as `one` if there is such a run."""
    ours = [other for other in case if other.rival == OURS]
    return next((other for other in ours if other.threads == one.threads), ours[0])


def compute_ratio(one: Measurement, case: list[Measurement]) -> float:
    """Return a rival's median time divided by fastkm's, with as many threads."""
    return one.median / find_own(one, case).median


def compute_excess(one: Measurement, case: list[Measurement]) -> float | None:
    """Return how far a rival's loss is above the least one of its case, as a share."""
    losses = [other.loss for other in case if other.loss is not None]
    if one.loss is None:
        return None
    return one.loss / min(losses) - 1 if min(losses) > 0 else float(one.loss > 0)


def format_excess(share: float | None) -> str:
    """Return as text how far a loss is above the least one.

    >>> format_excess(None), format_excess(1e-9), format_excess(0.0234)
    ('', 'least', '+2.3 %')
    """
    if share is None:
        return ""
    return "least" if share < 1e-6 else format_percent(share)


def format_percent(share: float) -> str:
    """Return a share as text, in per cent with two digits.

    >>> format_percent(0.00234), format_percent(0.456), format_percent(210.7)
    ('+0.23 %', '+46 %', '+21,070 %')
    """
    return f"+{100 * share:,.0f} %" if share >= 0.0995 else f"+{100 * share:.2g} %"


def write_comparison(measured: list[Measurement]) -> str:
    """Return a table with a line for each case and rival, fastkm first; yardsticks are marked."""
    cases = group_by_case(measured)
    graded = any(one.loss is not None for one in measured)
    rows = []
    for case in cases.values():
        for one in case:
            who = f"{one.rival} (a yardstick)" if one.yardstick else one.rival
            row = [
                one.work,
                who,
                one.threads,
                format_seconds(one.median),
                format_spread(one.seconds),
            ]
            row.append(format_ratio(compute_ratio(one, case)))
            rows.append([*row, format_excess(compute_excess(one, case))] if graded else row)
    header = ["work", "who", "threads", "median", "spread", "times fastkm's"]
    return format_table([*header, "inertia"] if graded else header, rows, 4 if graded else 3)


def compute_geometric_mean(numbers: Iterable[float]) -> float:
    """Return the geometric mean of ratios.

    >>> round(compute_geometric_mean([2.0, 8.0]), 6)
    4.0
    """
    return math.exp(statistics.fmean(map(math.log, numbers)))


def write_summary(measured: list[Measurement], fewest: int = 3) -> str:
    """Write the mean ratio of each rival in at least `fewest` cases, and of the quickest of each case."""
    cases = group_by_case(measured)
    ratios: dict[str, list[float]] = {}
    best = []
    for case in cases.values():
        others = [one for one in case if one.rival != OURS and not one.yardstick]
        for one in others:
            ratios.setdefault(one.rival, []).append(compute_ratio(one, case))
        as_good = [
            compute_ratio(one, case) for one in others if (compute_excess(one, case) or 0) < 1e-3
        ]
        if as_good:
            best.append(min(as_good))
    if len(ratios) > 1:
        ratios["the quickest of those as good"] = best
    rows = [
        [
            who,
            len(found),
            format_ratio(compute_geometric_mean(found)),
            format_ratio(min(found)),
            format_ratio(max(found)),
        ]
        for who, found in ratios.items()
        if len(found) >= fewest
    ]
    header = ["times fastkm's", "cases", "geometric mean", "least", "most"]
    return format_table(header, rows, 4)


def list_losses(measured: list[Measurement]) -> list[tuple[str, Measurement, float]]:
    """Return the cases in which a rival is quicker than fastkm, with the measurement and its ratio."""
    return [
        (one.work, one, compute_ratio(one, case))
        for case in group_by_case(measured).values()
        for one in case
        if not one.yardstick and one.rival != OURS and compute_ratio(one, case) < 1
    ]
