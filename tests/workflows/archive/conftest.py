"""An archive of eight months, and what a run of it leaves."""

import pytest

from tests.small_archives import write_months
from tests.workflows.archive.ends import run


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    write_months(folder, 8)
    return folder


@pytest.fixture(scope="module")
def whole(months, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert run([months], folder).faults == []
    return folder


@pytest.fixture
def without_figures(monkeypatch):
    """Leave out the figures, which take most of the time of a small run."""

    def draw(folder, *_, **__):
        (folder.root / "figures").mkdir(exist_ok=True)
        return []

    monkeypatch.setattr("fastkm.workflows.archive.run.draw_figures", draw)
