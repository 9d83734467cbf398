import numpy as np
import pytest
import xarray as xr

from fastkm.plot import _grid
from fastkm.plot._grid import read_grid, recognize_axis


def test_ticks_stand_where_the_coordinate_is_round(world):
    grid = read_grid(world, name="raster")
    where, texts = grid.columns.place_ticks(8)
    assert texts == ["0°", "60°E", "120°E", "180°", "120°W", "60°W", "0°"]
    np.testing.assert_allclose(where, np.arange(-0.5, 36, 6))
    where, texts = grid.rows.place_ticks(6)
    assert texts == ["90°S", "60°S", "30°S", "0°", "30°N", "60°N", "90°N"]
    np.testing.assert_allclose(where, np.arange(-0.5, 18, 3))


def test_a_descending_coordinate_turns_the_axis_and_not_the_cells(world):
    grid = read_grid(world[::-1], name="raster")
    assert grid.rows.limits == (17.5, -0.5)
    assert grid.columns.limits == (-0.5, 35.5)
    np.testing.assert_array_equal(grid.cells.filled(np.nan), world[::-1].values)
    where, texts = grid.rows.place_ticks(2)
    assert dict(zip(texts, where, strict=True))["0°"] == 8.5
    assert where[texts.index("90°N")] == -0.5


def test_longitudes_may_pass_the_end_of_a_turn():
    raster = xr.DataArray(np.zeros((1, 4)), {"lon": [350.0, 355, 0, 5]}, ("lat", "lon"))
    where, texts = read_grid(raster, name="raster").columns.place_ticks(2)
    np.testing.assert_allclose(where[texts.index("0°")], 2)


def test_uneven_steps_keep_their_places():
    raster = xr.DataArray(np.zeros((3, 2)), {"lat": [0.0, 10, 30]}, ("lat", "lon"))
    where, texts = read_grid(raster, name="raster").rows.place_ticks(5)
    np.testing.assert_allclose(where[texts.index("20°N")], 1.5)


@pytest.mark.parametrize(
    "coordinate", [[1.0, 1, 2], [1.0, np.nan, 2], [1.0, 3, 2], ["a", "b", "c"]]
)
def test_an_unusable_coordinate_leaves_pixel_numbers(coordinate):
    raster = xr.DataArray(np.zeros((3, 2)), {"y": coordinate}, ("y", "x"))
    assert read_grid(raster, name="raster").rows.place_ticks(5) is None


def test_other_coordinates_have_a_name_and_units():
    y = ("y", [4e6, 4.001e6], {"long_name": "northing", "units": "m"})
    grid = read_grid(xr.DataArray(np.zeros((2, 2)), {"y": y}, ("y", "x")), name="raster")
    assert grid.rows.label == r"northing ($\mathrm{m}$)"
    assert "4000000" in grid.rows.place_ticks(4)[1]


def test_axes_are_recognized_by_name_or_attributes():
    assert recognize_axis("y", {"units": "degrees_north"}) == "latitude"
    assert recognize_axis("Lon", {}) == "longitude"
    assert recognize_axis("y", {"units": "m"}) is None


def test_degrees_are_alike_on_both_axes():
    raster = xr.DataArray(
        np.zeros((4, 4)), {"lat": np.arange(4) * 2.0, "lon": np.arange(4.0)}, ("lat", "lon")
    )
    assert read_grid(raster, name="raster").cell_ratio == 2


def test_missing_is_what_is_masked_not_finite_or_named():
    masked = np.ma.masked_equal([[7.0, np.nan], [np.inf, 1.0]], 7)
    np.testing.assert_array_equal(
        read_grid(masked, name="raster").cells.mask, [[True, True], [True, False]]
    )
    labels = read_grid(np.array([[0, 1], [-1, 2]]), name="labels", missing=-1)
    assert labels.cells.tolist() == [[0, 1], [None, 2]]
    unsigned = np.array([[0, 255]], np.uint8)
    assert not np.ma.is_masked(read_grid(unsigned, name="labels", missing=-1).cells)


def test_large_rasters_are_thinned_in_place(monkeypatch):
    monkeypatch.setattr(_grid, "MOST_CELLS", 4)
    grid = read_grid(np.arange(70).reshape(7, 10), name="raster")
    assert grid.cells.tolist() == [[0, 3, 6, 9], [30, 33, 36, 39], [60, 63, 66, 69]]
    assert grid.extent == (-0.5, 11.5, -0.5, 8.5)
    assert grid.columns.limits == (-0.5, 9.5)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3), (0, 4)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match="raster must have two dimensions and at least one cell"):
        read_grid(np.zeros(shape), name="raster")
