"""A second process compiles nothing: all machine code comes from the cache of the first."""

import os
import subprocess
import sys

import pytest

from tests.conftest import needs_jit

USE_EVERY_KERNEL = """
import importlib, pkgutil
import numpy as np
from numba.core.dispatcher import Dispatcher
import fastkm, fastkm._kernels

x = np.random.default_rng(0).normal(size=9000)
for dtype in ("f4", "f8"):
    values = x.astype(dtype)
    fastkm.kmeans(values, 3, rng=0)
    fastkm.kmeans2(values.reshape(-1, 3), 3, minit="points", rng=0)
    fastkm.vq(values, values[:2])
    fastkm.kmeans1d(values, [2, 3]).popitem()[1].predict(values)
circle = np.column_stack([np.cos(x), np.sin(x)])
fastkm.max_pairwise_distance(circle)
fastkm.max_pairwise_distance(circle, method="chunked")

hits = misses = 0
for module in pkgutil.iter_modules(fastkm._kernels.__path__, "fastkm._kernels."):
    for name, kernel in vars(importlib.import_module(module.name)).items():
        if isinstance(kernel, Dispatcher) and kernel.signatures:
            hits += sum(kernel.stats.cache_hits.values())
            misses += sum(kernel.stats.cache_misses.values())
print(hits, misses)
"""


def count_hits_and_misses(folder) -> list[int]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", USE_EVERY_KERNEL],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(number) for number in done.stdout.split()]


@pytest.mark.slow
@needs_jit
def test_second_process_compiles_nothing(tmp_path) -> None:
    _, compiled = count_hits_and_misses(tmp_path)
    loaded, compiled_again = count_hits_and_misses(tmp_path)
    assert compiled > 10
    assert loaded > 10
    assert compiled_again == 0
