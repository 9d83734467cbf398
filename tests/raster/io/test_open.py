"""A classic netCDF file that is cut off is found out, wherever the cut is."""

import json

import netCDF4
import numpy as np
import pytest
from xarray.backends import NetCDF4DataStore

from fastkm.raster.io.open import (
    count_values,
    list_groups,
    netcdf_lock,
    open_netcdf4,
    open_stored,
    require_complete,
)
from tests.full_disk import list_open_netcdf
from tests.small_archives import write_month, write_store

FORMS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def _fixed(file):
    file.createDimension("x", 5)
    file.createVariable("a", "i2", ("x",))[:] = range(5)
    file.createVariable("b", "f8", ("x",))[:] = range(5)


def _scalar(file):
    file.createVariable("a", "f4", ())[...] = 3.0


def _records(file):
    file.createDimension("time", None)
    file.createDimension("x", 3)
    file.createVariable("time", "i4", ("time",))[:] = range(4)
    file.createVariable("a", "i2", ("time", "x"))[:] = np.ones((4, 3))
    file.createVariable("fixed", "f4", ("x",))[:] = 1.0


def _one_record_variable(file):
    """Its records are not padded."""
    file.createDimension("time", None)
    file.createDimension("x", 3)
    file.createVariable("a", "i2", ("time", "x"))[:] = np.ones((7, 3))


def _no_record(file):
    file.createDimension("time", None)
    file.createVariable("a", "f8", ("time",))
    file.title = "nothing"


def _nothing(file):
    del file


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "fill", [_fixed, _scalar, _records, _one_record_variable, _no_record, _nothing]
)
def test_every_cut_is_found_but_in_what_pads_the_end(tmp_path, form, fill):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.history = "made for a test"
        fill(file)
    require_complete(path)
    content = path.read_bytes()
    assert content[:3] == b"CDF"
    for length in range(3, len(content) - 3):
        path.write_bytes(content[:length])
        with pytest.raises(OSError, match="the file is cut off"):
            require_complete(path)


def test_unknown_number_of_records_and_unknown_types_are_left_to_the_library(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        _records(file)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff\xff\xff\xff" + content[8:])
    require_complete(path)
    path.write_bytes(
        content.replace(b"\x00\x00\x00\x03\x00\x00\x00", b"\x00\x00\x00\x63\x00\x00\x00")
    )
    require_complete(path)


def test_other_files_are_not_looked_into(tmp_path):
    path = write_month(tmp_path / "a.nc", 0)
    path.write_bytes(path.read_bytes()[:100])
    require_complete(path)
    path.write_bytes(b"")
    require_complete(path)


@pytest.mark.parametrize("form", FORMS)
def test_header_with_a_length_beyond_the_file_is_refused_before_the_library_reads_it(
    tmp_path, form
):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("x", 3)
        file.createVariable("abcd", "f4", ("x",))[:] = 1.0
    content = path.read_bytes()
    length = content.index(b"abcd") - 4  # the last bytes of the length of the name
    for high in (0x7F, 0xFF):
        path.write_bytes(content[:length] + bytes([high]) + content[length + 1 :])
        for look in (require_complete, list_groups):
            with pytest.raises(OSError, match="the file is cut off"):
                look(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_damaged_metadata_of_a_store_is_one_error_that_names_it(tmp_path, zarr_format):
    store = write_store(tmp_path / "a", write_month(tmp_path / "a.nc", 0), zarr_format=zarr_format)
    metadata = store / "water" / (".zarray" if zarr_format == 2 else "zarr.json")
    stored = json.loads(metadata.read_text())
    for entry, junk in (("shape", [["a"]]), ("shape", True), ("codecs", 5), ("filters", {"a": 1})):
        if entry in stored:
            metadata.write_text(json.dumps({**stored, entry: junk}))
            for look in (list_groups, lambda path: open_stored(path).__enter__()):
                with pytest.raises(OSError, match=r"a cannot be read as a Zarr store: [^\n]+$"):
                    look(store)


def test_damaged_chunk_of_a_store_is_an_error_that_names_it(tmp_path):
    store = write_store(tmp_path / "a", write_month(tmp_path / "a.nc", 0))
    [chunk] = (store / "water").glob("[0-9]*")
    chunk.write_bytes(b"\xff" * 50)
    with (
        pytest.raises(OSError, match="a cannot be read as a Zarr store: "),
        open_stored(store) as dataset,
    ):
        dataset.water.load()


def test_values_of_all_groups_are_counted(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 5)
        file.createVariable("x", "f8", ("x",))
        file.createGroup("one/two").createVariable("water", "i2", ("x",))
    assert count_values(path) == 10
    path.write_bytes(b"no netCDF file")
    assert count_values(path) == count_values(tmp_path) == count_values("") == np.inf


def is_locked():
    """Tell whether a thread holds the lock of netCDF4; `locked` of older xarray is always true."""
    return any(lock.locked() for lock in netcdf_lock().locks)


def test_attributes_are_read_under_the_lock(tmp_path, monkeypatch):
    path = write_month(tmp_path / "a.nc", 0)
    read, held = NetCDF4DataStore.open_store_variable, []

    def read_and_note(store, name, variable):
        held.append(is_locked())
        return read(store, name, variable)

    monkeypatch.setattr(NetCDF4DataStore, "open_store_variable", read_and_note)
    with open_stored(path) as dataset:
        assert not is_locked()
        assert held == [True] * len(dataset.variables)


def test_a_file_is_closed_and_the_lock_free_whatever_happens(tmp_path):
    path = write_month(tmp_path / "a.nc", 0)

    def fail():
        with open_netcdf4(path) as file, netcdf_lock():
            assert list_open_netcdf(tmp_path) == [file]
            raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        fail()
    assert not list_open_netcdf(tmp_path)
    assert not is_locked()
