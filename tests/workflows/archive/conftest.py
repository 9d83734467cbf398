"""An archive of eight months, and what a run of it leaves."""

import pytest

from tests.small_archives import write_months
from tests.workflows.archive.ends import run


@pytest.fixture(scope="session")
def months(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    write_months(folder, 8)
    return folder


@pytest.fixture(scope="session")
def whole(months, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert run([months], folder).faults == []
    return folder
