"""Areas of cells for tables: those of `cell_areas`, in any blocks, at the price of a few."""

import numpy as np
import pytest

from fastkm.raster import cell_blocks
from fastkm.raster.grid.geolocation import find_grid
from fastkm.workflows import cell_areas, job, label_maps
from fastkm.workflows.cell_areas import SQUARE_KM, find_areas
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from tests.lazy_rasters import cut_small
from tests.small_files import EAST, NORTH, write_netcdf, write_world
from tests.small_tiffs import NORTH_UP, from_origin, write_tiff

VALUES = np.arange(20.0 * 30).reshape(20, 30) % 17
WHOLE = (slice(0, 20), slice(0, 30))
POLAR = {"crs": "EPSG:3413", "transform": from_origin(-3e6, 2e6, 2e5, 2e5)}


def measure_whole(found):
    """Return the areas of all cells, in units."""
    return np.broadcast_to(found.measure(WHOLE), VALUES.shape)


def measure(selection):
    """Return what knows the areas of cells, and the exact ones, in km2."""
    raster = selection.open()
    found = find_areas(selection, raster, raster.squeeze(drop=True))
    exact = selection.read_areas().values / SQUARE_KM
    return found, exact


def write_cells(path, rows, columns, **more):
    """Write a grid with a latitude and a longitude by cell, turned a little."""
    lat, lon = np.meshgrid(np.linspace(30, 60, rows), np.linspace(-20, 40, columns), indexing="ij")
    places = {
        "lat": (lat + 0.05 * lon, NORTH, ("y", "x")), "lon": (lon - 0.1 * lat, EAST, ("y", "x")),
    }  # fmt: skip
    values = np.arange(1.0 * rows * columns).reshape(rows, columns) % 17
    return write_netcdf(path, values, ("y", "x"), more=places, coordinates="lat lon", **more)


@pytest.fixture(params=["degrees", "projected", "turned", "by cell", "uneven"])
def selection(request, tmp_path):
    lat = np.linspace(-60, 70, 20)
    lon = np.linspace(10, 90, 30) if request.param == "degrees" else np.linspace(3, 9, 30) ** 2
    coords = {"lat": (lat, NORTH), "lon": (lon, EAST)}
    turned = NORTH_UP @ NORTH_UP.rotation(20)
    return Selection(
        {
            "degrees": lambda: write_netcdf(tmp_path / "a.nc", VALUES, coords=coords),
            "uneven": lambda: write_netcdf(tmp_path / "a.nc", VALUES, coords=coords),
            "projected": lambda: write_tiff(tmp_path / "a.tif", VALUES, **POLAR),
            "turned": lambda: write_tiff(tmp_path / "a.tif", VALUES, transform=turned),
            "by cell": lambda: write_cells(tmp_path / "a.nc", 20, 30),
        }[request.param]()
    )


def test_areas_of_a_small_raster_are_exact(selection):
    found, exact = measure(selection)
    np.testing.assert_allclose(measure_whole(found) * found.unit, exact, rtol=1e-12)


def test_areas_are_whole_numbers_of_a_power_of_two(selection):
    found, exact = measure(selection)
    areas = measure_whole(found)
    assert np.frexp(found.unit)[0] == 0.5
    assert (areas == np.rint(areas)).all()
    assert 2**50 < areas.sum() < 2**53  # float64 adds them up exactly, with all its digits
    assert areas.sum() * found.unit == pytest.approx(exact.sum(), rel=1e-13)


def test_a_block_has_its_own_areas(selection):
    found, _ = measure(selection)
    box = (slice(3, 11), slice(7, 30))
    own = np.broadcast_to(found.measure(box), (8, 23))
    np.testing.assert_array_equal(own, measure_whole(found)[box])


def test_cells_of_a_large_raster_share_blocks(selection, monkeypatch):
    monkeypatch.setattr(cell_areas, "MOST_MEASURED", 8)
    found, exact = measure(selection)
    areas = measure_whole(found) * found.unit
    assert areas.sum() == pytest.approx(exact.sum(), rel=2e-3)  # blocks of 800 km
    np.testing.assert_allclose(areas, exact, rtol=0.2)
    if selection.file.suffix == ".tif":  # 4 x 4 cells
        assert len(np.unique(areas)) <= 5 * 8


def test_a_place_that_is_not_known_has_no_areas(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", VALUES, ("y", "x"))
    raster = Selection(path).open()
    assert find_areas(Selection(path), raster, raster) is None
    photo = write_tiff(tmp_path / "a.tif", VALUES, crs=None, transform=None)
    assert find_areas(Selection(photo), Selection(photo).open(), raster) is None


def test_a_single_row_has_no_areas(tmp_path):
    coords = {"lat": (np.array([5.0]), NORTH), "lon": (np.arange(30.0), EAST)}
    path = write_netcdf(tmp_path / "a.nc", VALUES[:1], coords=coords)
    raster = Selection(path).open()
    assert find_areas(Selection(path), raster, raster) is None


def test_blocks_across_the_edge_of_the_earth_have_no_areas(tmp_path, monkeypatch):
    disk = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    path = write_tiff(
        tmp_path / "a.tif", VALUES, crs=disk, transform=from_origin(-6e6, 6e6, 4e5, 6e5)
    )
    found, exact = measure(Selection(path))
    np.testing.assert_allclose(measure_whole(found) * found.unit, exact, rtol=1e-12)
    assert (exact == 0).any()
    monkeypatch.setattr(cell_areas, "MOST_MEASURED", 8)
    assert measure(Selection(path))[0] is None


def test_cells_without_a_place_have_no_area(tmp_path):
    path = write_cells(tmp_path / "a.nc", 20, 30)
    raster = Selection(path).open()
    for name in ("lat", "lon"):
        raster[name].values[4, 5] = np.nan
    found = find_areas(Selection(path), raster, raster)
    assert find_grid(raster).missing[4, 5]
    assert np.argwhere(measure_whole(found) == 0).tolist() == [[4, 5]]


def test_rows_of_equal_cells_have_one_area(tmp_path):
    found, _ = measure(Selection(write_world(tmp_path / "a.nc")))
    assert found.measure((slice(0, 18), slice(0, 36))).shape == (18, 1)


# In tables


@pytest.mark.parametrize("weights", [None, "area"])
def test_clusters_have_their_areas(tmp_path, weights):
    path = write_world(tmp_path / "a.nc")
    done = cluster_file(Selection(path), [2, 3], tmp_path / "out", weights=weights)
    exact = Selection(path).read_areas().values / SQUARE_KM
    for k, areas in done.areas.items():
        labels = done.maps[k].values
        expected = [exact[labels == j].sum() for j in range(k)]
        np.testing.assert_allclose(areas, expected, rtol=1e-12)
    lines = (tmp_path / "out/clusters.csv").read_text().splitlines()
    assert lines[0].endswith(",cells,share,area_km2,area_share")
    shares = [float(line.split(",")[-1]) for line in lines[1:3]]
    assert sum(shares) == pytest.approx(1)
    assert float(lines[1].split(",")[-2]) == done.areas[2][0]


def test_many_columns_are_counted_row_by_row(tmp_path, monkeypatch):
    path = write_world(tmp_path / "a.nc")
    one = cluster_file(Selection(path), [3], tmp_path / "one")
    monkeypatch.setattr(label_maps, "MANY_COLUMNS", 10)
    two = cluster_file(Selection(path), [3], tmp_path / "two")
    assert two.areas[3].tolist() == one.areas[3].tolist()


def test_labels_by_a_codebook_have_areas_too(tmp_path):
    path = write_world(tmp_path / "a.nc")
    one = cluster_file(Selection(path), [2], tmp_path / "one")
    two = label_file(Selection(path), tmp_path / "one/codebook_k2.json", tmp_path / "two")
    assert two.areas[2].tolist() == one.areas[2].tolist()


def test_columns_that_repeat_others_count_once(tmp_path):
    world = write_world(tmp_path / "a.nc")
    again = write_world(tmp_path / "b.nc", longitude=np.arange(5.0, 366, 10))
    one = cluster_file(Selection(world), [2], tmp_path / "one")
    with pytest.warns(UserWarning, match="repeat"):
        two = cluster_file(Selection(again), [2], tmp_path / "two")
    np.testing.assert_allclose(two.areas[2], one.areas[2], rtol=1e-12)


def test_blocks_change_no_bit_of_the_areas(tmp_path, monkeypatch):
    path = write_tiff(tmp_path / "a.tif", VALUES, **POLAR)
    read = cluster_file(Selection(path), [3], tmp_path / "read")
    monkeypatch.setattr(job, "MOST_READ", 0)
    monkeypatch.setattr(cell_blocks, "LARGE_CELLS", 0)
    cut_small(monkeypatch, 40)
    opened = cluster_file(Selection(path), [3], tmp_path / "lazy")
    assert opened.maps[3].chunks is not None
    assert opened.areas[3].tolist() == read.areas[3].tolist()
    assert opened.areas[3].sum() > 0


def test_the_root_mean_square_distance_has_no_unit_of_weights(tmp_path):
    path = write_world(tmp_path / "a.nc")
    plain, weighted = (
        cluster_file(Selection(path), [2], tmp_path / str(by), weights=by) for by in (None, "area")
    )
    values, labels = plain.stack.grid.values, plain.maps[2].values
    centroids = plain.codebooks[2].centroids
    expected = np.sqrt(np.mean((values - centroids[labels]) ** 2))
    assert plain.measure_distance(2) == pytest.approx(expected)
    assert weighted.measure_distance(2) == pytest.approx(expected, rel=0.2)
    assert weighted.inertia[2] > 1e9 * plain.inertia[2]
