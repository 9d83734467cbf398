"""Transitions between label maps: cells, areas and stays, beside counts cell by cell."""

import itertools
import math

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastkm
from fastkm.raster.change import count_changes
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.zonal import zonal_statistics
from tests import naive
from tests.label_maps import globe, projected

LABELS = arrays(
    np.int8,
    st.tuples(st.integers(2, 5), st.integers(2, 4), st.integers(3, 5)),
    elements=st.integers(-1, 2),
)


def months(count, first="2009-11"):
    return (np.datetime64(first) + np.arange(count)).astype("M8[ns]")


def stack(maps, times=None, place=globe):
    """Stack label maps on a grid, by default monthly and around the globe."""
    maps = np.asarray(maps)
    times = months(len(maps)) if times is None else times
    planes = [place(plane) for plane in maps]
    return xr.concat(planes, xr.DataArray(times, dims="time", name="time"))


def all_labels(found):
    return found.cells.index.tolist()


@settings(max_examples=20)
@given(LABELS)
def test_cells_and_areas_are_those_of_all_pairs(maps):
    labels = stack(maps)
    found = fastkm.transitions(labels)
    areas = cell_areas(labels[0]).values.ravel()
    wanted_cells, wanted_areas = np.zeros((2, 4, 4))
    for before, after in itertools.pairwise(maps):
        for i, j, area in zip(before.ravel(), after.ravel(), areas, strict=True):
            if max(i, j) >= 0:
                wanted_cells[i, j] += 1
                wanted_areas[i, j] += area / 1e6
    order = all_labels(found)
    np.testing.assert_array_equal(found.cells, wanted_cells[np.ix_(order, order)])
    np.testing.assert_allclose(found.area_km2, wanted_areas[np.ix_(order, order)], rtol=1e-12)
    # missing cells have a row and a column only if there are any at one of two steps
    assert (-1 in order) == bool(wanted_cells[-1, :3].any() or wanted_cells[:3, -1].any())
    # months add up to all
    for name in ("cells", "area_km2"):
        summed = found.by_month[name].sum("month").values
        np.testing.assert_allclose(summed, getattr(found, name), rtol=1e-12)


@settings(max_examples=20)
@given(LABELS)
def test_rows_add_up_to_the_areas_of_clusters(maps):
    labels = stack(maps)
    found = fastkm.transitions(labels)
    areas = cell_areas(labels[0]).values
    for step, axis in ((slice(None, -1), 1), (slice(1, None), 0)):
        for j in found.persistence.index:
            own = sum(
                zonal_statistics(plane.astype(int), areas, 3).counts[j] for plane in maps[step]
            )
            assert found.cells.sum(axis=axis)[j] == own
            area = sum(areas[plane == j].sum() for plane in maps[step]) / 1e6
            assert found.area_km2.sum(axis=axis)[j] == pytest.approx(area, rel=1e-12)


@settings(max_examples=20)
@given(LABELS)
def test_stays_are_the_runs_of_cells(maps):
    found = fastkm.transitions(stack(maps)).persistence
    stays = naive.list_stays(maps.reshape(len(maps), -1))
    for j in found.index:
        lengths = [length for label, length, _ in stays if label == j]
        ends = sum(ended for label, _, ended in stays if label == j)
        # a stay of n steps whose end is not seen is followed n - 1 times
        followed = sum(length - (not ended) for label, length, ended in stays if label == j)
        assert found.steps[j] == sum(lengths)
        assert found.stays[j] == len(lengths)
        if lengths:
            assert found.mean_steps[j] == pytest.approx(np.mean(lengths))
        if followed:
            assert found.expected_steps[j] == pytest.approx(followed / ends if ends else math.inf)
        else:
            assert math.isnan(found.expected_steps[j])


def test_equal_cells_have_the_same_stays_by_area_and_others_do_not():
    flat = stack([[[0, 0], [1, 1]], [[0, 1], [1, 1]]], place=lambda plane: plain(plane, 10.0))
    found = fastkm.transitions(flat, areas=plain([[4.0, 1.0], [2.0, 2.0]], 10.0)).persistence
    assert found.mean_steps.tolist() == [1.5, 5 / 3]
    assert found.mean_steps_by_area.tolist() == [9 / 5, 9 / 5]
    assert found.expected_steps.tolist() == [2.0, math.inf]
    assert found.expected_steps_by_area.tolist() == [5.0, math.inf]


def plain(plane, size):
    """Place cells by coordinates that are nowhere on the globe."""
    rows, columns = np.shape(plane)
    coords = {"y": size * np.arange(rows), "x": size * np.arange(columns)}
    return xr.DataArray(np.asarray(plane), coords, ("y", "x"))


def test_a_grid_that_lies_nowhere_has_cells_but_no_areas():
    found = fastkm.transitions(stack([[[0, 1]] * 2] * 2, place=lambda plane: plain(plane, 3.0)))
    assert found.cells.values.tolist() == [[2, 0], [0, 2]]
    assert found.area_km2.isna().to_numpy().all()
    assert found.persistence.mean_steps.tolist() == [2.0, 2.0]
    assert found.persistence.mean_steps_by_area.isna().all()
    assert found.to_frame().share[found.to_frame()["from"] == 0].tolist() == [1.0, 0.0, 1.0, 0.0]


def test_a_projected_grid_has_the_areas_of_its_cells():
    def utm(plane):
        return projected(plane, 32633, [5e5, 5.1e5], [5.01e6, 5e6])

    found = fastkm.transitions(stack([[[0, 1], [0, 1]]] * 2, place=utm))
    assert found.area_km2.loc[0, 0] == pytest.approx(200.0, rel=1e-2)


@pytest.mark.parametrize("chunks", [{"time": 1}, {"time": 3, "lat": 2}, {"time": -1, "lon": 2}])
@pytest.mark.parametrize("together", [1, 1 << 26])
def test_chunks_and_threads_change_no_bit(chunks, together, monkeypatch):
    monkeypatch.setattr("fastkm.raster.change.label_steps.BYTES_PER_READ", together)
    maps = np.random.default_rng(1).integers(-1, 3, (7, 5, 6)).astype(np.int8)
    eager = fastkm.transitions(stack(maps), threads=1)
    monkeypatch.setattr(count_changes, "CELLS_PER_CHUNK", 4)
    lazy = fastkm.transitions(stack(maps).chunk(chunks), threads=3)
    assert lazy.area_km2.equals(eager.area_km2)
    assert lazy.cells.equals(eager.cells)
    assert lazy.by_month.identical(eager.by_month)
    assert lazy.persistence.equals(eager.persistence)
    assert lazy.persistence_by_month.equals(eager.persistence_by_month)


def test_sums_have_no_largest_number():
    areas = np.full((2, 3), 1e9)
    counter = count_changes.ChangeCounter({1: 0}, [], count_changes.CellUnits.measure(areas))
    counter.add(0, np.zeros((2, 3), np.int8))
    counter.add(1, np.zeros((2, 3), np.int8))
    many = counter.counts
    for _ in range(18):
        many = count_changes.combine_counts([many, many])
    units = count_changes.CellUnits.measure(areas)
    assert units.to_km2(many.tables[0].units)[1, 1] == 6e3 * 2**18
    assert int(many.tables[0].units[1, 1]) > 2**63


def test_a_lazy_stack_is_read_once():
    reads = []

    def read(block, block_info=None):
        reads.append(block_info[0]["chunk-location"])
        return block

    maps = stack(np.zeros((6, 2, 3), np.int8)).chunk({"time": 2})
    counted = maps.copy(data=maps.data.map_blocks(read, dtype=np.int8, meta=np.empty(0, np.int8)))
    fastkm.transitions(counted)
    assert sorted(reads) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_floats_with_nan_and_dimensions_in_any_order():
    maps = np.random.default_rng(2).integers(-1, 3, (4, 3, 4)).astype(np.int8)
    labels = stack(maps)
    wanted = fastkm.transitions(labels)
    opened = labels.where(labels >= 0).astype(np.float32)  # as xarray opens a file of labels
    for other in (opened, opened.transpose("lon", "time", "lat"), labels.astype(np.int64) * 1):
        found = fastkm.transitions(other)
        assert found.cells.equals(wanted.cells)
        np.testing.assert_allclose(found.area_km2, wanted.area_km2, rtol=1e-14)


def test_clusters_without_a_cell_are_known_by_the_flags():
    labels = stack([[[0, 0], [0, 0]]] * 2)
    labels.attrs["flag_values"] = np.arange(4, dtype=np.int8)
    found = fastkm.transitions(labels)
    assert found.cells.shape == (4, 4)
    assert found.persistence.stays.tolist() == [4, 0, 0, 0]


def test_many_labels():
    maps = np.zeros((2, 2, 3), np.int32)
    maps[1] = 300
    maps[0, 0, 0] = -500  # negative numbers are missing, whatever they are
    found = fastkm.transitions(stack(maps))
    assert found.cells.loc[0, 300] == 5
    assert found.cells.loc[-1, 300] == 1


def test_a_column_that_repeats_the_first_counts_once():
    maps = np.array([[[0, 1, 1, 0]] * 2] * 2)
    longitude = [0.0, 120.0, 240.0, 360.0]
    labels = xr.DataArray(
        maps, {"time": months(2), "lat": [-45.0, 45.0], "lon": longitude}, ("time", "lat", "lon")
    )
    found = fastkm.transitions(labels)
    assert found.cells.values.tolist() == [[2, 0], [0, 4]]
    whole = cell_areas(labels[0].isel(lon=slice(3)))
    assert found.area_km2.to_numpy().sum() == pytest.approx(float(whole.sum()) / 1e6, rel=1e-12)
    areas = cell_areas(labels[0])
    assert fastkm.transitions(labels, areas=areas).area_km2.equals(found.area_km2)


def test_a_lag_of_steps_and_of_a_year():
    maps = np.arange(14)[:, None, None] % 12 // 6 * np.ones((1, 2, 2), int)
    labels = stack(maps, months(14, "2009-01"))
    assert fastkm.transitions(labels, lag=6).cells.values.tolist() == [[0, 24], [8, 0]]
    yearly = fastkm.transitions(labels, lag="year")
    assert yearly.pairs == 2
    assert yearly.cells.values.tolist() == [[8, 0], [0, 0]]
    assert yearly.by_month.month.values.tolist() == [1, 2]
    # ten months have a stay of one year, two of two years
    assert yearly.persistence.stays.tolist() == [24, 24]
    assert yearly.persistence.steps.tolist() == [32, 24]


def test_months_of_other_calendars_and_days_of_years():
    days = [cftime.datetime(2001 + y, m, 30, calendar="360_day") for y in (0, 1) for m in (2, 3)]
    labels = stack(np.zeros((4, 2, 2), int), days)
    assert fastkm.transitions(labels, lag="year").by_month.month.values.tolist() == [2, 3]
    days = np.array(["2019-02-28", "2020-02-28", "2020-02-29", "2021-02-28"], "M8[ns]")
    assert fastkm.transitions(stack(np.zeros((4, 2, 2), int), days), lag="year").pairs == 2
    hours = days[[0, 1, 1, 3]] + np.array([0, 0, 6, 0], "m8[h]")
    assert fastkm.transitions(stack(np.zeros((4, 2, 2), int), hours), lag="year").pairs == 2


def test_steps_without_dates_have_no_months():
    labels = xr.DataArray(np.zeros((3, 2, 2), int), dims=("step", "y", "x"))
    found = fastkm.transitions(labels)
    assert found.cells.values.tolist() == [[8]]
    assert found.by_month is found.persistence_by_month is None
    assert found.to_frame().month.tolist() == [0]
    with pytest.raises(ValueError, match="lag='year' needs dates"):
        fastkm.transitions(labels, lag="year")
    with pytest.raises(ValueError, match="month must be one in which pairs of steps begin, none"):
        found.plot(month=3)


def test_figures_show_areas_or_cells():
    labels = stack(np.random.default_rng(3).integers(-1, 3, (3, 4, 4)))
    found = fastkm.transitions(labels)
    matrix = found.plot(month=11)
    title = matrix.axes[0].get_title(loc="left")
    first, last = np.datetime_as_string(labels.time[[0, -1]], "D")
    assert title == f"From one step to the next from November\n{first} to {last}"
    texts = [text.get_text() for text in matrix.axes[0].texts]
    share = found.to_frame().query("month == 11").share.iloc[0]
    assert texts[0] == f"{100 * share:.0f}"
    assert found.plot_flows(title="Flows").axes[0].get_title(loc="left") == "Flows"
    assert "area" in found.plot_flows().axes[0].get_xlabel()
    counted = fastkm.transitions(labels.drop_vars(["lat", "lon"]).rename(lat="y", lon="x"), lag=2)
    assert "cells" in counted.plot_flows().axes[0].get_xlabel()
    assert counted.plot().axes[0].get_title(loc="left").startswith("From one step to 2 steps later")
    assert "2 steps apart" in repr(counted)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda labels: labels.values,
            TypeError,
            "labels must be an xarray.DataArray, got ndarray",
        ),
        (lambda labels: labels[0], ValueError, "dimensions (time, y, x)"),
        (lambda labels: labels[:1], ValueError, "two steps that are 1 step apart, got 1 steps"),
        (lambda labels: labels[::-1], ValueError, "labels.sortby('time')"),
        (lambda labels: labels + 0.5, ValueError, "whole numbers"),
        (lambda labels: labels + 5000, ValueError, "labels must be below 4096, got 5000"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(change, error, message):
    with pytest.raises(error) as caught:
        fastkm.transitions(change(stack(np.zeros((2, 2, 2), int))))
    assert message in str(caught.value)


def test_options_that_are_not_valid_are_refused():
    labels = stack(np.zeros((2, 2, 2), int))
    for lag in (0, 1.5, True, "month"):
        with pytest.raises(ValueError, match="lag must be a whole number of at least 1 or 'year'"):
            fastkm.transitions(labels, lag=lag)
    with pytest.raises(ValueError, match="steps that are a year apart"):
        fastkm.transitions(labels, lag="year")
    with pytest.raises(ValueError, match="areas must have the rows and columns of the labels"):
        fastkm.transitions(labels, areas=cell_areas(labels[0])[:1])
    twice = stack(
        np.zeros((2, 2, 2), int),
        np.array(["2009-01-01", "2009-01-01T00:00:00.000000001"], "M8[ns]"),
    )
    with pytest.raises(ValueError, match="steps of different times"):
        fastkm.transitions(twice, lag="year")
