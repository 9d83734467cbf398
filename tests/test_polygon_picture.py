"""The script that draws polygons with each option, run as a user runs it."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "polygon_options.py"


@pytest.mark.slow
def test_six_panels_are_drawn_in_a_small_file(tmp_path):
    output = tmp_path / "new" / "polygons.png"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(output)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == f"wrote {output}\n"
    header = output.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == (1080, 576)
    assert output.stat().st_size < 200_000
