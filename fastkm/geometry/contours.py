"""Contours of an image, and which of them are long enough to keep.

The contours are those of `skimage.measure.find_contours`, to the bit; their coordinates are
(row, column), in pixels, whole numbers at cell centres. How they are linked is told in
`fastkm._kernels.marching_squares`.

Bands of rows go through three steps: pixels are compared with the level, in their own type and
in numpy's vectors; the squares that a contour passes are found; these alone get their corners as
float64 and are cut into segments. Threads do this for several bands at a time. Segments are
linked one band after another, in order, so the result does not depend on the threads, and what
is kept of a band is its points. In the end contours are laid out one after another in one array.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastkm._core import cf_missing, validation
from fastkm._core.threads import fold_chunks, map_chunks
from fastkm._kernels.marching_squares import (
    FIRST,
    INVALID,
    NO_KEY,
    SIZE,
    cut_squares,
    lay_out,
    link_segments,
    mixed_squares,
)
from fastkm.geometry.distance import max_pairwise_distances

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Side = Literal["low", "high"]

SQUARES = 1 << 17
"""Squares a band. 2^16 to 2^18 measure alike; 2^20 takes a tenth longer, as the pixels have left
the cache when the corners are collected."""

POINTS = 1 << 15
"""Points that are laid out a chunk, more or less."""

ROUNDING = 1e-12
"""By how much of itself a diagonal or a distance may be wrong, with a wide margin."""


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
        """Give the contours one by one, as views."""
        bounds = self.offsets.tolist()
        return [self.points[i:j] for i, j in itertools.pairwise(bounds)]


class LongContours(NamedTuple):
    """Contours above a diameter, out of how many.

    Attributes
    ----------
    contours : list of (n, 2) array
        Row and column of each point, in pixels.
    diameters : list of float
        The longest distance across each, in pixels.
    found : int
        The number of contours before the choice.
    """

    contours: list[np.ndarray]
    diameters: list[float]
    found: int


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
    and first points, whatever pixels are NaN, infinite or equal to the level. It differs in three
    things. The cells that a masked array masks, or that the attributes of a `DataArray` call
    missing, are left out like those of `mask`. Without a `level` the middle is not lost to an
    overflow, as that of uint8 is. What is not real numbers is an error.

    Parameters
    ----------
    image : (rows, columns) array-like
        Real numbers, at least 2 x 2. It is not copied; bands of rows are, if it is not in C order,
        or of another type than integers, float32 and float64 in native byte order.
    level : float, optional
        The value that the contours follow; pixels above it are high, all others low. By default
        the middle between the least and the greatest pixel that are neither NaN nor missing,
        those outside `mask` included. At NaN there are no contours.
    fully_connected : {"low", "high"}, default: "low"
        Which pixels hang together across a corner, where two of them meet two of the others.
    positive_orientation : {"low", "high"}, default: "low"
        Which pixels contours run round counter-clockwise.
    mask : (rows, columns) bool array-like, optional
        True where contours are wanted. What passes a pixel that is False, NaN or missing is left
        out, and contours end there, as at the image's edge.

    Returns
    -------
    list of (n, 2) float64 array
        Row and column of each point, in pixels. Closed contours repeat their first point. The
        arrays are parts of a single one, and it lives as long as any of them: copy the few that
        you keep for long.

    Raises
    ------
    ValueError
        If the image has not two dimensions or is smaller than 2 x 2, the mask is of another
        shape, or an option is neither "low" nor "high".
    TypeError
        If the image does not hold real numbers, the mask is not of bool, or the level is no
        number.

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
    return trace_contours(image, level, fully_connected, positive_orientation, mask=mask).split()


def trace_contours(
    image: ArrayLike,
    level: float | None = None,
    fully_connected: Side = "low",
    positive_orientation: Side = "low",
    *,
    mask: ArrayLike | None = None,
) -> Contours:
    """Trace contours as `find_contours` does, and leave them in one array.

    Examples
    --------
    >>> trace_contours(np.eye(4), 0.5).offsets
    array([ 0,  2,  7, 12, 14])
    """
    validation.require_choice("fully_connected", fully_connected, ("low", "high"))
    validation.require_choice("positive_orientation", positive_orientation, ("low", "high"))
    pixels, valid = _pixels(image)
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise ValueError(f"image must have at least 2 rows and 2 columns, got {pixels.shape}")
    middle = _middle(pixels, valid) if level is None else _number(level)
    if mask is not None:
        wanted = _wanted(mask, pixels.shape)
        valid = wanted if valid is None else valid & wanted
    links = _Links(pixels.shape)
    cutoff = _cutoff(middle, pixels.dtype)
    if cutoff is not None:
        high = int(fully_connected == "high")

        def cut(start: int, stop: int) -> _Segments:
            band = None if valid is None else valid[start : stop + 1]
            return _cut(pixels[start : stop + 1], band, cutoff, middle, start, links.lattice, high)

        rows, columns = pixels.shape
        fold_chunks(cut, links.add, rows - 1, max(1, SQUARES // columns))
    return links.laid_out(backwards=positive_orientation == "high")


def long_contours(image: ArrayLike, level: float, *, min_diameter: float) -> LongContours:
    """Trace contours and keep those whose points lie more than `min_diameter` pixels apart.

    Raises
    ------
    ValueError
        As `find_contours`; or if a contour that may be long enough has a NaN coordinate, next to
        an infinite pixel.

    Examples
    --------
    >>> image = np.zeros((5, 9))
    >>> image[1, 1], image[3, 1:8] = 1, 1
    >>> long_contours(image, 0.5, min_diameter=3).diameters
    [7.0]
    """
    traced = trace_contours(image, level)
    contours = traced.split()
    wide = np.flatnonzero(~(_diagonals(traced) * (1 + ROUNDING) <= min_diameter))
    points = np.concatenate([np.empty((0, 2)), *(contours[i] for i in wide)])
    offsets = np.concatenate([[0], np.cumsum(np.diff(traced.offsets)[wide])])
    diameters = max_pairwise_distances(points, offsets)
    long = diameters > min_diameter
    return LongContours(
        [contours[i].copy() for i in wide[long]], diameters[long].tolist(), len(contours)
    )


def _diagonals(contours: Contours) -> np.ndarray:
    """Give the diagonal of each contour's bounding box."""
    points, starts = contours.points, contours.offsets[:-1]
    if len(starts) == 0:
        return np.empty(0)
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    return np.hypot(sides[:, 0], sides[:, 1])


def _pixels(image: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Split an image into plain real numbers and where they are valid (None: everywhere)."""
    absent = None
    if isinstance(image, np.ma.MaskedArray):
        pixels, absent = np.asarray(image.data), np.ma.getmaskarray(image)
    elif cf_missing.describes_itself(image):
        pixels, absent = cf_missing.physical(image), cf_missing.missing(image)
    else:
        pixels = np.asarray(image)
    if pixels.dtype.kind not in "biuf":
        raise TypeError(f"image must hold real numbers, got {pixels.dtype}")
    if pixels.dtype.kind == "b":
        pixels = pixels.view(np.uint8)
    return pixels, None if absent is None or not absent.any() else ~absent


def _wanted(mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    wanted = np.asarray(mask)
    if wanted.shape != shape:
        raise ValueError(f"mask must have the shape of the image, {shape}, got {wanted.shape}")
    if wanted.dtype != bool:
        raise TypeError(f"mask must be of bool, True where contours are wanted, got {wanted.dtype}")
    return wanted


def _number(level: Any) -> float:
    if not isinstance(level, str | bytes):
        try:
            return float(level)
        except (TypeError, ValueError, OverflowError):
            pass
    raise TypeError(f"level must be a number that fits float64, got {level!r}")


def _middle(pixels: np.ndarray, valid: np.ndarray | None) -> float:
    """Give the level of an image that is given none: NaN where it has no pixels."""
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


def _cutoff(level: float, dtype: np.dtype) -> np.generic | None:
    """Give the greatest number of the image's type that is low, or None if no pixel or all are.

    A pixel is high if it is above the level *as float64*; to compare it with this number instead
    comes to the same, and needs no float64. (Also of 64-bit integers, which round: they do so
    in order.)
    """
    if math.isnan(level):
        return None
    if dtype.kind == "f":
        working = np.float64 if dtype.itemsize >= 8 else np.float32
        with np.errstate(over="ignore"):
            nearest = working(level)
        return nearest if float(nearest) <= level else np.nextafter(nearest, working(-math.inf))
    low, beyond = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if float(low) > level or float(beyond) <= level:
        return None
    while beyond - low > 1:  # the first is low, the second high
        between = (low + beyond) // 2
        if float(between) > level:
            beyond = between
        else:
            low = between
    return dtype.type(low)


class _Segments(NamedTuple):
    """The segments of a band of rows; see `cut_squares`."""

    points: np.ndarray
    keys: np.ndarray
    row_ends: np.ndarray
    first_row: int


def _cut(
    pixels: np.ndarray,
    valid: np.ndarray | None,
    cutoff: np.generic,
    level: float,
    first_row: int,
    lattice: tuple[int, int],
    high: int,
) -> _Segments:
    """Find the segments of a band; of its rows of pixels the last one begins the next band."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond float64; infinite pixels
        band = np.ascontiguousarray(pixels, cutoff.dtype)
        marks = (band > cutoff).view(np.uint8)
        if valid is not None:
            marks |= np.where(valid, np.uint8(0), np.uint8(INVALID))
        rows, columns = band.shape
        squares, row_ends = np.empty(band.size, np.int64), np.empty(rows - 1, np.int64)
        found = mixed_squares(marks, squares, row_ends)
        squares = squares[:found]
        corners = np.empty((4, found))
        for corner, shift in zip(corners, (0, 1, columns, columns + 1), strict=True):
            corner[:] = band.reshape(-1)[shift:].take(squares, mode="clip")
        points, keys = np.empty((2 * found, 4)), np.empty((2 * found, 2), np.int64)
        found = cut_squares(
            squares, row_ends, corners, level, first_row, lattice, high, points, keys
        )
    return _Segments(points[:found], keys[:found], row_ends, first_row)


class _Links:
    """Contours that grow segment by segment; see `link_segments`."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        pitch = 1 << (2 * shape[1] - 1).bit_length()
        self.lattice = (shape[1], pitch)
        self.latest = np.zeros((2, 4 * pitch), np.int64)
        self.contours = np.full((1, 5), NO_KEY, np.int64)
        self.nodes = np.empty((0, 2))
        self.following = np.empty(0, np.int64)
        self.counts = np.zeros(2, np.int64)

    def add(self, segments: _Segments) -> None:
        """Hang the segments of the next band on."""
        more = len(segments.points)
        nodes, contours = self.counts.tolist()
        self.nodes = _grown(self.nodes, nodes, nodes + 2 * more)
        self.following = _grown(self.following, nodes, nodes + 2 * more)
        self.contours = _grown(self.contours, contours + 1, contours + 1 + more)
        link_segments(
            *segments, self.latest, self.contours, self.nodes, self.following, self.counts
        )

    def laid_out(self, *, backwards: bool) -> Contours:
        """Copy the points to where they belong."""
        founded = self.contours[1 : self.counts[1] + 1]
        kept = founded[founded[:, SIZE] > 0]
        firsts = kept[:, FIRST].copy()
        offsets = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept[:, SIZE], out=offsets[1:])
        points = np.empty((offsets[-1], 2))

        def run(start: int, stop: int) -> None:
            part = offsets[start : stop + 1]
            lay_out(firsts[start:stop], part, backwards, self.nodes, self.following, points)

        map_chunks(run, len(kept), 1 + len(kept) * POINTS // max(1, len(points)))
        return Contours(points, offsets)


def _grown(array: np.ndarray, used: int, wanted: int) -> np.ndarray:
    """Give an array of at least `wanted` rows with the `used` rows of this one."""
    if len(array) >= wanted:
        return array
    larger = np.empty((max(wanted, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[:used] = array[:used]
    return larger
