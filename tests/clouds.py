"""Rows of numbers that are hard for k-means in one way or another, in several types and layouts."""

import numpy as np

from tests.conftest import COMPILED

SHAPES = [
    ("f8", "C", 1),
    ("f4", "C", 3),
    ("f4", "F", 3),
    ("f8", "C", 3),
    ("f8", "F", 12),
    ("f4", "C", 13),
    ("f8", "C", 16),
    ("f4", "F", 21),
    ("f8", "C", 40),
]
"""Types, orders and numbers of features: kernels are compiled once for each, so they are few, and
tests with a choice take them. Up to 12 features are taken at once, more in slabs of eight after what
is left over: 5 of 13 and of 21, none of 16 and of 40. A single row is in C order, whatever the order
that it was made in, so float32 rows of 3 and of 13 features are there in both."""

SIZES = [1, 2, 255, 256, 257, 513] if COMPILED else [1, 2, 257]
"""Numbers of rows around a block's."""

KINDS = ["mixture", "noise", "lattice", "duplicates", "offset", "outliers", "skewed", "near ties"]


def cloud(seed, kind, n, d, dtype="f8", order="C"):
    """Return n rows of a kind, (n, d)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if kind == "mixture":
        x += 3 * rng.normal(size=(6, d))[rng.integers(0, 6, n)]
    elif kind == "noise":
        x = rng.random((n, d))
    elif kind == "lattice":
        x = rng.integers(0, 4, (n, d))
    elif kind == "duplicates":
        x = x[rng.integers(0, 1 + n // 20, n)]
    elif kind == "offset":
        x += 1e6 if np.dtype(dtype) == np.float32 else 1e9
    elif kind == "outliers":
        x[rng.random(n) < 0.01] *= 1e12 if np.dtype(dtype) == np.float32 else 1e20
    elif kind == "skewed":
        x = np.exp(4 * x)
    elif kind == "near ties":
        x = rng.integers(0, 2, (n, d)) + 1e-7 * x
    return np.asarray(x.astype(dtype), order=order)


def freeze(array):
    """Return a read-only view, as the package passes rows to its kernels."""
    view = array.view()
    view.flags.writeable = False
    return view


def unaligned(x):
    room = np.empty(x.nbytes + 1, np.uint8)
    other = room[1:].view(x.dtype).reshape(x.shape)
    other[...] = x
    return other


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "strided rows": lambda x: np.repeat(x, 2, axis=0)[::2],
    "strided features": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
}
