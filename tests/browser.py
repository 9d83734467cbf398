"""A real browser, Chromium, that opens a page from disk and has no network."""

import base64
import json
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
)

OWN = ("file:", "data:", "blob:", "about:")
"""How the address of anything begins that lies in the page itself."""

SECONDS = 30
"""For how long a page may take to be drawn, on a machine with much else to do."""

PLACE_OF = """
const [name, x, y] = arguments;
const { view } = drawn.find(({ place }) => place.id === `figure-${name}`);
const { left, top } = view.el.getBoundingClientRect();
return [left + view.frame.x_scale.compute(x), top + view.frame.y_scale.compute(y)];
"""
"""Returns where in the window a place of a figure is."""

TOOLTIPS = """
const texts = [];
const search = (root) => root.querySelectorAll("*").forEach((element) => {
  if (element.classList.contains("bk-tooltip-row-value")) texts.push(element.textContent);
  if (element.shadowRoot) search(element.shadowRoot);
});
search(document);
return texts;
"""
"""Returns the values that bokeh shows at the mouse."""

OFFLINE = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


class Page:
    """A page in a browser, and what a reader does with it."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, path, *, width=1400, height=1000, dark=False):
        """Open a page from disk, in a window of some size, and wait until it is drawn."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.read_requests()
        self.read_errors()
        self.browser.get(Path(path).absolute().as_uri())
        self.wait("return document.documentElement.dataset.state === 'ready'")
        return self

    def run(self, script, *arguments):
        """Run a script in the page, and return what it returns."""
        return self.browser.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """Wait until a script returns something true; return it."""
        end = time.monotonic() + SECONDS
        while not (found := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{script!r} is not true after {SECONDS} s: {self.read_errors()}"
                )
            time.sleep(0.02)
        return found

    def settle(self, script):
        """Return what a script returns once it has been the same for half a second."""
        end, found, since = time.monotonic() + SECONDS, self.run(script), time.monotonic()
        while time.monotonic() < since + 0.5:
            if time.monotonic() > end:
                raise TimeoutError(f"{script!r} changes for {SECONDS} s: {found!r}")
            time.sleep(0.05)
            if (now := self.run(script)) != found:
                found, since = now, time.monotonic()
        return found

    def find(self, selector):
        """Return the only element that a selector matches."""
        [element] = self.find_all(selector)
        return element

    def find_all(self, selector):
        """Return the elements that a selector matches."""
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        """Return the text of the only element that a selector matches, shown or not."""
        return self.find(selector).get_attribute("textContent")

    def point_at(self, figure, x, y, *, click=False):
        """Move the mouse to a place in a figure, in its coordinates; return where it is in the window."""
        element = self.find(f"#figure-{figure}")
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        place = self.run(PLACE_OF, figure, x, y)
        self.move_to(*place, click=click)
        return place

    def move_to(self, x, y, *, click=False):
        """Move the mouse to a place in the window, in pixels."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        moves = ActionBuilder(self.browser, duration=10)
        moves.pointer_action.move_to_location(round(x), round(y))
        if click:
            moves.pointer_action.click()
        moves.perform()

    def click(self, element):
        """Click on an element, as a mouse does."""
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def press(self, *keys):
        """Press keys, where the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser, duration=10).send_keys(*keys).perform()

    def focus(self, element):
        """Move the focus to an element, as the tab key does."""
        self.run("arguments[0].focus()", element)

    def read_errors(self):
        """Return the errors and warnings of the console since the last call."""
        entries = self.browser.get_log("browser")
        said = [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
        return [text for text in said if "willReadFrequently" not in text]  # advice to Bokeh 3.6

    def read_requests(self):
        """Return the addresses of all that was asked for since the last call."""
        events = [
            json.loads(one["message"])["message"] for one in self.browser.get_log("performance")
        ]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def require_quiet(self):
        """Fail if anything outside the page was asked for, or the console has an error."""
        assert [url for url in self.read_requests() if not url.startswith(OWN)] == []
        assert self.read_errors() == []

    def read_tooltips(self):
        """Return what figures say at the mouse."""
        return self.run(TOOLTIPS)

    def find_overflow(self):
        """Return by how many pixels the page is wider than its window."""
        return self.run("return document.documentElement.scrollWidth - innerWidth")

    def save_picture(self, path, *, top=0, height=None):
        """Write what a reader sees or, from `top` on and so high, any part of the page, as PNG."""
        options = {}
        if height is not None:
            width = self.run("return innerWidth")
            options["clip"] = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
            options["captureBeyondViewport"] = True
        shot = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", **options})
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def measure_first_paint(self):
        """Return the seconds from the request for a page to its first content."""
        script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        return self.wait(script) / 1000


def find_browser():
    """Return the paths of Chromium and its driver; None for what is missing."""
    return shutil.which("chromium"), shutil.which("chromedriver")


@contextmanager
def start_browser(profile):
    """Yield a page of a Chromium that keeps its files in the folder `profile`."""
    from selenium import webdriver

    program, driver = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        started.execute_cdp_cmd("Network.enable", {})
        started.execute_cdp_cmd("Network.emulateNetworkConditions", OFFLINE)
        yield Page(started)
    finally:
        started.quit()
