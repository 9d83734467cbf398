"""Vector quantization: `vq` finds the nearest code of each observation, `whiten` scales features.

The contract is that of `scipy.cluster.vq`: signatures, types of the results, tie-breaks. The
docstrings list the differences. The work is done by `fastkm._kernels.lloyd`, chunk by chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._core.notes import warn_user
from fastkm._core.threads import resolve_thread_count
from fastkm._kernels.column_moments import measure_columns
from fastkm._kernels.few_rows import assign_few
from fastkm._kernels.lloyd import assign
from fastkm._kernels.row_blocks import BLOCK
from fastkm.cluster.lloyd.iteration import pad_to_even
from fastkm.cluster.lloyd.row_chunks import RowChunks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FEW_PRODUCTS = 1 << 20
"""Rows times numbers in the codebook up to which the kernels for few rows serve: they take 0.3 ms, at
most twice as long as those that are compiled, for a second, for each number of features."""

FEW_FEATURES = 3
"""Features up to which they serve any number of rows: they take as long, for one feature half."""

MANY_NUMBERS = 1 << 16
"""Numbers from which a kernel computes deviations: numpy takes 1.2 ms for them in three columns."""


def vq(
    obs: ArrayLike, code_book: ArrayLike, check_finite: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Assign to each observation the nearest code of a code book, like `scipy.cluster.vq.vq`.

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation per row; any real type and memory layout, also a masked array or an
        `xarray.DataArray`, whose missing rows are left out.
    code_book : (k,) or (k, d) array-like
        One code per row.
    check_finite : bool, default: True
        Raise if `obs` or `code_book` holds NaN or an infinity.

    Returns
    -------
    code : (n,) int32 array
        Index of the nearest code, the lowest if several are equally near; -1 if the row is
        missing. As in scipy, int64 if neither input is floating.
    dist : (n,) array
        Euclidean distance to it, in the common floating type of the inputs (float64 for
        integers, float32 for float16); NaN if the row is missing.

    Raises
    ------
    ValueError
        If shapes do not fit, the code book is empty or has missing codes, or values are not
        finite.
    TypeError
        If an input does not hold real numbers of at most 64 bits.

    Warns
    -----
    RuntimeWarning
        If, with ``check_finite=False`` or by overflow, a row has no finite distance to any
        code. It gets code 0 and distance infinity.

    Notes
    -----
    Distances are computed directly, as scipy does for up to four features. For five and more scipy
    expands the square and loses digits (3e-7 for the distance of a point to itself).

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> code, dist = fastkm.vq(np.array([1.0, 2.0, 9.0]), np.array([1.5, 9.0]))
    >>> code
    array([0, 0, 1], dtype=int32)
    >>> dist
    array([0.5, 0.5, 0. ])
    """
    points = validation.check_observations(obs, "obs")
    book = check_codes(code_book, "code_book", points, check_finite=check_finite)
    dtype = validation.choose_working_dtype(points.dtype, book.dtype)
    rows, codes = points.rows, book.rows
    if not rows.dtype == codes.dtype == dtype:
        rows, codes = validation.freeze(rows, dtype), validation.freeze(codes, dtype)
    found = find_nearest(rows, codes)
    if not found.finite:
        if check_finite:
            validation.require_finite(rows, "obs", valid=points.valid)
        infinite = np.isinf(found.dist)
        if points.valid is not None:
            infinite &= points.valid
        if infinite.any():
            warn_user(
                f"{np.count_nonzero(infinite)} rows have no finite distance to any code (NaN, "
                "infinity or overflow): they get code 0 and distance inf",
                RuntimeWarning,
            )
    if points.valid is not None:
        found.code[~points.valid] = -1
        found.dist[~points.valid] = np.nan
    both_integral = "f" not in (points.dtype.kind, book.dtype.kind)
    return (found.code.astype(np.int64) if both_integral else found.code), found.dist


class NearestCodes(NamedTuple):
    """Codes and distances of rows, and whether every distance is finite."""

    code: np.ndarray
    dist: np.ndarray
    finite: bool


def check_codes(
    codes: ArrayLike, name: str, points: validation.Observations, *, check_finite: bool
) -> validation.Observations:
    """Check codes against the observations; raise a ValueError if they do not fit."""
    book = validation.check_observations(codes, name)
    if book.ndim != points.ndim:
        raise ValueError(
            f"{name} must have {points.ndim} dimensions like the observations, got {book.ndim}"
        )
    features = points.rows.shape[1]
    if book.rows.shape[1] != features:
        raise ValueError(
            f"{name} must have {features} features like the observations, got {book.rows.shape[1]}"
        )
    if len(book.rows) == 0:
        raise ValueError(f"{name} must hold at least one code, got none")
    if book.valid is not None:
        raise ValueError(
            f"{name} must not have missing or masked codes, but {np.sum(~book.valid)} are"
        )
    if check_finite:
        validation.require_finite(book.rows, name, takes_masks=False)
    return book


def find_nearest(rows: np.ndarray, codes: np.ndarray) -> NearestCodes:
    """Find the nearest code of each row, in float64 if float32 squares overflow."""
    n, d = rows.shape
    code, dist = np.empty(n, np.int32), np.empty(n, rows.dtype)

    def assign_part(start: int, stop: int) -> bool:
        columns, scratch = validation.freeze(rows[start:stop].T), np.empty(BLOCK, rows.dtype)
        return assign_few(columns, codes, scratch, code[start:stop], dist[start:stop])

    resolve_thread_count()  # a wrong number is an error here too
    if n * codes.size <= FEW_PRODUCTS:
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite distance is reported
            finite = assign_part(0, n)
    elif d <= FEW_FEATURES:
        finite = all(RowChunks(rows).map(assign_part, None))
    else:
        finite = _assign_chunks(RowChunks(rows), codes, code, dist)
    if finite or rows.dtype == np.float64:
        return NearestCodes(code, dist, finite)
    # once more in float64
    wide = np.dtype(np.float64)
    found = find_nearest(validation.freeze(rows, wide), validation.freeze(codes, wide))
    with np.errstate(over="ignore"):
        return found._replace(dist=found.dist.astype(rows.dtype))


def _assign_chunks(rows: RowChunks, codes: np.ndarray, code: np.ndarray, dist: np.ndarray) -> bool:
    """Find the nearest codes by the kernels for many rows; return True if all distances are finite."""
    book, unshifted = pad_to_even(codes), validation.freeze(np.zeros(rows.d, rows.dtype))

    def run(start: int, stop: int) -> bool:
        x, first = rows.load(start, stop)
        own = dist[start:stop]
        assign(x, first, unshifted, book, rows.rest, code[start:stop], own)
        np.sqrt(own, out=own)
        return bool(np.isfinite(own).all())

    return all(rows.map(run, None))


def whiten(obs: ArrayLike, check_finite: bool | None = None) -> np.ndarray:
    """Divide each feature by its standard deviation, like `scipy.cluster.vq.whiten`.

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation per row. Rows with a missing cell do not count in the deviation.
    check_finite : bool, optional
        Raise if `obs` holds NaN or an infinity, which None, the default, does too.

    Returns
    -------
    array
        The scaled features, of the shape of `obs`; floating as in scipy. A masked array if cells
        of `obs` are missing.

    Raises
    ------
    ValueError
        If values are not finite.
    TypeError
        If `obs` does not hold real numbers of at most 64 bits.

    Warns
    -----
    RuntimeWarning
        If a feature is constant. It is not scaled.

    Notes
    -----
    The deviation is computed in float64 whatever the type of `obs`; scipy computes it in the
    type of `obs`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastkm
    >>> fastkm.whiten(np.array([[1.0, 10], [3, 30]]))
    array([[1., 1.],
           [3., 3.]])
    """
    values, mask = validation.as_values_and_mask(obs, "obs")
    if values.ndim == 0:
        raise ValueError(f"obs must have shape (n,) or (n, d), got {values}")
    if values.size == 0:
        return values / 1.0
    valid = None if mask is None else validation.find_complete_rows(mask)
    if check_finite is not False:
        validation.require_finite(values.reshape(len(values), -1), "obs", valid=valid)
    deviation = _measure_deviations(values if valid is None else values[valid])
    constant = deviation == 0
    deviation = np.where(constant, 1.0, deviation)
    if check_finite is not False and constant.any():
        warn_user(
            "Some columns have standard deviation zero. The values of these columns will not change.",
            RuntimeWarning,
        )
    floating = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    result = values / deviation.astype(floating.newbyteorder("="))
    return result if mask is None else np.ma.MaskedArray(result, mask)


def _measure_deviations(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation of values, or of each column, in float64."""
    is_table = values.ndim == 2 and values.shape[1] > 1 and values.flags.c_contiguous
    if is_table and values.size >= MANY_NUMBERS and values.dtype.kind == "f":
        mean, variance = np.empty((2, values.shape[1]))
        rows = validation.freeze(values, validation.choose_working_dtype(values.dtype))
        measure_columns(rows, mean, variance)
        if np.isfinite(variance).all():  # otherwise numpy warns
            return np.sqrt(variance)
    return np.asarray(np.std(values, axis=0, dtype=np.float64))
