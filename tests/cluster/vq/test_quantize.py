"""vq and whiten beside scipy's."""

import warnings

import numpy as np
import pytest
import scipy.cluster.vq as scipy_vq
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm.cluster.vq import quantize
from tests.conftest import needs_jit
from tests.from_file import from_file
from tests.older_versions import NO_NUMBERS, NUMPY

RNG = np.random.default_rng(7)
OBS = RNG.normal(10, 3, (60, 3))
BOOK = RNG.normal(10, 3, (4, 3))


def readonly(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def gappy(array):
    """Give the array as every second row and column of a larger one."""
    larger = np.full([2 * length for length in array.shape], np.nan, array.dtype)
    larger[tuple(slice(None, None, 2) for _ in array.shape)] = array
    return larger[tuple(slice(None, None, 2) for _ in array.shape)]


def described(array):
    return xr.DataArray(array, dims=("row", "band")[: array.ndim], attrs={"units": "kg m-2"})


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "readonly": readonly,
    "gaps": gappy,
    "backwards": lambda array: array[::-1].copy()[::-1],
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "list": lambda array: array.tolist(),
    "masked": np.ma.MaskedArray,
    "matrix": lambda array: array.view(np.matrix) if array.ndim == 2 else array,
    "DataArray": described,
}
DTYPES = ["f8", "f4", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_what_scipy_gives_for_the_plain_array(layout, d):
    obs, book = (OBS, BOOK) if d == 3 else (OBS[:, 0].copy(), BOOK[:, 0].copy())
    wanted = scipy_vq.vq(obs, book)
    code, dist = fastkm.vq(LAYOUTS[layout](obs), LAYOUTS[layout](book))
    np.testing.assert_array_equal(code, wanted[0])
    np.testing.assert_allclose(dist, wanted[1], rtol=1e-12)
    assert code.dtype == wanted[0].dtype
    assert dist.dtype == wanted[1].dtype
    assert type(code) is type(dist) is np.ndarray


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_real_type_gives_what_scipy_gives_for_its_values(dtype):
    obs, book = OBS.astype(dtype), BOOK.astype(dtype)
    code, dist = fastkm.vq(obs, book)
    wanted = scipy_vq.vq(obs.astype(float), book.astype(float))
    np.testing.assert_array_equal(code, wanted[0])
    np.testing.assert_allclose(dist, wanted[1], rtol=1e-6 if dtype in {"f4", "f2"} else 1e-12)


@pytest.mark.parametrize("obs", ["f8", "f4", "i8", "i2", "?"])
@pytest.mark.parametrize("book", ["f8", "f4", "i8", "i2", "?"])
def test_the_types_of_the_results_are_scipys(obs, book):
    arrays = OBS.astype(obs), BOOK.astype(book)
    wanted = scipy_vq.vq(*arrays)
    got = fastkm.vq(*arrays)
    assert [array.dtype for array in got] == [array.dtype for array in wanted]


@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from(["f4", "f8"]))
def test_labels_on_a_lattice_are_scipys_ties_included(seed, d, dtype):
    rng = np.random.default_rng(seed)
    obs, book = (rng.integers(-3, 4, (rows, d)).astype(dtype) for rows in (30, 6))
    code, dist = fastkm.vq(obs, book)
    wanted = scipy_vq.vq(obs, book)
    np.testing.assert_array_equal(code, wanted[0])
    np.testing.assert_array_equal(dist, wanted[1])


def test_many_features_agree_to_scipys_own_error():
    obs, book = RNG.normal(size=(50, 20)), RNG.normal(size=(3, 20))
    np.testing.assert_allclose(fastkm.vq(obs, book)[1], scipy_vq.vq(obs, book)[1], rtol=1e-6)


def test_a_point_has_no_distance_to_itself_however_many_features():
    obs = RNG.normal(300, 1, (20, 12))
    code, dist = fastkm.vq(obs, obs)
    assert code.tolist() == list(range(20))
    assert not dist.any()


def test_no_observations_give_empty_results():
    code, dist = fastkm.vq(np.empty((0, 3)), BOOK)
    assert (code.shape, dist.shape, code.dtype) == ((0,), (0,), np.int32)


@pytest.mark.parametrize(
    ("obs", "book"),
    [
        (OBS[:, 0], BOOK),
        (OBS, BOOK[:, 0]),
        (OBS, BOOK[:, :2]),
        (OBS[None], BOOK[None]),
        ([np.nan], [1.0]),
        ([np.inf], [1.0]),
        ([1.0], [np.nan]),
        ([1.0], [-np.inf]),
        ([1.0 + 2j], [1.0]),
        ([[1.0], [1.0, 2.0]], [1.0]),
    ],
    ids=str,
)
def test_bad_input_raises_what_scipy_raises(obs, book):
    with pytest.raises(Exception) as wanted:  # noqa: PT011  (whatever scipy raises)
        scipy_vq.vq(obs, book)
    caught = next(base for base in (ValueError, TypeError) if issubclass(wanted.type, base))
    with pytest.raises(caught):
        fastkm.vq(obs, book)


@pytest.mark.parametrize(("obs", "book"), [(["a"], [1.0]), ([1.0], [None])], ids=str)
def test_what_is_no_number_is_a_type_error_as_in_newer_versions_of_scipy(obs, book):
    with pytest.raises(NO_NUMBERS):
        scipy_vq.vq(obs, book)
    with pytest.raises(TypeError, match="must hold real numbers"):
        fastkm.vq(obs, book)


def test_an_empty_code_book_is_an_error():  # scipy hands out uninitialised labels
    with pytest.raises(ValueError, match="code_book must hold at least one code"):
        fastkm.vq([1.0], [])


def test_the_error_names_the_argument_and_the_row():
    with pytest.raises(ValueError, match=r"obs must not hold infs or NaNs: row 2 .*1 such row"):
        fastkm.vq([1.0, 2.0, np.nan], [1.0])


def test_a_masked_row_gets_no_code():
    obs = np.ma.MaskedArray(OBS, np.zeros_like(OBS, bool))
    obs[3, 1] = np.ma.masked
    code, dist = fastkm.vq(obs, BOOK)
    wanted = scipy_vq.vq(OBS, BOOK)
    assert code[3] == -1
    assert np.isnan(dist[3])
    np.testing.assert_array_equal(np.delete(code, 3), np.delete(wanted[0], 3))


def test_a_masked_value_may_be_nan():
    code, dist = fastkm.vq(np.ma.masked_invalid([1.0, np.nan, 9.0]), [1.0, 9.0])
    assert code.tolist() == [0, -1, 1]
    np.testing.assert_array_equal(dist, [0.0, np.nan, 0.0])


def test_a_described_array_is_missing_where_its_attributes_say():
    obs = xr.DataArray([1.0, -999.0, 80.0, 9.0], dims="x")
    obs = from_file(obs, missing_value=-999.0, valid_max=75.0)
    assert fastkm.vq(obs, [1.0, 9.0])[0].tolist() == [0, -1, -1, 1]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_unchecked_nan_gets_code_0_distance_inf_and_a_warning(dtype):
    with pytest.warns(RuntimeWarning, match="1 rows have no finite distance") as caught:
        code, dist = fastkm.vq(
            np.array([9.0, np.nan], dtype), np.array([1.0, 9.0], dtype), check_finite=False
        )
    assert code.tolist() == [1, 0]
    assert dist.tolist() == [0.0, np.inf]
    assert caught[0].filename == __file__


def test_finite_rows_that_overflow_are_not_called_nan():
    with pytest.warns(RuntimeWarning, match="overflow"):
        code, dist = fastkm.vq([1e200, 1.0], [-1e200])
    assert code.tolist() == [0, 0]
    assert dist[0] == np.inf


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_chunks_and_threads_change_nothing(threads, monkeypatch):
    wanted = fastkm.vq(OBS, BOOK)
    monkeypatch.setattr("fastkm._core.threads.CHUNK_BYTES", 24 * 7)  # seven rows a chunk
    monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
    got = fastkm.vq(OBS, BOOK)
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("d", [1, 3, 5])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_many_rows_get_the_bits_that_few_get(dtype, d, threads, monkeypatch):
    obs = RNG.normal(10, 3, (1100, d)).astype(dtype)
    wanted = fastkm.vq(obs, obs[:3])
    monkeypatch.setattr(quantize, "FEW_PRODUCTS", 0)
    monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
    for got, few in zip(fastkm.vq(obs, obs[:3]), wanted, strict=True):
        np.testing.assert_array_equal(got, few, strict=True)
    if dtype == "f4":  # once more in float64
        huge = fastkm.vq(obs * np.float32(1e25), obs[:3])
        assert np.isfinite(huge[1]).all()


def test_a_wrong_number_of_threads_is_an_error_for_few_rows(monkeypatch):
    monkeypatch.setenv("FASTKM_NUM_THREADS", "none")
    for call in (lambda: fastkm.vq(OBS, BOOK), lambda: fastkm.kmeans2(OBS, BOOK)):
        with pytest.raises(ValueError, match="FASTKM_NUM_THREADS"):
            call()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i2"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_whiten_of_many_rows_gives_numpys_bits(layout, dtype, monkeypatch):
    obs = LAYOUTS[layout](OBS.astype(dtype))
    wanted = fastkm.whiten(obs)
    monkeypatch.setattr(quantize, "MANY_NUMBERS", 0)
    np.testing.assert_array_equal(fastkm.whiten(obs), wanted, strict=True)


def test_whiten_of_many_huge_rows_warns_as_numpy_does(monkeypatch):
    monkeypatch.setattr(quantize, "MANY_NUMBERS", 0)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert not fastkm.whiten(np.array([[1e200, 1.0], [-1e200, 2.0]]))[:, 0].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whiten_takes_any_layout(layout):
    got = fastkm.whiten(LAYOUTS[layout](OBS))
    np.testing.assert_allclose(got, scipy_vq.whiten(OBS), rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_whiten_gives_scipys_type_and_values(dtype):
    obs = (OBS > 10) if dtype == "?" else OBS.astype(dtype)
    got, wanted = fastkm.whiten(obs), scipy_vq.whiten(obs)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=2e-2 if dtype == "f2" else 1e-5)


def test_whiten_takes_one_dimension():
    np.testing.assert_allclose(fastkm.whiten(OBS[:, 0]), scipy_vq.whiten(OBS[:, 0]), rtol=1e-12)


def test_whiten_leaves_a_constant_column_and_warns_as_scipy_does():
    obs = np.column_stack([OBS[:, 0], np.full(60, 5.0)])
    with pytest.warns(RuntimeWarning) as wanted:
        scipy_vq.whiten(obs)
    with pytest.warns(RuntimeWarning) as caught:
        got = fastkm.whiten(obs)
    assert str(caught[0].message) == str(wanted[0].message)
    assert caught[0].filename == __file__
    assert (got[:, 1] == 5).all()


@pytest.mark.parametrize(
    "obs",
    [[np.nan, 1.0], [[np.inf, 1.0], [1.0, 2.0]], 3.0, np.empty(0), np.empty((0, 2))],
    ids=str,
)
def test_whiten_does_with_bad_input_what_scipy_does(obs):
    def outcome(function):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return np.shape(function(obs))
            except (ValueError, TypeError) as error:
                return ValueError if isinstance(error, ValueError) else TypeError

    assert outcome(fastkm.whiten) == outcome(scipy_vq.whiten)


def test_whiten_refuses_text_as_newer_versions_of_scipy_do():
    with pytest.raises(NO_NUMBERS):
        scipy_vq.whiten(["a"])
    with pytest.raises(TypeError):
        fastkm.whiten(["a"])


def test_whiten_leaves_masked_rows_out_of_the_deviation():
    obs = np.ma.MaskedArray(OBS.copy(), np.zeros_like(OBS, bool))
    obs[0] = 1e9
    obs[0, 1] = np.ma.masked
    got = fastkm.whiten(obs)
    np.testing.assert_allclose(got[1:], scipy_vq.whiten(OBS[1:]), rtol=1e-12)
    assert np.ma.is_masked(got[0, 1])


@needs_jit
def test_whiten_of_many_float32_values_keeps_its_digits():
    obs = np.tile(np.array([287.0, 289.0], np.float32), 1_000_000)
    np.testing.assert_allclose(fastkm.whiten(obs), obs, rtol=1e-6)  # the deviation is 1


@pytest.mark.parametrize(
    "codes",
    [
        np.ma.masked_equal([1.0, 8.0, -999.0], -999.0),
        from_file(xr.DataArray([1.0, 8.0, -999.0], dims="k"), _FillValue=-999.0),
    ],
    ids=["masked", "described"],
)
@pytest.mark.parametrize("function", ["vq", "kmeans", "kmeans2"])
def test_missing_codes_are_refused(function, codes):
    with pytest.raises(ValueError, match="missing or masked codes, but 1 are"):
        getattr(fastkm, function)(np.array([1.0, 2.0, 8.0, 9.0]), codes)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # said by kernels as plain Python
def test_a_fill_value_in_float32_goes_to_the_code_that_is_nearest():
    codes, distances = fastkm.vq(np.float32([1, 70, 1e20, -1e20]), np.float32([1, 70]))
    assert codes.tolist() == [0, 1, 0, 0]  # from 1e20 both are equally far
    np.testing.assert_allclose(distances, [0, 0, 1e20, 1e20])
    codes, _ = fastkm.vq(np.float32([1e20]), np.float32([1, 1e19]))
    assert codes.tolist() == [1]
    assert distances.dtype == np.float32


@pytest.mark.parametrize("function", ["kmeans", "kmeans2"])
def test_an_array_of_one_number_is_refused_as_scipy_does(function):
    if NUMPY >= (2, 4):  # before, numpy took it for a number, and warned at most
        with pytest.raises(TypeError):
            getattr(scipy_vq, function)(np.arange(5.0), [3])
    with pytest.raises(TypeError, match="a plain number or several codes"):
        getattr(fastkm, function)(np.arange(5.0), [3])
