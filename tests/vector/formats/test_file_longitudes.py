import warnings

import geopandas as gpd
import numpy as np
import pytest
import shapely

import fastkm
from fastkm.raster.grid.geolocation import find_grid
from fastkm.vector.formats.file_longitudes import turn_to_raster
from tests.label_maps import curvilinear, globe, placed, projected

LABELS = np.random.default_rng(4).integers(0, 3, (6, 9))


def write(labels, path, **options):
    """Write polygons; return their frame and the notes."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        fastkm.polygonize_to_file(labels, path, **options)
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path), notes


@pytest.mark.parametrize("extension", [".gpkg", ".shp", ".fgb", ".parquet"])
@pytest.mark.parametrize("west", [0.0, 10.0, -180.0])
def test_files_have_longitudes_of_maps(tmp_path, extension, west):
    labels = globe(LABELS, west=west)
    found, notes = write(labels, tmp_path / f"a{extension}")
    wanted = fastkm.polygonize(labels, longitudes="-180..180")
    assert shapely.area(found.geometry).sum() == pytest.approx(shapely.area(wanted.geometry).sum())
    np.testing.assert_array_equal(found.total_bounds, [-180, -90, 180, 90])
    assert len(found) == len(wanted)
    texts = [str(note.message) for note in notes]
    assert (
        texts == [] if west == -180 else "a" + extension + " has longitudes -180..180" in texts[0]
    )


def test_lazy_labels_come_to_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 18)
    found, _ = write(globe(LABELS).chunk({"lat": 2}), tmp_path / "a.gpkg")
    whole, notes = write(globe(LABELS), tmp_path / "b.gpkg")
    assert found.geometry.normalize().to_wkt().sort_values().tolist() == (
        whole.geometry.normalize().to_wkt().sort_values().tolist()
    )
    assert len(notes) == 1  # for another file


def test_longitudes_of_the_raster_are_kept_if_asked_for(tmp_path):
    for choice in ("raster", "0..360"):
        found, notes = write(globe(LABELS), tmp_path / f"{choice}.gpkg", longitudes=choice)
        np.testing.assert_array_equal(found.total_bounds, [0, -90, 360, 90])
        assert not notes


def test_geojson_is_as_its_standard_wants_without_a_note(tmp_path):
    for choice in (None, "raster"):
        found, notes = write(globe(LABELS), tmp_path / "a.geojson", longitudes=choice)
        np.testing.assert_array_equal(found.total_bounds, [-180, -90, 180, 90])
        assert not notes


def test_geojson_is_a_coverage_where_degrees_are_no_round_numbers(tmp_path):
    labels = globe(np.repeat(LABELS, 2, axis=1)[:, :14], west=0.1)
    found, _ = write(labels, tmp_path / "a.geojson")
    assert shapely.coverage_is_valid(found.geometry.array)
    np.testing.assert_array_equal(found.total_bounds, [-180, -90, 180, 90])


def test_what_has_no_longitudes_beyond_the_map_stays(tmp_path):
    x = np.arange(9) * 1e3
    atlantic = placed(LABELS, longitude=np.linspace(-60, -20, 9))
    for labels in (atlantic, projected(LABELS, 32632, x, x[:6][::-1]), LABELS):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* has no coordinate reference system")
            fastkm.polygonize_to_file(labels, tmp_path / "a.gpkg")
        wanted = fastkm.polygonize(labels)
        found = gpd.read_file(tmp_path / "a.gpkg")
        np.testing.assert_allclose(found.total_bounds, wanted.total_bounds)


def test_cells_of_their_own_places_are_turned_too(tmp_path):
    latitude, longitude = np.meshgrid(np.arange(6.0), 170 + 5.0 * np.arange(9), indexing="ij")
    labels = curvilinear(LABELS, latitude + longitude / 100, longitude)
    found, notes = write(labels, tmp_path / "a.gpkg")
    assert found.total_bounds[0] == -180
    assert "has longitudes" in str(notes[0].message)


def test_a_word_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"longitudes must be .*'raster' or None, got 'map'"):
        fastkm.polygonize_to_file(globe(LABELS), tmp_path / "a.gpkg", longitudes="map")


def test_a_map_has_them_where_the_raster_has():
    labels = globe(LABELS)
    turned = turn_to_raster(fastkm.polygonize(labels, longitudes="-180..180"), find_grid(labels))
    own = fastkm.polygonize(labels)
    assert turned.total_bounds[0] < 180 < turned.total_bounds[2]
    shares = np.array([shapely.box(0, -90, 360, 90)])
    for mine, theirs in zip(turned.geometry, own.geometry, strict=True):
        ends = [mine, shapely.transform(mine, lambda points: points + np.array([360.0, 0.0]))]
        there = shapely.union_all([shapely.intersection(part, shares[0]) for part in ends])
        assert there.symmetric_difference(theirs).area < 1e-9
    # a belt round the globe is cut at the ends of the raster, not in its middle
    belt = globe(np.zeros((6, 9), int))
    turned = turn_to_raster(fastkm.polygonize(belt, longitudes="-180..180"), find_grid(belt))
    assert turned.geometry[0].equals(shapely.box(0, -90, 360, 90))
    western = globe(LABELS, west=-180.0)
    frame = fastkm.polygonize(western)
    assert turn_to_raster(frame, find_grid(western)) is frame
