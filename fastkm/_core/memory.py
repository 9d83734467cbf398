"""How much memory there is: data that cannot fit is refused before it is read.

A file of some kilobytes can declare an array of any size. If such an array is read, the process is
killed, or the machine stops to answer, before any error is raised.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux has the limits of containers, of version 2 and of version 1 (in ``memory``)."""

_NAMES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Files with the limit, what is used of it, and how much of that are copies of files."""


def measure_available() -> int | None:
    """Return the bytes of memory that can be had without swapping; None if it is not known."""
    found = []
    with contextlib.suppress(OSError, ValueError, KeyError):
        free = _read_numbers(Path("/proc/meminfo"))
        found.append(1024 * (free["MemAvailable"] + free.get("SwapFree", 0)))
    if not found:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit, usage, statistics, copies in _NAMES:
        with contextlib.suppress(OSError, ValueError, KeyError):
            used = int((CGROUP / usage).read_text()) - _read_numbers(CGROUP / statistics)[copies]
            found.append(max(0, int((CGROUP / limit).read_text()) - used))
    return min(found, default=None)


def _read_numbers(path: Path) -> dict[str, int]:
    """Read a file of names and numbers, one pair a line."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {name.rstrip(":"): int(number) for name, number, *_ in pairs}


def require_memory(needed: int, what: str, advice: str) -> None:
    """Raise a MemoryError if `what` needs more bytes than there are; `advice` says what to do.

    Examples
    --------
    >>> require_memory(2**70, "water", "take a part of it with bbox")
    Traceback (most recent call last):
    MemoryError: water needs 1,099,511,627,776.0 GiB of memory...
    """
    available = measure_available()
    if available is not None and needed > available:
        raise MemoryError(
            f"{what} needs {_format_size(needed)} of memory, but {_format_size(available)} are "
            f"free: {advice}"
        )


UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
"""Powers of two of the units of sizes."""

FALLBACK = 1 << 30
"""Bytes that may be used if it is not known how many are free."""


def parse_memory(memory: int | str | None) -> int:
    """Return a limit of memory in bytes: a number, a text such as "2GiB", or half of what is free.

    Raises
    ------
    ValueError
        If it is not a positive number with a unit such as KiB, MiB or GiB.

    Examples
    --------
    >>> parse_memory("1.5 GiB"), parse_memory("500MB")
    (1610612736, 524288000)
    """
    if memory is None:
        available = measure_available()
        return FALLBACK if available is None else max(1, available // 2)
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?\s*", str(memory), re.IGNORECASE)
    count = int(float(match[1]) * 2 ** UNITS[match[2].upper()]) if match else 0
    if count < 1:
        raise ValueError(f"memory must be a size such as '2GiB' or '500MiB', got {memory!r}")
    return count


def _format_size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
