"""The size of the benchmarks: ``pytest bench/ --benchmark-only --bench-size full``."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bench-size",
        choices=["tiny", "small", "full"],
        default="small",
        help="how much work a case does",
    )


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--bench-size"))
