"""Memory that `kmeans1d` takes beyond its array, in a process of its own: no test of time."""

import subprocess
import sys

SIZES = {"tiny": 1_000, "small": 1_000_000, "full": 100_000_000}


def measure(n: int) -> int:
    run = subprocess.run(
        [sys.executable, "-m", "bench.memory", str(n)], check=True, capture_output=True, text=True
    )
    return int(run.stdout)


def test_memory(benchmark, size: str) -> None:
    taken = benchmark.pedantic(measure, (SIZES[size],), rounds=1)
    benchmark.group = "memory beyond the array, kmeans1d, 1e8 float32, k = 2 ... 8"
    benchmark.extra_info.update(case=benchmark.group, rival="fastkm", size=size, bytes=taken)
