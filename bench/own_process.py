"""Measurements that need a fresh process: the peak of its memory, and the cost of a first call.

    python -m bench.own_process peak CASE RIVAL SIZE     # bytes; Linux only
    python -m bench.own_process first CASE RIVAL SIZE    # seconds of a first call, and of a second

The peak is the kernel's own count for the process, which is reset when the work was done once, so that
kernels are compiled. ``getrusage`` would not do: its peak covers the whole life of the process, compiling
included, and begins with the parent's (a child of a process of 400 MB reports 400 MB).
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cases import find_case
from bench.threads import ALL
from bench.timing import silence_warnings, time_run

if TYPE_CHECKING:
    from bench.case import Case, Rival


def ask(what: str, case: str, rival: str, size: str, environment: dict[str, str]) -> list[float]:
    """Run this file in a new process, and return what it prints."""
    command = [sys.executable, "-m", "bench.own_process", what, case, rival, size]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(ran.stdout.splitlines()[-1])


def measure_peak(case: Case, rival: Rival, size: str) -> list[float]:
    """Return the bytes that a rival needs beyond the data, and those of the data."""
    case.make(case.sizes["tiny"])  # imports
    release_memory()
    before = read_resident()
    data = case.make(case.sizes[size])
    release_memory()
    held = read_resident() - before
    rival.run(data)  # which kernels are compiled depends on the size
    return [measure_memory_beyond(lambda: rival.run(data)), held]


def measure_memory_beyond(work: Callable[[], object]) -> int:
    """Return the bytes that some work needs at its peak beyond those in use before."""
    release_memory()
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is in use
    before = read_peak()
    work()
    return read_peak() - before


def release_memory() -> None:
    """Return freed memory to the system: the peak would not count what the work takes of it."""
    gc.collect()
    with suppress(AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)


def read_peak() -> int:
    """Return the most bytes that this process has had since its peak was reset."""
    return _read_status("VmHWM")


def read_resident() -> int:
    """Return the bytes that this process has now."""
    return _read_status("VmRSS")


def _read_status(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(rf"{name}:\s+(\d+) kB", status)[0])


def time_first_calls(case: Case, rival: Rival, size: str) -> list[float]:
    """Return the seconds of a rival's first and second call, after its imports."""
    data = case.make(case.sizes[size])
    import_module(rival.needs)
    return [time_run(rival, data, ALL)[0] for _ in range(2)]


def main(arguments: list[str]) -> None:
    what, name, who, size = arguments
    case = find_case(name)
    with silence_warnings():
        found = {"peak": measure_peak, "first": time_first_calls}[what](
            case, case.rivals[who], size
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
