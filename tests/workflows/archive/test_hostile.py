"""What attacks found: each was a wrong result, a traceback or an unclear message once."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.multifile.combine import open_archive
from fastkm.workflows.archive.folder_lock import lock_folder
from fastkm.workflows.archive.options import ArchiveOptions
from fastkm.workflows.archive.run import ADVICE
from fastkm.workflows.dask_workers import _explain_failures
from tests.small_archives import LATITUDE, write_month, write_months
from tests.workflows.archive.ends import OPTIONS, assert_equal, codebook, run
from tests.workflows.archive.test_resume import Stopping


def test_steps_with_clusters_of_their_own_are_weighted_too(months, tmp_path) -> None:
    run([months], tmp_path / "out", replace(OPTIONS, codebook="per-step", weights="area"))
    archive = open_archive(months).load()
    areas = fastkm.raster.grid.areas.cell_areas(archive.isel(time=0))
    for step, book in zip(archive, codebook(tmp_path / "out")["codebooks"], strict=True):
        best = fastkm.kmeans1d(step, 3, weights=areas)
        assert book["centroids"] == best.centroids.tolist()


def test_areas_are_those_of_the_file_as_it_is_now(tmp_path) -> None:
    path = write_month(tmp_path / "m.nc", 0)
    run([path], tmp_path / "one")
    write_month(path, 0, coords={"lat": (LATITUDE / 5, {"units": "degrees_north"})})
    os.utime(path, (1, 1))
    run([path], tmp_path / "two")
    first, second = ((tmp_path / name / "areas.csv").read_text() for name in ("one", "two"))
    assert first != second


def test_the_folder_of_results_may_lie_among_the_inputs(tmp_path) -> None:
    write_months(tmp_path, 3)
    run([tmp_path / "**/*.nc"], tmp_path / "out", progress=Stopping(100))
    assert run([tmp_path / "**/*.nc"], tmp_path / "out", resume=True).already_finished
    with pytest.raises(ValueError, match="all inputs are in"):
        run([tmp_path / "out/labels"], tmp_path / "out", resume=True)


def test_two_runs_do_not_work_in_one_folder(months, tmp_path) -> None:
    with (
        lock_folder(tmp_path / "out"),
        pytest.raises(ValueError, match="another run is at work"),
    ):
        run([months], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run([months], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_drafts_of_a_run_that_was_killed_are_gone_at_the_end(months, whole, tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([months], tmp_path / "out", progress=Stopping(14))
    (tmp_path / "out/.outlines.gpkg-abc").mkdir()
    (tmp_path / "out/.work/parts/000001.partxyz").mkdir()
    run([months], tmp_path / "out", resume=True)
    assert_equal(tmp_path / "out", whole)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("spoiled", ["select", "units", "per-step", "nothing"])
def test_clusters_that_do_not_fit_are_refused_before_anything_is_written(
    months, whole, tmp_path, spoiled
) -> None:
    path, options = tmp_path / "book.json", {"min_diameter": "2px"}
    shutil.copy(whole / "codebook.json", path)
    message = "select must be"
    if spoiled == "select":
        options["select"] = "7"
    elif spoiled == "nothing":
        path.write_text("{}")
        message = "not a codebook"
    else:
        stored = json.loads(path.read_text())
        stored |= {"units": ["K"]} if spoiled == "units" else {"codebook": "per-step"}
        path.write_text(json.dumps(stored))
        message = "book.json is in K" if spoiled == "units" else "for each step"
    with pytest.raises(ValueError, match=message):
        run([months], tmp_path / "out", ArchiveOptions(codebook=path, **options))
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_breaks_down_is_said_in_a_sentence() -> None:
    broken = type("KilledWorker", (Exception,), {"__module__": "distributed.scheduler"})
    with (
        pytest.raises(OSError, match=r"dask cluster failed: gone; .*--resume"),
        _explain_failures(advice=ADVICE),
    ):
        raise broken("gone")
    with pytest.raises(ZeroDivisionError), _explain_failures():
        raise ZeroDivisionError


def test_whole_numbers(tmp_path) -> None:
    times = np.array(["1988-01-15", "1988-02-15"], "M8[ns]")
    values = np.arange(96, dtype=np.int32).reshape(2, 6, 8)
    raster = xr.DataArray(values, {"time": times}, ("time", "y", "x"), "count")
    raster.to_netcdf(tmp_path / "whole.nc")
    with pytest.warns(UserWarning, match="no coordinate reference system"):
        run([tmp_path], tmp_path / "out")
    assert codebook(tmp_path / "out")["counts"] == [32, 32, 32]
