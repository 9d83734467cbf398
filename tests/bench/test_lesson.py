"""The lesson's steps: both ways do the same, a step without memory is told, the tables add up."""

from pathlib import Path

import numpy as np
import pytest

from bench import lesson_steps
from bench.lesson import STEPS, figures, section, write_month
from bench.lesson_steps import Clock, by_fastkm, by_the_lesson
from bench.timing import silence_warnings
from tests.conftest import needs_jit


def test_a_step_that_finds_no_memory_is_taken_down() -> None:
    clock = Clock()
    with clock.step("measure"):
        raise MemoryError("Unable to allocate 60 GiB")
    with pytest.raises(ValueError, match="other"), clock.step("trace"):
        raise ValueError("other")
    assert clock.failed == {"measure": "Unable to allocate 60 GiB"}
    assert set(clock.seconds) == {"measure"}


@pytest.mark.slow
@needs_jit
def test_both_ways_do_all_steps_and_find_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lesson_steps, "LESSON_MIN_DIAMETER", 20.0)
    file = write_month(tmp_path, 4.0)
    with silence_warnings():  # a contour that touches itself
        theirs, ours = by_the_lesson(file, tmp_path), by_fastkm(file, tmp_path)
    assert set(theirs["seconds"]) == set(ours["seconds"]) == set(STEPS)
    assert all(seconds > 0 for seconds in theirs["seconds"].values())
    assert ours["inertia"] <= theirs["inertia"] * (1 + 1e-12)
    assert ours["kept"] == theirs["kept"] > 0
    assert ours["longest"] == pytest.approx(theirs["longest"], rel=0.05)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"clusters.png", "thresholded.png", "contours.png", "contours.shp"} <= names


@pytest.mark.slow
@needs_jit
def test_lengths_are_those_of_cdist_where_that_fits(tmp_path, monkeypatch) -> None:
    file = write_month(tmp_path, 4.0)

    def no_memory(*_arguments):
        raise MemoryError("Unable to allocate 60 GiB")

    whole = by_the_lesson(file, tmp_path)
    monkeypatch.setattr("scipy.spatial.distance.cdist", no_memory)
    short = by_the_lesson(file, tmp_path)
    assert short["failed"] == {"measure": "Unable to allocate 60 GiB"}
    assert (short["kept"], short["longest"]) == (whole["kept"], whole["longest"])


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="Linux tells how much there is")
def test_an_allocation_beyond_the_memory_fails() -> None:
    with lesson_steps.limit_memory(), pytest.raises(MemoryError):
        np.ones(1 << 42, np.uint8)
    assert np.ones(1 << 20, np.uint8).sum() == 1 << 20


def found() -> dict:
    def way(factor: float, **more) -> dict:
        seconds = dict.fromkeys(STEPS, factor)
        told = {"failed": {}, "inertia": 1.0, "kept": 1, "longest": 244.2, "peak": 5e8}
        return {"seconds": seconds, **told, **more}

    failed = {"measure": "Unable to allocate 60 GiB"}
    ways = {
        "the lesson": way(10.0, inertia=1.1, failed=failed),
        "fastkm, 1 thread": way(2.0),
        "fastkm": way(1.0),
    }
    return {"resolutions": [{"resolution": 0.1, "rounds": 3, "restarts": 2, "ways": ways}]}


def test_tables_have_all_steps_ratios_and_failures() -> None:
    text = section(found())
    assert "At 0.1 degree (runs of each: 3):" in text
    assert "| step | the lesson | fastkm, 1 thread | fastkm |" in text
    assert "| cluster | 10 s | 2 s | 1 s |" in text
    assert "| measure | out of memory | 2 s | 1 s |" in text
    assert "| **all** | 80 s | 16 s | 8 s |" in text
    assert "| times as quick | 1.00 | 5.00 | 10 |" in text
    assert "the lesson's is +10 % above fastkm's" in text
    assert "Of the 20 restarts that scipy makes for each k, 2 were run here" in text
    assert "The lesson fails at *measure*: Unable to allocate 60 GiB." in text


def test_bars_are_as_long_as_their_seconds_and_say_them() -> None:
    [panel] = figures(found())["lesson_steps"].axes
    ends = [bar.get_x() + bar.get_width() for container in panel.containers for bar in container]
    assert ends[len(STEPS) - 1] == pytest.approx(80)
    assert ends[-1] == pytest.approx(8)
    assert panel.get_title() == "0.1° cells"
    words = [text.get_text() for text in panel.texts]
    assert "80 s, extrapolated, out of memory" in words
    assert "8 s: 10 times as quick\n(computing alone: 10 times)" in words
