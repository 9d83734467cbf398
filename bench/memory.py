"""How much memory `kmeans1d` takes beyond the array that it is given. Linux only.

    python -m bench.memory [NUMBER OF VALUES]

The peak is the kernel's own count for this process, started anew once the array is there.
``getrusage`` would not do: its peak is that of the process's whole life, compiling included, and
begins with the parent's (a child of a process of 400 MB reports 400 MB).
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import fastkm
from bench.cases import water
from fastkm.lesson import LESSON_KS


def memory_beyond(work: Callable[[], object]) -> int:
    """Give the bytes that a piece of work needs at its peak beyond those in use before."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is in use
    before = _peak()
    work()
    return _peak() - before


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def memory_of_kmeans1d(n: int) -> int:
    """Measure k = 2 ... 8 on n float32 values, with kernels compiled by a few of them before."""
    values = water(n)
    fastkm.kmeans1d(values[:100_000], LESSON_KS)
    return memory_beyond(lambda: fastkm.kmeans1d(values, LESSON_KS))


if __name__ == "__main__":
    print(memory_of_kmeans1d(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000))
