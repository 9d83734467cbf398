"""Squared distances to the nearest of the starts so far, as k-means++ draws by them.

Rows come in blocks, see `fastkm._kernels.row_blocks`, and arguments are those that the essay of
`fastkm._kernels.lloyd` lists.

Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
"""

import numpy as np

from fastkm._kernels._jit import fused_kernel
from fastkm._kernels.row_blocks import BLOCK, load_rows


@fused_kernel
def try_candidates(x, start, shift, codes, weights, squares, totals):
    """Sum, for each of some codes, the squared distances that would remain if it were chosen.

    codes: (t, d) IN, any t; squares: (m,) IN, to the nearest code so far; totals: (t,) float64 OUT.
    """
    t, d = codes.shape
    m, width = squares.shape[0], min(squares.shape[0], BLOCK)
    columns, square = np.zeros((d, width), x.dtype), np.empty(width, x.dtype)
    lanes = np.zeros((t, width))
    for begin in range(0, m, BLOCK):
        least = squares[begin : begin + BLOCK]
        w = weights[begin : begin + BLOCK]
        count = least.shape[0]
        load_rows(x, start + begin, count, shift, columns)
        # each row of a block keeps the nearer of its old code and the candidate
        for j in range(t):
            total = lanes[j]
            square_distances(columns, codes[j], square)
            if weights.shape[0] > 0:
                for i in range(count):
                    s, near = square[i], least[i]
                    total[i] += w[i] * (min(near, s))
            else:
                for i in range(count):
                    s, near = square[i], least[i]
                    total[i] += min(near, s)
    # add up the sums of the places in a block
    for j in range(t):
        totals[j] = 0.0
        for i in range(width):
            totals[j] += lanes[j, i]


@fused_kernel
def square_distances(columns, code, square):
    """Square the distances of a block's rows to code: (d,) IN; square: (width,) OUT."""
    width = square.shape[0]
    for i in range(width):
        square[i] = 0
    for f in range(columns.shape[0]):
        line, c = columns[f], code[f]
        for i in range(width):
            v = line[i] - c
            square[i] += v * v


@fused_kernel
def lower_squares(x, start, shift, code, squares):
    """Lower the squared distances of rows to those to one more code, if it is nearer.

    code: (d,) IN; squares: (m,) INOUT.
    """
    m, d = squares.shape[0], code.shape[0]
    width = min(m, BLOCK)
    columns, square = np.zeros((d, width), x.dtype), np.empty(width, x.dtype)
    for begin in range(0, m, BLOCK):
        least = squares[begin : begin + BLOCK]
        load_rows(x, start + begin, least.shape[0], shift, columns)
        square_distances(columns, code, square)
        for i in range(least.shape[0]):
            s, near = square[i], least[i]
            least[i] = min(near, s)
