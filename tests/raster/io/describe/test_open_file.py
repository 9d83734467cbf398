"""A file that is described is opened once."""

import pytest

from fastkm.raster.io import choose
from fastkm.raster.io.describe.grids import describe_grids
from fastkm.raster.io.describe.open_file import open_file
from fastkm.raster.io.describe.variables import describe_variables
from tests.small_files import write_world
from tests.small_tiffs import write_satellite


@pytest.fixture(params=["nc", "zarr", "tif"])
def path(request, tmp_path):
    if request.param == "tif":
        return write_satellite(tmp_path / "a.tif")
    file = write_world(tmp_path / "a.nc")
    if request.param == "nc":
        return file
    with choose.open_stored(file) as dataset:
        dataset.to_zarr(tmp_path / "a.zarr", consolidated=False)
    return tmp_path / "a.zarr"


def test_an_open_file_is_described_like_its_path(path):
    with open_file(path) as file:
        assert describe_grids(file) == describe_grids(path)
        assert describe_variables(file) == describe_variables(path)


def test_it_is_opened_once(tmp_path, monkeypatch):
    opened = []
    open_stored = choose.open_stored

    def note(path, group="", **options):
        opened.append(group)
        return open_stored(path, group, **options)

    monkeypatch.setattr(choose, "open_stored", note)
    with open_file(write_world(tmp_path / "a.nc")) as file:
        assert describe_grids(file)
        assert describe_variables(file)
    assert opened == [""]


@pytest.mark.parametrize("name", ["a.nc", "a.tif"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"{name}: no such file"):
        describe_variables(tmp_path / name)
