"""What cannot be used is named, with its file and the reason; the rest goes on if asked to."""

import csv
import errno

import numpy as np
import pytest
import xarray as xr

from fastkm.errors import ArchiveError
from tests.small_archives import (
    LATITUDE,
    SHAPE,
    truncated,
    without_privileges,
    write_month,
    write_months,
    write_single,
)
from tests.workflows.archive.ends import OPTIONS, assert_equal, codebook, run


def truncate(folder):
    truncated(folder / "pw_3.nc")


def damage(folder):
    """Spoil the data, not the head, of a file."""
    with (folder / "pw_3.nc").open("r+b") as file:
        content = file.read()
        with xr.open_dataset(folder / "pw_3.nc", mask_and_scale=False) as dataset:
            stored = dataset["pw"].values.tobytes() if "pw" in dataset else b""
        at = content.find(stored[:64]) if stored else -1
        assert at < 0 or at > 0
        file.seek(len(content) // 2)
        file.write(b"\xff" * 64)


def rename(folder):
    path = folder / "pw_3.nc"
    with xr.open_dataset(path, decode_cf=False) as dataset:
        data = dataset.load()
    [name] = [str(n) for n in data.data_vars if data[n].ndim == 3]
    data.rename({name: "other"}).to_netcdf(path)


def shift(folder):
    write_month(folder / "pw_3.nc", 2, coords={"lat": (LATITUDE + 1, {"units": "degrees_north"})})


def other_units(folder):
    write_month(folder / "pw_3.nc", 2, units="mm")


def all_missing(folder):
    write_month(folder / "pw_3.nc", 2, values=np.full(SHAPE, -999, np.float32))


def infinite(folder):
    values = np.arange(48, dtype=np.float32).reshape(SHAPE)
    values[2, 3] = np.inf
    write_month(folder / "pw_3.nc", 2, values=values, valid_max=None)


def twice(folder):
    write_month(folder / "pw_3.nc", 1)


FAULTS = {
    "truncated": (truncate, "pw_3.nc", "cannot be read|truncated|HDF"),
    "wrong variable": (rename, "pw_3.nc", "variable"),
    "other grid": (shift, "pw_3.nc", "other grid"),
    "other units": (other_units, "pw_3.nc", "other units.*'mm'"),
    "all missing": (all_missing, "pw_3.nc", "all cells are missing"),
    "infinite": (infinite, "pw_3.nc", "1988-03-15: .* is infinite in 1 cells"),
    "time twice": (twice, "pw_3.nc", "pw_2.nc already"),
}


@pytest.fixture(params=FAULTS)
def faulty(request, tmp_path):
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 5)
    spoil, name, reason = FAULTS[request.param]
    spoil(tmp_path / "in")
    return tmp_path, name, reason


def test_stop_names_file_and_reason_and_breaks_nothing(faulty) -> None:
    folder, name, reason = faulty
    with pytest.raises(ArchiveError, match=reason) as caught:
        run([folder / "in"], folder / "out")
    assert caught.value.file == name
    assert not (folder / "out/summary.json").exists()
    assert not list((folder / "out").glob("labels/*")) if (folder / "out").exists() else True


@pytest.mark.slow
def test_skip_goes_on_lists_it_and_is_as_if_it_had_not_been_there(faulty) -> None:
    folder, name, _ = faulty
    done = run([folder / "in"], folder / "out", on_error="skip")
    assert [fault.file for fault in done.faults] == [name]
    with (folder / "out/errors.csv").open() as file:
        [listed] = list(csv.DictReader(file))
    assert listed["file"] == name
    (folder / "in" / name).unlink()
    run([folder / "in"], folder / "good")
    assert (folder / "out/areas.csv").read_bytes() == (folder / "good/areas.csv").read_bytes()
    assert codebook(folder / "out")["centroids"] == codebook(folder / "good")["centroids"]


def test_permission(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 3)
    (tmp_path / "in/pw_2.nc").chmod(0)
    with without_privileges(), pytest.raises(ArchiveError, match=r"pw_2\.nc: .*[Pp]ermission"):
        run([tmp_path / "in"], tmp_path / "out")


def test_a_faulty_step_inside_a_file_is_left_out_alone(tmp_path) -> None:
    path = write_single(tmp_path / "pw.nc", 5)
    with xr.open_dataset(path, decode_cf=False) as dataset:
        data = dataset.load()
    [name] = [str(n) for n in data.data_vars if data[n].ndim == 3]
    data[name][2] = -999
    data.to_netcdf(path)
    done = run([path], tmp_path / "out", on_error="skip")
    assert [(f.file, f.step) for f in done.faults] == [("pw.nc", "1988-03-15")]
    with xr.open_dataset(tmp_path / "out/labels/pw.nc", mask_and_scale=False) as labels:
        assert labels.sizes["time"] == 4


def test_mixed_calendars_are_refused(tmp_path) -> None:
    write_months(tmp_path, 2)
    times = (np.array([75], np.int32), {"units": "days since 1988-01-01", "calendar": "noleap"})
    write_month(tmp_path / "pw_3.nc", 2, time=times)
    for on_error in ("stop", "skip"):
        with pytest.raises(ValueError, match=r"calendar.*pw_1\.nc.*pw_3\.nc"):
            run([tmp_path / "*.nc"], tmp_path / "out", on_error=on_error)


@pytest.mark.slow
def test_a_full_disk_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 3)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "labels.nc")

    with monkeypatch.context() as patch:
        patch.setattr("fastkm.workflows.archive.label_maps.write_label_series", full)
        for how in ("stop", "skip"):  # it is no fault of the step, so nothing is left out
            with pytest.raises(OSError, match=r"pw_1\.nc, 1988-01-15: .*No space left"):
                run([tmp_path / "in"], tmp_path / how, on_error=how)
    run([tmp_path / "in"], tmp_path / "skip", resume=True)
    run([tmp_path / "in"], tmp_path / "whole")
    assert_equal(tmp_path / "skip", tmp_path / "whole")


def test_the_command_exits_with_3_where_something_is_left_out(tmp_path, run) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 3)
    truncate(tmp_path / "in")
    stopped = run("archive", tmp_path / "in", "-k", 3, "-o", tmp_path / "one")
    assert stopped.status == 1
    assert stopped.err.splitlines()[-1].startswith("fastkm: pw_3.nc: ")
    options = ("-k", 3, "-o", tmp_path / "two", "--on-error", "skip")
    skipped = run("archive", tmp_path / "in", *options)
    assert skipped.status == 3, skipped.err
    assert "1 input or step was left out" in skipped.out


def test_nothing_left_is_an_error(tmp_path) -> None:
    write_months(tmp_path, 1)
    all_missing_path = write_month(tmp_path / "pw_1.nc", 0, values=np.full(SHAPE, -999, np.float32))
    assert all_missing_path
    with pytest.raises(ValueError, match=r"too few|distinct|labelled"):
        run([tmp_path / "pw_1.nc"], tmp_path / "out", on_error="skip")
    assert OPTIONS.ks == (3,)
