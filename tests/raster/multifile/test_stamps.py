"""An input that was replaced or modified after it was scanned is never read as if it had not been."""

import os

import numpy as np
import pytest
import xarray as xr

from fastkm.errors import ArchiveError
from fastkm.raster.io.stamps import read_stamp
from fastkm.raster.multifile import read_steps
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import scan_file
from fastkm.raster.multifile.stamps import read_times_digest, require_unchanged
from tests.small_archives import write_month, write_months, write_single, write_store

CHANGED = "was replaced or modified since it was first read"


def series_of(folder, **options):
    return combine_files([scan_file(path) for path in sorted(folder.glob("pw*"))], **options)


@pytest.mark.parametrize("keep_mtime", [False, True])
@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_a_file_of_equal_size(tmp_path, keep_mtime, form) -> None:
    write_months(tmp_path, 3, form=form)
    series = series_of(tmp_path)
    series.read(0, 3)
    write_month(tmp_path / "pw_2.nc", 1, form=form)  # the same content
    os.utime(tmp_path / "pw_2.nc", ns=(0, series.inputs[1].stamp.modified))
    series.read(0, 3)
    before = (tmp_path / "pw_2.nc").stat()
    write_month(tmp_path / "pw_2.nc", 4, form=form)
    changed = before.st_mtime_ns if keep_mtime else 1
    os.utime(tmp_path / "pw_2.nc", ns=(0, changed))
    assert (tmp_path / "pw_2.nc").stat().st_size == before.st_size
    for missing in ("keep", "mask"):
        with pytest.raises(ArchiveError, match=rf"^pw_2\.nc, 1988-02-15: {CHANGED}"):
            series.read(0, 3, missing=missing)
    series.read(0, 1)


def test_a_file_whose_times_have_another_base(tmp_path) -> None:
    """Monthly files may all hold the time 0, each with units of its own."""
    for month in (1, 2):
        time = ([0], {"units": f"days since 1988-{month:02}-15"})
        write_month(tmp_path / f"pw_{month}.nc", month, time=time)
    series = series_of(tmp_path)
    modified = series.inputs[0].stamp.modified
    (tmp_path / "pw_2.nc").replace(tmp_path / "pw_1.nc")
    os.utime(tmp_path / "pw_1.nc", ns=(0, modified))
    with pytest.raises(ArchiveError, match=r"pw_1\.nc, 1988-01-15: was replaced"):
        series.read(0, 1)


@pytest.mark.parametrize("change", ["written", "moved", "removed"])
def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch, change) -> None:
    path = write_single(tmp_path / "pw.nc", 3)
    other = write_single(tmp_path / "other.nc", 3)
    series = series_of(tmp_path)
    arrange, done = read_steps._arrange, []

    def change_once(*given):
        if not done and change == "written":
            os.utime(path)
        elif not done and change == "moved":
            other.replace(path)
        elif not done:
            path.unlink()
        done.append(1)
        return arrange(*given)

    monkeypatch.setattr(read_steps, "_arrange", change_once)
    with pytest.raises(ArchiveError, match=r"^pw\.nc, 1988-03-15: (was replaced|cannot be read)"):
        series.read(0, 3)


def test_the_file_with_the_grid(tmp_path) -> None:
    infos = [scan_file(path) for path in write_months(tmp_path, 2)]
    series = combine_files(infos)
    os.utime(tmp_path / "pw_1.nc")
    with pytest.raises(ArchiveError, match=r"^pw_1\.nc: was replaced"):
        combine_files(infos)
    with pytest.raises(ArchiveError, match=r"^pw_1\.nc: was replaced"):
        series.read_areas()


def test_a_mask(tmp_path) -> None:
    write_months(tmp_path, 2)
    mask = write_month(tmp_path / "mask.nc", 2)
    series = series_of(tmp_path, mask=mask)
    os.utime(mask)
    with pytest.raises(ValueError, match=r"mask\.nc was replaced"):
        series.read(0, 1)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store(tmp_path, zarr_format) -> None:
    source = write_single(tmp_path / "source.nc", 3)
    store = write_store(tmp_path / "pw.zarr", source, zarr_format=zarr_format)
    series = series_of(tmp_path)
    series.read(0, 3)
    write_store(store, source, zarr_format=zarr_format)
    with pytest.raises(ArchiveError, match=r"^pw\.zarr, 1988-01-15: was replaced"):
        series.read(0, 3)


def test_numbers_of_a_store(tmp_path) -> None:
    """They may change without the metadata: then only the stamp of all files tells."""
    store = write_store(tmp_path / "pw.zarr", write_single(tmp_path / "source.nc", 3))
    info = scan_file(store)
    chunk = next(path for path in (store / "water").iterdir() if path.name[0] == "0")
    os.utime(chunk, ns=(0, 0))
    info.require_unchanged()
    with pytest.raises(ArchiveError, match=r"^pw\.zarr: was replaced"):
        require_unchanged(store, "pw.zarr", info.whole)


def test_times_that_are_texts(tmp_path) -> None:
    digests = []
    for name, texts in (("a", ["1988-01", "1988-02"]), ("b", ["1988-01", "1988-02"]), ("c", "xy")):
        times = np.array(list(texts), object)
        xr.Dataset({"time": ("n", times)}).to_netcdf(tmp_path / f"{name}.nc")
        digests.append(read_times_digest(tmp_path / f"{name}.nc", "time", "time"))
    assert digests[0] == digests[1] != digests[2]


def test_a_stamp_of_a_file_that_is_gone(tmp_path) -> None:
    stamp = read_stamp(write_month(tmp_path / "pw.nc", 0))
    (tmp_path / "pw.nc").unlink()
    with pytest.raises(ArchiveError, match=r"pw\.nc: cannot be read: No such file"):
        require_unchanged(tmp_path / "pw.nc", "pw.nc", stamp)
