"""natural_breaks beside jenkspy, on its own example and on any data."""

import jenkspy
import mapclassify
import numpy as np
import pytest

import fastkm
from fastkm import natural_breaks
from tests.conftest import COMPILED

DOCUMENTED = [1.3, 7.1, 7.3, 2.3, 3.9, 4.1, 7.8, 1.2, 4.3, 7.3, 5.0, 4.3]
RNG = np.random.default_rng(0)
FEW = 1 if COMPILED else 10
DATA = {
    "jenkspy's example": np.array(DOCUMENTED),
    "mapclassify's example": mapclassify.load_example().to_numpy(),
    "normal": RNG.normal(size=1_000 // FEW),
    "skewed": RNG.lognormal(0, 2, 1_000 // FEW),
    "integers": RNG.integers(0, 100_000, 500 // FEW),
    "offset": RNG.normal(273.15, 10, 1_000 // FEW),
}


@pytest.mark.parametrize("name", DATA)
def test_the_breaks_are_jenkspys(name):
    values = DATA[name]
    for n_classes in (1, 2, 3, 5, 8):
        breaks = natural_breaks(values, n_classes)
        assert breaks == jenkspy.jenks_breaks(values, n_classes=n_classes), n_classes
        assert all(type(number) is float for number in breaks)


def test_arguments_have_jenkspys_names():
    assert natural_breaks(values=DOCUMENTED, n_classes=3) == [1.2, 2.3, 5.0, 7.8]


def test_missing_values_are_left_out_and_any_shape_will_do():
    values = np.append(DOCUMENTED, [np.nan, np.nan]).reshape(2, -1)
    assert natural_breaks(values, 3) == [1.2, 2.3, 5.0, 7.8]


def test_classes_are_found_by_searching_the_inner_breaks():
    breaks = natural_breaks(DOCUMENTED, 3)
    labels = np.searchsorted(breaks[1:-1], DOCUMENTED)
    assert labels.tolist() == fastkm.kmeans1d(DOCUMENTED, 3).predict(DOCUMENTED).tolist()


def test_large_values_where_jenkspy_misses_the_optimum():
    """An offset costs jenkspy the digits of its sums of squares; ours are as good as without it."""
    steps = np.round(np.random.default_rng(1).normal(size=300) * 2**10) / 2**10
    for n_classes in (2, 5):
        breaks = natural_breaks(steps + 2.0**40, n_classes)
        assert (np.array(breaks) - 2.0**40).tolist() == natural_breaks(steps, n_classes)


@pytest.mark.parametrize(
    ("n_classes", "error", "words"),
    [
        (13, fastkm.ClusterError, "n_classes: k = 13 asks for more clusters"),
        (0, ValueError, "n_classes must be at least 1, got 0"),
        (2.5, TypeError, "n_classes must be an integer, got 2.5"),
        ([2], TypeError, r"n_classes must be an integer, got \[2\]"),
    ],
)
def test_errors_name_the_argument(n_classes, error, words):
    with pytest.raises(error, match=words):
        natural_breaks(DOCUMENTED, n_classes)
