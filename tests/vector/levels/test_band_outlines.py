"""Outlines of bands, with their measures."""

import numpy as np
import pytest
import shapely

import fastkm
from fastkm.geometry.regions import Rings
from fastkm.raster.grid.areas import SEMI_MAJOR, compute_q
from fastkm.raster.grid.geolocation import find_grid
from fastkm.vector.levels.band_outlines import measure_ring_areas
from tests.label_maps import curvilinear, globe, placed, projected

COLUMNS = ["cluster", "value", "cells", "area_km2", "perimeter_km", "diameter_px", "diameter_km"]


def rough(rows=10, columns=16, seed=1):
    values = np.random.default_rng(seed).normal(size=(rows, columns)).cumsum(axis=1)
    values[3:5, 4:7] = np.nan
    return values


@pytest.mark.parametrize(
    "raster",
    [
        globe(rough()),
        globe(rough(), west=-7.5),
        placed(rough(), None, 171.3 + np.arange(16.0)),
        projected(rough(), 3035, 4e6 + 1e5 * np.arange(16), 3e6 - 1e5 * np.arange(10)),
    ],
    ids=["globe", "globe cut through cells", "over the antimeridian", "metres"],
)
def test_regions_share_the_cells_and_their_area(raster):
    frame = fastkm.outline(raster, 4, boundary="band")
    labels = fastkm.outline(raster, 4)
    assert list(frame.columns) == [*COLUMNS, "mean", "min", "max", "geometry"]
    assert shapely.is_valid(frame.geometry).all()
    assert shapely.coverage_is_valid(np.asarray(frame.geometry))
    for name in ("cells", "area_km2"):
        assert np.isclose(frame[name].sum(), labels[name].sum(), rtol=1e-4)
    cells = frame.groupby("cluster")["cells"].sum()
    assert cells.equals(labels.groupby("cluster")["cells"].sum())
    assert (frame["diameter_px"].groupby(frame["cluster"]).diff().dropna() <= 0).all()
    breaks = np.array([-np.inf, *fastkm.kmeans1d(raster, 4).breaks, np.inf])
    some = frame[frame["cells"] > 0]
    assert (some["min"] > breaks[some["cluster"]]).all()
    assert (some["max"] <= breaks[some["cluster"] + 1]).all()


def test_a_region_across_the_seam_is_one():
    values = np.zeros((4, 8))
    values[1:3, [0, 1, 7]] = 9.0
    frame = fastkm.outline(globe(values), 2, boundary="band", select="highest")
    assert len(frame) == 1
    assert frame.geometry[0].geom_type == "MultiPolygon"
    assert frame["cells"][0] == 6
    turned = fastkm.outline(globe(np.roll(values, 3, axis=1)), 2, boundary="band", select="highest")
    for name in COLUMNS[2:]:
        assert np.isclose(frame[name][0], turned[name][0], rtol=1e-6)


def test_limits_and_clusters():
    raster = globe(rough())
    frame = fastkm.outline(raster, 3, boundary="band")
    least = frame["area_km2"].median()
    some = fastkm.outline(
        raster, 3, boundary="band", select=[0, 2], min_area=least, min_diameter="3000km"
    )
    expected = frame[
        (frame["cluster"] != 1) & (frame["area_km2"] > least) & (frame["diameter_km"] > 3000)
    ]
    assert some.equals(expected.reset_index(drop=True))


def test_nowhere_on_the_globe():
    raster = (
        placed(rough(), None, None)
        .drop_vars(["lat", "lon"], errors="ignore")
        .rename(dict(zip(placed(rough(), None, None).dims, "yx", strict=True)))
    )
    frame = fastkm.outline(raster, 3, boundary="band")
    assert frame["area_km2"].isna().all()
    assert frame["diameter_px"].notna().all()


def test_a_ring_round_the_pole_has_the_area_of_the_cap():
    longitude, latitude = np.meshgrid(np.arange(0, 360, 30.0), [50.0, 60, 70, 80])
    grid = find_grid(curvilinear(np.zeros((4, 12)), latitude + 1e-9 * longitude, longitude))
    along = np.stack([np.full(13, 1.0), np.arange(13.0)], axis=1)
    rings = Rings(along, np.array([0, 13]), np.array([0, 1]), np.array([0]))
    (area,) = measure_ring_areas(rings, np.array([0]), grid, 1)
    north, edge = compute_q(np.radians([90.0, 60.0]))
    assert np.isclose(area, np.pi * SEMI_MAJOR**2 * (north - edge), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": None}, r"boundary='band' needs a raster and k"),
        (
            {"connectivity": 8},
            r"connectivity=8 needs boundary='cell' or 'contour', got boundary='band'",
        ),
        ({"bridge": 1}, r"bridge needs boundary='cell'"),
        ({"areas": 1}, r"areas needs boundary='cell'"),
        ({"smooth": 1}, r"smooth needs boundary='cell'"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        fastkm.outline(globe(rough()), **{"k": 2, "boundary": "band", **options})
