"""Objects of xarray as series: the same steps, cells and areas as those of their files."""

import pickle
import re

import numpy as np
import pytest
import xarray as xr

from fastkm.errors import ArchiveError
from fastkm.raster.multifile.array_series import make_array_series
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import find_inputs, scan_file
from tests.small_archives import SHAPE, write_packed, write_single


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    write_single(folder / "pw.nc", 5)
    return folder / "pw.nc"


def series_of(path, **options):
    return combine_files([scan_file(one) for one in find_inputs(path)], **options)


def open_lazily(path, **options):
    return xr.open_dataset(path, chunks={"time": 2}, **options)


OPENERS = {
    "loaded": xr.load_dataset,
    "not loaded": xr.open_dataset,
    "of dask": open_lazily,
    "raw": lambda path: xr.open_dataset(path, mask_and_scale=False),
    "shuffled": lambda path: xr.load_dataset(path).isel(time=[3, 0, 4, 2, 1]),
    "transposed": lambda path: xr.load_dataset(path).transpose("lon", "lat", "time"),
    "array": lambda path: xr.load_dataset(path).water,
}


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(
    "options", [{}, {"bbox": (100, -40, 300, 40), "years": (1988, 1988)}], ids=str
)
def test_what_xarray_opens_is_what_the_file_holds(months, opener, options):
    wanted = series_of(months, **options)
    found = make_array_series(OPENERS[opener](months), **options)
    assert found.steps == wanted.steps
    assert found.shape == wanted.shape
    assert (found.variables, found.units) == (wanted.variables, wanted.units)
    assert (found.calendar, found.dims) == (wanted.calendar, wanted.dims)
    for first, last in ((0, 5), (1, 3), (4, 5)):
        own, other = (one.read(first, last, missing="mask") for one in (found, wanted))
        assert own.dtype == other.dtype
        xr.testing.assert_equal(own, other)
        assert own.attrs == other.attrs
    xr.testing.assert_equal(
        found.as_dask(missing="mask").compute(), wanted.read(0, 5, missing="mask")
    )
    xr.testing.assert_equal(found.read_areas(), wanted.read_areas())
    xr.testing.assert_equal(found.make_template(), wanted.make_template())
    assert found.make_time_coordinate().equals(wanted.make_time_coordinate())


def test_packed_numbers_are_decoded_as_those_of_the_file(tmp_path):
    path = write_packed(tmp_path / "packed.nc", 0)
    wanted = series_of(path).read(0, 1, missing="mask")
    with xr.open_dataset(path) as dataset:
        found = make_array_series(dataset)
        xr.testing.assert_equal(found.read(0, 1, missing="mask"), wanted)
        assert found.read(0, 1).encoding["scale_factor"] == dataset.water.encoding["scale_factor"]


def test_parts_keep_their_steps_and_travel_light(months):
    lazy = make_array_series(open_lazily(months))
    part = lazy.select([3, 1])
    assert [step.time for step in part.steps] == ["1988-04-15", "1988-02-15"]
    wanted = lazy.read(0, 5, missing="mask")
    for own in (part, pickle.loads(pickle.dumps(part))):
        np.testing.assert_array_equal(own.read(0, 2, missing="mask"), wanted[[3, 1]])
        assert own.make_time_coordinate().equals(wanted.time[[3, 1]])
    loaded = make_array_series(xr.load_dataset(months))
    whole, one = (len(pickle.dumps(some)) for some in (loaded, loaded.select_range(0, 1)))
    assert whole - one >= 4 * 4 * SHAPE[0] * SHAPE[1]  # four steps of float32
    assert len(loaded.drop_steps([loaded.steps[1]]).steps) == 4
    np.testing.assert_array_equal(
        loaded.drop_steps([loaded.steps[1]]).read(1, 2), loaded.read(2, 3)
    )


def test_lazy_data_keeps_long_chunks_and_others_are_joined(months):
    series = make_array_series(open_lazily(months))
    assert series.steps_per_read == 2
    assert series.as_dask(steps_per_chunk=1).chunks[0] == (2, 2, 1)
    assert series.as_dask(steps_per_chunk=4).chunks[0] == (4, 1)
    assert make_array_series(xr.load_dataset(months)).as_dask().chunks[0] == (1,) * 5
    with pytest.raises(ValueError, match="steps_per_chunk must be at least 1"):
        series.as_dask(steps_per_chunk=0)
    with pytest.raises(ValueError, match="first and last"):
        series.read(3, 3)


def test_computed_data_has_no_rules_but_nan(months):
    water = xr.load_dataset(months).water
    with xr.set_options(keep_attrs=True):  # the default of newer versions of xarray
        anomaly = water - 40  # keeps the attribute valid_min = 0
    series = make_array_series(anomaly)
    assert (series.read(0, 5, missing="mask").min() < 0).item()
    assert "valid_min" not in series.read(0, 5, missing="mask").attrs
    assert series.read(0, 5).attrs["valid_min"] == 0
    assert make_array_series(water).read(0, 5, missing="mask").min() >= 0


def test_limits_of_cells_are_those_of_the_dataset(tmp_path):
    edges = np.array([-60.0, -41, -20, 0, 20, 40, 60])
    path = write_single(tmp_path / "pw.nc", 2)
    dataset = xr.load_dataset(path)
    dataset.lat.attrs["bounds"] = "lat_bnds"
    dataset["lat_bnds"] = (("lat", "nv"), np.column_stack([edges[:-1], edges[1:]]))
    bounded = make_array_series(dataset, ["water"]).read_areas()
    plain = make_array_series(dataset.water).read_areas()
    assert float(bounded[0].sum() / bounded[1].sum()) != pytest.approx(
        float(plain[0].sum() / plain[1].sum())
    )
    assert bounded.sizes == {"lat": 6, "lon": 8}


def test_a_scalar_time_is_a_step(months):
    with xr.open_dataset(months) as dataset:
        series = make_array_series(dataset.isel(time=2))
        assert [step.time for step in series.steps] == ["1988-03-15"]
        assert series.read(0, 1).sizes == {"time": 1, "lat": 6, "lon": 8}


def test_a_mask_a_level_and_further_missing_values(months, tmp_path):
    kept = xr.DataArray(
        np.ones(SHAPE, "i1"), xr.load_dataset(months).isel(time=0, drop=True).coords
    )
    kept[2] = 0
    kept.to_dataset(name="kept").to_netcdf(tmp_path / "kept.nc")
    water = xr.load_dataset(months).water
    both = xr.concat([water, water + 1], xr.DataArray([500, 850], dims="level", name="level"))
    value = float(water[0, 3, 4])
    series = make_array_series(both, sel={"level": 500}, mask=tmp_path / "kept.nc", nodata=value)
    found = series.read(0, 1, missing="mask")[0]
    assert np.isnan(found[2]).all()
    assert np.isnan(found[3, 4])
    rest = ~np.isnan(found)
    np.testing.assert_array_equal(found.values[rest], water[0].values[rest])


def test_several_variables(months):
    dataset = open_lazily(months)
    dataset = dataset.assign(wind=dataset.water * 2)
    series = make_array_series(dataset, ["wind", "water"])
    assert series.variables == ("wind", "water")
    read = series.read(1, 3, missing="mask")
    np.testing.assert_array_equal(read.wind.where(read.water > 0), 2 * read.water)
    assert read.wind.min() == -1000  # ice, which the limits of the file no longer leave out
    assert series.as_dask().wind.chunks[0] == (2, 2, 1)


def test_other_calendars(months):
    dataset = xr.load_dataset(months).convert_calendar("noleap", use_cftime=True)
    series = make_array_series(dataset)
    assert series.calendar == "noleap"
    assert series.read(0, 2).time.dt.calendar == "noleap"
    assert series.time_encoding["calendar"] == "noleap"


def test_data_that_cannot_be_read_names_the_step(months):
    def fail(block):
        raise OSError("the disk is gone")

    water = open_lazily(months).water
    broken = water.copy(data=water.data.map_blocks(fail, dtype=water.dtype, meta=water.data._meta))
    with pytest.raises(ArchiveError, match="dataset, 1988-02-15: cannot be read: the disk is gone"):
        make_array_series(broken).read(1, 2)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda d: d.assign(wind=d.water), {}, "name one of the raster variables of dataset"),
        (lambda d: d.drop_vars("water"), {}, "which are none"),
        (lambda d: d, {"variables": ["wind"]}, "'water', got ['wind']"),
        (lambda d: d.drop_vars("time"), {}, "no coordinate, so no dates"),
        (lambda d: d.isel(time=[0, 0]), {}, "each step of time once, but has 1988-01-15T00:00:00"),
        (lambda d: d, {"years": (1999, 2000)}, "no step of the years 1999 to 2000 is left of 5"),
        (lambda d: d.isel(lat=slice(0)), {}, "must have cells"),
        (lambda d: d.expand_dims(level=2), {}, "a dimension 'level' of 2"),
        (
            lambda d: d.assign(wind=d.water.isel(lat=slice(5)).rename(lat="y")),
            {"variables": ["water", "wind"]},
            "must share time, rows and columns",
        ),
    ],
)
def test_data_that_is_no_series_is_refused(months, change, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_array_series(change(xr.load_dataset(months)), **options)


def test_variables_that_hold_no_numbers_are_refused(months):
    dataset = xr.load_dataset(months)
    words = dataset.water.copy(data=np.full(dataset.water.shape, "wet"))
    with pytest.raises(TypeError, match="must hold real numbers"):
        make_array_series(dataset.assign(words=words), ["words"])
