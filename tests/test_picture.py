"""The script that quantises a photograph, run as a user runs it, on a small part."""

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "quantize_picture.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    output = tmp_path_factory.mktemp("picture") / "new" / "china.png"
    return run("--output", output, "--crop", 24, "--colours", 4), output


@pytest.mark.slow
def test_both_results_are_printed_and_agree(done):
    finished, output = done
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert finished.stdout.endswith(f"wrote {output}\n")
    ours, theirs = (
        re.search(rf"{name}: inertia ([0-9,]+), (\d+) iterations", finished.stdout).groups()
        for name in ("fastkm", "scikit-learn")
    )
    inertias = [int(digits.replace(",", "")) for digits, _ in (ours, theirs)]
    assert inertias[0] == pytest.approx(inertias[1], rel=0.01)


def test_three_panels_are_drawn_in_a_row(done):
    header = done[1].read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:])
    assert width > 2 * height > 800


@pytest.mark.slow
def test_unknown_option_is_wrong_usage():
    assert run("--shades", 3).returncode == 2
