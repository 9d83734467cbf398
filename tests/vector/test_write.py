import builtins
import json
import shutil
import sys
import warnings

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from fastkm.vector.write import DRIVERS, check_extension, write_outlines
from fastkm.vector.write_batches import write_batches

EXTENSIONS = [".shp", ".gpkg", ".geojson", ".fgb", ".parquet"]
each_format = pytest.mark.parametrize("extension", EXTENSIONS)
each_gdal_format = pytest.mark.parametrize("extension", EXTENSIONS[:-1])
ROTATED = (
    "+proj=ob_tran +o_proj=longlat +o_lat_p=39.25 +o_lon_p=0 +lon_0=18 +R=6371229 "
    "+to_meter=0.0174532925199433"
)
GEOSTATIONARY = "+proj=geos +h=35785831 +lon_0=-75 +sweep=x +ellps=GRS80"


def read(path):
    """Read any of the formats, in the order of the column `cluster` where there is one."""
    if path.suffix == ".parquet":
        found = gpd.read_parquet(path)
    else:
        found = gpd.read_file(path, engine="pyogrio")
    if path.suffix == ".fgb" and "cells" in found:  # whose rows have an order of their own
        found = found.sort_values("cells", ascending=False, ignore_index=True)
    return found


def frame(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@pytest.fixture
def outlines():
    """A region with a hole, one in it, and one in two parts; all the columns of an outline."""
    ring = shapely.box(1, 1, 6, 6).difference(shapely.box(2, 2, 5, 5))
    parts = shapely.MultiPolygon([shapely.box(8, 7, 9.5, 8), shapely.box(10, 7, 11, 8.25)])
    shapes = [ring, parts, shapely.box(3, 3, 4, 4)]
    numbers = np.array([1 / 3, 48.25, 1e-5])
    return frame(
        *shapes,
        k=np.array([6, 6, 6]),
        cluster=np.array([1, 1, 2]),
        value=numbers,
        cells=np.array([16, 3, 1]),
        area_km2=numbers * 1e6,
        perimeter_km=numbers * 1e3,
        diameter_px=np.sqrt(numbers),
        diameter_km=numbers * 111.1,
        mean=numbers,
        min=numbers - 1,
        max=numbers + 1,
    )


@pytest.fixture
def empty(outlines):
    return outlines.iloc[:0]


def assert_same_shapes(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found.geometry, expected.geometry, strict=True):
        assert one.equals(other)


@each_format
def test_outlines_are_read_back(outlines, tmp_path, extension):
    path = tmp_path / "made" / f"outlines{extension}"
    write_outlines(outlines, path)
    found = read(path)
    assert_same_shapes(found, outlines)
    assert found.crs.to_epsg() == 4326
    short = {"perimeter_km": "perim_km", "diameter_px": "diam_px", "diameter_km": "diam_km"}
    names = [short.get(c, c) if extension == ".shp" else c for c in outlines.columns]
    assert list(found.columns) == names
    for name, new in zip(outlines.columns[:-1], names, strict=False):
        assert found[new].dtype.kind == outlines[name].dtype.kind
        if extension == ".shp":
            np.testing.assert_allclose(found[new], outlines[name], rtol=1e-9, atol=0)
        else:
            np.testing.assert_array_equal(found[new], outlines[name])


def test_shapefile_has_all_its_parts_and_nothing_is_left_over(outlines, tmp_path):
    write_outlines(outlines, tmp_path / "a.shp")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a.cpg", "a.dbf", "a.prj", "a.shp", "a.shx",
    ]  # fmt: skip
    assert (tmp_path / "a.cpg").read_text() == "UTF-8"
    assert "WGS_1984" in (tmp_path / "a.prj").read_text()


@pytest.mark.parametrize("extension", EXTENSIONS[1:])
def test_other_formats_are_one_file(outlines, tmp_path, extension):
    assert write_outlines(outlines, tmp_path / f"a{extension}") == [tmp_path / f"a{extension}"]
    assert [file.name for file in tmp_path.iterdir()] == [f"a{extension}"]


def test_all_files_written_are_told_the_named_one_first(outlines, tmp_path):
    written = write_outlines(outlines, tmp_path / "a.shp")
    assert written[0] == tmp_path / "a.shp"
    assert {part.suffix for part in written} == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert all(part.is_file() for part in written)


def test_shapefile_of_the_lesson_has_its_field(tmp_path):
    path = tmp_path / "contour_test.shp"
    write_outlines(frame(shapely.box(0, 0, 2, 2), idx_name=["contour_0"]), path)
    info = pyogrio.read_info(path)
    assert list(info["fields"]) == ["idx_name"]
    assert info["crs"] == "EPSG:4326"
    assert info["geometry_type"] == "Polygon"


@pytest.mark.parametrize("extension", [".gpkg", ".fgb"])
def test_layer_is_of_multipolygons_only_where_it_must(outlines, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    write_outlines(outlines, path)
    assert pyogrio.read_info(path)["geometry_type"] == "MultiPolygon"
    assert set(read(path).geom_type) == {"MultiPolygon"}
    write_outlines(outlines.iloc[[0, 2]], path)
    assert pyogrio.read_info(path)["geometry_type"] == "Polygon"


@pytest.mark.parametrize("extension", [".shp", ".geojson", ".parquet"])
def test_other_formats_mix_both(outlines, tmp_path, extension):
    write_outlines(outlines, tmp_path / f"a{extension}")
    found = read(tmp_path / f"a{extension}").geom_type.tolist()
    assert found == ["Polygon", "MultiPolygon", "Polygon"]


@each_format
def test_empty_outlines_are_written_with_their_fields(empty, tmp_path, extension):
    path = tmp_path / f"empty{extension}"
    write_outlines(empty, path)
    found = read(path)
    assert len(found) == 0
    assert found.crs.to_epsg() == 4326
    if extension != ".geojson":  # which keeps fields with the features only
        assert len(found.columns) == len(empty.columns)
        kinds = [dtype.kind for dtype in found.dtypes.iloc[:-1]]
        assert kinds == [dtype.kind for dtype in empty.dtypes.iloc[:-1]]
    if extension in (".shp", ".gpkg", ".fgb"):
        assert pyogrio.read_info(path)["geometry_type"] == "Polygon"


@each_format
def test_frame_of_a_geometry_only_is_written(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    write_outlines(frame(shapely.box(0, 0, 1, 1)), path)
    found = read(path)
    assert found.geometry[0].equals(shapely.box(0, 0, 1, 1))
    assert [c for c in found.columns if c != "FID"] == ["geometry"]  # which .shp needs a field for


@each_format
def test_existing_file_is_replaced(outlines, empty, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    write_outlines(outlines, path)
    before = sorted(file.name for file in tmp_path.iterdir())
    write_outlines(outlines.iloc[:1], path)
    assert len(read(path)) == 1
    write_outlines(empty, path)
    assert len(read(path)) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == before


@each_format
def test_failed_write_leaves_the_old_file(outlines, tmp_path, extension, monkeypatch):
    path = tmp_path / f"a{extension}"
    write_outlines(outlines, path)
    old = path.read_bytes()

    def fail(frame, draft, **options):
        draft.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(gpd.GeoDataFrame, "to_file", fail)
    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", fail)
    with pytest.raises(OSError, match="disk full"):
        write_outlines(outlines.iloc[:1], path)
    assert path.read_bytes() == old
    assert not [file for file in tmp_path.iterdir() if file.is_dir()]


@each_gdal_format
def test_file_that_lacks_a_field_is_not_kept(outlines, tmp_path, extension, monkeypatch):
    write = gpd.GeoDataFrame.to_file
    monkeypatch.setattr(
        gpd.GeoDataFrame, "to_file", lambda f, p, **o: write(f.drop(columns="cells"), p, **o)
    )
    with pytest.raises(OSError, match=r"cannot be written: it has columns \['k', .*'cells'"):
        write_outlines(outlines, tmp_path / f"a{extension}")
    assert not list(tmp_path.iterdir())


@each_gdal_format
def test_file_that_lacks_a_row_is_not_kept(outlines, tmp_path, extension, monkeypatch):
    write = gpd.GeoDataFrame.to_file
    monkeypatch.setattr(gpd.GeoDataFrame, "to_file", lambda f, p, **o: write(f.iloc[1:], p, **o))
    with pytest.raises(OSError, match="cannot be written: it has 2 outlines, not 3"):
        write_outlines(outlines, tmp_path / f"a{extension}")


@each_format
def test_frame_is_left_as_it_was(outlines, tmp_path, extension):
    outlines.index = [7, 3, 7]
    outlines.attrs["about"] = object()
    before = outlines.copy()
    write_outlines(outlines, tmp_path / f"a{extension}")
    assert outlines.equals(before)
    assert outlines.crs == before.crs
    assert "about" in outlines.attrs


@pytest.mark.parametrize("name", ["out.kml", "out", "out.shp.txt", ".shp", ""])
def test_unknown_extension_is_an_error_that_lists_the_known(outlines, tmp_path, name):
    with pytest.raises(
        ValueError, match=r"must end in \.shp, \.gpkg, \.geojson, \.fgb, \.parquet, not"
    ):
        write_outlines(outlines, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "driver"), [("a.SHP", "ESRI Shapefile"), ("a.GeoJSON", "GeoJSON"), ("a.fGb", "FlatGeobuf")]
)  # fmt: skip
def test_case_of_the_extension_does_not_matter(outlines, tmp_path, name, driver):
    assert check_extension(name) == driver
    assert write_outlines(outlines, tmp_path / name)[0] == tmp_path / name
    assert (tmp_path / name).is_file()
    assert len(gpd.read_file(tmp_path / name, engine="pyogrio")) == 3


@each_format
def test_odd_paths_are_fine(outlines, tmp_path, extension):
    path = tmp_path / "Île de mer" / f"the 海.v2 (1){extension}"
    assert write_outlines(outlines, path)[0] == path
    assert_same_shapes(read(path), outlines)


@each_format
def test_folder_of_that_name_is_an_error(outlines, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_outlines(outlines, path)


@each_format
def test_name_of_the_geometry_column_may_be_long(outlines, tmp_path, extension):
    write_outlines(outlines.rename_geometry("region_polygon"), tmp_path / f"a{extension}")
    found = read(tmp_path / f"a{extension}")
    assert found.geometry.name == ("region_polygon" if extension == ".parquet" else "geometry")
    assert_same_shapes(found, outlines)


@each_format
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "got none in row 1"),
        (shapely.Polygon(), "got none in row 1"),
        (shapely.Point(0, 0), "got a Point in row 1"),
        (shapely.LineString([(0, 0), (1, 1)]), "got a LineString in row 1"),
        (shapely.Polygon([(0, 0, 1), (1, 0, 1), (0, 1, 1)]), "got a Polygon Z in row 1"),
    ],
)
def test_what_is_no_polygon_is_refused(tmp_path, extension, shape, message):
    with pytest.raises(ValueError, match=f"outlines must be polygons, {message}"):
        write_outlines(frame(shapely.box(0, 0, 1, 1), shape), tmp_path / f"a{extension}")
    assert not list(tmp_path.iterdir())


# coordinate reference systems


@each_format
def test_outlines_without_a_crs_are_written_with_one_warning(outlines, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    bare = outlines.set_crs(None, allow_override=True)
    bare["geometry"] = bare.geometry.translate(1e6)
    with pytest.warns(UserWarning, match="no coordinate reference system") as caught:
        write_outlines(bare, path)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert_same_shapes(read(path), bare)
    if extension != ".geojson":  # whose readers know one system only
        assert read(path).crs is None


@pytest.mark.parametrize("extension", [".shp", ".gpkg", ".fgb", ".parquet"])
@pytest.mark.parametrize(
    "crs",
    [
        3031,
        "EPSG:32633",
        "ESRI:54009",
        "+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=10 +datum=WGS84",
        "+proj=longlat +R=6371229",
        "+proj=lcc +lat_1=30 +lat_2=60 +lon_0=5 +R=6370000",
    ],
)
def test_crs_is_kept(outlines, tmp_path, extension, crs):
    placed = outlines.set_crs(crs, allow_override=True)
    write_outlines(placed, tmp_path / f"a{extension}")
    found = read(tmp_path / f"a{extension}")
    assert found.crs.equals(placed.crs, ignore_axis_order=True) or (
        found.crs.to_dict() == placed.crs.to_dict()
    )
    assert_same_shapes(found, outlines)


NEAR = "+proj=nsper +h=3000000 +lat_0=20"


@pytest.mark.parametrize("extension", [".shp", ".gpkg", ".fgb"])
@pytest.mark.parametrize(("crs", "size"), [(ROTATED, 1.0), (NEAR, 1e4)])
def test_crs_that_the_format_lacks_becomes_degrees(outlines, tmp_path, extension, crs, size):
    placed = outlines.set_crs(crs, allow_override=True)
    placed["geometry"] = placed.scale(size, size, origin=(0, 0))
    with pytest.warns(
        UserWarning, match=r"longitudes and latitudes, because .* cannot keep the CRS"
    ):
        write_outlines(placed, tmp_path / f"a{extension}")
    found = read(tmp_path / f"a{extension}")
    assert found.crs.to_epsg() == 4326
    write_outlines(placed, tmp_path / "a.geojson")
    expected = read(tmp_path / "a.geojson")
    for one, other in zip(found.geometry, expected.geometry, strict=True):
        assert (
            one.equals_exact(other.normalize(), 1e-9) or one.symmetric_difference(other).area < 1e-9
        )
    write_outlines(placed, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").crs == placed.crs


def test_parts_whose_crs_a_geopackage_lacks_become_degrees(outlines, tmp_path):
    rotated = outlines.set_crs(ROTATED, allow_override=True)
    with pytest.warns(UserWarning, match="cannot keep the CRS") as notes:
        write_batches([rotated.iloc[:1], rotated.iloc[1:]], tmp_path / "a.gpkg")
    assert len(notes) == 1
    write_outlines(rotated, tmp_path / "a.geojson")
    found, expected = read(tmp_path / "a.gpkg"), read(tmp_path / "a.geojson")
    assert found.crs.to_epsg() == 4326
    assert found.total_bounds == pytest.approx(expected.total_bounds, abs=1e-9)


def test_crs_that_a_shapefile_would_change_becomes_degrees(tmp_path):
    shape = shapely.box(1e6, 1e6, 2e6, 3e6)
    scanned = frame(shape, crs=GEOSTATIONARY)  # a .prj forgets how the satellite's mirrors turn
    with pytest.warns(UserWarning, match="a shapefile cannot keep the CRS"):
        write_outlines(scanned, tmp_path / "a.shp")
    assert read(tmp_path / "a.shp").crs.to_epsg() == 4326
    write_outlines(scanned, tmp_path / "a.gpkg")
    assert "+sweep=x" in read_proj(tmp_path / "a.gpkg")


def read_proj(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(path).crs.to_proj4()


# GeoJSON


def test_geojson_has_the_members_of_rfc_7946_only(outlines, tmp_path):
    write_outlines(outlines.to_crs(3857), tmp_path / "a.geojson")
    text = json.loads((tmp_path / "a.geojson").read_text())
    assert text["type"] == "FeatureCollection"
    assert "crs" not in text
    assert [f["geometry"]["type"] for f in text["features"]] == [
        "Polygon", "MultiPolygon", "Polygon",
    ]  # fmt: skip
    assert text["features"][0]["properties"]["cells"] == 16


def test_geojson_keeps_coordinates(tmp_path):
    rng = np.random.default_rng(5)
    x, y = np.sort(rng.uniform(-180, 180, 2)), np.sort(rng.uniform(-90, 90, 2))
    shape = shapely.box(x[0], y[0], x[1], y[1])
    write_outlines(frame(shape, a=[1]), tmp_path / "a.geojson")
    found = np.array(read(tmp_path / "a.geojson").total_bounds)
    np.testing.assert_allclose(found, shape.bounds, rtol=0, atol=1e-15)


def test_geojson_of_a_belt_goes_round_the_globe(tmp_path):
    belts = frame(shapely.box(0.5, -10, 359.5, 10), shapely.box(-178, 20, 178, 30), a=[1, 2])
    write_outlines(belts, tmp_path / "a.geojson")
    first, second = read(tmp_path / "a.geojson").geometry
    assert first.area == 359 * 20
    assert first.bounds == (-180, -10, 180, 10)
    assert second.equals(belts.geometry[1])


# what is not installed


def test_parquet_without_the_extra_is_an_error(outlines, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'fastkm\[parquet\]'"):
        write_outlines(outlines, tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())


@each_gdal_format
def test_format_that_gdal_lacks_is_an_error(outlines, tmp_path, extension, monkeypatch):
    monkeypatch.setattr(pyogrio, "list_drivers", lambda **_: {})
    with pytest.raises(OSError, match=f"was built without {DRIVERS[extension]}"):
        write_outlines(outlines, tmp_path / f"a{extension}")
    assert not list(tmp_path.iterdir())


def test_parts_of_another_shapefile_are_left_alone(outlines, tmp_path):
    write_outlines(outlines, tmp_path / "a.shp")
    shutil.copy(tmp_path / "a.dbf", tmp_path / "b.dbf")
    write_outlines(outlines.iloc[:1], tmp_path / "a.shp")
    assert (tmp_path / "b.dbf").is_file()
