#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox[uv]>=2025.5.1"]
# ///
"""Tasks of people who work on fastkm, each in an environment of its own.

``nox`` runs the linters; ``nox -l`` lists all tasks, and ``nox -s docs`` runs one. What follows ``--``
goes to the program: ``nox -s tests-3.13 -- tests/geometry``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml()
PYTHONS = nox.project.python_versions(PROJECT)
DIST = Path("dist")

NEWEST_ONLY = (
    "tests/plot/test_pictures.py",  # pictures as matplotlib 3.11 draws their text
    "tests/cli/test_start.py::test_info_loads_what_reads_the_file",  # older xarray loads more
    "tests/raster/io/lazy/test_open_raster.py::test_raster_without_cells[shape2-how1]",  # xarray 2026.9
    # a mistake with any versions, which only the examples of Hypothesis 6.136 find; see docs/releasing.md
    "tests/vector/test_coverage_everywhere.py::test_outlines_are_a_coverage_too[globe cut through cells]",
)
"""Tests of what depends on the newest versions: looks, the time to start, a file without steps."""


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, types and which room imports which."""
    session.install("-e", ".", *_group("test"), *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=PYTHONS, default=False)
def tests(session: nox.Session) -> None:
    """Run the tests, but for the slow ones, with the newest dependencies."""
    session.install("-e", ".", *_group("test"))
    session.run("python", "-m", "pytest", "-n", "auto", "-m", "not slow", *session.posargs)


@nox.session(python=PYTHONS[0], venv_backend="uv", default=False)
def tests_lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that `pyproject.toml` allows.

    What such old versions use of newer ones of other libraries is deprecated by now, so
    DeprecationWarning is no error here. Commands in processes of their own would print those of the
    oldest matplotlib about pyparsing 3.3. The oldest netCDF4 was built for another numpy, which
    numpy itself tells Python to ignore.
    """
    low = ["--resolution=lowest-direct", "-r", "pyproject.toml", "--extra=maps", "--extra=test"]
    session.install(
        *low, "pyparsing==3.2.*"
    )  # from the file: extras of extras are at their floors, too
    session.install("-e", ".", "--no-deps")
    ignored = (":DeprecationWarning", ":PendingDeprecationWarning", "numpy.ndarray size changed")
    options = [f"-Wignore:{what}" for what in ignored]
    options += [f"--deselect={test}" for test in NEWEST_ONLY]
    session.run(
        "python", "-m", "pytest", "-n", "auto", "-m", "not slow", *options, *session.posargs
    )


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation in `build/site`; every warning is an error."""
    session.install("-e", ".", *_group("test"), *_group("docs"))
    options = ["-W", "--keep-going", *session.posargs]
    session.run("python", "-m", "sphinx", *options, "docs", "build/site")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks beside rivals, small ones unless ``--size full`` is given."""
    session.install("-e", ".", *_group("bench"))
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the wheel and the sdist in `dist`, and check what PyPI will show of them."""
    session.install("build", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", *_built("*"))


@nox.session(default=False, requires=["build"])
@nox.parametrize("ending", ["whl", "tar.gz"])
def smoke(session: nox.Session, ending: str) -> None:
    """Install what was built into an empty environment, and use it."""
    session.install(*_built(f"*.{ending}"))
    session.run("python", "-W", "error", "scripts/smoke_test.py")


def _group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PROJECT, name)


def _built(pattern: str) -> list[str]:
    """Return the files in `dist`."""
    return [str(path) for path in sorted(DIST.glob(pattern))]


if __name__ == "__main__":
    nox.main()
