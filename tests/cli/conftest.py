"""The command, called in this process; its figures stay empty."""

import pytest


@pytest.fixture(autouse=True)
def _figures(request):
    """Leave figures empty, except for tests that are marked ``figures``."""
    if request.node.get_closest_marker("figures") is None:
        request.getfixturevalue("without_figures")


@pytest.fixture
def run(run_command):
    return run_command
