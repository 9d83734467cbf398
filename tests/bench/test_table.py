"""Tables give medians, spreads and ratios at as many threads, and hide no loss."""

import doctest

import pytest

from bench import table
from bench.table import (
    format_excess,
    format_ratio,
    format_seconds,
    format_spread,
    format_table,
    list_losses,
    write_comparison,
    write_summary,
)
from bench.timing import Measurement


def measured(case: str, rival: str, *seconds: float, threads: int = 2, **more) -> Measurement:
    return Measurement(case, rival, threads, list(seconds), **more)


WORK = [
    measured("one", "fastkm", 0.001, 0.002, 0.004),
    measured("one", "fastkm", 0.003, threads=1),
    measured("one", "serial", 0.006, threads=1),
    measured("one", "parallel", 0.001),
    measured("one", "np.sum", 0.0005, yardstick=True),
]


def test_ratios_are_to_fastkm_with_as_many_threads() -> None:
    lines = write_comparison(WORK).splitlines()
    assert lines[0] == "| work | who | threads | median | spread | times fastkm's |"
    assert lines[2:] == [
        "| one | fastkm | 2 | 2 ms | 1 ms to 4 ms, 3 runs | 1.00 |",
        "| one | fastkm | 1 | 3 ms | one run | 1.00 |",
        "| one | serial | 1 | 6 ms | one run | 2.00 |",
        "| one | parallel | 2 | 1 ms | one run | 0.50 |",
        "| one | np.sum (a yardstick) | 2 | 500 us | one run | 0.25 |",
    ]


def test_inertia_stands_beside_time() -> None:
    work = [
        measured("one", "fastkm", 2.0, loss=100.0),
        measured("one", "worse", 1.0, loss=102.34),
        measured("two", "fastkm", 2.0),
    ]
    lines = write_comparison(work).splitlines()
    assert lines[0].endswith("| inertia |")
    assert lines[2].endswith("| 1.00 | least |")
    assert lines[3].endswith("| 0.50 | +2.3 % |")
    assert lines[4].endswith("| 1.00 |  |")


def test_losses_are_listed_and_yardsticks_are_not() -> None:
    assert [(case, one.rival, ratio) for case, one, ratio in list_losses(WORK)] == [
        ("one", "parallel", 0.5)
    ]


def test_summary_averages_ratios_and_takes_the_quickest_of_those_as_good() -> None:
    work = [
        one
        for case, slow, quick in (("a", 4.0, 9.0), ("b", 18.0, 8.0), ("c", 2.0, 0.5))
        for one in (
            measured(case, "fastkm", 1.0, loss=10.0),
            measured(case, "slow", slow, loss=10.0),
            measured(case, "quick", quick, loss=10.0 if case == "b" else 11.0),
            *([measured(case, "seldom", 1.0, loss=10.0)] if case == "a" else []),
        )
    ]
    lines = write_summary(work).splitlines()
    assert lines[2] == "| slow | 3 | 5.24 | 2.00 | 18 |"
    assert lines[3] == "| quick | 3 | 3.30 | 0.50 | 9.00 |"
    assert lines[4] == "| the quickest of those as good | 3 | 2.52 | 1.00 | 8.00 |"
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1234.5, "1,234 s"), (85.13, "85.1 s"), (1.0, "1 s"), (0.5, "500 ms"), (4.2e-5, "42 us")],
)
def test_seconds_have_a_fitting_unit(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_small_words() -> None:
    assert format_ratio(9.994) == "9.99"
    assert format_ratio(1330.4) == "1,330"
    assert format_excess(0.0) == "least"
    assert format_excess(0.8) == "+80 %"
    assert format_spread([1.0]) == "one run"
    assert format_table(["a", "b"], [[1, 2]], 1) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_examples_of_numbers_hold() -> None:
    tried = doctest.testmod(table)
    assert tried.attempted > 5
    assert tried.failed == 0
