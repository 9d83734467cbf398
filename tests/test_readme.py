"""The README's two commands are the ones that are tested, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
needs_checkout = pytest.mark.skipif(not README.exists(), reason="not run from a checkout")


@needs_checkout
@pytest.mark.parametrize(
    "ending", ['-m pytest -n auto -m "not slow"$', "scripts/tpw_workflow.py --output out$"]
)
def test_each_of_the_two_commands_stands_on_one_line_that_sets_up_and_runs(ending) -> None:
    [line] = [line for line in README.read_text().splitlines() if re.search(ending, line)]
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


@needs_checkout
def test_ci_runs_the_lines_of_the_readme() -> None:
    patterns = re.findall(r"grep -m 1 -- '(.+)' README.md", (ROOT / ".ci/run").read_text())
    assert patterns == ["-m pytest ", "scripts/tpw_workflow.py --output"]


@needs_checkout
def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.+\]\((.+)\)", README.read_text())
    assert len(pictures) == 4
    assert all((ROOT / picture).is_file() for picture in pictures)
