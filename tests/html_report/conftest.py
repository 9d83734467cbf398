"""One browser for all tests of pages; they are skipped if there is none."""

import pytest

from tests.browser import find_browser, start_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Start Chromium."""
    pytest.importorskip("selenium")
    if None in find_browser():
        pytest.skip("needs chromium and chromedriver")
    with start_browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(browser):
    """A page; at the end nothing may have been asked for outside it, and no error noted."""
    yield browser
    browser.require_quiet()
