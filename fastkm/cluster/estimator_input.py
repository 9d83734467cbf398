"""What `KMeans` is given: rows and weights, checked by scikit-learn's rules where there are any."""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from fastkm._core import validation

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def check_rows(estimator: BaseEstimator, X: Any, *, reset: bool, finite: bool = True) -> np.ndarray:
    """Check data by scikit-learn's rules; return an array of numbers without a copy."""
    rows = validate_data(
        estimator,
        validation.check_unmasked(X, "X"),
        reset=reset,
        dtype="numeric",
        order=None,
        ensure_all_finite=finite,
    )
    if rows.dtype.kind not in "biuf":
        raise TypeError(f"X must hold real numbers, got {rows.dtype}")
    return rows.astype(np.float64) if rows.dtype.itemsize > 8 else rows


def check_weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """Check weights of n rows: None, one number for all, or one for each row."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n, sample_weight)
    weights = as_finite_floats("sample_weight", sample_weight)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight must be a number or have shape ({n},), one weight a row, got shape "
            f"{weights.shape}"
        )
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative, got {weights.min():g}")
    if not weights.any():
        raise ValueError("sample_weight must be above 0 for at least one row, got zeros only")
    return weights


def as_finite_floats(name: str, given: Any) -> np.ndarray:
    """Return an argument in float64 if it holds finite numbers, by scikit-learn's rules."""
    return check_array(
        given, ensure_2d=False, ensure_min_samples=0, dtype=np.float64, input_name=name
    )
