"""Lazy rasters: they are equal to what is read at once, from files of all kinds and layouts."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastkm
from fastkm.raster.grid import areas
from fastkm.raster.grid.repeated_columns import drop_repeated_columns
from fastkm.raster.io.geotiff.read_geotiff import read_geotiff
from fastkm.raster.io.lazy.open_areas import open_areas
from fastkm.raster.io.read_bands import read_areas, read_stack
from fastkm.raster.mask import apply_mask
from tests.lazy_rasters import cut_small, load_physical, require_same
from tests.small_archives import write_store
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_basin, write_netcdf, write_world
from tests.small_tiffs import from_origin, write_photo, write_satellite, write_tiff

LATITUDE, LONGITUDE = np.arange(60.0, -61, -10), np.arange(0.0, 360, 20)
GRID = {"lat": (LATITUDE, NORTH), "lon": (LONGITUDE, EAST)}
SHAPE = (LATITUDE.size, LONGITUDE.size)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    cut_small(monkeypatch)


def draw(*shape, dtype="i2", seed=0):
    return np.random.default_rng(seed).integers(0, 100, (*shape, *SHAPE)).astype(dtype)


def draw_bands(count, dtype):
    return np.random.default_rng(0).integers(0, 50, (count, 30, 34)).astype(dtype)


def write_levels(path, dims=("time", "level", "lat", "lon"), **attrs):
    values = draw(2, 3).transpose([("time", "level", "lat", "lon").index(dim) for dim in dims])
    coords = GRID | {"time": OCTOBER_NOVEMBER, "level": (np.array([1000.0, 850, 500]), {})}
    return write_netcdf(path, values, dims, coords=coords, **attrs)


def rechunk(path, target, chunks, **options):
    """Copy a netCDF file with other chunks, numbers as stored."""
    with xr.open_dataset(path, decode_cf=False) as dataset:
        encoding = {"water": {"chunksizes": chunks, **options}}
        dataset.to_netcdf(target, encoding=encoding)
    return target


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"time": "2009-11", "sel": {"level": 850}},
        {"sel": {"level": 500}, "time": "all"},
        {"bands": [3, 1]},
        {"bands": [2], "time": -1},
        {"bands": [1, 2], "nodata": [7, 8]},
        {"bbox": (-70, -40, 90, 40)},
        {"bbox": (100, -40, 200, 5), "bands": [1]},
    ],
)
@pytest.mark.parametrize(
    "dims", [("time", "level", "lat", "lon"), ("lon", "level", "lat", "time")], ids=["tzyx", "xzyt"]
)
def test_netcdf_of_four_dimensions(tmp_path, how, dims):
    path = write_levels(tmp_path / "a.nc", dims, _FillValue=np.int16(5), units="K")
    require_same(fastkm.open_raster(path, **how), read_stack(path, **how))


@pytest.mark.parametrize(
    "attrs",
    [
        {"scale_factor": 0.01, "add_offset": 20.0, "_FillValue": np.int16(3)},
        {"valid_range": np.array([10, 60], np.int16), "missing_value": np.int16(30)},
        {"scale_factor": np.float32(0.5), "valid_max": np.float32(40)},
    ],
)
def test_rules_of_missing_cells_stay_in_the_attributes(tmp_path, attrs):
    path = write_netcdf(tmp_path / "a.nc", draw(), coords=GRID, **attrs)
    lazy = fastkm.open_raster(path, nodata=50)
    assert lazy.dtype == np.int16
    require_same(lazy, read_stack(path, nodata=50))


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF4_CLASSIC"])
@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4", "f8"])
def test_types_and_formats(tmp_path, form, dtype):
    path = write_netcdf(tmp_path / "a.nc", draw(dtype=dtype), coords=GRID, form=form)
    require_same(fastkm.open_raster(path), read_stack(path))


def test_unsigned_bytes(tmp_path):
    values = np.arange(234, dtype=np.uint8).reshape(SHAPE).view(np.int8)
    path = write_netcdf(tmp_path / "a.nc", values, coords=GRID, _Unsigned="true")
    require_same(fastkm.open_raster(path), read_stack(path))


def test_chunks_of_the_file_are_not_cut(tmp_path):
    flat = write_levels(tmp_path / "flat.nc")
    path = rechunk(flat, tmp_path / "a.nc", (2, 1, 5, 4), zlib=True)
    lazy = fastkm.open_raster(path, sel={"level": 850})
    assert lazy.chunks == ((5, 5, 3), (8, 8, 2))
    require_same(lazy, read_stack(path, sel={"level": 850}))
    box = {"bbox": (-45, -40, 90, 40), "bands": [1]}
    assert fastkm.open_raster(path, **box).chunks == ((3, 5, 1), (2, 5))
    assert fastkm.open_raster(flat, sel={"level": 850}).chunks == ((2,) * 6 + (1,), (18,))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr(tmp_path, zarr_format):
    pytest.importorskip("zarr")
    flat = write_levels(tmp_path / "flat.nc", _FillValue=np.int16(5))
    chunks = (1, 3, 5, 4)
    path = write_store(tmp_path / "a.zarr", flat, zarr_format=zarr_format, chunks=chunks)
    for how in ({"bands": [3, 1]}, {"sel": {"level": 850}, "bbox": (-70, -40, 90, 40)}):
        require_same(fastkm.open_raster(path, **how), read_stack(path, **how))


def test_several_variables_have_the_same_blocks(tmp_path):
    more = {"ice": (draw(seed=1), {"valid_min": np.int16(20)}, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", draw(), coords=GRID, more=more)
    names = ["ice", "water"]
    lazy = fastkm.open_raster(path, names)
    require_same(lazy, read_stack(path, names))
    assert lazy.ice.chunks == lazy.water.chunks == ((1,) * 13, (18,))
    with pytest.raises(ValueError, match="bands are those of one variable, got 2 variables"):
        fastkm.open_raster(path, names, bands=[1])


def test_variables_of_groups(tmp_path):
    import netCDF4

    path = write_basin(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        group = file.createGroup("forecast")
        variable = group.createVariable("ice", "f4", ("latitude", "longitude"))
        variable[...] = np.arange(12 * 24.0).reshape(12, 24)
    require_same(fastkm.open_raster(path, "forecast/ice"), read_stack(path, "forecast/ice"))


def test_curvilinear_grid(tmp_path):
    latitude, longitude = np.meshgrid(LATITUDE[:6], LONGITUDE[:5], indexing="ij")
    more = {
        "nav_lat": (latitude, NORTH, ("y", "x")),
        "nav_lon": (longitude, EAST, ("y", "x")),
    }
    path = write_netcdf(
        tmp_path / "a.nc", draw()[:6, :5], ("y", "x"), more=more, coordinates="nav_lat nav_lon"
    )
    lazy, read = fastkm.open_raster(path, "water"), read_stack(path, "water")
    require_same(lazy, read)
    own = open_areas(path, "water", like=lazy)
    assert own.chunks == lazy.chunks
    assert own.compute().identical(read_areas(path, "water"))


BOX = (500_100, 4_999_500, 500_800, 4_999_900)
"""A part of the grid of `write_tiff`."""

LAYOUTS = {
    "strips": {"blockysize": 3},
    "tiles": {"tiled": True, "blockxsize": 16, "blockysize": 16},
    "compressed": {"compress": "deflate", "blockysize": 2},
    "pixel": {"interleave": "pixel", "tiled": True, "blockxsize": 16, "blockysize": 32},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
def test_geotiff(tmp_path, monkeypatch, layout, dtype):
    cut_small(monkeypatch, 300)
    values = draw_bands(3, dtype)
    path = write_tiff(tmp_path / "a.tif", values, nodata=7, **LAYOUTS[layout])
    for how in ({"bands": [3, 1]}, {"bands": [2]}, {"bbox": BOX, "nodata": 9}):
        lazy = fastkm.open_raster(path, **how)
        assert lazy.dtype == dtype
        assert lazy.data.npartitions > 1
        require_same(lazy, read_stack(path, **how))


def test_geotiff_of_packed_named_bands(tmp_path):
    path = write_satellite(tmp_path / "a.tif")
    require_same(fastkm.open_raster(path), read_stack(path))
    require_same(fastkm.open_raster(path, ["swir", "nir"]), read_stack(path, ["swir", "nir"]))


@pytest.mark.parametrize(
    "options",
    [
        {"mask": np.arange(30 * 34).reshape(30, 34) % 3 > 0},
        {"scales": (1.0, 0.5, 2.0, 1.0)},
        {"photometric": "RGB", "alpha": "yes"},
    ],
    ids=["mask", "scales", "alpha"],
)
def test_geotiff_is_decoded_if_attributes_cannot_say_what_is_missing(
    tmp_path, monkeypatch, options
):
    cut_small(monkeypatch, 1000)
    path = write_tiff(tmp_path / "a.tif", draw_bands(4, np.uint8), **options)
    lazy, read = fastkm.open_raster(path, nodata=3), read_stack(path, nodata=3)
    assert lazy.dtype.kind == "f"
    require_same(lazy, read)


def test_photo_without_place_is_read_by_many_threads(tmp_path):
    path = write_photo(tmp_path / "a.tif")
    lazy = fastkm.open_raster(path)
    assert lazy.data.npartitions > 1
    require_same(lazy, read_stack(path))
    with pytest.raises(ValueError, match="without a time axis"):
        fastkm.open_raster(path, time=3)


def test_box_across_the_seam_has_columns_from_west_to_east(tmp_path):
    path = write_world(tmp_path / "a.nc")
    how = {"bbox": (-30, -40, 40, 50)}
    lazy = fastkm.open_raster(path, **how)
    assert lazy.chunks[1] == (3, 4)
    require_same(lazy, read_stack(path, **how))
    own = open_areas(path, like=lazy, **how)
    assert own.chunks == lazy.chunks
    assert own.compute().identical(read_areas(path, **how))


def test_areas_of_a_projection(tmp_path):
    tiles = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    path = write_tiff(tmp_path / "a.tif", draw_bands(2, np.uint8), **tiles)
    for how in ({}, {"bbox": BOX}):
        lazy = fastkm.open_raster(path, bands=[1], **how)
        own = open_areas(path, like=lazy, **how)
        assert own.chunks == lazy.chunks
        assert own.compute().identical(read_areas(path, **how))


@pytest.mark.parametrize(("used", "computed"), [(0, 4), (10**7, 8)])
def test_areas_are_kept_beside_the_raster(tmp_path, monkeypatch, used, computed):
    path = write_tiff(tmp_path / "a.tif", draw_bands(1, np.uint8), blockysize=8)
    cut_small(monkeypatch, 300)
    lazy = fastkm.open_raster(path)
    measured, measure = [], areas._measure_window
    monkeypatch.setattr(
        areas, "_measure_window", lambda *a, **more: measured.append(a) or measure(*a, **more)
    )
    lazy_areas = open_areas(path, like=lazy, memory="8MiB", used=used)
    assert lazy_areas.data.numblocks == (4, 1)
    first = lazy_areas.compute()
    assert np.array_equal(lazy_areas.compute(), first)
    assert sum(rows.size > 0 for rows, _ in measured) == computed


def test_rows_and_columns_in_any_order_are_read(tmp_path):
    latitude = np.random.default_rng(0).permutation(LATITUDE)
    coords = GRID | {"lat": (latitude, NORTH)}
    path = write_netcdf(tmp_path / "a.nc", draw(), coords=coords)
    how = {"bbox": (0, -45, 360, 5)}
    require_same(fastkm.open_raster(path, **how), read_stack(path, **how))


@pytest.mark.parametrize("how", [{}, {"time": "all"}])
@pytest.mark.parametrize("shape", [(2, 0, 4), (2, 3, 0), (0, 3, 4)])
def test_raster_without_cells(tmp_path, how, shape):
    path = write_netcdf(tmp_path / "a.nc", np.zeros(shape), ("time", "lat", "lon"))
    if shape[0] or how:
        require_same(fastkm.open_raster(path, **how), read_stack(path, **how))
    else:
        with pytest.raises(ValueError, match="time index 0 is outside the 0 steps"):
            fastkm.open_raster(path)


def test_coordinates_are_loaded_and_decoded(tmp_path):
    fill = np.int16(-1)
    more = {"height": (fill, {"_FillValue": fill, "scale_factor": 0.1}, ())}
    latitude = np.round(LATITUDE * 10).astype(np.int16), NORTH | {"scale_factor": 0.1}
    path = write_netcdf(
        tmp_path / "a.nc", draw(), coords=GRID | {"lat": latitude}, more=more, coordinates="height"
    )
    require_same(fastkm.open_raster(path, "water"), read_stack(path, "water"))
    assert np.isnan(fastkm.open_raster(path, "water").height)


def test_repeated_columns_are_dropped_lazily(tmp_path):
    path = write_world(tmp_path / "a.nc", longitude=np.arange(0.0, 361, 20))
    lazy = drop_repeated_columns(fastkm.open_raster(path))
    require_same(lazy, drop_repeated_columns(read_stack(path)))


@pytest.mark.parametrize(
    ("dtype", "attrs", "kept_type"),
    [
        ("i2", {"scale_factor": 0.5}, "i2"),  # the default fill value
        ("i1", {}, "f4"),
        ("i1", {"_FillValue": np.int8(9), "scale_factor": 0.5}, "i1"),
        ("u1", {"scale_factor": 0.5, "missing_value": np.uint8(4)}, "f8"),
        ("f4", {}, "f4"),
        ("i4", {"_FillValue": np.int32(9)}, "i4"),
    ],
)
def test_mask(tmp_path, dtype, attrs, kept_type):
    more = {"ice": (draw(seed=1, dtype=dtype), attrs, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", draw(dtype=dtype), coords=GRID, more=more, **attrs)
    kept = np.where(draw(seed=2) < 60, 1, 0)
    kept[0, 0] = -3
    mask = write_netcdf(
        tmp_path / "mask.nc", kept.astype("i2"), coords=GRID, _FillValue=np.int16(-3)
    )
    box = (-70, -40, 90, 40)
    lazy = fastkm.open_raster(path, "water", mask=mask, bbox=box)
    assert lazy.dtype == kept_type
    require_same(lazy, apply_mask(read_stack(path, "water", bbox=box), mask, bbox=box))
    names = ["ice", "water"]
    require_same(
        fastkm.open_raster(path, names, mask=mask), apply_mask(read_stack(path, names), mask)
    )


def test_mask_is_a_geotiff_of_the_same_grid(tmp_path):
    values = draw_bands(2, np.uint8)
    path = write_tiff(tmp_path / "a.tif", values)
    mask = write_tiff(tmp_path / "mask.tif", values[0] % 2)
    lazy = fastkm.open_raster(path, mask=mask)
    require_same(lazy, apply_mask(read_stack(path), mask))
    small = write_tiff(tmp_path / "small.tif", values[0, :3])
    with pytest.raises(ValueError, match=r"mask .*small.tif has shape \(3, 34\), the raster"):
        fastkm.open_raster(path, mask=small)
    moved = write_tiff(tmp_path / "b.tif", values[0], transform=from_origin(0, 9e5, 30, 20))
    with pytest.raises(ValueError, match="other coordinates y than the raster"):
        fastkm.open_raster(path, mask=moved)


def test_missing_bands_and_variables_are_refused(tmp_path):
    path = write_basin(tmp_path / "a.nc")
    with pytest.raises(ValueError, match="has no variable 'snow'"):
        fastkm.open_raster(path, "snow")
    with pytest.raises(ValueError, match="bands must name at least one band"):
        fastkm.open_raster(path, bands=[])
    with pytest.raises(ValueError, match="memory must be a size"):
        fastkm.open_raster(path, memory="much")
    with pytest.raises(FileNotFoundError, match=r"nothing\.tif"):
        fastkm.open_raster(tmp_path / "nothing.tif")


def test_clusters_are_those_of_the_raster_in_memory(tmp_path):
    path = write_basin(tmp_path / "a.nc")
    lazy, read = fastkm.open_raster(path), fastkm.read_raster(path)
    a, b = fastkm.kmeans1d(lazy, 4), fastkm.kmeans1d(read, 4)
    assert np.array_equal(a.centroids, b.centroids)
    assert np.array_equal(a.predict(lazy).compute(), b.predict(read))


def test_blocks_on_workers_are_read_there(tmp_path):
    path = write_world(tmp_path / "a.nc")
    lazy = fastkm.open_raster(path)
    before = load_physical(lazy)
    sent = pickle.loads(pickle.dumps(lazy.data))
    assert np.array_equal(sent.compute(), before)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    height=st.integers(1, 3), width=st.integers(1, 3), values=st.integers(300, 3000), data=st.data()
)
def test_any_tiles_and_blocks(tmp_path, monkeypatch, height, width, values, data):
    cut_small(monkeypatch, values)
    rows, columns = 35, 45
    numbers = np.arange(2 * rows * columns, dtype=np.uint16).reshape(2, rows, columns)
    tiles = {"tiled": True, "blockysize": 16 * height, "blockxsize": 16 * width}
    path = write_tiff(tmp_path / "a.tif", numbers, **tiles)
    top, bottom = sorted(data.draw(st.tuples(st.integers(0, rows), st.integers(0, rows))))
    left, right = sorted(data.draw(st.tuples(st.integers(0, columns), st.integers(0, columns))))
    bottom, right = max(bottom, top + 1), max(right, left + 1)
    north, west = 5_000_000 - 20 * top, 500_000 + 30 * left
    south, east = 5_000_000 - 20 * bottom, 500_000 + 30 * right
    if top == rows or left == columns:
        return
    lazy = fastkm.open_raster(path, bbox=(west, south, east, north))
    assert np.array_equal(lazy.compute(), numbers[:, top:bottom, left:right])
    assert np.array_equal(read_geotiff(path)[:, top:bottom, left:right].x, lazy.x)
