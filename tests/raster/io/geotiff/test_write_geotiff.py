"""Label maps as GeoTIFF."""

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr

from fastkm import cluster_raster, kmeans1d, read_raster
from fastkm.raster.io.geotiff import write_geotiff
from fastkm.raster.io.geotiff.write_geotiff import write_label_tiff
from fastkm.raster.io.read_bands import read_stack
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.labels import label_raster
from tests.conftest import needs_jit
from tests.small_files import names, write_world
from tests.small_tiffs import Affine, write_photo, write_satellite, write_tiff

GREYS = [(j / 300,) * 3 for j in range(300)]


def written(labels, path):
    write_label_tiff(labels, path, colours=GREYS, source="a: b", history="made")
    return path


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
def test_round_trip_of_reference_system_transform_and_labels(tmp_path):
    source = write_satellite(tmp_path / "a.tif")
    result = cluster_raster(read_stack(source), 3)
    tif = written(result.labels, tmp_path / "labels.tif")
    write_labels(result.labels, tmp_path / "labels.nc", source="a", history="b")
    with rasterio.open(source) as old, rasterio.open(tif) as new:
        assert new.crs == old.crs
        assert new.transform == old.transform
        assert new.dtypes == ("uint8",)
        assert new.nodata == 255
        numbers = new.read(1).astype(int)
        np.testing.assert_array_equal(np.where(numbers == 255, -1, numbers), result.labels)
        assert (numbers == 255).sum() == 2
        read = rioxarray.open_rasterio(tmp_path / "labels.nc", masked=True)
        assert read.rio.crs == old.crs
        assert read.rio.transform() == old.transform
        np.testing.assert_array_equal(np.squeeze(read.fillna(-1)), result.labels)
    with xr.open_dataset(tmp_path / "labels.nc", decode_coords="all") as file:
        assert file.cluster.rio.crs.to_epsg() == 32633


def test_colours_names_and_centroids_are_in_the_file(tmp_path):
    result = cluster_raster(read_stack(write_satellite(tmp_path / "a.tif")), 3)
    with rasterio.open(written(result.labels, tmp_path / "b.tif")) as file:
        assert file.colormap(1)[2] == (2, 2, 2, 255)
        assert file.colormap(1)[255] == (0, 0, 0, 0)
        assert file.descriptions == ("cluster of red, nir, swir",)
        assert file.tags()["source"] == "a: b"
        assert file.tags()["history"].endswith(": made")
        tags = file.tags(1)
        assert tags["category_0"] == result.labels.attrs["flag_meanings"].split()[0]
        centroids = [float(number) for number in tags["centroids_nir"].split()]
        assert centroids == result.centroids.sel(band="nir").values.tolist()


def test_north_goes_up(tmp_path):
    raster = read_raster(write_world(tmp_path / "a.nc"))
    labels = label_raster(raster, kmeans1d(raster, 2))
    with rasterio.open(written(labels, tmp_path / "a.tif")) as file:
        assert file.crs.to_epsg() == 4326
        assert file.transform == Affine(10, 0, 0, 0, -10, 90)
        np.testing.assert_array_equal(file.read(1), labels.values[::-1])


def test_files_own_direction_is_kept(tmp_path):
    up = Affine(2, 0, 5, 0, 3, 7)
    path = write_tiff(tmp_path / "a.tif", np.arange(6.0).reshape(2, 3), transform=up)
    raster = read_raster(path)
    assert raster.y.values.tolist() == [8.5, 11.5]
    labels = label_raster(raster, kmeans1d(raster, 2))
    with rasterio.open(written(labels, tmp_path / "b.tif")) as file:
        assert file.transform == up
        np.testing.assert_array_equal(file.read(1), labels)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_photo_stays_a_photo(tmp_path):
    photo = read_stack(write_photo(tmp_path / "a.tif"))
    labels = cluster_raster(photo, 4).labels
    with rasterio.open(written(labels, tmp_path / "b.tif")) as file:
        assert file.crs is None
        assert file.transform.is_identity
        np.testing.assert_array_equal(file.read(1), labels)
    corners = labels.values[[0, 0, -1], [0, -1, 0]]
    assert len(set(corners.tolist())) == 3


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_plain_arrays_lie_nowhere(tmp_path):
    raster = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("y", "x"))
    labels = label_raster(raster, kmeans1d(raster, 2))
    with rasterio.open(written(labels, tmp_path / "b.tif")) as file:
        assert file.crs is None
        np.testing.assert_array_equal(file.read(1), labels)


@needs_jit
def test_many_clusters_take_two_bytes(tmp_path):
    raster = xr.DataArray(
        np.arange(300.0).reshape(15, 20), {"y": np.arange(15)[::-1], "x": np.arange(20)}, ("y", "x")
    )
    raster[0, 0] = np.nan
    labels = label_raster(raster, kmeans1d(raster, 280))
    with rasterio.open(written(labels, tmp_path / "b.tif")) as file:
        assert file.dtypes == ("uint16",)
        assert file.nodata == 65535
        assert file.read(1)[0, 0] == 65535


def test_uneven_grids_are_refused_and_leave_nothing(tmp_path):
    raster = xr.DataArray(np.arange(6.0).reshape(3, 2), {"y": [0, 1, 5], "x": [0, 1]}, ("y", "x"))
    labels = label_raster(raster, kmeans1d(raster, 2))
    with pytest.raises(ValueError, match="evenly spaced rows and columns, but 'y' and 'x' are not"):
        written(labels, tmp_path / "b.tif")
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "text", ["EPSG:32633", "+proj=utm +zone=33 +datum=WGS84", "urn:ogc:def:crs:EPSG::32633"]
)
def test_a_code_is_a_reference_system_too(tmp_path, text):
    metres = {"y": [40.0, 20.0], "x": [10.0, 30.0]}
    raster = xr.DataArray([[1.0, 2.0], [8.0, 9.0]], metres, ("y", "x"), name="a")
    raster = raster.assign_coords(spatial_ref=((), 0, {"spatial_ref": text}))
    tif = written(label_raster(raster, kmeans1d(raster, 2)), tmp_path / "labels.tif")
    with rasterio.open(tif) as file:
        assert file.crs.to_epsg() == 32633
        assert file.transform == Affine(20, 0, 0, 0, -20, 50)


def test_failed_write_leaves_the_old_file(tmp_path):
    labels = cluster_raster(read_stack(write_satellite(tmp_path / "a.tif")), 3).labels
    path = tmp_path / "b.tif"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_label_tiff(labels, path, colours=[None] * 3, source="a", history="b")
    assert path.read_text() == "old"
    assert names(tmp_path) == {"a.tif", "b.tif"}


def test_west_is_left(tmp_path):
    coords = {"lat": [10.0, 0], "lon": [30.0, 20, 10]}
    raster = xr.DataArray(np.arange(6.0).reshape(2, 3), coords, ("lat", "lon"))
    labels = label_raster(raster, kmeans1d(raster, 2))
    with rasterio.open(written(labels, tmp_path / "a.tif")) as file:
        assert file.transform == Affine(10, 0, 5, 0, -10, 15)
        np.testing.assert_array_equal(file.read(1), labels.values[:, ::-1])


def test_more_clusters_than_two_bytes_hold_are_refused(tmp_path):
    labels = xr.DataArray(np.zeros((2, 2), int), dims=("y", "x"))
    labels.attrs["flag_values"] = np.arange(65536)
    with pytest.raises(ValueError, match="at most 65535 clusters, got 65536"):
        written(labels, tmp_path / "a.tif")


def random_labels(rows, columns, **coords):
    """Labels of four clusters, with missing cells."""
    numbers = np.random.default_rng(0).integers(-1, 4, (rows, columns)).astype(np.int8)
    attrs = {
        "flag_values": np.arange(4, dtype=np.int8),
        "flag_meanings": "a b c d",
        "long_name": "x",
    }
    return xr.DataArray(numbers, coords, ("y", "x"), "cluster", attrs)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(write_geotiff, "TILE", 16)


@pytest.mark.parametrize("bigtiff", ["if_safer", "yes"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_cloud_optimized(tmp_path, small_tiles, monkeypatch, bigtiff):
    made = rasterio.open
    monkeypatch.setattr(
        rasterio, "open", lambda *a, **o: made(*a, **o | ({"bigtiff": bigtiff} if "w" in a else {}))
    )
    labels = random_labels(72, 48)
    path = written(labels, tmp_path / "a.tif")
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.overviews(1) == [2, 4, 8]
        assert file.block_shapes == [(16, 16)]
        numbers = file.read(1)
        np.testing.assert_array_equal(numbers.astype(np.int8), labels)
        tags = [[file.get_tag_item(name, "TIFF", 1)] for name in ("IFD_OFFSET", "BLOCK_OFFSET_0_0")]
        for level in range(3):
            for known, name in zip(tags, ("IFD_OFFSET", "BLOCK_OFFSET_0_0"), strict=True):
                known.append(file.get_tag_item(name, "TIFF", 1, level))
    # directories come first, from the largest; tiles of the smallest overview before the others
    directories, tiles = ([int(offset) for offset in offsets] for offsets in tags)
    assert directories == sorted(directories)
    assert tiles == sorted(tiles, reverse=True)
    assert directories[-1] < tiles[-1]
    content = path.read_bytes()
    for tile in tiles:
        size = int.from_bytes(content[tile - 4 : tile], "little")
        assert content[tile + size : tile + size + 4] == content[tile + size - 4 : tile + size]
    # each cell of an overview is one of the cells below it
    for level in range(3):
        with rasterio.open(path, overview_level=level) as file:
            step = 2 ** (level + 1)
            np.testing.assert_array_equal(file.read(1), numbers[::step, ::step])
            assert file.nodata == 255
            assert file.colormap(1)[3] == (3, 3, 3, 255)


@pytest.mark.parametrize("chunks", [(16, 16), (7, 100), (100, 5), (9, 11)])
def test_blocks_of_any_shape(tmp_path, small_tiles, chunks):
    latitude = np.linspace(-34.5, 34.5, 70)
    longitude = (np.arange(45) * 8.0 + 100) % 360
    attrs = {"units": "degrees_east"}, {"units": "degrees_north"}
    labels = random_labels(70, 45, y=("y", latitude, attrs[1]), x=("x", longitude, attrs[0]))
    whole = written(labels, tmp_path / "a.tif")
    lazy = written(labels.chunk(dict(zip("yx", chunks, strict=True))), tmp_path / "b.tif")
    with rasterio.open(whole) as one, rasterio.open(lazy) as other:
        assert one.transform == other.transform
        assert one.transform.e < 0
        np.testing.assert_array_equal(one.read(1), other.read(1))
        place = one.index(longitude[3] + 0.0, latitude[50])
        assert one.read(1)[place].astype(np.int8) == labels[50, 3]


def test_runs_of_places():
    runs = write_geotiff._find_runs(np.array([3, 4, 5, 0, 1, 9, 8, 7, 6]))
    assert runs == [(slice(0, 3), 3), (slice(3, 5), 0), (slice(8, 4, -1), 6)]
    assert write_geotiff._find_runs(np.array([2, 1, 0])) == [(slice(2, None, -1), 0)]
    assert write_geotiff._find_runs(np.array([7])) == [(slice(0, 1), 7)]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_was_not_written_is_noticed(tmp_path, monkeypatch):
    copy = write_geotiff.copy_cloud_optimized

    def spoil(source, target):
        with rasterio.open(source, "r+") as file:
            file.write(file.read(1) * 0, 1)
        copy(source, target)

    monkeypatch.setattr(write_geotiff, "copy_cloud_optimized", spoil)
    with pytest.raises(OSError, match=r"a\.tif cannot be written: .* holds other labels"):
        written(random_labels(7, 9), tmp_path / "a.tif")
    assert names(tmp_path) == set()
