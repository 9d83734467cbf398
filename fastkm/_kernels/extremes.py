"""The few least and greatest distinct values of some data, with their counts, in one pass.

Most values lie between the bounds that the values so far have set. A block of them is compared with
both bounds in vectors, and is left at once if no value reaches a bound.
"""

import numpy as np

from fastkm._kernels._jit import kernel

BLOCK = 512
"""Values that are compared together: they stay in the first-level cache for the second look."""


@kernel
def comes_before(value, other, descending):
    """Return True if a number comes before another one in ascending or descending order."""
    return value > other if descending else value < other


@kernel
def count_held(block, held, counts):
    """Count the values of a block that are held, in vectors; return their number.

    block: (n,) IN; held: (m,) distinct IN; counts: (m,) int64 OUT.
    """
    total = 0
    for p in range(held.shape[0]):
        number = 0
        for i in range(block.shape[0]):
            number += np.int64(block[i] == held[p])
        counts[p] = number
        total += number
    return total


@kernel
def insert_block(block, limits, descending, values, counts, number):
    """Count the first distinct values of some order; return how many of them are held.

    block: (n,) IN; limits: see `collect_extremes`; descending: bool; values: (m,) INOUT, in that
    order; counts: (m,) int64 INOUT; number: of values that are held, at most m. If all m are held,
    the last one makes room for one that comes before it.
    """
    room = values.shape[0]
    for i in range(block.shape[0]):
        value = block[i]
        # most values come after all that are held
        if number == room and comes_before(values[room - 1], value, descending):
            continue
        if not (limits[0] <= value <= limits[1]):
            continue
        # count one that is held
        place = 0
        while place < number and comes_before(values[place], value, descending):
            place += 1
        if place < number and values[place] == value:
            counts[place] += 1
            continue
        # insert a new one
        number = min(number + 1, room)
        for p in range(number - 1, place, -1):
            values[p] = values[p - 1]
            counts[p] = counts[p - 1]
        values[place] = value
        counts[place] = 1
    return number


@kernel
def add_block(block, reached, limits, descending, values, counts, number):
    """Do what `insert_block` does; `reached` values of the block reach the last one that is held.

    If all of these are held, they are counted in vectors.
    """
    own = np.empty(number, np.int64)
    if count_held(block, values[:number], own) != reached:
        return insert_block(block, limits, descending, values, counts, number)
    for p in range(number):
        counts[p] += own[p]
    return number


@kernel
def collect_extremes(values, limits, least, greatest, counts, numbers):
    """Collect the least and the greatest distinct values within limits, and count them.

    values: (n,) IN; limits: (2,) of the same type IN, least and greatest number that counts (NaN
    does not); least: (m,) of the same type OUT, ascending; greatest: (m,) OUT, descending; counts:
    (2, m) int64 OUT, of both; numbers: (2,) int64 OUT, how many of both there are.
    """
    room = least.shape[0]
    lower, upper = limits[1], limits[0]  # values up to the one and from the other on are looked at
    none = np.int64(0)  # not 0, for which alone `add_block` would be compiled as well
    fewer, more = none, none
    few, many = counts[0], counts[1]
    for start in range(0, values.shape[0], BLOCK):
        block = values[start : start + BLOCK]
        # how many values reach a bound?
        below, above = none, none
        for i in range(block.shape[0]):
            value = block[i]
            below += np.int64((value <= lower) & (value >= limits[0]))
            above += np.int64((value >= upper) & (value <= limits[1]))
        if below > 0:
            fewer = add_block(block, below, limits, False, least, few, fewer)
            lower = least[room - 1] if fewer == room else lower
        if above > 0:
            more = add_block(block, above, limits, True, greatest, many, more)
            upper = greatest[room - 1] if more == room else upper
    numbers[0] = fewer
    numbers[1] = more
