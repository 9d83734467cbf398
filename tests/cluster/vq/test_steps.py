"""The two engines agree, and rounding from afar does not part them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.vq import steps as steps_module
from fastkm.cluster.vq.steps import RowEngine, SortedEngine, choose_engine
from tests import naive


def steps(values, codebook):
    rows, codes = np.reshape(np.array(values, float), (-1, 1)), np.reshape(codebook, (-1, 1))
    return SortedEngine(rows).step(codes), RowEngine(rows).step(codes)


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=50),
    st.lists(st.integers(-9, 9), min_size=1, max_size=6),
)
def test_both_engines_report_the_same_facts(values, codebook):
    one, other = steps(values, np.array(codebook, float))
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_allclose(one.means, other.means, rtol=1e-14, atol=1e-14)
    assert one.distortion == pytest.approx(other.distortion, rel=1e-14)


@pytest.mark.parametrize(
    ("codebook", "owner"),
    [([2e-5, 0.0, 1e-5], 0), ([1e-5, 0.0, 2e-5], 0), ([0.0, 1e-5, 2e-5], 0)],
)
def test_a_far_value_whose_rounded_distances_all_tie_goes_to_the_lowest_index(codebook, owner):
    one, other = steps([1e12], codebook)
    assert naive.step_sorted(np.array([1e12]), np.array(codebook))[1][owner] == 1
    assert one.counts[owner] == other.counts[owner] == 1


def test_a_far_value_goes_to_the_code_that_is_nearest_after_rounding():
    x, codebook = np.array([1e16]), np.array([0.0, 1.0, 4.0])
    assert abs(x - codebook)[2] < abs(x - codebook)[1] == abs(x - codebook)[0]
    assert steps(x, codebook)[0].counts.tolist() == [0, 0, 1]


@pytest.mark.parametrize("features", [2, 12, 48, 60])
def test_a_step_of_many_features_measures_the_mean_distance(features):
    """Matrix products rank codes but measure nothing."""
    x = np.random.default_rng(1).normal(size=(300, features))
    engine = RowEngine(x)
    for codebook in (x[:5], x[5:10]):
        step = engine.step(codebook.copy())
        codes, squares = naive.assign(x, codebook)
        np.testing.assert_array_equal(step.counts, np.bincount(codes, minlength=5))
        assert step.distortion == pytest.approx(np.sqrt(squares).mean(), rel=1e-12)
    assert np.isnan(engine.step(x[:5].copy(), measured=False).distortion)


def test_one_feature_is_sorted_and_several_are_not():
    assert isinstance(choose_engine(np.zeros((3, 1))), SortedEngine)
    assert isinstance(choose_engine(np.zeros((3, 2))), RowEngine)


@pytest.mark.parametrize(("dtype", "large"), [("f4", 1e19), ("f8", 1e154)])
def test_squares_that_may_overflow_are_known_before(dtype, large):
    rows = np.array([[0, 1], [2, 3], [1, 1]], dtype)
    assert RowEngine(rows).has_finite_distances(rows)
    assert not RowEngine(rows).has_finite_distances(np.array([[0.0, large]]))
    assert not RowEngine(rows * np.array(large, dtype)).has_finite_distances(rows)
    rows[1, 0] = np.nan
    assert not RowEngine(rows).has_finite_distances(rows[:1])


def test_labels_are_those_of_the_last_step():
    rows = np.array([[0.0, 1], [9, 3], [1, 1]])
    engine = RowEngine(rows)
    assert engine.labels is None
    engine.step(rows[:2], measured=False)
    assert engine.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_run_is_steps_one_after_another(d, dtype):
    rows = np.random.default_rng(3).normal(size=(90, d)).astype(dtype)
    codes = np.concatenate([rows[:4], rows[:1] + 99])
    run, engine = choose_engine(rows).run(codes, 3), choose_engine(rows)
    for _ in range(3):
        before, step = codes, engine.step(codes, measured=False)
        codes = np.where(step.counts[:, None] > 0, step.means, before).astype(dtype)
    np.testing.assert_array_equal(run.codebook, codes, strict=True)
    np.testing.assert_array_equal(run.before, before, strict=True)
    assert run.empty == 3
    assert run.labels is None if d == 1 else np.array_equal(run.labels, engine.labels)


def test_what_cannot_be_done_in_one_call_is_left_to_steps(monkeypatch):
    rows = np.random.default_rng(3).normal(size=(90, 2))
    assert RowEngine(rows * 1e200).run(rows[:2], 3) is None
    assert SortedEngine(rows[:, :1]).run(rows[:2, :1].astype("f4"), 3) is None
    assert SortedEngine(rows[:, :1] * 1e20).run(rows[:2, :1], 3) is None
    measured = RowEngine(rows).step(rows[:5])
    monkeypatch.setattr(steps_module, "FEW_PRODUCTS", 0)
    assert RowEngine(rows).run(rows[:2], 3) is None
    for got, wanted in zip(RowEngine(rows).step(rows[:5]), measured, strict=True):
        np.testing.assert_array_equal(got, wanted)
