"""Label maps of lazy rasters: the same files as of rasters in memory, written in one pass."""

import shutil

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster import cell_blocks
from fastkm.raster.io.read_bands import read_stack
from fastkm.workflows import job, label_maps
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.dask_workers import use_workers
from fastkm.workflows.job import Selection
from fastkm.workflows.label_maps import read_history
from fastkm.workflows.outputs import is_label_map
from tests.conftest import needs_jit
from tests.lazy_rasters import cut_small
from tests.small_files import EAST, NORTH, names, write_basin, write_netcdf, write_world
from tests.small_tiffs import write_photo, write_satellite

rasterio = pytest.importorskip("rasterio")
zarr = pytest.importorskip("zarr")


@pytest.fixture
def lazy(monkeypatch):
    """Let any raster be large, of small blocks, with figures of few cells."""

    def make_large():
        monkeypatch.setattr(job, "MOST_READ", 0)
        monkeypatch.setattr(cell_blocks, "LARGE_CELLS", 0)
        monkeypatch.setattr(label_maps, "MOST_DRAWN", 5)
        cut_small(monkeypatch, 40)

    return make_large


def read_labels(path):
    if path.suffix == ".tif":
        with rasterio.open(path) as file:
            return file.read(1).tolist(), file.tags(), file.tags(1), file.transform
    opener = xr.open_zarr if path.suffix == ".zarr" else xr.open_dataset
    with opener(path, mask_and_scale=False) as file:
        return file.load().to_dict(encoding=False)


@pytest.mark.parametrize("weights", [pytest.param(None, marks=pytest.mark.figures), "area"])
def test_one_band_in_blocks(tmp_path, lazy, weights):
    path = write_world(tmp_path / "a.nc")
    read = cluster_file(Selection(path), [2, 3], tmp_path / "read", weights=weights)
    lazy()
    opened = cluster_file(Selection(path), [2, 3], tmp_path / "lazy", weights=weights)
    assert opened.maps[3].chunks is not None
    assert names(tmp_path / "lazy") == names(tmp_path / "read")
    for name in ("labels_k2.nc", "labels_k3.nc"):
        assert read_labels(tmp_path / "lazy" / name) == read_labels(tmp_path / "read" / name)
    for name in ("clusters.csv", "codebook_k3.json"):
        assert (tmp_path / "lazy" / name).read_text() == (tmp_path / "read" / name).read_text()
    assert [file.name for file in opened.files] == [file.name for file in read.files]
    assert opened.passes == {k: book.passes for k, book in opened.codebooks.items()}
    assert opened.passes[3] >= 1


@pytest.mark.figures
def test_several_bands_in_blocks(tmp_path, lazy):
    path = write_satellite(tmp_path / "a.tif")
    lazy()
    done = cluster_file(Selection(path), [2, 3], tmp_path / "out")
    assert done.passes[3] >= 1
    for k, labels in done.maps.items():
        numbers = np.array(read_labels(tmp_path / f"out/labels_k{k}.tif")[0], np.uint8)
        np.testing.assert_array_equal(numbers.astype(np.int8), labels)
        assert np.bincount(numbers[numbers < 255]).tolist() == done.counts[k].tolist()


def test_labels_in_memory_of_lazy_bands(tmp_path, monkeypatch):
    path = write_satellite(tmp_path / "a.tif")
    read = cluster_file(Selection(path), [2, 3], tmp_path / "read")
    monkeypatch.setattr(job, "MOST_READ", 0)
    cut_small(monkeypatch, 40)
    opened = cluster_file(Selection(path), [2, 3], tmp_path / "lazy")
    assert opened.stack.is_lazy
    assert opened.maps[3].chunks is None
    assert read.passes == opened.passes == {}
    for k in (2, 3):
        lazy, wanted = (
            read_labels(tmp_path / way / f"labels_k{k}.tif") for way in ("lazy", "read")
        )
        assert lazy[0] == wanted[0]
        assert opened.counts[k].tolist() == read.counts[k].tolist()
    assert names(tmp_path / "lazy") == names(tmp_path / "read")


@pytest.mark.parametrize("name", ["b.nc", "b.tif", "b.zarr"])
def test_another_file_is_labelled_in_blocks(tmp_path, lazy, name):
    path = write_world(tmp_path / "a.nc")
    cluster_file(Selection(path), [3], tmp_path / "out")
    book = tmp_path / "out/codebook_k3.json"
    read = label_file(Selection(path), book, tmp_path / "read" / name)
    lazy()
    opened = label_file(Selection(path), book, tmp_path / "lazy" / name)
    assert opened.counts[3].tolist() == read.counts[3].tolist()
    assert read_labels(tmp_path / "lazy" / name) == read_labels(tmp_path / "read" / name)


def test_repeated_columns_are_written_but_counted_once(tmp_path, lazy):
    values = np.random.default_rng(0).normal(size=(6, 13))
    values[:, -1] = values[:, 0]
    coords = {
        "lat": (np.linspace(-50.0, 50, 6), NORTH), "lon": (np.linspace(0.0, 360, 13), EAST),
    }  # fmt: skip
    path = write_netcdf(tmp_path / "a.nc", values, coords=coords)
    lazy()
    with pytest.warns(UserWarning, match="column repeats the first"):
        done = cluster_file(Selection(path), [2], tmp_path / "out")
    again = label_file(Selection(path), tmp_path / "out/codebook_k2.json", tmp_path / "b.nc")
    assert done.counts[2].tolist() == again.counts[2].tolist()
    assert done.counts[2].sum() == 72
    labels = fastkm.read_raster(tmp_path / "b.nc")
    np.testing.assert_array_equal(labels[:, 0], labels[:, -1])


def test_sentinels_are_noted_in_the_pass_that_writes(tmp_path, lazy):
    values = np.arange(60.0).reshape(6, 10)
    values[:, 0] = -9999
    path = write_netcdf(tmp_path / "a.nc", values)
    lazy()
    with pytest.warns(UserWarning, match=r"-9999 looks like a code .* --nodata -9999 leaves"):
        cluster_file(Selection(path), [2], tmp_path / "out")
    cluster_file(Selection(path, nodata=[-9999]), [2], tmp_path / "other")


@pytest.mark.figures
def test_brightest_cells_of_a_photo_are_no_sentinels(tmp_path, lazy):
    path = write_photo(tmp_path / "a.tif")
    lazy()
    cluster_file(Selection(path), [2], tmp_path / "out")
    assert "clusters.png" in names(tmp_path / "out")


@pytest.mark.parametrize("shape", [(6, 8), (5, 5), (23, 3), (1, 40), (2, 11)])
def test_thinned_rasters_are_cells_of_the_raster(monkeypatch, shape):
    monkeypatch.setattr(label_maps, "MOST_DRAWN", 5)
    raster = xr.DataArray(np.arange(np.prod(shape)).reshape(shape), dims=("y", "x")).chunk(4)
    raster = raster.assign_coords(x=np.arange(shape[1]))
    view = label_maps._Thinned(raster)
    for box, [block] in label_maps.iterate_cells([raster.data]):
        view.add(box, block)
    thinned = view.to_array()
    assert max(thinned.shape) <= 5
    np.testing.assert_array_equal(thinned, raster[view.cuts[0], view.cuts[1]])
    np.testing.assert_array_equal(thinned.x, raster.x[view.cuts[1]])


def test_figures_show_physical_numbers(tmp_path, lazy):
    path = write_satellite(tmp_path / "a.tif")
    lazy()
    selection = Selection(path)
    stack = fastkm.raster.bands.as_band_stack(selection.open())
    labels = fastkm.cluster_raster(selection.open(), 2).labels
    out = tmp_path / "b.tif"
    colours = {2: [(0, 0, 0)] * 2}
    made = label_maps.write_maps(
        job.FileWriter(), {2: labels}, stack, colours, selection, out, by="x"
    )
    read = read_stack(path).isel(y=slice(1, None, 2), x=slice(1, None, 2))
    for band, wanted in zip(made.stack.bands, read, strict=True):
        np.testing.assert_allclose(band, wanted, rtol=1e-6)
    np.testing.assert_array_equal(made.maps[2], labels[1::2, 1::2])
    assert made.counts == {}


def test_a_file_that_changes_is_not_one_that_cannot_be_written(tmp_path, lazy, monkeypatch):
    path = write_satellite(tmp_path / "a.tif")
    lazy()
    choose = fastkm.workflows.cluster_file.choose_colours

    def change(*arguments):
        with path.open("ab") as file:
            file.write(b"more")
        return choose(*arguments)

    monkeypatch.setattr("fastkm.workflows.cluster_file.choose_colours", change)
    with pytest.raises(OSError, match=r"a\.tif was replaced or modified") as raised:
        cluster_file(Selection(path, memory=1), [2, 3], tmp_path / "out")
    assert "cannot be written" not in str(raised.value)
    assert names(tmp_path / "out") == set()


def test_store_of_labels(tmp_path):
    path, out = write_basin(tmp_path / "a.nc"), tmp_path / "labels.zarr"
    done = cluster_file(Selection(path), [2], out)
    assert done.files == [out]
    cluster_file(Selection(path), [3], out)  # takes the place of the other
    assert read_history(out) == "kmeans1d of water, k = 3, in a.nc"
    with xr.open_zarr(out, mask_and_scale=False) as store:
        wanted = fastkm.kmeans1d(fastkm.read_raster(path), 3)
        np.testing.assert_array_equal(store.cluster, wanted.predict(fastkm.read_raster(path)))
        assert store.attrs["source"] == "a.nc: water"
    assert names(tmp_path) == {"a.nc", "labels.zarr"}


def test_other_stores_stay_unless_they_are_to_be_replaced(tmp_path):
    path, out = write_basin(tmp_path / "a.nc"), tmp_path / "mine.zarr"
    xr.Dataset({"a": ("x", [1, 2])}).to_zarr(out, zarr_format=2)
    with pytest.raises(ValueError, match=r"mine.zarr exists and is no label map .* --overwrite"):
        cluster_file(Selection(path), [2], out)
    assert xr.open_zarr(out).a.values.tolist() == [1, 2]
    cluster_file(Selection(path), [2], out, overwrite=True)
    assert "cluster" in xr.open_zarr(out)


def test_inputs_in_a_store_are_protected(tmp_path):
    path, out = write_basin(tmp_path / "a.nc"), tmp_path / "labels.zarr"
    cluster_file(Selection(path), [2], out)
    inner = shutil.copyfile(path, out / "a.nc")
    with pytest.raises(ValueError, match=r"a.nc is an input and would be overwritten"):
        cluster_file(Selection(inner), [2], out)


def test_folders_named_like_stores_are_folders(tmp_path):
    (tmp_path / "out.zarr").mkdir()
    assert not is_label_map(tmp_path / "out.zarr")
    assert is_label_map(tmp_path / "new.zarr")
    cluster_file(Selection(write_basin(tmp_path / "a.nc")), [2], tmp_path / "out.zarr")
    assert "labels_k2.nc" in names(tmp_path / "out.zarr")


def test_histories_of_other_programs_are_none(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.history = "Mon: ncks a.nc b.nc"
    assert read_history(tmp_path / "a.nc") == ""
    (tmp_path / "b.nc").write_bytes(b"CDF\x01")
    assert read_history(tmp_path / "b.nc") == ""
    assert read_history(tmp_path / "c.nc") == ""


@pytest.mark.slow
@needs_jit
def test_workers_change_no_bit(tmp_path, lazy):
    pytest.importorskip("distributed")
    path = write_satellite(tmp_path / "a.tif")
    lazy()
    cluster_file(Selection(path), [2, 3], tmp_path / "here")
    with use_workers(2) as client:
        assert client is not None
        cluster_file(Selection(path), [2, 3], tmp_path / "there")
    for name in names(tmp_path / "here") - {"clusters.png"}:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
