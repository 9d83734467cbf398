"""A classic netCDF file that is cut off is found out, wherever the cut is."""

import netCDF4
import numpy as np
import pytest

from fastkm.raster.io.open import require_complete
from tests.small_archives import write_month

FORMS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def _fixed(file):
    file.createDimension("x", 5)
    file.createVariable("a", "i2", ("x",))[:] = range(5)
    file.createVariable("b", "f8", ("x",))[:] = range(5)


def _scalar(file):
    file.createVariable("a", "f4", ())[...] = 3.0


def _records(file):
    file.createDimension("time", None)
    file.createDimension("x", 3)
    file.createVariable("time", "i4", ("time",))[:] = range(4)
    file.createVariable("a", "i2", ("time", "x"))[:] = np.ones((4, 3))
    file.createVariable("fixed", "f4", ("x",))[:] = 1.0


def _one_record_variable(file):
    """Its records are not padded."""
    file.createDimension("time", None)
    file.createDimension("x", 3)
    file.createVariable("a", "i2", ("time", "x"))[:] = np.ones((7, 3))


def _no_record(file):
    file.createDimension("time", None)
    file.createVariable("a", "f8", ("time",))
    file.title = "nothing"


def _nothing(file):
    del file


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "fill", [_fixed, _scalar, _records, _one_record_variable, _no_record, _nothing]
)
def test_every_cut_is_found_but_in_what_pads_the_end(tmp_path, form, fill):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.history = "made for a test"
        fill(file)
    require_complete(path)
    content = path.read_bytes()
    assert content[:3] == b"CDF"
    for length in range(3, len(content) - 3):
        path.write_bytes(content[:length])
        with pytest.raises(OSError, match="the file is cut off"):
            require_complete(path)


def test_unknown_number_of_records_and_unknown_types_are_left_to_the_library(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        _records(file)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff\xff\xff\xff" + content[8:])
    require_complete(path)
    path.write_bytes(
        content.replace(b"\x00\x00\x00\x03\x00\x00\x00", b"\x00\x00\x00\x63\x00\x00\x00")
    )
    require_complete(path)


def test_other_files_are_not_looked_into(tmp_path):
    path = write_month(tmp_path / "a.nc", 0)
    path.write_bytes(path.read_bytes()[:100])
    require_complete(path)
    path.write_bytes(b"")
    require_complete(path)
