"""The kernels that trace contours against segments in dictionaries."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastkm._kernels.marching_squares import (
    FIRST,
    INVALID,
    NO_KEY,
    SIZE,
    copy_contours,
    cut_squares,
    enter_contour,
    find_mixed_squares,
    interpolate,
    join_contours,
    link_segments,
    take_contour,
    to_key,
)
from tests import naive

SEEDS = st.integers(0, 2**32)
SHAPES = st.tuples(st.integers(2, 8), st.integers(2, 11))


def some_image(seed, shape, kind):
    """Make an image to be traced at 0.5."""
    rng = np.random.default_rng(seed)
    if kind == "equal":  # to the level, and next to it
        return rng.choice([0.0, 0.5, 0.5, 1.0, np.nextafter(0.5, 1), 0.5 - 1e-16], shape)
    if kind == "wild":
        return rng.choice([0.0, 1.0, 0.5, np.nan, np.inf, -np.inf, 1e308, -1e308], shape)
    if kind == "binary":
        return rng.integers(0, 2, shape).astype(float)
    return rng.normal(size=shape)


KINDS = st.sampled_from(["equal", "wild", "binary", "normal"])


@given(SEEDS, st.tuples(st.integers(2, 5), st.integers(2, 40)), st.sampled_from([0.0, 0.1, 0.5]))
def test_squares_are_mixed_where_corners_differ_and_none_is_invalid(seed, shape, share):
    rng = np.random.default_rng(seed)
    pixels = (rng.random(shape) < share).astype(np.uint8)
    pixels[rng.random(shape) < share / 4] |= INVALID
    squares, row_ends = np.empty(pixels.size, np.int64), np.empty(len(pixels) - 1, np.int64)
    words = np.zeros((shape[1] + 6) // 8, np.uint64)
    found = find_mixed_squares(pixels, words, words.view(np.uint8), squares, row_ends)
    ref = naive.find_mixed_squares(pixels)
    assert [divmod(square, shape[1]) for square in squares[:found].tolist()] == ref
    assert row_ends.tolist() == [sum(r <= row for r, _ in ref) for row in range(len(pixels) - 1)]


def pitch_of(columns):
    return 1 << (2 * columns - 1).bit_length()


def cut(image, first, last, high, *, everywhere=False):
    """Cut the rows `first` to `last` of squares; return points, keys and row ends."""
    columns = image.shape[1]
    squares = [
        (r, c)
        for r in range(first, last)
        for c in range(columns - 1)
        if everywhere or len(set((image[r : r + 2, c : c + 2] > 0.5).ravel())) == 2
    ]
    at = np.array(squares, np.int64).reshape(-1, 2)
    corners = np.array([image[at[:, 0] + i, at[:, 1] + j] for i in (0, 1) for j in (0, 1)])
    row_ends = np.searchsorted(at[:, 0], np.arange(first, last), side="right")
    points, keys = np.empty((2 * len(at), 4)), np.empty((2 * len(at), 2), np.int64)
    lattice = (columns, pitch_of(columns), 1)
    local = (at[:, 0] - first) * columns + at[:, 1]
    with np.errstate(over="ignore", invalid="ignore"):
        found = cut_squares(local, row_ends, corners, 0.5, first, lattice, high, points, keys)
    return points[:found], keys[:found], row_ends


def naive_rows(image, high):
    """List the segments of each row of squares that do not start where they end."""
    rows, columns = image.shape
    return [
        [
            segment
            for c in range(columns - 1)
            for segment in naive.cut_square(image, 0.5, r, c, high=high)
            if segment[0] != segment[1]
        ]
        for r in range(rows - 1)
    ]


def flat(rows):
    return list(itertools.chain.from_iterable(rows))


@given(SEEDS, SHAPES, KINDS, st.sampled_from([0, 1]), st.booleans())
def test_squares_are_cut_to_the_bit(seed, shape, kind, high, everywhere):
    image = some_image(seed, shape, kind)
    points, _, row_ends = cut(image, 0, shape[0] - 1, high, everywhere=everywhere)
    ref = naive_rows(image, high)
    np.testing.assert_array_equal(points.reshape(-1, 2, 2), np.reshape(flat(ref), (-1, 2, 2)))
    assert row_ends.tolist() == np.cumsum([len(row) for row in ref]).tolist()


@given(SEEDS, SHAPES, KINDS)
def test_keys_are_equal_where_coordinates_are(seed, shape, kind):
    image = some_image(seed, shape, kind)
    points, keys, _ = cut(image, 0, shape[0] - 1, 0)
    names = {}
    for point, key in zip(points.reshape(-1, 2).tolist(), keys.ravel().tolist(), strict=True):
        if np.isnan(point).any():
            assert key == -1
        else:
            row, column = divmod(key, pitch_of(shape[1]))
            assert names.setdefault(key, point) == point
            assert [row, column] == [np.floor(x) + np.ceil(x) for x in point]
    assert len(set(map(tuple, names.values()))) == len(names)


def test_a_point_that_rounds_on_to_a_pixel_has_the_key_of_the_pixel():
    assert [to_key(10, 3, x, 4) for x in (4.0, 4.0 + 1e-15, 4.5, 5.0 - 1e-15, 5.0)] == [
        10, 13, 13, 13, 16,
    ]  # fmt: skip
    assert to_key(10, 3, np.nan, 4) == -1


def test_a_fraction_between_equal_pixels_is_none():
    assert interpolate(2.0, 2.0, 1.0) == 0
    assert interpolate(1.0, 3.0, 2.5) == 0.75
    assert interpolate(3.0, 1.0, 2.5) == 0.25


def link_bands(image, high, bands):
    """Link an image's contours in bands that end at the rows given; return them as lists."""
    size, pitch = image.size, pitch_of(image.shape[1])
    latest = np.zeros((2, 4 * pitch), np.int64)
    contours = np.full((2 * size + 1, 5), NO_KEY, np.int64)
    nodes, following = np.empty((4 * size, 2)), np.empty(4 * size, np.int64)
    counts = np.zeros(2, np.int64)
    start = 0
    for stop in sorted({*bands, len(image) - 1}):
        segments = cut(image, start, stop, high)
        link_segments(*segments, start, latest, contours, nodes, following, counts)
        start = stop
    founded = contours[1 : counts[1] + 1]
    assert (founded[:, SIZE] >= 0).all()
    assert founded[:, SIZE].sum() == counts[0]  # no point is lost, none is kept in vain
    return founded[founded[:, SIZE] > 0], nodes, following


def laid_out(kept, nodes, following, *, backwards):
    offsets = np.concatenate([[0], np.cumsum(kept[:, SIZE])])
    points = np.full((offsets[-1], 2), -1.0)
    copy_contours(kept[:, FIRST].copy(), offsets, backwards, nodes, following, points)
    return [points[i:j] for i, j in itertools.pairwise(offsets)]


@given(SEEDS, SHAPES, KINDS, st.sampled_from([0, 1]), st.sets(st.integers(1, 6), max_size=3))
def test_segments_are_linked_as_dictionaries_link_them(seed, shape, kind, high, bands):
    image = some_image(seed, shape, kind)
    kept, nodes, following = link_bands(image, high, {b for b in bands if b < shape[0] - 1})
    ref = naive.link_segments(flat(naive_rows(image, high)))
    for backwards, step in ((False, 1), (True, -1)):
        comp = laid_out(kept, nodes, following, backwards=backwards)
        assert len(comp) == len(ref)
        for contour, other in zip(comp, ref, strict=True):
            np.testing.assert_array_equal(contour, other[::step])


def test_contours_are_laid_out_in_parts():
    image = np.zeros((6, 9))
    image[1, 1:8:3] = image[3, 1:8] = 1
    kept, nodes, following = link_bands(image, 0, set())
    whole = laid_out(kept, nodes, following, backwards=False)
    assert len(whole) == 4
    offsets = np.concatenate([[0], np.cumsum(kept[:, SIZE])])
    points = np.full((offsets[-1], 2), -1.0)
    for start, stop in ((2, 4), (0, 2)):
        part = offsets[start : stop + 1]
        copy_contours(kept[start:stop, FIRST].copy(), part, False, nodes, following, points)
    np.testing.assert_array_equal(points, np.concatenate(whole))


def two_contours():
    """Return maps of 16 slots, and two contours of two points: keys 33 to 38, and 38 to 36."""
    contours = np.array([[NO_KEY] * 5, [0, 1, 33, 38, 2], [2, 3, 38, 36, 2]], np.int64)
    starts, ends = np.zeros(16, np.int64), np.zeros(16, np.int64)
    starts[[1, 6]] = ends[[6, 4]] = 1, 2
    return contours, starts, ends, np.array([1, -7, 3, -7], np.int64)


def test_a_contour_is_taken_once_and_by_its_own_key_only():
    contours, starts, _, _ = two_contours()
    assert take_contour(starts, contours, 2, 17) == 0  # the slot of 33, whose row has passed
    assert take_contour(starts, contours, 2, -1) == 0
    assert take_contour(starts, contours, 2, 33) == 1
    assert take_contour(starts, contours, 2, 33) == 0


def test_keys_of_rows_that_have_passed_are_not_written():
    _, starts, _, _ = two_contours()
    enter_contour(starts, 17, 32, 2)
    enter_contour(starts, -1, 0, 2)
    assert starts.tolist() == [0, 1, 0, 0, 0, 0, 2] + [0] * 9
    enter_contour(starts, 35, 32, 2)
    assert starts[3] == 2


@pytest.mark.parametrize(("head", "tail"), [(1, 2), (2, 1)])
def test_a_join_keeps_the_older_contour_and_both_outer_ends(head, tail):
    contours, starts, ends, following = two_contours()
    first, last = contours[head].copy(), contours[tail].copy()
    join_contours(head, tail, 32, starts, ends, contours, following)
    assert contours[1].tolist() == [first[0], last[1], first[2], last[3], 4]
    assert contours[2, SIZE] == 0
    assert following[first[1]] == last[0]
    assert starts[first[2] % 16] == ends[last[3] % 16] == 1
