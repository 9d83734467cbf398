"""The sample archive has the sample's form, seasons, and the same values wherever it is made."""

import errno
from datetime import date
from itertools import pairwise

import netCDF4
import numpy as np
import pytest
import xarray as xr

from fastkm.cluster.exact.kmeans1d import kmeans1d
from fastkm.datasets import _one_month, _seasons, sample_dataset, write_sample_archive
from fastkm.datasets.monthly_series import count_parts, number_months
from tests.full_disk import files_up_to

LATITUDE = np.arange(180) - 89.5
AREA = np.cos(np.radians(LATITUDE))[:, None]
LAND = sample_dataset()["precipitable_water"].values[0] == -999


def sample_step(step, resolution=1.0, *, start="1988-01", variable="precipitable_water"):
    """Draw one step of a sample archive, without the steps before."""
    month = number_months(start, step + 1)[-1]
    return _seasons.draw_month(month, count_parts(resolution))[variable]


@pytest.fixture(scope="module")
def decade():
    return np.stack([sample_step(step) for step in range(120)])


@pytest.fixture(scope="module")
def monthly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive") / "made" / "monthly"
    return write_sample_archive(folder, months=3, start="1991-11", variables=2)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    return write_sample_archive(
        folder, months=3, start="1991-11", variables=2, layout="single", resolution=1
    )


def raw(path, name):
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return file[name][...]


def mean(values, where=True):
    seen = (values > 0) & where
    weights = AREA * seen
    return (np.where(seen, values, 0) * weights).sum((-2, -1)) / weights.sum((-2, -1))


def hundredths(values):
    return int(np.rint(values[values > 0].astype(float) * 100).sum())


# What is drawn


def test_values_are_pinned(decade):
    # A change of any constant shows here; the bench's figures are made from these numbers.
    assert hundredths(decade[0]) == 80643635
    assert hundredths(decade[47]) == 82761341
    assert hundredths(sample_step(21 * 12 + 9)) == 87596337
    assert hundredths(sample_step(6, variable="wind_speed")) == 26906292
    assert np.count_nonzero(decade[0] == -999) == 22144
    assert np.count_nonzero(decade[0] == -500) == 8174


class Shaken:
    """NumPy with a cosine, a sine, an exponential and a tangent that err in the 16th digit."""

    def __init__(self, size):
        def near(function):
            def shaken(x):
                exact = function(x)
                error = size * np.cos(1e6 * np.asarray(x))
                return exact + error * np.maximum(np.abs(exact), 0.5)

            return shaken

        self.cos, self.sin, self.exp, self.tanh = map(near, (np.cos, np.sin, np.exp, np.tanh))

    def __getattr__(self, name):
        return getattr(np, name)


@pytest.mark.parametrize("size", [4e-16, -4e-16])
def test_values_do_not_depend_on_the_platform(monkeypatch, size):
    grid = _seasons.make_grid(1)
    months = [_seasons.draw_month(month, 1) for month in (5, 252)]
    _seasons.make_grid.cache_clear()
    try:
        monkeypatch.setattr(_seasons, "np", Shaken(size))
        monkeypatch.setattr(_one_month, "np", Shaken(size))
        for expected, found in zip(grid, _seasons.make_grid(1), strict=True):
            np.testing.assert_array_equal(found, expected)
        for month, expected in zip((5, 252), months, strict=True):
            for name, found in _seasons.draw_month(month, 1).items():
                np.testing.assert_array_equal(found, expected[name])
    finally:
        _seasons.make_grid.cache_clear()


def test_a_step_is_a_month_whatever_the_start(decade):
    np.testing.assert_array_equal(sample_step(2, start="1989-11"), decade[24])
    np.testing.assert_array_equal(sample_step(0), decade[0])
    first = sample_step(0)
    first[:] = 0
    np.testing.assert_array_equal(sample_step(0), decade[0])


@pytest.mark.parametrize("start", ["1800-01", "2199-12"])
def test_values_stay_in_the_valid_range_for_centuries(start):
    values = sample_step(0, start=start)
    assert values[values > 0].min() >= 1
    assert values.max() <= 65
    assert (values == -500).any()


def test_values_are_water_land_ice_or_gaps(decade):
    assert decade.dtype == np.float32
    assert set(np.unique(decade[decade <= 0])) == {np.float32(-999), np.float32(-500)}
    assert (decade[:, LAND] == -999).all()
    ocean = decade[decade > 0]
    assert 1 < ocean.min() < 6
    assert 55 < ocean.max() < 65
    np.testing.assert_array_equal(ocean, np.round(ocean.astype(float), 2).astype(np.float32))


def test_its_october_is_the_samples(decade):
    sample = sample_dataset()["precipitable_water"].values[0]
    for values in decade[9::24]:
        both = (values > 0) & (sample > 0)
        assert np.corrcoef(values[both], sample[both])[0, 1] > 0.97
        assert abs(np.mean(values[both] - sample[both])) < 1.5


def test_moist_belt_follows_the_sun(decade):
    weights = AREA * (decade > 50)
    middle = (weights * LATITUDE[:, None]).sum((1, 2)) / weights.sum((1, 2))
    assert (middle[6::12] > middle[0::12] + 5).all()
    north, south = mean(decade, LATITUDE[:, None] > 20), mean(decade, LATITUDE[:, None] < -20)
    swing_north, swing_south = north[7::12] - north[1::12], south[1::12] - south[7::12]
    assert (swing_south > 0.5).all()
    assert (swing_north > swing_south + 2).all()


def test_moistest_cluster_grows_in_the_northern_summer(decade):
    breaks = kmeans1d(decade[decade > 0][::50], 4).breaks
    area = (AREA * (decade > breaks[-1])).sum((1, 2)).reshape(10, 12)
    assert (area[:, 6:8].mean(axis=1) > 1.08 * area[:, :2].mean(axis=1)).all()


def test_water_grows_over_ten_years(decade):
    # Where the ice never comes, and of both halves as many warm years of El Nino.
    years = mean(decade, abs(LATITUDE[:, None]) < 50).reshape(10, 12).mean(axis=1)
    slope = np.polyfit(np.arange(10), years, 1)[0] / years.mean()
    assert 0.0005 < slope < 0.004


def test_el_nino_moistens_the_eastern_pacific(decade):
    def december(year, west, east):
        values = decade[12 * (year - 1988) + 11, 85:95, west:east]
        return values[values > 0].mean()

    assert december(1991, 210, 260) > december(1989, 210, 260) + 10
    assert december(1991, 120, 135) < december(1989, 120, 135)


def test_ice_advances_and_retreats(decade):
    ice = AREA * (decade == -500)
    north, south = ice[:, 90:].sum((1, 2)), ice[:, :90].sum((1, 2))
    assert (north[2::12] > 1.5 * north[8::12]).all()
    assert (south[8::12] > 1.5 * south[2::12]).all()
    assert not (decade[:, abs(LATITUDE) < 45] == -500).any()


def test_gaps_move(decade):
    gaps = (decade == -999) & ~LAND
    share = gaps.mean(axis=(1, 2))
    assert share.min() > 0.003
    assert share.max() < 0.02
    for before, after in pairwise(gaps):
        assert np.count_nonzero(before & after) < 0.3 * np.count_nonzero(before)
    assert gaps.any(axis=0).mean() > 0.15
    # Both kinds: single spots in the tropics, and strips that reach far from them.
    assert gaps[:, abs(LATITUDE) < 12].any(axis=(1, 2)).all()
    assert gaps[:, abs(LATITUDE) > 30].any()


def test_weather_differs_from_year_to_year(decade):
    both = (decade[0] > 0) & (decade[12] > 0)
    difference = np.abs(decade[0] - decade[12])[both]
    assert 1 < difference.mean() < 4


def test_greenwich_shows_no_seam(decade):
    for values in decade[:12]:
        both = (values[:, 0] > 0) & (values[:, -1] > 0)
        assert np.abs(values[:, 0] - values[:, -1])[both].max() < 2.5


def test_a_finer_grid_shows_the_same_month(decade):
    fine = sample_step(6, 0.25)
    assert fine.shape == (720, 1440)
    cells = fine.reshape(180, 4, 360, 4)
    assert (cells == -999).all(axis=(1, 3))[LAND].all()
    whole = (cells > 0).all(axis=(1, 3)) & (decade[6] > 0)
    assert whole.mean() > 0.45
    averages = cells.mean(axis=(1, 3), dtype=float)
    assert np.abs(averages - decade[6])[whole].max() < 0.6
    assert np.ptp(cells, axis=(1, 3))[whole].min() > 0  # computed, not repeated


def test_wind_is_missing_where_water_is_and_calm_where_it_is_moist(decade):
    wind = sample_step(6, variable="wind_speed")
    missing = decade[6] < 0
    np.testing.assert_array_equal(wind[missing], decade[6][missing])
    assert 1 <= wind[~missing].min() < wind.max() < 20
    tropics = ~missing & (abs(LATITUDE[:, None]) < 25)
    assert np.corrcoef(wind[tropics], decade[6][tropics])[0, 1] < -0.4


# What is written


def test_both_layouts_hold_the_same(monthly, single):
    assert [file.name for file in monthly] == ["pw_199111.nc", "pw_199112.nc", "pw_199201.nc"]
    assert [file.name for file in single] == ["pw.nc"]
    for name in ("time", "time_bounds", "precipitable_water", "wind_speed"):
        steps = np.concatenate([raw(file, name) for file in monthly])
        np.testing.assert_array_equal(steps, raw(single[0], name))
    for name in ("latitude", "longitude"):
        np.testing.assert_array_equal(raw(monthly[2], name), raw(single[0], name))


def test_files_hold_the_steps(monthly):
    for step, file in enumerate(monthly):
        for name in ("precipitable_water", "wind_speed"):
            values = sample_step(step, start="1991-11", variable=name)
            np.testing.assert_array_equal(raw(file, name)[0], values)


@pytest.mark.parametrize("layout", ["monthly", "single"])
def test_files_have_the_form_of_the_sample(monthly, single, layout):
    path = monthly[0] if layout == "monthly" else single[0]
    steps = 1 if layout == "monthly" else 3
    with netCDF4.Dataset(path) as file:
        assert file.data_model == "NETCDF4"
        assert list(file.variables) == [
            "longitude",
            "latitude",
            "time",
            "time_bounds",
            "precipitable_water",
            "wind_speed",
        ]
        for name, made in sample_dataset().variables.items():
            variable = file[name]
            attributes = {k: v for k, v in variable.__dict__.items() if k in made.attrs}
            assert attributes == made.attrs
            assert variable.dtype == made.dtype
            assert variable.dimensions == made.dims
            assert [type(attributes[k]) for k in made.attrs] == [
                type(v) for v in made.attrs.values()
            ]
        assert set(file["time"].__dict__) - {"units", "standard_name", "axis"} == {
            "calendar",
            "bounds",
        }
        assert file["time"].calendar == "standard"
        assert file.dimensions["time"].isunlimited() == (layout == "single")
        for name in ("precipitable_water", "wind_speed"):
            variable = file[name]
            assert variable.shape == (steps, 180, 360)
            assert variable.chunking() == [1, 180, 360]
            filters = variable.filters()
            assert filters["zlib"]
            assert filters["shuffle"]
            assert filters["complevel"] == 4
            assert variable._FillValue == variable.missing_value == -999
            assert variable.valid_min == 0
        assert file["wind_speed"].units == "m s-1"
        assert "generated" in file.title.lower()
        assert "not a measurement" in file.source.lower()
        assert file.time_coverage_start == "1991-11-01T00:00:00Z"
        end = "1991-11-30" if layout == "monthly" else "1992-01-31"
        assert file.time_coverage_end == f"{end}T23:59:59Z"


def test_coordinates_are_centres(tmp_path):
    (file,) = write_sample_archive(tmp_path, months=1, resolution=0.5)
    for name in ("latitude", "longitude"):
        assert raw(file, name).dtype == np.float32
    np.testing.assert_array_equal(raw(file, "latitude"), np.arange(360) / 2 - 89.75)
    np.testing.assert_array_equal(raw(file, "longitude"), np.arange(720) / 2 + 0.25)
    with netCDF4.Dataset(file) as opened:
        assert "wind_speed" not in opened.variables
        assert "0.5 degree" in opened.title


def test_time_is_the_middle_of_the_month(single, tmp_path):
    with xr.open_dataset(single[0]) as dataset:
        times = dataset["time"].values.astype("M8[D]")
        assert times.tolist() == [date(1991, 11, 16), date(1991, 12, 16), date(1992, 1, 16)]
        bounds = dataset["time_bounds"].values.astype("M8[D]")
        edges = [date(1991, 11, 1), date(1991, 12, 1), date(1992, 1, 1), date(1992, 2, 1)]
        assert bounds.tolist() == [list(pair) for pair in pairwise(edges)]
    (file,) = write_sample_archive(tmp_path, months=1, start="2009-10")
    np.testing.assert_array_equal(raw(file, "time"), sample_dataset()["time"].values)


def test_size_of_a_step_is_plausible(monthly):
    # Some 1.5 bytes a cell of ocean and variable; the real file of a month has 87 kB for one.
    assert all(100_000 < file.stat().st_size < 250_000 for file in monthly)


def test_files_are_replaced_and_others_stay(tmp_path):
    (tmp_path / "pw_198801.nc").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    write_sample_archive(tmp_path, months=1)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.txt", "pw_198801.nc"]
    assert raw(tmp_path / "pw_198801.nc", "precipitable_water").shape == (1, 180, 360)


def test_steps_are_announced(tmp_path):
    for layout in ("monthly", "single"):
        heard = []
        write_sample_archive(
            tmp_path, months=2, start="2001-12", layout=layout, announce=heard.append
        )
        assert heard == ["month 1 of 2", "month 2 of 2"]


@pytest.mark.parametrize("layout", ["monthly", "single"])
@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_interrupted_file_is_not_there(tmp_path, layout, failure):
    def stop(text):
        if text.startswith("month 2"):
            raise failure("stopped")

    with pytest.raises(failure, match="stopped"):
        write_sample_archive(tmp_path, months=3, layout=layout, announce=stop)
    left = [file.name for file in tmp_path.iterdir()]
    assert left == (["pw_198801.nc"] if layout == "monthly" else [])


def test_full_disk_is_an_os_error(tmp_path):
    with files_up_to(60_000), pytest.raises(OSError, match=r"pw\.nc") as caught:
        write_sample_archive(tmp_path, months=2, layout="single")
    assert caught.value.errno in (None, errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(NotADirectoryError, match="taken"):
        write_sample_archive(tmp_path / "taken", months=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"months": 0}, "months must be an integer of at least 1, got 0"),
        ({"months": 2.5}, "months"),
        ({"layout": "yearly"}, "layout must be one of 'monthly', 'single', got 'yearly'"),
        ({"variables": 3}, "variables must be 1 or 2, got 3"),
        ({"variables": "wind_speed"}, "variables must be 1 or 2"),
        ({"variables": True}, "variables must be 1 or 2"),
        ({"start": "1988"}, "start must be a year and a month such as '1988-01', got '1988'"),
        ({"start": "1988-13"}, "start"),
        ({"start": "1988-01-01"}, "start"),
        ({"start": 1988}, "start"),
        ({"start": "0000-01"}, "1800 to 2199"),
        ({"start": "1799-12"}, "1800 to 2199"),
        ({"start": "2199-12", "months": 2}, "1800 to 2199"),
        ({"resolution": 0.3}, "resolution must be 1 degree or a whole part of it"),
        *[
            ({"resolution": bad}, "resolution")
            for bad in (0, -1, 2, 0.01, np.nan, np.inf, "1", None)
        ],
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write_sample_archive(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 0.3), {}, "resolution"),
        ((0,), {"start": "now"}, "start"),
        ((1,), {"start": "2199-12"}, "1800 to 2199"),
    ],
)
def test_wrong_steps_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        sample_step(*arguments, **options)


@pytest.mark.parametrize(("resolution", "shape"), [(np.float32(0.2), 5), (1 / 3, 3), (1, 1)])
def test_resolutions_may_be_any_part_of_a_degree(resolution, shape):
    assert sample_step(0, resolution).shape == (180 * shape, 360 * shape)
