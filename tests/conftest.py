"""What all tests share: a deterministic Hypothesis profile, markers, and the command as a call."""

import gc
import logging
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

COMPILED = os.environ.get("NUMBA_DISABLE_JIT") != "1"

ONE_THREAD = os.environ.get("FASTKM_NUM_THREADS") == "1"

# a developer's run takes some minutes; CI tries many more examples, once
if os.environ.get("CI") and COMPILED and not ONE_THREAD:
    EXAMPLES = 60
else:
    EXAMPLES = 15 if os.environ.get("CI") or not COMPILED else 10
settings.register_profile("fastkm", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.load_profile("fastkm")

# before anything loads scikit-learn: its threads would wait in loops, on the cores of other tests
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

needs_jit = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1",
    reason="too slow, or beside the point, where kernels are not compiled",
)
"""For the few tests whose point is a big input, or the compiler itself."""

FOLDER = Path(__file__).parent

JOBS = ("cli/", "workflows/")
"""Folders of tests of whole jobs."""

OUTLINES = (
    "cli/test_archive.py",
    "cli/test_commands.py",
    "cli/test_sieve.py",
    "cli/test_workers.py",
    "workflows/archive/",
    "workflows/test_cluster_archive.py",
    "workflows/test_full_disk.py",
    "workflows/test_outline_in_strips.py",
    "workflows/test_outputs.py",
    "workflows/test_places_on_maps.py",
    "workflows/test_raster_file.py",
    "workflows/test_report_output.py",
    "workflows/test_sieve_in_jobs.py",
)
"""Jobs that write outlines, of rasters from 0 to 360: a note says that files have other longitudes."""

LONGITUDES_CHANGED = r"ignore:.*\.(gpkg|shp|fgb|parquet) has longitudes -180\.\.180, as maps do"
"""The filter of that note; GeoJSON has none."""

NO_THREADS = (
    "_kernels/",
    "cluster/exact/pruning/test_cut_pruner.py",
    "cluster/lloyd/test_iteration.py",
    "plot/",
    "raster/io/geotiff/test_tiff_directories.py",
    "raster/io/test_open.py",
    "raster/io/test_write_netcdf_series.py",
    "raster/multifile/",
    "test_import.py",
    "test_readme.py",
    "test_typing.py",
    "vector/test_antimeridian.py",
    "vector/test_write.py",
    "vector/test_write_columns.py",
)
"""Where no test asks for the number of threads, so that none is run again with one thread."""

WITH_THREADS = ("_kernels/test_cache.py", "_kernels/test_strip_joining.py")
"""Tests of kernels that also call what has threads."""

MOST_COVERED = 3
"""Parameters, drawn at random, with which a test counts for coverage: counting lines takes as long
again as the test, and more parameters are other numbers, seldom other lines. Eight would count 7,400
tests, three count 5,200."""


@pytest.fixture(scope="session")
def basin(tmp_path_factory):
    """A small sea in a file; tests read it and leave it as it is."""
    from tests.small_files import write_basin

    return write_basin(tmp_path_factory.mktemp("basin") / "basin.nc")


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command in this process."""
    from fastkm.cli.commands import main

    monkeypatch.setattr(gc, "freeze", lambda: None)  # this process does not end with the command

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fastkm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(ended.value.code or 0, captured.out, captured.err)

    return call


@pytest.fixture
def without_figures(monkeypatch):
    """Let the figures of jobs be empty: to draw them takes most of the time of a small job."""
    from matplotlib.figure import Figure

    kinds = ("areas", "climatology", "clusters", "frequency", "hovmoller", "map", "scores", "stack")
    for kind in kinds:
        monkeypatch.setattr(f"fastkm.plot.{kind}_figure", lambda *_, **__: Figure((1, 1)))


@pytest.fixture(autouse=True)
def _figures_of_jobs(request):
    """Leave figures of commands and jobs empty, except for tests that are marked ``figures``."""
    place = request.path.relative_to(FOLDER).as_posix() if FOLDER in request.path.parents else ""
    if place.startswith(JOBS) and not request.node.get_closest_marker("figures"):
        request.getfixturevalue("without_figures")


def pytest_runtest_setup():
    """Forget which notes were given: each test may expect them again."""
    from fastkm._core.notes import forget_notes

    forget_notes()


def pytest_collection_finish():
    """Let the garbage collector leave out what is loaded by now, which is never garbage.

    Each full pass over it takes 0.2 s, and they are a twenty-fifth of the time of tests of jobs.
    """
    gc.collect()
    gc.freeze()


def pytest_configure():
    """Keep messages of level INFO. Pytest's `log_level` sets it twelve times a test, and with each
    forgets what all loggers know of their levels: a tenth of the time of quick tests.
    """
    logging.getLogger().setLevel(logging.INFO)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Cut the tests into one row for each process: what a module shares is then seldom made twice."""
    if config.getoption("numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"  # or else "load", which deals out a few tests at a time


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Let a test that is marked ``no_threads`` fail if it asks for their number."""
    if item.get_closest_marker("no_threads") is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTKM_NUM_THREADS", "none: this test is marked no_threads")
        return (yield)


def pytest_collection_modifyitems(items):
    """Mark tests that are slow, that have no threads, and those without coverage."""
    functions = defaultdict(list)
    for item in items:
        place = item.path.relative_to(FOLDER).as_posix() if FOLDER in item.path.parents else ""
        if place.startswith("bench/"):  # runs every rival
            item.add_marker(pytest.mark.slow)
        if place.startswith(OUTLINES):
            item.add_marker(pytest.mark.filterwarnings(LONGITUDES_CHANGED))
        if place.startswith(NO_THREADS) and not place.endswith(WITH_THREADS):
            item.add_marker(pytest.mark.no_threads)
        if item.get_closest_marker("slow") is None:
            functions[item.nodeid.partition("[")[0]].append(item)
    for function, own in functions.items():
        count = max(len(own) - MOST_COVERED, 0)
        for item in random.Random(function).sample(own, count):
            item.add_marker(pytest.mark.no_cover)
