"""Rows in any type and layout reach the kernels as they are, chunk by chunk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.row_blocks import BLOCK
from fastkm.cluster.lloyd import row_chunks as module
from fastkm.cluster.lloyd.row_chunks import RowChunks, ignore_overflow, round_up_to_blocks
from tests.clouds import KINDS, LAYOUTS, SIZES, cloud

BASE = np.random.default_rng(4).integers(0, 100, (40, 3))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "u2", "i8", "u8", "?"])
def test_a_part_holds_the_rows_whatever_their_layout(layout, dtype):
    x = LAYOUTS[layout](BASE.astype(dtype))
    table = RowChunks(x)
    assert table.dtype == (np.float32 if dtype in {"f4", "f2"} else np.float64)
    for c_order in (False, True):
        part = table.load(7, 31, c_order=c_order)
        assert part.x.dtype == table.dtype
        assert part.x.dtype.isnative
        assert part.x.flags.aligned
        assert not part.x.flags.writeable
        assert part.x.flags.c_contiguous or (part.x.flags.f_contiguous and not c_order)
        np.testing.assert_array_equal(part.x[part.start : part.start + 24], x[7:31])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_in_c_and_fortran_order_are_not_copied(dtype, order):
    x = np.asarray(BASE, dtype, order=order)
    assert np.shares_memory(RowChunks(x).load(0, 40).x, x)
    assert np.shares_memory(RowChunks(x).load(0, 40, c_order=True).x, x) == (order == "C")


def test_the_array_stays_writable_for_its_owner():
    x = BASE.astype(float)
    RowChunks(x)
    assert x.flags.writeable


def test_chosen_rows_are_copies_in_float64():
    chosen = RowChunks(BASE).take([3, 0])
    assert chosen.dtype == np.float64
    np.testing.assert_array_equal(chosen, BASE[[3, 0]])


@given(st.integers(1, 10**9), st.integers(1, 3000), st.sampled_from(["f4", "f8", "i2"]))
def test_chunks_are_whole_blocks_neither_few_nor_large(n, d, dtype):
    x = np.broadcast_to(np.zeros((), dtype), (n, d))
    table = RowChunks(x)
    assert table.chunk_rows % BLOCK == 0
    assert module.MIN_ROWS <= table.chunk_rows <= max(module.MIN_ROWS, module.MAX_ROWS)
    converted = table.chunk_rows * d * table.dtype.itemsize
    assert table.chunk_rows == module.MIN_ROWS or converted <= module.MAX_BYTES + BLOCK * d * 8


@pytest.mark.parametrize(("rows", "wanted"), [(1, 256), (256, 256), (257, 512)])
def test_rows_are_rounded_up_to_blocks(rows, wanted):
    assert round_up_to_blocks(rows) == wanted


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_map_and_fold_go_through_the_chunks_in_order(threads, monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 256)
    monkeypatch.setattr(module, "MIN_NUMBERS", 1)
    table, folded = RowChunks(np.zeros((1000, 2))), []
    assert table.chunk_rows == 256
    wanted = [(0, 256), (256, 512), (512, 768), (768, 1000)]
    assert table.map(lambda start, stop: (start, stop), threads) == wanted
    table.fold(lambda start, stop: (start, stop), folded.append, threads)
    assert folded == wanted


def test_overflow_in_a_chunk_is_no_warning():
    assert ignore_overflow(lambda x: x * x)(np.array([1e200]))[0] == np.inf


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@given(st.integers(0, 2**32), st.sampled_from([*SIZES, 1500]))
def test_moments_are_mean_and_variance(kind, dtype, seed, n):
    working = "f8" if dtype == "i4" else dtype
    x = np.clip(cloud(seed, kind, n, 3, working), -2e9, 2e9).astype(dtype)
    found = RowChunks(x).compute_moments(threads=2)
    wide = x.astype(np.longdouble)
    mean, variance = wide.mean(axis=0), wide.var(axis=0)
    largest = np.abs(wide - wide[0]).max(axis=0)
    eps = np.finfo(working).eps  # rows are taken less the first row in their own type
    np.testing.assert_allclose(found.mean, mean.astype(float), rtol=1e-15, atol=largest.max() * eps)
    np.testing.assert_allclose(
        found.variance,
        variance.astype(float),
        rtol=1e-9 + 10 * eps,
        atol=largest.max() ** 2 * 1e-12,
    )


def test_moments_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 256)
    monkeypatch.setattr(module, "MIN_NUMBERS", 1)
    table = RowChunks(cloud(1, "skewed", 1000, 3))
    one, three = table.compute_moments(threads=1), table.compute_moments(threads=3)
    np.testing.assert_array_equal(one.mean, three.mean)
    np.testing.assert_array_equal(one.variance, three.variance)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1, 599])
def test_moments_are_not_finite_where_a_row_is_not(wrong, row):
    x = cloud(1, "noise", 600, 3)
    x[row, 1] = wrong
    found = RowChunks(x).compute_moments()
    assert not np.isfinite(found.variance[1])
    assert np.isfinite(found.variance[[0, 2]]).all()
