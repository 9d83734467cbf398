"""scipy's own tests pass with fastkm's functions in scipy's place."""

import json
import subprocess
import sys
from pathlib import Path

from tests.older_versions import SCIPY

SCRIPT = Path(__file__).with_name("scipy_suite.py")


def test_scipys_own_tests_pass_with_fastkms_functions(tmp_path):
    run = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    report = json.loads(run.stdout.splitlines()[-1])
    assert run.returncode == 0, run.stdout + run.stderr
    assert report["failed"] == 0
    assert report["passed"] >= (33 if SCIPY >= (1, 17) else 31)  # scipy 1.15 has fewer
    assert min(report["calls"].values()) >= 1
