"""Count, sum, least and greatest value of every region, in one pass over a raster.

Values are added up along each run of cells of one region first, and the sums of the runs
afterwards: there are as many roundings of large sums as there are runs, not one for each cell. NaN
is left out. The cost is that of reading both arrays: 20 ms for 6.5 million cells, while
`numpy.bincount` takes as long for the sums alone and ``numpy.minimum.at`` five times as long.
"""

import numpy as np

from fastkm._kernels._jit import kernel


@kernel
def summarise(numbers, values, counts, sums, least, greatest):
    """Add the values of some rows to the counts, sums, least and greatest values of their regions.

    numbers: (rows, columns) int32 IN, negative if there is no region; values: (rows, columns)
    float64 IN; counts: (n,) int64 INOUT; sums, least, greatest: (n,) float64 INOUT.
    """
    rows, columns = numbers.shape
    for i in range(rows):
        number, count = np.int32(-1), 0
        total, low, high = 0.0, np.inf, -np.inf
        for j in range(columns):
            # a run ends: add it to its region
            if numbers[i, j] != number:
                if number >= 0:
                    counts[number] += count
                    sums[number] += total
                    least[number] = min(least[number], low)
                    greatest[number] = max(greatest[number], high)
                number, count = numbers[i, j], 0
                total, low, high = 0.0, np.inf, -np.inf
            value = values[i, j]
            if value == value:  # noqa: PLR0124  (NaN is not)
                count += 1
                total += value
                low = min(low, value)
                high = max(high, value)
        if number >= 0:
            counts[number] += count
            sums[number] += total
            least[number] = min(least[number], low)
            greatest[number] = max(greatest[number], high)


@kernel
def summarise_exactly(numbers, values, counts, sums, rests, least, greatest):
    """Add the values of some rows to the statistics of their regions, with sums of two doubles.

    What rounding takes from a sum is added up too (two-sum), so that ``sums + rests`` do not depend
    on the order of cells. No rest is kept of a sum that is not finite.

    numbers: (rows, columns) int32 IN, negative if there is no region; values: (rows, columns)
    float64 IN; counts: (n,) int64 INOUT; sums, rests, least, greatest: (n,) float64 INOUT.
    """
    rows, columns = numbers.shape
    for i in range(rows):
        number, count = np.int32(-1), 0
        total, rest, low, high = 0.0, 0.0, np.inf, -np.inf
        for j in range(columns + 1):
            # a run ends: put it back into its region, and take up the next
            if j == columns or numbers[i, j] != number:
                if number >= 0:
                    counts[number] += count
                    sums[number], rests[number] = total, rest
                    least[number] = min(least[number], low)
                    greatest[number] = max(greatest[number], high)
                if j == columns:
                    break
                number, count, low, high = numbers[i, j], 0, np.inf, -np.inf
                if number >= 0:
                    total, rest = sums[number], rests[number]
            if number < 0:
                continue
            value = values[i, j]
            if value == value:  # noqa: PLR0124  (NaN is not)
                count += 1
                low = min(low, value)
                high = max(high, value)
                added = total + value
                if np.isfinite(added):
                    part = added - total
                    rest += (total - (added - part)) + (value - part)
                total = added
