"""What starting costs, each time in a process of its own: imports, and compiling the kernels."""

import os
import subprocess
import sys

import pytest

COMPILE = """
from fastkm.lesson import lesson
import pathlib, sys, tempfile
from fastkm.raster import write_sample
with tempfile.TemporaryDirectory() as folder:
    write_sample(pathlib.Path(folder, "sample.nc"))
    lesson(pathlib.Path(folder, "sample.nc"), folder)
"""


def python(code: str, **environment: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environment})


@pytest.mark.parametrize("module", ["numba", "fastkm", "fastkm.cluster"])
def test_import(benchmark, module: str) -> None:
    benchmark.group = "import"
    benchmark.extra_info.update(case="import", rival=module)
    benchmark.pedantic(python, (f"import {module}",), rounds=7, warmup_rounds=1)


def test_script_from_an_empty_cache(benchmark, tmp_path) -> None:
    benchmark.group = "the lesson's workflow in a new process"
    benchmark.extra_info.update(case=benchmark.group, rival="empty cache")
    benchmark.pedantic(python, (COMPILE,), {"NUMBA_CACHE_DIR": str(tmp_path)}, rounds=1)


def test_script_from_a_warm_cache(benchmark, tmp_path) -> None:
    python(COMPILE, NUMBA_CACHE_DIR=str(tmp_path))
    benchmark.group = "the lesson's workflow in a new process"
    benchmark.extra_info.update(case=benchmark.group, rival="warm cache")
    benchmark.pedantic(python, (COMPILE,), {"NUMBA_CACHE_DIR": str(tmp_path)}, rounds=3)
