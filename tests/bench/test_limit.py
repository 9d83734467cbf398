"""The distance to the limit: plain passes over the same array, on as many threads."""

import numpy as np
import pytest

from bench import limit
from bench.limit import COUNTS, compute_ratios, figures, read_plainly, section, write_plainly


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1", "i4"])
def test_a_plain_read_reads_all(dtype: str) -> None:
    array = np.arange(30_000).reshape(100, 300).astype(dtype)
    whole = float(array.sum(dtype=dtype))
    assert read_plainly(array) == pytest.approx(whole)


def test_a_plain_read_of_pieces_misses_none(monkeypatch) -> None:
    monkeypatch.setattr(limit, "PIECE", 64)
    array = np.arange(1_001.0)
    assert read_plainly(array) == array.sum()
    target = np.zeros_like(array)
    write_plainly(array, target)
    assert np.array_equal(target, array)


def found() -> dict:
    seconds = {"fastkm": 6.0, limit.READ: 1.0, limit.WRITE: 2.0}
    at = {"passes": 3, "bytes": 4_000_000_000}
    return {
        "measured": [
            {"case": "work", "rival": who, "threads": n, "seconds": [s / n], "yardstick": who != "fastkm", "at": at}
            for n in (2, 1)
            for who, s in seconds.items()
        ]
    }  # fmt: skip


def test_ratios_are_to_as_many_passes_on_as_many_threads() -> None:
    [(two, read, write, rate), (one, *_)] = compute_ratios(found())
    assert (two.threads, one.threads) == (2, 1)
    assert read == pytest.approx(2.0)
    assert write == pytest.approx(1.0)
    assert rate == pytest.approx(4e9)
    assert section(found()).splitlines()[2] == "| work | 2 | 3 s | 2.00 | 1.00 | 4 |"


def test_bars_are_the_ratios_to_a_read() -> None:
    [panel] = figures(found())["limit"].axes
    widths = sorted(bar.get_width() for container in panel.containers for bar in container)
    assert widths == pytest.approx([2.0, 2.0])


def test_all_works_are_measured_on_one_thread_and_on_all(monkeypatch) -> None:
    monkeypatch.setattr(limit, "CASES", limit.CASES[:1])
    measured = limit.run("tiny")["measured"]
    assert {(one["rival"], one["threads"]) for one in measured} == {
        (who, n) for who in ("fastkm", limit.READ, limit.WRITE) for n in COUNTS
    }
