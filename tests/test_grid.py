"""The grid of k-means in d dimensions: every rival does the same work, and the tables say so."""

import numpy as np
import pytest

from bench import grid
from bench.grid import KMEANS2, Answer, Times, Work, blobs, estimators, inertia_of, quiet
from tests.conftest import needs_jit

RIVALS = {**estimators(), **KMEANS2}


@pytest.mark.parametrize("rival", [name for name in RIVALS if not name.startswith("fastkm")])
@pytest.mark.parametrize(("d", "k"), [(3, 4), (32, 16)])
def test_rivals_agree_with_fastkm(rival: str, d: int, k: int) -> None:
    work = blobs(400, d, k, "f4")
    ours = RIVALS["fastkm.kmeans2" if rival == "scipy" else "fastkm"](work, 20)
    with quiet():
        theirs = RIVALS[rival](work, ours.iterations)
    assert theirs.iterations == pytest.approx(ours.iterations, abs=1)
    assert inertia_of(work, theirs) == pytest.approx(inertia_of(work, ours), rel=1e-3)


def test_blobs_are_the_same_each_time() -> None:
    one, other = blobs(70_000, 2, 3, "f8"), blobs(70_000, 2, 3, "f8")
    assert np.array_equal(one.rows, other.rows)
    assert np.array_equal(one.start, one.rows[:3])
    assert np.unique(one.rows[:, 0]).size == 70_000


def test_inertia_is_that_of_the_nearest_centroids() -> None:
    work = Work(np.array([[0.0, 0], [2, 0], [9, 1]]), np.zeros((2, 2)))
    answer = Answer(np.array([[1.0, 0], [9, 0]]), 1)
    assert inertia_of(work, answer) == pytest.approx(3)


def measured(name: str, **seconds: float) -> Times:
    return Times(name, {who: [s] for who, s in seconds.items()}, dict.fromkeys(seconds, 2.0))


def test_summary_averages_ratios_and_takes_the_best_of_a_kind() -> None:
    one = measured("one", ours=1.0, **{"scikit-learn, a": 4.0, "scikit-learn, b": 9.0})
    two = measured("two", ours=2.0, **{"scikit-learn, a": 18.0, "scikit-learn, b": 8.0, "other": 6})
    lines = grid.summary_of("work", [one, two])
    assert lines == [
        "| work | scikit-learn, a | 6.00 | 4.00 | 9.00 |",
        "| work | scikit-learn, b | 6.00 | 4.00 | 9.00 |",
        "| work | other | 3.00 | 3.00 | 3.00 |",
        "| work | the best of scikit-learn, a, scikit-learn, b | 4.00 | 4.00 | 4.00 |",
    ]


def test_lines_show_time_and_inertia() -> None:
    one = measured("one", fastkm=0.002, scipy=1.5)
    one.inertia["scipy"] = 2.02
    assert grid.lines_of([one])[2:] == [
        "| one | fastkm | 2 ms | 1.00 | +0.0e+00 |",
        "| one | scipy | 1.5 s | 750 | +1.0e-02 |",
    ]


def test_the_command_compares(monkeypatch, capsys) -> None:
    monkeypatch.setattr(grid, "FEW_FEATURES", [(2, 3)])
    monkeypatch.setattr(grid, "MANY_FEATURES", [(32, 3)])
    rivals = {name: RIVALS[name] for name in ("fastkm", "scikit-learn, lloyd")}
    monkeypatch.setattr(grid, "estimators", lambda: rivals)
    grid.main(["--rows", "300", "--many-rows", "200", "--runs", "1"])
    printed = capsys.readouterr().out
    assert "left out, as it is not installed: faiss" in printed
    assert "| fit, n = 300, d = 2, k = 3, f8 | scikit-learn, lloyd |" in printed
    assert "| kmeans2, 300 rows, d = 2 ... 12 | scipy |" in printed


@needs_jit
def test_growth_and_memory_are_measured(capsys) -> None:
    grid.main(["--growth", "--rows", "1000"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["100", "1,000", "10,000"]
    grid.main(["--memory", "--rows", "200"])
    assert capsys.readouterr().out.endswith("bytes a row\n")
