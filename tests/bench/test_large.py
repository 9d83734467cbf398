"""Rasters larger than memory: what is generated, what works do, and what their tables say."""

import json

import numpy as np
import pytest
import rasterio

from bench import __main__ as command
from bench.large import clusters, measure, polygons, rasters, works
from bench.large.measure import Work, make_raster, measure_works, project_hours, run_work
from bench.parts import PARTS


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return rasters.write_scene(tmp_path_factory.mktemp("scene") / "scene_120.tif", 120)


def read(path):
    with rasterio.open(path) as source:
        return source.read()


def test_a_scene_has_six_covers_noise_and_a_corner_without_data(scene):
    cells = read(scene)
    assert cells.shape == (4, 120, 120)
    assert cells.dtype == np.uint16
    missing = (cells == 0).all(axis=0)
    assert np.array_equal(missing, (cells == 0).any(axis=0))
    assert missing[0, :15].all()
    assert not missing[30:].any()
    assert len(np.unique(cells[3])) > 1_000
    with rasterio.open(scene) as source:
        assert source.nodata == 0
        assert source.profile["tiled"]
        assert source.compression.name == "deflate"


def test_rasters_are_the_same_each_time_and_larger_ones_repeat_the_field(tmp_path, monkeypatch):
    first, again = (read(rasters.write_band(tmp_path / f"{i}.tif", 100)) for i in range(2))
    assert np.array_equal(first, again)
    monkeypatch.setattr(rasters, "TILE", 16)
    monkeypatch.setattr(rasters, "choose_period", lambda _side: 32)
    [labels] = read(rasters.write_label_map(tmp_path / "map.tif", 70))
    assert np.array_equal(labels[:32, :32], labels[32:64, 32:64])
    assert np.array_equal(labels[64:], labels[:6])
    assert set(np.unique(labels)) == set(range(6))


def test_regions_have_some_300_cells():
    from scipy.ndimage import label

    classes = rasters.make_classes(1024, rasters.REGION)
    regions = sum(label(classes == value)[1] for value in range(6))
    assert classes.size / regions == pytest.approx(300, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("work", [works.minibatch, works.lloyd])
def test_rivals_label_the_cells_that_have_data(work, scene, tmp_path):
    work(str(scene), str(tmp_path / "labels.tif"), "3")
    cells, [labels] = read(scene), read(tmp_path / "labels.tif")
    missing = (cells == 0).all(axis=0)
    assert (labels[missing] == -1).all()
    assert set(np.unique(labels[~missing])) == {0, 1, 2}
    seen = clusters.look_at_labels(scene, tmp_path)
    rows = cells[:, ~missing].T.astype("f8")
    means = np.array([rows[labels[~missing] == i].mean(axis=0) for i in range(3)])
    assert seen["counts"][:3] == np.bincount(labels[~missing]).tolist()
    wanted = ((rows - means[labels[~missing]]) ** 2).sum()
    assert seen["inertia"] == pytest.approx(wanted, rel=1e-9)


def test_missing_labels_may_have_any_number(scene, tmp_path):
    works.lloyd(str(scene), str(tmp_path / "labels.tif"), "2")
    before = clusters.look_at_labels(scene, tmp_path)
    with rasterio.open(tmp_path / "labels.tif") as source:
        codes, profile = source.read(), {**source.profile, "dtype": "uint8", "nodata": 255}
    with rasterio.open(tmp_path / "labels.tif", "w", **profile) as target:
        target.write(np.where(codes < 0, 255, codes).astype("u1"))
    assert clusters.look_at_labels(scene, tmp_path) == before


def test_labels_that_differ_have_other_digests(scene, tmp_path):
    works.lloyd(str(scene), str(tmp_path / "labels.tif"), "2")
    before = clusters.look_at_labels(scene, tmp_path)["labels"]
    with rasterio.open(tmp_path / "labels.tif", "r+") as target:
        target.write(1 - target.read(1), 1)
    assert clusters.look_at_labels(scene, tmp_path)["labels"] != before


@pytest.mark.slow
def test_rivals_make_as_many_polygons(tmp_path):
    path = str(rasters.write_label_map(tmp_path / "map.tif", 60))
    ours = works.polygonize_in_memory(path, str(tmp_path / "ours.parquet"))
    assert ours["polygons"] > 5
    assert ours == works.rasterio_shapes(path, str(tmp_path / "theirs.parquet"))
    assert ours == works.polygonize(path, str(tmp_path / "strips.parquet"))


def test_a_command_tells_its_passes(monkeypatch):
    def told(arguments, standalone_mode):
        print(f"{arguments[0]}: 3 passes over all cells")

    monkeypatch.setattr("fastkm.cli.commands.app", told)
    assert works.command("cluster") == {"passes": 3}
    monkeypatch.setattr("fastkm.cli.commands.app", lambda *_, **__: None)
    assert works.command("info") == {}


def test_a_work_prints_what_it_tells_and_its_peak(scene, capsys):
    works.main(["read", str(scene), "1"])
    told = json.loads(capsys.readouterr().out)
    assert told["cells"] == 120 * 120
    assert told["peak"] > 1e7


@pytest.mark.slow
def test_a_process_is_timed_and_a_failure_is_told(scene, tmp_path):
    told = run_work(Work("read", ("read", str(scene), "1"), threads=1), str(tmp_path))
    assert told["seconds"] > 0
    assert told["cells"] == 120 * 120
    failed = run_work(Work("read", ("read", "{out}/none.tif", "1")), str(tmp_path))
    assert f"{tmp_path}/none.tif" in failed["failed"]


def test_works_run_in_turn_and_what_fails_is_not_run_again(monkeypatch):
    runs = []

    def run(work, _folder):
        runs.append(work.name)
        if work.name == "bad":
            return {"failed": "why"}
        return {"seconds": float(len(runs)), "peak": 100 - len(runs), "polygons": 7}

    monkeypatch.setattr(measure, "run_work", run)
    each = [Work("a", ()), Work("bad", ()), Work("long", (), once=True)]
    found = measure_works(each, 3, {"a": lambda folder: folder.exists(), "bad": None})
    assert runs == ["a", "bad", "long", "a", "a"]
    assert found["a"] == {"seconds": 4.0, "rounds": 3, "peak": 99, "polygons": 7, "seen": True}
    assert found["bad"] == {"failed": "why", "peak": 0}
    assert found["long"]["rounds"] == 1


def test_rasters_are_kept_where_the_user_wants(tmp_path, monkeypatch):
    with make_raster(rasters.write_band, 20) as path:
        assert path.exists()
    assert not path.exists()
    monkeypatch.setenv(measure.FILES, str(tmp_path / "kept"))
    with make_raster(rasters.write_band, 20) as path:
        pass
    assert path == tmp_path / "kept/band_20.tif"
    written = path.stat().st_mtime_ns
    with make_raster(rasters.write_band, 20) as path:
        assert path.stat().st_mtime_ns == written


def test_hours_are_projected_from_the_rate_of_one():
    rows = project_hours(10**9, 3600.0)
    assert rows[0] == [1, pytest.approx(1000)]
    assert rows[-1] == [1000, pytest.approx(1)]


def told(**others):
    one = {"seconds": 10.0, "rounds": 3, "peak": 2**30, "passes": 3}
    seen = {"inertia": 100.0, "labels": "x", "counts": [1]}
    found = {
        clusters.READ: {**one, "seconds": 5.0},
        clusters.OURS: {**one, "seen": seen},
        clusters.LIMITED: {**one, "seen": seen},
        clusters.ALONE: {**one, "seconds": 20.0},
        clusters.RIVAL: {**one, "seen": {**seen, "inertia": 125.0}},
        **others,
    }
    return {"cells": 10**9, "stored": 2 * 10**9, "works": found}


def test_the_section_of_clusters_has_ratios_inertias_and_hours():
    text = clusters.write_section(told())
    assert "| fastkm | 10 s | 2.00 | 1,024 | 3 |" in text
    assert "fastkm: least" in text
    assert "scikit-learn, minibatch: +25 %" in text
    assert "labels are the same, bit for bit" in text
    assert "| 1 | 8.00 | 4 | 5.6 |" in text
    assert "2.00 times as quick as one" in text
    other = told()["works"][clusters.LIMITED]
    other["seen"] = {**other["seen"], "labels": "y"}
    assert "NOT the same" in clusters.write_section(told(**{clusters.LIMITED: other}))


def test_what_failed_has_no_number():
    text = clusters.write_section(told(**{clusters.ALONE: {"failed": "no memory"}}))
    assert "| fastkm, one thread | failed: no memory |" in text
    assert "hours" not in text


def test_the_section_of_polygons_is_by_cell():
    one = {"seconds": 4.0, "peak": 2**29, "polygons": 5, "cells": 10**6}
    found = {name: dict(one) for name in (polygons.PART_STRIPS, polygons.MEMORY, polygons.RIVAL)}
    found[polygons.STRIPS] = {**one, "cells": 4 * 10**6, "seconds": 24.0}
    found[polygons.RIVAL] = {"failed": "why", "cells": 10**6}
    text = polygons.section({"cells": 4 * 10**6, "stored": 10**6, "works": found})
    assert "| fastkm, strip by strip | 4,000,000 | 5 | 24 s | 6,000 | 1.50 | 512 |" in text
    assert "failed: why" in text
    assert "| 1 | 0.25 | 1 | " in text


def test_a_family_of_parts_is_chosen_by_its_name():
    assert command.find_parts("kmeans") == ["kmeans"]
    assert command.find_parts("large") == ["large-scene", "large-band", "large-polygons"]
    assert command.find_parts("kmeans3") == []
    assert all(name in PARTS for name in command.find_parts("large"))
