"""The script that photographs reports for the README, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import find_browser
from tests.small_files import png_size

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_pictures_are_wide_and_narrow_and_small(tmp_path):
    pytest.importorskip("selenium")
    if None in find_browser():
        pytest.skip("needs chromium and chromedriver")
    options = ["--folder", str(tmp_path), "--months", "6", "--resolution", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.report_picture", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("first paint after") == 3
    for name, width in (("report", 1400), ("report_narrow", 400), ("report_archive", 1400)):
        path = tmp_path / f"{name}.png"
        assert f"wrote {path}" in done.stdout
        assert png_size(path)[0] == width
        assert path.stat().st_size < 150_000
