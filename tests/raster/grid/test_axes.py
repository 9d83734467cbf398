import numpy as np
import pytest
import xarray as xr

from fastkm.raster.grid.axes import Axes, StackAxes, find_axes, find_stack_axes, is_geographic


def array(dims, shape=None, **coords):
    shape = range(2, 2 + len(dims)) if shape is None else shape
    return xr.DataArray(np.zeros(tuple(shape)), dims=dims, name="water", coords=coords)


def coordinate(dim, size, **attrs):
    return (dim, np.arange(float(size)), attrs)


@pytest.mark.parametrize(
    ("dims", "expected"),
    [
        (("time", "lat", "lon"), ("time", "lat", "lon")),
        (("lon", "lat"), (None, "lat", "lon")),
        (("lat", "time", "lon"), ("time", "lat", "lon")),
        (("LONGITUDE", "LATITUDE", "TIME"), ("TIME", "LATITUDE", "LONGITUDE")),
        (("y", "x"), (None, "y", "x")),
        (("x", "y", "t"), ("t", "y", "x")),
        (("nlat", "nlon"), (None, "nlat", "nlon")),
    ],
)
def test_names_tell_the_roles_in_any_order(dims, expected):
    assert find_axes(array(dims)) == Axes(*expected)


def test_names_that_say_nothing_are_rows_then_columns():
    assert find_axes(array(("a", "b"))) == Axes(None, "a", "b")


def test_unknown_dimension_beside_known_ones_takes_the_role_left():
    assert find_axes(array(("cell", "lon"))) == Axes(None, "cell", "lon")
    assert find_axes(array(("lat", "cell"))) == Axes(None, "lat", "cell")


@pytest.mark.parametrize(
    ("y", "x"),
    [
        ({"axis": "Y"}, {"axis": "X"}),
        ({"standard_name": "latitude"}, {"standard_name": "longitude"}),
        (
            {"standard_name": "projection_y_coordinate"},
            {"standard_name": "projection_x_coordinate"},
        ),
        ({"units": "degrees_north"}, {"units": "degrees_east"}),
        ({"units": "degreeN"}, {"units": "degreeE"}),
    ],
)
def test_attributes_tell_the_roles(y, x):
    found = array(("a", "b"), (2, 3), a=coordinate("a", 2, **x), b=coordinate("b", 3, **y))
    assert find_axes(found) == Axes(None, "b", "a")


def test_attributes_count_more_than_names():
    swapped = array(
        ("x", "y"), (2, 3), x=coordinate("x", 2, axis="Y"), y=coordinate("y", 3, axis="X")
    )
    assert find_axes(swapped) == Axes(None, "x", "y")


def test_dates_are_the_time_whatever_their_name():
    months = np.array(["2009-10-01", "2009-11-01"], "M8[ns]")
    found = array(("month", "lat", "lon"), (2, 3, 4), month=months)
    assert find_axes(found) == Axes("month", "lat", "lon")


def test_further_dimension_of_size_one_is_passed_over():
    assert find_axes(array(("time", "depth", "lat", "lon"), (2, 1, 3, 4))) == Axes(
        "time", "lat", "lon"
    )


def test_further_dimension_that_is_longer_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"'water' has a dimension 'depth' of 3"):
        find_axes(array(("depth", "lat", "lon"), (3, 4, 5)))


@pytest.mark.parametrize("dims", [("lat",), ("time",), ("time", "lat"), ()])
def test_fewer_than_two_axes_are_not_a_raster(dims):
    with pytest.raises(ValueError, match="not a raster"):
        find_axes(array(dims))


@pytest.mark.parametrize(
    ("y", "x", "expected"),
    [
        ({"units": "degrees_north"}, {"units": "degrees_east"}, True),
        ({"standard_name": "latitude"}, {"standard_name": "longitude"}, True),
        ({}, {}, True),
        ({"units": "m"}, {"units": "m"}, False),
        ({"units": "degrees_north"}, {"units": "m"}, False),
        ({"standard_name": "grid_latitude", "units": "degrees"}, {"units": "degrees"}, False),
    ],
)
def test_geographic_means_degrees_on_both_axes(y, x, expected):
    found = array(
        ("lat", "lon"), (3, 4), lat=coordinate("lat", 3, **y), lon=coordinate("lon", 4, **x)
    )
    assert is_geographic(found, find_axes(found)) is expected


def test_metres_named_as_latitudes_are_not_geographic():
    far = array(("lat", "lon"), (2, 2), lat=[0.0, 5e6], lon=[0.0, 1.0])
    assert not is_geographic(far, find_axes(far))


def test_without_coordinates_nothing_is_geographic():
    bare = array(("lat", "lon"))
    assert not is_geographic(bare, find_axes(bare))


@pytest.mark.parametrize(
    ("dims", "expected"),
    [
        (("band", "y", "x"), ("band", "y", "x")),
        (("y", "x", "band"), ("band", "y", "x")),
        (("time", "lat", "lon"), ("time", "lat", "lon")),
        (("lon", "level", "lat"), ("level", "lat", "lon")),
        (("a", "b", "c"), ("a", "b", "c")),
        (("a", "b", "band"), ("band", "a", "b")),
        (("lat", "lon"), (None, "lat", "lon")),
    ],
)
def test_what_is_neither_rows_nor_columns_is_the_bands(dims, expected):
    assert find_stack_axes(array(dims)) == StackAxes(*expected)


def test_bands_are_the_dimension_that_is_longer_than_one():
    assert find_stack_axes(array(("time", "band", "y", "x"), (1, 3, 2, 2))).band == "band"
    assert find_stack_axes(array(("time", "band", "y", "x"), (3, 1, 2, 2))).band == "time"
    assert find_stack_axes(array(("time", "band", "y", "x"), (1, 1, 2, 2))).band == "band"
    with pytest.raises(ValueError, match="'time' of 2 and 'band' of 3 beside rows and columns"):
        find_stack_axes(array(("time", "band", "y", "x"), (2, 3, 2, 2)))


def test_raster_has_no_bands():
    with pytest.raises(ValueError, match="dimension 'band' of 3: a raster has time, rows"):
        find_axes(array(("band", "y", "x"), (3, 2, 2)))
    assert find_axes(array(("band", "y", "x"), (1, 2, 2))) == Axes(None, "y", "x")
