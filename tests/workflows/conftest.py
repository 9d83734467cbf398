"""Jobs whose figures stay empty: to draw them takes most of the time of a small job."""

import pytest


@pytest.fixture(autouse=True)
def _figures(request):
    """Leave figures empty, except for tests that are marked ``figures``."""
    if request.node.get_closest_marker("figures") is None:
        request.getfixturevalue("without_figures")


@pytest.fixture
def run(run_command):
    return run_command
