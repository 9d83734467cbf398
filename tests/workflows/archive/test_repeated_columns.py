"""Archives whose last column repeats the first: its cells are clustered and counted once."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from tests.small_files import DAYS, EAST, NORTH, write_netcdf
from tests.workflows.archive.ends import OPTIONS, codebook, run

LATITUDE, LONGITUDE = np.arange(-75.0, 76, 30), np.arange(0.0, 361, 45)
FIELD = np.abs(LATITUDE)[:, None] + 10 * np.cos(np.radians(LONGITUDE))
STEPS = np.stack([FIELD, FIELD + 5])


def write(path, columns):
    coords = {
        "lat": (LATITUDE, NORTH),
        "lon": (LONGITUDE[:columns], EAST),
        "time": (np.array([0.0, 31]), DAYS),
    }
    dims = ("time", "lat", "lon")
    more = {"double": (2 * STEPS[..., :columns], {}, dims)}
    return write_netcdf(path, STEPS[..., :columns], dims, coords=coords, more=more)


@pytest.mark.parametrize(
    "options",
    [
        {"variables": ("water",), "weights": "area"},
        {"variables": ("water", "double"), "weights": "area"},
        {"variables": ("water",), "codebook": "per-step"},
    ],
    ids=["one variable", "several variables", "a codebook for each step"],
)
def test_an_archive_is_that_without_the_last_column(tmp_path, options):
    options = replace(OPTIONS, **{"ks": (2,), "min_diameter": "0px", "select": "all", **options})
    with pytest.warns(UserWarning, match="the last column repeats the first"):
        run([write(tmp_path / "a.nc", 9)], tmp_path / "a", options)
    run([write(tmp_path / "b.nc", 8)], tmp_path / "b", options)
    tables = [
        list(csv.reader((tmp_path / name / "areas.csv").read_text().splitlines())) for name in "ab"
    ]
    assert [row[:3] for row in tables[0]] == [row[:3] for row in tables[1]]
    areas = [[float(row[3]) for row in table[1:]] for table in tables]
    np.testing.assert_allclose(*areas, rtol=1e-12)
    first, second = (codebook(tmp_path / name) for name in "ab")
    assert first.get("counts") == second.get("counts")
    if "centroids" in first:
        np.testing.assert_allclose(first["centroids"], second["centroids"], rtol=1e-12)
