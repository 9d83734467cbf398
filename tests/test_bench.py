"""Every rival's answer is right, every benchmark runs, and the table reads its output."""

import mmap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench import archive, misses
from bench.cases import CASES, Case, water
from bench.memory import memory_beyond, memory_of_kmeans1d
from bench.table import table
from fastkm.raster.assemble import assembled
from fastkm.raster.inputs import survey
from fastkm.raster.sample_archive import write_sample_archive
from tests.conftest import needs_jit

RIVALS = [
    pytest.param(case, rival, id=f"{case.name}: {rival}")
    for case in CASES
    for rival in case.rivals
    if rival != "fastkm"
]


@pytest.mark.parametrize(("case", "rival"), RIVALS)
def test_rivals_agree_with_fastkm(case: Case, rival: str) -> None:
    data = case.make(case.sizes["tiny"])
    case.check(data, case.rivals["fastkm"](data), case.rivals[rival](data))


def test_water_is_made_in_pieces_of_both_kinds() -> None:
    values = water(200_001)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() == 75
    for piece in np.array_split(values, 7):
        assert np.mean(piece > 35) == pytest.approx(0.57, abs=0.01)


def test_table_gives_ratios_to_fastkm() -> None:
    runs = [
        {"extra_info": {"case": "work", "rival": rival}, "stats": {"median": median}}
        for rival, median in (("fastkm", 0.002), ("scipy", 1.5))
    ]
    text = table({"benchmarks": runs})
    assert "| work | fastkm | 2 ms | 1.00 |" in text
    assert "| work | scipy | 1.5 s | 750 |" in text


def test_table_gives_memory_where_that_was_measured() -> None:
    info = {"case": "memory", "rival": "fastkm", "bytes": 41_200_000}
    runs = [{"extra_info": info, "stats": {"median": 9.0}}]
    assert table({"benchmarks": runs}).splitlines()[2:] == ["| memory | fastkm | 41.2 MB |  |"]


def test_memory_is_that_of_the_work_alone() -> None:
    kept = np.ones(10_000_000)

    def work() -> None:
        """Fill pages of its own: the heap may have as much to spare, left by other tests."""
        with mmap.mmap(-1, 64_000_000) as pages:
            for page in range(0, len(pages), mmap.PAGESIZE):
                pages[page] = 1

    assert memory_beyond(work) == pytest.approx(64e6, rel=0.1)
    assert kept.all()


def test_memory_of_kmeans1d_is_measured() -> None:
    assert 0 <= memory_of_kmeans1d(2_000) < 64e6


def two_fills_and_a_sea() -> np.ndarray:
    rng = np.random.default_rng(0)
    sea = np.concatenate([rng.normal(middle, 3, 60) for middle in (11, 22, 35, 51)])
    return np.concatenate([np.full(150, -999.0), np.full(50, -500.0), sea])


def test_misses_are_scipys() -> None:
    found = misses.count_misses(two_fills_and_a_sea(), 6)
    scipy, ours = found.values()
    assert ours.misses == ours.fewer == 0
    assert ours.worst < 1e-12
    assert 0 < scipy.misses <= 6
    assert scipy.worst > misses.TOLERANCE


def test_misses_and_lost_clusters_are_counted(monkeypatch) -> None:
    values = np.arange(12.0)
    pairs = values.reshape(6, 2).mean(axis=1)
    answers = [pairs, pairs + 0.001, pairs + 0.1, pairs[:5]]
    monkeypatch.setattr(misses, "CONTENDERS", {"someone": lambda _values, seed: answers[seed]})
    [(who, found)] = misses.count_misses(values, 4).items()
    assert who == "someone"
    assert (found.misses, found.fewer) == (2, 1)
    # the last pair is 1.5 and 2.5 from the centroid before it, not 0.5
    assert found.worst == pytest.approx((2.5 + 1.5**2 + 2.5**2) / 3 - 1)


def test_misses_of_a_file_are_printed(basin, capsys) -> None:
    misses.main([str(basin), "--runs", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert [line.split(" | ")[1] for line in lines[2:]] == list(misses.CONTENDERS) * 2
    assert lines[3].endswith("| fastkm, kmeans1d(x, 6) | 0 of 2 | 0.00% | 0 of 2 |")
    assert lines[2].startswith("| all 288, fill values and all |")


@needs_jit
def test_the_bench_of_archives_runs(tmp_path) -> None:
    paths = write_sample_archive(tmp_path / "in", months=2)
    months = assembled([survey(path) for path in paths])
    with ThreadPoolExecutor(1) as pool:
        taken = archive.timed(months, [str(path) for path in paths], 1, pool, str(tmp_path))
    assert set(taken) == {
        f"{work}, 1 process" for work in ("read", "codebook", "labels", "codebook and labels")
    }
    assert archive.seconds(lambda: archive.lesson_month(str(paths[0]))) > 0
    assert 1000 < archive.part_bytes(months) < 1_000_000
    assert archive.peak_here(str(tmp_path / "run"), [str(paths[0])]) > 1e7


def test_the_tables_of_archives_give_ratios() -> None:
    found = {
        f"{work}, {ways}": seconds
        for ways, speed in (("1 process", 1.0), ("2 processes", 0.5))
        for work, seconds in (("read", 2.0 * speed), ("codebook and labels", 5.0 * speed))
    }
    told = {
        "seconds": {**found, "the lesson, extrapolated": 1000.0},
        "peaks": {12: 500_000_000},
        "projected": [[1, 1e12, 2, 1e9, 30.0]],
    }
    text = archive.tables(told)
    assert "| codebook and labels, 2 processes | 2.5 s | 2.50 |" in text
    assert "2 workers against 1: 2.00; against the lesson's way, one process: 200." in text
    assert "Peak memory, 12 months: 500 MB." in text
    assert "| 1 | 2.00 | 2 | 1 | 30 |" in text


def test_hours_are_projected_from_the_rate_of_one_worker() -> None:
    found = {"codebook and labels, 1 process": 3600.0}
    cells = archive.ERA5["steps"] * archive.ERA5["rows"] * archive.ERA5["columns"]
    rows = archive.projected(found, cells, 2 * cells, 10)
    assert rows[0] == [1, 2 * cells, 2, 10 * archive.ERA5["steps"], 1.0]
    assert rows[-1][-1] == pytest.approx(1e-3)
