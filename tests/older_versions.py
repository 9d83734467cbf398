"""Versions of libraries, for tests of what fastkm does as newer versions do, whichever is installed."""

import numpy as np
import scipy


def read_version(package):
    """Return the first two numbers of a package's version."""
    return tuple(int(number) for number in package.__version__.split(".")[:2])


NUMPY, SCIPY = read_version(np), read_version(scipy)

NO_NUMBERS = TypeError if SCIPY >= (1, 16) else ValueError
"""What scipy raises for what is no number; before 1.16: "array must not contain infs or NaNs"."""
