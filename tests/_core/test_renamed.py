"""Old names keep working, and say what they are called now."""

from importlib import import_module

import numpy as np
import pytest
from typer.testing import CliRunner

import fastkm
import fastkm.cluster.vq
import fastkm.raster.cluster_raster
import fastkm.vector.outline
import fastkm.vector.polygonize
from fastkm._core.renamed import RENAMED


@pytest.mark.parametrize("module", RENAMED)
def test_old_names_are_the_new_ones_and_say_so(module):
    for name, new in RENAMED[module].items():
        home, _, new_name = new.rpartition(".")
        old = rf"^{module}\.{name} is an old name.*; use {new}$"
        with pytest.warns(DeprecationWarning, match=old):
            found = getattr(import_module(module), name)
        assert found is getattr(import_module(home), new_name)


def test_the_warning_points_at_the_line_that_has_the_name():
    with pytest.warns(DeprecationWarning, match="is an old name") as warned:
        from fastkm.raster.codebook import StackCodebook
    assert StackCodebook.__name__ == "BandsCodebook"
    assert {warning.filename for warning in warned} == {__file__}


def test_the_command_can_be_run_by_its_old_name():
    with pytest.warns(DeprecationWarning, match="use fastkm.cli.commands.app"):
        from fastkm.cli import app
    assert CliRunner().invoke(app, ["--version"]).output == f"{fastkm.__version__}\n"


@pytest.mark.parametrize("module", RENAMED)
def test_other_names_are_unknown(module):
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = import_module(module).nothing


def test_functions_that_are_modules_now_can_be_called():
    values = np.array([[1.0, 2.0], [8.0, 9.0]])
    with pytest.warns(DeprecationWarning, match=r"cluster\.vq as a function .*; use fastkm\.vq$"):
        labels, _ = fastkm.cluster.vq(values, values)
    assert labels.tolist() == [0, 1]
    with pytest.warns(DeprecationWarning, match=r"use fastkm\.polygonize$"):
        polygons = fastkm.vector.polygonize(np.array([[0, 1]]))
    assert len(polygons) == 2
    with (
        pytest.warns(DeprecationWarning, match="is an old name"),
        pytest.raises(TypeError, match="raster"),
    ):
        fastkm.raster.cluster_raster(np.zeros(3), 2)
    with (
        pytest.warns(DeprecationWarning, match="is an old name"),
        pytest.raises(TypeError, match="raster"),
    ):
        fastkm.vector.outline(np.zeros(3), 2)
