"""The update step of Lloyd's algorithm: sums of the rows of each code.

Given the codes and distances of `assign`, one pass adds every row to the sum of its centroid.
Sums are float64 whatever the type of the rows: float32 sums drift after 2^24 additions. The
caller adds the sums of all chunks in chunk order and divides by the counts; a count of zero is
the fact that a centroid has no members, and what to do about it is the caller's policy.

Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28, 129-137.
"""

import numpy as np

from fastkm._jit import kernel


@kernel
def accumulate(x, codes, distances, sums, counts):
    """Add rows to the sums of their codes; return the sum of the distances.

    x: (n, d) IN; codes: (n,) int32 IN; distances: (n,) IN; sums: (k, d) float64 INOUT;
    counts: (k,) int64 INOUT.
    """
    total = 0.0
    for i in range(x.shape[0]):
        code = codes[i]
        counts[code] += 1
        total += np.float64(distances[i])
        for f in range(x.shape[1]):
            sums[code, f] += x[i, f]
    return total
