import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
import xarray as xr

from fastkm.vector import check_extension, contours_to_frame, outline, write_outlines

EXTENSIONS = [".shp", ".gpkg", ".geojson"]
each_format = pytest.mark.parametrize("extension", EXTENSIONS)


def labels(cells):
    cells = np.asarray(cells)
    coords = {"lat": np.arange(float(cells.shape[0])), "lon": np.arange(float(cells.shape[1]))}
    return xr.DataArray(cells, coords, ("lat", "lon"))


@pytest.fixture
def outlines():
    """A frame with a hole, an island in it, and another region."""
    cells = np.zeros((9, 12), int)
    cells[1:6, 1:6], cells[2:5, 2:5], cells[3, 3], cells[7, 8:11] = 1, 0, 1, 1
    return outline(labels(cells), 1, centroid=48.25)


@pytest.fixture
def empty():
    return outline(labels(np.zeros((3, 3), int)), 1, centroid=0.0)


def assert_same_shapes(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found.geometry, expected.geometry, strict=True):
        assert one.equals(other)


@each_format
def test_outlines_are_read_back(outlines, tmp_path, extension):
    path = tmp_path / "made" / f"outlines{extension}"
    write_outlines(outlines, path)
    found = gpd.read_file(path, engine="pyogrio")
    assert_same_shapes(found, outlines)
    assert found.crs.to_epsg() == 4326
    name = "diam_px" if extension == ".shp" else "diameter_px"
    assert list(found.columns) == ["cluster", "value", name, "geometry"]
    assert found["cluster"].tolist() == [1, 1, 1]
    assert found["value"].tolist() == [48.25] * 3
    np.testing.assert_allclose(found[name], outlines.diameter_px)


def test_shapefile_has_all_its_parts_and_nothing_is_left_over(outlines, tmp_path):
    write_outlines(outlines, tmp_path / "a.shp")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "a.cpg", "a.dbf", "a.prj", "a.shp", "a.shx",
    ]  # fmt: skip
    assert (tmp_path / "a.cpg").read_text() == "UTF-8"
    assert "WGS_1984" in (tmp_path / "a.prj").read_text()


@pytest.mark.parametrize("extension", [".gpkg", ".geojson"])
def test_other_formats_are_one_file(outlines, tmp_path, extension):
    write_outlines(outlines, tmp_path / f"a{extension}")
    assert [file.name for file in tmp_path.iterdir()] == [f"a{extension}"]


def test_shapefile_of_the_lesson_has_its_field(tmp_path):
    ring = np.array([[0.0, 0], [0, 2], [2, 0], [0, 0]])
    frame = contours_to_frame([ring], labels(np.zeros((3, 3), int)))
    write_outlines(frame, tmp_path / "contour_test.shp")
    info = pyogrio.read_info(tmp_path / "contour_test.shp")
    assert list(info["fields"]) == ["idx_name"]
    assert info["crs"] == "EPSG:4326"
    assert info["geometry_type"] == "Polygon"


@each_format
def test_empty_outlines_are_written_with_their_fields(empty, tmp_path, extension):
    path = tmp_path / f"empty{extension}"
    write_outlines(empty, path)
    found = gpd.read_file(path, engine="pyogrio")
    assert len(found) == 0
    assert found.crs.to_epsg() == 4326
    if extension != ".geojson":  # which keeps fields with the features only
        info = pyogrio.read_info(path)
        assert len(info["fields"]) == 3
        assert info["geometry_type"] == "Polygon"


def test_empty_lesson_is_written(tmp_path):
    frame = contours_to_frame([], labels(np.zeros((3, 3), int)))
    write_outlines(frame, tmp_path / "none.shp")
    assert list(pyogrio.read_info(tmp_path / "none.shp")["fields"]) == ["idx_name"]


@each_format
def test_existing_file_is_replaced(outlines, empty, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    write_outlines(outlines, path)
    before = sorted(file.name for file in tmp_path.iterdir())
    write_outlines(outlines.iloc[:1], path)
    assert len(gpd.read_file(path, engine="pyogrio")) == 1
    write_outlines(empty, path)
    assert len(gpd.read_file(path, engine="pyogrio")) == 0
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
    with pytest.raises(OSError, match="disk full"):
        write_outlines(outlines.iloc[:1], path)
    assert path.read_bytes() == old
    assert not [file for file in tmp_path.iterdir() if file.is_dir()]


def test_frame_is_left_as_it_was(outlines, tmp_path):
    before = outlines.copy()
    write_outlines(outlines, tmp_path / "a.shp")
    assert outlines.equals(before)


@pytest.mark.parametrize("name", ["out.kml", "out", "out.shp.txt", ".shp", ""])
def test_unknown_extension_is_an_error_that_lists_the_known(outlines, tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.shp, \.gpkg, \.geojson"):
        write_outlines(outlines, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "driver"), [("a.SHP", "ESRI Shapefile"), ("a.GeoJSON", "GeoJSON")]
)
def test_case_of_the_extension_does_not_matter(name, driver):
    assert check_extension(name) == driver


def test_field_name_too_long_for_a_shapefile_is_refused(outlines, tmp_path):
    wide = outlines.assign(temperature_k=1.0)
    with pytest.raises(ValueError, match=r"at most 10 characters, got \['temperature_k'\]"):
        write_outlines(wide, tmp_path / "a.shp")
    assert not list(tmp_path.iterdir())
    write_outlines(wide, tmp_path / "a.gpkg")
    assert "temperature_k" in gpd.read_file(tmp_path / "a.gpkg", engine="pyogrio")


def test_name_of_the_geometry_column_may_be_long_in_a_shapefile(outlines, tmp_path):
    write_outlines(outlines.rename_geometry("region_polygon"), tmp_path / "a.shp")
    assert len(gpd.read_file(tmp_path / "a.shp", engine="pyogrio")) == 3


@each_format
def test_text_outside_ascii_is_read_back(tmp_path, extension):
    frame = gpd.GeoDataFrame({"name": ["Île, 海"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    write_outlines(frame, tmp_path / f"a{extension}")
    assert gpd.read_file(tmp_path / f"a{extension}", engine="pyogrio")["name"].tolist() == [
        "Île, 海"
    ]


@each_format
def test_outlines_without_a_crs_are_written_with_one_warning(outlines, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    with pytest.warns(UserWarning, match="no coordinate reference system") as caught:
        write_outlines(outlines.set_crs(None, allow_override=True), path)
    assert len(caught) == 1
    assert len(gpd.read_file(path, engine="pyogrio")) == 3


def test_all_files_written_are_told_the_named_one_first(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    assert write_outlines(frame, tmp_path / "a.gpkg") == [tmp_path / "a.gpkg"]
    written = write_outlines(frame, tmp_path / "a.shp")
    assert written[0] == tmp_path / "a.shp"
    assert {part.suffix for part in written} == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert all(part.is_file() for part in written)
