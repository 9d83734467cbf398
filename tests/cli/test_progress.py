"""Progress: bars on a terminal, lines elsewhere, nothing where that is asked."""

import io
import warnings

import pytest
from rich.console import Console

from fastkm.cli.progress import Pace, Spinner, show_progress, show_stages


def told(*, terminal, quiet=False):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with show_progress(console, quiet=quiet) as progress:
        progress.begin("label the steps", 3, "steps")
        progress.advance()
        progress.note("left out: a.nc: too short")
        progress.advance(2)
    return console.file.getvalue()


def test_lines_say_what_begins_and_ends() -> None:
    lines = told(terminal=False).splitlines()
    assert lines == [
        "label the steps: 3 steps",
        "note: left out: a.nc: too short",
        "label the steps: 3 of 3 steps",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_one_file_is_no_plural(terminal) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with show_progress(console) as progress:
        progress.begin("look at the inputs", 1, "files")
        progress.advance()
    text = console.file.getvalue()
    assert "1 of 1 file" in text
    assert "files" not in text


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is put on."""
    hand = [0.0]
    monkeypatch.setattr("fastkm.cli.progress.time.monotonic", lambda: hand[0])
    return hand


def test_lines_between_say_rate_and_time_left(clock) -> None:
    console = Console(file=io.StringIO(), width=120)
    with show_progress(console) as progress:
        progress.begin("label the steps", 3, "steps")
        clock[0] = 10.0
        progress.advance()
        clock[0] = 11.0
        progress.advance()
    assert console.file.getvalue().splitlines() == [
        "label the steps: 3 steps",
        "label the steps: 1 of 3 steps, 6.0/min, 20 s left",
    ]


def test_a_terminal_gets_a_bar_with_all_that() -> None:
    text = told(terminal=True)
    assert "3 of 3 steps" in text
    assert "note: left out" in text
    assert "/s" in text or "/min" in text


def test_quiet_hides_warnings() -> None:
    for show in (show_progress, show_stages):
        with show(Console(file=io.StringIO()), quiet=True):
            warnings.warn("a note", stacklevel=1)


def test_quiet_is_silent() -> None:
    assert told(terminal=True, quiet=True) == told(terminal=False, quiet=True) == ""


def test_what_was_done_before_tells_nothing_of_the_pace(clock) -> None:
    pace = Pace(100, "steps")
    pace.advance(50)
    clock[0] = 10.0
    pace.advance(10)
    assert pace.rate() == pytest.approx(1.0)
    assert pace.done == 60


def test_a_live_line_says_how_far_a_pass_is(clock) -> None:
    class Status:
        def update(self, text):
            self.text = text

    status = Status()
    spinner = Spinner(status)
    spinner.begin("start workers", 2, "workers")
    assert status.text == "start workers"
    spinner.begin("cluster")
    spinner.advance()
    assert status.text == "cluster"
    spinner.begin("pass", 4, "blocks")
    assert status.text == "cluster: pass"
    clock[0] = 2.0
    spinner.advance()
    assert status.text == "cluster: 1 of 4 blocks, 30.0/min, 6 s left"
    spinner.begin("write label maps")
    assert status.text == "write label maps"
