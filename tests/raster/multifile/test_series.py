"""Many files as one array: what is read equals what `read_raster` reads, step by step."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import dask
import geopandas as gpd
import netCDF4
import numpy as np
import pytest
import shapely
import xarray as xr

import fastkm
from fastkm.errors import ArchiveError
from fastkm.raster.grid.areas import cell_areas
from fastkm.raster.io.read_bands import read_areas
from fastkm.raster.multifile.combine import combine_files, open_archive
from fastkm.raster.multifile.scan import scan_file
from fastkm.raster.multifile.series import Step
from tests.small_archives import (
    DIMS,
    LATITUDE,
    LONGITUDE,
    SHAPE,
    SINCE_1988,
    WATER,
    truncated,
    values_of,
    without_privileges,
    write_month,
    write_months,
    write_packed,
    write_single,
    write_store,
)
from tests.small_files import EAST, NORTH, write_netcdf

nan = np.nan
COUNT = 4
BARE = dict.fromkeys(("_FillValue", "missing_value", "valid_min", "valid_max"))


def archive_of(paths, variables=None, **options):
    return combine_files([scan_file(path, variables) for path in paths], **options)


def collected(paths, **options):
    """An archive, and its faults as text."""
    faults = []
    archive = archive_of(paths, on_fault=faults.append, **options)
    return archive, [str(fault) for fault in faults]


def _monthly(folder):
    return write_months(folder, COUNT)


def _single(folder):
    return [write_single(folder / "pw.nc", COUNT)]


def _mixed(folder):
    paths = write_months(folder, COUNT)
    return [write_single(folder / "pw.nc", 2), *paths[2:]]


def _netcdf3(folder):
    return write_months(folder, COUNT, form="NETCDF3_CLASSIC")


def _transposed(folder):
    def write(month):
        return write_month(
            folder / f"{month}.nc",
            month,
            values=values_of(month).T,
            dims=("time", "lon", "lat"),
        )

    return [write(month) for month in range(COUNT)]


def _descending(folder):
    return write_months(folder, COUNT, coords={"lat": (LATITUDE[::-1], NORTH)})


def _packed(folder):
    return [write_packed(folder / f"{month}.nc", month) for month in range(COUNT)]


def _packed_without_fill(folder):
    attrs = {"scale_factor": 0.5, "_FillValue": None, "form": "NETCDF3_CLASSIC"}
    values = [np.arange(48, dtype=np.int16).reshape(SHAPE) + month for month in range(COUNT)]
    return [
        write_month(folder / f"{m}.nc", m, values=v, valid_min=np.int16(3), **attrs)
        for m, v in enumerate(values)
    ]


def _big_endian(folder):
    paths = []
    for month in range(COUNT):
        path = write_month(folder / f"{month}.nc", month)
        with netCDF4.Dataset(path, "a") as file:
            file.renameVariable("water", "old")
            old = file["old"]
            new = file.createVariable("water", ">f8", DIMS, endian="big", fill_value=-999.0)
            new.setncatts({n: v for n, v in old.__dict__.items() if n != "_FillValue"})
            new.ancillary_variables = "old"  # so that it is no raster itself
            new.set_auto_maskandscale(False)
            new[:] = values_of(month)[None]
        paths.append(path)
    return paths


def _with_level(folder):
    paths = []
    for month in range(COUNT):
        coords = {
            "lev": (np.array([850.0]), {"units": "hPa", "axis": "Z"}),
            "time": (np.array([month * 30]), SINCE_1988),
            "lat": (LATITUDE, NORTH),
            "lon": (LONGITUDE, EAST),
        }
        dims = ("lev", "time", "lat", "lon")
        values = values_of(month)[None, None]
        path = folder / f"{month}.nc"
        paths.append(write_netcdf(path, values, dims, coords=coords, **WATER))
    return paths


def _store(folder):
    return [write_store(folder / "pw.zarr", write_single(folder / "pw.nc", COUNT))]


def _store_3(folder):
    file = write_single(folder / "pw.nc", COUNT)
    return [write_store(folder / "pw.zarr", file, zarr_format=3)]


def _chunks_of_steps(folder):
    path = write_single(folder / "plain.nc", COUNT)
    with xr.open_dataset(path, mask_and_scale=False) as dataset:
        chunked = dataset.load().transpose("lon", "time", "lat")
    path.unlink()
    chunked.water.encoding = {"zlib": True, "chunksizes": (8, 3, 6)}
    chunked.to_netcdf(folder / "pw.nc")
    return [folder / "pw.nc"]


LAYOUTS = [
    _chunks_of_steps,
    _monthly,
    _single,
    _mixed,
    _netcdf3,
    _transposed,
    _descending,
    _packed,
    _packed_without_fill,
    _big_endian,
    _with_level,
    _store,
    _store_3,
]
BOXES = {
    "whole": None,
    "box": (40, -35, 250, 20),
    "across the seam": (-100, -50, 60, 15),
    "cell": (20, 8, 24, 12),
}


def reference(paths, step, missing, bbox):
    """One step by `read_raster`, of a store by way of the file that it was copied from."""
    files = [path.with_suffix(".nc") for path in paths]
    index = step
    for file in files:
        with netCDF4.Dataset(file) as opened:
            length = len(opened.dimensions["time"])
        if index < length or len(files) == 1:
            return fastkm.read_raster(file, time=index, missing=missing, bbox=bbox)
        index -= length
    raise AssertionError("no such step")


def cross(layouts, others):
    """List each layout with each of the others, every second time with missing cells as NaN.

    Each pair of any two is there. No code asks for all three: a box cuts the axes, which differ by
    the layout, and cells are masked by how their numbers are stored, wherever they lie.
    """
    return [
        pytest.param(layout, other, ("keep", "mask")[(i + j) % 2], id=f"{layout.__name__}-{other}")
        for i, layout in enumerate(layouts)
        for j, other in enumerate(others)
    ]


@pytest.mark.parametrize(("layout", "box", "missing"), cross(LAYOUTS, BOXES))
def test_steps_are_those_of_read_raster(tmp_path, layout, missing, box):
    bbox, paths = BOXES[box], layout(tmp_path)
    if layout is _mixed:  # the reference counts on: two of the first file, one of each other
        assert len(paths) == 3
    archive = archive_of(paths, bbox=bbox)
    read = archive.read(0, COUNT, missing=missing)
    assert read.dims[0] == "time"
    assert len(archive.steps) == COUNT
    for number in range(COUNT):
        step, wanted = read[number], reference(paths, number, missing, bbox)
        np.testing.assert_array_equal(step.values, wanted.values)
        assert step.dtype == wanted.dtype.newbyteorder("=")
        assert step.dims == wanted.dims
        assert step.name == wanted.name
        xr.testing.assert_equal(step.drop_vars("lev", errors="ignore"), wanted)
        assert set(step.attrs) == set(wanted.attrs)
        for name, value in wanted.attrs.items():
            np.testing.assert_array_equal(step.attrs[name], value)


@pytest.mark.parametrize("layout", [_monthly, _packed, _store])
@pytest.mark.parametrize("missing", ["keep", "mask"])
def test_missing_cells_of_a_read_block_are_known(tmp_path, layout, missing):
    """What is stored and what is decoded give the same clusters."""
    from fastkm._core.cf_missing import find_missing as missing_cells
    from fastkm._core.cf_missing import to_physical

    paths = layout(tmp_path)
    block = archive_of(paths).read(1, 3, missing=missing)
    for number, step in enumerate((1, 2)):
        wanted = reference(paths, step, "mask", None).values
        np.testing.assert_array_equal(missing_cells(block)[number], np.isnan(wanted))
        values = np.where(np.isnan(wanted), 0, to_physical(block)[number])
        np.testing.assert_allclose(values, np.nan_to_num(wanted), rtol=1e-6)


@pytest.mark.parametrize(
    ("layout", "steps_per_chunk", "missing"),
    cross([_monthly, _single, _mixed, _packed, _store], [1, 3, 100]),
)
def test_lazy_equals_read(tmp_path, layout, missing, steps_per_chunk):
    archive = archive_of(layout(tmp_path), bbox=(-100, -50, 60, 15))
    lazy = archive.as_dask(missing=missing, steps_per_chunk=steps_per_chunk)
    wanted = archive.read(0, COUNT, missing=missing)
    assert lazy.chunks[0] == {1: (1, 1, 1, 1), 3: (3, 1), 100: (4,)}[steps_per_chunk]
    assert lazy.dtype == wanted.dtype
    assert lazy.encoding == wanted.encoding
    for scheduler in ("synchronous", "threads"):
        with dask.config.set(scheduler=scheduler):
            xr.testing.assert_identical(lazy.compute(), wanted)
            xr.testing.assert_identical(lazy[2].compute(), wanted[2])
            assert float(lazy.max()) == float(wanted.max())


def test_lazy_reads_nothing_before_it_is_computed(tmp_path):
    paths = write_months(tmp_path)
    lazy = archive_of(paths).as_dask()
    paths[2].unlink()
    assert lazy[:2].compute().shape == (2, *SHAPE)
    with pytest.raises(ArchiveError, match=r"pw_3.nc, 1988-03-15: cannot be read: No such file"):
        lazy.compute(scheduler="synchronous")


def test_steps_that_are_stored_together_are_read_together(tmp_path):
    (path,) = _chunks_of_steps(tmp_path)
    archive = archive_of([path])
    assert archive.steps_per_read == 3
    assert archive.as_dask().chunks[0] == (3, 1)
    assert archive.select_range(0, 2).steps_per_read == 2
    some = archive.drop_steps([archive.steps[1]])
    np.testing.assert_array_equal(some.read(0, 3), archive.read(0, 4)[[0, 2, 3]])
    (tmp_path / "b").mkdir()
    assert archive_of(write_months(tmp_path / "b")).steps_per_read == 1


def test_inputs_are_found_from_another_folder(tmp_path, monkeypatch):
    write_months(tmp_path)
    coords = {"lat": (LATITUDE, NORTH), "lon": (LONGITUDE, EAST)}
    write_netcdf(tmp_path / "mask.nc", np.ones(SHAPE), coords=coords)
    monkeypatch.chdir(tmp_path)
    archive = archive_of(["pw_1.nc"], mask="mask.nc", bbox=[0, -60, 360, 60])
    monkeypatch.chdir("/")
    assert archive.read(0, 1).shape == (1, *SHAPE)


def test_archive_is_small_and_travels(tmp_path):
    archive = archive_of(write_months(tmp_path, 24))
    sent = pickle.dumps(archive)
    assert len(sent) < 24 * 1000
    again = pickle.loads(sent)
    xr.testing.assert_identical(again.read(3, 5), archive.read(3, 5))
    part = archive.select_range(3, 5)
    assert len(pickle.dumps(part)) < 6000
    assert [step.time for step in part.steps] == ["1988-04-15", "1988-05-15"]
    xr.testing.assert_identical(part.read(0, 2), archive.read(3, 5))
    task = next(iter(dict(archive.as_dask().__dask_graph__()).values()))
    assert len(pickle.dumps(task)) < 3000


def test_steps_come_in_the_order_of_time(tmp_path):
    paths = write_months(tmp_path)
    archive = archive_of([paths[2], paths[0], paths[3], paths[1]])
    assert [step.time for step in archive.steps] == [f"1988-0{m}-15" for m in range(1, 5)]
    assert archive.steps[0] == Step(1, 0, "1988-01-15")
    np.testing.assert_array_equal(
        archive.read(0, 4)[:, 2, 3], [values_of(m)[2, 3] for m in range(4)]
    )
    assert "4 steps (1988-01-15 to 1988-04-15) of 6 x 8 cells in 4 inputs" in repr(archive)


def test_times_of_day_are_shown_where_there_are_any(tmp_path):
    hours = {**SINCE_1988, "units": "hours since 1988-01-01"}
    for month in range(2):
        write_month(tmp_path / f"{month}.nc", month, time=(np.array([month * 6]), hours))
    archive = archive_of(sorted(tmp_path.iterdir()))
    assert [step.time for step in archive.steps] == ["1988-01-01T00:00", "1988-01-01T06:00"]


def test_a_missing_month_is_no_fault(tmp_path):
    paths = write_months(tmp_path)
    archive, faults = collected([paths[0], paths[3]])
    assert faults == []
    assert [step.time for step in archive.steps] == ["1988-01-15", "1988-04-15"]


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "julian", "standard"])
def test_times_are_those_that_xarray_reads(tmp_path, calendar):
    time = (np.array([58.5, 59, 420]), {**SINCE_1988, "calendar": calendar})
    values = np.stack([values_of(m) for m in range(3)])
    coords = {"time": time, "lat": (LATITUDE, NORTH), "lon": (LONGITUDE, EAST)}
    path = write_netcdf(tmp_path / "a.nc", values, ("time", "lat", "lon"), coords=coords, **WATER)
    read = archive_of([path]).read(0, 3)
    with xr.open_dataset(path) as wanted:
        np.testing.assert_array_equal(read.time.values, wanted.time.values)
        assert read.time.dtype == wanted.time.dtype
        assert read.time.attrs == wanted.time.attrs
    assert read.time.encoding["units"] == "days since 1988-01-01"
    assert read.time.encoding["calendar"] == calendar
    assert read.time.encoding["dtype"] == np.float64


def test_dates_beyond_nanoseconds(tmp_path):
    time = (np.array([0]), {**SINCE_1988, "units": "days since 3000-02-01"})
    read = archive_of([write_month(tmp_path / "a.nc", 0, time=time)]).read(0, 1)
    assert read.time.values[0].isoformat() == "3000-02-01T00:00:00"


def test_times_are_stored_as_integers_where_all_inputs_do(tmp_path):
    paths = write_months(tmp_path, 2)
    assert archive_of(paths).time_encoding["dtype"] == np.int32
    other = {**SINCE_1988, "units": "hours since 1988-01-01"}
    paths.append(write_month(tmp_path / "x.nc", 2, time=(np.array([1500]), other)))
    encoding = archive_of(paths).time_encoding
    assert encoding["units"] == "days since 1988-01-01"
    assert encoding["dtype"] == np.float64


def test_years(tmp_path):
    archive = archive_of(write_months(tmp_path, 30), years=(1989, 1989))
    assert [step.time for step in archive.steps][::11] == ["1989-01-15", "1989-12-15"]
    assert len(archive.inputs) == 12
    with pytest.raises(ValueError, match="no step of the years 2000 to 2001 is left of 30 inputs"):
        archive_of(sorted(tmp_path.iterdir()), years=(2000, 2001))


@pytest.mark.parametrize("years", [(1990, 1989), (1990,), "x", 1988, (1988, None)])
def test_years_must_be_two(tmp_path, years):
    with pytest.raises(ValueError, match="years must"):
        archive_of(write_months(tmp_path, 1), years=years)


def _other(path, **changes):
    return write_month(path, 2, **changes)


MISFITS = {
    "rows": (
        {"values": np.zeros((5, 8), np.float32), "coords": {"lat": (LATITUDE[:5], NORTH)}},
        "other grid: 5 x 8 cells, pw_1.nc has 6 x 8",
    ),
    "shift": (
        {"coords": {"lon": (LONGITUDE + 22.5, EAST)}},
        "other grid: lon is 45, 90, ... to 360, in pw_1.nc 22.5, 67.5, ... to 337.5",
    ),
    "upside down": (
        {"coords": {"lat": (LATITUDE[::-1], NORTH)}},
        "other grid: lat is 50, 30, ... to -50, in pw_1.nc -50, -30, ... to 50",
    ),
    "units": (
        {"units": "mm"},
        "other units of 'water': 'mm', pw_1.nc has 'kg m-2'",
    ),
    "no units": (
        {"units": None},
        "other units of 'water': '', pw_1.nc has 'kg m-2'",
    ),
}


@pytest.mark.parametrize(("changes", "reason"), MISFITS.values(), ids=MISFITS)
def test_misfits_are_faults(tmp_path, changes, reason):
    paths = write_months(tmp_path)
    _other(paths[2], **changes)
    with pytest.raises(ArchiveError) as caught:
        archive_of(paths)
    assert (caught.value.file, caught.value.step) == ("pw_3.nc", "")
    assert caught.value.reason == reason
    archive, faults = collected(paths)
    assert faults == [f"pw_3.nc: {reason}"]
    assert [step.time[5:7] for step in archive.steps] == ["01", "02", "04"]
    assert [given.name for given in archive.inputs] == ["pw_1.nc", "pw_2.nc", "pw_4.nc"]


def test_rounding_of_coordinates_is_no_misfit(tmp_path):
    paths = write_months(tmp_path, 2)
    exact = np.linspace(-50, 50, 6) + 1e-6
    write_month(paths[1], 1, coords={"lat": (exact, NORTH)})
    assert len(archive_of(paths).steps) == 2


def test_other_variable(tmp_path):
    paths = write_months(tmp_path, 2)
    with netCDF4.Dataset(paths[1], "a") as file:
        file.renameVariable("water", "ice")
    _, faults = collected(paths)
    assert faults == ["pw_2.nc: has the variable 'ice', pw_1.nc has 'water'"]


def _of_cells(path, month, shift=0.0, **flat):
    """Write a month whose cells have latitudes and longitudes of their own."""
    lon, lat = np.meshgrid(LONGITUDE.astype(float) + shift, LATITUDE.astype(float))
    lon += lat / 10
    more = {"lat": (lat, NORTH, ("y", "x")), "lon": (lon, EAST, ("y", "x"))}
    coords = {"time": (np.array([month]), SINCE_1988), **flat}
    attrs = {**WATER, "coordinates": "lat lon"}
    dims = ("time", "y", "x")
    return write_netcdf(path, values_of(month)[None], dims, coords=coords, more=more, **attrs)


def test_coordinates_of_cells(tmp_path):
    shifts = (0, 0, 1e-6)
    paths = [_of_cells(tmp_path / f"{m}.nc", m, shift) for m, shift in enumerate(shifts)]
    paths.append(_of_cells(tmp_path / "3.nc", 3, y=(np.arange(6.0), {"units": "m"})))
    archive, faults = collected(paths)
    assert faults == [
        "2.nc: other grid: its cells have other coordinates than those of 0.nc",
        "3.nc: other grid: y is 0, 1, ... to 5, in 0.nc without coordinate",
    ]
    read, wanted = archive.read(0, 2), fastkm.read_raster(paths[1], missing="keep")
    np.testing.assert_array_equal(read[1], wanted)
    np.testing.assert_array_equal(read.lat, wanted.lat)
    np.testing.assert_array_equal(archive.read_areas(), read_areas(paths[0]))


def test_rows_in_no_order(tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    path = write_month(tmp_path / "a.nc", 0, coords={"lat": (LATITUDE[order], NORTH)})
    box = (40, -35, 250, 35)
    read = archive_of([path], bbox=box).read(0, 1)
    np.testing.assert_array_equal(read[0], fastkm.read_raster(path, missing="keep", bbox=box))


def test_times_to_the_second(tmp_path):
    seconds = {**SINCE_1988, "units": "seconds since 1988-01-01"}
    for month in range(2):
        write_month(tmp_path / f"{month}.nc", month, time=(np.array([month * 90]), seconds))
    archive = archive_of(sorted(tmp_path.iterdir()))
    assert [step.time for step in archive.steps] == ["1988-01-01T00:00:00", "1988-01-01T00:01:30"]


def test_other_reference_system(tmp_path):
    def write(month, wkt):
        more = {"crs": (np.int32(0), {"grid_mapping_name": "x", "crs_wkt": wkt}, ())}
        coords = {"time": (np.array([month]), SINCE_1988)}
        return write_netcdf(
            tmp_path / f"{month}.nc",
            values_of(month)[None],
            ("time", "y", "x"),
            coords=coords,
            more=more,
            grid_mapping="crs",
            **WATER,
        )

    archive, faults = collected(
        [write(0, "EPSG:32633"), write(1, "EPSG:3035"), write(2, "EPSG:32633")]
    )
    assert faults == ["1.nc: other grid: its reference system is not that of 0.nc"]
    assert archive.make_template().encoding["grid_mapping"] == "crs"
    assert archive.read(0, 1).coords["crs"].attrs["crs_wkt"] == "EPSG:32633"


def test_step_that_comes_twice(tmp_path):
    paths = [*write_months(tmp_path, 2), write_single(tmp_path / "z.nc", 3)]
    with pytest.raises(ArchiveError, match=r"z.nc, 1988-01-15: is in pw_1.nc already"):
        archive_of(paths)
    archive, faults = collected(paths)
    assert faults == [
        "z.nc, 1988-01-15: is in pw_1.nc already",
        "z.nc, 1988-02-15: is in pw_2.nc already",
    ]
    assert archive.steps[2] == Step(2, 2, "1988-03-15")
    np.testing.assert_array_equal(archive.read(2, 3)[0], values_of(2))


def test_step_that_comes_twice_in_one_file(tmp_path):
    path = write_single(tmp_path / "z.nc", 3)
    with netCDF4.Dataset(path, "a") as file:
        file["time"][1] = file["time"][0]
    archive, faults = collected([path])
    assert faults == ["z.nc, 1988-01-15: is in z.nc already"]
    assert [step.index for step in archive.steps] == [0, 2]


def test_mixed_calendars_are_refused_whatever_is_done_with_faults(tmp_path):
    paths = write_months(tmp_path, 3)
    write_month(paths[2], 2, time=(np.array([70]), {**SINCE_1988, "calendar": "noleap"}))
    with pytest.raises(ValueError, match=r"pw_1.nc has 'standard' and pw_3.nc has 'noleap'"):
        collected(paths)


def test_calendars_that_agree_are_not_mixed(tmp_path):
    paths = write_months(tmp_path, 2)
    time = (np.array([70]), {**SINCE_1988, "calendar": "proleptic_gregorian"})
    write_month(paths[1], 1, time=time)
    assert archive_of(paths).calendar == "standard"


def test_nothing_is_left():
    with pytest.raises(ValueError, match="no step is left of 0 inputs"):
        combine_files([])


def test_inputs_that_store_differently_are_decoded(tmp_path):
    """Floats beside packed integers: attributes can speak for one of them only."""
    paths = [*write_months(tmp_path, 2), write_packed(tmp_path / "x.nc", 2)]
    archive = archive_of(paths)
    for missing in ("keep", "mask"):
        read = archive.read(0, 3, missing=missing)
        assert read.dtype == np.float32
        assert not {"_FillValue", "scale_factor", "valid_min"} & set(read.attrs)
        assert not {"_FillValue", "scale_factor", "valid_min"} & set(read.encoding)
        for number, path in enumerate(paths):
            np.testing.assert_array_equal(read[number], fastkm.read_raster(path))
        lazy = archive.as_dask(missing=missing)
        assert lazy.dtype == np.float32
        xr.testing.assert_identical(lazy.compute(), read)
        xr.testing.assert_identical(
            archive.select_range(2, 3).read(0, 1, missing=missing), read[2:]
        )


def test_other_rules_of_missing_cells_are_kept_apart(tmp_path):
    paths = write_months(tmp_path, 2)
    write_month(paths[1], 1, valid_min=np.float32(10))
    read = archive_of(paths).read(0, 2)
    assert (np.nanmin(read[0]) < 10) & (np.nanmin(read[1]) >= 10)
    wider = write_month(tmp_path / "z.nc", 2, values=values_of(2).astype(np.float64))
    assert archive_of([paths[0], wider]).read(0, 2).dtype == np.float64


def test_integers_become_floats_where_they_are_decoded(tmp_path):
    values = np.arange(48, dtype=np.int8).reshape(SHAPE)
    path = write_month(tmp_path / "a.nc", 0, values=values, **BARE)
    archive = archive_of([path])
    assert archive.read(0, 1).dtype == np.int8
    decoded = archive.read(0, 1, missing="mask")
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded[0], values)
    assert archive.as_dask(missing="mask").dtype == np.float32


class TestMask:
    @pytest.fixture
    def mask(self, tmp_path):
        keep = np.ones(SHAPE, np.float32)
        keep[2:4, 3:5] = 0
        keep[5, 5] = nan
        coords = {"lat": (LATITUDE, NORTH), "lon": (LONGITUDE, EAST)}
        (tmp_path / "mask").mkdir()
        return write_netcdf(tmp_path / "mask" / "mask.nc", keep, coords=coords)

    @pytest.mark.parametrize("bbox", BOXES.values(), ids=BOXES)
    @pytest.mark.parametrize("layout", [_monthly, _packed, _store])
    def test_cells_are_left_out(self, tmp_path, mask, layout, bbox):
        paths = layout(tmp_path)
        archive = archive_of(paths, mask=mask, bbox=bbox)
        plain = archive_of(paths, bbox=bbox)
        keep = np.nan_to_num(fastkm.read_raster(mask, bbox=bbox).values) != 0
        read = archive.read(0, 2, missing="mask")
        wanted = plain.read(0, 2, missing="mask")
        np.testing.assert_array_equal(read, wanted.where(keep))
        stored, as_it_was = archive.read(0, 2), plain.read(0, 2)
        fill = stored.attrs["_FillValue"]
        np.testing.assert_array_equal(stored, np.where(keep, as_it_was, fill))
        assert stored.dtype == as_it_was.dtype
        xr.testing.assert_identical(archive.as_dask().compute()[:2], stored)

    @pytest.mark.parametrize("share", [None, 0.3])
    @pytest.mark.parametrize("bbox", BOXES.values(), ids=BOXES)
    def test_polygons_keep_the_cells_in_them(self, tmp_path, bbox, share):
        path = tmp_path / "basin.geojson"
        basin = shapely.Polygon([(20, -45), (120, -35), (100, 45), (-80, 30)])
        gpd.GeoDataFrame(geometry=[basin], crs=4326).to_file(path)
        paths = _packed(tmp_path)
        archive = archive_of(paths, mask=path, mask_share=share, bbox=bbox)
        plain = archive_of(paths, bbox=bbox).read(0, 2, missing="mask")
        path.unlink()  # it is looked at once
        read = archive.read(0, 2, missing="mask")
        np.testing.assert_array_equal(read, plain.where(read.notnull().any("time")))
        keep = shapely.contains_xy(basin, *np.meshgrid((read.lon + 180) % 360 - 180, read.lat))
        if share is None:
            np.testing.assert_array_equal(read, plain.where(keep))
        else:
            assert (read.notnull() | plain.isnull()).values[:, keep].mean() > 0.9
        xr.testing.assert_identical(archive.as_dask().compute()[:2], archive.read(0, 2))

    def test_bytes_that_no_number_marks_as_missing_are_decoded(self, tmp_path, mask):
        values = np.arange(48, dtype=np.int8).reshape(SHAPE)
        path = write_month(tmp_path / "a.nc", 0, values=values, **BARE)
        read = archive_of([path], mask=mask).read(0, 1)
        assert read.dtype == np.float32
        assert np.isnan(read).sum() == 5

    def test_on_another_grid(self, tmp_path, mask):
        paths = write_months(tmp_path, 1)
        write_month(paths[0], 0, coords={"lat": (LATITUDE[::-1], NORTH)})
        with pytest.raises(ValueError, match="other coordinates lat"):
            archive_of(paths, mask=mask)

    def test_that_is_replaced_is_an_error_until_the_archive_is_opened_again(self, tmp_path, mask):
        paths = write_months(tmp_path, 1)
        archive = archive_of(paths, mask=mask)
        before = archive.read(0, 1, missing="mask")
        with netCDF4.Dataset(mask, "a") as file:
            file["water"][...] = 1
        with pytest.raises(ValueError, match=r"mask.nc was replaced or modified"):
            archive.read(0, 1, missing="mask")
        again = archive_of(paths, mask=mask).read(0, 1, missing="mask")
        assert np.isnan(again).sum() == np.isnan(before).sum() - 5


def test_several_variables(tmp_path):
    paths = write_months(tmp_path, 3)
    for number, path in enumerate(paths):
        with netCDF4.Dataset(path, "a") as file:
            wind = file.createVariable("wind", "i2", ("time", "lat", "lon"), fill_value=-1)
            wind.setncatts({"units": "m s-1"})
            wind.set_auto_maskandscale(False)
            wind[:] = np.arange(48).reshape(SHAPE) - 1 + number
    archive = archive_of(paths, ["water", "wind"])
    assert archive.variables == ("water", "wind")
    assert archive.units == ("kg m-2", "m s-1")
    read = archive.read(0, 3)
    assert isinstance(read, xr.Dataset)
    assert read.wind.dtype == np.int16
    assert np.isnan(archive.read(0, 3, missing="mask").wind).sum() == 1
    np.testing.assert_array_equal(read.water[1], values_of(1))
    lazy = archive.as_dask(steps_per_chunk=2)
    assert lazy.wind.chunks[0] == (2, 1)
    xr.testing.assert_identical(lazy.compute(), read)
    for name in archive.variables:
        assert lazy[name].encoding == read[name].encoding


def test_without_steps(tmp_path):
    archive = archive_of(write_months(tmp_path))
    left = archive.drop_steps([archive.steps[1], archive.steps[2]])
    assert [step.time for step in left.steps] == ["1988-01-15", "1988-04-15"]
    xr.testing.assert_identical(left.read(1, 2), archive.read(3, 4))
    assert len(archive.steps) == 4


@pytest.mark.parametrize("bbox", BOXES.values(), ids=BOXES)
def test_template_and_areas(tmp_path, bbox):
    if bbox == BOXES["cell"]:
        bbox = (0, 0, 100, 40)
    paths = write_months(tmp_path, 2)
    archive = archive_of(paths, bbox=bbox)
    template = archive.make_template()
    wanted = fastkm.read_raster(paths[0], bbox=bbox)
    assert template.dims == wanted.dims
    assert template.attrs == wanted.attrs
    for dim in template.dims:
        xr.testing.assert_identical(
            template[dim].drop_vars("time", errors="ignore"), wanted[dim].drop_vars("time")
        )
    xr.testing.assert_identical(
        archive.read_areas().drop_vars("time", errors="ignore"),
        read_areas(paths[0], bbox=bbox).drop_vars("time", errors="ignore"),
    )


@pytest.mark.parametrize("layout", [_single, _store])
def test_areas_heed_the_limits_of_cells(tmp_path, layout):
    edges = np.linspace(-54, 54, 7)
    limits = np.column_stack([edges[:-1], edges[1:]])

    def with_limits(path):
        with netCDF4.Dataset(path, "a") as file:
            file.createDimension("nv", 2)
            file.createVariable("lat_bnds", "f8", ("lat", "nv"))[:] = limits
            file["lat"].bounds = "lat_bnds"
        return path

    path = with_limits(write_single(tmp_path / "pw.nc", 2))
    if layout is _store:
        path = write_store(tmp_path / "pw.zarr", path)
    areas = archive_of([path]).read_areas()
    np.testing.assert_array_equal(areas, read_areas(tmp_path / "pw.nc"))
    assert not np.allclose(areas, cell_areas(archive_of([path]).make_template()))


def test_transform_follows_the_box(tmp_path):
    more = {"crs": (np.int32(0), {"crs_wkt": "EPSG:4326", "GeoTransform": "0 45 0 -60 0 20"}, ())}
    coords = {
        "time": (np.array([1]), SINCE_1988),
        "lat": (LATITUDE, NORTH),
        "lon": (LONGITUDE, EAST),
    }
    path = write_netcdf(
        tmp_path / "a.nc", values_of(0)[None], ("time", "lat", "lon"),
        coords=coords, more=more, grid_mapping="crs", **WATER,
    )  # fmt: skip
    box = (40, -35, 250, 20)
    wanted = fastkm.read_raster(path, bbox=box)
    read = archive_of([path], bbox=box).read(0, 1)
    assert read.crs.attrs == wanted.crs.attrs
    assert read.encoding["grid_mapping"] == "crs"


class TestDamage:
    @staticmethod
    def spoil(path, values):
        """Overwrite some bytes of a compressed chunk."""
        with netCDF4.Dataset(path, "w") as file:
            for name, size in (("time", 2), ("lat", 40), ("lon", 50)):
                file.createDimension(name, size)
            time = file.createVariable("time", "i4", ("time",))
            time.setncatts(SINCE_1988)
            time[:] = [0, 31]
            water = file.createVariable(
                "water", "f4", ("time", "lat", "lon"), zlib=True, chunksizes=(1, 40, 50)
            )
            water[:] = values
        content = bytearray(path.read_bytes())
        at = len(content) * 3 // 4
        content[at : at + 200] = bytes(200)
        path.write_bytes(content)
        return path

    def test_step_of_a_chunk_of_several(self, tmp_path):
        store = write_store(tmp_path / "pw.zarr", *_chunks_of_steps(tmp_path), chunks=(8, 3, 6))
        (store / "water" / "0.1.0").write_bytes(b"no chunk")
        archive = archive_of([store])
        assert archive.read(0, 3).shape == (3, *SHAPE)
        with pytest.raises(ArchiveError, match=r"pw.zarr, 1988-04-15: "):
            archive.read(0, 4)

    def test_step_that_cannot_be_read_is_named(self, tmp_path):
        values = np.random.default_rng(1).uniform(0, 1, (2, 40, 50))
        path = self.spoil(tmp_path / "pw.nc", values)
        archive = archive_of([path])
        np.testing.assert_allclose(archive.read(0, 1)[0], values[0], rtol=1e-6)
        with pytest.raises(ArchiveError) as caught:
            archive.read(0, 2)
        assert (caught.value.file, caught.value.step) == ("pw.nc", "1988-02-01")
        assert caught.value.reason == "cannot be read: NetCDF: HDF error"
        with pytest.raises(ArchiveError, match="1988-02-01: cannot be read: NetCDF: HDF error"):
            archive.as_dask().compute(scheduler="synchronous")
        left = archive.drop_steps([archive.steps[1]])
        assert left.as_dask().compute().shape == (1, 40, 50)

    @pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.9])
    def test_file_that_is_cut_off_after_it_was_surveyed(self, tmp_path, keep):
        paths = write_months(tmp_path)
        archive = archive_of(paths)
        truncated(paths[2], keep)
        with pytest.raises(ArchiveError, match=r"pw_3.nc, 1988-03-15: .*"):
            archive.read(0, 4)

    def test_netcdf3_that_is_cut_off(self, tmp_path):
        """Where the library would read zeros."""
        path = write_month(tmp_path / "a.nc", 0, form="NETCDF3_CLASSIC")
        archive = archive_of([path])
        truncated(path, 0.9)
        with pytest.raises(ArchiveError, match=r"a.nc, 1988-01-15: "):
            archive.read(0, 1)

    def test_file_that_has_become_another(self, tmp_path):
        paths = write_months(tmp_path, 2)
        archive = archive_of(paths)
        write_month(
            paths[1],
            1,
            values=np.zeros((3, 4), np.float32),
            coords={"lat": (LATITUDE[:3], NORTH), "lon": (LONGITUDE[:4], EAST)},
        )
        with pytest.raises(ArchiveError, match=r"pw_2.nc, 1988-02-15: "):
            archive.read(0, 2)

    def test_permission(self, tmp_path):
        paths = write_months(tmp_path, 2)
        archive = archive_of(paths)
        paths[1].chmod(0)
        with without_privileges(), pytest.raises(ArchiveError, match=r"pw_2.nc.*Permission denied"):
            archive.read(0, 2)

    @pytest.mark.parametrize("zarr_format", [2, 3])
    def test_store(self, tmp_path, zarr_format):
        file = write_single(tmp_path / "pw.nc", 2)
        store = write_store(tmp_path / "pw.zarr", file, zarr_format=zarr_format)
        archive = archive_of([store])
        chunks = [p for p in (store / "water").rglob("*") if p.is_file() and p.name[0] not in ".z"]
        assert chunks
        for chunk in chunks:
            chunk.write_bytes(b"no chunk")
        with pytest.raises(ArchiveError, match=r"pw.zarr, 1988-01-15: "):
            archive.read(0, 2)

    def test_errors_travel(self, tmp_path):
        error = pickle.loads(pickle.dumps(ArchiveError("a", "b", "c")))
        assert (error.file, error.step, error.reason) == ("a", "b", "c")


def test_threads_may_read_at_once(tmp_path):
    paths = write_months(tmp_path, 12)
    archive = archive_of(paths)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda i: archive.read(i % 12, i % 12 + 1), range(96)))
    for number, block in enumerate(read):
        np.testing.assert_array_equal(block[0], values_of(number % 12))


def test_steps_must_exist(tmp_path):
    archive = archive_of(write_months(tmp_path))
    for first, last in ((0, 5), (-1, 2), (2, 2), (3, 1)):
        with pytest.raises(ValueError, match="0 <= first < last <= 4"):
            archive.read(first, last)
    with pytest.raises(ValueError, match="missing must be"):
        archive.read(0, 1, missing="drop")
    with pytest.raises(ValueError, match="missing must be"):
        archive.as_dask(missing="drop")
    with pytest.raises(ValueError, match="steps_per_chunk must be at least 1"):
        archive.as_dask(steps_per_chunk=0)


@pytest.mark.parametrize("bbox", [(0, 10, 20), (0, 20, 10, -20), (23, 1, 24, 2)])
def test_box_that_does_not_fit(tmp_path, bbox):
    with pytest.raises(ValueError, match="bbox"):
        archive_of(write_months(tmp_path, 1), bbox=bbox)


def test_dask_is_asked_for_by_name(tmp_path, monkeypatch):
    archive = archive_of(write_months(tmp_path, 1))
    monkeypatch.setitem(__import__("sys").modules, "dask.array", None)
    with pytest.raises(ImportError, match=r"fastkm\[archive\]"):
        archive.as_dask()


def test_open_archive(tmp_path):
    write_months(tmp_path, 14)
    water = open_archive(
        tmp_path / "*.nc", "water", bbox=(0, -35, 360, 35), years=(1988, 1988), steps_per_chunk=5
    )
    assert water.dims == ("time", "lat", "lon")
    assert water.chunks[0] == (5, 5, 2)
    mean = water.mean("time").compute()
    with xr.open_mfdataset([tmp_path / f"pw_{m}.nc" for m in range(1, 13)]) as dataset:
        other = dataset.water.sel(lat=slice(-35, 35)).where(lambda w: w >= 0)
        np.testing.assert_allclose(mean, other.mean("time"), rtol=1e-6)
    with pytest.raises(ArchiveError, match="has no variable 'ice'"):
        open_archive(tmp_path, "ice")
    with pytest.raises(FileNotFoundError, match="matches no file"):
        open_archive([tmp_path / "none*"])
    truncated(tmp_path / "pw_3.nc", 0.2)
    with pytest.raises(ArchiveError, match=r"pw_3.nc: cannot be read"):
        open_archive(tmp_path)


def test_open_archive_is_public():
    assert fastkm.open_archive is open_archive
