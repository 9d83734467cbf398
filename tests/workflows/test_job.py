"""Which raster a job takes: read at once if it is small, otherwise opened lazily."""

import numpy as np
import pytest

from fastkm.workflows import job
from fastkm.workflows.job import Selection
from tests.lazy_rasters import cut_small, require_same
from tests.small_files import EAST, NORTH, OCTOBER_NOVEMBER, write_basin, write_netcdf, write_world
from tests.small_tiffs import write_satellite


@pytest.fixture
def large(monkeypatch):
    """Let any raster be large."""
    monkeypatch.setattr(job, "MOST_READ", 0)
    cut_small(monkeypatch, 100)


def test_small_raster_is_read_at_once(tmp_path):
    selection = Selection(write_basin(tmp_path / "a.nc"))
    for raster in (selection.open(), selection.open_band()):
        assert raster.chunks is None
        assert raster.identical(selection.read())
    assert selection.open_areas(selection.open()).identical(selection.read_areas())


def test_large_raster_is_lazy(tmp_path, large):
    path = write_world(tmp_path / "a.nc")
    mask = write_netcdf(
        tmp_path / "mask.nc", np.tile(np.array([0, 1], "i2"), (18, 18)),
        coords={"lat": (np.arange(-85.0, 90, 10), NORTH), "lon": (np.arange(5.0, 360, 10), EAST)},
    )  # fmt: skip
    selection = Selection(path, bbox=(-40, -50, 30, 20), mask=mask, nodata=[15005])
    require_same(selection.open(), selection.read_stack())
    require_same(selection.open_band(), selection.read())
    areas = selection.open_areas(selection.open())
    assert areas.chunks == selection.open().chunks
    assert areas.compute().identical(selection.read_areas())


def test_large_bands(tmp_path, large):
    selection = Selection(write_satellite(tmp_path / "a.tif"), bands=[3, 1])
    require_same(selection.open(), selection.read_stack())
    areas = selection.open_areas(selection.open())
    assert areas.compute().identical(selection.read_areas())
    one = Selection(selection.file, "nir")
    require_same(one.open_band(), one.read())
    with pytest.raises(ValueError, match="name one of its bands: red, nir, swir"):
        Selection(selection.file).open_band()


def test_large_variables(tmp_path, large):
    more = {"ice": (np.arange(6.0).reshape(2, 3), {}, ("lat", "lon"))}
    coords = {"lat": (np.array([1.0, 0]), NORTH), "lon": (np.array([0.0, 1, 2]), EAST)}
    path = write_netcdf(tmp_path / "a.nc", np.ones((2, 3)), coords=coords, more=more)
    selection = Selection(path, ["ice", "water"])
    require_same(selection.open(), selection.read_stack())
    assert selection.open_areas(selection.open()).compute().identical(selection.read_areas())
    with pytest.raises(ValueError, match="one variable is needed, got ice, water"):
        selection.open_band()


def test_band_has_no_further_dimension(tmp_path, large):
    coords = {"time": OCTOBER_NOVEMBER}
    dims = ("time", "level", "lat", "lon")
    path = write_netcdf(tmp_path / "a.nc", np.ones((2, 2, 3, 4)), dims, coords=coords)
    with pytest.raises(ValueError, match="has a dimension 'level' of 2"):
        Selection(path).open_band()
    assert Selection(path, sel={"level": 1}).open_band().dims == ("lat", "lon")


def test_warnings_are_given_once(tmp_path, monkeypatch):
    attrs = {"_Unsigned": "perhaps", "units": "K"}
    path = write_netcdf(tmp_path / "a.nc", np.ones((2, 3), "i2"), **attrs)
    for most in (0, 100):
        monkeypatch.setattr(job, "MOST_READ", most)
        with pytest.warns(UserWarning, match="_Unsigned") as given:
            Selection(path).open()
        assert len(given) == 1
