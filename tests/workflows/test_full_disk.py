"""A disk that fills up, as a limit on the size of files: every writer, at many limits.

There is an error of one kind and the old file, to the bit, or a new one that is equal to the one
that is written without a limit. Nothing else is left.
"""

import gc
import json
import shutil
from functools import partial

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import xarray as xr
from matplotlib.figure import Figure

import fastkm
from fastkm.datasets import write_sample, write_sample_archive
from fastkm.errors import ArchiveError
from fastkm.raster.io.geotiff.write_geotiff import write_label_tiff
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.io.write_netcdf_series import join_label_series, write_label_series
from fastkm.raster.io.write_zarr import create_label_store, open_label_zarr, write_label_steps
from fastkm.raster.labels import label_raster, write_cells
from fastkm.vector.write import write_outlines
from fastkm.vector.write_batches import write_batches
from fastkm.workflows.archive.checkpoint import write_json
from fastkm.workflows.archive.options import ArchiveOptions
from fastkm.workflows.archive.run import cluster_archive
from fastkm.workflows.cluster_file import cluster_file
from fastkm.workflows.job import FileWriter, Selection
from fastkm.workflows.outline_file import outline_file
from fastkm.workflows.tables import write_csv
from tests.full_disk import files_up_to, list_open_netcdf
from tests.small_archives import write_months
from tests.small_files import names, write_basin

pytest.importorskip("rasterio")
pytest.importorskip("zarr")

HOW = {"source": "sea", "history": "k = 4"}
ROTATED = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39 +lon_0=18 +datum=WGS84"
LIMITS = {False: 3, True: 42}
"""Limits between nothing and a little more than what is written: few, and in a slow test many."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What is written: labels, labels of steps, outlines and a figure."""
    folder = tmp_path_factory.mktemp("made")
    file = write_basin(folder / "sea.nc", (24, 48))
    raster = fastkm.read_raster(file)
    labels = label_raster(raster, fastkm.kmeans1d(raster, 4))
    noise = labels.copy(data=np.random.default_rng(0).integers(0, 4, labels.shape, np.int8))
    times = xr.DataArray(np.arange(3), dims="time", name="time", attrs={"units": "days since 2000"})
    steps = xr.concat([noise] * 3, times.assign_coords(time=times), combine_attrs="override")
    figure = Figure()
    figure.subplots().imshow(raster)
    return {
        "file": file,
        "labels": noise,
        "steps": steps.assign_coords(time=times),
        "times": times.assign_coords(time=times).time,
        "outlines": fastkm.outline(noise),
        "figure": figure,
        "codebook": fastkm.kmeans1d(np.arange(200.0), 200),
        "join": write_parts(steps.assign_coords(time=times), folder),
    }


def write_parts(steps, folder):
    paths = [folder / "a.nc", folder / "b.nc"]
    write_label_series(steps[:2], paths[0], **HOW)
    write_label_series(steps[2:], paths[1], **HOW)
    return paths


def write_tiff(made, path):
    write_label_tiff(made["labels"], path, colours=np.eye(4)[:, :3], **HOW)


def write_rotated(made, path):
    """Write labels of a rotated pole, which GDAL keeps in a file beside the GeoTIFF."""
    labels = made["labels"].rename(latitude="rlat", longitude="rlon")
    for name in ("rlat", "rlon"):
        words = {"rlat": "grid_latitude", "rlon": "grid_longitude"}
        labels[name].attrs = {"units": "degrees", "standard_name": words[name]}
    labels = labels.assign_coords(pole=0)
    labels.pole.attrs = pyproj.CRS(ROTATED).to_cf()
    labels.attrs["grid_mapping"] = "pole"
    write_label_tiff(labels, path, colours=np.eye(4)[:, :3], **HOW)


def write_windows(made, path):
    """Write labels block by block, with overviews if it is a GeoTIFF."""
    labels = made["labels"].chunk(16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastkm.raster.io.geotiff.write_geotiff.TILE", 16)
        patch.setattr("fastkm.raster.io.write_netcdf.CHUNK", 16)
        if path.suffix == ".tif":
            write_label_tiff(labels, path, colours=np.eye(4)[:, :3], **HOW)
        else:
            write_labels(labels, path, **HOW)


def write_store(made, path):
    if path.exists():
        write_label_steps(path, made["steps"], 0)
    else:
        create_label_store(path, made["steps"], made["times"], **HOW)
        write_label_steps(path, made["steps"], 0)


def write_in_batches(outlines, path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastkm.vector.write_batches.POINTS_TOGETHER", 1)
        write_batches([outlines] * 2, path)


ROWS = [["a", "b"], *([i, f"text {i}"] for i in range(2000))]
WRITERS = {
    "labels.nc": lambda made, path: write_labels(made["labels"], path, **HOW),
    "series.nc": lambda made, path: write_label_series(made["steps"], path, **HOW),
    "joined.nc": lambda made, path: join_label_series(made["join"], path),
    "sample.nc": lambda made, path: write_sample(path),
    "labels.tif": write_tiff,
    "rotated.tif": write_rotated,
    "windows.tif": write_windows,
    "windows.nc": write_windows,
    "outlines.gpkg": lambda made, path: write_outlines(made["outlines"], path),
    "batches.gpkg": lambda made, path: write_in_batches(made["outlines"], path),
    "outlines.shp": lambda made, path: write_outlines(made["outlines"], path),
    "outlines.geojson": lambda made, path: write_outlines(made["outlines"], path),
    "outlines.fgb": lambda made, path: write_outlines(made["outlines"], path),
    "outlines.parquet": lambda made, path: write_outlines(made["outlines"], path),
    "batches.shp": lambda made, path: write_in_batches(made["outlines"], path),
    "batches.geojson": lambda made, path: write_in_batches(made["outlines"], path),
    "batches.fgb": lambda made, path: write_in_batches(made["outlines"], path),
    "batches.parquet": lambda made, path: write_in_batches(made["outlines"], path),
    "table.csv": lambda made, path: write_csv(ROWS, path),
    "codebook.json": lambda made, path: made["codebook"].save(path),
    "run.json": lambda made, path: write_json({"rows": [{"a": i} for i in range(3000)]}, path),
    "figure.png": lambda made, path: FileWriter().write_figure(made["figure"], path),
}


def try_to(write, *arguments):
    """Call, and return the message of an OSError."""
    try:
        write(*arguments)
    except OSError as error:
        return str(error)
    return ""


def read(folder):
    """The content of a folder, by name."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def content_of(path):
    """What a file holds, whatever else its bytes say."""
    if path.suffix in {".gpkg", ".fgb", ".shp", ".geojson"}:
        frame = gpd.read_file(path)
        return frame.geometry.to_wkb().tolist(), frame.drop(columns="geometry").to_csv(), frame.crs
    if path.suffix == ".tif":
        import rasterio

        with rasterio.open(path) as file:
            return file.read().tolist(), file.crs, file.tags(), file.colormap(1)
    if path.suffix == ".nc":
        return xr.load_dataset(path, mask_and_scale=False).to_dict()
    return path.read_bytes()


def spread(size, count):
    """Limits from nothing to more than the size, most of them where a file ends."""
    ends = size - np.geomspace(1, max(size / 2, 2), count - count // 2).astype(int)
    return sorted(
        {*np.linspace(0, size + 4096, count // 2 + 1).astype(int).tolist(), *ends.tolist()}
    )


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_writers_leave_the_old_file_or_a_whole_new_one(made, tmp_path, name, many):
    write, place, new = WRITERS[name], tmp_path / "place", tmp_path / "new"
    write(made, new / name)
    size = max(len(content) for content in read(new).values())
    wanted, ends = content_of(new / name), set()
    gc.freeze()  # `list_open_netcdf` looks through what is made from here on, not through millions
    for limit in spread(size, LIMITS[many]):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / name).write_bytes(b"old")
        with files_up_to(limit):
            said = try_to(write, made, place / name)
        assert not name.endswith(".nc") or not list_open_netcdf(place)
        if said:
            assert said.startswith(f"{place / name} cannot be written: ")
            assert "\n" not in said
            assert read(place) == {name: b"old"}
            ends.add("old")
            continue
        assert set(read(place)) == set(read(new))
        assert content_of(place / name) == wanted
        ends.add("new")
    assert ends == {"old", "new"}


@pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_store_is_whole_or_not_there(made, tmp_path, many):
    write_store(made, tmp_path / "new.zarr")
    sizes = sorted({len(content) for content in read(tmp_path / "new.zarr").values()})
    limits = sorted({0, 1, *sizes, *(size - 1 for size in sizes), *spread(sizes[-1], LIMITS[many])})
    path, ends = tmp_path / "place" / "labels.zarr", set()
    for limit in limits:
        shutil.rmtree(path.parent, ignore_errors=True)
        with files_up_to(limit):
            said = try_to(write_store, made, path)
        if said:
            assert said.startswith(f"{path} cannot be written: ")
            ends.add("none")
        assert {file.name for file in path.parent.iterdir()} <= {"labels.zarr"}
        if not path.exists():
            continue
        raw = xr.open_zarr(path, mask_and_scale=False, decode_times=False).load()
        if not (raw.cluster == -1).all():
            ends.add("new")
            write_store(made, path)  # what a resumed run does
            found, wanted = read(path), read(tmp_path / "new.zarr")
            # zarr 3.0 lists the arrays in any order
            assert json.loads(found.pop(".zmetadata")) == json.loads(wanted.pop(".zmetadata"))
            assert found == wanted
    assert ends == {"none", "new"}


def test_a_store_of_one_map_is_the_old_or_the_new_one(made, tmp_path):
    labels, path = made["labels"].chunk(8), tmp_path / "labels.zarr"
    file = partial(open_label_zarr, labels, path, **HOW)
    write_cells(labels, file())
    sizes = sorted({len(content) for content in read(path).values()})
    (path / "mine").write_bytes(b"old")
    old, ends = read(path), set()
    for limit in sorted({0, *sizes, *(size - 1 for size in sizes)}):
        with files_up_to(limit):
            said = try_to(write_cells, labels, file())
        assert names(tmp_path) == {"labels.zarr"}
        if said:
            assert said.startswith(f"{path} cannot be written: ")
            assert read(path) == old
            ends.add("old")
            continue
        assert set(read(path)) == set(old) - {"mine"}
        ends.add("new")
    assert ends == {"old", "new"}


@pytest.mark.figures
@pytest.mark.slow
def test_jobs_leave_the_old_results_or_all_new_ones(made, tmp_path):
    def cluster(folder):
        cluster_file(Selection(made["file"]), [3, 4], folder, overwrite=True)

    def outline(folder):
        outline_file(
            Selection(made["file"]), [4], "all", folder / "a.gpkg", map_path=folder / "map.png"
        )

    for job in (cluster, outline):
        new, place = tmp_path / "new", tmp_path / "place"
        new.mkdir()
        job(new)
        size = max(len(content) for content in read(new).values())
        old, ends = dict.fromkeys(["labels_k2.nc", "clusters.csv", "a.gpkg", "mine"], b"old"), set()
        for limit in spread(size, 12):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for name, content in old.items():
                (place / name).write_bytes(content)
            with files_up_to(limit):
                said = try_to(job, place)
            if said:
                assert " cannot be written: " in said
                assert read(place) == old
                ends.add("old")
                continue
            gone = {"labels_k2.nc"} if job is cluster else set()
            assert set(read(place)) == (set(old) - gone) | set(read(new))
            ends.add("new")
        assert ends == {"old", "new"}
        shutil.rmtree(new)


def test_a_sample_archive_keeps_the_months_before(tmp_path):
    with files_up_to(60_000), pytest.raises(OSError, match=r"pw.nc cannot be written: File too"):
        write_sample_archive(tmp_path, months=2, layout="single")
    assert not list_open_netcdf(tmp_path)
    assert read(tmp_path) == {}


@pytest.mark.figures
@pytest.mark.slow
@pytest.mark.parametrize("labels", ["netcdf", "zarr"])
def test_an_archive_goes_on_where_the_disk_was_full(tmp_path, labels):
    (tmp_path / "in").mkdir()
    files, options = write_months(tmp_path / "in", 4), ArchiveOptions(ks=(3,), labels=labels)
    cluster_archive(files, tmp_path / "new", options)
    wanted = read(tmp_path / "new")
    sizes = sorted({len(content) for content in wanted.values()})
    for limit in sorted({0, 300, *(size - 1 for size in [*sizes[::3], sizes[-1]])}):
        place = tmp_path / f"limit_{limit}"
        with files_up_to(limit), pytest.raises((OSError, ArchiveError), match="cannot be written"):
            cluster_archive(files, place, options)
        assert not (place / "summary.json").exists()
        cluster_archive(files, place, options, resume=True)
        found = read(place)
        assert set(found) == set(wanted)
        for name in set(wanted) - {"run.json", "outlines.gpkg"}:  # these hold times of day
            assert found[name] == wanted[name]
