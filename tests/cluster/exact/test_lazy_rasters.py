"""A lazy raster is clustered and labelled to the bits of the raster in memory, in few passes."""

import tracemalloc

import dask
import dask.array as da
import hypothesis
import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st

from fastkm import kmeans1d
from fastkm._core.blocks import read_ahead
from tests.codebooks import assert_same, several_passes
from tests.conftest import COMPILED, needs_jit
from tests.from_file import from_file

RNG = np.random.default_rng(8)
TYPES = ["u1", "i2", ">u2", "f2", "f8", "i8", *(["f4", "i4"] if COMPILED else [])]
RULES = {
    "none": {},
    "fill": {"_FillValue": 3},
    "range": {"valid_range": [2, 40]},
    "packed": {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": 3},
}


@st.composite
def chunked(draw, shape):
    """Cut each axis anywhere."""
    cuts = [
        sorted(draw(st.sets(st.integers(1, length - 1), max_size=3))) if length > 1 else []
        for length in shape
    ]
    return tuple(
        tuple(np.diff([0, *c, length]).tolist()) for c, length in zip(cuts, shape, strict=True)
    )


@st.composite
def rasters(draw):
    """Draw a raster in memory, its chunks, and weights: none, or lazy ones of some shape."""
    shape = draw(st.tuples(st.integers(2, 9), st.integers(2, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype, rule = draw(st.sampled_from(TYPES)), draw(st.sampled_from(sorted(RULES)))
    values = rng.integers(0, 50, shape).astype(dtype)
    if values.dtype.kind == "f" and draw(st.booleans()):
        values[rng.random(shape) < 0.2] = np.nan
    values.flat[:3] = 5, 10, 15  # at least so many distinct values are valid
    attrs = {
        name: value if name in ("scale_factor", "add_offset") else np.asarray(value, dtype)
        for name, value in RULES[rule].items()
    }
    raster = from_file(xr.DataArray(values, dims=("y", "x")), **attrs)
    weights = None
    if draw(st.booleans()):
        rows_only = draw(st.booleans())
        weights = xr.DataArray(
            rng.uniform(0.5, 2, shape[:1] if rows_only else shape),
            dims=raster.dims[: 2 - rows_only],
        )
    return raster, draw(chunked(shape)), weights


@hypothesis.settings(max_examples=40 if COMPILED else 20)
@hypothesis.given(rasters(), st.sampled_from([1, 3]), st.booleans(), st.integers(1, 4), st.data())
def test_a_lazy_raster_is_as_the_one_in_memory(case, threads, few, group, data):
    raster, chunks, weights = case
    lazy = raster.copy(data=da.from_array(raster.values, chunks=chunks))
    laid = weights
    if weights is not None:
        own = (
            chunks[: weights.ndim]
            if data.draw(st.booleans())
            else data.draw(chunked(weights.shape))
        )
        laid = weights.copy(data=da.from_array(weights.values, chunks=own))
    with several_passes(10 if few else 10**6) as patch:
        patch.setattr(read_ahead, "GROUP", group)
        wanted = kmeans1d(raster, (1, 2, 3), weights=weights)
        found = kmeans1d(lazy, (1, 2, 3), weights=laid, threads=threads)
        for k, result in wanted.items():
            assert_same(found[k], result, but=("passes",))
        labels = found[3].predict(lazy)
        assert labels.chunks == chunks
        assert np.array_equal(labels.compute(), wanted[3].predict(raster))


def counted(values, chunks):
    """Return a dask array, and the list of the blocks that were computed."""
    read = []

    def spy(block, block_info=None):
        if block_info:
            read.append(tuple(block_info[0]["chunk-location"]))
        return block

    lazy = da.from_array(values, chunks=chunks).map_blocks(spy, meta=values[:0])
    return lazy, read


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f2"])
def test_values_of_16_bits_are_read_once(dtype):
    values = RNG.integers(0, 200, (40, 30)).astype(dtype)
    lazy, read = counted(values, (7, 30))
    raster = from_file(xr.DataArray(lazy, dims=("y", "x")), _FillValue=values[0, 0])
    read.clear()
    with several_passes():
        results = kmeans1d(raster, range(2, 9))
    assert results[8].passes == 1
    assert sorted(read) == [(i, 0) for i in range(6)]


@needs_jit
def test_a_pass_holds_a_few_blocks_at_a_time():
    lazy = da.map_blocks(make_block, chunks=((512,) * 64, (512,)), dtype="u2")
    raster = from_file(xr.DataArray(lazy, dims=("y", "x")), _FillValue=np.uint16(0))
    kmeans1d(raster[:600], 2, threads=2)  # compiles
    tracemalloc.start()
    results = kmeans1d(raster, (2, 3), threads=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert results[2].counts.sum() == sum(np.count_nonzero(make_block(at)) for at in range(64))
    assert lazy.nbytes == 2**25
    assert peak < 2**24  # two tables of 2 MB, and what three blocks need


def make_block(at=None, block_info=None):
    """Make 2^18 values that depend on the place of the block."""
    first = at if block_info is None else block_info[None]["chunk-location"][0]
    return (np.arange(2**18, dtype="u4") * (first + 1) % 4_001).astype("u2").reshape(512, 512)


def test_one_thread_reads_one_block_ahead(monkeypatch):
    ahead = []
    count = read_ahead.count_ahead
    monkeypatch.setattr(
        "fastkm.cluster.streaming.dask_source.count_ahead",
        lambda *arguments: ahead.append(count(*arguments)) or ahead[-1],
    )
    lazy = da.from_array(RNG.integers(0, 99, (8, 5)), chunks=(1, 5))
    for threads in (1, 3):
        kmeans1d(lazy, 2, threads=threads)
    assert set(ahead[: len(ahead) // 2]) == {1}
    assert set(ahead[len(ahead) // 2 :]) == {3}


def test_the_scheduler_of_dask_is_not_asked_for_each_block():
    def never(*_arguments, **_options):
        raise AssertionError

    lazy = da.from_array(RNG.integers(0, 99, (8, 5)), chunks=(2, 5))
    with dask.config.set(scheduler=never):
        assert kmeans1d(lazy, 2).counts.sum() == 40
