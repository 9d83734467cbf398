"""Bands between levels, in coordinates; `tests/vector/test_bands_against_labels.py` compares them with labels."""

import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from tests.label_maps import curvilinear, globe, placed


def waves(rows=8, columns=12):
    row, column = np.indices((rows, columns))
    return np.sin(row) + np.cos(2 * np.pi * column / columns)


def test_a_plain_array_has_pixels_for_coordinates():
    frame = fastkm.bands([[0, 2], [0, 2]], [0.5])
    assert frame.crs is None
    assert frame["cluster"].tolist() == [0, 1]
    assert frame.geometry[0].bounds == (-0.5, -0.5, 0.25, 1.5)
    assert frame.geometry[1].bounds == (0.25, -0.5, 1.5, 1.5)


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "f2", "f4", ">f8", "i8"])
def test_every_type_of_numbers(dtype):
    values = np.array([[1, 5, 9], [2, 6, 8]])
    expected = fastkm.bands(values.astype(float), [1.5, 5.5])
    found = fastkm.bands(values.astype(dtype), [1.5, 5.5])
    assert found.geom_equals_exact(expected, 1e-9).all()


def test_bands_meet_across_the_seam_and_reach_the_poles():
    values = waves()
    frame = fastkm.bands(globe(values), [-0.5, 0.5])
    assert frame.crs == "EPSG:4326"
    np.testing.assert_array_equal(frame.total_bounds, [0, -90, 360, 90])
    for band in frame.geometry:
        ends = [
            shapely.intersection(band, shapely.LineString([(x, -90), (x, 90)])) for x in (0, 360)
        ]
        parts = [np.sort(shapely.bounds(shapely.get_parts(end))[:, 1::2], axis=0) for end in ends]
        np.testing.assert_array_equal(*parts)
    assert np.isclose(shapely.area(frame.geometry).sum(), 360 * 180)


@pytest.mark.parametrize("longitudes", ["0..360", "-180..180"])
def test_longitudes(longitudes):
    west = {"0..360": 0, "-180..180": -180}[longitudes]
    box = placed(waves(), None, 170.3 + 3 * np.arange(12.0))
    for raster in (globe(waves()), box):
        frame = fastkm.bands(raster, [0.0], longitudes=longitudes)
        low, _, high, _ = frame.total_bounds
        assert west <= low
        assert high <= west + 360
        assert shapely.is_valid(frame.geometry).all()
        assert shapely.coverage_is_valid(np.asarray(frame.geometry))


def test_a_curvilinear_globe_is_whole_across_its_seam():
    longitude, latitude = np.meshgrid((170 + 30 * np.arange(12)) % 360, np.linspace(-30, 30, 8))
    raster = curvilinear(waves(), latitude + np.sin(np.radians(longitude)), longitude)
    frame = fastkm.bands(raster, [-0.5, 0.5])
    assert shapely.is_valid(frame.geometry).all()
    assert shapely.coverage_is_valid(np.asarray(frame.geometry))
    # no line along the seam is left
    seam = shapely.LineString([(170, -20), (170, 20)])
    edges = shapely.union_all(shapely.boundary(frame.geometry))
    assert shapely.intersection(edges, seam.buffer(1e-3)).length < 1


def test_codebooks():
    values = waves()
    result = fastkm.kmeans1d(values, 3)
    frame = fastkm.bands(values, result)
    assert frame["lower"].tolist() == [-np.inf, *result.breaks]
    assert frame["upper"].tolist() == [*result.breaks, np.inf]
    several = fastkm.cluster_raster(
        xr.Dataset({"a": (("y", "x"), values), "b": (("y", "x"), -values)}), 2
    )
    with pytest.raises(TypeError, match="a codebook of one band has breaks"):
        fastkm.bands(values, several.codebook)


def test_threads_and_chunks_change_nothing():
    raster = globe(np.random.default_rng(0).normal(size=(90, 40)))
    frames = [
        fastkm.bands(raster, [-0.5, 0.5], threads=1),
        fastkm.bands(raster, [-0.5, 0.5], threads=2),
        fastkm.bands(raster.chunk(7), [-0.5, 0.5]),
    ]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


def test_no_breaks_make_one_band():
    frame = fastkm.bands(np.zeros((2, 3)), [])
    assert frame.iloc[0, :3].tolist() == [-np.inf, np.inf, 0]
    assert frame.geometry[0].equals(shapely.box(-0.5, -0.5, 2.5, 1.5))


@pytest.mark.parametrize(
    ("raster", "breaks", "error", "message"),
    [
        ([[1.0]], [2.0, 1.0], ValueError, r"breaks_or_codebook must be finite numbers that ascend"),
        ([[1.0]], [1.0, 1.0], ValueError, r"breaks_or_codebook must be finite numbers that ascend"),
        ([[1.0]], [np.nan], ValueError, r"breaks_or_codebook must be finite numbers that ascend"),
        ([[1.0]], ["a"], TypeError, r"breaks_or_codebook must be numbers, got \['a'\]"),
        ([[1.0, np.inf]], [2.0], ValueError, r"raster must be finite .* got 1 infinite values"),
        ([1.0], [2.0], ValueError, r"raster must have two dimensions, got shape \(1,\)"),
        ([["a"]], [2.0], TypeError, r"raster must hold real numbers"),
    ],
)
def test_errors(raster, breaks, error, message):
    with pytest.raises(error, match=message):
        fastkm.bands(np.array(raster), breaks)
