"""Contours: those of scikit-image."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import measure

from fastkm.geometry import contours as module
from fastkm.geometry.contours import find_contours, trace_contours
from tests.conftest import needs_jit
from tests.from_file import from_file

DATA = Path(__file__).parents[2] / "../shared/data"
BLOBS = np.zeros((12, 20))
BLOBS[2, 2] = 1
BLOBS[5, 3:15] = 1
BLOBS[8:11, 4:7] = 1

SIDES = st.sampled_from(["low", "high"])
SEEDS = st.integers(0, 2**32)
SHAPES = st.tuples(st.integers(2, 9), st.integers(2, 9))
NUMBERS = {
    "binary": [0.0, 1.0],
    "equal": [0.0, 0.25, 0.5, 0.5, 0.75, 1.0],
    "close": [0.0, 0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1), 1.0, 1e-17],
    "holes": [0.0, 0.5, 1.0, 2.0, np.nan],
    "infinite": [0.0, 0.5, 1.0, np.inf, -np.inf, np.nan],
    "huge": [0.0, 1e308, -1e308, 1.7e308, 5e-324, 1.0],
}


def theirs(image, level=None, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure.find_contours(np.asarray(image), level, *args, **options)


def assert_same(got, wanted):
    assert isinstance(got, list)
    assert len(got) == len(wanted)
    for contour, other in zip(got, wanted, strict=True):
        assert contour.dtype == np.float64
        assert contour.flags.writeable
        np.testing.assert_array_equal(contour, other, strict=True)


def some_image(seed, shape, kind):
    rng = np.random.default_rng(seed)
    if kind in NUMBERS:
        return rng.choice(NUMBERS[kind], shape)
    smooth = gaussian_filter(rng.normal(size=shape), 1)
    return smooth if kind == "smooth" else np.round(4 * smooth) / 4


KINDS = st.sampled_from([*NUMBERS, "smooth", "terraces"])


@given(SEEDS, SHAPES, KINDS, SIDES, SIDES, st.sampled_from([0.5, 0, 0.25, 1.0, None]))
@example(0, (2, 2), "binary", "low", "low", 0.5)
def test_the_contours_are_those_of_scikit_image(seed, shape, kind, full, positive, level):
    image = some_image(seed, shape, kind)
    if kind == "huge" and level is None:
        level = 1e308
    assert_same(find_contours(image, level, full, positive), theirs(image, level, full, positive))


@given(SEEDS, SHAPES, KINDS, SIDES, SIDES, st.sampled_from([0.5, 0.8, 0.95]))
def test_masked_contours_are_those_of_scikit_image(seed, shape, kind, full, positive, share):
    image = some_image(seed, shape, kind)
    mask = np.random.default_rng(seed).random(shape) < share
    got = find_contours(image, 0.5, full, positive, mask=mask)
    assert_same(got, theirs(image, 0.5, full, positive, mask=mask))


def patterns():
    y, x = np.mgrid[:23, :31]
    distance, angle = np.hypot(y - 11, x - 14.5), np.arctan2(y - 11, x - 14.5)
    comb = np.where(y == 0, 1, x % 2)
    return {
        "checkerboard": (x + y) % 2,
        "coarse checkerboard": (x // 3 + y // 2) % 2,
        "stripes": (x + y) % 3 - 0.5,
        "terraced stripes": (x - y) % 4 / 2,
        "rings": np.sin(distance),
        "spiral": (3 * angle + distance) % (2 * np.pi) > np.pi,
        "comb": comb,
        "comb upside down": comb[::-1],
        "nested": np.maximum(abs(x - 15), abs(y - 11)) % 3 == 0,
        "plane": x + 0.5 * y,
        "saddle": (x - 15) * (y - 11),
    }


@pytest.mark.parametrize("full", ["low", "high"])
@pytest.mark.parametrize("name", patterns())
def test_contours_of_patterns_are_those_of_scikit_image(name, full):
    image = patterns()[name].astype(float)
    for level in (0, 0.5, 1, image[5, 7]):
        assert_same(find_contours(image, level, full), theirs(image, level, full))
        assert_same(find_contours(image.T, level, full), theirs(image.T, level, full))


TYPES = ["?", "u1", "i1", "u2", ">i2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", ">f8", "g"]


@pytest.mark.parametrize("dtype", TYPES)
@given(SEEDS, st.sampled_from([0, 0.5, 1, 2, 0.1, 1 / 3, -1, 300.5, 1e300]))
def test_an_image_may_be_of_any_type(dtype, seed, level):
    rng = np.random.default_rng(seed)
    image = rng.choice([0, 1, 2, 100], (5, 6)).astype(dtype)
    if image.dtype.kind == "f":
        image += rng.choice(np.array([0, 0.1, 1 / 3, np.nan], image.dtype), image.shape)
    assert_same(find_contours(image, level), theirs(image, level))
    if rng.random() < 0.5:
        level = float(np.nextafter(image[0, 0].astype(np.float64), level))
        assert_same(find_contours(image, level), theirs(image, level))


@pytest.mark.parametrize("base", [2**53, 2**53 + 2, 2**60, 2**63 - 9])
@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_integers_beyond_float64_are_compared_as_it_rounds_them(dtype, base):
    image = (base + np.random.default_rng(0).integers(-8, 9, (9, 9))).astype(dtype)
    level = float(base)
    for same in (level, np.nextafter(level, 0), np.nextafter(level, np.inf)):
        assert_same(find_contours(image, same), theirs(image, same))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "u8"])
def test_the_ends_of_an_integer_type_are_compared_rightly(dtype):
    limits = np.iinfo(dtype)
    image = np.array([[limits.min, limits.max], [limits.max, limits.min]], dtype)
    for level in (limits.min, limits.max, limits.min - 1, limits.max - 1, limits.max + 1, 0.5):
        assert_same(find_contours(image, level), theirs(image, level))


@pytest.mark.parametrize("level", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2"])
def test_no_contour_follows_what_is_no_number(dtype, level):
    image = BLOBS.astype(dtype)
    assert find_contours(image, level) == theirs(image, level) == []


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f4", "i2", "?"])
def test_an_image_may_be_laid_out_in_any_way(dtype):
    image = (BLOBS + 0.25 * np.arange(20)).astype(dtype)
    wanted = theirs(image, 0.6)
    wide = np.zeros((24, 60), dtype)
    wide[::2, ::3] = image
    frozen = image.copy()
    frozen.flags.writeable = False
    turned = image[::-1, ::-1].copy()[::-1, ::-1]
    for same in (np.asfortranarray(image), wide[::2, ::3], frozen, turned, image.tolist()):
        assert_same(find_contours(same, 0.6), wanted)


def test_the_image_and_its_mask_stay_as_they_are():
    image, mask = BLOBS.astype(bool), BLOBS[::-1] == 0
    before = image.copy(), mask.copy()
    find_contours(image, 0.5, mask=mask)
    np.testing.assert_array_equal((image, mask), before)


@pytest.mark.parametrize("squares", [1, 20, 100])
@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_bands_and_threads_do_not_matter(monkeypatch, squares, threads):
    monkeypatch.setattr(module, "SQUARES", squares)
    monkeypatch.setattr(module, "POINTS", squares)
    monkeypatch.setenv("FASTKM_NUM_THREADS", threads)
    for kind in ("smooth", "equal", "infinite"):
        image = some_image(7, (31, 9), kind)
        mask = np.arange(9) != 6
        for options in ({}, {"mask": np.tile(mask, (31, 1))}):
            got = find_contours(image, 0.5, positive_orientation="high", **options)
            assert_same(got, theirs(image, 0.5, positive_orientation="high", **options))


@needs_jit
@pytest.mark.parametrize("kind", ["binary", "equal", "terraces", "smooth"])
def test_large_images_have_the_contours_of_scikit_image(kind):
    image = some_image(3, (700, 500), kind)
    wanted = theirs(image, 0.5)
    assert len(wanted) > 1000
    assert_same(find_contours(image, 0.5), wanted)


def test_a_masked_array_leaves_out_what_it_masks():
    hidden = BLOBS > 2
    hidden[5, 8] = True
    mask = np.ones(BLOBS.shape, bool)
    mask[9, 5] = False
    filled = np.ma.array(np.where(hidden, -9e9, BLOBS), mask=hidden)
    assert_same(find_contours(filled, 0.5), theirs(BLOBS, 0.5, mask=~hidden))
    got = find_contours(filled, 0.5, mask=mask)
    assert_same(got, theirs(BLOBS, 0.5, mask=mask & ~hidden))
    assert_same(find_contours(filled), theirs(BLOBS, 0.5, mask=~hidden))


def test_attributes_leave_out_what_they_call_missing():
    image = BLOBS.copy()
    image[5, 8] = -999.0
    raster = from_file(xr.DataArray(image), _FillValue=-999.0)
    wanted = theirs(BLOBS, 0.5, mask=image != -999)
    assert_same(find_contours(raster), wanted)
    packed = from_file(xr.DataArray(BLOBS.astype("i2")), scale_factor=0.5, add_offset=1.0)
    assert_same(find_contours(packed, 1.25), theirs(BLOBS, 0.5))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "g", "i4", "u8", "?"])
def test_the_level_is_the_middle_by_default(dtype):
    image = np.array([[0, 1, 0.1], [1 / 3, 0.7, 0]]) * (1 if dtype == "?" else 77)
    assert_same(find_contours(image.astype(dtype)), theirs(image.astype(dtype)))
    assert len(find_contours(image.astype(dtype))) > 0


def test_the_middle_leaves_out_nan_but_not_what_is_outside_the_mask():
    image = BLOBS.copy()
    image[0, 0], image[11, 19] = np.nan, 3.0
    assert len(find_contours(image)) == 1
    mask = image != 3
    assert_same(find_contours(image, mask=mask), theirs(image, mask=mask))
    assert find_contours(image, mask=mask) == []
    assert len(find_contours(image, 0.5, mask=mask)) == 3


def test_the_middle_does_not_overflow():
    image = np.full((3, 3), 100, np.uint8)
    image[1, 1] = 200  # 100 + 200 is 44 in uint8
    assert_same(find_contours(image), theirs(image, 150))
    image = np.where(image == 200, 1.7e308, 1.5e308)
    (contour,) = find_contours(image)
    np.testing.assert_allclose(contour, theirs(image / 1e10, 1.6e298)[0])
    assert find_contours(np.array([[0, np.inf], [0, 0]])) == []


def test_there_is_no_middle_of_nothing():
    assert find_contours(np.full((3, 3), np.nan)) == []
    assert find_contours(np.ma.masked_all((3, 3))) == []


def test_the_smallest_image_has_a_contour():
    (contour,) = find_contours(np.array([[0.0, 0.0], [0.0, 1.0]]), 0.5)
    assert contour.tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_an_image_without_the_level_has_none():
    assert find_contours(np.zeros((2, 2)), 0.5) == []
    points, offsets = trace_contours(np.zeros((2, 2)), 0.5)
    assert (points.shape, offsets.tolist()) == ((0, 2), [0])


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8", ">f8", "f2", "?"])
@pytest.mark.parametrize("small", [0, module.SMALL])
@pytest.mark.parametrize("number", [0, 1])
def test_an_image_that_is_all_low_or_all_high_has_none(monkeypatch, dtype, small, number):
    monkeypatch.setattr(module, "SMALL", small)
    image = np.full((4, 6), number, dtype)
    assert find_contours(image, 0.5) == []
    points, offsets = trace_contours(image, 0.5)
    assert (points.shape, offsets.tolist()) == ((0, 2), [0])
    if image.dtype.kind == "f":  # there are none beside NaN, but elsewhere
        image[0, 0] = np.nan
        assert find_contours(image, 0.5) == []
        image[2:, 4] = 1 - number
        assert_same(find_contours(image, 0.5), theirs(image.astype("f8"), 0.5))


def test_contours_come_one_after_another():
    traced = trace_contours(BLOBS, 0.5)
    assert_same(traced.split(), theirs(BLOBS, 0.5))
    assert traced.offsets.tolist() == [0, 5, 32, 45]
    assert traced.offsets.dtype == np.int64
    np.testing.assert_array_equal(traced.points, np.concatenate(theirs(BLOBS, 0.5)))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,), (2, 2, 2), (0, 5), ()])
def test_an_image_of_another_shape_is_a_value_error(shape):
    with pytest.raises(ValueError, match="image must have at least 2 rows and 2 columns"):
        find_contours(np.zeros(shape), 0.5)


@pytest.mark.parametrize("dtype", ["c16", "O", "M8[D]", "U3"])
def test_an_image_of_something_else_is_a_type_error(dtype):
    with pytest.raises(TypeError, match="image must hold real numbers, got"):
        find_contours(np.zeros((3, 3), int).astype(dtype), 0.5)


@pytest.mark.parametrize("level", ["0.5", b"1", 1j, [1, 2], 10**400, np.zeros(3)])
def test_a_level_that_is_no_number_is_a_type_error(level):
    with pytest.raises(TypeError, match="level must be a number"):
        find_contours(BLOBS, level)


def test_a_mask_of_another_shape_or_type_is_an_error():
    with pytest.raises(ValueError, match=r"mask must have the shape .*\(12, 20\), got \(12, 19\)"):
        find_contours(BLOBS, 0.5, mask=BLOBS[:, 1:] == 0)
    with pytest.raises(TypeError, match=r"mask must be of bool, .*got uint8"):
        find_contours(BLOBS, 0.5, mask=BLOBS.astype(np.uint8))


@pytest.mark.parametrize("name", ["fully_connected", "positive_orientation"])
def test_an_option_that_is_unknown_is_a_value_error(name):
    with pytest.raises(ValueError, match=f"{name} must be one of 'low', 'high', got 'left'"):
        find_contours(BLOBS, 0.5, **{name: "left"})
