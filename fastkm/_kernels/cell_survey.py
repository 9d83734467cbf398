"""The first pass over a large raster: draw cells by hashed positions, and measure integers.

The hash is a mixer of 64 bits that is one-to-one (Steele, Lea & Flood 2014: Fast splittable
pseudorandom number generators). See `fastkm.cluster.lloyd.survey`.
"""

import numpy as np

from fastkm._kernels._jit import kernel

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@kernel
def hash_place(place, seed):
    """Hash the number of a cell; place, seed: uint64; products are modulo 2^64."""
    h = (place + np.uint64(1)) * STEP + seed
    h = (h ^ (h >> np.uint64(30))) * FIRST
    h = (h ^ (h >> np.uint64(27))) * SECOND
    return h ^ (h >> np.uint64(31))


@kernel
def draw_cells(excluded, first, window_columns, columns, seed, limit, chosen, places, hashes):
    """Draw the cells of a block whose hashes are at most `limit`; return how many these are.

    excluded: (m,) bool IN, cells that are not drawn; first: (3,) int64 IN, the number of the first
    of them within the block, and the row and column of the raster where the block begins;
    window_columns, columns: int64, of the block and of the raster; seed, limit: uint64; chosen:
    (m,) int32 OUT, the drawn ones first; places: (m,) int64, hashes: (m,) uint64 OUT, of these.
    """
    count = 0
    row, column = first[0] // window_columns, first[0] % window_columns
    place = (first[1] + row) * columns + first[2] + column
    for i in range(excluded.shape[0]):
        h = hash_place(np.uint64(place), seed)
        if h <= limit and not excluded[i]:
            chosen[count], places[count], hashes[count] = i, place, h
            count += 1
        place += 1
        column += 1
        if column == window_columns:
            column = 0
            place += columns - window_columns
    return count


@kernel
def measure_integers(numbers, missing, totals):
    """Measure a band: least and greatest number, sum and sum of squares.

    numbers: (m,) int32 IN, of which those count that are not missing: (m,) bool IN; totals: (4,)
    int64 INOUT. 2^31 numbers of 16 bits do not overflow.
    """
    least, greatest, total, square = totals[0], totals[1], totals[2], totals[3]
    for i in range(numbers.shape[0]):
        value, counts = np.int64(numbers[i]), np.int64(not missing[i])
        least = min(least, value if counts else least)
        greatest = max(greatest, value if counts else greatest)
        total += value * counts
        square += value * value * counts
    totals[0], totals[1], totals[2], totals[3] = least, greatest, total, square
