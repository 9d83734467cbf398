"""Where the outlines of awkward grids come out: in files, and on the map."""

from contextlib import nullcontext

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from pyproj import CRS, Transformer

from fastkm import outline
from fastkm.raster.grid.geolocation import find_grid, find_regional_extent
from fastkm.raster.io.geotiff.write_geotiff import write_label_tiff
from fastkm.workflows.cluster_file import cluster_file
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import outline_file
from tests.small_files import EAST, NORTH, write_netcdf

POLE = {
    "grid_mapping_name": "rotated_latitude_longitude",
    "grid_north_pole_latitude": 39.25,
    "grid_north_pole_longitude": -162.0,
}


@pytest.fixture
def drawn(monkeypatch):
    """The outlines and extents of the maps that are drawn, instead of figures."""
    maps = []

    def draw(outlines, *, extent=None, **_):
        maps.append((outlines, extent))
        return Figure(figsize=(1, 1))

    monkeypatch.setattr("fastkm.plot.map_figure", draw)
    return maps


def write_rotated(path, pole=POLE, units="degrees", names=("rlat", "rlon")):
    """Write a spot of 1 in the middle of a grid of half degrees."""
    side = np.arange(-4.75, 5, 0.5)
    spot = (np.hypot(*np.meshgrid(side, side)) < 2).astype("f4")
    attrs = [
        {"units": units, "standard_name": f"grid_{name}"} for name in ("latitude", "longitude")
    ]
    coords = {name: (side, own) for name, own in zip(names, attrs, strict=True)}
    return write_netcdf(
        path, spot, names, coords=coords, more={"pole": (0, pole, ())}, grid_mapping="pole"
    )


@pytest.mark.parametrize("units", ["degrees", "degrees_east", "degree"])
def test_rotated_pole_is_drawn_in_its_place(tmp_path, drawn, units):
    path = write_rotated(tmp_path / "in.nc", units=units)
    outline_file(
        Selection(path), [2], "highest", tmp_path / "a.parquet", map_path=tmp_path / "m.png"
    )
    [(outlines, extent)] = drawn
    west, south, east, north = outlines.total_bounds
    assert outlines.crs.to_epsg() == 4326
    assert 14 < west < east < 22
    assert 48 < south < north < 54
    assert extent is None  # the map shows the outlines, with some room
    assert gpd.read_parquet(tmp_path / "a.parquet").crs.is_derived


@pytest.mark.parametrize("extension", [".gpkg", ".geojson"])
def test_rotated_pole_is_written_in_its_place(tmp_path, extension):
    path = write_rotated(tmp_path / "in.nc")
    note = pytest.warns(UserWarning, match="cannot keep the CRS")
    with note if extension == ".gpkg" else nullcontext():
        outline_file(Selection(path), [2], "highest", tmp_path / f"a{extension}")
    found = gpd.read_file(tmp_path / f"a{extension}")
    assert found.crs.to_epsg() == 4326
    middle = found.geometry[0].centroid
    assert (middle.x, middle.y) == pytest.approx((18.0, 50.75), abs=0.02)


def test_pole_that_rotates_nothing_has_plain_degrees(tmp_path):
    idle = {**POLE, "grid_north_pole_latitude": 90.0, "grid_north_pole_longitude": 180.0}
    path = write_rotated(tmp_path / "in.nc", idle)
    outline_file(Selection(path), [2], "highest", tmp_path / "a.gpkg")
    found = gpd.read_file(tmp_path / "a.gpkg")
    assert not found.crs.is_derived
    assert found.total_bounds.tolist() == [-2, -2, 2, 2]


def test_label_map_of_a_rotated_pole_keeps_its_place_as_geotiff(tmp_path, drawn):
    path = write_rotated(tmp_path / "in.nc")
    cluster_file(Selection(path), [2], tmp_path / "labels.tif")
    done = outline_file(Selection(tmp_path / "labels.tif"), [2], "highest", tmp_path / "a.geojson")
    assert done.outlines.crs.is_derived
    assert gpd.read_file(tmp_path / "a.geojson").geometry[0].centroid.y == pytest.approx(
        50.75, abs=0.02
    )


SEAMS = [
    # centres, in the file's order; west and east of the cells around the middle, if they are simple
    (np.r_[340.5:360, 0.5:21], (-4, 4)),
    (np.arange(340.5, 381), (-4, 4)),
    (np.r_[340.5:360, 0.5:20][::-1], (-4, 4)),
    (np.arange(-200.5, -160), (-180, 180)),
    (np.arange(160.5, 200), (176, 184)),
    (np.r_[160.5:180, -179.5:-160], (-180, 180)),
    (np.r_[160.5:180, -179.5:-160][::-1], (-180, 180)),
    (np.arange(520.5, 560), (176, 184)),
    (np.arange(175.5, 535), (351, 359)),
    (np.r_[175.5:180, -179.5:175], None),
    (np.arange(-10.5, 349), None),
]


def make_raster(longitude):
    """Return a raster that is 1 within four degrees of the middle column, on the equator."""
    longitude = np.asarray(longitude)
    latitude = np.arange(-9.5, 10)
    middle = len(longitude) // 2
    near = np.abs(np.arange(len(longitude)) - middle + 0.5) < 4
    values = np.outer(np.abs(latitude) < 4, near).astype(float)
    coords = {"lat": ("lat", latitude, NORTH), "lon": ("lon", longitude, EAST)}
    return xr.DataArray(values, coords, ("lat", "lon"))


@pytest.mark.parametrize(("longitude", "bounds"), SEAMS)
def test_longitudes_of_outlines_are_on_a_map(longitude, bounds):
    raster = make_raster(longitude)
    found = outline(raster, 2, select="highest")
    assert len(found) == 1
    west, south, east, north = found.total_bounds
    assert (-180 <= west < east <= 180) or (0 <= west < east <= 360)
    assert (south, north) == (-4, 4)
    assert bounds is None or (west, east) == pytest.approx(bounds)
    assert found.geometry[0].area == pytest.approx(64)
    columns = np.flatnonzero(raster.any("lat"))
    for centre in longitude[columns]:
        turned = centre + 360.0 * np.arange(-3, 4)
        assert any(found.geometry[0].covers(gpd.points_from_xy([x], [0.5])[0]) for x in turned)


@pytest.mark.parametrize(("longitude", "bounds"), SEAMS)
def test_longitudes_of_geotiffs_ascend_on_a_map(longitude, bounds, tmp_path):
    import rasterio

    from fastkm import cluster_raster

    raster = make_raster(longitude)
    labels = cluster_raster(raster, 2).labels
    path = tmp_path / "labels.tif"
    write_label_tiff(labels, path, colours=[(0, 0, 0)] * 2, source="a", history="b")
    with rasterio.open(path) as file:
        band = file.read(1)
        row, column = (axis.mean() for axis in np.nonzero(band == 1))
        x, y = file.xy(row, column)
        assert -200.5 < file.bounds.left < file.bounds.right <= 361
    centre = np.unwrap(longitude, period=360)[raster.any("lat").values].mean()
    if abs(file.bounds.right - file.bounds.left) < 300:
        assert (x - centre + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-9)
    assert y == pytest.approx(0.0, abs=1e-9)


def test_extent_of_a_raster_across_greenwich():
    assert find_regional_extent(make_raster(np.r_[340.5:360, 0.5:21])) == (-20, -10, 21, 10)
    assert find_grid(make_raster(np.arange(0.5, 360))).west is None
    assert find_grid(make_raster(np.arange(-179.5, 180))).west is None
    assert find_grid(make_raster(np.arange(0.0, 360))).west is None


def write_disk(path, crs, half, cells=31):
    """Write a raster of a plane, 0 in the left half and 1 in the right, space included."""
    side = (np.arange(cells) + 0.5) / cells * 2 * half - half
    values = np.broadcast_to((side > 0).astype("f4"), (cells, cells))
    names = ["projection_y_coordinate", "projection_x_coordinate"]
    coords = {
        dim: (side, {"units": "m", "standard_name": name})
        for dim, name in zip("yx", names, strict=True)
    }
    more = {"crs": (0, {"crs_wkt": CRS(crs).to_wkt()}, ())}
    return write_netcdf(path, values, ("y", "x"), coords=coords, more=more, grid_mapping="crs")


@pytest.mark.filterwarnings("ignore:.*beyond the Earth's edge")
@pytest.mark.parametrize(
    ("crs", "half", "share"),
    [
        ("+proj=geos +h=35785831 +lon_0=0 +ellps=GRS80", 5.6e6, 0.42),
        ("+proj=sinu +R=6371007.181", 2.01e7, 1.0),
        ("+proj=moll", 1.81e7, 1.0),
        ("+proj=ortho +lat_0=40 +lon_0=10", 6.5e6, 0.5),
    ],
)
def test_disks_and_ovals_end_at_the_edge_of_the_earth(tmp_path, drawn, crs, half, share):
    path = write_disk(tmp_path / "in.nc", crs, half)
    for extension in (".gpkg", ".geojson"):
        done = outline_file(
            Selection(path), [2], "all", tmp_path / f"a{extension}", map_path=tmp_path / "m.png"
        )
    found = gpd.read_file(tmp_path / "a.geojson")
    assert found.geometry.is_valid.all()
    west, south, east, north = found.total_bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    assert np.isfinite(done.outlines[["area_km2", "perimeter_km", "diameter_km"]]).all(axis=None)
    # cells with all corners on Earth, some less than the part that is seen
    assert 0.6 * share < done.outlines["area_km2"].sum() / 510_065_622 < share
    # on both sides of the middle, and where they are
    to_plane = Transformer.from_crs(4326, crs, always_xy=True)
    for cluster, shape in zip(found["cluster"], found.geometry, strict=True):
        x, _ = to_plane.transform(*shape.representative_point().coords[0])
        assert (x > 0) == cluster


def test_cells_in_space_are_said_to_have_no_area(tmp_path):
    path = write_disk(tmp_path / "in.nc", "+proj=ortho +R=6371000 +lat_0=17", 7.5e6, 29)
    with pytest.warns(UserWarning, match="cells have no area: .* beyond the Earth's edge"):
        outline_file(Selection(path), [2], "all", tmp_path / "a.gpkg")
