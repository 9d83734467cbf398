"""Numbers with more digits than float64: double-double and fixed point.

A *double-double* is a pair of float64 numbers whose sum is the number, the second at most half a
unit in the last place of the first: some 106 bits (Dekker 1971). Here it is an array of shape
(2, ...).

A number from 0 to 1 in *fixed point* is three integers, its digits to the base 2^28, an array of
shape (..., 3). Kernels add such digits up without carrying, and integers have the same sum in any
order (`fastkm._kernels.histogram`, `fastkm._kernels.fixed_point_rows`).

Dekker, T. J. (1971). A floating-point technique for extending the available precision.
Numerische Mathematik 18, 224-242.
"""

from __future__ import annotations

import numpy as np

from fastkm._kernels.histogram import FOLD


def as_double_double(integers: np.ndarray) -> np.ndarray:
    """Return int64 numbers as double-doubles, exactly: (2, ...)."""
    high = integers.astype(np.float64)
    return np.stack([high, (integers - high.astype(np.int64)).astype(np.float64)])


def two_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of float64 numbers as double-doubles, exactly: (2, ...)."""
    total = a + b
    part = total - a
    return np.stack([total, (a - (total - part)) + (b - part)])


def to_fixed_point(numbers: np.ndarray) -> np.ndarray:
    """Return numbers from 0 to 1 in fixed point, cut as the kernels cut them: (..., 3)."""
    digits = []
    for _ in range(3):
        scaled = numbers * FOLD
        digits.append(np.floor(scaled))
        numbers = scaled - digits[-1]
    return np.stack(digits, axis=-1).astype(np.int64)


def from_fixed_point(sums: np.ndarray) -> np.ndarray:
    """Return sums of numbers in fixed point, (..., 3), as double-doubles: (2, ...)."""
    result = as_double_double(sums[..., 2]) / FOLD
    for column in (1, 0):
        high, low = as_double_double(sums[..., column])
        high, rest = two_sum(high, result[0])
        result = two_sum(high, rest + (low + result[1])) / FOLD
    return result
