"""Blocks of files: kept while they fit, read again otherwise, and never of a file that has changed."""

import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import fastkm
from fastkm.raster.io.lazy.block_reader import KeptBlocks, read_last
from fastkm.raster.io.lazy.geotiff_source import GeotiffSource
from fastkm.raster.io.lazy.grid_source import GridSource
from tests.lazy_rasters import cut_small
from tests.small_archives import truncated, write_store
from tests.small_files import write_netcdf, write_world
from tests.small_tiffs import write_tiff

VALUES = np.arange(2400, dtype=np.uint16).reshape(2, 30, 40)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    cut_small(monkeypatch, 400)


@pytest.fixture
def reads(monkeypatch):
    """List the rows of each block that is read from a file."""
    rows = []

    def note_reads(source):
        read = source.read

        def read_and_note(self, own_rows, columns):
            rows.append(own_rows)
            return read(self, own_rows, columns)

        monkeypatch.setattr(source, "read", read_and_note)

    note_reads(GeotiffSource)
    note_reads(GridSource)
    return rows


@pytest.mark.parametrize(
    ("memory", "again"),
    [(1, 6), (4 * 800, 5), (4 * 2 * 800, 4), ("1MiB", 0)],
    ids=["none", "one", "two", "all"],
)
def test_blocks_are_kept_while_they_fit(tmp_path, reads, memory, again):
    path = write_tiff(tmp_path / "a.tif", VALUES, blockysize=5)
    lazy = fastkm.open_raster(path, memory=memory)
    assert np.array_equal(lazy.compute(), VALUES)
    assert len(reads) == 6
    assert np.array_equal(lazy.compute(scheduler="synchronous"), VALUES)
    assert len(reads) == 6 + again


def test_nothing_is_kept_of_another_raster_or_on_a_worker(tmp_path, reads):
    path = write_tiff(tmp_path / "a.tif", VALUES, blockysize=5)
    lazy = fastkm.open_raster(path)
    lazy.compute()
    fastkm.open_raster(path).compute()
    assert len(reads) == 12
    kept = KeptBlocks(10**6)
    kept.keep("a", VALUES)
    function, arguments = kept.__reduce__()
    copy = function(*arguments)
    copy.keep("a", VALUES)
    assert kept.get("a") is VALUES
    assert copy.get("a") is None


def test_blocks_that_are_read_for_the_last_time_are_not_kept(tmp_path, reads):
    path = write_tiff(tmp_path / "a.tif", VALUES, blockysize=5)
    lazy = fastkm.open_raster(path)
    with read_last():
        assert np.array_equal(lazy.compute(scheduler="synchronous"), VALUES)
    assert np.array_equal(lazy.compute(), VALUES)
    assert len(reads) == 12
    assert np.array_equal(lazy.compute(), VALUES)
    assert len(reads) == 12


def test_variables_share_the_limit(tmp_path, reads):
    more = {"ice": (VALUES[1], {}, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", VALUES[0], more=more)
    lazy = fastkm.open_raster(path, ["water", "ice"], memory=4 * 3 * 400)
    assert lazy.water.data.numblocks == lazy.ice.data.numblocks == (6, 1)
    lazy.compute()
    lazy.compute()
    assert len(reads) == 12 + 9


def replace_file(path):
    shutil.copy(path, path.with_name("other"))
    path.with_name("other").replace(path)


def rewrite_store(path):
    for metadata in path.rglob(".zarray"):
        metadata.write_text(metadata.read_text() + "\n")


FILES = {
    "tif": lambda folder: write_tiff(folder / "a.tif", VALUES, blockysize=5),
    "nc": lambda folder: write_world(folder / "a.nc"),
    "zarr": lambda folder: write_store(folder / "a.zarr", write_world(folder / "flat.nc")),
}


@pytest.mark.parametrize("form", ["tif", "nc", "zarr"])
@pytest.mark.parametrize("change", ["replaced", "shrunk", "removed"])
def test_file_that_changes_is_an_error_that_names_it(tmp_path, form, change):
    path = FILES[form](tmp_path)
    lazy = fastkm.open_raster(path, memory=1)
    lazy.data.blocks[(0,) * lazy.ndim].compute()
    if change == "removed":
        (shutil.rmtree if form == "zarr" else os.remove)(path)
    elif form == "zarr":
        rewrite_store(path)
    else:
        (replace_file if change == "replaced" else truncated)(path)
    with pytest.raises(OSError, match=rf"a\.{form}") as raised:
        lazy.compute(scheduler="synchronous")
    if change != "removed":
        assert str(raised.value) == f"{path} was replaced or modified since it was first read"


def test_file_that_changes_while_a_block_is_read(tmp_path, monkeypatch):
    path = FILES["tif"](tmp_path)
    lazy = fastkm.open_raster(path)
    read = GeotiffSource.read

    def read_and_replace(self, rows, columns):
        values = read(self, rows, columns)
        truncated(path)
        return values

    monkeypatch.setattr(GeotiffSource, "read", read_and_replace)
    with pytest.raises(OSError, match=r"a\.tif was replaced or modified"):
        lazy.compute(scheduler="synchronous")


def damage(path):
    """Overwrite the second half of a file, but for the end."""
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : len(content) - 100] = b"\xff" * (len(content) - 100 - half)
    path.write_bytes(content)


def test_damaged_geotiff_is_an_error_that_names_it(tmp_path):
    noise = np.random.default_rng(0).integers(0, 2**16, (30, 400)).astype(np.uint16)
    path = write_tiff(tmp_path / "a.tif", noise, compress="deflate", blockysize=5)
    damage(path)
    with pytest.raises(OSError, match=r"a\.tif cannot be read as GeoTIFF"):
        fastkm.open_raster(path).compute(scheduler="synchronous")


def test_damaged_chunks_are_an_error_that_names_the_file(tmp_path):
    store = write_store(tmp_path / "a.zarr", write_world(tmp_path / "flat.nc"))
    [chunk] = [path for path in (store / "water").iterdir() if not path.name.startswith(".")]
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(OSError, match=r"a\.zarr cannot be read as a Zarr store"):
        fastkm.open_raster(store).compute(scheduler="synchronous")


def test_damaged_netcdf_is_an_error_that_names_it(tmp_path):
    import xarray as xr

    noise = np.random.default_rng(0).integers(0, 2**15, (60, 400)).astype(np.int16)
    path = tmp_path / "a.nc"
    encoding = {"water": {"zlib": True, "chunksizes": (5, 400)}}
    xr.Dataset({"water": (("y", "x"), noise)}).to_netcdf(path, encoding=encoding)
    content = bytearray(path.read_bytes())
    start = len(content) // 2
    content[start : start + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"a\.nc cannot be read as netCDF"):
        fastkm.open_raster(path).compute(scheduler="synchronous")


SUM_UNDER_LIMIT = """
    import resource, sys
    import numpy as np, fastkm
    from fastkm._core.blocks.dask_blocks import iterate_blocks

    raster = fastkm.open_raster(sys.argv[1], memory="64MiB")
    total = int(raster.data.blocks[0, 0].sum().compute(scheduler="synchronous"))
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit = used + 300 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for _ in range(2):
        total = sum(int(block.sum(dtype=np.int64)) for _, [block] in iterate_blocks([raster.data]))
    print(raster.nbytes, total)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_raster_that_is_larger_than_the_memory_is_read(tmp_path):
    import rasterio

    path = tmp_path / "a.tif"
    size = {"height": 14_000, "width": 14_000, "count": 1, "dtype": "uint16"}
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True}
    place = {"crs": "EPSG:3857", "transform": rasterio.Affine(10, 0, 0, 0, -10, 0)}
    with rasterio.open(
        path, "w", driver="GTiff", compress="deflate", **size, **tiles, **place
    ) as file:
        file.write(np.full((1, 512, 512), 3, np.uint16), window=((0, 512), (512, 1024)))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SUM_UNDER_LIMIT), str(path)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == [str(2 * 14_000**2), str(3 * 512**2)]
