import numpy as np
import pytest

from fastkm import plot
from fastkm.plot.style import (
    MISSING_COLOUR,
    RASTER_CMAP,
    cluster_colormap,
)


def luminance(colours):
    linear = np.asarray(colours)[:, :3] ** 2.2
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("k", [1, 2, 6, 12, 30])
def test_there_are_k_distinct_colours_and_they_grow_lighter(k):
    cmap = cluster_colormap(k)
    colours = cmap(np.arange(k))
    assert len(cmap.colors) == k
    assert len(np.unique(colours, axis=0)) == k
    assert (np.diff(luminance(colours)) > 0).all()


def test_two_clusters_take_the_ends_of_the_raster_colours():
    assert cluster_colormap(2)(0) == RASTER_CMAP(0.0)
    assert cluster_colormap(2)(1) == RASTER_CMAP(1.0)


@pytest.mark.parametrize("cmap", [RASTER_CMAP, cluster_colormap(4)])
def test_missing_cells_are_light_grey(cmap):
    grey = int(MISSING_COLOUR[1:3], 16) / 255
    masked = np.ma.masked_invalid([np.nan])
    np.testing.assert_allclose(cmap(masked)[0], [grey, grey, grey, 1])


def test_a_count_without_colours_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        cluster_colormap(0)


@pytest.mark.parametrize("name", [name for name in plot.__all__ if callable(getattr(plot, name))])
def test_every_public_name_has_an_example_and_stands_in_the_description_of_the_module(name):
    if name != "RASTER_CMAP":  # a colour map can be called
        assert "Examples\n" in getattr(plot, name).__doc__
    assert name in plot.__doc__
