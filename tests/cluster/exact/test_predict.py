"""Labels of values of any kind against Python's exact comparison, one value at a time."""

import pickle
import tracemalloc

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fastkm.cluster.codebook import label_dtype
from fastkm.cluster.exact.predict import label
from tests.from_file import from_file

INTEGERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">i8", ">u8"]
FLOATS = ["f2", "f4", "f8", ">f2", ">f4", ">f8"]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
BREAKS = np.array([-1.0, 0.5, 2.0, 7.25])
GRID = np.round(np.random.default_rng(5).normal(2, 4, (6, 7, 8)) * 4) / 4


def naive_labels(values, breaks):
    """Compare Python's numbers, integers and floats exactly."""
    edges = breaks.tolist()
    labels = [-1 if v != v else sum(v > edge for edge in edges) for v in values.ravel().tolist()]
    return np.array(labels, int).reshape(values.shape)


def assert_labels(values, breaks):
    labels = label(values, breaks)
    assert labels.dtype == label_dtype(len(breaks) + 1)
    np.testing.assert_array_equal(labels, naive_labels(values, breaks))


@pytest.fixture
def small_chunks(monkeypatch):
    """Cut a few dozen values into several chunks for several threads."""
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 16)
    monkeypatch.setenv("FASTKM_NUM_THREADS", "3")


@pytest.mark.parametrize("dtype", INTEGERS)
@given(st.data())
def test_integers_of_every_type_are_compared_exactly(dtype, data):
    limits = np.iinfo(dtype)
    near = [limits.min, limits.max, 0, limits.max // 2]
    numbers = st.one_of(
        st.integers(limits.min, limits.max),
        st.sampled_from(near).flatmap(lambda n: st.integers(n - 2, n + 2)),
    ).filter(lambda n: limits.min <= n <= limits.max)
    values = np.array(data.draw(st.lists(numbers, max_size=20)), dtype)
    close = st.sampled_from([*near, *values.tolist()]).flatmap(
        lambda n: st.sampled_from([float(n), n + 0.5, np.nextafter(n, np.inf), n - 1.0])
    )
    breaks = data.draw(st.lists(close | FINITE, max_size=6))
    assert_labels(values, np.unique(np.array(breaks, float)))


@pytest.mark.parametrize("dtype", FLOATS)
@given(st.data())
def test_floats_of_every_type_are_compared_exactly(dtype, data):
    native = np.dtype(dtype).newbyteorder("=")
    numbers = st.floats(width=8 * native.itemsize)
    values = np.array(data.draw(st.lists(numbers, max_size=20)), native).astype(dtype)
    close = [edge for v in values.tolist() for edge in (v, np.nextafter(v, 9), np.nextafter(v, -9))]
    edge = FINITE | st.sampled_from([0.0, *close])
    breaks = np.array(data.draw(st.lists(edge, max_size=6)), float)
    assert_labels(values, np.unique(breaks[np.isfinite(breaks)]))


@pytest.mark.parametrize("breaks_type", ["i8", "u8"])
@pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "u8", "f2", "f4", "f8"])
@given(st.data())
def test_breaks_beyond_2_53_are_compared_exactly(breaks_type, dtype, data):
    limits = np.iinfo(breaks_type)
    edge = st.sampled_from([limits.min, limits.max, 2**53, 2**60, 2**62]).flatmap(
        lambda n: st.integers(max(n - 2, limits.min), min(n + 2, limits.max))
    )
    breaks = np.unique(np.array(data.draw(st.lists(edge, max_size=5)), breaks_type))
    numbers = np.array([0, *breaks.tolist(), *(n + 1 for n in breaks.tolist())], float)
    kind = np.dtype(dtype).kind
    if kind == "f":
        with np.errstate(over="ignore"):
            values = numbers.astype(dtype)
        values = np.concatenate([values, np.nextafter(values, values.dtype.type(0))])
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        around = [n + step for n in breaks.tolist() for step in (-1, 0, 1)]
        values = np.array([n for n in [low, 0, high, *around] if low <= n <= high], dtype)
    assert_labels(values, breaks)


def test_bools_are_compared_as_numbers():
    assert label(np.array([True, False]), np.array([0.5])).tolist() == [1, 0]
    assert label(np.array([True, False]), np.array([-2.0, 1.0])).tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (5, 1), (2, 3, 4)], ids=str)
def test_labels_have_the_shape_of_the_values(shape):
    labels = label(np.ones(shape, "f4"), BREAKS)
    assert labels.shape == shape
    assert (labels == 2).all()


def unaligned(array):
    record = np.zeros(array.shape, np.dtype([("a", "i1"), ("b", "f8")]))
    record["b"] = array
    return record["b"]


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "permuted": lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    "gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[::-1, :, ::-1].copy()[::-1, :, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:, :1], a.shape),
    "unaligned": unaligned,
    "big-endian": lambda a: a.astype(">f4"),
    "F of integers": lambda a: np.asfortranarray(a.astype("i2")),
    "one axis": lambda a: np.repeat(a.ravel(), 3)[::3],
}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_is_labelled_in_chunks(layout):
    values = layout(GRID)
    assert_labels(values, BREAKS)
    values.flags.writeable = False
    assert_labels(values, BREAKS)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_threads_change_no_label(threads, monkeypatch):
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 8 * 13)
    monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
    assert_labels(GRID, BREAKS)


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_no_copy_of_all_values_is_made(dtype, order, monkeypatch):
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 512)
    monkeypatch.setenv("FASTKM_NUM_THREADS", "1")
    values = np.ones((100, 100), dtype, order=order)
    label(values[:1], BREAKS)  # compile
    tracemalloc.start()
    label(values, BREAKS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.size + 15_000  # labels, the plan and chunks; a copy takes 20,000 or more


def test_a_memory_map_is_labelled(tmp_path):
    np.save(tmp_path / "grid.npy", GRID)
    mapped = np.load(tmp_path / "grid.npy", mmap_mode="r")
    np.testing.assert_array_equal(label(mapped, BREAKS), naive_labels(GRID, BREAKS))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mask_order", ["C", "F"])
def test_masked_cells_are_missing(order, mask_order):
    mask = np.asarray(np.random.default_rng(1).random(GRID.shape) < 0.4, order=mask_order)
    masked = np.ma.MaskedArray(np.asarray(GRID, order=order), mask)
    wanted = np.where(mask, -1, naive_labels(GRID, BREAKS))
    np.testing.assert_array_equal(label(masked, BREAKS), wanted)
    assert type(label(masked, BREAKS)) is np.ndarray


def test_a_masked_array_without_a_mask_has_no_missing_cells():
    np.testing.assert_array_equal(label(np.ma.array(GRID), BREAKS), naive_labels(GRID, BREAKS))


RASTERS = {
    "plain": (GRID, {}, {}),
    "fill value": (GRID, {"_FillValue": 0.5, "missing_value": [1.0, 2.0]}, {}),
    "range": (GRID.astype("f4"), {"valid_range": [-2.0, 6.0]}, {}),
    "raw": (
        np.rint(GRID).astype("i2"),
        {"scale_factor": 0.5, "add_offset": 1.0, "_FillValue": 3},
        {},
    ),
    "unsigned": (np.rint(GRID).astype("i1"), {"_Unsigned": "true", "valid_max": 254}, {}),
    "decoded": (GRID, {"valid_max": 20}, {"scale_factor": 0.25, "dtype": "int16"}),
}


@pytest.fixture(params=RASTERS.values(), ids=RASTERS)
def raster(request):
    values, attrs, encoding = request.param
    coords = {"x": np.arange(8.0), "where": ("y", list("abcdefg"))}
    array = xr.DataArray(values, dims=("time", "y", "x"), coords=coords, attrs=attrs, name="tpw")
    array.encoding = encoding
    return from_file(array)


def labels_by_rule(array):
    """Label the whole array at once, by what its attributes say."""
    attrs, numbers = array.attrs, array.values
    if attrs.get("_Unsigned"):
        numbers = numbers.view("u1")
    packed = numbers / array.encoding.get("scale_factor", 1.0)
    bad = np.isin(packed, [attrs.get("_FillValue", np.nan), *attrs.get("missing_value", [])])
    low, high = attrs.get("valid_range", (-np.inf, attrs.get("valid_max", np.inf)))
    bad |= (packed < low) | (packed > high)
    numbers = numbers * attrs.get("scale_factor", 1) + attrs.get("add_offset", 0)
    assert bad.any() or not attrs
    return np.where(bad, -1, naive_labels(numbers, BREAKS))


@pytest.mark.usefixtures("small_chunks")
def test_a_dataarray_comes_back_with_its_coordinates_alone(raster):
    before = raster.copy(deep=True)
    labels = label(raster, BREAKS)
    np.testing.assert_array_equal(labels.values, labels_by_rule(raster))
    assert labels.dtype == np.int8
    assert (labels.attrs, labels.encoding, labels.name) == ({}, {}, "tpw")
    xr.testing.assert_identical(labels.coords.to_dataset(), raster.coords.to_dataset())
    assert before.identical(raster)


@pytest.mark.usefixtures("small_chunks")
def test_a_dataarray_of_dask_stays_lazy_and_every_block_sees_the_attributes(raster):
    lazy = label(raster.chunk(time=4, y=3, x=5), BREAKS)
    assert isinstance(lazy.data, da.Array)
    assert lazy.dtype == np.int8
    assert (lazy.attrs, lazy.encoding, lazy.name) == ({}, {}, "tpw")
    np.testing.assert_array_equal(lazy.values, labels_by_rule(raster))
    xr.testing.assert_identical(lazy.coords.to_dataset(), raster.coords.to_dataset())


@pytest.mark.parametrize("dtype", ["f4", "i2", "u8", ">f8"])
def test_a_dask_array_stays_lazy(dtype):
    values = np.abs(GRID).astype(dtype)
    lazy = label(da.from_array(values, chunks=(4, 3, 5)), BREAKS)
    assert isinstance(lazy, da.Array)
    assert lazy.chunks == ((4, 2), (3, 3, 1), (5, 3))
    assert lazy.dtype == lazy._meta.dtype == np.int8
    np.testing.assert_array_equal(lazy.compute(), naive_labels(values, BREAKS))


def test_no_block_is_computed_before_it_is_asked_for():
    seen = []

    def block(values):
        seen.append(values.shape)
        return values

    given_ = da.from_array(GRID, chunks=(3, 7, 8)).map_blocks(block, meta=np.empty((0, 0, 0)))
    plain = label(given_, BREAKS)
    dressed = label(from_file(xr.DataArray(given_), valid_min=0.0), BREAKS)
    assert seen == []
    plain[0].compute()
    assert seen == [(3, 7, 8)]
    assert dressed[-1].values.min() == -1
    assert seen == [(3, 7, 8)] * 2


def test_dask_arrays_of_masked_arrays_have_missing_cells():
    masked = da.ma.masked_greater(da.from_array(GRID, chunks=3), 3.0)
    wanted = np.where(GRID > 3.0, -1, naive_labels(GRID, BREAKS))
    np.testing.assert_array_equal(label(masked, BREAKS).compute(), wanted)


def test_dask_arrays_of_unknown_length_are_labelled():
    flat = da.from_array(GRID.ravel(), chunks=50)
    labels = label(flat[flat > 1.0], BREAKS)
    np.testing.assert_array_equal(labels.compute(), naive_labels(GRID[GRID > 1.0], BREAKS))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)], ids=str)
def test_dask_arrays_without_axes_or_cells_are_labelled(shape):
    labels = label(da.from_array(np.ones(shape)), BREAKS)
    assert isinstance(labels, da.Array)
    assert labels.compute().shape == shape


def test_a_plan_can_be_sent_to_another_process():
    raster = from_file(xr.DataArray(da.from_array(GRID, chunks=4)), valid_min=0.0)
    labels = pickle.loads(pickle.dumps(label(raster, BREAKS)))
    assert labels.values.min() == -1


def test_equal_plans_have_equal_names():
    array = da.from_array(GRID, chunks=4)
    assert label(array, BREAKS).name == label(array, BREAKS).name
    assert label(array, BREAKS).name != label(array, BREAKS + 1).name


def test_blocks_are_labelled_by_dask_threads_alone(monkeypatch):
    monkeypatch.setattr(
        "fastkm._core.threads._get_pool", lambda pid: pytest.fail("a pool was used")
    )
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 16)
    labels = label(da.from_array(GRID, chunks=4), BREAKS)
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_array_equal(labels.compute(), naive_labels(GRID, BREAKS))


OUTS = {
    "i1": lambda shape: np.full(shape, 9, "i1"),
    "i4": lambda shape: np.full(shape, 9, "i4"),
    "big-endian": lambda shape: np.full(shape, 9, ">i8"),
    "F": lambda shape: np.full(shape, 9, "i1", order="F"),
    "gaps": lambda shape: np.full((*shape, 2), 9, "i1")[..., 0],
}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("make", OUTS.values(), ids=OUTS)
def test_out_is_filled_and_returned(make, order):
    values, out = np.asarray(GRID, order=order), make(GRID.shape)
    assert label(values, BREAKS, out=out) is out
    np.testing.assert_array_equal(out, naive_labels(GRID, BREAKS))


def test_out_may_be_a_memory_map(tmp_path):
    path = tmp_path / "labels.npy"
    out = np.lib.format.open_memmap(path, "w+", np.int8, GRID.shape)
    assert label(GRID, BREAKS, out=out) is out
    out.flush()
    np.testing.assert_array_equal(np.load(path), naive_labels(GRID, BREAKS))


def test_a_dataarray_comes_back_around_out():
    out = np.empty(GRID.shape, "i2")
    labels = label(from_file(xr.DataArray(GRID), valid_max=3.0), BREAKS, out=out)
    assert isinstance(labels, xr.DataArray)
    assert np.shares_memory(labels.values, out)
    np.testing.assert_array_equal(out == -1, GRID > 3.0)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([0, 0, 0], TypeError, "out must be a plain array, got list"),
        (np.ma.zeros(3, "i1"), TypeError, "out must be a plain array, got MaskedArray"),
        (np.empty(3, "u1"), TypeError, "signed integers from -1 to 4, got type uint8"),
        (np.empty(3), TypeError, "signed integers from -1 to 4, got type float64"),
        (np.empty(4, "i1"), ValueError, r"shape of the values, \(3,\), got \(4,\)"),
        (np.empty((3, 1), "i1"), ValueError, r"shape of the values, \(3,\), got \(3, 1\)"),
        (np.broadcast_to(np.int8(0), 3), ValueError, "out must be writeable"),
    ],
    ids=lambda value: getattr(value, "__name__", None) if isinstance(value, type) else None,
)
def test_an_out_that_cannot_take_the_labels_is_an_error(out, error, message):
    with pytest.raises(error, match=message):
        label([1.0, 2.0, 3.0], BREAKS, out=out)


def test_an_out_too_narrow_for_the_labels_is_an_error():
    with pytest.raises(TypeError, match="from -1 to 128, got type int8"):
        label([1.0], np.arange(128.0), out=np.empty(1, "i1"))
    assert label([1e3], np.arange(127.0), out=np.empty(1, "i1")).tolist() == [127]


def test_labels_over_their_own_values_are_an_error():
    values = np.array([1, 2, 3], "i1")
    with pytest.raises(ValueError, match="out must not share memory with the values"):
        label(values, BREAKS, out=values)


def test_out_beside_a_dask_array_is_an_error():
    with pytest.raises(TypeError, match="out must be None for a dask array"):
        label(da.zeros(3), BREAKS, out=np.empty(3, "i1"))


@pytest.mark.parametrize(
    "wrap", [np.array, da.array, xr.DataArray], ids=["numpy", "dask", "xarray"]
)
@pytest.mark.parametrize(
    ("values", "error"), [(["a"], TypeError), ([1j], ValueError)], ids=["text", "complex"]
)
def test_what_are_not_real_numbers_is_an_error_at_once(wrap, values, error):
    with pytest.raises(error, match="values must hold real numbers"):
        label(wrap(values), BREAKS)
