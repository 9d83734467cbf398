import warnings

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import fastkm
from fastkm.raster.mask import apply_mask
from fastkm.raster.polygon_masks.filled_mask import FilledMask
from fastkm.raster.polygon_masks.polygon_mask import open_polygon_mask, read_polygon_mask
from tests.label_maps import curvilinear, globe, placed, polar, projected

BASIN = shapely.Polygon([(20, -30), (75, -20), (60, 45), (30, 30)])
LAKE = shapely.box(40, 0, 47, 8)
BELT = shapely.box(-180, 50, 180, 65)
UTM = np.arange(300e3, 700e3, 20e3), np.arange(5_900e3, 5_500e3, -20e3)  # metres in zone 32


@pytest.fixture
def write(tmp_path):
    """Write polygons to a file."""

    def call(*shapes, name="mask.gpkg", crs=4326, to=None):
        frame = gpd.GeoDataFrame(geometry=list(shapes), crs=crs)
        frame = frame if to is None else frame.to_crs(to)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")
            getattr(frame, "to_parquet" if name.endswith("parquet") else "to_file")(tmp_path / name)
        return tmp_path / name

    return call


def to_degrees(epsg, x, y):
    """Take points to longitudes and latitudes."""
    return pyproj.Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)


def find_centres_inside(raster, *shapes):
    """Look at the centre of each cell."""
    x, y = np.meshgrid((raster["lon"] + 180) % 360 - 180, raster["lat"])
    return np.any([shapely.contains_xy(shape, x, y) for shape in shapes], axis=0)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.fgb", "a.parquet"])
def test_any_format_serves(write, name):
    raster = globe(np.zeros((18, 36)))
    kept = read_polygon_mask(write(BASIN - LAKE, name=name), raster)
    np.testing.assert_array_equal(kept, find_centres_inside(raster, BASIN - LAKE))
    assert 10 < kept.sum() < 200


@pytest.mark.parametrize("west", [-180.0, 0.0, -34.0])
@pytest.mark.parametrize("descending", [False, True])
def test_longitudes_may_begin_anywhere(write, west, descending):
    raster = globe(np.zeros((18, 36)), west=west, descending=descending)
    shapes = BASIN, BELT, shapely.box(-180, -33, -122, 11), shapely.box(148, -33, 180, 11)
    kept = read_polygon_mask(write(*shapes), raster)
    np.testing.assert_array_equal(kept, find_centres_inside(raster, *shapes))


def test_polygons_may_reach_over_the_antimeridian(write):
    raster = globe(np.zeros((18, 36)), west=-180.0)
    across = read_polygon_mask(write(shapely.box(152, -33, 218, 11)), raster)
    parts = shapely.box(152, -33, 180, 11), shapely.box(-180, -33, -142, 11)
    np.testing.assert_array_equal(across, find_centres_inside(raster, *parts))


def test_poles_belong_to_the_polygons_round_them(write):
    raster = placed(np.zeros((5, 4)), np.linspace(90, -90, 5), np.arange(0.0, 360, 90))
    kept = read_polygon_mask(write(shapely.box(-180, 60, 180, 90), BELT - BASIN), raster)
    np.testing.assert_array_equal(kept.all(axis=1), [True, False, False, False, False])
    kept = read_polygon_mask(write(shapely.box(-180, -90, 180, -60)), raster)
    np.testing.assert_array_equal(kept.all(axis=1), [False, False, False, False, True])


def test_polygons_that_overlap_or_are_invalid_are_joined(write):
    raster = globe(np.zeros((18, 36)))
    bow = shapely.Polygon([(101, 0), (141, 40), (141, 0), (101, 40)])
    several = read_polygon_mask(write(BASIN, LAKE, bow), raster)
    np.testing.assert_array_equal(
        several, find_centres_inside(raster, BASIN, shapely.make_valid(bow))
    )


@given(st.floats(0.01, 1.0))
def test_share_is_that_of_the_area_of_a_cell(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("share")
    gpd.GeoDataFrame(geometry=[BASIN, LAKE], crs=4326).to_file(folder / "a.gpkg")
    raster = globe(np.zeros((18, 36)))
    kept = read_polygon_mask(folder / "a.gpkg", raster, share)
    for (i, j), found in np.ndenumerate(kept):
        cell = shapely.box(10 * j, 10 * i - 90, 10 * j + 10, 10 * i - 80)
        part = cell.intersection(BASIN).area / 100
        assert abs(part - share) < 1e-9 or found == (part > share)


@pytest.mark.parametrize("share", [None, 0.5])
@pytest.mark.parametrize("to", [None, 32632, 3035, "ESRI:54009"])
def test_polygons_of_any_system_come_to_a_projected_raster(write, share, to):
    x, y = UTM
    raster = projected(np.zeros((20, 20)), 32632, x, y)
    region = shapely.box(7, 50, 9.5, 52).difference(shapely.box(8, 51, 8.5, 51.5))
    fine = shapely.segmentize(region, 0.01)
    assert isinstance(open_polygon_mask(write(fine, to=to), raster), FilledMask)
    kept = read_polygon_mask(write(fine, to=to), raster, share)
    there = gpd.GeoSeries([fine], crs=4326).to_crs(32632)[0]
    cells = [[shapely.box(a - 1e4, b - 1e4, a + 1e4, b + 1e4) for a in x] for b in y]
    shares = shapely.area(shapely.intersection(cells, there)) / 4e8
    wanted = shapely.contains_xy(there, *np.meshgrid(x, y)) if share is None else shares >= share
    np.testing.assert_array_equal(kept, wanted)
    assert 20 < kept.sum() < 300


@pytest.mark.parametrize("to", [3035, "ESRI:54009"])
def test_projected_polygons_come_to_a_raster_of_longitudes(write, to):
    raster = placed(np.zeros((40, 60)), 40 + 0.5 * np.arange(40), 330 + 0.5 * np.arange(60) + 0.25)
    region = shapely.segmentize(shapely.box(-8.1, 45.1, 12.1, 52.1), 0.02)
    kept = read_polygon_mask(write(region, to=to), raster)
    np.testing.assert_array_equal(kept, find_centres_inside(raster, region))
    shares = read_polygon_mask(write(region, to=to), raster, 0.99)
    assert (kept & ~shares).any()
    assert not (shares & ~kept).any()


def test_projected_polygons_may_hold_a_pole(write):
    raster = globe(np.zeros((36, 36)))
    kept = read_polygon_mask(write(shapely.Point(0, 0).buffer(1.5e6), crs=3413), raster)
    latitude = raster["lat"].values
    assert kept[latitude > 77.5].all()
    assert not kept[latitude < 75].any()


def test_a_raster_round_a_pole_and_a_full_disk_take_polygons_in_degrees(write):
    raster = polar(np.zeros((30, 30)))
    cap = read_polygon_mask(write(shapely.box(-180, 75, 180, 90)), raster)
    np.testing.assert_array_equal(cap, raster["latitude"] >= 75)
    half = read_polygon_mask(write(shapely.box(170, 0, 350, 90)), raster)
    np.testing.assert_array_equal(half, (raster["longitude"] + 360 - 170) % 360 <= 180)
    x = np.arange(-19, 20) * 1e6
    beyond = projected(np.zeros((19, 39)), 6933, x, np.linspace(7e6, -7e6, 19))
    kept = read_polygon_mask(write(BELT), beyond)
    assert kept.any(axis=1).sum() == kept.all(axis=1).sum() == 1
    oval = projected(np.zeros((19, 39)), 8857, x, np.linspace(7e6, -7e6, 19))
    places = to_degrees(8857, *np.meshgrid(x, oval["y"]))
    kept = read_polygon_mask(write(BELT), oval)
    assert 10 < kept.sum() < 60
    assert not (kept & ~shapely.contains_xy(BELT, *places)).any()


@pytest.mark.parametrize("share", [None, 0.5])
def test_cells_with_places_of_their_own_are_looked_at(write, share):
    rows, columns = np.meshgrid(np.arange(24), np.arange(40), indexing="ij")
    latitude, longitude = -30 + 3.0 * rows + 0.2 * columns, 10.01 + 2.0 * columns - 0.3 * rows
    raster = curvilinear(np.zeros((24, 40)), latitude, longitude)
    kept = read_polygon_mask(write(BASIN, shapely.box(90, 0, 91, 1)), raster, share)
    wanted = shapely.contains_xy(BASIN, longitude, latitude)
    if share is not None:
        ends = [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)]
        quads = shapely.polygons(
            np.stack(
                [
                    np.stack([longitude + 2 * c - 0.3 * r, latitude + 3 * r + 0.2 * c], axis=-1)
                    for r, c in ends
                ],
                axis=-2,
            )
        )
        shares = shapely.area(shapely.intersection(quads, BASIN)) / shapely.area(quads)
        wanted = np.where(np.abs(shares - 0.5) < 0.03, kept, shares >= 0.5)
    np.testing.assert_array_equal(kept, wanted)


def test_cells_without_a_place_lie_in_no_polygon(write):
    latitude, longitude = np.meshgrid(np.arange(-5.0, 5), np.arange(0.0, 8), indexing="ij")
    latitude = latitude + 0.1 * longitude
    latitude[2, 3] = longitude[2, 3] = np.nan
    kept = read_polygon_mask(
        write(shapely.box(-20, -20, 20, 20)), curvilinear(np.zeros((10, 8)), latitude, longitude)
    )
    np.testing.assert_array_equal(np.argwhere(~kept), [[2, 3]])


def test_a_turned_grid_is_filled_in_pixels(write):
    raster = projected(np.zeros((6, 8)), 32632, np.arange(8.0), np.arange(6.0)).drop_vars(
        ["y", "x"]
    )
    raster["spatial_ref"].attrs["GeoTransform"] = "500000 800 600 5600000 600 -800"
    place = np.array([[800, 600], [600, -800]]) @ (np.indices((8, 6)).reshape(2, -1) + 0.5)
    x, y = (place + np.array([[500000], [5600000]])).reshape(2, 8, 6)
    region = shapely.Point(504000, 5600000).buffer(3000)
    kept = read_polygon_mask(write(region, crs=32632), raster)
    np.testing.assert_array_equal(kept, shapely.contains_xy(region, x, y).T)
    around = np.array([(-700, 100), (100, 700), (700, -100), (-100, -700)])
    cells = shapely.polygons(np.stack([x, y], axis=-1)[..., None, :] + around)
    shares = shapely.area(shapely.intersection(cells, region)) / 1e6
    kept = read_polygon_mask(write(region, crs=32632), raster, 0.3)
    np.testing.assert_array_equal(kept, (shares >= 0.3).T)
    assert 10 < kept.sum() < 40


def write_tiff(path, values, x, y):
    """Write a raster of zone 32 in tiles."""
    rasterio = pytest.importorskip("rasterio")
    step = x[1] - x[0]
    place = rasterio.Affine(step, 0, x[0] - step / 2, 0, -step, y[0] + step / 2)
    options = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "crs": 32632}
    options |= {"tiled": True, "blockxsize": 16, "blockysize": 16, "transform": place}
    height, width = values.shape
    with rasterio.open(path, "w", height=height, width=width, **options) as file:
        file.write(values, 1)


@pytest.mark.parametrize("name", ["in.nc", "in.tif"])
@pytest.mark.parametrize("share", [None, 0.7])
def test_a_lazy_raster_has_the_same_cells(write, tmp_path, name, share):
    x, y = UTM
    values = np.random.default_rng(0).integers(1, 90, (20, 20)).astype(np.int16)
    raster = projected(values, 32632, x, y)
    if name == "in.nc":
        raster.rename("a").assign_attrs(grid_mapping="spatial_ref").to_netcdf(tmp_path / name)
    else:
        write_tiff(tmp_path / name, values, x, y)
    path = write(shapely.box(7, 50, 9.5, 52))
    lazy = fastkm.open_raster(tmp_path / name, mask=path, mask_share=share)
    read = apply_mask(fastkm.read_raster(tmp_path / name), path, share=share)
    assert lazy.chunks is not None
    found = fastkm.kmeans1d(lazy, 3)
    np.testing.assert_array_equal(found.centroids, fastkm.kmeans1d(read, 3).centroids)
    kept = fastkm.cluster_raster(lazy, 1).labels.values == 0
    np.testing.assert_array_equal(kept, np.isfinite(read))
    assert 20 < np.isfinite(read).sum() < 300


def test_blocks_of_a_mask_are_parts_of_the_whole(write):
    path = write(BASIN - LAKE)
    for raster in (globe(np.zeros((18, 36)), descending=True), polar(np.zeros((18, 36)))):
        for share in (None, 0.4):
            if raster.dims == ("y", "x"):
                path = write(shapely.box(-100, 60, 60, 88))
            mask = open_polygon_mask(path, raster, share)
            whole = mask.find_kept(range(18), range(36))
            part = mask.find_kept(range(4, 15), range(7, 8))
            np.testing.assert_array_equal(part, whole[4:15, 7:8])
            assert whole.any()


def test_a_mask_without_a_reference_system_has_that_of_the_raster(write):
    raster = globe(np.zeros((18, 36)))
    with pytest.warns(
        UserWarning, match="has no reference system: its polygons are taken to be lon"
    ):
        kept = read_polygon_mask(write(BASIN, crs=None), raster)
    np.testing.assert_array_equal(kept, find_centres_inside(raster, BASIN))
    x, y = UTM
    bare = projected(np.zeros((20, 20)), 32632, x, y).drop_vars("spatial_ref")
    with pytest.warns(UserWarning, match="taken to be in the coordinates of the raster"):
        kept = read_polygon_mask(write(shapely.box(4e5, 56e5, 5e5, 57e5), crs=None), bare)
    assert kept.sum() == 25


def test_what_cannot_serve_is_refused(write, tmp_path):
    raster = globe(np.zeros((18, 36)))
    with pytest.raises(FileNotFoundError, match=r"mask .*none\.gpkg: no such file"):
        read_polygon_mask(tmp_path / "none.gpkg", raster)
    (tmp_path / "text.gpkg").write_text("no polygons")
    with pytest.raises(OSError, match=r"text\.gpkg is no raster and has no polygons: "):
        read_polygon_mask(tmp_path / "text.gpkg", raster)
    (tmp_path / "text.parquet").write_text("no polygons")
    with pytest.raises(OSError, match="cannot be read as GeoParquet: "):
        read_polygon_mask(tmp_path / "text.parquet", raster)
    river = write(shapely.LineString([(0, 0), (9, 9)]), name="river.geojson")
    with pytest.raises(ValueError, match="must hold polygons, got 1 of LineString"):
        read_polygon_mask(river, raster)
    part = placed(np.zeros((4, 4)), [10.0, 11, 12, 13], [150.0, 151, 152, 153])
    with pytest.raises(ValueError, match=r"mask\.gpkg does not overlap the raster"):
        read_polygon_mask(write(BASIN), part)
    with pytest.raises(
        ValueError, match="the raster has no cell whose centre lies in it; mask_share"
    ):
        read_polygon_mask(write(shapely.box(41, 1, 44, 4)), raster)
    with pytest.raises(ValueError, match=r"no cell of which 50% lies in it$"):
        read_polygon_mask(write(shapely.box(41, 1, 44, 4)), raster, 0.5)
    bare = raster.drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    with pytest.raises(ValueError, match="neither latitudes and longitudes nor a reference system"):
        read_polygon_mask(write(BASIN), bare)
    for share in (0.0, 1.5):
        with pytest.raises(ValueError, match="mask_share must be above 0 and at most 1"):
            read_polygon_mask(write(BASIN), raster, share)


def test_share_is_for_polygons_only(tmp_path):
    globe(np.ones((18, 36))).rename("a").to_netcdf(tmp_path / "a.nc")
    raster = fastkm.read_raster(tmp_path / "a.nc")
    with pytest.raises(ValueError, match=r"is for polygons, but mask .*a\.nc is a raster"):
        apply_mask(raster, tmp_path / "a.nc", share=0.5)
    with pytest.raises(ValueError, match="is for polygons"):
        fastkm.open_raster(tmp_path / "a.nc", mask=tmp_path / "a.nc", mask_share=0.5)
    with pytest.raises(ValueError, match="needs a mask of polygons, got none"):
        fastkm.open_raster(tmp_path / "a.nc", mask_share=0.5)


def test_the_first_layer_with_polygons_is_taken(write, tmp_path):
    raster = globe(np.zeros((18, 36)))
    path = tmp_path / "layers.gpkg"
    layers = {"rivers": shapely.LineString([(0, 0), (9, 9)]), "one": BASIN, "two": LAKE}
    for layer, shape in layers.items():
        gpd.GeoDataFrame(geometry=[shape], crs=4326).to_file(path, layer=layer)
    with pytest.warns(UserWarning, match="layer 'one' is taken, not 'two'"):
        kept = read_polygon_mask(path, raster)
    np.testing.assert_array_equal(kept, find_centres_inside(raster, BASIN))
