"""Numbers and tables as people read them, in Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bench.case import OURS

if TYPE_CHECKING:
    from bench.timing import Measured


def readable(seconds: float) -> str:
    """Give seconds with three digits and a fitting unit.

    >>> readable(0.0123), readable(85.13), readable(0.0000421)
    ('12.3 ms', '85.1 s', '42.1 us')
    """
    for unit, name in ((1, "s"), (1e3, "ms")):
        if seconds * unit >= 1:
            return f"{seconds * unit:.3g} {name}" if seconds < 1000 else f"{seconds:,.0f} s"
    return f"{seconds * 1e6:.3g} us"


def times(ratio: float) -> str:
    """Give a ratio with two decimals, from ten on with none.

    >>> times(2.345), times(1234.5)
    ('2.35', '1,234')
    """
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def count(n: int) -> str:
    """Write a number of things, powers of ten from 10,000 on as such.

    >>> count(10_000_000), count(64_800), count(100)
    ('1e7', '64,800', '100')
    """
    zeros = len(str(n)) - 1
    return f"1e{zeros}" if n == 10**zeros and zeros >= 4 else f"{n:,}"


def spread(seconds: Sequence[float]) -> str:
    """Give the least and the most of some runs, and their number.

    >>> spread([0.012, 0.014, 0.011]), spread([85.0])
    ('11 ms to 14 ms, 3 runs', 'one run')
    """
    if len(seconds) == 1:
        return "one run"
    return f"{readable(min(seconds))} to {readable(max(seconds))}, {len(seconds)} runs"


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> str:
    """Write a table; its last columns, as many as `numbers`, are set to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    lines = [header, rules, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def by_case(measured: list[Measured]) -> dict[str, list[Measured]]:
    """Sort what was measured by cases."""
    return {name: list(some) for name, some in groupby(measured, lambda one: one.case)}


def measure_of(one: Measured, case: list[Measured]) -> Measured:
    """Find fastkm's own figure on a case, with as many threads where there is one."""
    ours = [other for other in case if other.rival == OURS]
    return next((other for other in ours if other.threads == one.threads), ours[0])


def ratio(one: Measured, case: list[Measured]) -> float:
    """Tell how many times fastkm's median, with as many threads, a rival's is."""
    return one.median / measure_of(one, case).median


def worse(one: Measured, case: list[Measured]) -> float | None:
    """Tell how far a rival's loss is above the least of all, as a share."""
    losses = [other.loss for other in case if other.loss is not None]
    if one.loss is None:
        return None
    return one.loss / min(losses) - 1 if min(losses) > 0 else float(one.loss > 0)


def above(share: float | None) -> str:
    """Write how far something is above the least.

    >>> above(None), above(1e-9), above(0.0234)
    ('', 'least', '+2.3 %')
    """
    if share is None:
        return ""
    return "least" if share < 1e-6 else percent(share)


def percent(share: float) -> str:
    """Write a share with two digits.

    >>> percent(0.00234), percent(0.456), percent(210.7)
    ('+0.23 %', '+46 %', '+21,070 %')
    """
    return f"+{100 * share:,.0f} %" if share >= 0.0995 else f"+{100 * share:.2g} %"


def comparison_table(measured: list[Measured]) -> str:
    """Give a line for each case and rival, fastkm first; yardsticks are called so."""
    cases = by_case(measured)
    graded = any(one.loss is not None for one in measured)
    rows = []
    for name, case in cases.items():
        for one in case:
            who = f"{one.rival} (a yardstick)" if one.yardstick else one.rival
            row = [name, who, one.threads, readable(one.median), spread(one.seconds)]
            row.append(times(ratio(one, case)))
            rows.append([*row, above(worse(one, case))] if graded else row)
    header = ["work", "who", "threads", "median", "spread", "times fastkm's"]
    return markdown([*header, "inertia"] if graded else header, rows, 4 if graded else 3)


def geometric_mean(numbers: Iterable[float]) -> float:
    """Average ratios.

    >>> round(geometric_mean([2.0, 8.0]), 6)
    4.0
    """
    return math.exp(statistics.fmean(map(math.log, numbers)))


def summary_table(measured: list[Measured], fewest: int = 3) -> str:
    """Average the ratios of each rival that takes part in some cases, and of the best of all."""
    cases = by_case(measured)
    ratios: dict[str, list[float]] = {}
    best = []
    for case in cases.values():
        others = [one for one in case if one.rival != OURS and not one.yardstick]
        for one in others:
            ratios.setdefault(one.rival, []).append(ratio(one, case))
        as_good = [ratio(one, case) for one in others if (worse(one, case) or 0) < 1e-3]
        if as_good:
            best.append(min(as_good))
    if len(ratios) > 1:
        ratios["the quickest of those as good"] = best
    rows = [
        [who, len(found), times(geometric_mean(found)), times(min(found)), times(max(found))]
        for who, found in ratios.items()
        if len(found) >= fewest
    ]
    header = ["times fastkm's", "cases", "geometric mean", "least", "most"]
    return markdown(header, rows, 4)


def losing(measured: list[Measured]) -> list[tuple[str, Measured, float]]:
    """List the rivals that are quicker than fastkm and as good, with their ratios."""
    return [
        (name, one, ratio(one, case))
        for name, case in by_case(measured).items()
        for one in case
        if not one.yardstick and one.rival != OURS and ratio(one, case) < 1
    ]
