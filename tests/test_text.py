"""Words that come from files and paths are printed as they are, whatever they look like."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from typer.testing import CliRunner

from fastkm.cli.commands import app
from fastkm.plot import clusters_figure


@pytest.fixture
def odd(tmp_path):
    """A file whose texts look like markup and like formulas, and that hides a code."""
    values = np.arange(48, dtype="f4").reshape(6, 8)
    values[0] = -500
    raster = xr.DataArray(
        values,
        {"lat": np.arange(6.0), "lon": np.arange(8.0)},
        ("lat", "lon"),
        name="v",
        attrs={"long_name": r"cost in $ and _{ $\x [/red]", "units": "[m]"},
    )
    dataset = raster.to_dataset()
    dataset.attrs = {"institution": "ours", "history": "made", "source": "a model"}
    dataset.to_netcdf(tmp_path / "odd.nc")
    return tmp_path / "odd.nc"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "100"})


def test_info_prints_brackets(odd):
    done = run("info", odd)
    assert done.exit_code == 0
    assert "[/red]" in done.stdout
    assert "[m]" in done.stdout


@pytest.mark.filterwarnings("ignore:.*looks like a code")
def test_cluster_prints_brackets_and_draws_dollars(odd, tmp_path):
    done = run("cluster", odd, "-k", 3, "-o", tmp_path / "out [b]")
    assert done.exit_code == 0
    assert "centroid [m]" in done.stdout
    assert "out [b]" in done.stdout
    assert (tmp_path / "out [b]" / "clusters.png").is_file()


@pytest.mark.filterwarnings("ignore:.*looks like a code")
def test_outline_prints_brackets(odd, tmp_path):
    done = run("outline", odd, "-k", 3, "-o", tmp_path / "o.gpkg")
    assert done.exit_code == 0
    assert "[m]" in done.stdout


def test_an_undeclared_code_is_told(odd, tmp_path):
    with pytest.warns(UserWarning, match="-500 looks like a code for something missing"):
        run("cluster", odd, "-k", 3, "-o", tmp_path / "out")


@pytest.mark.filterwarnings("ignore:.*looks like a code")
def test_label_files_keep_where_the_data_comes_from(odd, tmp_path):
    run("cluster", odd, "-k", 3, "--bbox", "0,1,7,5", "-o", tmp_path / "out")
    with netCDF4.Dataset(tmp_path / "out" / "labels_k3.nc") as labels:
        assert labels.institution == "ours"
        assert labels.source == "odd.nc: v; a model"
        ours, theirs = labels.history.splitlines()
        assert "k = 3" in ours
        assert "bbox (0.0, 1.0, 7.0, 5.0)" in ours
        assert theirs == "made"


def test_dollars_in_a_name_are_no_formula(odd):
    with xr.open_dataset(odd) as dataset:
        figure = clusters_figure(dataset["v"].load(), {}, {})
    assert isinstance(figure, Figure)
    assert r"\$" in figure.axes[0].get_title()
    figure.savefig(odd.with_suffix(".png"))


def test_a_folder_is_no_file_to_write(tmp_path):
    done = run("sample", tmp_path)
    assert isinstance(done.exception, IsADirectoryError)
    assert str(done.exception) == f"{tmp_path} is a folder; name a file to write"
