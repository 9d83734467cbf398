"""Suspicious values: those that sorting all values finds, for any blocks in any order."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._core.cf_missing import find_missing, to_physical
from fastkm.raster.io.describe import suspicious
from fastkm.raster.io.describe.suspicious import (
    BLOCK,
    ENDS,
    combine_extremes,
    count_integers,
    find_extremes,
    find_suspicious,
    find_suspicious_values,
)
from tests.conftest import COMPILED

ODD = [-9999.0, -999, -500, 0, 1, 2, 3, 4, 5, 6, 7, 250, 255, 9999, 1e20, -1e20, np.inf, -np.inf]


def sort_for_suspicious(values):
    """Find suspicious values as they are defined, among all distinct ones."""
    distinct, counts = np.unique(values[~np.isnan(values)].astype("f8"), return_counts=True)
    for low, high in sorted(itertools.product(range(4), repeat=2), key=sum, reverse=True):
        if low + high == 0 or len(distinct) - low - high < 3:
            continue
        ends = np.r_[0:low, len(distinct) - high : len(distinct)]
        inner = distinct[low : len(distinct) - high]
        with np.errstate(invalid="ignore"):
            apart = min(np.abs(distinct[e] - i) for e in ends for i in (inner[0], inner[-1]))
        if counts[ends].min() >= 5 and apart > inner[-1] - inner[0]:
            return distinct[ends].tolist()
    return []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-500.0] * 9 + [1, 2, 3, 4], [-500.0]),
        ([9999.0] * 9 + [1, 2, 3, 4], [9999.0]),
        ([-999.0] * 5 + [-500.0] * 5 + [1, 2, 3, 4], [-999.0, -500.0]),
        ([-999.0] * 5 + [9999.0] * 5 + [1, 2, 3, 4], [-999.0, 9999.0]),
        ([-500.0] * 4 + [1, 2, 3, 4], []),
        ([0.0] * 99 + [1, 2, 3, 4], []),
        ([0.0] * 50 + [1.0] * 50, []),
        ([-500.0] * 5 + [1, 2, 3], [-500.0]),
        ([-500.0] * 5 + [1, 2, 2], []),
        ([np.inf] * 5 + [1, 2, 3], [np.inf]),
        ([5.0] * 50, []),
        ([np.nan] * 50, []),
        ([], []),
    ],
)
def test_suspicious_is_what_occurs_often_and_lies_far_outside(values, expected):
    assert find_suspicious_values(np.array(values)) == expected


@given(
    st.lists(st.sampled_from(ODD), min_size=1, max_size=13, unique=True),
    st.integers(0, 2**32),
    st.integers(0, 150),
    st.integers(1, 7),
    st.sampled_from(["f4", "f8"]),
)
@example(ODD[:9], 0, 150, 3, "f4")
def test_blocks_in_any_order_find_what_sorting_finds(pool, seed, number, parts, name):
    rng = np.random.default_rng(seed)
    values = rng.choice([*pool, np.nan], number).astype(name)
    blocks = np.array_split(values, np.sort(rng.integers(0, number + 1, parts)))
    found = [find_extremes(block, finite=False) for block in blocks]
    rng.shuffle(found)
    tree = combine_extremes([combine_extremes(found[:2]), combine_extremes(found[2:])])
    assert find_suspicious(tree) == find_suspicious_values(values) == sort_for_suspicious(values)
    finite = combine_extremes(map(find_extremes, blocks))
    assert find_suspicious(finite) == sort_for_suspicious(values[np.isfinite(values)])


@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", "i2", "i4", ">f4", "f2", "f8", "?"])
def test_extremes_of_any_type_and_layout(dtype):
    rng = np.random.default_rng(3)
    values = rng.integers(0, 30, (4, 50, 7)).astype(dtype)[:, ::2].transpose(2, 0, 1)
    found = find_extremes(values)
    distinct, counts = np.unique(values, return_counts=True)
    ends = np.unique(np.r_[:ENDS, -ENDS:0] % len(distinct)) if dtype != "?" else [0, 1]
    assert found.values.tolist() == distinct[ends].tolist()
    assert found.counts.tolist() == counts[ends].tolist()
    assert find_extremes(np.array(5, dtype)).values.tolist() == [np.array(5, dtype)]


@pytest.mark.parametrize(
    ("dtype", "attrs"),
    [
        ("i2", {"_FillValue": np.int16(3), "scale_factor": -0.5, "add_offset": 10.0}),
        ("u2", {"missing_value": np.uint16([0, 5])}),
        ("i1", {"_Unsigned": "true", "valid_max": np.int8(-6)}),
        ("i4", {"_FillValue": np.int32(3), "scale_factor": -0.5}),
        ("f4", {"valid_range": np.float32([2, 20])}),
        ("f4", {"_FillValue": np.float32(99)}),
    ],
)
def test_extremes_of_a_described_array_are_physical_and_not_missing(dtype, attrs):
    values = np.random.default_rng(4).integers(0, 256, (20, 30)).astype("u1").view("i1")
    array = xr.DataArray(values.astype(dtype), dims=("y", "x"), attrs=attrs)
    left = to_physical(array)[~find_missing(array)]
    distinct, counts = np.unique(left, return_counts=True)
    found = find_extremes(array)
    assert found.values.tolist() == distinct[np.r_[:ENDS, -ENDS:0]].tolist()
    assert found.counts.tolist() == counts[np.r_[:ENDS, -ENDS:0]].tolist()


@pytest.mark.parametrize("name", ["u1", "i2", "f4", "f8"])
def test_kernels_find_what_numpy_finds(name, monkeypatch):
    rng = np.random.default_rng(5)
    pool = rng.integers(0, 200, 30)
    block = BLOCK if COMPILED else BLOCK >> 5
    monkeypatch.setattr(suspicious, "BLOCK", block)
    values = rng.choice(pool, 2 * block + 5).astype(name)
    if values.dtype.kind == "f":
        values[rng.random(len(values)) < 0.2] = rng.choice([np.nan, np.inf, -np.inf, -500.0])
        values[:3] = np.nan, np.inf, -np.inf
    found = []
    for small in (values.nbytes, 0):
        monkeypatch.setattr(suspicious, "SMALL", small)
        extremes = [find_extremes(values, finite=finite) for finite in (True, False)]
        counts = count_integers(values) if values.dtype.kind in "iu" else np.zeros(1)
        found.append([*(part.tolist() for one in extremes for part in one), counts.tolist()])
    assert found[0] == found[1]
