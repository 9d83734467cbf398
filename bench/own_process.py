"""What only a process of its own can tell: the peak of its memory, and what a first call costs.

    python -m bench.own_process peak CASE RIVAL SIZE     # bytes; Linux only
    python -m bench.own_process first CASE RIVAL SIZE    # seconds of a first call, and of a second

The peak is the kernel's own count for the process, started anew once the data is there and kernels
are compiled. ``getrusage`` would not do: its peak is that of the process's whole life, compiling
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

from bench.cases import case_named
from bench.threads import ALL
from bench.timing import quiet, timed

if TYPE_CHECKING:
    from bench.case import Case, Rival


def ask(what: str, case: str, rival: str, size: str, environment: dict[str, str]) -> list[float]:
    """Run this file in a new process, and give what it prints."""
    command = [sys.executable, "-m", "bench.own_process", what, case, rival, size]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(ran.stdout.splitlines()[-1])


def peak_of(case: Case, rival: Rival, size: str) -> list[float]:
    """Give the bytes that a rival needs beyond the data, and those of the data."""
    rival.run(case.make(case.sizes["tiny"]))
    give_back()
    before = resident()
    data = case.make(case.sizes[size])
    give_back()
    held = resident() - before
    return [memory_beyond(lambda: rival.run(data)), held]


def memory_beyond(work: Callable[[], object]) -> int:
    """Give the bytes that a piece of work needs at its peak beyond those in use before."""
    give_back()
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is in use
    before = peak()
    work()
    return peak() - before


def give_back() -> None:
    """Return freed memory to the system: what work takes of it would not count."""
    gc.collect()
    with suppress(AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)


def peak() -> int:
    """Give the most bytes that this process has had."""
    return _status("VmHWM")


def resident() -> int:
    """Give the bytes that this process has."""
    return _status("VmRSS")


def _status(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(rf"{name}:\s+(\d+) kB", status)[0])


def first_of(case: Case, rival: Rival, size: str) -> list[float]:
    """Give the seconds of a rival's first call and of its second; what it needs is imported."""
    data = case.make(case.sizes[size])
    import_module(rival.needs)
    return [timed(rival, data, ALL)[0] for _ in range(2)]


def main(arguments: list[str]) -> None:
    what, name, who, size = arguments
    case = case_named(name)
    with quiet():
        found = {"peak": peak_of, "first": first_of}[what](case, case.rivals[who], size)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
