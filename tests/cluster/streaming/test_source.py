"""Whatever comes, the pieces of a pass hold its present values and their weights."""

import tracemalloc

import dask.array as da
import hypothesis
import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st

from fastkm.cluster.streaming import chunks as module
from fastkm.cluster.streaming.chunks import BOX_CELLS, FormatMismatch
from fastkm.cluster.streaming.source import Source
from tests.from_file import from_file

RNG = np.random.default_rng(5)
VALUES = RNG.normal(size=(6, 7))
WEIGHTS = RNG.uniform(0.5, 2, (6, 7))
HOLES = RNG.random((6, 7)) < 0.3
PACKED = np.array([[-32768, -100, 0], [100, 200, 300]], "i2")
PACKING = {"scale_factor": 0.01, "add_offset": 10.0}


def read(source):
    """Run one pass; give all values and weights, having checked each piece."""
    values, weights = [np.empty(0, source.dtype)], [np.empty(0)]
    for piece in source.read_chunks():
        assert piece.values.dtype == source.dtype
        assert (piece.weights is not None) == source.weighted
        for array in (array for array in piece if array is not None):
            assert array.shape == piece.values.shape
            assert array.ndim == 1
            assert array.size > 0
            assert array.dtype.isnative
            assert array.flags.c_contiguous
            assert array.flags.aligned
            assert not array.flags.writeable
        if source.weighted:
            assert piece.weights.dtype == np.float64
            assert ((piece.weights > 0) & (piece.weights < np.inf)).all()
            assert not np.isnan(piece.values).any()
            weights.append(piece.weights)
        values.append(piece.values)
    return np.concatenate(values), np.concatenate(weights) if source.weighted else None


def in_order(values, weights=None):
    """Sort the pairs of value and weight, NaN last."""
    weights = np.zeros(len(values)) if weights is None else weights
    order = np.lexsort((weights, values))
    return values[order].tolist(), weights[order].tolist()


def assert_gives(source, values, weights=None):
    """Hold that two passes give these values, in any order."""
    for _ in range(2):
        found, with_weights = read(source)
        wanted = in_order(np.ravel(values), None if weights is None else np.ravel(weights))
        np.testing.assert_array_equal(in_order(found, with_weights), wanted)


def raw(values=PACKED, **attributes):
    attributes = {"_FillValue": np.int16(-32768), **PACKING, **attributes}
    return from_file(xr.DataArray(values, dims=("y", "x")), **attributes)


def decoded(values=PACKED, **attributes):
    return xr.decode_cf(raw(values, **attributes).to_dataset(name="v"))["v"]


LAYOUTS = {
    "as it is": lambda a: a,
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "list": lambda a: a.tolist(),
    "not aligned": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "DataArray": lambda a: xr.DataArray(a, dims=("y", "x")),
    "DataArray with rules": lambda a: from_file(xr.DataArray(a, dims=("y", "x")), valid_max=1e3),
    "dask": lambda a: da.from_array(a, chunks=(4, 3)),
    "DataArray of dask": lambda a: xr.DataArray(da.from_array(a, chunks=2), dims=("y", "x")),
    "chunks": lambda a: lambda: iter(np.array_split(a, 3)),
    "chunks of dask": lambda a: lambda: [da.from_array(a, chunks=3)],
    "chunks of DataArrays": lambda a: lambda: [xr.DataArray(a[:2]), xr.DataArray(a[2:])],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_come_in_any_kind(layout):
    source = Source(LAYOUTS[layout](VALUES))
    assert (source.dtype, source.packing, source.weighted) == (np.float64, None, False)
    assert_gives(source, VALUES)


@pytest.mark.parametrize("pieces", [1, 5, 2**20])
@pytest.mark.parametrize("layout", [key for key in LAYOUTS if "chunks" not in key])
def test_weights_stay_with_their_values(layout, pieces, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", pieces)
    source = Source(LAYOUTS[layout](VALUES), WEIGHTS)
    assert source.weighted
    assert_gives(source, VALUES, WEIGHTS)


@pytest.mark.parametrize("layout", [key for key in LAYOUTS if "chunks" not in key])
def test_weights_come_in_any_kind(layout):
    assert_gives(Source(VALUES, LAYOUTS[layout](WEIGHTS)), VALUES, WEIGHTS)
    blocks = da.from_array(VALUES, chunks=(5, 2))
    assert_gives(Source(blocks, LAYOUTS[layout](WEIGHTS)), VALUES, WEIGHTS)


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u8", "f2", "f4", ">f4", ">u2"]
)
@pytest.mark.parametrize("how", ["array", "chunks", "dask"])
def test_numbers_keep_their_type_and_booleans_are_bytes(dtype, how):
    array = (VALUES > 0).astype(dtype)
    given = {"array": array, "chunks": lambda: [array], "dask": da.from_array(array)}[how]
    source = Source(given)
    assert source.dtype == ("u1" if dtype == "?" else np.dtype(dtype).newbyteorder("="))
    assert_gives(source, VALUES > 0)


@pytest.mark.parametrize(
    "array",
    [
        VALUES,
        np.asfortranarray(VALUES),
        VALUES.reshape(3, 2, 7).transpose(1, 2, 0),
        VALUES.astype("f4"),
        VALUES > 0,
        np.array(3.0),
        xr.DataArray(VALUES, attrs={"units": "mm"}),
        xr.DataArray(np.where(HOLES, np.nan, VALUES)),
    ],
    ids=["C", "Fortran", "transposed", "f4", "bool", "0-d", "DataArray", "DataArray with NaN"],
)
@pytest.mark.parametrize("how", ["array", "chunk"])
def test_an_array_that_needs_no_copy_is_one_view(array, how, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", 5)
    (piece,) = Source(array if how == "array" else lambda: [array]).read_chunks()
    assert piece.values.size == array.size
    assert np.shares_memory(piece.values, getattr(array, "values", array))
    assert not piece.values.flags.writeable


@pytest.mark.parametrize(
    "layout", ["strided", "reversed", "other byte order", "not aligned", "DataArray with rules"]
)
def test_an_array_that_must_be_copied_is_copied_piece_by_piece(layout, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", 5)
    sizes = [len(piece.values) for piece in Source(LAYOUTS[layout](VALUES)).read_chunks()]
    assert max(sizes) <= 5
    assert sum(sizes) == VALUES.size


def test_contiguous_values_with_weights_are_copied_only_where_some_are_left_out():
    weights = WEIGHTS.copy()
    (piece,) = Source(VALUES, weights).read_chunks()
    assert np.shares_memory(piece.values, VALUES)
    assert np.shares_memory(piece.weights, weights)
    weights[0, 0] = 0
    assert_gives(Source(VALUES, weights), VALUES.ravel()[1:], weights.ravel()[1:])


def test_decoded_values_that_changed_are_one_view_again():
    array = decoded(PACKED + 1)
    array = array.copy(data=array.values * np.pi)
    (piece,) = Source(array).read_chunks()
    assert np.shares_memory(piece.values, array.values)


def test_an_array_may_be_read_only_or_in_a_file(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    (piece,) = Source(mapped).read_chunks()
    assert np.shares_memory(piece.values, mapped)
    assert_gives(Source(mapped[:, ::2]), VALUES[:, ::2])


def test_a_pass_over_many_strided_values_takes_little_memory():
    values = np.zeros((3_000_000, 2), "f4")[:, 0]
    weights = np.ones(1)
    tracemalloc.start()
    try:
        for source in (Source(values), Source(values, weights)):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            sizes = [len(piece.values) for piece in source.read_chunks()]
            assert tracemalloc.get_traced_memory()[1] - before < 40 * BOX_CELLS
            assert sum(sizes) == len(values)
            assert max(sizes) == BOX_CELLS
    finally:
        tracemalloc.stop()


def test_a_view_takes_no_memory_and_neither_do_broadcast_weights():
    values = np.zeros(3_000_000)
    tracemalloc.start()
    try:
        assert sum(len(piece.values) for piece in Source(values).read_chunks()) == len(values)
        assert tracemalloc.get_traced_memory()[1] < 100_000
        tracemalloc.reset_peak()
        assert sum(len(piece.values) for piece in Source(values, 1.0).read_chunks()) == len(values)
        assert tracemalloc.get_traced_memory()[1] < 24 * BOX_CELLS
    finally:
        tracemalloc.stop()


def test_passes_are_counted_when_they_begin():
    source = Source(lambda: [[1, 2], [3]])
    assert source.passes == 0
    first = source.read_chunks()
    assert source.passes == 1
    assert [piece.values.tolist() for piece in first] == [[1, 2], [3]]
    source.read_chunks()
    assert source.passes == 2
    source.find_infinity()
    assert source.passes == 2


def test_each_pass_calls_once_and_what_is_looked_at_before_is_not_read_again():
    calls = []

    def chunks():
        for number in range(3):
            calls.append(number)
            yield [number]

    source = Source(chunks)
    assert calls == [0]
    assert_gives(source, [0, 1, 2])
    assert calls == [0, 1, 2] * 2


def test_an_unfinished_pass_does_no_harm():
    source = Source(lambda: [[1.0], [2.0]])
    next(source.read_chunks())
    assert_gives(source, [1.0, 2.0])


# Missing cells


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
@pytest.mark.parametrize("kind", ["masked", "Fortran", "rules", "dask", "chunks", "integers"])
@pytest.mark.parametrize("limit", [10, 2**20])
def test_missing_cells_are_left_out(kind, weights, limit, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", limit)
    masked = np.ma.array(VALUES, mask=HOLES)
    array = {
        "masked": masked,
        "Fortran": np.ma.array(np.asfortranarray(VALUES), mask=HOLES),
        "rules": from_file(xr.DataArray(np.where(HOLES, -999, VALUES)), _FillValue=-999.0),
        "dask": da.from_array(masked, chunks=(4, 4)),
        "chunks": masked,
        "integers": np.ma.array((100 * VALUES).astype("i4"), mask=HOLES),
    }[kind]
    wanted = (100 * VALUES).astype("i4") if kind == "integers" else VALUES
    if kind == "chunks":
        source = Source(lambda: [masked if weights is None else (masked, weights)])
    else:
        source = Source(array, weights)
    assert_gives(source, wanted[~HOLES], None if weights is None else weights[~HOLES])


def test_nan_may_stay_where_there_are_no_weights_and_is_left_out_where_there_are():
    holes = np.where(HOLES, np.nan, VALUES)
    assert_gives(Source(holes), holes)
    assert_gives(Source(holes, WEIGHTS), VALUES[~HOLES], WEIGHTS[~HOLES])


def test_what_is_missing_may_have_any_weight_and_any_value():
    values = np.ma.array(np.where(HOLES, np.inf, VALUES), mask=HOLES)
    for wrong in (np.nan, -1, np.inf):
        weights = np.where(HOLES, wrong, WEIGHTS)
        assert_gives(Source(values, weights), VALUES[~HOLES], WEIGHTS[~HOLES])


def test_a_mask_that_masks_nothing_and_no_mask_are_alike():
    assert_gives(Source(np.ma.array(VALUES)), VALUES)
    assert_gives(Source(np.ma.array(VALUES, mask=False)), VALUES)


def test_weight_zero_leaves_a_value_out():
    weights = np.where(HOLES, 0, WEIGHTS)
    assert_gives(Source(VALUES, weights), VALUES[~HOLES], WEIGHTS[~HOLES])


@pytest.mark.parametrize(
    "nothing",
    [[], np.empty((3, 0)), np.ma.masked_all((2, 2)), list, lambda: [[], []], da.zeros((0, 3))],
    ids=["list", "shape", "masked", "no chunks", "empty chunks", "dask"],
)
def test_there_may_be_nothing(nothing):
    source = Source(nothing)
    assert source.dtype == np.float64
    assert list(source.read_chunks()) == list(source.read_chunks()) == []


# Weights


@pytest.mark.parametrize("shape", [(), (1,), (7,), (1, 7), (6, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("kind", ["numpy", "dask values", "dask weights"])
def test_weights_are_broadcast(shape, kind, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", 10)
    weights = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    values = da.from_array(VALUES, chunks=(4, 3)) if kind == "dask values" else VALUES
    given = da.from_array(weights, chunks=2) if kind == "dask weights" else weights
    assert_gives(Source(values, given), VALUES, np.broadcast_to(weights, VALUES.shape))


@pytest.mark.parametrize("dims", [("x",), ("y",), ("y", "x"), ("x", "y"), ()], ids=str)
@pytest.mark.parametrize("lazy", [False, True], ids=["numpy", "dask"])
def test_weights_of_a_raster_are_laid_by_dimension(dims, lazy):
    values = xr.DataArray(VALUES, dims=("y", "x"))
    area = xr.DataArray(WEIGHTS, dims=("y", "x"))
    weights = area.isel({name: 1 for name in ("y", "x") if name not in dims}).transpose(*dims)
    wanted = weights.broadcast_like(values).transpose("y", "x").values
    if lazy:
        values, weights = values.chunk(y=4, x=3), weights.chunk()
    assert_gives(Source(values, weights), VALUES, wanted)


@pytest.mark.parametrize("dtype", ["?", "i4", "u1", "f2", ">f8"])
def test_weights_are_of_any_real_type(dtype):
    weights = np.ones((6, 7), dtype)
    assert_gives(Source(VALUES, weights), VALUES, np.ones(VALUES.shape))


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, -np.inf], ids=str)
def test_a_wrong_weight_is_named_with_its_place(wrong):
    weights = WEIGHTS.copy()
    weights[3, 5] = wrong
    message = rf"weights must be finite and not negative, got {wrong} in cell \(3, 5\)"
    for values in (VALUES, np.asfortranarray(VALUES), VALUES.tolist()):
        with pytest.raises(ValueError, match=message):
            read(Source(values, weights))
    with pytest.raises(ValueError, match=rf"got {wrong} in chunk 1, cell \(0, 5\)"):
        read(Source(lambda: zip(np.split(VALUES, 2), np.split(weights, 2), strict=True)))


def test_the_place_of_a_wrong_weight_is_right_in_a_later_box(monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", 3)
    weights = WEIGHTS.copy()
    weights[3, 5] = -1
    for values in (VALUES, np.asfortranarray(VALUES)):
        with pytest.raises(ValueError, match=r"got -1.0 in cell \(3, 5\)"):
            read(Source(values, weights))


def test_a_missing_weight_of_a_present_value_is_an_error():
    masked = np.ma.array(WEIGHTS, mask=HOLES)
    with pytest.raises(ValueError, match="got nan in cell"):
        read(Source(VALUES, masked))
    assert_gives(Source(np.ma.array(VALUES, mask=HOLES), masked), VALUES[~HOLES], WEIGHTS[~HOLES])


@pytest.mark.parametrize("shape", [(6,), (7, 6), (2, 1), (1, 6, 7), (0,)], ids=str)
@pytest.mark.parametrize("chunked", [False, True], ids=["numpy", "dask"])
def test_weights_that_do_not_fit_are_an_error(shape, chunked):
    values = da.from_array(VALUES, chunks=3) if chunked else VALUES
    with pytest.raises(ValueError, match="weights must broadcast to the shape of values"):
        Source(values, np.ones(shape))


def test_weights_of_a_dimension_that_values_lack_are_an_error():
    weights = xr.DataArray(np.ones(6), dims="time")
    with pytest.raises(ValueError, match=r"weights must have dimensions among \('y', 'x'\)"):
        Source(xr.DataArray(VALUES, dims=("y", "x")), weights)


@pytest.mark.parametrize(
    "wrong", [1j * WEIGHTS, WEIGHTS.astype(str), [1j], "heavy", [None]], ids=type
)
def test_weights_that_are_no_real_numbers_are_an_error(wrong):
    with pytest.raises(TypeError, match="weights must hold real numbers"):
        Source(VALUES, wrong)


# Packed rasters


@pytest.mark.parametrize("pack", [raw, decoded])
@pytest.mark.parametrize("how", ["array", "dask", "chunks", "big-endian"])
def test_packed_rasters_give_the_integers_of_the_file(pack, how):
    values = PACKED.astype(">i2") if how == "big-endian" else PACKED
    array = pack(values)
    given = {"dask": array.chunk(y=1), "chunks": lambda: [array[:1], array[1:]]}.get(how, array)
    source = Source(given)
    assert (source.dtype, source.packing) == (np.int16, (0.01, 10.0))
    assert_gives(source, [-100, 0, 100, 200, 300])


@pytest.mark.parametrize("pack", [raw, decoded])
def test_packed_rasters_keep_their_weights(pack):
    source = Source(pack(valid_max=np.int16(200)), [[1, 2, 3]])
    assert_gives(source, np.array([-100, 0, 100, 200]), np.array([2.0, 3, 1, 2]))


@pytest.mark.parametrize("pack", [raw, decoded])
def test_unsigned_bytes_are_unsigned(pack):
    array = pack(np.array([[-1, 0], [1, -2]], "i1"), _Unsigned="true", _FillValue=np.int8(-1))
    source = Source(array)
    assert (source.dtype, source.packing) == (np.uint8, (0.01, 10.0))
    assert_gives(source, [0, 1, 254])


def test_a_packing_that_cannot_be_undone_gives_physical_values():
    source = Source(raw(PACKED + 1, scale_factor=1e305))
    assert (source.dtype, source.packing) == (np.float64, None)


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf])
def test_a_scale_that_cannot_be_meant_is_ignored_with_a_warning(scale):
    with pytest.warns(UserWarning, match="scale_factor must be one finite number other than 0"):
        source = Source(raw(PACKED + 1, scale_factor=scale))
    assert source.packing == (1.0, 10.0)


def test_wide_packed_integers_are_physical():
    source = Source(raw(PACKED.astype("i4")))
    assert (source.dtype, source.packing) == (np.float64, None)
    assert_gives(source, PACKED.ravel()[1:] * 0.01 + 10)


def test_decoded_values_that_were_changed_are_physical():
    array = decoded(PACKED + 1)
    array = array.copy(data=array.values * np.pi)
    source = Source(array)
    assert (source.dtype, source.packing) == (array.dtype, None)
    assert_gives(source, array.values)


@pytest.mark.parametrize(
    "later",
    [
        VALUES,
        PACKED,
        raw(scale_factor=0.02),
        raw(add_offset=0.0),
        raw(PACKED.astype("i1")),
        raw(PACKED.astype("i4")),
        decoded(scale_factor=0.02),
        decoded(PACKED + 1).copy(data=[[1.0, 2, 3], [4, 5, 6.0001]]),
    ],
    ids=["floats", "plain", "scale", "offset", "narrow", "wide", "decoded", "changed"],
)
@pytest.mark.parametrize("first", [raw, decoded])
def test_a_chunk_of_another_packing_differs(first, later):
    source = Source(lambda: [first(), later])
    pieces = source.read_chunks()
    next(pieces)
    with pytest.raises(FormatMismatch):
        next(pieces)
    source = Source(lambda: [first(), later], uniform=False)
    physical = later
    if hasattr(later, "attrs"):
        dataset = xr.Dataset({"v": later})
        physical = later if "scale_factor" in later.encoding else xr.decode_cf(dataset)["v"]
    both = np.concatenate((decoded().values.ravel(), np.ravel(physical)))
    wanted = both[~np.isnan(both)]
    assert (source.dtype, source.packing) == (np.float64, None)
    for _ in range(2):
        found, _ = read(source)
        np.testing.assert_allclose(np.sort(found[~np.isnan(found)]), np.sort(wanted), rtol=1e-6)


def test_raw_and_decoded_chunks_of_one_packing_are_alike():
    assert_gives(Source(lambda: [raw(), decoded()]), [-100, 0, 100, 200, 300] * 2)


@pytest.mark.parametrize("pair", [("f4", "f8"), ("i2", "u2"), ("i2", "f4"), ("u1", "i8")], ids=str)
def test_a_chunk_of_another_type_differs(pair):
    chunks = [np.arange(3, dtype=dtype) for dtype in pair]
    with pytest.raises(FormatMismatch):
        read(Source(lambda: chunks))
    assert_gives(Source(lambda: chunks, uniform=False), [0.0, 1, 2] * 2)


def test_one_type_in_two_byte_orders_does_not_differ():
    chunks = [np.arange(3, dtype="<f4"), np.arange(3, dtype=">f4")]
    assert_gives(Source(lambda: chunks), [0, 1, 2] * 2)


def test_integers_that_float64_cannot_hold_are_not_made_floats():
    wide = [np.array([2**53 + 1]), np.zeros(1, "u1")]
    with pytest.raises(ValueError, match=r"2\^53, .* got 9007199254740993"):
        read(Source(lambda: wide, uniform=False))
    wide[0] = np.ma.array([2**53 + 1, -(2**53)], mask=[True, False])
    assert_gives(Source(lambda: wide, uniform=False), [-(2.0**53), 0])


# Dask


@pytest.mark.parametrize("threads", [1, 3])
def test_dask_comes_in_order_with_no_more_blocks_ahead_than_threads(threads):
    met = []

    def spy(block):
        met.append(float(block.flat[0]))
        return block

    lazy = da.from_array(np.arange(64.0).reshape(8, 8), chunks=(2, 2))
    lazy = lazy.map_blocks(spy, meta=np.empty((0, 0)))
    order = [float(16 * i + 2 * j) for i in range(4) for j in range(4)]
    for given in (lazy, xr.DataArray(lazy), lambda: [lazy]):
        met.clear()
        source = Source(given, threads=threads)
        assert met == [0]
        for number, piece in enumerate(source.read_chunks(), 1):
            assert piece.values[0] == order[number - 1]
            assert number <= len(met) <= number + threads
        assert sorted(met) == order


def test_dask_blocks_of_unknown_lengths_are_read():
    flat = da.from_array(VALUES.ravel(), chunks=10)
    some = flat[flat > 0]
    assert np.isnan(some.shape[0])
    wanted, area = VALUES[VALUES > 0], WEIGHTS[VALUES > 0]
    assert_gives(Source(some), wanted)
    assert_gives(Source(some, 2.0), wanted, np.full(wanted.shape, 2.0))
    assert_gives(Source(some, area), wanted, area)
    weights = da.from_array(WEIGHTS.ravel(), chunks=10)[flat > 0]
    assert_gives(Source(some, weights), wanted, area)
    rows = da.from_array(VALUES, chunks=(2, 3))[da.from_array(VALUES[:, 0], chunks=2) > 0]
    wanted, area = VALUES[VALUES[:, 0] > 0], WEIGHTS[VALUES[:, 0] > 0]
    assert_gives(Source(rows, area), wanted, area)
    assert_gives(Source(rows, area[:, :1]), wanted, np.broadcast_to(area[:, :1], area.shape))


def test_weights_that_do_not_fit_unknown_lengths_are_an_error():
    flat = da.from_array(VALUES.ravel(), chunks=10)
    some, number = flat[flat > 0], np.count_nonzero(VALUES > 0)
    for length in (number - 1, number + 1, 2):
        with pytest.raises(ValueError, match="weights must broadcast to the shape of values"):
            read(Source(some, np.ones(length)))
    for values in (VALUES.ravel(), flat.rechunk(7)[flat.rechunk(7) > 0]):
        with pytest.raises(ValueError, match="weights of unknown lengths"):
            Source(values, some)
    with pytest.raises(ValueError, match="weights must broadcast to the shape of values"):
        read(Source(flat, some))


def test_dask_without_dimensions_is_one_value():
    assert_gives(Source(da.from_array(VALUES).sum()), da.from_array(VALUES).sum().compute())


# Callables


def test_pairs_are_chunks_and_weights():
    pairs = list(zip(np.split(VALUES, 3), np.split(WEIGHTS, 3), strict=True))
    source = Source(lambda: iter(pairs))
    assert source.weighted
    assert_gives(source, VALUES, WEIGHTS)
    assert_gives(Source(lambda: [(raw(), 2)]), [-100, 0, 100, 200, 300], np.full(5, 2.0))
    lazy = [(da.from_array(VALUES, chunks=2), WEIGHTS)]
    assert_gives(Source(lambda: lazy), VALUES, WEIGHTS)


def test_an_array_that_is_returned_is_one_chunk():
    assert_gives(Source(lambda: VALUES), VALUES)
    (piece,) = Source(lambda: VALUES).read_chunks()
    assert piece.values.size == VALUES.size


def test_only_some_chunks_with_weights_are_an_error():
    for chunks in ([VALUES, (VALUES, WEIGHTS)], [(VALUES, WEIGHTS), VALUES]):
        with pytest.raises(ValueError, match="values must give all chunks with weights, or none"):
            read(Source(lambda chunks=chunks: chunks))


def test_weights_beside_a_callable_are_an_error():
    with pytest.raises(ValueError, match=r"yield \(chunk, weights\) pairs"):
        Source(lambda: [VALUES], WEIGHTS)


def test_passes_that_differ_are_an_error():
    lengths = iter([1000, 990, 1000])
    source = Source(lambda: [np.zeros(next(lengths))])
    read(source)
    message = (
        "values must give the same chunks in every pass: 1,000 values in pass 1, 990 in pass 2"
    )
    with pytest.raises(ValueError, match=message):
        read(source)
    assert len(read(source)[0]) == 1000


def test_passes_of_as_many_values_in_other_cells_are_an_error():
    masks = iter([[True, False, False], [False, False]])

    def chunks():
        mask = next(masks)
        return [np.ma.array(np.zeros(len(mask)), mask=mask)]

    source = Source(chunks)
    read(source)
    with pytest.raises(ValueError, match="3 cells in pass 1, 2 in pass 2"):
        read(source)


def test_a_generator_that_is_used_up_is_an_error():
    generator = (np.zeros(500) for _ in range(2))
    source = Source(lambda: generator)
    assert len(read(source)[0]) == 1000
    with pytest.raises(ValueError, match="1,000 values in pass 1, 0 in pass 2"):
        read(source)


def test_a_generator_that_is_used_in_part_does_not_pass_for_the_whole():
    generator = iter([np.zeros(2), np.zeros(2, "f4"), np.ones(2)])
    with pytest.raises(FormatMismatch):
        read(Source(lambda: generator))
    with pytest.raises(ValueError, match="same chunks in every pass, got one iterator twice"):
        Source(lambda: generator, uniform=False)


def needs_argument(path):
    return [path]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (needs_argument, "values must be callable without arguments: missing .*'path'"),
        (lambda: None, "values must return an iterable of chunks when called, got NoneType"),
        (lambda: 3.0, "values must return an iterable of chunks when called, got float"),
        (lambda: ["text"], "values must hold real numbers"),
        (lambda: [lambda: [1.0]], "values must hold real numbers"),
        ("text", "values must hold real numbers"),
        (None, "values must hold real numbers"),
        ([None], "values must hold real numbers"),
        (np.array(["2009-10"], "M8[D]"), "values must hold real numbers"),
        (np.zeros(2, np.longdouble), "values must hold real numbers"),
        (xr.DataArray(["a"]), "values must hold real numbers"),
        (da.from_array(np.array(["a"])), "values must hold real numbers"),
    ],
    ids=[
        "argument", "None chunks", "float chunks", "text chunks", "callable chunks", "text", "None",
        "objects", "dates", "long doubles", "DataArray", "dask",
    ],
)  # fmt: skip
def test_values_of_wrong_types_are_an_error(given, message):
    with pytest.raises(TypeError, match=message):
        Source(given)


def test_complex_values_are_an_error():
    with pytest.raises(ValueError, match="values must hold real numbers"):
        Source([1j])


@pytest.mark.parametrize("given", [iter([[[1.0]], [[2.0]]]).__next__, dict], ids=["next", "dict"])
def test_a_built_in_function_may_hide_its_arguments(given):
    assert read(Source(given))[0].tolist() == ([] if given is dict else [1.0])


def test_an_error_of_the_callable_is_its_own():
    def chunks():
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        Source(chunks)


# Infinities


def infinite(values=VALUES, cell=(3, 5)):
    values = values.copy()
    values[cell] = -np.inf
    return values


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (infinite(), "cell (3, 5)"),
        (np.asfortranarray(infinite()), "cell (3, 5)"),
        (infinite().T, "cell (5, 3)"),
        (infinite()[:, ::-1], "cell (3, 1)"),
        (np.ma.array(infinite(infinite()), mask=infinite() != -np.inf), "cell (3, 5)"),
        (np.ma.array(infinite(infinite(), 0), mask=[[True] * 7] + [[False] * 7] * 5), "cell (3, 5)"),
        (lambda: [VALUES, VALUES, infinite()[3]], "chunk 2, cell (5,)"),
        (da.from_array(infinite(), chunks=(2, 7)), "chunk 1, cell (1, 5)"),
        (lambda: [VALUES, da.from_array(infinite(), chunks=(2, 7))], "chunk 1, chunk 1, cell (1, 5)"),
        (np.array(np.inf), "cell ()"),
        (VALUES, "a cell"),
    ],
    ids=[
        "C", "Fortran", "transposed", "reversed", "masked", "another masked", "chunks", "dask", "both",
        "0-d", "none",
    ],
)  # fmt: skip
@pytest.mark.parametrize("limit", [4, 2**20])
def test_the_first_infinity_is_found(given, place, limit, monkeypatch):
    monkeypatch.setattr(module, "BOX_CELLS", limit)
    assert Source(given).find_infinity() == place


def test_an_infinity_without_weight_is_none():
    weights = WEIGHTS.copy()
    weights[3, 5] = 0
    source = Source(infinite(), weights)
    assert np.isfinite(read(source)[0]).all()
    assert source.find_infinity() == "a cell"


# Any layout, mask, weights and chunks


@st.composite
def cases(draw):
    shape = tuple(draw(st.lists(st.integers(0, 5), min_size=0, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(["f8", ">f4", "i2", ">i4", "u1", "?"]))
    values = rng.integers(0, 50, shape).astype(dtype)
    order = draw(st.permutations(range(len(shape))))
    values = values.transpose(order).copy().transpose(np.argsort(order))
    if shape and draw(st.booleans()):
        values = values[..., :: draw(st.sampled_from([-2, -1, 2]))]
    mask = rng.random(values.shape) < 0.3 if draw(st.booleans()) else None
    weights = None
    if draw(st.booleans()):
        kept = tuple(n if draw(st.booleans()) else 1 for n in values.shape)
        weights = rng.integers(0, 4, kept[draw(st.integers(0, len(kept))) :]).astype("f4")
    return values, mask, weights, draw(st.sampled_from([1, 3, 8, 2**20])), draw(st.integers(1, 4))


@hypothesis.given(cases(), st.sampled_from(["array", "dask", "DataArray", "chunks"]))
def test_pieces_hold_what_numpy_finds(case, kind):
    values, mask, weights, cells, step = case
    present = np.ones(values.shape, bool) if mask is None else ~mask
    if weights is not None:
        present &= weights > 0
    wanted = values[present].astype("u1") if values.dtype == bool else values[present]
    heavy = None if weights is None else np.broadcast_to(weights, values.shape)[present]
    given = values if mask is None else np.ma.array(values, mask=mask)
    if kind == "dask":
        given = da.from_array(given, chunks=step)
    if kind == "DataArray" and mask is None:
        given = from_file(xr.DataArray(values), valid_min=-1)
    if kind == "chunks" and values.ndim and values.shape[0]:
        over = None if weights is None else np.broadcast_to(weights, values.shape)
        starts = range(0, len(values), step)
        parts = [
            given[i : i + step] if over is None else (given[i : i + step], over[i : i + step])
            for i in starts
        ]
        given, weights = lambda: parts, None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BOX_CELLS", cells)
        source = Source(given, weights)
        assert source.dtype == wanted.dtype.newbyteorder("=")
        assert_gives(source, wanted, heavy)


@hypothesis.given(
    st.lists(st.integers(0, 6), max_size=4), st.integers(1, 40), st.randoms(use_true_random=False)
)
def test_boxes_cover_each_cell_once(shape, limit, random):
    cells = np.zeros(shape, int)
    axes = random.sample(range(len(shape)), len(shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BOX_CELLS", limit)
        for box in module._cut_box(tuple(slice(0, length) for length in shape), tuple(axes)):
            assert cells[box].size <= limit
            cells[box] += 1
    assert (cells == 1).all()
