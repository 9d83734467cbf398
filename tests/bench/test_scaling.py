"""Scaling: every rival on every axis, until it is too slow, with the slope of its upper half."""

import pytest

from bench import scaling
from bench.case import Case, Rival
from bench.scaling import (
    Sweep,
    choose_places,
    extract_curve,
    figures,
    fit_slope,
    fit_upper_slope,
    list_rivals,
    predict_seconds,
    run_sweep,
    section,
    write_table,
)


def points(rival: str, *seconds: float, first: int = 100, factor: int = 10) -> list[dict]:
    return [
        {"rival": rival, "value": first * factor**i, "seconds": [s], "threads": 1}
        for i, s in enumerate(seconds)
    ]


SWEEP = {
    "title": "work",
    "axis": "n",
    "points": [*points("fastkm", 0.001, 0.01, 0.1), *points("square", 0.001, 0.1)],
    "stopped": {"square": 10_000},
}


def test_slopes_are_powers() -> None:
    assert fit_slope([1, 10, 100], [2, 20, 200]) == pytest.approx(1)
    assert fit_slope([1, 10], [2, 200]) == pytest.approx(2)
    assert fit_slope([1], [2]) is None
    # the first figure is what a call costs
    assert fit_upper_slope([1, 10, 100, 1000], [1, 1, 10, 100]) == pytest.approx(1)


def test_the_next_figure_is_expected_by_the_growth_so_far() -> None:
    some = points("a", 0.01, 0.1)
    assert predict_seconds(some, "a", 10_000) == pytest.approx(1.0)
    assert predict_seconds(points("b", 0.01, 1.0), "b", 10_000) == pytest.approx(100.0)
    # one figure, or one that fell, counts in proportion; chance has an end
    assert predict_seconds(points("c", 0.01), "c", 1_000) == pytest.approx(0.1)
    assert predict_seconds(points("d", 0.01, 0.005), "d", 10_000) == pytest.approx(0.05)
    assert predict_seconds(points("e", 1e-9, 1.0), "e", 10_000) == pytest.approx(1000.0)


def test_curves_ascend_by_place() -> None:
    mixed = [*points("a", 0.2, first=2), *points("a", 0.1, first=1), *points("b", 9.0)]
    assert extract_curve(mixed, "a") == ([1, 2], [0.1, 0.2])
    assert list_rivals(mixed) == ["a", "b"]


def of_speed(seconds: dict[str, float], log: list) -> Case:
    def runner(name: str):
        return Rival(lambda n: log.append((name, n)))

    sizes = {"tiny": 1, "small": 1, "full": 1}
    return Case("w", lambda n: n, sizes, {n: runner(n) for n in seconds}, lambda *_: None)


def test_a_rival_that_is_too_slow_stops_and_fastkm_goes_on(monkeypatch) -> None:
    log = []
    sweep = Sweep("work", "n", (1, 10, 100), lambda n: of_speed({"fastkm": 1, "slow": 2}, log))
    monkeypatch.setattr(scaling, "predict_seconds", lambda some, name, value: 99.0)
    found = run_sweep(sweep, "full")
    assert found["stopped"] == {"slow": 10}
    assert [one["value"] for one in found["points"] if one["rival"] == "slow"] == [1]
    assert [one["value"] for one in found["points"] if one["rival"] == "fastkm"] == [1, 10, 100]


def test_threads_are_an_axis_for_those_who_have_them() -> None:
    log = []
    case = of_speed({"fastkm": 1, "parallel": 1}, log)
    serial = {**case.rivals, "serial": Rival(lambda n: None, serial=True)}
    case = Case("w", case.make, case.sizes, serial, case.check)
    found = run_sweep(Sweep("work", "threads", (1, 2), lambda _: case), "tiny")
    assert {(one["rival"], one["value"]) for one in found["points"]} == {
        (name, n) for name in ("fastkm", "parallel") for n in (1, 2)
    }


def test_sizes_end_the_axes() -> None:
    sweep = Sweep("work", "n", (100, 10_000, 10**8), lambda n: None)
    assert choose_places(sweep, "full") == (100, 10_000, 10**8)
    assert choose_places(sweep, "small") == (100, 10_000)
    assert choose_places(sweep, "tiny") == (100, 10_000)


def test_a_table_has_places_slopes_and_where_rivals_stopped() -> None:
    assert write_table(SWEEP).splitlines() == [
        "| n | 100 | 1,000 | 1e4 | slope |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| fastkm | 1 ms | 10 ms | 100 ms | 1.00 |",
        "| square | 1 ms | 100 ms | too slow | 2.00 |",
    ]
    text = section({"sweeps": [SWEEP]})
    assert "these, who use one: fastkm; square." in text
    assert "\n\nwork, against n:\n\n| n |" in text


def test_gains_are_told_of_threads() -> None:
    sweep = {**SWEEP, "axis": "threads", "stopped": {}}
    sweep["points"] = points("fastkm", 1.0, 0.5, first=1, factor=2)
    assert write_table(sweep).splitlines()[2] == "| fastkm | 1 s | 500 ms | 2.00 |"
    [panel] = figures({"sweeps": [sweep]})["scaling_threads"].axes
    assert panel.lines[-1].get_ydata().tolist() == [1.0, 2.0]


def test_plots_are_logarithmic_and_name_every_rival_with_its_slope() -> None:
    drawn = figures({"sweeps": [SWEEP, {**SWEEP, "axis": "k"}, {**SWEEP, "axis": "d"}]})
    assert set(drawn) == {"scaling_n", "scaling_k_d"}
    [panel] = drawn["scaling_n"].axes
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    assert names == ["fastkm, 1.00", "square, 2.00"]


def test_every_axis_of_the_issue_is_there() -> None:
    assert {sweep.axis for sweep in scaling.SWEEPS} == {"n", "k", "d", "threads"}
    assert max(value for sweep in scaling.SWEEPS for value in sweep.values) == 10**8
