"""Vector quantization: `vq` gives each observation its nearest code, `whiten` scales features.

The contract is that of `scipy.cluster.vq`: signatures, types of the results, tie-breaks. What
differs is listed in the docstrings; the work is done by `fastkm._kernels.lloyd` over chunks.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastkm._core import validation
from fastkm._kernels.lloyd import assign
from fastkm.cluster.lloyd.iteration import pad_to_even
from fastkm.cluster.lloyd.row_chunks import RowChunks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def vq(
    obs: ArrayLike, code_book: ArrayLike, check_finite: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Assign to each observation the nearest code of a code book.

    Takes the place of `scipy.cluster.vq.vq`.

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation a row; any real type and memory layout, also a masked array or an
        `xarray.DataArray`, whose missing rows are left out.
    code_book : (k,) or (k, d) array-like
        One code a row.
    check_finite : bool, default: True
        Raise where `obs` or `code_book` holds NaN or an infinity.

    Returns
    -------
    code : (n,) int32 array
        Index of the nearest code, the lowest where several are equally near; -1 where the row
        is missing. As in scipy int64 when neither input is floating.
    dist : (n,) array
        Euclidean distance to it, in the common floating type of the inputs (float64 for
        integers, float32 for float16); NaN where the row is missing.

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
    Distances are computed directly, as scipy does below five features. From five on scipy
    expands the square and loses digits (3e-7 for a point's distance to itself).

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
    book = validation.observations(code_book, "code_book")
    points = validation.observations(obs, "obs")
    _require_fit(points, book)
    require_unmasked(book, "code_book")
    dtype = validation.working_dtype(points.dtype, book.dtype)
    rows = validation.frozen(points.rows, dtype)
    codes = validation.frozen(book.rows, dtype)
    if check_finite:
        validation.require_finite(codes, "code_book")
    found = nearest(rows, codes)
    if not found.finite:
        if check_finite:
            validation.require_finite(rows, "obs", valid=points.valid)
        _warn_of_infinite(found.dist, points.valid)
    if points.valid is not None:
        found.code[~points.valid] = -1
        found.dist[~points.valid] = np.nan
    both_integral = "f" not in (points.dtype.kind, book.dtype.kind)
    return (found.code.astype(np.int64) if both_integral else found.code), found.dist


class Nearest(NamedTuple):
    """Codes and distances of rows, and whether every distance is finite."""

    code: np.ndarray
    dist: np.ndarray
    finite: bool


def require_unmasked(book: validation.Observations, name: str) -> None:
    """Refuse missing codes: there is nothing that they could mean.

    Raises
    ------
    ValueError
        If one is.
    """
    if book.valid is not None:
        raise ValueError(
            f"{name} must not have missing or masked codes, but {np.sum(~book.valid)} are"
        )


def nearest(rows: np.ndarray, codes: np.ndarray) -> Nearest:
    """Assign checked rows; in float64 where float32 squares overflow (a fill value of 1e20)."""
    found = _assign_in_chunks(rows, codes)
    if found.finite or rows.dtype == np.float64:
        return found
    wide = np.dtype(np.float64)
    code, dist, finite = _assign_in_chunks(
        validation.frozen(rows, wide), validation.frozen(codes, wide)
    )
    with np.errstate(over="ignore"):
        return Nearest(code, dist.astype(rows.dtype), finite)


def _assign_in_chunks(rows: np.ndarray, codes: np.ndarray) -> Nearest:
    table = RowChunks(rows)
    code, dist = np.empty(table.n, np.int32), np.empty(table.n, rows.dtype)
    book, unshifted = pad_to_even(codes), validation.frozen(np.zeros(table.d, rows.dtype))

    def run(start: int, stop: int) -> bool:
        x, first = table.part(start, stop)
        own = dist[start:stop]
        assign(x, first, unshifted, book, table.rest, code[start:stop], own)
        np.sqrt(own, out=own)
        return bool(np.isfinite(own).all())

    return Nearest(code, dist, all(table.map(run, None)))


def whiten(obs: ArrayLike, check_finite: bool | None = None) -> np.ndarray:
    """Divide each feature by its standard deviation over all observations.

    Takes the place of `scipy.cluster.vq.whiten`.

    Parameters
    ----------
    obs : (n,) or (n, d) array-like
        One observation a row. Rows with a missing cell do not count in the deviation.
    check_finite : bool, optional
        Raise where `obs` holds NaN or an infinity; the default does.

    Returns
    -------
    array
        `obs` divided, of its shape; floating as in scipy. Of a masked array or a `DataArray`
        with missing cells, a masked array.

    Raises
    ------
    ValueError
        If values are not finite.
    TypeError
        If `obs` does not hold real numbers of at most 64 bits.

    Warns
    -----
    RuntimeWarning
        If a feature has no deviation. It is left as it is.

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
    values, mask = validation.plain(obs, "obs")
    if values.ndim == 0:
        raise ValueError(f"obs must have shape (n,) or (n, d), got {values}")
    if values.size == 0:
        return values / 1.0
    valid = None if mask is None else validation.complete_rows(mask)
    if check_finite is not False:
        validation.require_finite(values.reshape(len(values), -1), "obs", valid=valid)
    present = values if valid is None else values[valid]
    deviation = np.asarray(np.std(present, axis=0, dtype=np.float64))
    constant = deviation == 0
    deviation = np.where(constant, 1.0, deviation)
    if check_finite is not False and constant.any():
        warnings.warn(
            "Some columns have standard deviation zero. The values of these columns will not change.",
            RuntimeWarning,
            stacklevel=2,
        )
    floating = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    result = values / deviation.astype(floating.newbyteorder("="))
    return result if mask is None else np.ma.MaskedArray(result, mask)


def _require_fit(points: validation.Observations, book: validation.Observations) -> None:
    if points.ndim != book.ndim:
        raise ValueError(
            f"obs and code_book must have the same number of dimensions, got {points.ndim} and "
            f"{book.ndim}"
        )
    if points.rows.shape[1] != book.rows.shape[1]:
        raise ValueError(
            "obs and code_book must have the same number of features (columns), got "
            f"{points.rows.shape[1]} and {book.rows.shape[1]}"
        )
    if len(book.rows) == 0:
        raise ValueError("code_book must hold at least one code, got none")


def _warn_of_infinite(dist: np.ndarray, valid: np.ndarray | None) -> None:
    """Warn from the caller of the public function."""
    infinite = np.isinf(dist) if valid is None else np.isinf(dist) & valid
    if infinite.any():
        warnings.warn(
            f"{np.count_nonzero(infinite)} rows have no finite distance to any code (NaN, infinity "
            "or overflow): they get code 0 and distance inf",
            RuntimeWarning,
            stacklevel=3,
        )
