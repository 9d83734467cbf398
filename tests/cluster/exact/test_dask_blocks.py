"""On the workers of a client as here: the same bits, for any blocks, types, weights and rules."""

from contextlib import nullcontext

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from fastkm import choose_k, kmeans1d
from fastkm._core.progress import use_progress
from fastkm.cluster.exact import collectors, solver
from fastkm.cluster.exact.collectors import GatherIfSmall
from fastkm.cluster.streaming import source as streaming
from fastkm.cluster.streaming.source import Source
from fastkm.errors import ArchiveError
from tests.clients import client_of
from tests.codebooks import assert_same, several_passes
from tests.conftest import COMPILED, needs_jit
from tests.from_file import from_file
from tests.steps import Steps

RNG = np.random.default_rng(8)
FEW = pytest.mark.parametrize("few", [10**6, 20], ids=["few", "several passes"])
SHAPE = (12, 6, 5)


@pytest.fixture(scope="module")
def client():
    """A client of one worker in this process."""
    with client_of() as made:
        yield made


def grid(dtype, seed=0, shape=SHAPE):
    values = np.random.default_rng(seed).normal(size=shape)
    if dtype in ("f2", "f4", "f8"):
        return (values + 300).astype(dtype)
    return np.round(values * {"u1": 20, "i2": 99, "i4": 2**14, "i8": 2**40}[dtype] + 100).astype(
        dtype
    )


def raster(values, **attrs):
    return from_file(xr.DataArray(values, dims=("t", "y", "x")), **attrs)


def assert_all_same(got, wanted, *, but=("passes",)):
    assert got.keys() == wanted.keys()
    for k, result in wanted.items():
        assert_same(got[k], result, but=but)


def in_each_way(client, values, lazy, weights=None, lazy_weights=None, ks=(1, 2, 4)):
    """Hold that an array, dask here and dask on workers give the same; give the results."""
    own = weights if lazy_weights is None else lazy_weights
    wanted = kmeans1d(values, ks, weights=weights)
    here = kmeans1d(lazy, ks, weights=own)
    with client.as_current():
        there = kmeans1d(lazy, ks, weights=own)
    assert_all_same(here, wanted)
    assert_all_same(there, here, but=())  # passes too
    return there


@pytest.mark.slow
@FEW
@pytest.mark.parametrize("dtype", ["u1", "i2", "f2", "i4", "f4", "i8", "f8"])
@pytest.mark.parametrize("chunks", [(1, -1, -1), (7, 4, -1)], ids=str)
def test_any_type_and_any_blocks(few, dtype, chunks, client):
    values = grid(dtype)
    with several_passes(few):
        in_each_way(client, values, da.from_array(values, chunks=chunks))


WEIGHTS = {
    "rows": lambda: RNG.uniform(0.1, 2, (6, 1)),
    "all": lambda: RNG.uniform(0.1, 2, SHAPE),
    "steps": lambda: RNG.uniform(0.1, 2, (12, 1, 1)),
    "one": lambda: np.float64(0.5),
    "masked": lambda: np.ma.array(RNG.uniform(0.1, 2, (6, 5)), mask=False),
    "zeros": lambda: RNG.integers(0, 3, (6, 5)),
}


@pytest.mark.slow
@FEW
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("lazy_weights", [False, True])
@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_weights_lie_over_the_blocks(few, kind, lazy_weights, dtype, client):
    values, weights = grid(dtype), WEIGHTS[kind]()
    lazy = da.from_array(values, chunks=(5, 4, -1))
    laid = da.from_array(np.asarray(weights), chunks=6) if lazy_weights else weights
    with several_passes(few):
        in_each_way(client, values, lazy, weights, laid)


@FEW
def test_weights_are_laid_by_the_names_of_dimensions(few, client):
    values = raster(grid("f4"))
    weights = xr.DataArray(RNG.uniform(1, 2, (5, 6)), dims=("x", "y"))
    with several_passes(few):
        in_each_way(client, values, values.chunk(t=1), weights, weights.chunk(x=2))


RULES = {
    "fill": {"_FillValue": np.float32(300), "valid_max": np.float32(302)},
    "range": {"valid_range": [np.float32(299), np.float32(301)]},
}


@FEW
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("weighted", [False, True])
def test_attributes_make_cells_missing(few, rule, weighted, client):
    values = grid("f4")
    values[::3] = np.round(values[::3])
    values = raster(values, **RULES[rule], long_name="name")
    with several_passes(few):
        found = in_each_way(client, values, values.chunk(t=2), 2.0 if weighted else None)
    assert 0 < found[2].counts.sum() < values.size


@FEW
@pytest.mark.parametrize("decoded", [False, True], ids=["raw", "decoded"])
def test_packed_rasters_are_clustered_in_packed_units(few, decoded, client):
    packing = {"scale_factor": 0.01, "add_offset": 5.0, "_FillValue": np.int16(100)}
    values = raster(grid("i2"), **packing)
    if decoded:
        values = xr.decode_cf(values.to_dataset(name="v"))["v"]
    with several_passes(few):
        assert in_each_way(client, values, values.chunk(t=5))[2].passes == 1


def test_masked_blocks(client):
    values = np.ma.array(grid("f4"), mask=RNG.random(SHAPE) < 0.3)
    in_each_way(client, values, da.from_array(values, chunks=(2, -1, -1)))


def test_lengths_that_are_not_known_are_read_here(client):
    values = grid("f8").ravel()
    lazy = da.from_array(values, chunks=50)
    in_each_way(client, values[values > 300], lazy[lazy > 300])


@FEW
def test_values_of_several_types_are_float64(few, client):
    values = grid("f8")
    values[:6] = values[:6].astype("f4")
    lazy = da.from_array(values, chunks=(2, -1, -1)).map_blocks(
        lambda block: block.astype("f4") if (block == block.astype("f4")).all() else block,
        meta=np.empty((0, 0, 0)),
    )
    with several_passes(few):
        in_each_way(client, values, lazy)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_infinity_is_found_in_its_block(dtype, weighted, client):
    values = grid(dtype)
    values[7, 2, 3] = -np.inf
    values[9, 0, 0] = np.inf
    lazy = da.from_array(values, chunks=(2, -1, -1))
    wanted = r"values must not be infinite, but chunk 3, cell \(1, 2, 3\) is"
    with several_passes(), client.as_current(), pytest.raises(ValueError, match=wanted):
        kmeans1d(lazy, 2, weights=2.0 if weighted else None)


def test_a_wrong_weight_is_named_with_its_place(client):
    values, weights = grid("f4"), np.ones(SHAPE)
    weights[5, 1, 1] = -1
    lazy = da.from_array(values, chunks=(2, -1, -1))
    wanted = r"got -1.0 in chunk 2, cell \(1, 1, 1\)"
    with client.as_current(), pytest.raises(ValueError, match=wanted):
        kmeans1d(lazy, 2, weights=weights)


class Failing:
    """Blocks of which one cannot be read."""

    def __init__(self, error):
        self.error = error

    def __call__(self, block, block_info=None):
        if block_info and block_info[0]["chunk-location"][0] == 4:
            raise self.error
        return block


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("error", [ArchiveError("a.nc", "2001-05", "cut"), OSError(13, "denied")])
def test_an_error_of_reading_reaches_the_caller_unchanged(there, error, client):
    lazy = da.from_array(grid("f4"), chunks=(2, -1, -1))
    lazy = lazy.map_blocks(Failing(error), meta=np.empty((0, 0, 0), "f4"))
    current = client.as_current() if there else nullcontext()
    with current, pytest.raises(type(error)) as caught:
        kmeans1d(lazy, 2)
    assert caught.value.args == error.args


READINGS = []


def changing(block):
    """Lose values after some readings."""
    READINGS.append(1)
    return np.where(block > 299, np.nan, block) if len(READINGS) > 30 else block


@pytest.mark.parametrize("weighted", [False, True])
def test_passes_that_differ_are_an_error(weighted, client):
    lazy = da.from_array(grid("f8"), chunks=(2, 3, -1)).map_blocks(
        changing, dtype="f8", meta=np.empty((0, 0, 0))
    )
    READINGS.clear()
    wanted = r"values must (be|give) the same .*in every pass"
    with several_passes(), client.as_current(), pytest.raises(ValueError, match=wanted):
        kmeans1d(lazy, 3, weights=2.0 if weighted else None)


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_passes_and_blocks_are_told(there, dtype, client):
    told = Steps()
    lazy = da.from_array(grid(dtype), chunks=(1, -1, -1))
    with several_passes(), use_progress(told):
        if there:
            with client.as_current():
                result = kmeans1d(lazy, 3)
        else:
            result = kmeans1d(lazy, 3)
    assert told.totals == [12] * result.passes
    assert told.done == [[1] * 12] * result.passes


@FEW
@pytest.mark.parametrize("distinct", [10, 1 << 20])
def test_scores_are_the_same(few, distinct, client, monkeypatch):
    monkeypatch.setattr(collectors, "MAX_DISTINCT", distinct)
    values = grid("f4")
    lazy = da.from_array(values, chunks=(1, -1, -1))
    with several_passes(few):
        wanted = choose_k(kmeans1d(values, range(2, 5)))
        with client.as_current():
            got = choose_k(kmeans1d(lazy, range(2, 5)))
    assert (got.k, got.scores) == (wanted.k, wanted.scores)


def test_ties_are_decided_alike(client):
    values = np.arange(64.0).reshape(8, 8)
    with several_passes():
        in_each_way(client, values, da.from_array(values, chunks=(1, 8)), np.ones((8, 1)))


def test_all_cells_are_missing(client):
    lazy = da.full((4, 3), np.nan, chunks=(1, 3))
    with client.as_current(), pytest.raises(ValueError, match="all cells are missing"):
        kmeans1d(lazy, 1)


@pytest.mark.slow
@needs_jit
def test_processes_give_the_same(tmp_path):
    values = grid("f4", shape=(20, 130, 140))
    values[:, :9] = np.nan
    path = tmp_path / "values.npy"
    np.save(path, values)
    lazy = da.from_array(np.load(path, mmap_mode="r"), chunks=(1, 130, 140))
    areas = np.cos(np.deg2rad(np.linspace(-80, 80, 130)))[:, None]
    wanted = kmeans1d(values, (2, 6)), kmeans1d(values, 3, weights=areas)
    with client_of(2, processes=True) as made, made.as_current():
        assert_all_same(kmeans1d(lazy, (2, 6)), wanted[0])
        assert_same(kmeans1d(lazy, 3, weights=areas), wanted[1])


# Guesses


def met(values, ks, guess, monkeypatch):
    """Run with a guess that is given."""
    monkeypatch.setattr(solver, "guess_cuts", lambda *_: guess)
    with several_passes():
        return kmeans1d(da.from_array(values, chunks=(1, -1, -1)), ks)


@pytest.mark.parametrize("seed", range(6 if COMPILED else 2))
@pytest.mark.parametrize("dtype", ["f4", "i4"])
def test_a_guess_changes_no_bit(dtype, seed, monkeypatch):
    from fastkm.cluster.exact.key_histograms import COARSE_BINS, KeyHistogram
    from fastkm.cluster.exact.sortable_keys import SingleKeys

    values, rng = grid(dtype, seed), np.random.default_rng(seed)
    with several_passes():
        wanted = kmeans1d(values, (2, 4))
    here = KeyHistogram(values.dtype, 1).find_coarse_bins(values.ravel().astype("f8"))
    guesses = {
        "none": SingleKeys.none(),
        "all": SingleKeys(np.unique(here)),
        "wrong": SingleKeys(np.array([0, 1, COARSE_BINS - 1])),
        "most": SingleKeys(np.unique(here)[1::2]),
        "some": SingleKeys(np.unique(rng.choice(here, 9))),
        "half": SingleKeys(np.unique(here[here < np.median(here)])),
    }
    passes = {}
    for name, guess in guesses.items():
        got = met(values, (2, 4), guess, monkeypatch)
        assert_all_same(got, wanted)
        passes[name] = got[2].passes
    assert passes["all"] == 1
    assert min(passes["none"], passes["wrong"]) > 1


@needs_jit
def test_two_passes_at_most_and_mostly_one():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(c, 1, (16, 200, 60)) for c in (5, 12, 30)], axis=2)
    values = values.astype("f4")
    lazy = da.from_array(values, chunks=(1, -1, -1))
    assert kmeans1d(lazy, 3).passes == 1
    values = np.sort(rng.gamma(2, 12, (16, 40_000)).astype("f4"), axis=None).reshape(16, -1)
    result = kmeans1d(da.from_array(values, chunks=(1, -1)), 6)  # no block is like another
    assert result.passes == 2
    assert_same(result, kmeans1d(values, 6), but=("passes",))


def test_few_blocks_are_looked_at_before():
    read = []

    def spy(block, block_info=None):
        if block_info:
            read.append(block_info[0]["chunk-location"][0])
        return block

    for blocks, most in [(7, 0), (8, 1), (16, 1), (40, 2), (200, 8)]:
        values = RNG.normal(300, 0.01, (blocks, 30)).astype("f4")
        lazy = da.from_array(values, chunks=(1, -1)).map_blocks(spy, meta=np.empty((0, 0), "f4"))
        source = Source(lazy)
        read.clear()
        solver.guess_cuts(source, [2], 1)
        assert len(read) == most, blocks
        assert len(set(read)) == most
        assert source.passes == 0


@needs_jit
@pytest.mark.parametrize("kind", ["plain", "masked", "strided"])
def test_arrays_in_memory_are_guessed_too(kind, monkeypatch):
    rng = np.random.default_rng(3)
    values = rng.normal(300, 0.3, (160, 180)).astype("f4")
    if kind == "masked":
        values = np.ma.MaskedArray(values, rng.random(values.shape) < 0.1)
    elif kind == "strided":
        values = np.repeat(values, 2, axis=1)[:, ::2]
    with several_passes():
        wanted = kmeans1d(values, (2, 3))
        monkeypatch.setattr(streaming, "PART", 200)
        monkeypatch.setattr(streaming, "RUN", 10)
        got = kmeans1d(values, (2, 3))
    assert_all_same(got, wanted)
    assert (got[3].passes, wanted[3].passes > 1) == (1, True)


def test_parts_of_an_array_in_memory_are_spread_over_it(monkeypatch):
    monkeypatch.setattr(streaming, "PART", 20)
    monkeypatch.setattr(streaming, "RUN", 2)
    values = np.arange(100, dtype="f4")
    part = Source(values).reduce_some(GatherIfSmall(None, values.dtype), [1])
    assert part.values.tolist() == [2, 3, 12, 13, 22, 23, 32, 33, 42, 43, 52, 53, 62, 63, 72, 73, 82, 83, 92, 93]  # fmt: skip
    table = np.ma.masked_equal(values.reshape(20, 5), 6)
    part = Source(table).reduce_some(GatherIfSmall(None, values.dtype), [1])
    assert sorted(part.values.tolist()) == [5, 7, 8, 9, *range(30, 35), *range(55, 60), *range(80, 85)]  # fmt: skip
    for other in (values, lambda: [values]):
        source = Source(other, weights=np.ones(100) if other is values else None)
        assert source.parts == 0
        with pytest.raises(ValueError, match="values must have parts"):
            source.reduce_some(GatherIfSmall(None, values.dtype), [0])


def test_rounded_numbers_need_no_guess():
    values = np.round(RNG.normal(300, 9, (16, 50)), 1).astype("f4")
    source = Source(da.from_array(values, chunks=(1, -1)))
    assert len(solver.guess_cuts(source, [3], 1).bins) == 0
