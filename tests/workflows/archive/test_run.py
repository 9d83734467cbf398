"""Whole runs: what they leave, and that it is the same however they are whole."""

import csv
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.datasets.monthly_series import write_sample_archive
from fastkm.raster.multifile.combine import open_archive
from fastkm.workflows.archive.options import ArchiveOptions
from tests.small_archives import write_month, write_months, write_packed, write_single, write_store
from tests.workflows.archive.ends import OPTIONS, assert_equal, codebook, run


def rows_of(folder):
    with (folder / "areas.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_what_it_says_and_nothing_of_its_work(whole, months) -> None:
    assert sorted(path.name for path in whole.iterdir()) == [
        "areas.csv", "areas.parquet", "codebook.json", "figures", "labels", "outlines.gpkg",
        "persistence.csv", "run.json", "summary.json", "transitions.csv",
    ]  # fmt: skip
    assert {path.name for path in (whole / "labels").iterdir()} == {
        path.name for path in months.iterdir()
    }
    assert {path.name for path in (whole / "figures").iterdir()} == {
        "areas.png", "climatology.png", "frequency.png", "hovmoller.png", "transitions.png",
    }  # fmt: skip


@pytest.mark.parametrize(("labels", "missing"), [("netcdf", "pyarrow"), ("zarr", "zarr")])
def test_without_the_extra_nothing_is_begun(months, tmp_path, monkeypatch, labels, missing) -> None:
    find = "fastkm.workflows.archive.run.find_spec"
    monkeypatch.setattr(find, lambda name: None if name == missing else object())
    told = rf'need {missing}, which extra "archive" installs: pip install "fastkm\[archive\]"$'
    with pytest.raises(ImportError, match=told):
        run([months], tmp_path / "out", replace(OPTIONS, labels=labels))
    assert not (tmp_path / "out").exists()


def test_the_codebook_is_the_proven_optimum_over_all_steps(whole, months) -> None:
    everything = open_archive(months).values
    best = fastkm.kmeans1d(everything, 3)
    stored = codebook(whole)
    assert stored["centroids"] == best.centroids.tolist()
    assert stored["breaks"] == best.breaks.tolist()
    assert stored["counts"] == best.counts.tolist()
    assert (stored["inertia"], stored["gap"]) == (best.inertia, 0.0)
    assert "passes" not in stored
    read = fastkm.load_codebook(whole / "codebook.json")
    np.testing.assert_array_equal(read.predict(everything), best.predict(everything))


def test_the_codebook_names_options_and_inputs(whole, months) -> None:
    stored = codebook(whole)
    assert stored["options"]["k"] == [3]
    assert stored["options"]["min_diameter"] == "2px"
    assert stored["inputs"] == [
        {"name": path.name, "size": path.stat().st_size} for path in sorted(months.iterdir())
    ]
    assert stored["left_out"] == []


def test_areas_are_those_of_a_naive_computation(whole, months) -> None:
    archive = open_archive(months).load()
    labels = fastkm.load_codebook(whole / "codebook.json").predict(archive)
    areas = fastkm.raster.grid.areas.cell_areas(archive.isel(time=0))
    rows = rows_of(whole)
    assert len(rows) == 8 * 3
    for row in rows:
        here = archive.time.dt.strftime("%Y-%m-%d") == row["time"]
        own = (labels == int(row["cluster"])).where(here, False)
        assert int(row["cells"]) == int(own.sum())
        assert float(row["area_km2"]) == pytest.approx(float((own * areas).sum()) / 1e6, rel=1e-12)
        assert float(row["mean"]) == pytest.approx(float(archive.where(own).mean()), rel=1e-6)
        assert (row["outlines"] == "") == (row["cluster"] != "2")
    total = sum(int(row["cells"]) for row in rows)
    assert total == int(archive.notnull().sum())


def test_areas_are_those_of_the_outlines(months, tmp_path) -> None:
    run([months], tmp_path / "out", replace(OPTIONS, select="all", min_diameter="0px"))
    outlines = gpd.read_file(tmp_path / "out/outlines.gpkg")
    day = outlines["time"].astype(str).str[:10]
    total = 0.0
    for row in rows_of(tmp_path / "out"):
        own = outlines[(day == row["time"]) & (outlines["cluster"] == int(row["cluster"]))]
        assert own["area_km2"].sum() == pytest.approx(float(row["area_km2"]), rel=1e-9)
        assert len(own) == int(row["outlines"])
        total += float(row["area_km2"])
    assert total < 8 * 511e6  # of the globe


def test_parquet_holds_what_csv_holds(whole) -> None:
    table = pd.read_parquet(whole / "areas.parquet")
    rows = rows_of(whole)
    assert list(table.columns) == list(rows[0])
    assert table["cells"].tolist() == [int(row["cells"]) for row in rows]
    assert table["area_km2"].tolist() == [float(row["area_km2"]) for row in rows]


def test_labels_are_those_of_the_codebook(whole, months) -> None:
    best = fastkm.load_codebook(whole / "codebook.json")
    archive = open_archive(months).load()
    for number, path in enumerate(sorted((whole / "labels").iterdir())):
        with xr.open_dataset(path, mask_and_scale=False) as labels:
            expected = best.predict(archive[number].values)
            np.testing.assert_array_equal(labels["cluster"][0], expected)
            assert labels["time"].values[0] == archive.time.values[number]
            assert labels["cluster"].attrs["centroids"].tolist() == best.centroids.tolist()


def test_files_of_labels_keep_to_cf(whole) -> None:
    from tests.cf_checker import list_faults

    assert list_faults(min((whole / "labels").iterdir())) == []


def test_outlines_are_those_of_each_step_by_itself(whole, months) -> None:
    outlines = gpd.read_file(whole / "outlines.gpkg")
    assert outlines.crs.to_epsg() == 4326
    best = fastkm.load_codebook(whole / "codebook.json")
    archive = open_archive(months).load()
    rows = {row["time"]: row for row in rows_of(whole) if row["cluster"] == "2"}
    assert len(outlines) > 0
    for step in archive:
        labels = fastkm.raster.labels.label_raster(step, best)
        alone = fastkm.outline(labels, values=step, select="highest", min_diameter="2px")
        day = str(step.time.values)[:10]
        own = outlines[outlines["time"].astype(str).str[:10] == day]
        assert own["area_km2"].tolist() == pytest.approx(alone["area_km2"].tolist())
        assert own.geometry.normalize().geom_equals(
            gpd.GeoSeries(alone.geometry.tolist(), own.index, crs=4326).normalize()
        ).all() or len(own) == len(alone)
        assert int(rows[day]["outlines"]) == len(alone)
        if len(alone):
            assert float(rows[day]["longest_km"]) == alone["diameter_km"].max()


def test_the_summary_sums_up(whole) -> None:
    summary = json.loads((whole / "summary.json").read_text())
    rows = rows_of(whole)
    assert (summary["steps"], summary["inputs"], summary["left_out"]) == (8, 8, 0)
    assert (summary["first"], summary["last"]) == ("1988-01-15", "1988-08-15")
    mean = sum(float(row["area_km2"]) for row in rows if row["cluster"] == "2") / 8
    assert summary["clusters"][2]["mean_area_km2"] == pytest.approx(mean)
    assert summary["proven_optimal"] is True


def test_run_json_says_how(whole) -> None:
    told = json.loads((whole / "run.json").read_text())
    assert told["workers"] == 1
    assert told["steps"] == 8
    assert told["passes"] >= 1
    assert told["versions"]["fastkm"] == fastkm.__version__


def test_one_file_gives_what_monthly_files_give(whole, tmp_path) -> None:
    write_single(tmp_path / "pw.nc", 8)
    run([tmp_path / "pw.nc"], tmp_path / "out")
    assert (tmp_path / "out/areas.csv").read_bytes() == (whole / "areas.csv").read_bytes()
    assert codebook(tmp_path / "out")["centroids"] == codebook(whole)["centroids"]
    with xr.open_dataset(tmp_path / "out/labels/pw.nc", mask_and_scale=False) as labels:
        together = labels["cluster"].values
    for number, path in enumerate(sorted((whole / "labels").iterdir())):
        with xr.open_dataset(path, mask_and_scale=False) as one:
            np.testing.assert_array_equal(one["cluster"][0], together[number])


@pytest.mark.slow
def test_parts_of_any_length_give_the_same(tmp_path, monkeypatch) -> None:
    write_single(tmp_path / "pw.nc", 5)
    run([tmp_path / "pw.nc"], tmp_path / "whole")
    monkeypatch.setattr("fastkm.workflows.archive.step_tasks.PART_CELLS", 100)
    monkeypatch.setattr("fastkm.workflows.archive.fit.BLOCK_CELLS", 150)
    run([tmp_path / "pw.nc"], tmp_path / "cut")
    assert_equal(tmp_path / "whole", tmp_path / "cut")


def test_a_zarr_store_holds_the_same_labels(whole, months, tmp_path) -> None:
    run([months], tmp_path / "out", replace(OPTIONS, labels="zarr"))
    with xr.open_zarr(tmp_path / "out/labels.zarr", mask_and_scale=False, chunks=None) as labels:
        for number, path in enumerate(sorted((whole / "labels").iterdir())):
            with xr.open_dataset(path, mask_and_scale=False) as one:
                np.testing.assert_array_equal(one["cluster"][0], labels["cluster"][number])
    assert (tmp_path / "out/areas.csv").read_bytes() == (whole / "areas.csv").read_bytes()


def test_a_zarr_store_is_an_input(tmp_path) -> None:
    write_single(tmp_path / "pw.nc", 4)
    write_store(tmp_path / "pw.zarr", tmp_path / "pw.nc")
    run([tmp_path / "pw.nc"], tmp_path / "one")
    run([tmp_path / "pw.zarr"], tmp_path / "other")
    assert (tmp_path / "one/areas.csv").read_bytes() == (tmp_path / "other/areas.csv").read_bytes()


@pytest.mark.figures
def test_each_step_by_itself(months, tmp_path) -> None:
    run([months], tmp_path / "out", replace(OPTIONS, codebook="per-step"))
    stored = codebook(tmp_path / "out")
    assert stored["codebook"] == "per-step"
    for step, book in zip(open_archive(months).load(), stored["codebooks"], strict=True):
        best = fastkm.kmeans1d(step, 3)
        assert book["centroids"] == best.centroids.tolist()
        path = tmp_path / "out/labels" / f"pw_{int(step.time.dt.month)}.nc"
        with xr.open_dataset(path, mask_and_scale=False) as labels:
            np.testing.assert_array_equal(labels["cluster"][0], best.predict(step.values))
            np.testing.assert_array_equal(labels["centroids"][:, 0], best.centroids)


def test_the_codebook_of_a_file(whole, months, tmp_path) -> None:
    options = ArchiveOptions(codebook=whole / "codebook.json", min_diameter="2px")
    run([months], tmp_path / "out", options)
    assert (tmp_path / "out/areas.csv").read_bytes() == (whole / "areas.csv").read_bytes()


def test_areas_as_weights(months, tmp_path) -> None:
    run([months], tmp_path / "out", replace(OPTIONS, weights="area"))
    archive = open_archive(months).load()
    areas = fastkm.raster.grid.areas.cell_areas(archive.isel(time=0))
    best = fastkm.kmeans1d(archive, 3, weights=areas)
    assert codebook(tmp_path / "out")["centroids"] == best.centroids.tolist()


def test_k_may_be_chosen(months, tmp_path) -> None:
    options = replace(OPTIONS, ks=(2, 3, 4, 5), choose="silhouette")
    run([months], tmp_path / "out", options)
    results = fastkm.kmeans1d(open_archive(months).load(), range(2, 6))
    stored = codebook(tmp_path / "out")
    assert stored["k"] == fastkm.choose_k(results, "silhouette").k
    assert set(stored["scores"]) == {"2", "3", "4", "5"}


def test_years_box_and_mask(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 14)
    mask = np.ones((6, 8), np.float32)
    mask[2] = 0
    write_month(tmp_path / "mask.nc", 0, values=mask, valid_max=np.float32(75))
    options = replace(
        OPTIONS, years=(1988, 1988), bbox=(0, -40, 180, 40), mask=tmp_path / "mask.nc"
    )
    run([tmp_path / "in"], tmp_path / "out", options)
    seen = open_archive(
        tmp_path / "in", bbox=(0, -40, 180, 40), years=(1988, 1988), mask=tmp_path / "mask.nc"
    )
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 12 * 3
    assert sum(int(row["cells"]) for row in rows) == int(seen.notnull().sum())


def test_polygons_and_longitudes(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 3)
    basin = gpd.GeoDataFrame(geometry=[shapely.box(-170, -60, 100, 60)], crs=4326)
    basin.to_file(tmp_path / "basin.gpkg")
    options = replace(OPTIONS, mask=tmp_path / "basin.gpkg", mask_share=0.5, select="all")
    with pytest.warns(UserWarning, match=r"outlines\.gpkg has longitudes -180\.\.180, as maps do"):
        run([tmp_path / "in"], tmp_path / "map", options)
    run([tmp_path / "in"], tmp_path / "own", replace(options, longitudes="raster"))
    seen = open_archive(tmp_path / "in", mask=tmp_path / "basin.gpkg", mask_share=0.5)
    assert sum(int(row["cells"]) for row in rows_of(tmp_path / "map")) == int(seen.notnull().sum())
    found, own = (gpd.read_file(tmp_path / name / "outlines.gpkg") for name in ("map", "own"))
    assert -180 <= found.total_bounds[0] < 0 <= own.total_bounds[0]
    assert found.total_bounds[2] <= 180 < own.total_bounds[2]
    assert found["cells"].tolist() == own["cells"].tolist()
    with pytest.raises(ValueError, match="longitudes was raster and is not given"):
        run([tmp_path / "in"], tmp_path / "own", options, resume=True)


def test_outlines_are_shaped(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 1)
    shaped = replace(OPTIONS, select="all", longitudes="raster", simplify="2px", smooth=1)
    run([tmp_path / "in"], tmp_path / "out", shaped)
    run([tmp_path / "in"], tmp_path / "plain", replace(shaped, simplify=None, smooth=0))
    found, plain = (gpd.read_file(tmp_path / name / "outlines.gpkg") for name in ("out", "plain"))
    assert shapely.coverage_is_valid(found.geometry.array)
    assert not found.geometry.equals(plain.geometry)
    measures = [name for name in plain if name != "geometry"]
    assert found[measures].equals(plain[measures])
    with pytest.raises(ValueError, match="simplify was 2px and is 3px"):
        run([tmp_path / "in"], tmp_path / "out", replace(shaped, simplify="3px"), resume=True)


def test_packed_months(tmp_path) -> None:
    for month in range(3):
        write_packed(tmp_path / f"p_{month}.nc", month)
    run([tmp_path], tmp_path / "out")
    best = fastkm.kmeans1d(open_archive(tmp_path / "p_*.nc").load(), 3)
    assert codebook(tmp_path / "out")["counts"] == best.counts.tolist()


@pytest.mark.figures
def test_several_variables(tmp_path) -> None:
    write_sample_archive(tmp_path / "in", months=4, resolution=1.0, variables=2)
    names = ("precipitable_water", "wind_speed")
    options = ArchiveOptions(
        ks=(3,), variables=names, standardize=True, min_diameter="500km", bbox=(150, -10, 180, 10)
    )
    run([tmp_path / "in"], tmp_path / "out", options)
    stored = codebook(tmp_path / "out")
    assert stored["bands"] == list(names) or stored["names"] == list(names)
    rows = rows_of(tmp_path / "out")
    assert sum(stored["counts"]) == sum(int(row["cells"]) for row in rows)
    assert {"mean_precipitable_water", "mean_wind_speed"} <= set(rows[0])
    assert rows_of(tmp_path / "out")[0]["area_km2"]


@pytest.mark.figures
def test_grids_without_latitudes_have_cells_but_no_areas(tmp_path) -> None:
    times = np.array(["1988-01-15", "1988-02-15"], "M8[ns]")
    values = np.arange(96, dtype=np.float32).reshape(2, 6, 8)
    raster = xr.DataArray(values, {"time": times}, ("time", "row", "column"), "water")
    raster.to_netcdf(tmp_path / "plain.nc")
    with pytest.warns(UserWarning, match="no coordinate reference system"):
        run([tmp_path], tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert all(row["area_km2"] == "" and row["cells"] for row in rows)
    assert any(row["longest_px"] for row in rows)


@pytest.mark.figures
def test_a_single_step(tmp_path) -> None:
    write_months(tmp_path, 1)
    run([tmp_path], tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 3


@pytest.mark.slow
@pytest.mark.parametrize("columns", [3, 5])
def test_very_many_steps_share_columns_of_the_diagram(
    months, tmp_path, monkeypatch, columns
) -> None:
    seen = []
    from fastkm import plot

    drawn = plot.hovmoller_figure
    monkeypatch.setattr(plot, "hovmoller_figure", lambda *a, **k: seen.append(a) or drawn(*a, **k))
    monkeypatch.setattr("fastkm.workflows.archive.run.COLUMNS", columns)
    run([months], tmp_path / "out")
    times, _, share = seen[0]
    together = -(-8 // columns)
    assert len(times) == len(share) == -(-8 // together)
    labels = [
        xr.open_dataset(p, mask_and_scale=False)
        for p in sorted((tmp_path / "out/labels").iterdir())
    ]
    first = np.concatenate([one["cluster"].values for one in labels])[:together]
    expected = (first == 2).sum(axis=(0, 2)) / (first >= 0).sum(axis=(0, 2))
    np.testing.assert_allclose(share[0], expected, rtol=1e-6)
    for one in labels:
        one.close()
