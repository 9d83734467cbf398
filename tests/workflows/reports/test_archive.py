"""What the page of an archive shows: which maps and cells, areas, tracks and words."""

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.workflows.reports import archive
from fastkm.workflows.reports.archive import choose_mapped, cut_at_seam, describe_archive
from fastkm.workflows.reports.sheet import make_sheet

pytest.importorskip("bokeh")

LATITUDE, LONGITUDE = np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10)


def make_archive(steps=6, calendar="standard", units="kg m-2", seed=0):
    """Make a small archive, with a missing column."""
    rng = np.random.default_rng(seed)
    values = 30 * np.cos(np.radians(LATITUDE))[:, None] + rng.normal(0, 5, (steps, 18, 36))
    values[:, :, 7] = np.nan
    use_cftime = calendar != "standard"
    time = xr.date_range(
        "1968-11-01", periods=steps, freq="MS", calendar=calendar, use_cftime=use_cftime
    )
    coords = {"time": time, "latitude": LATITUDE, "longitude": LONGITUDE}
    dims = ("time", "latitude", "longitude")
    return xr.DataArray(values, coords, dims, "water", {"units": units, "long_name": "Water"})


def test_maps_and_areas_are_those_of_the_result():
    found = fastkm.cluster_archive(make_archive(), 3)
    made = describe_archive(found)
    maps = np.stack(list(made.timeline.labels))
    assert (maps == found.labels.values).all()
    assert (made.clusterings[0].labels == maps[0]).all()
    areas = found.areas["area_km2"].to_numpy().reshape(6, 3)
    np.testing.assert_allclose(made.timeline.sizes * 1e6, areas)
    assert made.timeline.unit == "area, million km²"
    assert made.timeline.steps[0] == "1968-11-01"
    assert made.timeline.times[0] == np.datetime64("1968-11-01")
    assert made.tracks is None
    assert made.scores is None


def test_the_maps_of_a_folder_are_those_in_memory(tmp_path):
    values = make_archive()
    here = describe_archive(fastkm.cluster_archive(values, 3))
    for labels in ("netcdf", "zarr"):
        if labels == "zarr":
            pytest.importorskip("zarr")
        there = describe_archive(
            fastkm.cluster_archive(values, 3, tmp_path / labels, labels=labels, longitudes="raster")
        )
        assert (np.stack(list(there.timeline.labels)) == np.stack(list(here.timeline.labels))).all()
        assert (there.timeline.sizes == here.timeline.sizes).all()
        assert there.clusterings[0].table.rows == here.clusterings[0].table.rows


def test_a_step_that_was_left_out_has_no_map(tmp_path):
    values = make_archive()
    values[2] = np.nan
    found = fastkm.cluster_archive(
        values, 3, tmp_path / "out", on_error="skip", longitudes="raster"
    )
    made = describe_archive(found)
    assert len(made.timeline.steps) == 5
    assert len(list(made.timeline.labels)) == 5
    assert any("1 input or step could not be used and was left out" in text for text in made.done)


@pytest.mark.parametrize("calendar", ["360_day", "noleap"])
def test_other_calendars_have_decimal_years(calendar):
    made = describe_archive(fastkm.cluster_archive(make_archive(calendar=calendar), 3))
    assert made.timeline.times.dtype == float
    assert made.timeline.times[0] == pytest.approx(1968.83, abs=0.01)
    assert (np.diff(made.timeline.times) > 0).all()


def test_long_archives_have_fewer_maps_and_say_so(monkeypatch):
    monkeypatch.setattr(archive, "MOST_MAPS", 4)
    monkeypatch.setattr(archive, "MOST_CELLS", 4 * 9 * 18)
    found = fastkm.cluster_archive(make_archive(30), 3)
    made = describe_archive(found)
    assert made.timeline.mapped.tolist() == [0, 10, 19, 29]
    maps = np.stack(list(made.timeline.labels))
    assert (maps == found.labels.values[made.timeline.mapped, ::2, ::2]).all()
    assert made.timeline.sizes.shape == (30, 3)
    assert made.grid.x.centres.tolist() == LONGITUDE[::2].tolist()
    assert "the maps of 4 evenly spaced steps" in made.timeline.notes[0]
    assert "only one in 2 of the rows and columns" in made.grid.notes[-1]


def test_maps_that_compress_badly_have_fewer_cells(monkeypatch):
    found = fastkm.cluster_archive(make_archive(), 3)
    whole = describe_archive(found).grid
    monkeypatch.setattr(archive, "MOST_BYTES", 300)
    fewer = describe_archive(found)
    assert whole.notes == ()
    assert len(fewer.grid.x.centres) <= len(whole.x.centres) / 2
    assert "only one in" in fewer.grid.notes[-1]
    assert fewer.clusterings[0].labels.shape == next(iter(fewer.timeline.labels)).shape


def test_steps_with_maps_are_the_first_the_last_and_some_between():
    for count in (1, 2, 239, 240, 241, 10_000):
        chosen = choose_mapped(count)
        assert chosen[0] == 0
        assert chosen[-1] == count - 1
        assert len(chosen) == min(count, archive.MOST_MAPS)
        assert (np.diff(chosen) > 0).all()


def test_lines_are_interrupted_at_the_end_of_longitudes():
    raster = make_archive()[0].drop_vars("time")
    line = np.array([[340.0, 0], [355, 1], [2, 2], [8, 3], [359, 4]])
    cut, steps = cut_at_seam(line, np.arange(5), make_sheet(raster))
    assert np.isnan(cut[:, 0]).nonzero()[0].tolist() == [2, 5]
    assert (cut[~np.isnan(cut[:, 0])] == line).all()
    assert steps.tolist() == [0, 1, 2, 2, 3, 4, 4]


def test_tracks_are_the_largest_ones_in_the_coordinates_of_the_map(monkeypatch):
    monkeypatch.setattr(archive, "MOST_ROWS", 5)
    found = fastkm.cluster_archive(make_archive(), 3)
    tracks = found.track()
    assert len(tracks.summary) > 5
    made = describe_archive(found, tracks=tracks).tracks
    largest = tracks.summary.sort_values("largest_km2", ascending=False, kind="stable")
    assert [row[0] for row in made.table.rows] == largest["track"][:5].astype(str).tolist()
    assert f"of {len(tracks.summary)}" in made.notes[-1]
    for number, line, steps in zip(largest["track"], made.lines, made.steps, strict=False):
        own = tracks.tracks[tracks.tracks["track"] == number]
        known = np.isfinite(line[:, 0])
        np.testing.assert_allclose(line[known, 0], own["longitude"] % 360)
        np.testing.assert_allclose(line[known, 1], own["latitude"])
        assert steps[known].tolist() == own["step"].tolist()


def test_projected_tracks_lie_in_the_plane():
    import pyproj

    plane = make_archive().isel(longitude=slice(0, 7)).rename(latitude="y", longitude="x")
    x, y = 5e5 + 3e4 * np.arange(7), 5e6 - 3e4 * np.arange(18)
    plane = plane.assign_coords(x=x, y=y, spatial_ref=0)
    plane.x.attrs = {"units": "m", "standard_name": "projection_x_coordinate"}
    plane.y.attrs = {"units": "m", "standard_name": "projection_y_coordinate"}
    plane.spatial_ref.attrs = pyproj.CRS(32633).to_cf()
    plane.attrs["grid_mapping"] = "spatial_ref"
    found = fastkm.cluster_archive(plane, 3)
    made = describe_archive(found, tracks=found.track()).tracks
    points = np.concatenate(made.lines)
    assert ((points[:, 0] > x[0] - 3e4) & (points[:, 0] < x[-1] + 3e4)).all()
    assert ((points[:, 1] > y[-1] - 3e4) & (points[:, 1] < y[0] + 3e4)).all()


def test_words_say_how_k_was_found_and_what_is_proven():
    values = make_archive()
    chosen = describe_archive(fastkm.cluster_archive(values, [2, 3, 4], choose="silhouette"))
    assert "were chosen among 2 to 4" in chosen.done[1]
    assert set(chosen.scores.scores) == {2, 3, 4}
    given = describe_archive(fastkm.cluster_archive(values, 3))
    assert "was given, not found" in given.done[1]
    assert "proven optimal" in given.clusterings[0].found[1]
    assert "(2.8 %)" in given.done[2].replace("\xa0", " ")
    own = describe_archive(fastkm.cluster_archive(values, 3, codebook="per-step"))
    assert "clustered by itself" in own.done[0]
    assert own.clusterings[0].names == ("the lowest", "number 1", "the highest")
    both = xr.Dataset({"a": values, "b": (values * 2).assign_attrs(values.attrs)})
    several = describe_archive(fastkm.cluster_archive(both, 3, variable=["a", "b"]))
    assert "nothing is proven" in several.clusterings[0].found[1]
    assert several.clusterings[0].table.headings[1:3] == ("a kg m⁻²", "b kg m⁻²")
