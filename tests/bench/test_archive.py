"""The benchmark of archives runs, and its tables give ratios."""

import pytest

from bench import archive


def told() -> dict:
    seconds = {
        f"{work}, {ways}": taken * speed
        for ways, speed in (("1 process", 1.0), ("2 processes", 0.5))
        for work, taken in (("read", 2.0), ("codebook and labels", 5.0))
    }
    return {
        "cells": 1e6,
        "bytes": 2_000_000,
        "seconds": {**seconds, "the lesson, extrapolated": 1000.0},
        "peaks": [[12, 500_000_000]],
        "projected": [[1, 1e12, 2, 1e9, 30.0]],
    }


def test_the_tables_give_ratios() -> None:
    text = archive.section(told())
    assert "1e+06 cells, 2 MB of files." in text
    assert "| codebook and labels, 2 processes | 2.5 s | 2.50 |" in text
    assert "2 workers against 1: 2.00; the lesson's way against one process: 200." in text
    assert "Peak memory of the command, 12 months: 500 MB." in text
    assert "| 1 | 2.00 | 2 | 1 | 30 |" in text


def test_hours_are_projected_from_the_rate_of_one_worker() -> None:
    found = {"codebook and labels, 1 process": 3600.0}
    cells = archive.ERA5["steps"] * archive.ERA5["rows"] * archive.ERA5["columns"]
    rows = archive.project_hours(found, cells, 2 * cells, 10)
    assert rows[0] == [1, 2 * cells, 2, 10 * archive.ERA5["steps"], 1.0]
    assert rows[-1][-1] == pytest.approx(1e-3)
