"""Label maps of jobs are sieved; codebooks stay as they are."""

import csv
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.raster.sieve import SieveOptions
from fastkm.workflows.archive.options import ArchiveOptions
from fastkm.workflows.archive.run import cluster_archive
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import OutlineOptions, outline_file
from tests.label_maps import globe
from tests.small_archives import write_months


@pytest.fixture
def file(tmp_path):
    values = np.random.default_rng(0).integers(0, 90, (12, 20)).astype(np.float32)
    values[3, 4:6] = np.nan
    path = tmp_path / "in.nc"
    globe(values).rename("water").assign_attrs(units="mm").to_netcdf(path)
    return path


@pytest.fixture
def read_lazily(monkeypatch):
    """Return a function that lets files be opened lazily, and traced in strips of some rows."""

    def turn_on():
        monkeypatch.setattr("fastkm.workflows.job.MOST_READ", 30)
        monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 80)

    return turn_on


def read_labels(folder):
    with xr.open_dataset(folder / "labels_k3.nc") as file:
        return file["cluster"].load(), file.attrs["history"]


@pytest.mark.parametrize("fill_holes", [False, True])
def test_maps_and_tables_are_sieved(file, tmp_path, fill_holes):
    options = SieveOptions("4px", fill_holes)
    plain = cluster_file(Selection(file), [3], tmp_path / "plain")
    done = cluster_file(Selection(file), [3], tmp_path / "sieved", sieve=options)
    labels, history = read_labels(tmp_path / "sieved")
    expected = fastkm.sieve(plain.maps[3], "4px", fill_holes=fill_holes)
    np.testing.assert_array_equal(labels.fillna(-1), expected)
    assert f"sieved by 4px{', holes filled' * fill_holes}," in history
    assert "sieved" not in read_labels(tmp_path / "plain")[1]
    np.testing.assert_array_equal(
        done.counts[3], np.bincount(expected.values[expected.values >= 0])
    )
    assert done.measure_distance(3) == plain.measure_distance(3)
    books = [(tmp_path / name / "codebook_k3.json").read_bytes() for name in ("plain", "sieved")]
    assert books[0] == books[1]
    with (tmp_path / "sieved/clusters.csv").open() as table:
        assert [int(row["cells"]) for row in csv.DictReader(table)] == done.counts[3].tolist()


def test_weights_are_those_of_the_sieved_map(file, tmp_path):
    options = SieveOptions("9e6km2")
    done = cluster_file(Selection(file), [3], tmp_path / "out", weights="area", sieve=options)
    labels = done.maps[3]
    areas = fastkm.raster.grid.areas.cell_areas(labels)
    sums = [float(areas.where(labels == j).sum()) for j in range(3)]
    np.testing.assert_allclose(done.weights[3], sums)
    np.testing.assert_allclose(done.areas[3], np.divide(sums, 1e6))
    plain = cluster_file(Selection(file), [3], tmp_path / "plain", weights="area")
    assert not np.allclose(plain.weights[3], sums)
    np.testing.assert_array_equal(labels, SieveOptions("9e6km2").apply(plain.maps[3]))


def test_labels_by_a_codebook_are_sieved(file, tmp_path):
    cluster_file(Selection(file), [3], tmp_path / "plain")
    book = tmp_path / "plain/codebook_k3.json"
    done = label_file(Selection(file), book, tmp_path / "out", sieve=SieveOptions("4px"))
    expected = fastkm.sieve(read_labels(tmp_path / "plain")[0], "4px")
    np.testing.assert_array_equal(done.maps[3], expected.fillna(-1))
    assert "labels by codebook_k3.json, sieved by 4px," in read_labels(tmp_path / "out")[1]
    further = label_file(Selection(file), book, tmp_path / "b", sieve=SieveOptions("9e6km2"))
    np.testing.assert_array_equal(
        further.maps[3], fastkm.sieve(read_labels(tmp_path / "plain")[0], "9e6km2").fillna(-1)
    )


def test_lazy_maps_are_sieved_likewise(file, tmp_path, read_lazily):
    options = SieveOptions("4px")
    cluster_file(Selection(file), [3], tmp_path / "a", sieve=options)
    read_lazily()
    cluster_file(Selection(file), [3], tmp_path / "b", sieve=options)
    np.testing.assert_array_equal(
        *(read_labels(tmp_path / name)[0].fillna(-1) for name in ("a", "b"))
    )


def test_outlines_are_those_of_the_sieved_map(file, tmp_path, read_lazily):
    options = OutlineOptions(connectivity=8, sieve=SieveOptions("4px", connectivity=8))
    done = outline_file(Selection(file), [3], "all", tmp_path / "a.gpkg", options=options)
    rows = done.outlines
    plain = OutlineOptions(connectivity=8)
    outlined = outline_file(Selection(file), [3], "all", tmp_path / "p.gpkg", options=plain)
    assert rows["cells"].min() >= 4 > outlined.outlines["cells"].min()
    assert rows["cells"].sum() == outlined.outlines["cells"].sum()
    read_lazily()
    outline_file(Selection(file), [3], "all", tmp_path / "b.gpkg", options=options)
    one, other = (gpd.read_file(tmp_path / f"{name}.gpkg") for name in "ab")
    shapes = [set(shapely.to_wkb(shapely.normalize(f.geometry.array))) for f in (one, other)]
    assert shapes[0] == shapes[1]


def test_each_step_of_an_archive_is_sieved(tmp_path):
    months = write_months(tmp_path, 2)
    found = {}
    for name, limit in {"plain": None, "sieved": "3px"}.items():
        options = ArchiveOptions(ks=(3,), sieve=limit, fill_holes=limit is not None)
        cluster_archive(months, tmp_path / name, options)
        files = sorted((tmp_path / name / "labels").iterdir())
        found[name] = [xr.load_dataset(path)["cluster"][0] for path in files]
    for plain, sieved in zip(found["plain"], found["sieved"], strict=True):
        expected = fastkm.sieve(plain, "3px", fill_holes=True)
        np.testing.assert_array_equal(sieved, expected)
        assert not np.array_equal(plain.fillna(-1), expected.fillna(-1))
    with (tmp_path / "sieved/areas.csv").open() as table:
        cells = [int(row["cells"]) for row in csv.DictReader(table)]
    assert sum(cells) == sum(int((labels >= 0).sum()) for labels in found["sieved"])
    stored = json.loads((tmp_path / "sieved/codebook.json").read_text())["options"]
    assert (stored["sieve"], stored["fill_holes"]) == ("3px", True)
    other = replace(ArchiveOptions(ks=(3,)), sieve="4px", fill_holes=True)
    with pytest.raises(ValueError, match="sieve was 3px and is 4px"):
        cluster_archive(months, tmp_path / "sieved", other, resume=True)
