"""How the values of a file are gone through once, part by part, in little memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, TypeVar

from fastkm._core.blocks.read_ahead import map_ahead
from fastkm._core.progress import current_progress
from fastkm._core.threads import resolve_thread_count

Part = TypeVar("Part")
Box = tuple[slice, ...]

PART_BYTES = 1 << 22
"""Bytes that are read at a time, about."""

MOST_BYTES = 1 << 26
"""Bytes of a part that is one chunk; larger chunks are cut, and unpacked several times."""

MOST_AHEAD = 3
"""Parts that are read ahead at most, however many threads there are."""


def reduce_parts(
    measure: Callable[[Part], list[Any]], parts: Iterable[Part], count: int, size: int
) -> list[Any]:
    """Add up what is measured of each part, item by item; empty if there are no parts.

    There are `count` parts, of about `size` bytes.
    """
    progress, total = current_progress(), list[Any]()
    progress.begin("reading values", count, "blocks")
    most = MOST_AHEAD * PART_BYTES // max(1, size)
    ahead = max(1, min(MOST_AHEAD, most, resolve_thread_count()))
    for found in map_ahead(measure, parts, ahead):
        pairs = zip(total, found, strict=True)
        total = [own + more for own, more in pairs] if total else found
        progress.advance()
    return total


def choose_steps(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, width: int
) -> tuple[int, ...]:
    """Return the sizes of parts of a variable: of whole chunks, unless these are too large.

    A value has `width` bytes.

    Examples
    --------
    >>> choose_steps((12, 1000, 1000), None, 2), choose_steps((12, 4096, 4096), (1, 512, 512), 4)
    ((2, 1000, 1000), (1, 512, 2048))
    """
    lengths = [max(1, length) for length in chunks or (1,) * len(shape)]
    steps = [max(1, min(pair)) for pair in zip(shape, lengths, strict=True)]
    # grow along the last dimensions, in which neighbours lie together
    for axis in reversed(range(len(shape))):
        most = PART_BYTES // width // (math.prod(steps) // steps[axis])
        grown = max(steps[axis], most // lengths[axis] * lengths[axis])
        steps[axis] = max(1, min(shape[axis], grown))
    # cut what is too large along the first ones
    for axis in range(len(shape)):
        if width * math.prod(steps) > MOST_BYTES:
            others = math.prod(steps) // steps[axis]
            steps[axis] = max(1, PART_BYTES // width // others)
    return tuple(steps)


def count_parts(shape: tuple[int, ...], steps: tuple[int, ...]) -> int:
    """Return the number of parts of a variable."""
    return math.prod(-(-size // step) for size, step in zip(shape, steps, strict=True))


def iterate_parts(shape: tuple[int, ...], steps: tuple[int, ...]) -> Iterator[Box]:
    """Yield the parts of a variable as ranges of indices, in the order of memory."""
    starts = [range(0, size, step) for size, step in zip(shape, steps, strict=True)]
    for corner in product(*starts):
        yield tuple(slice(start, start + step) for start, step in zip(corner, steps, strict=True))
