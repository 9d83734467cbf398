"""Exact sums of floats and of products of two floats, in a long row of integers.

A float64 is an integer of 53 bits times a power of two, and a product of two is three integers of
at most 54 bits. The sum is a number in base 2^32 that covers every exponent that can occur. Each
integer is added to the digits that it overlaps. Digits are 64 bits wide, so carries can wait until
the end: there is room for 2^29 terms. The sum is exact, so the order does not matter.

Neal, R. M. (2015). Fast exact summation using small and large superaccumulators. arXiv:1505.05571.
"""

import numpy as np

from fastkm._kernels._jit import kernel

LOWEST = -2150
"""Exponent of the last bit: that of the product of the two smallest floats."""

DIGITS = 136
"""Number of digits of 32 bits: enough for the product of the two largest floats."""


@kernel
def split_float(bits):
    """Return a mantissa in two signed halves, 26 and 27 bits, and its last bit's exponent."""
    power = np.int64(bits >> np.uint64(52)) & 2047
    mantissa = np.int64(bits & np.uint64(0xFFFFFFFFFFFFF))
    if power > 0:
        mantissa += 1 << 52
    else:
        power = np.int64(1)
    sign = -1 if bits >> np.uint64(63) else 1
    return sign * (mantissa >> 27), sign * (mantissa & 0x7FFFFFF), power - 1075


@kernel
def add_integer(digits, integer, exponent):
    """Add an integer of at most 55 bits times 2^exponent to a row of digits."""
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
    """Add the products of two arrays of numbers to the parts that they belong to.

    a, b: (n,) float64, finite IN; part: (n,) int64 IN; digits: (p, DIGITS) int64 INOUT.
    """
    a_bits, b_bits = a.view(np.uint64), b.view(np.uint64)
    for i in range(part.shape[0]):
        a_high, a_low, a_power = split_float(a_bits[i])
        b_high, b_low, b_power = split_float(b_bits[i])
        power = a_power + b_power
        row = digits[part[i]]
        add_integer(row, a_high * b_high, power + 54)
        add_integer(row, a_high * b_low + a_low * b_high, power + 27)
        add_integer(row, a_low * b_low, power)
