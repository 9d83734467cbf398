"""Label maps through time: in one file, joined from parts, and in a store."""

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest
import xarray as xr

from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.io.write_netcdf_series import join_label_series, write_label_series
from fastkm.raster.io.write_zarr import create_label_store, write_label_steps
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import scan_file
from tests.full_disk import files_up_to, list_open_netcdf
from tests.small_archives import SHAPE, SINCE_1988, write_month, write_months, write_single
from tests.small_files import names

COUNT = 5
HOW = {"source": "pw: water", "history": "k = 3", "inherited": {"institution": "here"}}


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "in").mkdir()
    return combine_files([scan_file(path) for path in write_months(tmp_path / "in", COUNT)])


def labelled(archive, first=0, last=None):
    """Some labels, described as `label_raster` does."""
    last = len(archive.steps) if last is None else last
    values = archive.read(first, last, missing="mask")
    found = np.where(np.isnan(values), -1, values // 25).astype(np.int8)
    labels = values.copy(data=found)
    labels.name = "cluster"
    labels.attrs = {
        "long_name": "cluster of Precipitable water",
        "flag_values": np.arange(3, dtype=np.int8),
        "flag_meanings": "around_12 around_37 around_62",
        "centroids": np.array([12.0, 37, 62]),
        "breaks": np.array([25.0, 50]),
        "centroid_units": "kg m-2",
        "inertia": 12.5,
    }
    return labels


def codebooks_of(count, k=3):
    return [
        SimpleNamespace(
            k=k,
            centroids=np.arange(k) * 10.0 + step,
            breaks=np.arange(k - 1) * 10.0 + 5 + step,
            inertia=float(step),
        )
        for step in range(count)
    ]


def stored(path):
    """All that is in a file, undecoded."""
    with xr.open_dataset(path, decode_cf=False) as dataset:
        return dataset.load()


def test_a_series_is_what_write_labels_would_write(archive, tmp_path):
    labels = labelled(archive)
    write_label_series(labels, tmp_path / "a.nc", **HOW)
    write_labels(labels, tmp_path / "b.nc", **HOW)
    xr.testing.assert_identical(stored(tmp_path / "a.nc"), stored(tmp_path / "b.nc"))
    back = xr.load_dataset(tmp_path / "a.nc", mask_and_scale=False)
    np.testing.assert_array_equal(back.cluster, labels)
    assert back.cluster.dtype == np.int8
    np.testing.assert_array_equal(back.time, archive.make_time_coordinate())
    assert back.attrs["institution"] == "here"
    assert back.attrs["Conventions"] == "CF-1.8"


def test_time_axis_is_that_of_the_input(archive, tmp_path):
    write_label_series(labelled(archive), tmp_path / "a.nc", **HOW)
    time = stored(tmp_path / "a.nc").time
    assert time.attrs["units"] == "days since 1988-01-01"
    assert time.attrs["axis"] == "T"
    assert time.dtype == np.int32
    np.testing.assert_array_equal(time, [14, 45, 74, 105, 135])


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_other_calendars(tmp_path, calendar):
    time = (np.array([58.25]), {**SINCE_1988, "calendar": calendar})
    path = write_month(tmp_path / "in.nc", 0, time=time)
    write_label_series(labelled(combine_files([scan_file(path)])), tmp_path / "a.nc", **HOW)
    written = stored(tmp_path / "a.nc").time
    assert written.attrs["calendar"] == calendar
    np.testing.assert_array_equal(written, [58.25])
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(path) as other:
        np.testing.assert_array_equal(one.time, other.time)


def test_no_scheduler_is_asked_for_a_lock(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(xr.Dataset, "to_netcdf", None)  # which loads distributed
    write_label_series(labelled(archive), tmp_path / "a.nc", **HOW)
    assert stored(tmp_path / "a.nc").cluster.shape == (COUNT, *SHAPE)


def test_a_step_is_a_chunk(archive, tmp_path):
    write_label_series(labelled(archive), tmp_path / "a.nc", **HOW)
    write_label_series(labelled(archive, 0, 2), tmp_path / "b.nc", **HOW)
    join_label_series([tmp_path / "b.nc"], tmp_path / "c.nc")
    for name in ("a.nc", "c.nc"):
        with netCDF4.Dataset(tmp_path / name) as file:
            assert file["cluster"].chunking() == [1, *SHAPE]
            assert file["cluster"].filters()["complevel"] == 1


@pytest.mark.parametrize("cuts", [(0, 5), (0, 1, 2, 3, 4, 5), (0, 2, 5), (0, 4, 5)])
@pytest.mark.parametrize("own", [False, True])
def test_joined_parts_are_what_would_be_written_at_once(archive, tmp_path, cuts, own):
    books = codebooks_of(COUNT)
    write_label_series(
        labelled(archive), tmp_path / "whole.nc", **HOW, codebooks=books if own else None
    )
    parts = []
    for first, last in itertools.pairwise(cuts):
        parts.append(tmp_path / f"part{first}.nc")
        write_label_series(
            labelled(archive, first, last),
            parts[-1],
            **HOW,
            codebooks=books[first:last] if own else None,
        )
    join_label_series(parts, tmp_path / "joined" / "all.nc")
    whole, joined = stored(tmp_path / "whole.nc"), stored(tmp_path / "joined" / "all.nc")
    xr.testing.assert_identical(joined, whole)
    for name, variable in whole.variables.items():
        assert joined[name].dtype == variable.dtype
    assert names(tmp_path / "joined") == {"all.nc"}


def test_parts_of_one_file_of_many_steps(tmp_path):
    archive = combine_files([scan_file(write_single(tmp_path / "in.nc", COUNT))])
    write_label_series(labelled(archive, 0, 3), tmp_path / "a.nc", **HOW)
    write_label_series(labelled(archive, 3, 5), tmp_path / "b.nc", **HOW)
    join_label_series([tmp_path / "a.nc", tmp_path / "b.nc"], tmp_path / "c.nc")
    np.testing.assert_array_equal(stored(tmp_path / "c.nc").cluster, labelled(archive))


def test_parts_that_do_not_fit_are_named(archive, tmp_path):
    labels = labelled(archive)
    write_label_series(labels[:2], tmp_path / "a.nc", **HOW)
    other = labels[2:].copy()
    other.attrs = {**labels.attrs, "centroids": np.array([12.0, 37, 63])}
    write_label_series(other, tmp_path / "b.nc", **HOW)
    write_label_series(labels[2:, 1:], tmp_path / "c.nc", **HOW)
    write_label_series(labels[2:], tmp_path / "d.nc", **HOW, codebooks=codebooks_of(3))
    for name in ("b.nc", "c.nc", "d.nc"):
        with pytest.raises(ValueError, match=f"{name}.* first part"):
            join_label_series([tmp_path / "a.nc", tmp_path / name], tmp_path / "joined.nc")
    assert not (tmp_path / "joined.nc").exists()
    with pytest.raises(ValueError, match="at least one file"):
        join_label_series([], tmp_path / "joined.nc")
    with pytest.raises(OSError, match=r"none.nc cannot be read"):
        join_label_series([tmp_path / "none.nc"], tmp_path / "joined.nc")


def test_codebooks_of_steps_stand_along_time(archive, tmp_path):
    books = codebooks_of(COUNT)
    write_label_series(labelled(archive), tmp_path / "a.nc", **HOW, codebooks=books)
    back = xr.load_dataset(tmp_path / "a.nc")
    assert back.centroids.dims == ("centroid", "time")
    np.testing.assert_array_equal(back.centroids.T, [book.centroids for book in books])
    np.testing.assert_array_equal(back.breaks.T, [book.breaks for book in books])
    np.testing.assert_array_equal(back.inertia, np.arange(5.0))
    assert back.centroids.attrs["units"] == "kg m-2"
    assert not {"centroids", "breaks", "inertia"} & set(back.cluster.attrs)
    assert back.cluster.attrs["flag_meanings"] == "cluster_0 cluster_1 cluster_2"


def test_one_cluster_a_step_has_no_breaks(archive, tmp_path):
    write_label_series(
        labelled(archive), tmp_path / "a.nc", **HOW, codebooks=codebooks_of(COUNT, 1)
    )
    back = xr.load_dataset(tmp_path / "a.nc")
    assert "breaks" not in back
    assert back.centroids.shape == (1, COUNT)


def test_what_does_not_fit_is_refused(archive, tmp_path):
    labels = labelled(archive)
    with pytest.raises(ValueError, match=r"dimensions \(time, y, x\)"):
        write_label_series(labels[0], tmp_path / "a.nc", **HOW)
    for books in (codebooks_of(4), [*codebooks_of(4), *codebooks_of(1, 2)]):
        with pytest.raises(ValueError, match="one a step, all of as many clusters"):
            write_label_series(labels, tmp_path / "a.nc", **HOW, codebooks=books)
    assert names(tmp_path) == {"in"}


def test_labels_are_left_as_they_were(archive, tmp_path):
    labels = labelled(archive)
    before = pickle.dumps((labels, labels.encoding, labels.time.encoding))
    write_label_series(labels, tmp_path / "a.nc", **HOW, codebooks=codebooks_of(COUNT))
    assert pickle.dumps((labels, labels.encoding, labels.time.encoding)) == before


def test_a_file_that_cannot_be_written_leaves_the_old_one(archive, tmp_path):
    path = tmp_path / "out" / "a.nc"
    labels = labelled(archive)
    write_label_series(labels[:1], path, **HOW)
    write_label_series(labels, tmp_path / "part.nc", **HOW)
    before = path.read_bytes()
    with files_up_to(2000):
        with pytest.raises(OSError, match=r"a.nc cannot be written: File too large$"):
            write_label_series(labels, path, **HOW)
        with pytest.raises(OSError, match=r"a.nc cannot be written: File too large$"):
            join_label_series([tmp_path / "part.nc"], path)
    assert not list_open_netcdf(tmp_path)
    assert path.read_bytes() == before
    assert names(path.parent) == {"a.nc"}


class TestStore:
    @pytest.fixture
    def store(self, archive, tmp_path):
        path = tmp_path / "out" / "labels.zarr"
        create_label_store(path, labelled(archive, 0, 1), archive.make_time_coordinate(), **HOW)
        return path

    def test_is_created_with_every_cell_missing(self, archive, tmp_path, store):
        raw = xr.open_zarr(store, mask_and_scale=False)
        assert raw.cluster.shape == (COUNT, *SHAPE)
        assert raw.cluster.dtype == np.int8
        assert (raw.cluster == -1).all()
        assert raw.cluster.chunks == ((1,) * COUNT, (SHAPE[0],), (SHAPE[1],))
        np.testing.assert_array_equal(raw.time, archive.make_time_coordinate())
        assert names(store.parent) == {"labels.zarr"}

    def test_when_filled_holds_what_a_file_would(self, archive, tmp_path, store):
        write_label_steps(store, labelled(archive, 3, 5), 3)
        write_label_steps(store, labelled(archive, 0, 3), 0)
        write_label_series(labelled(archive), tmp_path / "a.nc", **HOW)
        one, other = xr.open_zarr(store).load(), xr.load_dataset(tmp_path / "a.nc")
        xr.testing.assert_identical(one, other)
        for name in ("time", "lat"):
            assert one[name].attrs == other[name].attrs

    def test_steps_left_out_stay_missing(self, archive, store):
        write_label_steps(store, labelled(archive, 1, 2), 1)
        raw = xr.open_zarr(store, mask_and_scale=False).cluster.load()
        assert (raw[[0, 2, 3, 4]] == -1).all()
        np.testing.assert_array_equal(raw[1], labelled(archive, 1, 2)[0])

    def test_many_may_write_at_once(self, archive, store):
        labels = labelled(archive)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: write_label_steps(store, labels[i : i + 1], i), range(COUNT)))
        raw = xr.open_zarr(store, mask_and_scale=False)
        np.testing.assert_array_equal(raw.cluster, labels)

    @pytest.mark.parametrize("k", [1, 3])
    def test_codebooks_of_steps(self, archive, tmp_path, k):
        books = codebooks_of(COUNT, k)
        path = tmp_path / "own.zarr"
        create_label_store(
            path, labelled(archive, 0, 1)[0], archive.make_time_coordinate(), **HOW, clusters=k
        )
        for first, last in ((2, 5), (0, 2)):
            write_label_steps(
                path, labelled(archive, first, last), first, codebooks=books[first:last]
            )
        write_label_series(labelled(archive), tmp_path / "a.nc", **HOW, codebooks=books)
        xr.testing.assert_identical(xr.open_zarr(path).load(), xr.load_dataset(tmp_path / "a.nc"))

    def test_what_does_not_fit_is_refused(self, archive, store):
        labels = labelled(archive)
        for wrong, first in ((labels, 1), (labels, -1), (labels[:, 1:], 0),
                             (labels.astype(np.int16), 0)):  # fmt: skip
            with pytest.raises(ValueError, match="do not fit into"):
                write_label_steps(store, wrong, first)
        with pytest.raises(FileExistsError, match="exists already"):
            create_label_store(store, labels, archive.make_time_coordinate(), **HOW)

    def test_that_cannot_be_written_is_not_there(self, archive, tmp_path):
        with files_up_to(10), pytest.raises(OSError, match=r"a.zarr cannot be written: "):
            create_label_store(
                tmp_path / "a.zarr", labelled(archive), archive.make_time_coordinate(), **HOW
            )
        assert names(tmp_path) == {"in"}

    def test_region_that_cannot_be_written(self, archive, store):
        with files_up_to(10), pytest.raises(OSError, match=r"labels.zarr cannot be written: "):
            write_label_steps(store, labelled(archive), 0)

    def test_extra_is_asked_for_by_name(self, archive, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "zarr", None)
        with pytest.raises(ImportError, match=r"fastkm\[archive\]"):
            create_label_store(
                tmp_path / "a", labelled(archive), archive.make_time_coordinate(), **HOW
            )
