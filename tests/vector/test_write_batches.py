"""Outlines that are written batch by batch: the same rows in every format, or no file."""

import json

import dask.array as da
import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from geopandas.testing import assert_geodataframe_equal

import fastkm
from fastkm.vector.write import write_outlines
from fastkm.vector.write_batches import polygonize_to_file, write_batches
from tests.label_maps import globe

EXTENSIONS = [".shp", ".gpkg", ".geojson", ".fgb", ".parquet"]
each_format = pytest.mark.parametrize("extension", EXTENSIONS)
SCANNED = "+proj=geos +h=35785831 +lon_0=0 +sweep=x +ellps=GRS80"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 20)
    monkeypatch.setattr("fastkm.vector.merged_regions.BATCH_POINTS", 30)
    monkeypatch.setattr("fastkm.vector.write_batches.POINTS_TOGETHER", 60)


@pytest.fixture
def outlines():
    labels = globe(np.random.default_rng(0).integers(-1, 3, (12, 9)))
    frame = fastkm.outline(labels, values=labels * 1.5, connectivity=8)
    frame.loc[2, "mean"] = np.nan
    return frame


def split(frame, rows=4):
    return [frame.iloc[i : i + rows] for i in range(0, len(frame), rows)]


def read(path):
    """Read a file, its rows in an order that does not depend on the file's."""
    found = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    shapes = shapely.normalize(
        [shapely.multipolygons(shapely.get_parts(s)) for s in found.geometry]
    )
    found = found.set_geometry(gpd.GeoSeries(shapes, crs=found.crs))
    return found.iloc[np.argsort(shapely.to_wkb(shapes))].reset_index(drop=True)


@each_format
def test_batches_are_the_rows_of_one_file(outlines, tmp_path, extension):
    whole, parts = tmp_path / f"whole{extension}", tmp_path / f"parts{extension}"
    write_outlines(outlines, whole)
    files = write_batches(split(outlines), parts)
    assert files[0] == parts
    assert {file.name for file in files} == {file.name for file in tmp_path.glob("parts*")}
    found, wanted = read(parts), read(whole)
    assert found.crs == wanted.crs
    assert_geodataframe_equal(found, wanted)


@pytest.mark.filterwarnings("ignore:.* has longitudes -180..180")
@each_format
def test_polygons_of_a_lazy_map_go_to_a_file(tmp_path, extension):
    labels = globe(np.random.default_rng(1).integers(-1, 3, (12, 9)))
    paths = [tmp_path / f"{name}{extension}" for name in ("lazy", "whole")]
    polygonize_to_file(labels.chunk({"lat": 4, "lon": 5}), paths[0], connectivity=8)
    fastkm.polygonize_to_file(labels, paths[1], connectivity=8)
    assert_geodataframe_equal(read(paths[0]), read(paths[1]))
    assert len(read(paths[0])) > 5


def test_rows_of_a_geopackage_come_in_their_order(outlines, tmp_path):
    write_batches(split(outlines), tmp_path / "a.gpkg")
    assert gpd.read_file(tmp_path / "a.gpkg")["cells"].tolist() == outlines["cells"].tolist()


def test_geoparquet_says_what_the_whole_file_has(outlines, tmp_path):
    import pyarrow.parquet as pq

    write_batches(split(outlines), tmp_path / "a.parquet")
    write_outlines(outlines, tmp_path / "b.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.num_row_groups > 2
        geo = json.loads(file.schema_arrow.metadata[b"geo"])
    wanted = json.loads(pq.read_schema(tmp_path / "b.parquet").metadata[b"geo"])
    assert geo == wanted


@pytest.mark.parametrize("extension", EXTENSIONS[:-1])
def test_pyarrow_is_not_needed(outlines, tmp_path, monkeypatch, extension):
    read_with_arrow = tmp_path / f"a{extension}"
    write_batches(split(outlines), read_with_arrow)
    monkeypatch.setattr("fastkm.vector.formats.check_outlines.find_spec", lambda name: None)
    monkeypatch.setattr("fastkm.vector.formats.check_outlines.ROWS_TOGETHER", 7)
    write_batches(split(outlines), tmp_path / f"b{extension}")
    assert_geodataframe_equal(read(tmp_path / f"b{extension}"), read(read_with_arrow))


@each_format
def test_batches_without_rows_make_a_file_without_rows(outlines, tmp_path, extension):
    path = tmp_path / f"a{extension}"
    write_batches([outlines.iloc[:0]] * 3, path)
    assert len(gpd.read_parquet(path) if extension == ".parquet" else gpd.read_file(path)) == 0


def test_small_batches_are_joined_and_empty_ones_left_out(outlines, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        "fastkm.vector.write_batches._append",
        lambda frames, path, driver: (written.extend(frames), path.touch(), written[-1])[-1],
    )
    monkeypatch.setattr("fastkm.vector.write_batches.check_layer", lambda *_: None)
    monkeypatch.setattr("fastkm.vector.formats.check_outlines.Content.check", lambda *_: None)
    empty = outlines.iloc[:0]
    write_batches([empty, *split(outlines, 1), empty, empty], tmp_path / "a.gpkg")
    assert sum(map(len, written)) == len(outlines)
    assert 1 < len(written) < len(outlines)
    assert min(map(len, written)) > 0


def test_an_uppercase_extension_stays(outlines, tmp_path):
    assert write_batches(split(outlines), tmp_path / "A.SHP")[0] == tmp_path / "A.SHP"
    assert (tmp_path / "A.SHP").is_file()


def test_outlines_without_a_reference_system_are_noted_once(tmp_path):
    labels = da.from_array(np.random.default_rng(2).integers(0, 3, (12, 9)), chunks=4)
    with pytest.warns(UserWarning, match=r"set it with rioxarray: .*write_crs") as notes:
        polygonize_to_file(labels, tmp_path / "a.geojson")
    assert len(notes) == 1
    assert notes[0].filename == __file__
    assert "set it with rioxarray: raster.rio.write_crs" in str(notes[0].message)


@pytest.mark.filterwarnings("ignore:.*a shapefile cannot keep the CRS")
@pytest.mark.parametrize("extension", [".shp", ".geojson"])
def test_outlines_beyond_the_earth_are_counted_over_all_batches(tmp_path, extension):
    edges = np.linspace(-5.6e6, 5.6e6, 8)
    shapes = [
        shapely.box(a, b, a + 1.6e6, b + 1.6e6) for a in edges[:-1] for b in edges[:-1]
    ]  # fmt: skip
    disk = gpd.GeoDataFrame({"a": np.arange(len(shapes))}, geometry=shapes, crs=SCANNED)
    bounds = disk.total_bounds
    texts = []
    for name, write in (
        ("a", lambda path: write_batches(split(disk, 15), path, bounds=bounds)),
        ("b", lambda path: write_outlines(disk, path)),
    ):
        with pytest.warns(UserWarning, match=f"of {len(disk)} outlines reach beyond") as notes:
            write(tmp_path / f"{name}{extension}")
        texts.append([str(note.message) for note in notes if "outlines reach" in str(note.message)])
    assert texts[0] == texts[1]
    found, wanted = (gpd.read_file(tmp_path / f"{name}{extension}") for name in "ab")
    assert found["a"].tolist() == wanted["a"].tolist()
    differing = found.geometry.symmetric_difference(wanted.geometry)
    assert shapely.area(differing).max() < 1e-6


@each_format
def test_errors_in_reading_are_not_those_of_writing(outlines, tmp_path, extension):
    def fail():
        yield outlines
        raise OSError("labels.tif has changed since it was opened")

    with pytest.raises(OSError, match=r"^labels.tif has changed since it was opened$"):
        write_batches(fail(), tmp_path / f"a{extension}")
    assert list(tmp_path.iterdir()) == []


def test_other_extensions_are_refused_before_anything_is_read(tmp_path):
    labels = xr.DataArray(da.zeros((9, 9), int), dims=("y", "x"))
    with pytest.raises(ValueError, match=r"must end in .shp"):
        polygonize_to_file(labels, tmp_path / "a.kml")
