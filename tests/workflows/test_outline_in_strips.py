"""Outlines of files that are opened lazily: the same rows as those of files that are read at once."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from fastkm._core.atomic_write import write_bytes
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import OutlineOptions, outline_file
from tests.label_maps import globe


@pytest.fixture
def file(tmp_path):
    values = np.random.default_rng(0).normal(30, 9, (18, 24)).astype(np.float32)
    values = np.round(values + np.roll(values, 1, 0) + np.roll(values, 1, 1))
    values[3, 4:7] = np.nan
    path = tmp_path / "in.nc"
    globe(values).rename("water").assign_attrs(units="mm").to_netcdf(
        path, encoding={"water": {"chunksizes": (5, 24)}}
    )
    return path


@pytest.fixture
def in_strips(monkeypatch):
    """Return a function that lets files be opened lazily, and traced in strips of some rows."""

    def turn_on():
        monkeypatch.setattr("fastkm.workflows.job.MOST_READ", 30)
        monkeypatch.setattr("fastkm.vector.strips.STRIP_CELLS", 80)
        monkeypatch.setattr("fastkm.vector.write_batches.POINTS_TOGETHER", 50)

    return turn_on


@pytest.fixture
def drawn(monkeypatch):
    """List the maps that are drawn: path, outlines and options. Their files hold the number of rows."""
    maps = []

    def draw(writer, path, outlines, figures, **options):
        write_bytes(path, str(len(outlines)).encode())
        writer.files.append(path)
        assert options.pop("raster").shape  # whose name and date are the title
        maps.append((path, outlines, options))

    monkeypatch.setattr("fastkm.workflows.outline_file.draw_map", draw)
    return maps


def read(path):
    """Read a file in an order of its rows that does not depend on the file's."""
    found = gpd.read_file(path)
    return found.sort_values(["k", "cluster", "cells", "mean", "area_km2"], ignore_index=True)


def compare(path, other):
    found, wanted = read(path), read(other)
    assert list(found.columns) == list(wanted.columns)
    for name in wanted.columns.drop("geometry"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, err_msg=name)
    assert shapely.equals(found.geometry.array, wanted.geometry.array).all()
    return len(wanted)


@pytest.mark.parametrize(
    "options",
    [{"min_diameter": "3000km", "connectivity": 8}, {"bridge": 2, "boundary": "contour"}],
    ids=str,
)
def test_rows_are_those_of_the_whole_raster(file, tmp_path, in_strips, options):
    paths = [tmp_path / f"{name}.gpkg" for name in ("whole", "strips")]
    ways = OutlineOptions(**options)
    whole = outline_file(Selection(file), [2, 3], "all", paths[0], options=ways)
    in_strips()
    strips = outline_file(Selection(file), [2, 3], "all", paths[1], options=ways)
    assert compare(paths[1], paths[0]) > 4
    assert strips.found == whole.found
    assert strips.selected == whole.selected
    assert not len(strips.outlines)
    assert strips.files == [paths[1]]


def test_maps_show_the_longest_outlines(file, tmp_path, in_strips, drawn, monkeypatch):
    in_strips()
    outlines, picture = tmp_path / "a.gpkg", tmp_path / "map.png"
    done = outline_file(Selection(file), [3], "all", outlines, map_path=picture)
    (path, every, options) = drawn[0]
    assert (path, options) == (picture, {"extent": None, "units": "mm"})
    assert (
        len(every) == len(read(outlines)) == sum(found.number for found in done.found[3].values())
    )
    monkeypatch.setattr("fastkm.workflows.outline_file.MOST_DRAWN", 5)
    with pytest.warns(UserWarning, match=f"map.png shows the 5 longest of {len(every)} outlines"):
        outline_file(Selection(file), [3], "all", outlines, map_path=picture)
    longest = drawn[1][1]["diameter_px"]
    assert len(longest) == 5
    assert longest.min() >= every["diameter_px"].nlargest(5).min()


def test_drawn_outlines_have_no_more_points_than_a_map_shows(
    file, tmp_path, in_strips, drawn, monkeypatch
):
    in_strips()
    monkeypatch.setattr("fastkm.workflows.outline_file.FEW_POINTS", 8)
    monkeypatch.setattr("fastkm.workflows.outline_file.DRAWN_STEPS", 6)
    done = outline_file(
        Selection(file), [2], "all", tmp_path / "a.gpkg", map_path=tmp_path / "map.png"
    )
    assert done.files == [tmp_path / "a.gpkg", tmp_path / "map.png"]
    written = read(tmp_path / "a.gpkg")
    assert len(done.outlines) == len(written)
    points = shapely.get_num_coordinates(done.outlines.geometry.array).sum()
    assert points < 0.8 * shapely.get_num_coordinates(written.geometry.array).sum()
    assert done.outlines.crs == written.crs


def test_values_that_look_like_codes_are_noted(tmp_path, in_strips):
    values = np.arange(432.0).reshape(18, 24) % 7
    values[::3, 2] = -9999.0
    globe(values).rename("a").to_netcdf(tmp_path / "in.nc")
    in_strips()
    with pytest.warns(UserWarning, match="-9999 looks like a code") as notes:
        outline_file(
            Selection(tmp_path / "in.nc"),
            [2],
            0,
            tmp_path / "a.gpkg",
            options=OutlineOptions(longitudes="raster"),
        )
    assert [note.category for note in notes].count(UserWarning) == 1


def test_a_failure_on_the_way_leaves_the_older_files(file, tmp_path, in_strips, drawn, monkeypatch):
    in_strips()
    outlines, picture = tmp_path / "a.gpkg", tmp_path / "map.png"
    outline_file(Selection(file), [2], "all", outlines, map_path=picture)
    before = outlines.read_bytes(), picture.read_bytes()

    def fail(*_, **__):
        raise OSError("in.nc has changed since it was opened")

    monkeypatch.setattr("fastkm.vector.outline.measure_rings", fail)
    with pytest.raises(OSError, match=r"^in.nc has changed"):
        outline_file(Selection(file), [2], "all", outlines, map_path=picture)
    assert (outlines.read_bytes(), picture.read_bytes()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"in.nc", "a.gpkg", "map.png"}
