"""Options for large rasters: how much memory, and who does the work."""

from contextlib import contextmanager

import numpy as np
import pytest
from typer.testing import CliRunner

from fastkm._core.progress import current_progress
from fastkm.cli.commands import app
from fastkm.raster import cell_blocks
from fastkm.workflows import dask_workers, job
from tests.lazy_rasters import cut_small
from tests.small_files import write_basin, write_netcdf


@pytest.fixture
def call():
    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.mark.parametrize("command", ["cluster", "outline"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--memory", "much"], "memory must be a size such as"),
        (["--memory", "0"], "memory must be a size such as"),
        (["--workers", "2", "--scheduler", "tcp://h:1"], "take one of the two"),
        (["--workers", "0"], "--workers"),
    ],
    ids=str,
)
def test_wrong_options(call, tmp_path, command, options, said):
    output = tmp_path / ("out" if command == "cluster" else "a.gpkg")
    result = call(command, "a.nc", "-k", 2, "-o", output, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_memory_reaches_the_raster(call, tmp_path, monkeypatch):
    path = write_basin(tmp_path / "a.nc")
    seen = []
    opened = job.open_raster

    def note(*arguments, memory=None, **options):
        seen.append(memory)
        return opened(*arguments, memory=memory, **options)

    monkeypatch.setattr(job, "open_raster", note)
    monkeypatch.setattr(job, "MOST_READ", 0)
    result = call("cluster", path, "-k", 2, "-o", tmp_path / "out", "--memory", "1MiB")
    assert result.exit_code == 0
    assert set(seen) == {2**20}


def test_passes_over_a_large_raster_are_printed(call, tmp_path, monkeypatch):
    values = np.random.default_rng(0).normal(size=(6, 9))
    more = {"ice": (values + 1, {}, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", values, more=more)
    monkeypatch.setattr(job, "MOST_READ", 0)
    monkeypatch.setattr(cell_blocks, "LARGE_CELLS", 0)
    cut_small(monkeypatch, 40)
    for variables in (["-v", "ice"], ["-v", "ice", "-v", "water"]):
        out = tmp_path / f"out{len(variables)}"
        result = call("cluster", path, *variables, "-k", 2, "-o", out)
        assert result.exit_code == 0, result.output
        assert " pass" in result.output


@pytest.mark.parametrize("options", [["--workers", "2"], ["--scheduler", "tcp://h:1"]])
def test_workers_are_used_while_the_command_works(call, tmp_path, monkeypatch, options):
    path = write_basin(tmp_path / "a.nc")
    used = []

    @contextmanager
    def use(workers, scheduler, *, progress):
        assert progress is current_progress()
        used.append((workers, scheduler))
        yield

    monkeypatch.setattr(dask_workers, "use_workers", use)
    result = call("cluster", path, "-k", 2, "-o", tmp_path / "a.tif", *options)
    assert result.exit_code == 0
    assert used == [(2, None) if "--workers" in options else (1, "tcp://h:1")]
