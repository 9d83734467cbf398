"""Times of every unit and calendar: their dates, and that these can be written and read again."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.io.decode_times import drop_unknown_dates
from fastkm.raster.io.open import open_stored
from fastkm.raster.io.read_bands import read_stack
from fastkm.raster.io.write_netcdf import write_labels
from fastkm.raster.labels import label_raster
from fastkm.raster.multifile.scan import scan_file
from tests.small_files import write_netcdf, write_world

nan = np.nan


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.nc"


def write_times(path, numbers, units, calendar=None, *, more=None, **attrs):
    """Write a raster for each of some times."""
    described = {"units": units, **({} if calendar is None else {"calendar": calendar}), **attrs}
    numbers = np.asarray(numbers)
    values = np.arange(12.0 * len(numbers)).reshape(len(numbers), 3, 4)
    coords = {"time": (numbers, described)}
    return write_netcdf(path, values, ("time", "y", "x"), coords=coords, more=more)


def date_of(array, name="time"):
    """Return the date of a raster, to the second."""
    return str(array[name].values)[:19].replace(" ", "T")


def relabel(path, raster, target):
    labels = label_raster(raster, fastkm.kmeans1d(raster, 2))
    write_labels(labels, target, source=str(path), history="")
    return xr.load_dataset(target, decode_timedelta=False)


MONTH = {
    **dict.fromkeys(("standard", "gregorian", None, "julian", "noleap"), "1961-02-28"),
    **dict.fromkeys(("all_leap", "366_day"), "1961-02-29"),
    "proleptic_gregorian": "1961-02-28",
    "365_day": "1961-02-28",
}
DATES = {  # units, calendar, number, and the date that it stands for
    **{f"months in {c}": ("months since 1960-01-31", c, 13.0, f"{d}T00:00:00") for c, d in MONTH.items()},
    "months of 30 days": ("months since 1960-01-01", "360_day", 1.5, "1960-02-16T00:00:00"),
    "another name of it": ("Months since 1960-01-01", "360", 1.5, "1960-02-16T00:00:00"),
    "half a month": ("month since 1955-01-01 00:00:00", None, 372.5, "1986-01-16T12:00:00"),
    "months before": ("months since 1960-03-01", None, -1, "1960-02-01T00:00:00"),
    "integers": ("months since 1960-01-01", None, np.int16(25), "1962-02-01T00:00:00"),
    "years": ("years since 1960-02-29", None, 1.0, "1961-02-28T00:00:00"),
    "decimal years": ("years since 0001-01-01", None, np.float32(1959 + 1.5 / 12), "1960-02-15T12:00:00"),
    "years of 360 days": ("years since 2000-01-01", "360_day", 0.25, "2000-04-01T00:00:00"),
    "common years": ("common_years since 2000-01-01", "noleap", 2.2, "2002-03-15T00:00:00"),
    "weeks": ("weeks since 2000-01-01", None, 2, "2000-01-15T00:00:00"),
    "a short name": ("d since 2000-01-01", None, 2, "2000-01-03T00:00:00"),
    "hours by a short name": ("h since 2000-01-01", "noleap", 5, "2000-01-01T05:00:00"),
    "a short year": ("hours since 1-1-1 00:00:0.0", None, 24 * 730121.0, "2000-01-01T00:00:00"),
}  # fmt: skip


@pytest.mark.parametrize("case", DATES)
def test_dates_are_read_and_written(path, tmp_path, case):
    units, calendar, number, date = DATES[case]
    raster = fastkm.read_raster(write_times(path, [number], units, calendar))
    assert date_of(raster) == date
    written = relabel(path, raster, tmp_path / "labels.nc")
    assert date_of(written) == date
    assert scan_file(path).times[0][:19] == date


UNKNOWN = {  # times that are no dates, and what the note says
    "thirds of months": ([0.0, 1 / 3], "months since 2000-01-01", "units are 'months since"),
    "common years that differ": ([0.0, 1.0], "common_years since 2000-01-01", "'common_years"),
    "no such day": ([0.0, 1.0], "days since 0000-00-00", "units are 'days since 0000-00-00'"),
    "no year 0": ([0.0, 1.0], "days since 0000-01-01", "units are 'days since 0000-01-01'"),
    "too far": ([0.0, 9.96e36], "days since 2000-01-01", "units are 'days"),
    "digits of dates": ([20000101.0, 20000102.0], "day as %Y%m%d.%f", "units are 'day as"),
    "words": (["Jan", "Feb"], "", "begins with Jan"),
    "no such month": (["2000-13-01", "2000-14-01"], "", "begins with 2000-13"),
    "one is missing": ([0.0, nan], "days since 2000-01-01", "some dates of 'time' are missing"),
    "all are missing": ([nan, nan], "months since 2000-01-01", "some dates of 'time' are missing"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_dates_are_noted_and_the_data_is_read(path, tmp_path, case):
    numbers, units, note = UNKNOWN[case]
    write_times(path, numbers, units)
    with pytest.warns(UserWarning, match=note):
        raster = fastkm.read_raster(path, time=1)
    np.testing.assert_array_equal(raster, np.arange(12.0, 24).reshape(3, 4))
    assert relabel(path, raster, tmp_path / "labels.nc").cluster.shape == (3, 4)
    with pytest.warns(UserWarning, match=note):
        assert read_stack(path, time="all").shape == (2, 3, 4)


def test_fill_value_among_times_is_a_missing_date(path):
    write_times(
        path, np.array([3, 9999], np.int16), "months since 2000-01-01", _FillValue=np.int16(9999)
    )
    with pytest.warns(UserWarning, match="some dates"):
        assert date_of(fastkm.read_raster(path)) == "2000-04-01T00:00:00"


def test_packed_times(path, tmp_path):
    write_times(path, np.array([3, 9], np.int8), "hours since 2000-01-01", scale_factor=100.0)
    raster = fastkm.read_raster(path, time=1)
    assert (
        date_of(relabel(path, raster, tmp_path / "a.nc"))
        == date_of(raster)
        == "2000-02-07T12:00:00"
    )


@pytest.mark.parametrize(
    "texts", [["2000-01-05", "2000-01-06"], ["2000-01-05T00:00", "2000-01-06_00:00:00.0Z"]]
)
def test_texts_are_dates(path, texts):
    write_times(path, texts, "")
    assert date_of(fastkm.read_raster(path, time=1)) == "2000-01-06T00:00:00"


def test_plain_numbers_are_no_dates_and_need_no_note(path):
    assert fastkm.read_raster(write_times(path, [3, 4], "1"), time=1).time == 4


def write_weather(path, **more):
    """Write rasters as WRF does: no variable is called as the dimension of time."""
    values = np.arange(24.0).reshape(2, 3, 4)
    with netCDF4.Dataset(
        write_netcdf(path, values, ("Time", "south_north", "west_east")), "a"
    ) as file:
        file.createDimension("DateStrLen", 19)
        texts = np.array(["2005-08-28_00:00:00", "2005-08-28_06:00:00"], "S19")
        file.createVariable("Times", "S1", ("Time", "DateStrLen"))[:] = netCDF4.stringtochar(texts)
        for name, units in more.items():
            made = file.createVariable(name, "f4", ("Time",))
            made[:], made.units = [0.0, 360.0], units
    return path


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"XTIME": "minutes since 2005-08-28 00:00:00"},
        {"XTIME": "minutes since simulation start"},
    ],
)
def test_dimension_of_time_takes_the_dates_along_it(path, more):
    write_weather(path, **more)
    assert (
        date_of(fastkm.read_raster(path, "water", time="2005-08-28T06"), "Time")
        == "2005-08-28T06:00:00"
    )
    assert scan_file(path, "water").times == ("2005-08-28T00:00:00", "2005-08-28T06:00:00")


def test_dates_that_contradict_each_other_are_not_taken(path):
    write_weather(path, XTIME="minutes since 2011-01-01")
    assert "Time" not in fastkm.read_raster(path, "water").coords


def test_scalar_dates_are_written_in_days(path, tmp_path):
    more = {
        "reference": (np.float64(2.0), {"units": "months since 2000-01-01"}, ()),
        "lost": (np.float64(2.0), {"units": "months since 0000-00-00"}, ()),
    }
    write_netcdf(
        path, np.arange(12.0).reshape(3, 4), ("y", "x"), more=more, coordinates="reference lost"
    )
    written = relabel(path, fastkm.read_raster(path), tmp_path / "labels.nc")
    assert date_of(written, "reference") == "2000-03-01T00:00:00"
    assert "lost" not in written


def test_unknown_dates_by_cell_are_dropped():
    dates = (("y", "x"), np.zeros((1, 2)), {"units": "fortnights since 2000-01-01"})
    known = (("y", "x"), np.zeros((1, 2)), {"units": "seconds since 2000-01-01"})
    raster = xr.DataArray([[1.0, 2.0]], {"scan": dates, "start": known}, ("y", "x"))
    assert set(drop_unknown_dates(raster).coords) == {"start"}


def test_raster_of_dates_is_data(path):
    write_world(path, units="days since 2000-01-01", long_name="last day of snow")
    assert fastkm.read_raster(path).dtype == np.float64


def test_limits_of_times_are_no_raster(path):
    units = "days since 2000-01-01"
    more = {"time_bnds": (np.zeros((1, 2)), {"units": units}, ("time", "nv"))}
    write_times(path, [1], units, more=more)
    assert fastkm.read_raster(path).name == "water"


def test_start_of_a_forecast_is_not_its_time(path):
    more = {
        "start": (np.float64(0.0), {"units": "days since 2000-01-01", "standard_name": "forecast_reference_time"}, ()),
        "time": (np.float64(9.0), {"units": "days since 2000-01-01", "standard_name": "time"}, ()),
    }  # fmt: skip
    write_netcdf(path, np.zeros((3, 4)), ("y", "x"), more=more, coordinates="start time")
    assert scan_file(path).times == ("2000-01-10T00:00:00",)


def test_other_times_of_a_file_are_decoded_if_one_cannot_be(path):
    more = {"old": (np.zeros(2), {"units": "days since 0000-00-00"}, ("time",))}
    write_times(path, [1.0, 2.0], "days since 2000-01-01", more=more)
    with open_stored(path) as dataset:
        assert dataset.time.dtype.kind == "M"
