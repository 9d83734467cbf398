"""What all tests share: a deterministic Hypothesis profile, and the marker for big inputs."""

import os

import pytest
from hypothesis import settings

COMPILED = os.environ.get("NUMBA_DISABLE_JIT") != "1"

# a developer's run takes some minutes; CI tries many more examples
EXAMPLES = 15 if not COMPILED else 60 if os.environ.get("CI") else 10
settings.register_profile("fastkm", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.load_profile("fastkm")

needs_jit = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1",
    reason="too slow, or beside the point, where kernels are not compiled",
)
"""For the few tests whose point is a big input, or the compiler itself."""


@pytest.fixture(scope="session")
def basin(tmp_path_factory):
    """A small sea in a file; tests read it and leave it as it is."""
    from tests.small_files import write_basin

    return write_basin(tmp_path_factory.mktemp("basin") / "basin.nc")


def pytest_runtest_setup():
    """Forget which notes were given: each test may expect them again."""
    from fastkm._core.notes import forget_notes

    forget_notes()


def pytest_collection_modifyitems(items):
    """Mark the tests of the benchmarks as slow: they run every rival."""
    for item in items:
        if item.path.parent.name == "bench":
            item.add_marker(pytest.mark.slow)
