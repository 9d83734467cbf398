"""What is gathered, collected or counted is what was asked for, in parts as at once."""

import numpy as np
import pytest

from fastkm.cluster.exact.collectors import GatherWindows, gather_up_to
from fastkm.cluster.exact.key_histograms import KeyHistogram
from fastkm.cluster.exact.weighted_histograms import WeightedHistogram
from fastkm.cluster.streaming.chunks import drop_nan
from fastkm.cluster.streaming.source import Source
from tests.codebooks import random_values, several_passes


@pytest.mark.parametrize("size", [0, 19, 20, 21, 300])
def test_a_few_values_are_gathered_and_none_is_lost(size):
    values = np.insert(np.arange(float(size)), [0, size // 2], np.nan)
    with several_passes(few=20):
        taken, rest = gather_up_to(Source(values).read_chunks(), 20)
    first = [value for piece in taken for value in piece.values.tolist()]
    later = [value for piece in rest for value in drop_nan(piece).values.tolist()]
    assert first + later == list(range(size))
    assert (len(first) > 20) == (size > 20)


def test_without_nan_leaves_weights_with_their_values():
    (piece,) = Source([1.0, 2.0, 3.0], weights=[1.0, 2.0, 3.0]).read_chunks()
    nan = piece._replace(values=np.array([1.0, np.nan, 3.0]))
    assert [a.tolist() for a in drop_nan(nan)] == [[1.0, 3.0], [1.0, 3.0]]
    assert drop_nan(piece) is piece


@pytest.mark.parametrize("heavy", [False, True], ids=["no weights", "weights"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("wrong", [-3, 0, 3])
def test_what_windows_hold_is_collected(heavy, dtype, wrong):
    """`wrong`: values that another pass had more than this one."""
    values = random_values(1, "normal", dtype, 300)
    source = Source(values, np.arange(300.0) + 1 if heavy else None)
    binning = KeyHistogram(values.dtype, 2) if dtype == "f4" else WeightedHistogram(values.dtype, 2)
    if dtype != "f4":
        binning.measure(source)
    low, high = np.sort(values)[[[30, 100], [60, 190]]].astype("f8")
    with several_passes():
        if dtype == "f4":  # windows are of whole bins
            low, high = (binning.order.to_values(binning.order.to_keys(x)) for x in (low, high))
        windows = binning.windows(low, high)
        found = np.flatnonzero(
            ((values >= low[0]) & (values <= high[0])) | ((values >= low[1]) & (values <= high[1]))
        )
        number = len(found) + wrong
        piece, came = source.reduce(GatherWindows(binning, windows, number, heavy))
    assert came == len(found)
    if wrong == 0:
        order = np.argsort(piece.values)
        assert piece.values[order].tolist() == np.sort(values[found]).tolist()
        if heavy:
            weights = np.arange(300.0)[found[np.argsort(values[found])]] + 1
            assert piece.weights[order].tolist() == weights.tolist()
