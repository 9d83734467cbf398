import io
import subprocess
import sys

import numpy as np
import pytest

from fastkm.plot.figures import _choose_columns, clusters_figure, labels_figure


def png_size(figure, dpi=50, **options):
    """Save a figure in memory; its width and height in dots stand in the header."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, **options)
    data = file.getvalue()
    assert data.startswith(b"\x89PNG")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def bands(raster, k):
    """Label maps with k bands of columns, and some centroids."""
    labels = np.broadcast_to(np.arange(raster.shape[1]) * k // raster.shape[1], raster.shape)
    return labels.copy(), np.linspace(10, 50, k)


def assert_tidy(figure):
    """No panel's text reaches into another panel or over the edge of the page."""
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    page = figure.bbox
    for number, box in enumerate(boxes):
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= page.x1 + 1
        assert box.y1 <= page.y1 + 1
        for other in boxes[number + 1 :]:
            apart_x = box.x1 <= other.x0 + 1 or other.x1 <= box.x0 + 1
            apart_y = box.y1 <= other.y0 + 1 or other.y1 <= box.y0 + 1
            assert apart_x or apart_y


def test_pages_are_about_twice_as_wide_as_high():
    assert [_choose_columns(n) for n in (1, 2, 3, 5, 8, 9, 12, 17)] == [1, 2, 3, 3, 4, 3, 4, 4]


def test_clusters_figure_has_a_panel_for_the_raster_and_each_k(world):
    maps = {k: bands(world, k) for k in range(2, 9)}
    figure = clusters_figure(
        world,
        {k: labels for k, (labels, _) in maps.items()},
        {k: centroids for k, (_, centroids) in maps.items()},
        title="clusters",
    )
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["Precipitable Water", *(f"{k} clusters" for k in range(2, 9))]
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 4)
    assert figure.get_suptitle() == "clusters"
    assert_tidy(figure)


@pytest.mark.parametrize("shape", [(20, 30), (1, 40), (40, 1), (60, 12), (1, 1)])
def test_any_shape_makes_a_tidy_page(shape):
    raster = np.arange(shape[0] * shape[1], dtype=float).reshape(shape)
    labels = (raster >= raster.mean()).astype(int)
    figure = clusters_figure(raster, {1: 0 * labels, 2: labels}, {1: [3.0], 2: [1.0, 5.0]})
    assert_tidy(figure)


def test_a_figure_of_a_date_has_a_title_with_name_units_and_date(world, labels):
    dated = world.assign_coords(time=np.datetime64("2009-10-16T06:00", "ns"))
    figure = clusters_figure(dated, {3: labels}, {3: [1.0, 2.0, 3.0]})
    assert figure.get_suptitle() == (
        "Precipitable Water ($\\mathrm{kg\\,m^{-2}}$), 2009-10-16 06:00"
    )
    assert figure.axes[0].get_title() == "raster"
    assert clusters_figure(dated, {}, {}, title="Mine").get_suptitle() == "Mine"


def test_a_figure_has_the_size_and_the_colours_that_are_wanted(world, labels):
    figure = clusters_figure(world, {3: labels}, {3: [1.0, 2.0, 3.0]}, size=(5, 4), cmap="magma")
    assert figure.get_size_inches().tolist() == [5, 4]
    assert [ax.images[0].cmap.name for ax in figure.axes] == ["magma", "clusters3"]
    assert_tidy(figure)
    assert clusters_figure(world, {}, {}, size=(5, None)).get_figwidth() == 5
    with pytest.raises(ValueError, match="cmap must be a colour map of matplotlib"):
        clusters_figure(world, {}, {}, cmap="sunshine")


def test_the_chosen_number_of_clusters_is_marked(world, labels):
    maps, centroids = {2: labels.clip(max=1), 3: labels}, {2: [1.0, 2.0], 3: [1.0, 2.0, 3.0]}
    figure = clusters_figure(world, maps, centroids, chosen=3)
    assert [ax.get_title() for ax in figure.axes[1:]] == ["2 clusters", "3 clusters (chosen)"]


def test_flat_panels_keep_their_scale_and_stand_above_one_another():
    raster = np.arange(8.0 * 60).reshape(8, 60)
    figure = clusters_figure(raster, {1: np.zeros((8, 60), int)}, {1: [3.0]})
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 1)
    assert_tidy(figure)
    box = figure.axes[0].get_window_extent()
    assert box.width / box.height == pytest.approx(60 / 8)


def test_clusters_figure_wants_maps_that_belong_together(world):
    labels, centroids = bands(world, 2)
    with pytest.raises(ValueError, match=r"centroids must have the keys of label_maps, \[2\]"):
        clusters_figure(world, {2: labels}, {3: centroids})
    with pytest.raises(ValueError, match=r"label_maps\[2\] must have the raster's shape"):
        clusters_figure(world, {2: labels[1:]}, {2: centroids})


def test_pyplot_is_never_loaded():
    code = (
        "import sys, numpy as np, fastkm.plot as p;"
        "p.clusters_figure(np.eye(3), {}, {});"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_label_map_without_centroids_needs_some():
    with pytest.raises(ValueError, match="centroids must be given"):
        labels_figure(np.zeros((2, 2), int))
    assert labels_figure(np.zeros((2, 2), int), [1.0]).axes[0].get_title() == "1 cluster"
