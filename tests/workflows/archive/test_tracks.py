"""Tracks of an archive: those of its label maps, in tables and outlines, however it was run."""

import shutil
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fastkm
from fastkm.workflows.archive.options import TrackOptions, find_differences
from fastkm.workflows.archive.tracks.follow import find_steps
from tests.conftest import needs_jit
from tests.small_archives import write_months, write_single
from tests.workflows.archive.ends import OPTIONS, assert_equal, run
from tests.workflows.archive.test_resume import Stopping

TRACKED = replace(OPTIONS, min_diameter="0px", track=TrackOptions(0.25, 1))


@pytest.fixture(scope="module")
def tracked(months, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked") / "out"
    assert run([months], folder, TRACKED).faults == []
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    write_months(folder, 2)
    return folder


def read_labels(folder):
    """Return the label maps of all steps, lazy as a user would open them."""
    with xr.open_mfdataset(sorted((folder / "labels").glob("*.nc")), mask_and_scale=False) as maps:
        return maps["cluster"].load()


def test_tables_are_those_of_the_label_maps(tracked) -> None:
    labels = read_labels(tracked)
    found = fastkm.track(labels, min_overlap=0.25, gap=1)
    tracks = pd.read_csv(tracked / "tracks.csv")
    assert tracks["time"].tolist() == np.datetime_as_string(found.tracks["time"], "D").tolist()
    columns = [name for name in found.tracks if name != "time"]
    pd.testing.assert_frame_equal(tracks[columns], found.tracks[columns], rtol=1e-12)
    events = pd.read_csv(tracked / "events.csv")
    pd.testing.assert_frame_equal(events.drop(columns="time"), found.events.drop(columns="time"))
    summary = pd.read_csv(tracked / "track_summary.csv")
    dates = ["first", "last", "largest_time"]
    for name in dates:
        assert summary[name].tolist() == np.datetime_as_string(found.summary[name], "D").tolist()
    pd.testing.assert_frame_equal(summary.drop(columns=dates), found.summary.drop(columns=dates))
    assert {"tracks.png", "lives.png"} <= {path.name for path in (tracked / "figures").iterdir()}


def test_outlines_have_their_tracks(tracked) -> None:
    outlines = gpd.read_file(tracked / "outlines.gpkg")
    assert list(outlines)[:3] == ["time", "cluster", "track"]
    tracks = pd.read_csv(tracked / "tracks.csv")
    assert len(outlines) == len(tracks)
    outlines["time"] = outlines["time"].astype(str).str[:10]
    both = outlines.merge(tracks, on=["time", "track"], suffixes=("", "_there"))
    assert len(both) == len(tracks)
    for name in ("cells", "area_km2", "diameter_km", "mean"):
        # to the last bit, which pandas 2 may read from a text otherwise
        np.testing.assert_allclose(both[name], both[f"{name}_there"], rtol=1e-15)
    # a region lies in its box
    assert (both.geometry.bounds["miny"] - both["south"]).abs().max() < 1e-9


def test_regions_that_are_not_outlined_are_not_tracked(few, tmp_path) -> None:
    run([few], tmp_path, replace(TRACKED, min_diameter="2px", select="all"))
    tracks = pd.read_csv(tmp_path / "tracks.csv")
    assert tracks["diameter_px"].min() > 2
    outlines = gpd.read_file(tmp_path / "outlines.gpkg")
    assert (outlines["track"] >= 0).tolist() == (outlines["cluster"] == 2).tolist()
    assert sorted(outlines["track"][outlines["track"] >= 0]) == sorted(tracks["track"])


def test_nothing_outlined_is_nothing_tracked(few, tmp_path) -> None:
    done = run([few], tmp_path, replace(TRACKED, min_diameter="99px"))
    assert len((tmp_path / "tracks.csv").read_text().splitlines()) == 1
    assert not any(path.name == "lives.png" for path in done.files)


def test_a_store_of_labels_and_other_inputs_change_nothing(tracked, tmp_path) -> None:
    write_single(tmp_path / "pw.nc", 8)
    run([tmp_path / "pw.nc"], tmp_path / "out", replace(TRACKED, labels="zarr"))
    for name in ("tracks.csv", "events.csv", "track_summary.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tracked / name).read_bytes()


def test_a_run_that_was_stopped_ends_with_the_same_tracks(months, tracked, tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([months], tmp_path / "out", TRACKED, progress=Stopping(8 + 8 + 5))
    run([months], tmp_path / "out", TRACKED, resume=True)
    assert_equal(tmp_path / "out", tracked)


@pytest.mark.parametrize("labels", ["netcdf", "zarr"])
def test_label_maps_get_maps_of_tracks(few, tmp_path, labels) -> None:
    options = replace(TRACKED, min_diameter="2px", labels=labels)
    mapped = replace(options, track=TrackOptions(0.25, 1, maps=True))
    plain, out = tmp_path / "plain", tmp_path / "out"
    run([few], plain, options)
    run([few], out, mapped)
    files = {"netcdf": "labels/*.nc", "zarr": "labels.zarr"}[labels]
    opened = {
        folder: xr.concat([xr.open_dataset(path, mask_and_scale=False).load()
                           for path in sorted(folder.glob(files))], "time", data_vars="minimal")
        for folder in (plain, out)
    }  # fmt: skip
    assert "track" not in opened[plain]
    found, cluster = opened[out]["track"], opened[out]["cluster"]
    xr.testing.assert_identical(cluster.drop_attrs(), opened[plain]["cluster"].drop_attrs())
    assert (found.dtype, found.dims) == (np.int32, cluster.dims)
    assert found.attrs["long_name"] == "track of the region, -1 if there is none"
    assert found.attrs.get("grid_mapping") == cluster.attrs.get("grid_mapping")
    # the cells of each row of the table
    tracks = pd.read_csv(out / "tracks.csv")
    own = pd.Series(found.values[found.values >= 0])
    assert own.value_counts().to_dict() == tracks.groupby("track")["cells"].sum().to_dict()
    assert (cluster.values[found.values >= 0] == 2).all()
    # those of Python, apart from regions that are too short to be outlined
    assert len(tracks) < len(fastkm.track(cluster).tracks)
    for name in ("tracks.csv", "events.csv", "areas.csv"):
        assert (out / name).read_bytes() == (plain / name).read_bytes()


def test_maps_of_tracks_are_those_of_python(months, tracked, tmp_path) -> None:
    mapped = replace(TRACKED, track=TrackOptions(0.25, 1, maps=True))
    with pytest.raises(KeyboardInterrupt):
        run([months], tmp_path / "out", mapped, progress=Stopping(8 + 8 + 5))
    run([months], tmp_path / "out", mapped, resume=True)
    labels = read_labels(tracked)
    wanted = fastkm.track(labels, min_overlap=0.25, gap=1).to_map(labels)
    with xr.open_mfdataset(
        sorted((tmp_path / "out" / "labels").glob("*.nc")), mask_and_scale=False
    ) as written:
        np.testing.assert_array_equal(written["track"], wanted)


@pytest.mark.slow
@needs_jit
def test_processes_find_the_same_tracks(months, tracked, tmp_path) -> None:
    pytest.importorskip("distributed")
    run([months], tmp_path / "out", TRACKED, workers=2)
    assert_equal(tmp_path / "out", tracked)


def test_overwriting_removes_tracks(few, tracked, tmp_path) -> None:
    out = tmp_path / "out"
    shutil.copytree(tracked, out)
    run([few], out, OPTIONS, overwrite=True)
    assert not list(out.glob("*track*")) + list(out.glob("events*"))


def test_the_command_tracks(months, tmp_path, run, tracked) -> None:
    options = ["-k", 3, "--track", "--track-overlap", 0.25, "--track-gap", 1, "-q"]
    assert run("archive", months, "-o", tmp_path / "out", *options).status == 0
    assert_equal(tmp_path / "out", tracked)
    for option in (["--track-gap", 2], ["--track-maps"]):
        refused = run("archive", months, "-k", 3, "-o", tmp_path / "new", *option)
        assert refused.status == 2
        assert option[0] in refused.err
        assert "add --track to" in refused.err


def test_the_command_maps_tracks(few, tmp_path, run) -> None:
    done = run("archive", few, "-k", 3, "-o", tmp_path, "--track", "--track-maps")
    assert done.status == 0
    assert "\n17 tracks of the outlined regions\n" in done.out
    with xr.open_dataset(next((tmp_path / "labels").glob("*.nc"))) as written:
        assert list(written.data_vars)[-1] == "track"


def test_python_tracks_into_a_folder_only(few) -> None:
    with pytest.raises(ValueError, match="track needs a folder, output; or call track"):
        fastkm.cluster_archive(few, 3, track=True)


def test_a_run_with_tracks_is_another_run() -> None:
    plain, tracked = ({"options": own.describe(), "inputs": []} for own in (OPTIONS, TRACKED))
    assert "track" not in plain["options"]
    changes = find_differences(plain, tracked)
    assert "track was not given and is [0.25, 1, False]" in changes


def test_times_of_other_calendars_are_texts() -> None:
    steps = ["2000-02-28", "2000-02-30"]
    assert find_steps(pd.Series(["2000-02-30", "2000-02-28"]), steps).tolist() == [1, 0]


def test_an_archive_of_another_calendar_is_tracked(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 2)
    for path in (tmp_path / "in").glob("*.nc"):
        with xr.open_dataset(path, decode_times=False, mask_and_scale=False) as data:
            loaded = data.load()
        loaded["time"].attrs["calendar"] = "360_day"
        loaded.to_netcdf(path)
    run([tmp_path / "in"], tmp_path / "out", TRACKED)
    outlines = gpd.read_file(tmp_path / "out/outlines.gpkg")
    assert (outlines["track"] >= 0).all()
