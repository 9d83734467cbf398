"""Exact sums of floats and of products of two floats, in a long row of integers.

A float64 is an integer of 53 bits times a power of two, and a product of two is three integers
of at most 54 bits. The sum is kept as a number in base 2^32 that covers every exponent that can
occur; each integer is added to the digits that it overlaps. Digits are 64 bits wide, so carries
can wait until the end: 2^29 terms fit. The sum is exact, so no order matters.

Neal, R. M. (2015). Fast exact summation using small and large superaccumulators. arXiv:1505.05571.
"""

import numpy as np

from fastkm._kernels._jit import kernel

LOWEST = -2150
"""Exponent of the last bit: that of the product of the two smallest floats."""

DIGITS = 136
"""Digits of 32 bits, for the product of the two largest."""


@kernel
def parts_of(bits):
    """Give the two halves of a mantissa, 26 and 27 bits, signed, and the exponent of its last bit."""
    power = np.int64(bits >> np.uint64(52)) & 2047
    mantissa = np.int64(bits & np.uint64(0xFFFFFFFFFFFFF))
    if power > 0:
        mantissa += 1 << 52
    else:
        power = np.int64(1)
    sign = -1 if bits >> np.uint64(63) else 1
    return sign * (mantissa >> 27), sign * (mantissa & 0x7FFFFFF), power - 1075


@kernel
def put(digits, integer, exponent):
    """Add an integer of at most 55 bits times 2^exponent."""
    place = exponent - LOWEST
    digit, shift = place >> 5, np.uint64(place & 31)
    sign = 1 if integer >= 0 else -1
    size = np.uint64(abs(integer))
    mask = np.uint64(0xFFFFFFFF)
    lower = (size & mask) << shift
    upper = (size >> np.uint64(32)) << shift
    digits[digit] += sign * np.int64(lower & mask)
    digits[digit + 1] += sign * (np.int64(lower >> np.uint64(32)) + np.int64(upper & mask))
    digits[digit + 2] += sign * np.int64(upper >> np.uint64(32))


@kernel
def sum_products(a, b, part, digits):
    """Add the products of two rows of numbers to the parts that they belong to.

    a, b: (n,) float64, finite IN; part: (n,) int64 IN; digits: (p, DIGITS) int64 INOUT.
    """
    a_bits, b_bits = a.view(np.uint64), b.view(np.uint64)
    for i in range(part.shape[0]):
        a_high, a_low, a_power = parts_of(a_bits[i])
        b_high, b_low, b_power = parts_of(b_bits[i])
        power = a_power + b_power
        row = digits[part[i]]
        put(row, a_high * b_high, power + 54)
        put(row, a_high * b_low + a_low * b_high, power + 27)
        put(row, a_low * b_low, power)
