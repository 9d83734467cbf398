"""Options of the command that sieve label maps."""

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

import fastkm
from tests.cli.test_commands import assert_wrong_usage


def test_label_maps_and_outlines_are_sieved(run, basin, tmp_path):
    assert run("cluster", basin, "-k", "3", "-o", tmp_path / "a.nc").status == 0
    sieve = ("--sieve", "5px", "--fill-holes")
    assert run("cluster", basin, "-k", "3", *sieve, "-o", tmp_path / "b.nc").status == 0
    plain, sieved = (xr.load_dataset(tmp_path / f"{name}.nc")["cluster"] for name in "ab")
    np.testing.assert_array_equal(sieved, fastkm.sieve(plain, "5px", fill_holes=True))
    path = tmp_path / "a.gpkg"
    assert run("outline", basin, "-k", "3", "--select", "all", *sieve, "-o", path).status == 0
    assert gpd.read_file(path, engine="pyogrio")["cells"].min() >= 5


@pytest.mark.parametrize("command", ["cluster", "outline", "archive"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ("--sieve", "16"),
            "--sieve: take a number with its unit, such as 200px or 200km2, not '16'",
        ),
        (("--fill-holes",), "--fill-holes: it needs --sieve"),
    ],
)
def test_a_sieve_needs_a_limit_with_a_unit(run, basin, tmp_path, command, options, expected):
    output = tmp_path / ("out.gpkg" if command == "outline" else "out")
    assert_wrong_usage(run(command, basin, "-k", "3", *options, "-o", output), expected)
    assert not output.exists()
