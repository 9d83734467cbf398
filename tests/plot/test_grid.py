import io

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import imread

from fastkm.plot import _grid
from fastkm.plot._grid import CellImage, average_blocks, pick_cells, read_grid, recognize_axis


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
        np.zeros((4, 4)), {"lat": np.arange(4) * 2.0 - 3, "lon": np.arange(4.0)}, ("lat", "lon")
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


# images that are thinned


def show(cells, pixels, **options):
    """Draw cells on axes that are the whole page, so many pixels wide and high; return its pixels."""
    figure = Figure(figsize=(pixels / 50, pixels / 50), dpi=50)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    height, width = cells.shape[:2]
    extent = (-0.5, width - 0.5, -0.5, height - 0.5)
    ax.set(xlim=extent[:2], ylim=extent[2:])
    image = CellImage(ax, cells, extent, **options)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return image, imread(file)[::-1, :, :3]  # row 0 at the bottom


@pytest.mark.parametrize(("down", "across"), [(1, 1), (2, 3), (3, 4), (7, 5), (9, 9)])
@pytest.mark.parametrize("masked", [False, True])
def test_means_are_those_of_each_block(down, across, masked):
    rng = np.random.default_rng(down)
    values = rng.normal(size=(7, 10)).astype(np.float32)
    cells = np.ma.masked_array(values, rng.random((7, 10)) < 0.4 if masked else np.ma.nomask)
    means = average_blocks(cells, down, across)
    for i in range(means.shape[0]):
        for j in range(means.shape[1]):
            block = cells[i * down : (i + 1) * down, j * across : (j + 1) * across]
            is_missing = 2 * block.count() < block.size
            assert np.ma.getmaskarray(means)[i, j] == is_missing
            if not is_missing:
                assert means[i, j] == pytest.approx(block.mean(dtype=float), abs=1e-6)
    assert means.shape == (-(-7 // down), -(-10 // across))


def test_means_of_the_greatest_numbers_do_not_warn():
    cells = np.ma.masked_array(np.full((4, 4), np.finfo(float).max))
    assert average_blocks(cells, 2, 2).shape == (2, 2)


def test_bytes_do_not_overflow():
    assert average_blocks(np.ma.masked_array(np.full((4, 4), 255, np.uint8)), 4, 4)[0, 0] == 255


@pytest.mark.parametrize("shape", [(8, 6), (7, 5), (1, 1), (5, 5, 3)])
def test_picked_cells_are_of_their_block(shape):
    cells = np.arange(np.prod(shape)).reshape(shape)
    picked = pick_cells(cells, 3, 2)
    for i, j in np.ndindex(picked.shape[:2]):
        block = cells[3 * i : 3 * i + 3, 2 * j : 2 * j + 2].reshape(-1, *shape[2:])
        assert picked[i, j].tolist() in block.tolist()


def test_classes_look_the_same_as_all_cells_would():
    """Classes in bands that are wider than a pixel: the edges are right to a pixel."""
    labels = np.ma.masked_array(np.repeat(np.arange(4), 250)[:, None] + np.zeros((1, 1000), int))
    colours = ListedColormap([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
    norm = BoundaryNorm(np.arange(5) - 0.5, 4)
    _, pixels = show(labels, 90, averaged=False, cmap=colours, norm=norm)
    expected = colours(np.arange(90) * 4 // 90)[:, :3]
    wrong = (np.abs(pixels - expected[:, None]) > 0.01).any(axis=2)
    beyond = (np.arange(90) + 0.5) % 22.5  # pixels from the edge below
    near = np.minimum(beyond, 22.5 - beyond) < 1.0
    assert not wrong[~near].any()


def test_values_are_averaged_where_cells_share_a_pixel():
    """Cells that are in turn 0 and 1 are grey from afar."""
    board = np.ma.masked_array(np.indices((400, 400)).sum(axis=0) % 2.0)
    image, pixels = show(board, 100, averaged=True, cmap="gray", norm=Normalize(0, 1))
    assert pixels[5:-5, 5:-5].min() > 0.4
    assert pixels[5:-5, 5:-5].max() < 0.6
    image.axes.set(xlim=(-0.5, 3.5), ylim=(-0.5, 3.5))  # a reader zooms in
    file = io.BytesIO()
    image.axes.figure.savefig(file, format="png")
    file.seek(0)
    near = imread(file)[::-1, :, 0]
    assert near[12, 12] == 0
    assert near[12, 37] == 1


def test_the_edge_of_the_cells_is_the_edge_of_the_image():
    """The last block is cut; the one before it stays in its place."""
    cells = np.ma.masked_array(np.zeros((100, 1003)))
    cells[:, 900:] = 1.0
    _, pixels = show(cells, 100, averaged=True, cmap="gray")
    first = int(np.argmax(pixels[50, :, 0] > 0.5))
    assert abs(first - 900 / 10.03) <= 1
    assert (pixels[:, -1, 0] == 1).all()


def test_the_image_keeps_all_cells_and_its_own_copy():
    cells = np.ma.masked_array(np.arange(12.0).reshape(3, 4))
    image, _ = show(cells, 2, averaged=True)
    cells[0, 0] = 99
    assert image.get_array()[0, 0] == 0
    assert image.get_array().shape == (3, 4)
    assert tuple(image.get_extent()) == (-0.5, 3.5, -0.5, 2.5)
