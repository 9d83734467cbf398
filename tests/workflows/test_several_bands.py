"""Jobs and commands on several variables, several bands, and GeoTIFF."""

import csv
import sys

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr

import fastkm
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from tests.cli.test_commands import assert_failed, assert_wrong_usage, words
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, names, png_size, write_netcdf
from tests.small_tiffs import write_photo, write_satellite, write_tiff

COORDS = {
    "lat": (np.array([75.0, 45, 15, -15, -45, -75]), NORTH),
    "lon": (np.arange(0.0, 360, 45), EAST),
}


def write_climate(path, shift=0.0, **more):
    """Write temperature and rain: a warm wet belt, and a cell without rain."""
    belt = np.repeat(np.array([0, 1, 2, 2, 1, 0]), 8).reshape(6, 8)
    noise = np.random.default_rng(0).normal(0, 0.2, (2, 6, 8))
    rain = (belt * 1000 + 30 * noise[1] + shift).astype(np.float32)
    rain[5, 7] = -9
    attrs = {"units": "mm", "_FillValue": np.float32(-9)}
    variables = {"rain": (rain, attrs, ("lat", "lon")), **more}
    return write_netcdf(path, belt * 12.0 + noise[0], coords=COORDS, more=variables, units="degC")


@pytest.fixture
def climate(tmp_path):
    return write_climate(tmp_path / "climate.nc")


@pytest.fixture
def satellite(tmp_path):
    return write_satellite(tmp_path / "sat.tif")


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# Several variables.


@pytest.mark.figures
def test_variables_are_clustered_together(run, climate, tmp_path):
    out = tmp_path / "out"
    arguments = ("-v", "water", "-v", "rain", "-k", "2:3", "--standardize", "-o", out)
    status, printed, err = run("cluster", climate, *arguments)
    assert (status, err) == (0, "")
    written = {f"{stem}_k{k}" for k in (2, 3) for stem in ("labels", "codebook")}
    assert {name.split(".")[0] for name in names(out)} == {*written, "clusters"}
    assert "water degC" in words(printed)
    assert png_size(out / "clusters.png") > (300, 200)
    with xr.open_dataset(out / "labels_k3.nc", mask_and_scale=False) as file:
        labels = file.cluster
        assert labels.values[5, 7] == -1
        assert labels.attrs["_FillValue"] == -1
        assert labels.values[:, 0].tolist() == [0, 1, 2, 2, 1, 0]
        assert labels.attrs["bands"] == "water, rain"
        assert "standardized bands of water, rain, k = 3" in file.attrs["history"]


def test_table_has_a_column_a_band(climate, tmp_path):
    done = cluster_file(Selection(climate, ["water", "rain"]), [3], tmp_path / "out")
    rows = read_table(tmp_path / "out/clusters.csv")
    columns = ["k", "cluster", "water", "rain", "cells", "share", "area_km2", "area_share"]
    assert list(rows[0]) == columns
    expected = fastkm.cluster_raster(read_stack(climate, ["water", "rain"]), 3)
    for j, row in enumerate(rows):
        assert [float(row["water"]), float(row["rain"])] == expected.centroids.values[j].tolist()
        assert int(row["cells"]) == expected.counts[j] == done.counts[3][j]
        assert float(row["share"]) == expected.shares[j]


def test_columns_keep_their_own_names(tmp_path):
    more = {"share": (np.arange(48.0).reshape(6, 8), {}, ("lat", "lon"))}
    path = write_climate(tmp_path / "a.nc", **more)
    cluster_file(Selection(path, ["share", "rain"]), [2], tmp_path / "out")
    with (tmp_path / "out/clusters.csv").open() as file:
        assert (
            file.readline().strip() == "k,cluster,share (band),rain,cells,share,area_km2,area_share"
        )


@pytest.mark.figures
def test_one_k_of_several_variables_is_chosen(run, climate, tmp_path):
    out = tmp_path / "out"
    arguments = ("-v", "water", "-v", "rain", "-k", "2:4", "--choose", "silhouette", "-o", out)
    status, printed, _ = run("cluster", climate, *arguments)
    assert status == 0
    assert {"choice.csv", "choice.png"} < names(out)
    assert "chosen by silhouette: k = 3" in words(printed)
    assert "2 standard errors" in words(printed)


def test_cells_are_weighted_by_area(run, climate, tmp_path):
    both = ("-v", "water", "-v", "rain")
    for variables in (both, both[:2]):
        out = tmp_path / f"out{len(variables)}"
        arguments = ("-k", "3", "--weights", "area", "-o", out)
        assert run("cluster", climate, *variables, *arguments)[0] == 0
        rows = read_table(out / "clusters.csv")
        with xr.open_dataset(out / "labels_k3.nc") as file:
            areas = read_areas(climate, "water").values
            own = [float(areas[file.cluster.values == j].sum()) for j in range(3)]
        shares = [float(row["share"]) for row in rows]
        np.testing.assert_allclose(shares, np.array(own) / sum(own))
        assert shares[2] > 0.4


def test_codebook_labels_another_file(run, climate, tmp_path):
    both = ("-v", "water", "-v", "rain")
    run("cluster", climate, *both, "-k", "3", "--standardize", "-o", tmp_path / "a")
    other = write_climate(tmp_path / "next.nc", shift=100)
    codebook = tmp_path / "a/codebook_k3.json"
    status, printed, err = run("cluster", other, "--codebook", codebook, "-o", tmp_path / "b")
    assert (status, err) == (0, "")
    assert "3 clusters of codebook_k3.json" in words(printed)
    assert names(tmp_path / "b") == {"labels_k3.nc", "clusters.csv", "clusters.png"}
    with xr.open_dataset(tmp_path / "b/labels_k3.nc", mask_and_scale=False) as file:
        assert file.cluster.values[:, 0].tolist() == [0, 1, 2, 2, 1, 0]
        assert "inertia" not in file.cluster.attrs
    counts = [int(row["cells"]) for row in read_table(tmp_path / "b/clusters.csv")]
    assert sum(counts) == 47


def test_codebook_of_other_bands_is_refused(run, climate, satellite, tmp_path):
    cluster_file(Selection(climate, ["water", "rain"]), [2], tmp_path / "a")
    codebook = tmp_path / "a/codebook_k2.json"
    result = run("cluster", satellite, "--codebook", codebook, "-o", tmp_path / "b")
    assert_failed(result, "must have the bands water, rain, got red, nir, swir")
    result = run("cluster", climate, "-v", "rain", "--codebook", codebook, "-o", tmp_path / "b")
    assert_failed(result, "must have the bands water, rain, got rain")
    cluster_file(Selection(climate, "rain"), [2], tmp_path / "c")
    result = run(
        "cluster", satellite, "--codebook", tmp_path / "c/codebook_k2.json", "-o", tmp_path / "b"
    )
    assert_failed(result, "is the codebook of one band", "sat.tif gives several")


def test_all_times_are_bands(run, tmp_path):
    values = np.arange(2.0 * 48).reshape(2, 6, 8) % 7
    coords = COORDS | {"time": OCTOBER_NOVEMBER}
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "lat", "lon"), coords=coords)
    status, *_ = run("cluster", path, "--time", "all", "-k", "3", "-o", tmp_path / "out")
    assert status == 0
    heading = (tmp_path / "out/clusters.csv").read_text().splitlines()[0]
    assert heading == "k,cluster,2009-10-01,2009-11-01,cells,share,area_km2,area_share"


def test_mask_and_box_hold_for_all_variables(run, climate, tmp_path):
    keep = np.ones((6, 8), np.int8)
    keep[2] = 0
    mask = write_netcdf(tmp_path / "mask.nc", keep, coords=COORDS)
    both = ("-v", "water", "-v", "rain")
    options = ("--mask", mask, "--bbox", "40,-80,320,50", "-k", "2", "-o", tmp_path / "out")
    assert run("cluster", climate, *both, *options)[0] == 0
    with xr.open_dataset(tmp_path / "out/labels_k2.nc", mask_and_scale=False) as file:
        assert file.cluster.shape == (5, 7)
        assert (file.cluster.values[1] == -1).all()
        assert (file.cluster.values == -1).sum() == 8


@pytest.mark.filterwarnings("default")
def test_code_in_one_variable_is_pointed_at(run, tmp_path):
    odd = np.arange(48.0).reshape(6, 8)
    odd[0] = -500
    path = write_climate(tmp_path / "a.nc", odd=(odd, {}, ("lat", "lon")))
    _, _, err = run("cluster", path, "-v", "rain", "-v", "odd", "-k", "2", "-o", tmp_path / "out")
    assert err.startswith("note: -500 looks like a code for something missing; if it is one, ")
    assert err.count("\n") == 1


# GeoTIFF.


def test_all_bands_of_a_geotiff(run, satellite, tmp_path):
    out = tmp_path / "out"
    status, printed, err = run("cluster", satellite, "-k", "2:3", "-o", out)
    assert (status, err) == (0, "")
    assert {"labels_k2.tif", "labels_k3.tif", "codebook_k2.json"} < names(out)
    expected = fastkm.cluster_raster(read_stack(satellite), 3).labels.values
    with rasterio.open(satellite) as old, rasterio.open(out / "labels_k3.tif") as new:
        assert (new.crs, new.transform) == (old.crs, old.transform)
        found = new.read(1).astype(int)
        np.testing.assert_array_equal(np.where(found == 255, -1, found), expected)
        assert "cluster_raster of red, nir, swir, k = 3, in sat.tif" in new.tags()["history"]
    assert "cluster red nir swir cells share" in " ".join(words(printed).split())


@pytest.mark.figures
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_photo_has_the_colours_of_its_centroids(run, tmp_path):
    photo = write_photo(tmp_path / "photo.tif")
    out = tmp_path / "out"
    status, _, err = run("cluster", photo, "-k", "4", "-o", out)
    assert (status, err) == (0, "")
    rows = read_table(out / "clusters.csv")
    with rasterio.open(out / "labels_k4.tif") as file:
        table = file.colormap(1)
        for j, row in enumerate(rows):
            expected = [round(float(row[band])) for band in ("red", "green", "blue")]
            assert list(table[j][:3]) == expected
    assert png_size(out / "clusters.png") > (300, 100)


@pytest.mark.parametrize("option", [("--band", "2"), ("-v", "nir")])
def test_one_band_goes_to_the_optimum(run, satellite, tmp_path, option):
    out = tmp_path / "out"
    assert run("cluster", satellite, *option, "-k", "2", "-o", out)[0] == 0
    stored = fastkm.load_codebook(out / "codebook_k2.json")
    expected = fastkm.kmeans1d(fastkm.read_raster(satellite, "nir"), 2)
    np.testing.assert_array_equal(stored.centroids, expected.centroids)
    with rasterio.open(out / "labels_k2.tif") as file:
        assert (file.read(1) == 255).sum() == 2
        assert file.descriptions == ("cluster of nir",)


def test_bands_are_chosen_by_number(run, satellite, tmp_path):
    bands = ("--band", "3", "--band", "1")
    assert run("cluster", satellite, *bands, "-k", "2", "-o", tmp_path / "out")[0] == 0
    heading = (tmp_path / "out/clusters.csv").read_text().splitlines()[0]
    assert heading == "k,cluster,swir,red,cells,share,area_km2,area_share"
    result = run("cluster", satellite, "--band", "9", "-k", "2", "-o", tmp_path / "other")
    assert_failed(result, "band must be 1 to 3", "got 9")
    assert_wrong_usage(
        run("cluster", satellite, "--band", "0", "-k", "2", "-o", tmp_path), "--band"
    )


def test_label_map_alone_has_the_format_of_its_name(run, satellite, climate, tmp_path):
    for file, arguments in (
        (satellite, ()),
        (climate, ("-v", "water")),
        (satellite, ("--band", "1")),
    ):
        for suffix in (".tif", ".nc"):
            out = tmp_path / "maps" / f"labels{suffix}"
            status, printed, err = run("cluster", file, *arguments, "-k", "2", "-o", out)
            assert (status, err) == (0, "")
            assert f"wrote {out}" in printed
    assert names(tmp_path / "maps") == {"labels.tif", "labels.nc"}
    with rasterio.open(satellite) as old, rasterio.open(tmp_path / "maps/labels.tif") as new:
        assert (new.crs, new.transform) == (old.crs, old.transform)
    with xr.open_dataset(tmp_path / "maps/labels.nc", decode_coords="all") as file:
        assert file.rio.crs.to_epsg() == 32633


def test_netcdf_becomes_a_geotiff_in_degrees(run, climate, tmp_path):
    out = tmp_path / "labels.tif"
    assert run("cluster", climate, "-v", "water", "-v", "rain", "-k", "3", "-o", out)[0] == 0
    with rasterio.open(out) as file:
        assert file.crs.to_epsg() == 4326
        assert file.bounds == (-22.5, -90, 337.5, 90)
        assert file.read(1)[:, 0].tolist() == [0, 1, 2, 2, 1, 0]


def test_label_map_alone_by_a_codebook(climate, satellite, tmp_path):
    cluster_file(Selection(climate, ["water", "rain"]), [2], tmp_path / "a")
    done = label_file(Selection(climate), tmp_path / "a/codebook_k2.json", tmp_path / "b.nc")
    assert done.files == [tmp_path / "b.nc"]
    cluster_file(Selection(satellite, bands=[1]), [2], tmp_path / "c")
    done = label_file(
        Selection(satellite, bands=[1]), tmp_path / "c/codebook_k2.json", tmp_path / "d.tif"
    )
    assert done.files == [tmp_path / "d.tif"]


def test_one_label_map_holds_one_k(run, satellite, tmp_path):
    out = tmp_path / "labels.tif"
    result = run("cluster", satellite, "-k", "2:3", "-o", out)
    assert_wrong_usage(result, "--output", "holds the label map of one k, got 2")
    with pytest.raises(ValueError, match="label map of one k"):
        cluster_file(Selection(satellite), [2, 3], out)


def test_options_that_do_not_fit_are_wrong_usage(run, satellite, tmp_path):
    assert_wrong_usage(
        run("cluster", satellite, "-k", "2", "--weights", "mass", "-o", tmp_path), "--weights"
    )
    for option in (("--standardize",), ("--weights", "area")):
        result = run("cluster", satellite, "--codebook", "a.json", *option, "-o", tmp_path)
        assert_wrong_usage(result, "--standardize")


def test_cells_of_a_projected_raster_are_weighted_by_area(run, satellite, tmp_path):
    result = run("cluster", satellite, "-k", "2", "--weights", "area", "-o", tmp_path / "out")
    assert result.status == 0
    assert (tmp_path / "out" / "clusters.csv").is_file()


def test_areas_of_a_raster_that_lies_nowhere_fail(run, tmp_path):
    path = write_netcdf(tmp_path / "a.nc", np.arange(12.0).reshape(3, 4), ("y", "x"))
    result = run("cluster", path, "-k", "2", "--weights", "area", "-o", tmp_path / "out")
    assert_failed(result, "need latitudes and longitudes in degrees")
    assert not (tmp_path / "out").exists()


def test_info_describes_each_band(run, satellite):
    status, out, _ = run("info", satellite)
    assert status == 0
    assert "nir (y 6 x x 8)" in words(out)
    assert "missing by _FillValue 2" in words(out)


@pytest.mark.figures
def test_outlines_are_in_the_reference_system_of_the_file(run, satellite, tmp_path):
    out = tmp_path / "a.gpkg"
    arguments = ("-v", "nir", "-k", "2", "-o", out, "--map", tmp_path / "map.png")
    status, *_ = run("outline", satellite, *arguments)
    assert status == 0
    found = gpd.read_file(out)
    assert found.crs.to_epsg() == 32633
    np.testing.assert_allclose(found.total_bounds, [500_120, 4_999_880, 500_240, 5_000_000])
    unnamed = run("outline", satellite, "-k", "2", "-o", out)
    assert_failed(unnamed, "name one of its bands: red", ", such as -v red; or cluster all of them")
    assert_failed(unnamed, "-k 2 -o labels.tif, then fastkm outline labels.tif -k 2 --select all")


def test_outline_of_a_turned_grid(run, tmp_path):
    values = np.zeros((4, 4))
    values[1, 2] = 1
    move = rasterio.Affine(0, 10, 500_000, 10, 0, 4_000_000)  # rows run east, columns north
    path = write_tiff(tmp_path / "a.tif", values, transform=move)
    out = tmp_path / "a.gpkg"
    assert run("outline", path, "-k", "2", "-o", out)[0] == 0
    centre = gpd.read_file(out).geometry[0].centroid
    assert (centre.x, centre.y) == (500_015, 4_000_025)


def test_missing_extra_is_one_sentence(run, satellite, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rioxarray", None)
    result = run("cluster", satellite, "-k", "2", "-o", tmp_path / "out")
    assert_failed(result, "pip install 'fastkm[tiff]'")


def test_damaged_geotiff_fails(run, tmp_path):
    (tmp_path / "a.tif").write_text("nothing")
    assert_failed(run("info", tmp_path / "a.tif"), "cannot be read as GeoTIFF")


def test_outlines_are_of_one_variable(climate):
    with pytest.raises(ValueError, match="one variable is needed, got water, rain"):
        Selection(climate, ["water", "rain"]).read()
    assert Selection(climate, ["rain"]).read().identical(Selection(climate, "rain").read())
