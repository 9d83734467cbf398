"""`cluster_archive` in Python: the results of the command, for files and for what xarray has."""

import csv
import json
from copy import copy
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.errors import ArchiveError
from fastkm.plot import areas_figure
from fastkm.raster.codebook import read_codebook_file
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.zonal import zonal_statistics
from fastkm.workflows.label_counts import StoredMap, count_labels
from tests.conftest import needs_jit
from tests.small_archives import write_months, write_single, write_store
from tests.workflows.archive.ends import assert_equal, contents
from tests.workflows.archive.test_resume import Stopping

OPTIONS = {"k": 3, "min_diameter": "2px"}


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Fourteen months in one file, so that there are two pairs of a year."""
    path = tmp_path_factory.mktemp("months") / "pw.nc"
    write_single(path, 14)
    return path


@pytest.fixture(scope="module")
def whole(months, tmp_path_factory):
    """What a run with a folder leaves."""
    return fastkm.cluster_archive(months, **OPTIONS, output=tmp_path_factory.mktemp("out") / "out")


def assert_same(found, wanted):
    """Compare two results, one of which may be in memory."""
    assert found.k == wanted.k
    assert found.codebook.centroids.tolist() == wanted.codebook.centroids.tolist()
    assert found.summary["clusters"] == wanted.summary["clusters"]
    xr.testing.assert_equal(found.labels.compute(), wanted.labels.compute())
    pd.testing.assert_frame_equal(found.areas, wanted.areas)
    assert found.outlines.drop(columns="geometry").to_csv(index=False) == wanted.outlines.drop(
        columns="geometry"
    ).to_csv(index=False)
    # a file has polygons of many parts only
    assert found.outlines.normalize().geom_equals(wanted.outlines.normalize()).all()
    assert found.transitions().area_km2.equals(wanted.transitions().area_km2)


@pytest.mark.figures
@pytest.mark.parametrize("calendar", ["standard", "noleap"])
def test_areas_have_the_times_of_labels(calendar):
    times = xr.date_range(
        "2000-02-27", periods=3, calendar=calendar, use_cftime=calendar != "standard"
    )
    cells = np.arange(24.0).reshape(3, 2, 4)
    raster = xr.DataArray(cells, {"time": times}, ("time", "y", "x"), name="depth")
    found = fastkm.cluster_archive(raster, 2)
    assert found.areas["time"].tolist() == [time for time in times for _ in range(2)]
    shown = found.areas.pivot_table(index="time", columns="cluster", values="cells", sort=False)
    assert shown.shape == (3, 2)
    if calendar == "standard":
        assert areas_figure(shown.index, shown, unit_of_area="cells").axes


def test_a_folder_is_read_as_one_object(whole, months):
    assert whole.folder.name == "out"
    assert {path.name for path in whole.files} > {"codebook.json", "areas.csv", "transitions.csv"}
    assert not whole.already_finished
    assert (
        whole.codebook.centroids.tolist()
        == read_codebook_file(whole.folder / "codebook.json")[0].centroids.tolist()
    )
    with xr.open_dataset(whole.folder / "labels/pw.nc", mask_and_scale=False) as stored:
        np.testing.assert_array_equal(whole.labels, stored.cluster)
        assert whole.labels.attrs["flag_meanings"] == stored.cluster.attrs["flag_meanings"]
    assert whole.labels.chunks is not None
    assert len(whole.areas) == 14 * 3
    np.testing.assert_array_equal(whole.areas["time"], np.repeat(whole.labels.time.values, 3))
    assert len(whole.outlines) == len(gpd.read_file(whole.folder / "outlines.gpkg"))
    assert "3 clusters, the highest around" in repr(whole)
    again = fastkm.cluster_archive(months, **OPTIONS, output=whole.folder)
    assert again.already_finished
    assert_same(again, whole)


def test_results_in_memory_are_those_of_the_folder(whole, months):
    found = fastkm.cluster_archive(months, **OPTIONS)
    assert (found.folder, found.files) == (None, [])
    assert found.labels.chunks is not None
    assert found.labels.attrs["centroids"].tolist() == found.codebook.centroids.tolist()
    assert_same(found, whole)


@pytest.mark.parametrize("chunks", [None, {}, {"time": 5, "lat": 3}], ids=str)
def test_a_dataset_gives_what_its_file_gives(whole, months, chunks):
    with xr.open_dataset(months, chunks=chunks) as dataset:
        assert_same(fastkm.cluster_archive(dataset, **OPTIONS), whole)


def test_a_dataset_leaves_what_its_file_leaves(whole, months, tmp_path):
    with xr.open_dataset(months) as dataset:
        fastkm.cluster_archive(dataset, **OPTIONS, output=tmp_path / "out")
    found, wanted = contents(tmp_path / "out"), contents(whole.folder)
    for name in ("areas.csv", "transitions.csv", "persistence.csv", "outlines", "figures"):
        assert found[name] == wanted[name], name
    assert [*found["labels"].values()] == [*wanted["labels"].values()]
    assert [*found["labels"]] == ["dataset.nc"]
    stored = json.loads((tmp_path / "out/codebook.json").read_text())
    assert [one["name"] for one in stored["inputs"]] == ["dataset"]


def test_a_dataset_is_clustered_again_and_not_resumed(months, tmp_path):
    water = xr.load_dataset(months).water
    first = fastkm.cluster_archive(water, **OPTIONS, output=tmp_path / "out").codebook
    with xr.set_options(keep_attrs=True):  # the default of newer versions of xarray
        twice = water * 2
    with pytest.warns(UserWarning, match="attributes of computed data"):
        second = fastkm.cluster_archive(twice, **OPTIONS, output=tmp_path / "out")
    assert not second.already_finished
    assert second.codebook.centroids[-1] > 1.5 * first.centroids[-1]
    with pytest.raises(ValueError, match="resume must be for files"):
        fastkm.cluster_archive(water, **OPTIONS, output=tmp_path / "out", resume=True)
    with pytest.raises(ValueError, match="replace them with --overwrite"):
        fastkm.cluster_archive(water, 2, tmp_path / "out")
    assert fastkm.cluster_archive(water, 2, tmp_path / "out", overwrite=True).k == 2


@pytest.mark.slow  # two processes start
def test_two_workers_do_the_same(whole, months):
    with xr.open_dataset(months, chunks={"time": 3}) as dataset:
        found = fastkm.cluster_archive(dataset, **OPTIONS, workers=2)
    assert_same(found, whole)


@pytest.mark.parametrize("protocol", ["file", "memory"])
def test_a_store_at_a_url(whole, months, tmp_path, protocol):
    fsspec = pytest.importorskip("fsspec")
    write_store(tmp_path / "pw.zarr", months)
    url = f"{protocol}://{tmp_path / 'pw.zarr'}"
    if protocol == "memory":
        fsspec.filesystem("memory").put(str(tmp_path / "pw.zarr"), url, recursive=True)
    found = fastkm.cluster_archive(url, **OPTIONS)
    assert found.codebook.centroids.tolist() == whole.codebook.centroids.tolist()
    np.testing.assert_array_equal(found.labels, whole.labels)


@pytest.mark.parametrize("url", ["memory://none.zarr", "ftps3://pw.zarr"])
def test_what_cannot_be_read_at_a_url_is_named(url):
    pytest.importorskip("fsspec")
    with pytest.raises(OSError, match=f"{url} cannot be read as a Zarr store: "):
        fastkm.cluster_archive(url, 3)


def test_anomalies_have_no_limits_of_the_file(months):
    water = xr.load_dataset(months).water
    with xr.set_options(keep_attrs=True):  # the default of newer versions of xarray
        anomaly = water.where(water > 0) - 40
    with pytest.warns(UserWarning, match=r"not applied: valid_min = 0.0.* are data now") as given:
        found = fastkm.cluster_archive(anomaly, 3)
    assert [one.category for one in given].count(UserWarning) == 1
    assert found.codebook.centroids[0] < 0
    assert int(found.areas.cells.sum()) == int(anomaly.notnull().sum())
    np.testing.assert_array_equal(found.labels, found.codebook.predict(anomaly.values))


def test_a_codebook_for_each_step(months, tmp_path):
    options = {"k": 2, "codebook": "per-step", "weights": "area"}
    found = fastkm.cluster_archive(months, **options)
    wanted = fastkm.cluster_archive(months, **options, output=tmp_path / "out")
    assert found.codebook is wanted.codebook is None
    np.testing.assert_array_equal(found.labels, wanted.labels)
    pd.testing.assert_frame_equal(found.areas, wanted.areas)


def test_several_variables_and_a_codebook_of_a_file(months, tmp_path):
    dataset = xr.load_dataset(months)
    dataset = dataset.assign(wind=(100 - dataset.water.where(dataset.water > 0)))
    options = {"variable": ["water", "wind"], "standardize": True}
    found = fastkm.cluster_archive(dataset, 3, **options)
    assert found.codebook.names == ("water", "wind")
    assert "mean_wind" in found.areas
    found.codebook.save(tmp_path / "book.json")
    other = fastkm.cluster_archive(
        dataset, codebook=tmp_path / "book.json", variable=["water", "wind"]
    )
    np.testing.assert_array_equal(other.labels, found.labels)


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """Four files, options of masks, sieve and longitudes, and what a run with them leaves."""
    root = tmp_path_factory.mktemp("merged")
    (root / "in").mkdir()
    write_months(root / "in", 4)
    basin = gpd.GeoDataFrame(geometry=[shapely.box(-170, -60, 100, 60)], crs=4326)
    basin.to_file(root / "basin.gpkg")
    options = {
        "k": 3, "mask": root / "basin.gpkg", "mask_share": 0.5, "sieve": "3px", "fill_holes": True,
        "longitudes": "raster", "select": "all", "track": {"gap": 1, "maps": True},
    }  # fmt: skip
    return options, fastkm.cluster_archive(root / "in", **options, output=root / "out"), root


def test_masked_and_sieved_results_are_the_same_in_memory(merged):
    options, whole, root = merged
    options = {**options, "track": False}
    plain = fastkm.cluster_archive(root / "in", **{**options, "sieve": None, "fill_holes": False})
    assert not np.array_equal(plain.labels, whole.labels)
    files = sorted((root / "in").glob("*.nc"))
    dataset = xr.concat([xr.load_dataset(path) for path in files], "time", data_vars="minimal")
    outside = whole.labels.sel(lon=slice(130, 180))
    assert outside.size
    assert (outside == -1).all()
    for data in (root / "in", dataset.chunk(time=1, lat=2)):
        found = fastkm.cluster_archive(data, **options)
        wanted = whole.outlines.drop(columns="track")
        assert_same(found, replace(whole, results=replace_outlines(whole.results, wanted)))
        pd.testing.assert_frame_equal(found.track(gap=1).tracks, whole.track(gap=1).tracks)
    tracks = pd.read_csv(whole.folder / "tracks.csv")
    assert tracks["cells"].tolist() == whole.track(gap=1).tracks["cells"].tolist()


def replace_outlines(results, outlines):
    """Return results with other outlines."""
    made = copy(results)
    object.__setattr__(made, "read_outlines", lambda: outlines)
    return made


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=[pytest.mark.slow, needs_jit])])
def test_masked_and_sieved_results_are_the_same_after_a_stop(merged, tmp_path, workers):
    options, whole, root = merged
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        fastkm.cluster_archive(
            root / "in", **options, output=out, workers=workers, progress=Stopping(4 + 4 + 2)
        )
    fastkm.cluster_archive(root / "in", **options, output=out, workers=workers, resume=True)
    assert_equal(out, whole.folder)


def test_a_criterion_chooses_k(months):
    found = fastkm.cluster_archive(months, range(2, 5), choose="bic", years=(1988, 1988))
    assert found.k in {2, 3, 4}
    assert found.summary["steps"] == 12


def test_steps_that_cannot_be_used_are_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    files = write_months(tmp_path / "in", 3)
    water = xr.concat([xr.load_dataset(path).water for path in files], "time")
    values = water.where(water > 0)
    values[1] = np.nan
    with pytest.raises(ArchiveError, match="dataset, 1988-02-15: all cells are missing"):
        fastkm.cluster_archive(values, 2)
    for output in (None, tmp_path / "out"):
        found = fastkm.cluster_archive(values, 2, output, on_error="skip")
        assert [fault.step for fault in found.faults] == ["1988-02-15"]
        assert found.labels.sizes["time"] == 2
        assert found.transitions().pairs == 1
    (tmp_path / "in/pw_2.nc").write_bytes(b"no file")
    assert len(fastkm.cluster_archive(tmp_path / "in", 2, on_error="skip").faults) == 1
    values[:] = np.nan
    with pytest.raises(ValueError, match="no step of the archive could be labelled"):
        fastkm.cluster_archive(values, 2, on_error="skip", codebook="per-step")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "k must be the number of clusters, unless codebook is a file"),
        ({"k": 2.5}, "k must be an integer"),
        ({"k": [2, 3]}, "choose must be a criterion if k are several"),
        ({"k": 2, "codebook": "book.json"}, "k, weights and standardize must be left out"),
        (
            {"k": [2, 3], "choose": "bic", "codebook": "per-step"},
            "choose must be for a common codebook",
        ),
        (
            {"k": 2, "variable": ["a", "b"], "codebook": "per-step"},
            "codebook must be 'common' or a file",
        ),
        ({"k": 2, "weights": "rain"}, "weights must be one of 'area' or None"),
        ({"k": 2, "labels": "tiff"}, "labels must be one of 'netcdf', 'zarr'"),
        ({"k": 2, "on_error": "ask"}, "on_error must be one of"),
        ({"k": 2, "min_diameter": "2 miles"}, "min_diameter"),
        ({"k": 2, "select": 5}, "select must be all, highest, lowest or 0 to 1"),
        ({"k": 2, "resume": True}, "resume and overwrite need a folder"),
    ],
)
def test_options_that_are_not_valid_are_refused(months, options, message):
    with pytest.raises(ValueError, match=message):
        fastkm.cluster_archive(months, **options)


def read_table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_tables_of_changes_are_those_of_the_labels(whole, months):
    labels = whole.labels.compute()
    areas = cell_areas(labels[0])
    rows = read_table(whole.folder / "transitions.csv")
    stays = read_table(whole.folder / "persistence.csv")
    assert {row["lag"] for row in rows} == {row["lag"] for row in stays} == {"step", "year"}
    for lag, name in ((1, "step"), ("year", "year")):
        wanted = fastkm.transitions(labels, areas=areas, lag=lag)
        own = [row for row in rows if row["lag"] == name]
        frame = wanted.to_frame()
        assert [int(row["cells"]) for row in own] == frame.cells.tolist()
        assert [float(row["area_km2"]) for row in own] == frame.area_km2.tolist()
        own = [row for row in stays if row["lag"] == name and row["month"] == "0"]
        assert [int(row["steps"]) for row in own] == wanted.persistence.steps.tolist()
        assert [float(row["mean_steps"]) for row in own] == wanted.persistence.mean_steps.tolist()
        by_month = [row for row in stays if row["lag"] == name and row["month"] != "0"]
        assert len(by_month) == len(wanted.persistence_by_month)
        assert {row["steps"] for row in by_month} == {""}
    # rows add up to the areas of clusters at all steps but the last
    first = zonal_statistics(
        labels[:-1].values.reshape(-1, 8).astype(int), np.tile(areas, (13, 1)), 3
    )
    for j in range(3):
        own = [
            row for row in rows if (row["lag"], row["month"], row["from"]) == ("step", "0", str(j))
        ]
        assert sum(float(row["area_km2"]) for row in own) == pytest.approx(
            first.sums[j] / 1e6, rel=1e-12
        )


@pytest.mark.parametrize("together", [1, 5])
@pytest.mark.parametrize("labels", ["netcdf", "zarr"])
def test_blocks_of_steps_change_no_bit(whole, months, tmp_path, monkeypatch, together, labels):
    monkeypatch.setattr("fastkm.workflows.label_counts.STEPS_PER_BLOCK", together)
    fastkm.cluster_archive(months, **OPTIONS, output=tmp_path / "out", labels=labels)
    for name in ("transitions.csv", "persistence.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (whole.folder / name).read_bytes()
    stored = {"netcdf": "labels/pw.nc", "zarr": "labels.zarr"}[labels]
    maps = [StoredMap(str(tmp_path / "out" / stored), i) for i in range(14)]
    cells, _ = count_labels(maps, whole.series, 3)
    assert cells[0].tolist() == (whole.labels == 2).sum("time").values.tolist()
    assert cells[1].tolist() == (whole.labels >= 0).sum("time").values.tolist()
