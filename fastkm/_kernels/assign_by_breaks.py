"""Codes from breaks in one dimension: how many breaks lie below each value.

For k clusters the cost is k - 1 comparisons a value, without a branch. Values are taken in blocks
that stay in the first-level cache: the outer loop runs over breaks and the inner one over values,
so the innermost loop runs over adjacent numbers and is vectorised. Two habits keep it vectorised:
arrays are sliced once a block, so that no index is a sum; and both sides of a choice are loaded
before it, so that it compiles to a blend and not to a branch.

Arrays are C-contiguous, aligned and native-endian.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 256
"""Values in a block: 1 KB of float32, and their codes."""


@kernel
def assign_by_breaks(x, breaks, codes):
    """Count the breaks below each value; NaN gets -1.

    x: (n,) floating, int64 or uint64 IN; breaks: (k - 1,) of the type of x, ascending IN; codes:
    (n,) integer OUT.
    """
    one = codes.dtype.type(1)
    none = codes.dtype.type(0)
    missing = codes.dtype.type(-1)
    for start in range(0, x.shape[0], BLOCK):
        value = x[start : start + BLOCK]
        code = codes[start : start + BLOCK]
        m = code.shape[0]
        for i in range(m):
            code[i] = none
        for j in range(breaks.shape[0]):
            b = breaks[j]
            for i in range(m):
                code[i] += one if value[i] > b else none
        for i in range(m):
            v, kept = value[i], code[i]
            code[i] = missing if np.isnan(v) else kept
