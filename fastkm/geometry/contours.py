"""Contours of an image, in pixels.

The contours are those of `skimage.measure.find_contours`, to the bit; their coordinates are
(row, column), whole numbers at cell centres. `fastkm._kernels.marching_squares` explains how they are
linked.

Chunks of rows go through three steps: pixels are compared with the level, in their own type and
in numpy's vectors; the squares that a contour passes are found; only these get their corners as
float64 and are cut into segments. Threads do this for several chunks at a time. Segments are linked one
chunk after another, in order, so the result does not depend on the threads, and only the points of a
chunk are kept. In the end contours are laid out one after another in one array.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.threads import fold_chunks, map_chunks
from fastkm._kernels.marching_squares import (
    FIRST,
    INVALID,
    NO_KEY,
    SIZE,
    copy_contours,
    cut_squares,
    find_mixed_squares,
    link_segments,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Side = Literal["low", "high"]

SQUARES = 1 << 17
"""Squares a chunk. 2^16 to 2^18 measure alike; 2^20, whose pixels leave the cache, takes a tenth longer."""

SMALL = 1 << 14
"""Pixels of which it is asked first whether all are high or all low: a microsecond or two."""

POINTS = 1 << 15
"""Points a chunk when contours are laid out, more or less."""

DUMMY = np.full((1, 5), NO_KEY, np.int64)
"""The first contour; see `link_segments`."""


class Contours(NamedTuple):
    """Contours, one after another.

    Attributes
    ----------
    points : (m, 2) float64 array
        Row and column of each point, in pixels.
    offsets : (n + 1,) int64 array
        Contour i has the points ``offsets[i]`` to ``offsets[i + 1] - 1``.
    """

    points: np.ndarray
    offsets: np.ndarray

    def split(self) -> list[np.ndarray]:
        """Return the contours one by one, as views."""
        bounds = self.offsets.tolist()
        return [self.points[i:j] for i, j in itertools.pairwise(bounds)]


def find_contours(
    image: ArrayLike,
    level: float | None = None,
    fully_connected: Side = "low",
    positive_orientation: Side = "low",
    *,
    mask: ArrayLike | None = None,
) -> list[np.ndarray]:
    """Trace the contours of an image at a level.

    Equal to `skimage.measure.find_contours` [1]_ to the bit: contours, their order, orientation
    and first points, also if pixels are NaN, infinite or equal to the level. It differs in three
    things. The cells that a masked array masks, or that the attributes of a `DataArray` call
    missing, are left out like those outside `mask`. Without a `level` the middle of uint8 pixels does
    not overflow. An image that does not hold real numbers is an error.

    Parameters
    ----------
    image : (rows, columns) array-like
        Real numbers, at least 2 x 2. It is not copied; chunks of rows are, if it is not in C order,
        or of another type than integers, float32 and float64 in native byte order.
    level : float, optional
        The value that the contours follow; pixels above it are high, all others low. By default
        the middle between the least and the greatest pixel that are neither NaN nor missing,
        those outside `mask` included. At NaN there are no contours.
    fully_connected : {"low", "high"}, default: "low"
        Which pixels are connected across a corner, where two of them meet two of the others.
    positive_orientation : {"low", "high"}, default: "low"
        Around which pixels contours run counter-clockwise.
    mask : (rows, columns) bool array-like, optional
        True where contours are wanted. Contours end at pixels that are False, NaN or missing, as
        at the image's edge.

    Returns
    -------
    list of (n, 2) float64 array
        Row and column of each point, in pixels. Closed contours repeat their first point. The
        arrays are views of a single one, which stays in memory as long as any of them: copy the
        few that you keep for long.

    Raises
    ------
    ValueError
        If the image does not have two dimensions or is smaller than 2 x 2, the mask is of another
        shape, or an option is neither "low" nor "high".
    TypeError
        If the image does not hold real numbers, the mask is not bool, or the level is not a number.

    References
    ----------
    .. [1] https://scikit-image.org/docs/0.26.x/api/skimage.measure.html
    .. [2] Lorensen, W. E. & Cline, H. E. (1987). Marching cubes: a high resolution 3D surface
       construction algorithm. Computer Graphics 21(4), 163-169.

    Examples
    --------
    >>> import fastkm
    >>> image = np.zeros((5, 6), np.uint8)
    >>> image[1, 1] = image[3, 2:5] = 1
    >>> dot, dash = fastkm.find_contours(image, 0.5)
    >>> dot
    array([[1.5, 1. ],
           [1. , 0.5],
           [0.5, 1. ],
           [1. , 1.5],
           [1.5, 1. ]])
    >>> dash.shape
    (9, 2)

    Half a contour, ending where the mask does:

    >>> fastkm.find_contours(image, 0.5, mask=np.arange(6) < [[2]] * 5)
    [array([[1.5, 1. ],
           [1. , 0.5],
           [0.5, 1. ]])]
    """
    traced = _trace(image, level, fully_connected, positive_orientation, mask)
    return [] if traced is None else traced.split()


def trace_contours(
    image: ArrayLike,
    level: float | None = None,
    fully_connected: Side = "low",
    positive_orientation: Side = "low",
    *,
    mask: ArrayLike | None = None,
) -> Contours:
    """Trace contours as `find_contours` does; return them in one array.

    Examples
    --------
    >>> trace_contours(np.eye(4), 0.5).offsets
    array([ 0,  2,  7, 12, 14])
    """
    traced = _trace(image, level, fully_connected, positive_orientation, mask)
    return Contours(np.empty((0, 2)), np.zeros(1, np.int64)) if traced is None else traced


def _trace(
    image: Any,
    level: float | None,
    fully_connected: Side,
    positive_orientation: Side,
    mask: ArrayLike | None,
) -> Contours | None:
    """Trace contours; return None if it is seen at once that there are none."""
    # pixels, where they are valid, and the level
    validation.require_choice("fully_connected", fully_connected, ("low", "high"))
    validation.require_choice("positive_orientation", positive_orientation, ("low", "high"))
    pixels, valid = _split_pixels(image)
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise ValueError(f"image must have at least 2 rows and 2 columns, got {pixels.shape}")
    middle = _find_middle(pixels, valid) if level is None else _to_level(level)
    if mask is not None:
        wanted = _check_mask(mask, pixels.shape)
        valid = wanted if valid is None else valid & wanted
    # segments of each chunk of rows, linked in order
    cutoff = _find_cutoff(middle, pixels.dtype)
    if cutoff is None or (pixels.size <= SMALL and _is_flat(pixels, cutoff)):
        return None
    links, high = _Links(pixels.shape), int(fully_connected == "high")

    cut_rows = _cut_rows_of_floats if pixels.dtype.kind == "f" else _cut_rows

    def cut(start: int, stop: int) -> _Segments:
        inside = None if valid is None else valid[start : stop + 1]
        part = pixels[start : stop + 1]
        return cut_rows(part, inside, cutoff, middle, start, links.lattice, high)

    rows, columns = pixels.shape
    fold_chunks(cut, links.add, rows - 1, max(1, SQUARES // columns))
    return links.to_contours(backwards=positive_orientation == "high")


def _split_pixels(image: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an image as plain real numbers, and where they are valid (None: everywhere)."""
    absent = None
    if type(image) is np.ndarray:
        pixels = image
    elif isinstance(image, np.ma.MaskedArray):
        pixels, absent = np.asarray(image.data), np.ma.getmaskarray(image)
    elif cf_missing.is_described_array(image):
        settled = cf_missing.settle(image)
        pixels, absent = cf_missing.to_physical(settled), cf_missing.find_missing(settled)
    else:
        pixels = np.asarray(image)
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"image must hold real numbers, got {pixels.dtype}")
    if pixels.dtype.kind == "b":
        pixels = pixels.view(np.uint8)
    return pixels, None if absent is None or not absent.any() else ~absent


def _check_mask(mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    wanted = np.asarray(mask)
    if wanted.shape != shape:
        raise ValueError(f"mask must have the shape of the image, {shape}, got {wanted.shape}")
    if wanted.dtype != bool:
        raise TypeError(f"mask must be of bool, True where contours are wanted, got {wanted.dtype}")
    return wanted


def _to_level(level: Any) -> float:
    if not isinstance(level, (str, bytes)):
        try:
            return float(level)
        except (TypeError, ValueError, OverflowError):
            pass
    raise TypeError(f"level must be a number that fits float64, got {level!r}")


def _find_middle(pixels: np.ndarray, valid: np.ndarray | None) -> float:
    """Return the level halfway between the least and the greatest pixel, NaN if there is none."""
    present = pixels if valid is None else pixels[valid]
    if present.size == 0:
        return math.nan
    least, greatest = np.fmin.reduce(present, axis=None), np.fmax.reduce(present, axis=None)
    if pixels.dtype.kind != "f":
        return (int(least) + int(greatest)) / 2
    with np.errstate(over="ignore", invalid="ignore"):
        middle = float((least + greatest) / 2)  # in the image's own type, as scikit-image does
        if math.isinf(middle) and np.isfinite(least) and np.isfinite(greatest):
            middle = float(least) / 2 + float(greatest) / 2
    return middle


def _is_flat(pixels: np.ndarray, cutoff: np.generic) -> bool:
    """Return True if all pixels are low, or all are high: 3 us instead of 30 for 8 x 8 pixels."""
    same_type = pixels.dtype == cutoff.dtype
    return same_type and int(np.count_nonzero(pixels > cutoff)) in (0, pixels.size)


@lru_cache(maxsize=32)
def _find_cutoff(level: float, dtype: np.dtype) -> np.generic | None:
    """Return the greatest number of the image's type that is low; None if there are no contours.

    A pixel is high if it is above the level *as float64*. A comparison with this number gives the
    same and needs no float64, even for 64-bit integers, because rounding keeps their order.
    """
    if math.isnan(level):
        return None
    # the float that is nearest to the level, or the one below it
    if dtype.kind == "f":
        working = np.float64 if dtype.itemsize >= 8 else np.float32
        with np.errstate(over="ignore"):
            nearest = working(level)
        return nearest if float(nearest) <= level else np.nextafter(nearest, working(-math.inf))
    bounds = np.iinfo(dtype)
    low, beyond = bounds.min, bounds.max
    if float(low) > level or float(beyond) <= level:
        return None
    if dtype.itemsize <= 4:  # all are float64 numbers
        return dtype.type(math.floor(level))
    # bisection: `low` is always low, `beyond` always high
    while beyond - low > 1:
        between = (low + beyond) // 2
        if float(between) > level:
            beyond = between
        else:
            low = between
    return dtype.type(low)


class _Segments(NamedTuple):
    """The segments of a chunk of rows; see `cut_squares`."""

    points: np.ndarray
    keys: np.ndarray
    row_ends: np.ndarray
    first_row: int


def _cut_rows(
    pixels: np.ndarray,
    valid: np.ndarray | None,
    cutoff: np.generic,
    level: float,
    first_row: int,
    lattice: tuple[int, int, int],
    high: int,
) -> _Segments:
    """Find the segments of a chunk; the last of its rows of pixels is the first of the next chunk."""
    # which pixels are high, and which are not valid
    block = pixels
    if pixels.dtype != cutoff.dtype or not pixels.flags.c_contiguous:
        block = np.ascontiguousarray(pixels, cutoff.dtype)
    marks = (block > cutoff).view(np.uint8)
    if valid is not None:
        marks |= np.where(valid, np.uint8(0), np.uint8(INVALID))
    # the squares that a contour passes, and their corners
    rows, columns = block.shape
    squares, row_ends = np.empty(block.size, np.int64), np.empty(rows - 1, np.int64)
    words = np.zeros((columns + 6) // 8, np.uint64)
    found = find_mixed_squares(marks, words, words.view(np.uint8), squares, row_ends)
    squares = squares[:found]
    corners = block.take(squares + _list_corners(columns), mode="clip")
    corners = corners.astype(np.float64, copy=False)
    # the segments in them
    points, keys = np.empty((2 * found, 4)), np.empty((2 * found, 2), np.int64)
    found = cut_squares(squares, row_ends, corners, level, first_row, lattice, high, points, keys)
    return _Segments(points[:found], keys[:found], row_ends, first_row)


_cut_rows_of_floats = np.errstate(over="ignore", invalid="ignore")(_cut_rows)  # infinite pixels


@lru_cache(maxsize=8)
def _list_corners(columns: int) -> np.ndarray:
    """Return how far behind a pixel the four corners of its square are, (4, 1)."""
    return np.array([[0], [1], [columns], [columns + 1]])


class _Links:
    """Contours to which segments are added; see `link_segments`."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        pitch = 1 << (2 * shape[1] - 1).bit_length()
        self.lattice = (shape[1], pitch, 1)
        self.latest = np.zeros((2, 4 * pitch), np.int64)
        self.contours = DUMMY
        self.nodes = np.empty((0, 2))
        self.following = np.empty(0, np.int64)
        self.counts = np.zeros(2, np.int64)

    def add(self, segments: _Segments) -> None:
        """Add the segments of the next chunk."""
        more = len(segments.points)
        if more == 0:
            return
        nodes, contours = self.counts.tolist()
        self.nodes = _grow(self.nodes, nodes, nodes + 2 * more)
        self.following = _grow(self.following, nodes, nodes + 2 * more)
        self.contours = _grow(self.contours, contours + 1, contours + 1 + more)
        link_segments(
            *segments, self.latest, self.contours, self.nodes, self.following, self.counts
        )

    def to_contours(self, *, backwards: bool) -> Contours:
        """Return the contours, one after another."""
        begun = self.contours[1 : self.counts.item(1) + 1]
        joined = len(begun) - np.count_nonzero(begun[:, SIZE])
        kept = begun[begun[:, SIZE] > 0] if joined else begun
        firsts = kept[:, FIRST].copy()
        offsets = np.zeros(len(kept) + 1, np.int64)
        np.add.accumulate(kept[:, SIZE], out=offsets[1:])
        points = np.empty((offsets[-1], 2))

        def run(start: int, stop: int) -> None:
            part = offsets[start : stop + 1]
            copy_contours(firsts[start:stop], part, backwards, self.nodes, self.following, points)

        if len(points) <= POINTS:
            run(0, len(kept))
        else:
            map_chunks(run, len(kept), 1 + len(kept) * POINTS // len(points))
        return Contours(points, offsets)


def _grow(array: np.ndarray, used: int, wanted: int) -> np.ndarray:
    """Return an array of at least `wanted` rows with the `used` rows of this one."""
    if len(array) >= wanted:
        return array
    larger = np.empty((max(wanted, 2 * len(array)), *array.shape[1:]), array.dtype)
    if used:
        larger[:used] = array[:used]
    return larger
