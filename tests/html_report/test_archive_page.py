"""The page of an archive in a real browser: slider, curves, tracks; and what is not on it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr

import fastkm
from tests.conftest import needs_jit

MONTHS, K = 120, 4
"""Ten years."""

pytestmark = [
    needs_jit,
    pytest.mark.filterwarnings(r"ignore:outlines\.gpkg has longitudes"),
]


def make_years():
    """Make ten years in 6-degree cells: two moist regions, which move and meet, and land."""
    time = np.arange("1965-01", "1975-01", dtype="M8[M]").astype("M8[ns]")
    latitude, longitude = np.arange(-87.0, 90, 6), np.arange(3.0, 360, 6)
    y, x = np.meshgrid(latitude, longitude, indexing="ij")
    month = np.arange(MONTHS)[:, None, None]
    middle = 15 * np.sin(month * np.pi / 6)
    values = 40 * np.cos(np.radians(y)) + 5 * np.sin(np.radians(2 * x))
    for start, speed in ((60, 3.0), (250, -2.0)):
        across = (x - start - speed * month + 180) % 360 - 180
        values = values + 30 * np.exp(-((across / 30) ** 2) - ((y - middle) / 15) ** 2)
    values[:, 5:12, 40:45] = np.nan
    coords = {"time": time, "latitude": latitude, "longitude": longitude}
    water = xr.DataArray(values.astype("f4"), coords, ("time", "latitude", "longitude"), "water")
    water.attrs = {"units": "kg m-2", "long_name": "Water </script><script>alert(1)</script> $$x$$"}
    return water


class Archive(NamedTuple):
    """An archive, its tracks, and the page of both."""

    found: fastkm.ArchiveClusters
    tracks: fastkm.Tracks
    path: Path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten years before and after 1970, clustered in memory."""
    path = tmp_path_factory.mktemp("archive") / "report.html"
    found = fastkm.cluster_archive(make_years(), K)
    tracks = found.track()
    fastkm.report(found, path, tracks=tracks)
    return Archive(found, tracks, path)


@pytest.fixture(scope="module")
def labels(archive):
    """The label maps of all steps."""
    return archive.found.labels.compute()


@pytest.fixture
def opened(page, archive):
    return page.open(archive.path)


def get_shown_labels(page, shape):
    """Return the labels that the map shows, as the page has them."""
    return np.array(page.run("return Array.from(timeline.view.labels)")).reshape(shape)


def read_curve_mark(page):
    return page.run(
        "return drawn.map((one) => one.document.get_model_by_name('shown')).find(Boolean).location"
    )


def find_track_line(page, name):
    """Return the lines of tracks on the map, as lists of x."""
    script = (
        "return drawn[0].document.get_model_by_name(arguments[0]).data.xs.map((x) => Array.from(x))"
    )
    return page.run(script, name)


def wait_for_step(page, name):
    page.wait("return document.getElementById('step-name').textContent === arguments[0]", name)


def test_the_slider_shows_the_map_of_each_step(opened, labels):
    times = [str(time)[:10] for time in labels.time.values]
    assert opened.text("#step-name") == times[0]
    slider = opened.find("#step")
    opened.focus(slider)
    for keys, step in (
        ("\ue014", 1),
        ("\ue014", 2),
        ("\ue010", MONTHS - 1),
        ("\ue012", MONTHS - 2),
    ):
        opened.press(keys)  # right, right, end, left
        wait_for_step(opened, times[step])
        assert slider.get_attribute("aria-valuetext") == times[step]
        opened.wait("return timeline.drawn === arguments[0]", step)
        assert (get_shown_labels(opened, labels[step].shape) == labels[step].values).all()
    months = labels.time.values.astype("M8[ms]").astype(float)
    assert read_curve_mark(opened) == months[MONTHS - 2]


def test_hover_reads_the_cell_of_the_step(opened, labels):
    opened.focus(opened.find("#step"))
    opened.press("\ue010")
    opened.wait("return timeline.drawn === arguments[0]", MONTHS - 1)
    last = labels[-1]
    for latitude, longitude in ((3.0, 183.0), (-45.0, 93.0), (45.0, 267.0)):
        opened.point_at("map", longitude, latitude)
        label = int(last.sel(latitude=latitude, longitude=longitude, method="nearest"))
        words = "missing" if label < 0 else f"cluster {label} ("
        opened.wait(
            "return document.getElementById('reading').textContent.includes(arguments[0])", words
        )


def test_a_click_on_the_curves_moves_the_slider(opened, labels):
    step = 77
    time = float(labels.time.values[step].astype("M8[ms]").astype(float))
    opened.point_at("sizes", time, 10.0, click=True)
    wait_for_step(opened, str(labels.time.values[step])[:10])
    assert int(opened.find("#step").get_property("value")) == step


def test_curves_are_the_areas_of_all_steps(opened, archive):
    areas = archive.found.areas["area_km2"].to_numpy().reshape(MONTHS, K)
    script = """
        const plot = drawn.find(({ place }) => place.id === 'figure-sizes').document.roots()[0];
        return plot.renderers.filter(({ glyph }) => glyph.type === 'Line').map(
            ({ data_source, glyph }) => Array.from(data_source.get_column(glyph.y.field)));
    """
    curves = np.array(opened.run(script))
    np.testing.assert_allclose(curves.T, areas / 1e6, rtol=1e-12)
    assert "million km²" in opened.find("#figure-sizes").get_attribute("aria-label")


def test_steps_play_and_stop(opened):
    button = opened.find("#play")
    opened.click(button)
    opened.wait("return timeline.step >= 2")
    assert button.text == "Pause"
    opened.click(button)
    assert button.text == "Play"
    step = opened.run("return timeline.step")
    opened.focus(opened.find("#step"))
    opened.press("\ue010")  # to the end: from there it begins again
    opened.focus(button)
    opened.press(" ")
    opened.wait("return timeline.step > 0 && timeline.step < 20")
    opened.press(" ")
    assert step < MONTHS - 1


def test_a_track_is_chosen_by_its_row(opened, archive):
    tracks, summary = archive.tracks.tracks, archive.tracks.summary
    rows = opened.find_all("#tracks tbody tr")
    assert len(rows) == min(200, len(summary))
    listed = [int(row.find_element("css selector", "th").text) for row in rows[:5]]
    largest = summary.sort_values("largest_km2", ascending=False, kind="stable")["track"]
    assert listed == largest[:5].tolist()
    long = int(np.argmax([summary.set_index("track")["steps"][track] for track in listed]))
    own = tracks[tracks["track"] == listed[long]]
    opened.click(rows[long])
    wait_for_step(opened, str(own["time"].iloc[0])[:10])
    [line] = find_track_line(opened, "chosen-track")
    known = [x for x in line if x is not None and x == x]
    np.testing.assert_allclose(known, own["longitude"] % 360, rtol=1e-6)
    there = summary[
        (summary.first_step <= own.step.iloc[0]) & (summary.last_step >= own.step.iloc[0])
    ]
    assert len(opened.find_all("#tracks tr.there")) == len(there)
    opened.focus(rows[long].find_element("css selector", "button"))
    opened.press("\ue007")  # Enter: no longer chosen
    opened.wait("return drawn[0].document.get_model_by_name('chosen-track').data.xs.length === 0")


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_into_every_window(page, archive, width, dark):
    page.open(archive.path, width=width, dark=dark)
    assert page.find_overflow() <= 0


def test_it_is_small(archive):
    assert archive.path.stat().st_size < 3_000_000


def test_it_says_what_was_done(opened):
    text = opened.find("main").text
    assert re.search("120 steps were put into 4 clusters", text)
    assert "proven optimal" in text


def read_data(path):
    """Return what the scripts of a page are given."""
    [data] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text()
    )
    return json.loads(data)


@pytest.mark.slow
def test_the_command_with_two_workers_writes_the_same_page(page, archive, tmp_path):
    (tmp_path / "years").mkdir()
    for year, own in make_years().groupby("time.year"):
        own.to_netcdf(tmp_path / "years" / f"{year}.nc")
    report = tmp_path / "report.html"
    options = ["-k", str(K), "--track", "--workers", "2", "--report", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "fastkm", "archive", "years", "-o", "out", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"wrote {report.as_uri()}"
    before, now = read_data(archive.path), read_data(report)
    assert now["timeline"] == before["timeline"]
    page.open(report)
    page.focus(page.find("#step"))
    page.press("\ue010")
    wait_for_step(page, "1974-12-01")
