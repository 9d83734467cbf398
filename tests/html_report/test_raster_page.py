"""Pages of one raster in a real browser: what is under the cursor, and what the keys do."""

import re
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import fastkm
from tests.conftest import needs_jit
from tests.label_maps import polar
from tests.small_files import REAL

pytestmark = needs_jit

RIGHT, DOWN, ENTER, ESCAPE = "\ue014", "\ue015", "\ue007", "\ue00c"
NASTY = "</script><script>window.hit = 1</script> $$\\frac{1}{2}$$ \"quoted\" 'single' &amp; <b>bold</b>"


def read_place(text):
    """Return latitude, longitude, and what is said of the cell."""
    found = re.match(r"([\d.]+)°([NS]?), ([\d.]+)°([EW]?): (.*)", text)
    assert found, text
    north, east = (float(found[i]) * (-1 if found[i + 1] in {"S", "W"} else 1) for i in (1, 3))
    return north, east, found[5]


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    """The page of the real raster, by the command; and its raster."""
    if not REAL.exists():
        pytest.skip("needs the real raster")
    folder = tmp_path_factory.mktemp("real")
    options = ["-k", "2:6", "--choose", "elbow", "-o", "out", "--report", "report.html"]
    done = subprocess.run(
        [sys.executable, "-m", "fastkm", "cluster", str(REAL.resolve()), *options],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path = folder / "report.html"
    assert done.stdout.splitlines()[-1] == f"wrote {path.as_uri()}"
    return path, fastkm.read_raster(REAL)


def test_the_real_raster_reads_true_under_the_cursor(page, water):
    path, raster = water
    results = fastkm.cluster_raster(raster, range(2, 7))
    page.open(path)
    chosen = int(page.find("input[name=clustering]:checked").get_property("parentElement").text)
    for choice in page.find_all("input[name=clustering]"):
        k = int(choice.get_property("parentElement").text)
        page.click(choice)
        for latitude, longitude in ((0.5, 150.5), (-40.5, 200.5), (20.5, 330.5), (45.5, 180.5)):
            page.point_at("map", longitude, latitude)
            north, east, words = read_place(page.text("#reading"))
            here = {"latitude": north, "longitude": east % 360}
            assert abs(north - latitude) <= 0.5
            assert abs(east % 360 - longitude) <= 0.5
            label = int(results[k].labels.sel(here, method="nearest"))
            if label < 0:
                assert words == "missing"
                continue
            value, cluster = re.match(r"([\d.]+) .*, cluster (\d+) ", words).groups()
            assert int(cluster) == label
            assert float(value) == pytest.approx(
                float(raster.sel(here, method="nearest")), abs=0.005
            )
    assert f"{chosen} clusters were chosen among 2 to 6" in page.find("main").text


def test_the_real_page_is_small_and_soon_there(page, water):
    path, _ = water
    assert path.stat().st_size < 3_000_000
    page.open(path)
    assert 0 < page.measure_first_paint() < 30  # measured on an idle machine: see the README


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_into_every_window(page, water, width, dark):
    page.open(water[0], width=width, dark=dark)
    assert page.find_overflow() <= 0
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 300) == dark


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small globe with regions and the page of it."""
    latitude, longitude = np.arange(-87.5, 90, 5), np.arange(2.5, 360, 5)
    y, x = np.meshgrid(latitude, longitude, indexing="ij")
    values = 50 * np.cos(np.radians(y)) + 10 * np.sin(np.radians(3 * x))
    values[10:14, 20:24] = np.nan
    coords = {"latitude": latitude, "longitude": longitude}
    raster = xr.DataArray(values, coords, ("latitude", "longitude"), "water", {"units": "kg m-2"})
    results = fastkm.cluster_raster(raster, [2, 3])
    outlines = fastkm.outline(results[3].labels, values=raster)
    path = tmp_path_factory.mktemp("world") / "world.html"
    choice = fastkm.choose_k(results)
    fastkm.report(results, path, raster=raster, outlines=outlines, choice=choice)
    return path, raster, results, outlines


def test_the_keyboard_reads_cell_after_cell(page, world):
    path, _, results, _ = world
    page.open(path)
    page.focus(page.find("#figure-map"))
    page.press(RIGHT)
    north, east, _ = read_place(page.text("#announced"))
    page.press(RIGHT, RIGHT, DOWN)
    later = read_place(page.text("#announced"))
    assert (later[0], later[1] % 360) == (north - 5, (east + 10) % 360)
    here = {"latitude": later[0], "longitude": later[1] % 360}
    k = int(page.find("input[name=clustering]:checked").get_property("parentElement").text)
    assert f"cluster {int(results[k].labels.sel(here))} " in later[2]
    page.press(ESCAPE)
    assert "Point at a cell" in page.text("#reading")


def test_a_region_is_chosen_by_its_row(page, world):
    path, _, _, outlines = world
    page.open(path)
    rows = page.find_all("#regions tbody tr")
    assert len(rows) == len(outlines)
    start = "return drawn[0].document.roots()[0].x_range.start"
    whole = page.settle(start)  # the layout has come to rest
    page.click(rows[1])
    script = "return drawn[0].document.get_model_by_name('chosen-region').data.xs.length"
    page.wait(f"{script} === 1")
    assert page.run(start) != whole
    button = rows[1].find_element("css selector", "button")
    assert button.get_attribute("aria-pressed") == "true"
    page.focus(button)
    page.press(ENTER)  # no longer
    page.wait(f"{script} === 0")
    assert page.settle(start) == pytest.approx(whole)  # labels of the axes change the frame


def test_a_cluster_is_seen_alone(page, world):
    page.open(world[0])
    script = """
        const image = drawn[0].document.get_model_by_name('cells').data.image[0];
        return new Set(Array.from(image, (pixel) => pixel >>> 24)).size;
    """
    before = page.run(script)
    rows = page.find_all("table[id^=clusters] tbody tr")
    page.click(next(row for row in rows if row.is_displayed()))
    assert page.run(script) == before + 1


def test_bands_of_a_projected_geotiff(page, tmp_path):
    pytest.importorskip("rasterio")
    from tests.small_tiffs import write_tiff

    rng = np.random.default_rng(0)
    bands = (
        rng.normal(0, 1, (3, 20, 30)) + np.linspace(0, 9, 30) * np.array([1, 2, -1])[:, None, None]
    )
    write_tiff(tmp_path / "bands.tif", bands, names=["red", NASTY[:40], "swir"])
    options = ["-k", "4", "-o", "labels.tif", "--standardize", "--report", "bands.html"]
    done = subprocess.run(
        [sys.executable, "-m", "fastkm", "cluster", "bands.tif", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page.open(tmp_path / "bands.html")
    import rasterio

    with rasterio.open(tmp_path / "labels.tif") as file:
        for x, y in ((500_105, 4_999_890), (500_700, 4_999_700)):
            page.point_at("map", x, y)
            [label] = next(file.sample([(x, y)]))
            assert f"cluster {label} (" in page.text("#reading")
    assert not page.run("return 'hit' in window")


def test_a_curvilinear_grid(page, tmp_path):
    size = 41
    y, x = np.indices((size, size)) - (size - 1) / 2
    raster = polar(np.hypot(y, x) + 0.2 * x)
    raster.name, raster.attrs = "ice", {"units": "m"}
    result = fastkm.cluster_raster(raster, 3)
    fastkm.report(result, tmp_path / "polar.html", raster=raster)
    page.open(tmp_path / "polar.html")
    for row, column in ((10, 30), (28, 12), (8, 8)):
        cell = raster[row, column]
        longitude = float(cell.longitude)
        [start, end] = page.run(
            "const r = drawn[0].document.roots()[0].x_range; return [r.start, r.end]"
        )
        longitude += 360 * np.ceil((start - longitude) / 360)
        assert start <= longitude <= end
        page.point_at("map", longitude, float(cell.latitude))
        text = page.text("#reading")
        assert f"cluster {int(result.labels[row, column])} (" in text
        assert f"{float(cell):.3g}"[:3] in text


def test_names_of_a_file_are_only_names(page, tmp_path):
    values = np.random.default_rng(0).normal(size=(6, 8))
    attrs = {"units": NASTY, "long_name": NASTY}
    coords = {"y</script>": np.arange(6.0), "x": ("x", np.arange(8.0), {"units": NASTY})}
    raster = xr.DataArray(values, coords, ("y</script>", "x"), NASTY, attrs)
    path = tmp_path / "nasty <script> $$ \"'.html"
    results = fastkm.cluster_raster(raster, [2, 3])
    outlines = fastkm.outline(results[2].labels)
    fastkm.report(results, path, raster=raster, outlines=outlines, choice=fastkm.choose_k(results))
    page.open(path)
    assert not page.run("return 'hit' in window")
    assert page.find_all("main b") == []
    assert "<b>bold</b>" in page.text("h1")
    page.point_at("map", 3.0, 3.0)
    assert "<b>bold</b>" in page.text("#reading")
    assert page.find_all("#reading b") == []
    shown = page.find("input[name=clustering]:checked").get_property("value")
    top = """
        const { place, document: made } = drawn.find((one) => one.place.id === arguments[0]);
        const { left, right, top } = made.roots()[0].renderers[0].data_source.data;
        const at = top.indexOf(Math.max(...top));
        return [(left[at] + right[at]) / 2, top[at] / 2];
    """
    page.point_at(f"histogram-{shown}", *page.run(top, f"figure-histogram-{shown}"))
    cluster, values, share = page.read_tooltips()
    assert "<b>bold</b>" in cluster
    assert " to " in values
    assert share.endswith("% ")
