"""Whole jobs on files: clusters and outlines."""

import csv
import json

import geopandas as gpd
import netCDF4
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.cluster.codebook import select_clusters
from fastkm.plot import map_figure
from fastkm.raster.codebook import load_codebook
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import OutlineOptions, outline_file
from tests.small_files import EAST, NORTH, names, png_size, write_netcdf
from tests.steps import Steps


@pytest.mark.figures
def test_clusters_leave_their_files(basin, tmp_path):
    steps = Steps()
    done = cluster_file(Selection(basin), [2, 4], tmp_path / "out", progress=steps)
    codebooks = ["codebook_k2.json", "codebook_k4.json"]
    expected = ["labels_k2.nc", "labels_k4.nc", *codebooks, "clusters.csv", "clusters.png"]
    assert [file.name for file in done.files] == expected
    assert done.choice is None
    assert names(tmp_path / "out") == set(expected)
    assert len(steps.stages) == 4
    assert list(done.codebooks) == [2, 4]
    assert png_size(tmp_path / "out/clusters.png") > (500, 200)


def test_clusters_leave_missing_cells_out(basin, tmp_path):
    done = cluster_file(Selection(basin), [3], tmp_path)
    raster = fastkm.read_raster(basin)
    assert done.counts[3].sum() == raster.count()
    assert done.codebooks[3].centroids.min() > 0
    labels = fastkm.read_raster(tmp_path / "labels_k3.nc")
    np.testing.assert_array_equal(labels.isnull(), raster.isnull())
    np.testing.assert_array_equal(labels, done.codebooks[3].predict(raster).where(raster.notnull()))


def test_label_files_tell_where_they_come_from(basin, tmp_path):
    cluster_file(Selection(basin), [3], tmp_path)
    with netCDF4.Dataset(tmp_path / "labels_k3.nc") as file:
        assert file.source == "basin.nc: water"
        assert "kmeans1d" in file.history
        assert "k = 3" in file.history
    with xr.open_dataset(tmp_path / "labels_k3.nc") as file:
        assert str(file.time.dt.strftime("%Y-%m-%d").values) == "2009-10-16"


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_a_row_a_cluster(basin, tmp_path):
    done = cluster_file(Selection(basin), [2, 3], tmp_path)
    rows = read_table(tmp_path / "clusters.csv")
    assert [(row["k"], row["cluster"]) for row in rows] == [
        ("2", "0"), ("2", "1"), ("3", "0"), ("3", "1"), ("3", "2"),
    ]  # fmt: skip
    for k, result in done.codebooks.items():
        own = [row for row in rows if row["k"] == str(k)]
        assert [float(row["centroid"]) for row in own] == result.centroids.tolist()
        assert [int(row["cells"]) for row in own] == result.counts.tolist()
        assert [row["above"] for row in own] == ["", *map(str, result.breaks.tolist())]
        assert [row["up_to"] for row in own] == [*map(str, result.breaks.tolist()), ""]
        assert sum(float(row["share"]) for row in own) == pytest.approx(1)


def test_codebooks_are_the_clusters(basin, tmp_path):
    done = cluster_file(Selection(basin), [2, 3], tmp_path)
    for k, result in done.codebooks.items():
        loaded = load_codebook(tmp_path / f"codebook_k{k}.json")
        np.testing.assert_array_equal(loaded.breaks, result.breaks)
        np.testing.assert_array_equal(done.counts[k], result.counts)


@pytest.mark.figures
@pytest.mark.parametrize("criterion", ["silhouette", "elbow"])
def test_one_k_is_chosen(basin, tmp_path, criterion):
    steps = Steps()
    out = tmp_path / "out"
    done = cluster_file(Selection(basin), range(1, 4), out, choose=criterion, progress=steps)
    assert done.choice.criterion == criterion
    assert steps.stages[-1] == "write and draw the scores"
    assert [file.name for file in done.files[-2:]] == ["choice.csv", "choice.png"]
    assert {f"labels_k{k}.nc" for k in range(1, 4)} < names(out)
    assert png_size(out / "choice.png") > (600, 400)
    rows = read_table(out / "choice.csv")
    assert [row["k"] for row in rows] == ["1", "2", "3"]
    assert [int(row["k"]) for row in rows if row["chosen"] == "1"] == [done.choice.k]
    assert {row["criterion"] for row in rows} == {criterion}
    scores = {int(row["k"]): float(row["score"]) for row in rows if row["score"]}
    assert scores == done.choice.scores
    errors = {int(row["k"]): float(row["error"]) for row in rows if row["error"]}
    assert errors == done.choice.errors


def test_criterion_that_cannot_choose_writes_nothing(basin, tmp_path):
    with pytest.raises(ValueError, match="at least three k"):
        cluster_file(Selection(basin), [2, 3], tmp_path / "out", choose="elbow")
    assert not (tmp_path / "out").exists()


def test_impossible_k_is_left_out_with_a_warning(tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    with pytest.warns(UserWarning, match="k = 4 is left out"):
        done = cluster_file(Selection(path), [3, 4], tmp_path / "out")
    assert list(done.codebooks) == [3]
    assert "labels_k4.nc" not in names(tmp_path / "out")


def test_more_clusters_than_values_are_a_cluster_error(tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    with pytest.raises(fastkm.ClusterError):
        cluster_file(Selection(path), [9], tmp_path / "out")


def test_box_time_and_mask_go_through(basin, tmp_path):
    longitude = fastkm.read_raster(basin).longitude.values
    latitude = fastkm.read_raster(basin).latitude.values
    half = np.ones((12, 24), np.int8) * (latitude > 0)[:, None]
    coords = {"latitude": (latitude, NORTH), "longitude": (longitude, EAST)}
    dims = ("latitude", "longitude")
    mask = write_netcdf(tmp_path / "mask.nc", half, dims, coords=coords)
    box = (90.0, -30.0, 270.0, 60.0)
    done = cluster_file(Selection(basin, "water", "2009-10", box, mask), [2], tmp_path / "out")
    expected = fastkm.read_raster(basin, bbox=box)
    expected = expected.where(expected.latitude > 0)
    assert done.counts[2].sum() == expected.count()
    with xr.open_dataset(tmp_path / "out/labels_k2.nc") as labels:
        np.testing.assert_array_equal(labels.longitude, expected.longitude)
        np.testing.assert_array_equal(labels.cluster.isnull(), expected.isnull())


def test_unknown_time_writes_nothing(basin, tmp_path):
    with pytest.raises(ValueError, match="time"):
        cluster_file(Selection(basin, time=7), [2], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Labels by a codebook.


def test_codebook_labels_another_file(basin, tmp_path):
    fastkm.kmeans1d([10.0, 11.0, 39.0, 40.0, 70.0], 3).save(tmp_path / "book.json")
    steps = Steps()
    out = tmp_path / "out"
    done = label_file(Selection(basin), tmp_path / "book.json", out, progress=steps)
    expected = ["labels_k3.nc", "clusters.csv", "clusters.png"]
    assert [file.name for file in done.files] == expected
    assert names(out) == set(expected)
    assert len(steps.stages) == 4
    raster = fastkm.read_raster(basin)
    labels = np.digitize(raster, [25.0, 54.75], right=True)
    with xr.open_dataset(out / "labels_k3.nc") as file:
        np.testing.assert_array_equal(file.cluster.isnull(), raster.isnull())
        np.testing.assert_array_equal(file.cluster, np.where(raster.isnull(), np.nan, labels))
        assert "book.json" in file.attrs["history"]
        assert file.attrs["source"] == "basin.nc: water"
        assert "inertia" not in file.cluster.attrs


def test_a_codebook_of_other_units_is_noted(basin, tmp_path):
    book = tmp_path / "book.json"  # as an archive writes it
    stored = fastkm.kmeans1d([10.0, 11.0, 39.0, 40.0, 70.0], 3).to_dict()
    book.write_text(json.dumps({**stored, "names": ["water"], "units": ["inch"]}))
    with pytest.warns(UserWarning, match="raster is in .*, the codebook in inch: convert"):
        label_file(Selection(basin), book, tmp_path / "out")


def test_cells_of_a_codebook_are_those_of_the_file(basin, tmp_path):
    fastkm.kmeans1d([10.0, 11.0, 39.0, 40.0, 70.0], 3).save(tmp_path / "book.json")
    done = label_file(Selection(basin), tmp_path / "book.json", tmp_path / "out")
    raster = fastkm.read_raster(basin).values
    present = raster[np.isfinite(raster)]
    cells = np.bincount(np.digitize(present, [25.0, 54.75], right=True), minlength=3)
    assert done.counts[3].tolist() == cells.tolist()
    rows = read_table(tmp_path / "out/clusters.csv")
    assert [int(row["cells"]) for row in rows] == cells.tolist()
    shares = [float(row["share"]) for row in rows]
    assert shares == pytest.approx((cells / cells.sum()).tolist())
    assert [float(row["centroid"]) for row in rows] == [10.5, 39.5, 70.0]


def test_own_codebook_gives_the_same_labels(basin, tmp_path):
    one = cluster_file(Selection(basin), [4], tmp_path / "one")
    other = label_file(Selection(basin), tmp_path / "one/codebook_k4.json", tmp_path / "other")
    with (
        xr.open_dataset(tmp_path / "one/labels_k4.nc") as first,
        xr.open_dataset(tmp_path / "other/labels_k4.nc") as second,
    ):
        xr.testing.assert_equal(first.cluster, second.cluster)
    np.testing.assert_array_equal(one.counts[4], other.counts[4])
    tables = [(tmp_path / name / "clusters.csv").read_text() for name in ("one", "other")]
    assert tables[0] == tables[1]


@pytest.mark.figures
def test_file_without_a_cell_has_labels_of_missing(tmp_path):
    fastkm.kmeans1d([1.0, 9.0], 2).save(tmp_path / "book.json")
    path = write_netcdf(tmp_path / "none.nc", np.full((3, 4), np.nan))
    done = label_file(Selection(path), tmp_path / "book.json", tmp_path / "out")
    assert done.counts[2].tolist() == [0, 0]
    rows = read_table(tmp_path / "out/clusters.csv")
    assert [row["share"] for row in rows] == ["0.0", "0.0"]


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '{"k": 3'])
def test_damaged_codebook_writes_nothing(basin, tmp_path, text):
    (tmp_path / "book.json").write_text(text)
    with pytest.raises(ValueError, match=r"book\.json"):
        label_file(Selection(basin), tmp_path / "book.json", tmp_path / "out")
    with pytest.raises(OSError, match=r"nowhere\.json"):
        label_file(Selection(basin), tmp_path / "nowhere.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Outlines.


@pytest.mark.figures
def test_outlines_are_written_and_drawn(basin, tmp_path):
    steps = Steps()
    done = outline_file(
        Selection(basin), [3], "highest", tmp_path / "o/moist.gpkg", map_path=tmp_path / "o/map.png",
        progress=steps,
    )  # fmt: skip
    assert names(tmp_path / "o") == {"moist.gpkg", "map.png"}
    assert [file.name for file in done.files] == ["moist.gpkg", "map.png"]
    assert steps.stages[-1] == "draw the map"
    assert png_size(tmp_path / "o/map.png") > (800, 400)
    found = gpd.read_file(tmp_path / "o/moist.gpkg", engine="pyogrio")
    assert len(found) == len(done.outlines) == 1
    assert found.crs.to_epsg() == 4326
    assert found["k"].tolist() == [3]
    assert found["cluster"].tolist() == [2]
    assert found["value"][0] == done.results[3].centroids[2]


@pytest.mark.parametrize("select", ["highest", "lowest", 1])
def test_outlines_hold_the_cells_of_the_cluster(basin, tmp_path, select):
    own = OutlineOptions(longitudes="raster")
    done = outline_file(Selection(basin), [3], select, tmp_path / "a.geojson", options=own)
    cluster = {"highest": 2, "lowest": 0, 1: 1}[select]
    assert done.selected == {3: [cluster]}
    raster = fastkm.read_raster(basin)
    longitude, latitude = np.meshgrid(raster.longitude, raster.latitude)
    inside = shapely.contains_xy(
        done.outlines.union_all(), longitude.astype(float), latitude.astype(float)
    )
    np.testing.assert_array_equal(inside, done.results[3].predict(raster) == cluster)


def test_several_k_are_in_one_file_and_on_a_map_each(basin, tmp_path):
    done = outline_file(
        Selection(basin), [2, 3], "all", tmp_path / "a.gpkg", map_path=tmp_path / "map.png"
    )
    assert names(tmp_path) == {"a.gpkg", "map_k2.png", "map_k3.png"}
    found = gpd.read_file(tmp_path / "a.gpkg", engine="pyogrio")
    assert set(zip(found["k"], found["cluster"], strict=True)) == {
        (2, 0), (2, 1), (3, 0), (3, 1), (3, 2),
    }  # fmt: skip
    cells = int(fastkm.read_raster(basin).notnull().sum())
    assert found.groupby("k")["cells"].sum().tolist() == [cells, cells]
    assert list(done.selected) == [2, 3]


def test_areas_are_those_of_the_bounds_in_the_file(tmp_path):
    import xarray as xr

    raster = xr.DataArray(
        [[1.0, 9.0]], {"lat": [0.5], "lon": [0.5, 1.5]}, ("lat", "lon"), name="water"
    )
    raster["lat"].attrs["bounds"] = "lat_bnds"
    limits = (("lat", "nv"), [[0.0, 2.0]])
    xr.Dataset({"water": raster, "lat_bnds": limits}).to_netcdf(tmp_path / "in.nc")
    done = outline_file(Selection(tmp_path / "in.nc"), [2], "all", tmp_path / "a.gpkg")
    two_degrees_high = 24_613.278844  # km2 between two meridians and the parallels 0 and 2
    np.testing.assert_allclose(done.outlines["area_km2"], two_degrees_high, rtol=1e-9)


def test_all_parts_of_a_shapefile_are_listed(basin, tmp_path):
    done = outline_file(Selection(basin), [3], "highest", tmp_path / "a.shp")
    assert {file.name for file in done.files} == {
        f"a.{e}" for e in ("shp", "shx", "dbf", "prj", "cpg")
    }


def test_smallest_diameter_goes_through(basin, tmp_path):
    with pytest.warns(UserWarning, match="no outline is longer than 1,000,000 px"):
        done = outline_file(
            Selection(basin), [3], 2, tmp_path / "a.gpkg", options=OutlineOptions(min_diameter=1e6)
        )
    assert len(done.outlines) == 0
    assert len(gpd.read_file(tmp_path / "a.gpkg", engine="pyogrio")) == 0


@pytest.mark.filterwarnings("ignore:no outline is longer")
@pytest.mark.figures
def test_map_of_no_outlines_is_drawn(basin, tmp_path):
    outline_file(
        Selection(basin),
        [3],
        2,
        tmp_path / "a.gpkg",
        options=OutlineOptions(min_diameter=1e6),
        map_path=tmp_path / "m.png",
    )
    assert png_size(tmp_path / "m.png") > (800, 400)


def test_box_and_mask_go_through_to_outlines(basin, tmp_path):
    box = (90.0, -30.0, 270.0, 60.0)
    mask = write_netcdf(
        tmp_path / "mask.nc",
        np.ones((12, 24), np.int8) * (np.arange(24) > 9),
        ("latitude", "longitude"),
        coords={
            "latitude": (np.linspace(-55, 55, 12), NORTH),
            "longitude": (np.arange(7.5, 360, 15), EAST),
        },
    )
    options = OutlineOptions(longitudes="raster")
    selection = Selection(basin, bbox=box, mask=mask)
    done = outline_file(selection, [1], 0, tmp_path / "a.gpkg", options=options)
    west, south, east, north = done.outlines.total_bounds
    assert (west, east) == (150, 270)
    assert (south, north) == (-30, 60)


def test_outlines_across_the_seam_have_a_crs(basin, tmp_path):
    done = outline_file(Selection(basin, bbox=(270, -60, 180, 60)), [3], 2, tmp_path / "a.gpkg")
    assert done.outlines.crs is not None
    assert done.outlines.crs.to_epsg() == 4326


@pytest.mark.filterwarnings("ignore:.*no coordinate reference system")
@pytest.mark.parametrize("extension", [".shp", ".gpkg", ".geojson"])
def test_projected_outlines_are_drawn_in_their_own_plane(tmp_path, monkeypatch, extension):
    figures = []

    def draw(*arguments, **options):
        figures.append(map_figure(*arguments, **options))
        return figures[-1]

    monkeypatch.setattr("fastkm.plot.map_figure", draw)
    coords = {
        "y": (np.arange(8) * 1000.0, {"units": "m"}),
        "x": (np.arange(9) * 1e3, {"units": "m"}),
    }
    path = write_netcdf(
        tmp_path / "in.nc", np.arange(72.0).reshape(8, 9), ("y", "x"), coords=coords
    )
    drawn = tmp_path / "map.png"
    done = outline_file(Selection(path), [2], 1, tmp_path / f"a{extension}", map_path=drawn)
    assert done.outlines.crs is None
    west, east = figures[0].axes[0].get_xlim()
    assert west < 0
    assert 8000 < east < 10_000


@pytest.mark.parametrize(
    ("select", "output", "message"),
    [
        ("top", "a.shp", "select must be"),
        (3, "a.shp", "select must be"),
        (0, "a.kml", "must end in"),
    ],
)
def test_wrong_choice_is_refused_before_anything_is_read(tmp_path, select, output, message):
    with pytest.raises(ValueError, match=message):
        outline_file(Selection(tmp_path / "nowhere.nc"), [3], select, tmp_path / output)


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("highest", [5]),
        ("lowest", [0]),
        ("all", [0, 1, 2, 3, 4, 5]),
        (0, [0]),
        (5, [5]),
        ("3", [3]),
        (np.int64(2), [2]),
    ],
)
def test_clusters_are_chosen_by_name_or_number(select, expected):
    assert select_clusters(select, 6) == expected


@pytest.mark.parametrize("select", ["", "Highest!", "-1", 6, -1, "1.5"])
def test_choice_that_is_none_is_refused(select):
    with pytest.raises(ValueError, match=r"select must be all, highest, lowest or 0 to 5, got"):
        select_clusters(select, 6)


@pytest.mark.figures
def test_outlines_of_a_polar_grid_are_the_same_by_cells_and_by_projection(tmp_path):
    import xarray as xr
    from pyproj import CRS, Transformer

    x = np.linspace(-3e6, 3e6, 31)
    y = x[::-1]
    longitude, latitude = Transformer.from_crs(3413, 4326, always_xy=True).transform(
        *np.meshgrid(x, y)
    )
    water = ("y", "x"), latitude + 3 * np.sin(np.radians(3 * longitude))
    north, east = (("y", "x"), latitude, NORTH), (("y", "x"), longitude, EAST)
    by_cell = xr.Dataset({"water": (*water, {"coordinates": "lat lon"}), "lat": north, "lon": east})
    by_cell.to_netcdf(tmp_path / "cells.nc")
    crs = xr.DataArray(0, attrs=CRS.from_epsg(3413).to_cf())
    projected = xr.Dataset({"water": (*water, {"grid_mapping": "crs"}), "crs": crs})
    projected.assign_coords(x=x, y=y).to_netcdf(tmp_path / "plane.nc")
    cells, plane = (
        outline_file(
            Selection(tmp_path / f"{name}.nc"), [4], "all", tmp_path / f"{name}.gpkg",
            map_path=tmp_path / f"{name}.png",
        ).outlines
        for name in ("cells", "plane")
    )  # fmt: skip
    assert (cells.crs.to_epsg(), plane.crs.to_epsg()) == (4326, 3413)
    assert cells.is_valid.all()
    assert cells["cells"].tolist() == plane["cells"].tolist()
    for column in ("area_km2", "perimeter_km", "diameter_km"):
        np.testing.assert_allclose(cells[column], plane[column], rtol=0.01)
    assert cells.total_bounds[3] == 90
