"""However the values come, in whatever pieces and order, the result is the same to the bit."""

import itertools
import subprocess
import sys

import dask.array as da
import numpy as np
import pytest

from fastkm import kmeans1d
from tests.codebooks import assert_same, random_chunks, random_values, several_passes
from tests.conftest import COMPILED, needs_jit

KS = (1, 2, 4) if COMPILED else (1, 2)
TYPES = ["?", "f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
SLOW = [] if COMPILED else ["f4", "i4", "u4"]  # their tables have 2^21 cells
CASES = [(name, False) for name in TYPES if name not in SLOW] + [
    ("f4", True),
    ("f8", True),
    ("i4", True),
]
DATA = pytest.mark.parametrize(
    ("dtype", "weighted"), CASES, ids=[name + " weighted" * heavy for name, heavy in CASES]
)
SEEDS = pytest.mark.parametrize("seed", [1, 2] if COMPILED else [1])
BIG = pytest.mark.parametrize("few", [10**6, 20], ids=["few", "several passes"])


def data(dtype, weighted=False, seed=0, size=240):
    """Give values and, perhaps, weights.

    Those of 32 bits share bins of 2^11 keys, those of 64-bit integers need an offset.
    """
    rng = np.random.default_rng(seed)
    values = random_values(seed, "normal", dtype, size)
    if dtype == "f4":
        values = values + np.float32(300)
    elif dtype in ("i4", "u4"):
        values = values // 2**17
    elif dtype in ("i8", "u8"):
        values = values + np.array(2**60, dtype)
    return values, 10.0 ** rng.uniform(-3, 3, size) if weighted else None


def clustered(values, weights=None, threads=None):
    """Give the results for several k that any type of `data` has."""
    ks = (1, 2) if np.asarray(values).dtype == bool else KS
    return kmeans1d(values, ks, weights=weights, threads=threads)


def assert_all_same(got, wanted):
    assert got.keys() == wanted.keys()
    for k, result in wanted.items():
        assert_same(got[k], result)


def streamed(values, weights, seed):
    """Give a callable that cuts the values at other places in each pass."""
    calls = itertools.count()
    rng = [np.random.default_rng((seed, call)) for call in range(50)]
    return lambda: iter(random_chunks(rng[next(calls)], values, weights))


def from_chunks(values, weights, seed, threads=None):
    ks = (1, 2) if values.dtype == bool else KS
    return kmeans1d(streamed(values, weights, seed), ks, threads=threads)


@BIG
@DATA
@SEEDS
def test_chunks_change_nothing(few, dtype, weighted, seed):
    values, weights = data(dtype, weighted, seed)
    with several_passes(few):
        assert_all_same(from_chunks(values, weights, seed), clustered(values, weights))


@BIG
@DATA
@pytest.mark.parametrize("threads", [1, 2, 5] if COMPILED else [5])
def test_threads_change_nothing(few, dtype, weighted, threads):
    values, weights = data(dtype, weighted)
    with several_passes(few):
        wanted = clustered(values, weights, threads=3)
        assert_all_same(clustered(values, weights, threads=threads), wanted)
        assert_all_same(from_chunks(values, weights, 7, threads=threads), wanted)


@BIG
@DATA
@SEEDS
def test_the_order_changes_nothing(few, dtype, weighted, seed):
    values, weights = data(dtype, weighted, seed)
    order = np.random.default_rng(seed).permutation(len(values))
    with several_passes(few):
        turned = clustered(values[order], None if weights is None else weights[order])
        assert_all_same(turned, clustered(values, weights))


def masked(values):
    """Stand among masked cells that would be an error if they were read."""
    wrong = np.inf if values.dtype.kind == "f" else values.max()
    cells = np.append(values, np.full(9, wrong, values.dtype))
    return np.ma.masked_array(cells, np.arange(len(cells)) >= len(values)).reshape(3, -1)


def among_nan(values):
    """Give values with NaN between them, where they are floats."""
    return np.insert(values, [0, 5, 5, 100], np.nan) if values.dtype.kind == "f" else values


LAYOUTS = {
    "two dimensions": lambda x: x.reshape(12, -1),
    "Fortran": lambda x: np.asfortranarray(x.reshape(8, 3, -1)),
    "strided": lambda x: np.repeat(x, 3)[1::3],
    "backwards": lambda x: x[::-1],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), x.dtype, offset=1),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype),
    "masked": masked,
    "NaN": among_nan,
    "list": list,
}


@BIG
@pytest.mark.parametrize("dtype", ["?", "f4", "i2", "u8"] if COMPILED else ["i2", "f8"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_changes_nothing(few, dtype, layout):
    values, _ = data(dtype)
    with several_passes(few):
        assert_all_same(clustered(LAYOUTS[layout](values)), clustered(values))


@BIG
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["two dimensions", "Fortran", "strided", "big-endian"])
def test_the_layout_of_weighted_values_changes_nothing(few, dtype, layout):
    values, weights = data(dtype, weighted=True)
    laid = LAYOUTS[layout](values)
    with several_passes(few):
        got = clustered(laid, weights.reshape(laid.shape))
        assert_all_same(got, clustered(values, weights))


@BIG
@DATA
def test_a_memmap_is_as_its_values(few, dtype, weighted, tmp_path):
    values, weights = data(dtype, weighted)
    values.tofile(tmp_path / "values")
    with several_passes(few):
        there = np.memmap(tmp_path / "values", values.dtype, mode="r")
        assert_all_same(clustered(there, weights), clustered(values, weights))


@BIG
@DATA
def test_dask_is_as_its_values(few, dtype, weighted):
    size, other = np.random.default_rng(5).integers(20, 200, 2).tolist()
    values, weights = data(dtype, weighted)
    lazy = da.from_array(values, chunks=size)
    heavy = da.from_array(weights, chunks=other) if weighted else None
    with several_passes(few):
        assert_all_same(clustered(lazy, heavy), clustered(values, weights))


@BIG
def test_dask_of_two_dimensions_is_as_its_values(few):
    grid, areas = data("f8", weighted=True)
    grid, areas = grid.reshape(12, 20), areas[:12, None]
    with several_passes(few):
        wanted = clustered(grid, areas)
        assert_all_same(clustered(da.from_array(grid, chunks=(5, 7)), areas), wanted)


def test_the_settings_take_one_pass_and_several():
    """What the tests above are worth."""
    for dtype, weighted, passes in [
        ("i2", False, 1),
        ("f4", False, 3),
        ("i4", False, 3),
        ("f8", False, 4),
        ("f8", True, 4),
    ]:
        values, weights = data(dtype, weighted)
        assert kmeans1d(values, 4, weights=weights).passes == 1
        with several_passes():
            assert kmeans1d(values, 4, weights=weights).passes >= passes


@BIG
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_passes_are_how_often_a_callable_was_called(few, dtype, weighted):
    values, weights = data(dtype, weighted)
    chunks, calls = random_chunks(np.random.default_rng(1), values, weights), []

    def archive():
        calls.append(None)
        return iter(chunks)

    with several_passes(few):
        assert kmeans1d(archive, 4).passes == len(calls)


def test_pairs_without_weights_are_as_chunks():
    values, _ = data("f4")
    with several_passes():
        wanted = kmeans1d(values, 4)
        assert_same(kmeans1d(lambda: [(values[:99], None), (values[99:], None)], 4), wanted)


@BIG
@pytest.mark.parametrize(
    "types", [("f4", "f8"), ("i2", "i4"), ("u1", "f4"), ("?", "f2"), ("i2", "u2")], ids="-".join
)
def test_chunks_of_several_types_are_float64(few, types):
    chunks = [np.round(data("f8", seed=i)[0] * 9).clip(0) for i in range(2)]
    typed = [chunk.astype(name) for chunk, name in zip(chunks, types, strict=True)]
    together = np.concatenate([chunk.astype("f8") for chunk in typed])
    with several_passes(few):
        got, wanted = kmeans1d(lambda: iter(typed), 3), kmeans1d(together, 3)
    assert_same(got, wanted)
    assert got.breaks.dtype == np.float64


VALUES = data("f8")[0]
LATER = {
    "one value less": VALUES[:-1],
    "one value more": np.append(VALUES, 1.0),
    "nothing": VALUES[:0],
    "one value missing": np.where(np.arange(240) == 100, np.nan, VALUES),
    "all values moved": VALUES + 100,
    "one value moved": np.where(np.arange(240) == 120, 1e3, VALUES),
}


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_later_pass_that_differs_is_an_error(later, weighted):
    def pair(values):
        return (values, np.ones(len(values))) if weighted else values

    passes = itertools.chain([VALUES], itertools.repeat(LATER[later]))
    with (
        several_passes(),
        pytest.raises(ValueError, match=r"values must (be|give) the same .*in every pass"),
    ):
        kmeans1d(lambda: [pair(next(passes))], 4)


@BIG
@pytest.mark.parametrize("weighted", [False, True])
def test_one_generator_for_all_passes_is_an_error_where_there_are_several(few, weighted):
    chunks = iter(random_chunks(np.random.default_rng(1), VALUES, VALUES**2 if weighted else None))
    with several_passes(few):
        if few > 20:
            assert kmeans1d(lambda: chunks, 4).passes == 1
        else:
            with pytest.raises(ValueError, match="values must give the same chunks in every pass"):
                kmeans1d(lambda: chunks, 4)


@BIG
def test_one_generator_of_several_types_is_an_error(few):
    chunks = iter([VALUES, VALUES.astype("f4")])
    with several_passes(few), pytest.raises(ValueError, match="same chunks in every pass"):
        kmeans1d(lambda: chunks, 4)


@BIG
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_infinity_is_found_in_its_chunk(few, dtype, weighted):
    chunks = [VALUES.astype(dtype).reshape(24, 10).copy() for _ in range(3)]
    chunks[1][3, 7] = -np.inf
    given = [(chunk, np.ones(10)) for chunk in chunks] if weighted else chunks
    wanted = r"values must not be infinite, but chunk 1, cell \(3, 7\) is"
    with several_passes(few), pytest.raises(ValueError, match=wanted):
        kmeans1d(lambda: iter(given), 2)


@BIG
def test_an_infinity_is_found_in_its_block_of_dask(few):
    values = VALUES.copy()
    values[130] = np.inf
    with several_passes(few), pytest.raises(ValueError, match=r"chunk 2, cell \(30,\) is"):
        kmeans1d(da.from_array(values, chunks=50), 2)


@pytest.mark.parametrize("nothing", [[], [np.empty(0)], [np.full(5, np.nan)]], ids=str)
def test_chunks_of_nothing_are_no_distinct_values(nothing):
    with pytest.raises(ValueError, match="distinct values, 0: all cells are missing"):
        kmeans1d(lambda: nothing, 1)


SCRIPT = """
import sys
import numpy as np
import fastkm

def status(name):
    with open("/proc/self/status") as lines:
        line = next(line for line in lines if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024

def run(values, ks):
    for result in fastkm.kmeans1d(values, ks, threads=2).values():
        assert result.gap == 0.0
        numbers = result.inertia, result.passes, *result.centroids, *result.breaks, *result.counts
        print(*(float(number).hex() for number in numbers))

values = np.memmap(sys.argv[1], np.float32, mode="r")
fastkm.kmeans1d(values[:3_000_000].copy(), range(2, 9), threads=2)  # compiles
"""

LIMITED = """
import resource

most = status("VmData") + 150 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
try:
    values.copy()
    sys.exit("the limit does not hold")
except MemoryError:
    pass
run(values, range(2, 5))
"""

MEASURED = """
values = np.array(values[:20_000_000])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak begins anew
before = status("VmRSS")
run(values, range(2, 9))
beyond = status("VmHWM") - before
assert beyond < 64 * 2**20, beyond
"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for memory")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Write a file of 300 MB: two groups that overlap."""
    path, rng = tmp_path_factory.mktemp("big") / "values", np.random.default_rng(1)
    with path.open("wb") as file:
        for _ in range(15):
            values = rng.standard_normal(5_000_000, np.float32) * 6
            values[::2] = np.abs(values[::2]) * 3
            values[1::2] += 45
            values.tofile(file)
    return path


def printed(path, *parts):
    command = [sys.executable, "-c", SCRIPT + "".join(parts), str(path)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
@needs_jit
@linux
def test_a_memmap_larger_than_the_memory_is_clustered_as_its_values(big):
    whole = printed(big, "run(np.array(values), range(2, 5))")
    assert printed(big, LIMITED) == whole
    assert len(whole.splitlines()) == 3


@pytest.mark.slow
@needs_jit
@linux
def test_many_values_take_little_memory(big):
    printed(big, MEASURED)
