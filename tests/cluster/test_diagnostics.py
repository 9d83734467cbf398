"""The report: its numbers, and the words on what k-means assumes."""

import numpy as np
import pytest

from fastkm.cluster.diagnostics import EQUAL_SIZE, EQUAL_VARIANCE, WIDTH, describe_clusters


def reported(variances, weights, ranges=None):
    """Report clusters around 0, 10, 20 ..., each 4 wide unless its variance is 0."""
    means = 10.0 * np.arange(len(weights))
    variances = np.array(variances, float)
    if ranges is None:
        half = np.where(variances == 0, 0.0, 2.0)
        ranges = np.column_stack([means - half, means + half])
    return describe_clusters(means, np.array(ranges), variances, np.array(weights, float))


def test_the_numbers_are_those_of_the_clusters():
    report = reported([1.0, 2.0], [3, 1])
    assert report.shares.tolist() == [0.75, 0.25]
    assert report.ranges.tolist() == [[-2.0, 2.0], [8.0, 12.0]]
    assert report.means.tolist() == [0.0, 10.0]
    assert report.variances.tolist() == [1.0, 2.0]


def test_one_variable_is_spherical_by_construction():
    spherical = reported([1.0, 9.0], [3, 1]).spherical
    assert (spherical.holds, spherical.ratio) == (True, 1.0)
    assert "by construction" in spherical.words


@pytest.mark.parametrize("above", [False, True])
def test_variances_are_equal_up_to_the_threshold(above):
    limit = np.nextafter(EQUAL_VARIANCE, np.inf) if above else EQUAL_VARIANCE
    verdict = reported([2.0, limit, 1.0], [1, 1, 1]).equal_variance
    assert verdict.holds is not above
    assert verdict.ratio == limit
    assert f"variance, {limit:.4g} (cluster 1), is 4 times the smallest, 1 (cl" in verdict.words
    assert ("A break lies midway" in verdict.words) is above


@pytest.mark.parametrize("above", [False, True])
def test_sizes_are_equal_up_to_the_threshold(above):
    more = 1.001 if above else 1.0
    verdict = reported([1.0] * 3, [5, 5 * EQUAL_SIZE * more, 7]).equal_size
    assert verdict.holds is not above
    assert verdict.ratio == pytest.approx(EQUAL_SIZE * more, rel=1e-15)
    assert "largest cluster, 1 with 45.4" in verdict.words
    assert "is 2 times the smallest, 0 with 22.7" in verdict.words
    assert ("cutting large groups" in verdict.words) is above


def test_equal_clusters_are_said_to_be_equal():
    report = reported([2.5] * 4, [7] * 4)
    assert (report.equal_variance.holds, report.equal_size.holds) == (True, True)
    assert report.equal_variance.words == "All clusters have the variance 2.5."
    assert report.equal_size.words == "All clusters have the share 25.00%."


def test_one_cluster_has_nothing_to_be_compared_with():
    report = reported([3.0], [9])
    for verdict in (report.equal_variance, report.equal_size):
        assert (verdict.holds, verdict.ratio) == (True, 1.0)
        assert verdict.words.startswith("There is one cluster")


@pytest.mark.parametrize(
    ("variances", "words"),
    [
        ([1.0, 0.0, 2.0], "Cluster 1 is one distinct value"),
        ([0.0, 1.0, 0.0], "Clusters 0 and 2 are each one distinct value"),
        ([0.0, 0.0, 0.0, 1.0], "Clusters 0, 1 and 2 are each one distinct value"),
    ],
    ids=["one", "two", "three"],
)
def test_clusters_of_one_value_beside_wider_ones_are_named(variances, words):
    verdict = reported(variances, [1] * len(variances)).equal_variance
    assert (verdict.holds, verdict.ratio) == (False, np.inf)
    assert verdict.words.startswith(words)


def test_clusters_of_one_value_each_have_equal_variances():
    verdict = reported([0.0, 0.0], [1, 1]).equal_variance
    assert (verdict.holds, verdict.ratio) == (True, 1.0)
    assert verdict.words == "Every cluster is one distinct value, of variance 0."


@pytest.mark.parametrize("variances", [[np.inf, 1.0], [np.inf, np.inf], [0.0, 1.0]], ids=str)
def test_variances_beyond_float64_are_not_compared(variances):
    ranges = [[-2.0, 2.0], [8.0, 12.0]]  # so a variance of 0 is one that has vanished
    verdict = reported(variances, [1, 1], ranges).equal_variance
    assert verdict.holds is None
    assert np.isnan(verdict.ratio)
    assert str(verdict).startswith("equal variance: cannot be told. Variances are too large or")


def test_ratios_beyond_float64_are_inf():
    report = reported([1e-300, 1e300], [1e-300, 1e300])
    assert report.equal_variance.ratio == report.equal_size.ratio == np.inf
    assert (report.equal_variance.holds, report.equal_size.holds) == (False, False)


def test_weights_whose_sum_is_beyond_float64_have_shares():
    assert reported([1.0, 1.0], [1.5e308, 1.5e308]).shares.tolist() == [0.5, 0.5]


def test_the_text_has_a_row_for_each_cluster_and_the_three_verdicts():
    report = reported([1.0, 0.0, 12.5], [3, 1, 6])
    lines = str(report).splitlines()
    assert lines[0].split() == ["cluster", "share", "least", "greatest", "mean", "variance"]
    assert [line.split() for line in lines[1:4]] == [
        ["0", "30.00%", "-2", "2", "0", "1"],
        ["1", "10.00%", "10", "10", "10", "0"],
        ["2", "60.00%", "18", "22", "20", "12.5"],
    ]
    verdicts = [line for line in lines[5:] if not line.startswith("  ")]
    assert [verdict.partition(".")[0] for verdict in verdicts] == [
        "What k-means assumes:",
        "spherical variance: holds",
        "equal variance: does not hold",
        "equal size: does not hold",
    ]
    assert max(map(len, lines)) <= WIDTH
    assert repr(report) == str(report)
