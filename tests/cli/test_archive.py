"""The command ``fastkm archive``: usage, what it prints, and how it ends."""

import errno
import json
import warnings

import pytest

from fastkm._core.notes import forget_notes
from tests.small_archives import write_months


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    write_months(folder, 14)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "-k is needed"),
        (["-k", "2:4"], "or add --choose to choose among several"),
        (["-k", "3", "--codebook", "book.json"], "leave -k out"),
        (["-k", "3", "--choose", "silhouette"], "at least 2 numbers"),
        (["-k", "2:4", "--choose", "luck"], "take silhouette, bic, calinski_harabasz or elbow"),
        (["-k", "2:4", "--choose", "bic", "--codebook", "per-step"], "common codebook"),
        (["-k", "3", "-v", "a", "-v", "b", "--codebook", "per-step"], "take common"),
        (["--codebook", "book.json", "--weights", "area"], "leave them out"),
        (["-k", "3", "--weights", "cells"], "take area"),
        (["-k", "3", "--labels", "tiff"], "take netcdf or zarr"),
        (["-k", "3", "--on-error", "ask"], "take stop or skip"),
        (["-k", "3", "--min-diameter", "2000miles"], "2000miles"),
        (["-k", "3", "--select", "3"], "select must be"),
        (["-k", "3", "--years", "1990:1988"], "take a year"),
        (["-k", "3", "--bbox", "1,2,3"], "take four numbers"),
        (["-k", "3", "--workers", "2", "--scheduler", "tcp://h:1"], "one of the two"),
    ],
)
def test_wrong_usage(run, months, tmp_path, options, message) -> None:
    status, _, err = run("archive", months, "-o", tmp_path / "out", *options)
    assert status == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_it_says_what_it_found_and_wrote(run, months, tmp_path) -> None:
    status, out, err = run("archive", months, "-k", "3", "-o", tmp_path / "out")
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("14 steps, 1988-01-15 to 1989-02-15; 3 clusters, the highest around")
    assert f"wrote {tmp_path / 'out/labels'}" in lines
    assert f"wrote {tmp_path / 'out/summary.json'}" in lines
    assert "label the steps: 14 of 14 steps" in err
    assert "find the clusters, pass 1: " in err
    status, out, _ = run("archive", months, "-k", "3", "-o", tmp_path / "out", "--resume")
    assert (status, out) == (0, f"{tmp_path / 'out'} is finished: nothing is left to do\n")


@pytest.mark.figures
def test_quiet(run, months, tmp_path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("archive", months, "-k", "3", "-o", tmp_path / "out", "-q") == (0, "", "")


def test_it_says_once_that_outlines_have_other_longitudes(run, months, tmp_path) -> None:
    arguments = "archive", months, "-k", "3", "-o", tmp_path / "out"
    note = "note: outlines.gpkg has longitudes -180..180, as maps do"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(*arguments).err.count(note) == 1
        forget_notes()
        assert note not in run(*arguments, "--resume").err  # nothing is left to do


def test_years(run, months, tmp_path) -> None:
    run("archive", months, "-k", "3", "-o", tmp_path / "out", "-q", "--years", "1989")
    assert json.loads((tmp_path / "out/summary.json").read_text())["steps"] == 2


def test_a_pattern_that_matches_nothing(run, tmp_path) -> None:
    status, _, err = run("archive", tmp_path / "*.nc", "-k", "3", "-o", tmp_path / "out")
    assert status == 1
    assert "matches no file" in err


def test_an_archive_of_the_sample(run, tmp_path) -> None:
    status, out, _ = run("sample", tmp_path / "in", "--months", "2")
    assert (status, out) == (0, f"wrote 2 files to {tmp_path / 'in'}\n")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [
        "pw_198801.nc",
        "pw_198802.nc",
    ]
    status, out, _ = run("sample", tmp_path / "one", "--months", "2", "--single")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["pw.nc"]
    status, _, err = run("sample", tmp_path / "two", "--resolution", "0.25")
    assert status == 2
    assert "--months" in err


def test_a_run_that_is_stopped_at_once_has_written_nothing(run, tmp_path, monkeypatch) -> None:
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastkm.workflows.cluster_archive.cluster_archive", stop)
    status, _, err = run("archive", "a.nc", "-k", "3", "-o", tmp_path / "out", "-q")
    assert (status, err) == (130, "fastkm: stopped; nothing was written\n")


def test_a_failure_says_how_to_go_on(run, months, tmp_path, monkeypatch) -> None:
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fastkm.workflows.archive.label_maps.write_label_series", full)
    status, _, err = run("archive", months, "-k", "3", "-o", tmp_path / "out", "-q")
    kept = (
        f"finished parts are kept in '{tmp_path / 'out'}': the same command with --resume goes on"
    )
    assert status == 1
    assert err == (
        "fastkm: results of pw_1.nc, 1988-01-15: cannot be written: No space left on device; "
        f"{kept}\n"
    )
    status, _, err = run("archive", months, "-k", "3", "-o", tmp_path / "out")
    assert status == 1
    assert "holds a run that was stopped: go on with --resume, replace it with --overwrite" in err
