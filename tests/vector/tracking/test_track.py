"""Tracks: links and their ledger, the tables, drawn cases, and equal results of equal labels."""

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Geod

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.vector.tracking.step_regions import RegionChoice, StepReader
from tests import naive
from tests.label_maps import globe, placed, polar

WGS84 = Geod(ellps="WGS84")
STACKS = arrays(
    np.int8,
    st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6)),
    elements=st.integers(-1, 1),
)
LEDGER = [
    "step", "event", "parent_track", "child_track", "parent_step", "parent_region",
    "child_region", "shared_cells",
]  # fmt: skip


def stack(*steps, **options):
    """Make labels of steps drawn with # and ., on a plane or, with options, on the globe."""
    cells = [[[int(c == "#") for c in row] for row in step.split()] for step in steps]
    days = np.datetime64("2020-01-01", "D") + np.arange(len(steps))
    if options:
        plane = globe(cells[0], **{k: v for k, v in options.items() if k != "at"})
        maps = [plane.copy(data=np.array(own)) for own in cells]
        return xr.concat(maps, pd.Index(days, name="time"))
    return xr.DataArray(cells, {"time": days}, ("time", "y", "x"))


def table(found):
    """Return track, step and cells of all regions."""
    return found.tracks[["track", "step", "cells"]].to_numpy().tolist()


def ledger(found, *events):
    """Return step, event, parent and child of the rows of some events."""
    rows = found.events[["step", "event", "parent_track", "child_track"]].to_numpy().tolist()
    return [tuple(row) for row in rows if row[1] in events]


def replay(events):
    """Find the track of each (step, region) from the ledger alone: its numbers are not read."""
    tracks, ends = {}, []
    for _, rows in events.groupby("step", sort=True):
        new = []
        for row in rows.itertuples():
            here = (row.step, row.child_region)
            if row.event == "continue":
                tracks[here] = tracks[row.parent_step, row.parent_region]
            elif row.event in {"birth", "split"}:
                new.append(here)
            elif row.event == "death":
                ends.append((row.parent_step, row.parent_region))
        for here in sorted(new):
            tracks[here] = len(set(tracks.values()))
    return tracks, ends


# links, tracks and the ledger


@given(STACKS, st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2))
def test_links_are_those_of_all_pairs_of_regions(cells, min_overlap, gap):
    labels = xr.DataArray(cells, dims=("time", "y", "x"))
    found = fastkm.track(labels, cluster=1, min_overlap=min_overlap, gap=gap)
    maps = [naive.number_regions(np.where(step == 1, 1, -1)) for step in cells]
    tracks, rows = naive.link_regions(maps, min_overlap, gap)
    own = found.tracks.sort_values(["step", "region"])
    assert own["track"].tolist() == [number for step in tracks for number in step]
    assert sorted(map(tuple, found.events[LEDGER].to_numpy().tolist())) == rows


@given(STACKS, st.integers(0, 1))
def test_the_ledger_reproduces_the_tracks(cells, gap):
    labels = xr.DataArray(cells, dims=("time", "y", "x"))
    found = fastkm.track(labels, cluster=1, gap=gap)
    tracks, ends = replay(found.events)
    rows = found.tracks[["step", "region", "track"]].to_numpy().tolist()
    assert tracks == {(step, region): track for step, region, track in rows}
    last = {track: (step, region) for step, region, track in rows}  # rows are by track and step
    died = found.summary["end"] == "death"
    assert sorted(ends) == sorted(last[track] for track in found.summary["track"][died])


@given(STACKS)
def test_regions_have_one_track_and_their_areas_add_up(cells):
    labels = xr.DataArray(cells, dims=("time", "lat", "lon"))
    rows, columns = cells.shape[1:]
    labels["lat"] = 10.0 * np.arange(rows) + 5
    labels["lon"] = 360 / max(columns, 2) * (np.arange(columns) + 0.5)
    if min(rows, columns) < 2:
        return
    found = fastkm.track(labels, cluster=1)
    assert not found.tracks.duplicated(["track", "step"]).any()
    assert not found.tracks.duplicated(["step", "region"]).any()
    areas = 1e-6 * cell_areas(labels[0]).values
    by_step = found.tracks.groupby("step")["area_km2"].sum()
    for step, inside in enumerate(cells == 1):
        assert by_step.get(step, 0.0) == pytest.approx(areas[inside].sum(), rel=1e-12)
    painted = found.to_map(labels)
    np.testing.assert_array_equal(painted.values >= 0, cells == 1)
    sizes = found.tracks.groupby("track")["cells"].sum().to_dict()
    assert sizes == {t: int((painted == t).sum()) for t in sizes}


@given(STACKS, st.integers(1, 5), st.integers(0, 1), st.integers(0, 1))
def test_chunks_of_lazy_labels_change_nothing(cells, together, gap, bridge):
    dask = pytest.importorskip("dask.array")
    labels = xr.DataArray(cells, dims=("time", "y", "x"))
    values = labels.astype(float) * 1.5
    lazy = labels.copy(data=dask.from_array(cells, (together, 2, 3)))
    options = {"gap": gap, "bridge": bridge, "connectivity": 8}
    found = fastkm.track(labels, values=values, **options)
    other = fastkm.track(lazy, values=values.chunk(time=2), **options)
    for name in ("tracks", "events", "summary"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(other, name))
    painted = other.to_map(lazy)
    assert painted.chunks is not None
    xr.testing.assert_identical(painted.compute(), found.to_map(labels))


# drawn cases


def test_what_crosses_goes_on_as_what_shares_most():
    found = fastkm.track(stack("###...##", ".######.", "##..###."))
    assert table(found) == [[0, 0, 3], [0, 1, 6], [0, 2, 3], [1, 0, 2], [2, 2, 2]]
    assert ledger(found, "merge", "split") == [(1, "merge", 1, 0), (2, "split", 0, 2)]
    apart = fastkm.track(stack("###. .... .###", ".##. .... .##.", ".### .... ###."))
    assert ledger(apart, "merge", "split") == []  # they pass
    assert apart.summary["steps"].tolist() == [3, 3]


def test_a_track_has_the_time_of_its_largest_region():
    found = fastkm.track(stack("##....", "####.#", "####.#", "###..#"))
    assert found.summary["largest_cells"].tolist() == [4, 1]
    assert found.summary["largest_step"].tolist() == [1, 1]  # the first of equal ones
    times = found.tracks.set_index(["track", "step"])["time"]
    assert found.summary["largest_time"].tolist() == [times[0, 1], times[1, 1]]


def test_a_merger_of_three_goes_on_as_the_largest():
    found = fastkm.track(stack("#.##.####", "#########", "#########"))
    assert ledger(found, "birth", "continue") == [
        (0, "birth", -1, 0), (0, "birth", -1, 1), (0, "birth", -1, 2),
        (1, "continue", 2, 2), (2, "continue", 2, 2),
    ]  # fmt: skip
    assert ledger(found, "merge") == [(1, "merge", 0, 2), (1, "merge", 1, 2)]
    assert found.summary["end"].tolist() == ["merge", "merge", "death"]
    assert found.summary["family"].tolist() == [0, 0, 0]
    shared = found.events.loc[found.events["event"] == "merge", "shared_cells"]
    assert shared.tolist() == [1, 2]


def test_what_splits_and_rejoins():
    found = fastkm.track(stack("#####", "##.##", "#####"))
    assert table(found) == [[0, 0, 5], [0, 1, 2], [0, 2, 5], [1, 1, 2]]
    assert ledger(found, "split", "merge") == [(1, "split", 0, 1), (2, "merge", 1, 0)]
    assert found.summary["origin"].tolist() == ["birth", "split"]


def test_equal_shares_go_to_the_older_track():
    found = fastkm.track(stack("...##", "##.##", "#####"))
    assert ledger(found, "continue", "merge") == [
        (1, "continue", 0, 0), (2, "continue", 0, 0), (2, "merge", 1, 0),
    ]  # fmt: skip
    assert found.summary["steps"].tolist() == [3, 1]


def test_a_part_that_joins_another_track_does_not_end_its_own():
    found = fastkm.track(stack("####.###", "###.####"))
    assert ledger(found, "continue", "merge") == [
        (1, "continue", 0, 0), (1, "continue", 1, 1),
    ]  # fmt: skip
    lent = fastkm.track(stack("#####.###", "###.#####"))
    assert ledger(lent, "merge") == [(1, "merge", 0, 1)]
    assert lent.summary["end"].tolist() == ["death", "death"]


def test_a_region_may_vanish_for_a_step():
    labels = stack("##..", "....", ".##.", "....", "....", "..##")
    strict, patient = fastkm.track(labels), fastkm.track(labels, gap=1)
    assert strict.summary["steps"].tolist() == [1, 1, 1]
    assert patient.summary["steps"].tolist() == [2, 1]
    assert patient.events.loc[1, ["step", "event", "parent_step"]].tolist() == [2, "continue", 0]
    assert fastkm.track(labels, gap=2).summary["steps"].tolist() == [3]


def test_a_gap_is_not_for_regions_that_have_a_link():
    found = fastkm.track(stack("####", "#...", "#..#"), gap=1)
    assert ledger(found, "birth", "split") == [(0, "birth", -1, 0), (2, "birth", -1, 1)]


def test_the_record_ends_are_marked():
    labels = stack("#..", "#.#", "#.#", "#..")
    for gap, marked in ((0, [True, False, False, True]), (1, [True, True, True, True])):
        events = fastkm.track(labels, gap=gap).events
        ends = events[events["event"].isin(["birth", "death"])]
        assert ends["event"].tolist() == ["birth", "birth", "death", "death"]
        assert ends["at_record_end"].tolist() == marked


def test_a_small_overlap_is_no_link():
    labels = stack("####.", "...##")
    assert fastkm.track(labels, min_overlap=0.5).summary["steps"].tolist() == [2]
    assert fastkm.track(labels, min_overlap=0.51).summary["steps"].tolist() == [1, 1]


def test_a_region_inside_another_shares_all_of_it():
    rng = np.random.default_rng(0)
    labels = globe(np.ones((6, 8), int)).expand_dims(time=2).copy()
    labels[1] = np.where(rng.random((6, 8)) < 0.5, 0, 1)
    found = fastkm.track(labels, cluster=1, min_overlap=1.0)
    assert (
        len(found.events.query("event != 'death' and step == 1"))
        == (found.tracks["step"] == 1).sum()
    )
    assert not (found.events.query("step == 1")["event"] == "birth").any()


def test_regions_meet_across_the_seam_and_move_over_it():
    rows = [".....##.", "......##", "#......#", "##......"]
    labels = stack(*(f"{row} ........" for row in rows), west=-22.5)
    found = fastkm.track(labels)
    assert found.summary["steps"].tolist() == [4]
    assert found.tracks["cells"].tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(found.tracks["longitude"], [247.5, 292.5, 337.5, 22.5])
    assert found.summary[["west", "east"]].to_numpy().tolist() == [[202.5, 67.5]]
    west = fastkm.track(labels.assign_coords(lon=labels.lon - 180.0))
    np.testing.assert_allclose(west.tracks["longitude"], [67.5, 112.5, 157.5, -157.5])


def test_a_cap_is_centred_on_its_pole():
    found = fastkm.track(stack("........ ........ ........ ########", west=0))
    assert found.tracks["latitude"].tolist() == pytest.approx([90.0])
    around = fastkm.track(polar(np.pad(np.ones((2, 2), int), 2)).expand_dims("time"), cluster=1)
    assert around.tracks["latitude"].tolist() == pytest.approx([90.0], abs=1e-6)


def test_what_goes_round_the_equator_has_no_centre():
    found = fastkm.track(stack(*["........ ######## ######## ........"] * 2, west=0))
    assert found.tracks["longitude"].isna().all()
    assert found.summary["path_km"].isna().all()


def test_a_moving_disc_has_its_speed():
    latitude, longitude = np.arange(-29.5, 30), np.arange(100.5, 160)
    centres = 115.0 + 3.0 * np.arange(8)
    inside = [(latitude[:, None] - 5.0) ** 2 + (longitude - centre) ** 2 < 36 for centre in centres]
    days = pd.date_range("2001-05-01", periods=8, freq="12h")
    labels = xr.DataArray(
        np.array(inside, int),
        {"time": days, "lat": latitude, "lon": longitude},
        ("time", "lat", "lon"),
    )
    found = fastkm.track(labels)
    step = WGS84.inv(115.0, 5.0, 118.0, 5.0)[2] / 1e3
    assert found.summary["steps"].tolist() == [8]
    assert found.summary["path_km"][0] == pytest.approx(7 * step, rel=2e-3)
    assert found.summary["speed_km_per_day"][0] == pytest.approx(2 * step, rel=2e-3)
    np.testing.assert_allclose(found.tracks["longitude"], centres, atol=1e-9)
    assert found.tracks["latitude"].to_numpy() == pytest.approx(5.0, abs=0.05)


# tables


def test_measures_are_those_of_outlines():
    rng = np.random.default_rng(1)
    labels = globe(rng.integers(-1, 3, (9, 12))).expand_dims(time=1)
    values = labels * 2.5 + rng.random(labels.shape)
    found = fastkm.track(labels, cluster=2, values=values).tracks
    frame = fastkm.outline(labels[0], values=values[0], select=2)
    columns = ["cells", "area_km2", "diameter_px", "diameter_km", "mean"]
    order = columns[::-1]
    pd.testing.assert_frame_equal(
        found[columns].sort_values(order, ignore_index=True),
        pd.DataFrame(frame[columns]).sort_values(order, ignore_index=True),
    )


def test_small_regions_are_left_out():
    labels = stack("##.# ....", "##.# ....", west=0)
    found = fastkm.track(labels.isel(lon=[0, 1, 2, 3]), connectivity=4)
    assert found.summary["largest_cells"].tolist() == [3]  # they meet across the seam
    part = stack("##.#. .....", "##.#. .....", west=0).isel(lon=slice(1, 4))
    area = 1e-6 * float(cell_areas(part[0])[0, 0])
    both, none = (
        fastkm.track(part, min_area=0.9 * area),
        fastkm.track(part, min_area=f"{1.1 * area}km2"),
    )
    assert (len(both.summary), len(none.summary)) == (2, 0)
    assert none.to_map(part).values.tolist() == np.full(part.shape, -1).tolist()


def test_a_map_of_tracks_numbers_regions_that_others_were_left_out_before():
    labels = stack("#.## ....", "#.## ....")
    found = fastkm.track(
        labels, areas=xr.DataArray(np.full((2, 4), 1e6), dims=("y", "x")), min_area=1
    )
    painted = found.to_map(labels)
    assert painted[0].values.tolist() == [[-1, -1, 0, 0], [-1] * 4]
    assert (painted.dtype, painted.name) == (np.int32, "track")
    assert found.tracks["area_km2"].tolist() == [2.0, 2.0]
    assert found.events["shared_km2"].dropna().tolist() == [2.0]


def test_without_a_place_cells_count_instead_of_areas():
    found = fastkm.track(stack("##.", ".##"))
    assert found.tracks[["x", "y"]].to_numpy().tolist() == [[0.5, 0], [1.5, 0]]
    assert found.tracks["area_km2"].isna().all()
    assert found.events["shared_km2"].isna().all()
    assert found.summary["path_km"].isna().all()


def test_a_repeated_column_is_painted_too():
    labels = stack("#..# ....", "#..# ....", west=-45)
    closed = xr.concat([labels, labels[..., :1].assign_coords(lon=labels.lon[:1] + 360)], "lon")
    found = fastkm.track(closed)
    assert found.tracks["cells"].tolist() == [2, 2]
    assert found.to_map(closed)[0, 0].values.tolist() == [0, -1, -1, 0, 0]


def test_dimensions_may_come_in_any_order():
    labels = stack("##.. ....", ".##. ....", west=0)
    found = fastkm.track(labels.transpose("lon", "time", "lat"))
    pd.testing.assert_frame_equal(found.tracks, fastkm.track(labels).tracks)


@pytest.mark.parametrize("missing", [np.nan, -1])
def test_the_highest_cluster_is_that_of_all_steps(missing):
    cells = np.array([[[0, 1, missing]], [[0, 0, 2]], [[0, 1, 1]]], float)
    labels = xr.DataArray(cells, dims=("time", "y", "x"))
    assert fastkm.track(labels).choice.cluster == 2
    assert fastkm.track(labels, cluster="lowest").choice.cluster == 0
    named = labels.assign_attrs(flag_values=np.arange(5))
    assert fastkm.track(named).choice.cluster == 4
    assert len(fastkm.track(named).tracks) == 0
    assert repr(fastkm.track(labels)) == "Tracks: 1 tracks of 1 regions of cluster 2 in 3 steps"


def test_labels_that_are_all_missing_have_no_tracks():
    found = fastkm.track(xr.DataArray(np.full((2, 2, 2), -1), dims=("time", "y", "x")))
    assert (len(found.tracks), len(found.events), len(found.summary)) == (0, 0, 0)


def test_dates_of_other_calendars_have_speeds():
    labels = stack("##.. ....", ".##. ....", west=0)
    days = [cftime.DatetimeNoLeap(2000, 2, 28), cftime.DatetimeNoLeap(2000, 3, 1)]
    found = fastkm.track(labels.assign_coords(time=days))
    path, speed = found.summary[["path_km", "speed_km_per_day"]].to_numpy()[0]
    assert speed == pytest.approx(path)
    numbers = fastkm.track(labels.assign_coords(time=[3, 5]))
    assert numbers.summary["speed_km_per_day"].isna().all()
    assert numbers.tracks["time"].tolist() == [3, 5]


def test_a_map_may_have_families():
    found = fastkm.track(labels := stack("#.#.#", "###.#"))
    assert found.to_map(labels)[1, 0].values.tolist() == [0, 0, 0, -1, 2]
    painted = found.to_map(labels, "family")
    assert painted[0, 0].values.tolist() == [0, -1, 0, -1, 2]
    assert (painted.name, painted.attrs["long_name"][:6]) == ("family", "family")
    with pytest.raises(ValueError, match="number must be one of 'track', 'family'"):
        found.to_map(labels, "event")


def test_other_labels_are_not_painted():
    labels = stack("#", "#")
    found = fastkm.track(labels)
    with pytest.raises(ValueError, match="of 2 steps, got 1"):
        found.to_map(labels[:1])
    with pytest.raises(ValueError, match="they have other regions"):
        found.to_map(stack("#", "."))
    with pytest.raises(ValueError, match="they have other regions"):
        fastkm.track(stack("#.#", "..#")).to_map(stack("#..", "..#"))


# errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": "middle"}, "cluster must be 'highest', 'lowest' or a whole number"),
        ({"cluster": -1}, "cluster must be"),
        ({"cluster": True}, "cluster must be"),
        ({"min_overlap": 1.5}, "min_overlap must be a share from 0 to 1, got 1.5"),
        ({"min_overlap": "half"}, "min_overlap must be a share"),
        ({"gap": -1}, "gap must be a whole number of steps of at least 0, got -1"),
        ({"gap": 0.5}, "gap must be"),
        ({"connectivity": 6}, "connectivity must be 4 or 8, got 6"),
        ({"bridge": -1}, "bridge must be a whole number"),
        ({"min_area": "wide"}, "min_area must be a number"),
        ({"min_area": 5}, "min_area=5km2 needs a raster with latitudes"),
        ({"areas": xr.DataArray(np.ones((1, 3)), dims=("y", "x"))}, "areas must have the shape"),
        (
            {"values": xr.DataArray(np.ones((2, 1, 3)), dims=("time", "y", "x"))},
            "values must have the dim",
        ),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        fastkm.track(stack("##", "##"), **options)


def test_labels_are_checked():
    with pytest.raises(TypeError, match=r"labels must be an xarray.DataArray, got ndarray"):
        fastkm.track(np.ones((2, 2, 2), int))
    with pytest.raises(ValueError, match="must have a dimension of time"):
        fastkm.track(placed([[0, 1]]))
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        fastkm.track(stack("##", "##") + 0.5)
    with pytest.raises(ValueError, match="times must ascend"):
        fastkm.track(stack("##", "##")[::-1])
    with pytest.raises(ValueError, match="at least one step"):
        fastkm.track(stack("##", "##")[:0], cluster=1)
    with pytest.raises(TypeError, match=r"values must be an xarray.DataArray, got list"):
        fastkm.track(stack("##"), values=[1])
    moved = stack("##", "##").assign_coords(x=[1, 2])
    with pytest.raises(ValueError, match="but 'x' differs"):
        fastkm.track(moved, values=moved.assign_coords(x=[1, 3]))


def test_outlines_of_other_labels_are_refused():
    labels = stack("##.#")
    reader = StepReader(labels[0], RegionChoice(1), None, None)
    outlined = {
        "region": np.array([1, 0]),
        "cells": np.array([1, 2]),
        "area_km2": np.full(2, np.nan),
    }
    found = reader.read_outlined(labels[0], outlined)
    assert (found.regions.tolist(), found.measures["cells"].tolist()) == ([0, 1], [2, 1])
    with pytest.raises(ValueError, match="the outlines are not those of the labels"):
        reader.read_outlined(labels[0], {**outlined, "cells": np.array([2, 2])})
    with pytest.raises(ValueError, match="labels must have the shape of the first step"):
        reader.read(labels[0, :, :2])


def test_cells_without_area_are_linked_to_nothing():
    areas = xr.DataArray([[0.0, 1e6]], dims=("y", "x"))
    with pytest.warns(UserWarning, match="1 cells have no area"):
        found = fastkm.track(stack("#.", "#."), areas=areas)
    assert found.events["event"].tolist() == ["birth", "death", "birth", "death"]
