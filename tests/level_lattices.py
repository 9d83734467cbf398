"""Lattices of values, and the vertices that kernels find on the lines of their levels."""

from typing import NamedTuple

import numpy as np

from fastkm._kernels.band_rings import NONE
from fastkm._kernels.level_crossings import count_vertices, cross_levels

LEVELS = np.array([-1.0, -0.25, 0.5]) + 1 / 128
"""Levels that no value of `some_values` is near."""


class Crossed(NamedTuple):
    """What `cross_levels` finds, as it has it, and the number of vertices by kind."""

    points: np.ndarray
    marks: np.ndarray
    rightward: np.ndarray
    following: np.ndarray
    counts: np.ndarray

    @property
    def first(self):
        """Return the first vertex between nodes."""
        return int(self.counts[:, :2].sum())

    def next_codes(self):
        """Return the next code of each, None if there is none."""
        return [None if code == NONE else int(code) for code in self.following[:, 0]]


def some_values(seed, rows, columns, share):
    """Draw multiples of 1/64 from -2 to 2, some of them missing."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-128, 129, (rows, columns)) / 64
    values[rng.random(values.shape) < share] = np.nan
    return values


def pad_lattice(values, levels):
    """Return labels and values with a margin of missing nodes."""
    labels = np.where(np.isnan(values), -1, (values[..., None] > levels).sum(axis=-1))
    padded = np.pad(np.nan_to_num(values), 1)
    return np.pad(labels, 1, constant_values=-1).astype(np.int32), padded


def cross(values, levels=LEVELS):
    """Count, place and link the vertices of a raster."""
    labels, padded = pad_lattice(values, levels)
    counts = np.empty((len(labels) - 1, 3), np.int64)
    count_vertices(labels, padded, levels, counts)
    starts = np.zeros((len(counts), 4), np.int64)
    starts[1:, 1:] = np.cumsum(counts, axis=0)[:-1]
    starts[1:, 0] = starts[:-1, 1]
    starts += [0, 0, counts[:, 0].sum(), counts[:, :2].sum()]
    n = int(counts.sum())
    nodes = np.arange(labels.shape[1]) - 1.0
    points, marks = np.empty((n, 2)), np.empty(n, np.int32)
    rightward = np.empty(int(counts[:, 0].sum()), np.int8)
    following = np.full((2 * n, 2), NONE, np.int32)
    cross_levels(
        labels, padded, levels, np.stack([nodes, nodes + 0.5]), -1.0, starts, points, marks,
        rightward, following,
    )  # fmt: skip
    return Crossed(points, marks, rightward, following, counts)
