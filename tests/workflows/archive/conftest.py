"""An archive of eight months, and what a run of it leaves."""

from dataclasses import replace
from functools import cache

import pytest

from tests.small_archives import write_months
from tests.workflows.archive.ends import OPTIONS, run


@pytest.fixture(scope="session")
def months(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    write_months(folder, 8)
    return folder


@pytest.fixture
def four(tmp_path):
    """A folder whose folder ``in`` has four months, for a test that may change them."""
    (tmp_path / "in").mkdir()
    write_months(tmp_path / "in", 4)
    return tmp_path


@pytest.fixture(scope="session")
def run_undisturbed(tmp_path_factory):
    """Make what a run over the same four months leaves: once for each format of its label maps."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "in").mkdir()
    write_months(folder / "in", 4)

    @cache
    def make(labels="netcdf"):
        run([folder / "in"], folder / labels, replace(OPTIONS, labels=labels))
        return folder / labels

    return make


@pytest.fixture(scope="session")
def whole(months, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert run([months], folder).faults == []
    return folder
