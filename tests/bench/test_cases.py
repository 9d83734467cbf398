"""Checks of rivals' answers refuse wrong ones, on data that everybody can make again.

`test_parts` runs every rival of every case, and checks its answer.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bench import limit
from bench.case import OURS, Case, Rival
from bench.cases import CASES, estimators, exact, find_case, outlines
from bench.cases.data import Work, blobs, packed_water, photograph, water
from bench.cases.estimators import Answer, lloyd_case
from bench.cases.exact import Labels
from bench.scaling import Sweep, run_sweep
from bench.table import format_count, write_comparison
from bench.timing import measure, silence_warnings
from tests.conftest import COMPILED

ALL = [case for cases in CASES.values() for case in cases]
QUICK = [
    case for case in ALL if COMPILED or not any(wide in case.name for wide in ("x 12 ", "128"))
]


@lru_cache(maxsize=1)
def make_and_run(name: str) -> tuple[Any, Any]:
    """Make the data of a case, and fastkm's answer."""
    case = find_case(name)
    data = case.make(case.sizes["tiny"])
    return data, case.rivals[OURS].run(data)


def test_fastkm_is_first_and_somebody_is_beside_it() -> None:
    for case in ALL:
        first, *others = case.rivals
        assert first == OURS
        assert others
        assert set(case.sizes) == {"tiny", "small", "full"}
        assert case.sizes["tiny"] <= case.sizes["small"] <= case.sizes["full"]
    assert len({case.name for case in ALL}) == len(ALL)
    assert find_case(ALL[0].name) is ALL[0]


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_names_have_the_size_that_is_run(size) -> None:
    for case in [*ALL, *limit.CASES]:
        n, full = case.sizes[size], case.sizes["full"]
        name = case.name_at(size)
        if n == full:
            assert name == case.name
        else:
            sides = (f"{n} x {2 * n}", f"{180 * n} x {360 * n}")
            assert any(text in name for text in (format_count(n), *sides)), name
            assert format_count(full) not in name.replace(f"k = {full}", "")
    assert find_case("vq, 1e7 float32, 6 codes").name_at("small") == "vq, 1e5 float32, 6 codes"


def test_tables_and_curves_tell_the_size_that_is_run() -> None:
    case = Case(
        "work on 1e7 values", lambda n: n, {"tiny": 1, "small": 300, "full": 10**7},
        {OURS: Rival(lambda n: n), "other": Rival(lambda n: n)}, lambda *_: None,
    )  # fmt: skip
    measured = measure(case, "small", allowance=0.0)
    assert write_comparison(measured).count("| work on 300 values |") == 2
    swept = run_sweep(Sweep("work, n = 1e7", "threads", (1, 2), lambda _: case), "small")
    assert swept["title"] == "work, n = 300"


def test_all_rivals_that_were_promised_are_there() -> None:
    names = " ".join(name for case in ALL for name in case.rivals)
    for word in (
        "scipy", "lloyd", "elkan", "minibatch", "intelex", "faiss", "kmeans1d", "flash1dkmeans",
        "ckwrap", "jenkspy", "mapclassify", "scikit-image", "contourpy", "rasterio", "shapely",
        "ConvexHull", "dask-ml", "xarray-spatial", "contourrs", "matplotlib",
    ):  # fmt: skip
        assert word in names


def shifted(answer):
    """Spoil an answer a little."""
    match answer:
        case Labels():
            return Labels(np.zeros_like(answer.labels), True)
        case Answer():
            return answer._replace(centroids=answer.centroids + 1)
        case tuple():
            parts = [part + 1 for part in answer]
            return type(answer)(*parts) if hasattr(answer, "_fields") else tuple(parts)
        case xr.DataArray():
            return answer + 1
        case list():
            return [part + 1 if np.ndim(part) == 0 else part[:-2] for part in answer]
        case np.ndarray() if answer.dtype == bool:
            return ~answer
        case np.ndarray():
            return answer.astype("f8") * 1.01
        case float() | np.floating():
            return answer * 1.01
        case dict() if "inertia" in answer:
            low = {k: value * 0.9 for k, value in answer["inertia"].items()}
            return {**answer, "inertia": low}
    answer = answer.copy()
    answer["cluster"] = answer["cluster"] + 1
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("case", QUICK, ids=[case.name for case in QUICK])
def test_a_wrong_answer_is_refused(case: Case) -> None:
    rivals = {n: r for n, r in case.rivals.items() if n != OURS and not r.why_missing()}
    rivals.pop("scikit-learn, minibatch", None)
    if not rivals or all(rival.yardstick for rival in rivals.values()):
        pytest.skip("beside it stands a yardstick, whose answer is another thing")
    with silence_warnings():
        data, ours = make_and_run(case.name)
        theirs = next(iter(rivals.values())).run(data)
    if isinstance(ours, list) and not ours:
        pytest.skip("nothing is so long at this size")
    with pytest.raises((AssertionError, ValueError)):
        case.check(data, ours, shifted(theirs))


def test_a_yardstick_refuses_wrong_answers_too() -> None:
    values = water(1_000)
    results = find_case("kmeans1d, 1e8 float32, k = 2 ... 8").rivals[OURS].run(values)
    exact.below_the_variance(values, results, np.std(values))
    exact.counts_in_order(values, results, np.sort(values))
    with pytest.raises(AssertionError):
        exact.below_the_variance(values, results, np.std(values) / 10)
    with pytest.raises(AssertionError):
        exact.counts_in_order(values, results, np.sort(values)[::-1])
    short = find_case("kmeans1d, 1e8 int16, k = 6")
    packed = packed_water(1_000)
    counts = short.rivals["np.bincount"].run(packed)
    with pytest.raises(AssertionError):
        exact.counts_of_numbers(packed, short.rivals[OURS].run(packed), np.roll(counts, 5_000))
    with pytest.raises(AssertionError):
        outlines.not_beyond_the_box(None, np.array([True]), np.array([[3.0, 4.0]]))


def test_inertia_is_that_of_the_means_of_labels() -> None:
    values = np.array([0.0, 2, 9, 11, 13], "f4")
    assert exact.inertia_of(values, np.array([0, 0, 1, 1, 1])) == pytest.approx(2 + 8)
    assert exact.inertia_of_answer(values, Labels(np.arange(5), False)) == 0


def test_inertia_is_that_of_the_nearest_centroids() -> None:
    work = Work(np.array([[0.0, 0], [2, 0], [9, 1]]), np.zeros((2, 2)))
    answer = Answer(np.array([[1.0, 0], [9, 0]]), 1)
    assert estimators.inertia_of(work, answer) == pytest.approx(3)


def test_everybody_counts_as_many_iterations() -> None:
    case = lloyd_case(3_000, 3, 8)
    data = case.make(3_000)
    answers = {
        name: case.rivals[name].run(data)
        for name in ("fastkm", "scikit-learn, lloyd", "scipy, kmeans2")
    }
    assert answers["fastkm"].iterations == answers["scikit-learn, lloyd"].iterations == 20
    for answer in answers.values():
        assert np.allclose(answer.centroids, answers["fastkm"].centroids, atol=1e-3)


def test_water_is_made_in_pieces_of_both_kinds() -> None:
    values = water(200_001)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() == 75
    for piece in np.array_split(values, 7):
        assert np.mean(piece > 35) == pytest.approx(0.57, abs=0.01)


def test_blobs_are_the_same_each_time() -> None:
    one, other = blobs(70_000, 2, 3, "f8"), blobs(70_000, 2, 3, "f8")
    assert np.array_equal(one.rows, other.rows)
    assert np.array_equal(one.start, one.rows[:3])
    assert np.unique(one.rows[:, 0]).size == 70_000


def test_pixels_are_taken_evenly() -> None:
    work = photograph(1_000)
    assert work.rows.shape == (1_000, 3)
    assert work.start.shape == (16, 3)
    assert (work.rows[:, None] == work.start).all(axis=2).any(axis=0).all()
