"""Data that cannot fit in memory is refused before it is read."""

import netCDF4
import numpy as np
import pytest

import fastkm
from fastkm._core import memory
from fastkm.raster.io.describe.variables import describe_variables
from fastkm.raster.io.read_bands import read_stack
from fastkm.raster.multifile.combine import open_archive
from tests.small_tiffs import write_satellite


@pytest.fixture
def declared(tmp_path):
    """A small file that declares many cells, of which none was written."""
    path = tmp_path / "big.nc"
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in (("time", 1), ("lat", 40_000), ("lon", 50_000)):
            file.createDimension(dim, size)
        time = file.createVariable("time", "f8", ("time",))
        time[:], time.units = 0, "days since 2000-01-01"
        file.createVariable("lat", "f8", ("lat",))[:] = np.linspace(-80, 80, 40_000)
        file.createVariable("lon", "f8", ("lon",))[:] = np.linspace(0, 350, 50_000)
        file.createVariable("water", "f4", ("time", "lat", "lon"), chunksizes=(1, 100, 100))
    return path


@pytest.fixture
def small(monkeypatch):
    """A machine with 1 GiB."""
    monkeypatch.setattr(memory, "measure_available", lambda: 2**30)


@pytest.mark.parametrize("read", [fastkm.read_raster, read_stack, open_archive])
def test_more_cells_than_memory_are_refused(declared, small, read):
    with pytest.raises(MemoryError, match=r"22\.4 GiB of memory, but 1\.0 GiB are free: .*bbox"):
        read(declared)
    assert read(declared, bbox=(10, 10, 10.1, 10.1)).size > 0


def test_more_cells_than_memory_are_described(declared, small):
    [found] = describe_variables(declared, statistics=False)
    assert (found.cells, found.valid, found.sizes["lon"]) == (2_000_000_000, None, 50_000)


def test_geotiff_that_is_larger_than_memory(tmp_path, monkeypatch):
    path = write_satellite(tmp_path / "a.tif")
    monkeypatch.setattr(memory, "measure_available", lambda: 10)
    with pytest.raises(MemoryError, match=r"0\.0 GiB are free: cut out a part"):
        fastkm.read_raster(path, "1")


def test_unknown_memory_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory, "measure_available", lambda: None)
    memory.require_memory(2**80, "water", "")


def test_limit_of_a_container_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    free = memory.measure_available()
    assert free is None or free > 300
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 200\n")
    assert memory.measure_available() == 300
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.measure_available() != 300
