"""pytest-benchmark runs the same cases."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cases.vq import VQ
from tests.conftest import needs_jit

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@needs_jit
def test_pytest_benchmark_runs_the_same_cases(tmp_path) -> None:
    report = tmp_path / "bench.json"
    command = [sys.executable, "-m", "pytest", "bench/", "--benchmark-only", "-q", "-k", "vq"]
    command += ["--bench-size", "tiny", f"--benchmark-json={report}", "-p", "no:cacheprovider"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    told = [run["extra_info"] for run in json.loads(report.read_text())["benchmarks"]]
    for case in VQ:
        if case.name.startswith("vq"):
            assert [one["rival"] for one in told if one["case"] == case.name_at("tiny")][:2] == [
                "fastkm",
                "scipy",
            ]
    assert {one["size"] for one in told} == {"tiny"}
