"""Who misses the optimum: counted against the proven one, on rasters that look real."""

import numpy as np
import pytest

from bench import quality
from bench.quality import count_misses, inertia_of, judge, section, thin, write_table
from tests.conftest import needs_jit


def two_fills_and_a_sea() -> np.ndarray:
    rng = np.random.default_rng(0)
    sea = np.concatenate([rng.normal(middle, 3, 60) for middle in (11, 22, 35, 51)])
    return np.concatenate([np.full(150, -999.0), np.full(50, -500.0), sea])


def test_misses_are_others() -> None:
    found = judge(two_fills_and_a_sea(), 6, 4)
    assert set(found["excess"]) == set(quality.list_present())
    assert all(len(excess) == 4 for excess in found["excess"].values())
    assert 0 < count_misses(found["excess"]["scipy, kmeans"]) <= 4


def test_misses_and_lost_clusters_are_counted(monkeypatch) -> None:
    values = np.arange(12.0)
    pairs = values.reshape(6, 2).mean(axis=1)
    answers = [pairs, pairs + 0.001, pairs + 0.1, pairs[:5]]
    someone = {"someone": ("numpy", lambda _x, _k, seed: answers[seed])}
    monkeypatch.setattr(quality, "CONTENDERS", someone)
    found = judge(values, 6, 4)
    assert count_misses(found["excess"]["someone"]) == 2
    assert found["fewer"] == {"someone": 1}
    # the last pair is 1.5 and 2.5 from the centroid before it, not 0.5
    assert max(found["excess"]["someone"]) == pytest.approx((2.5 + 1.5**2 + 2.5**2) / 3 - 1)


def test_an_answer_better_than_the_optimum_is_no_answer(monkeypatch) -> None:
    monkeypatch.setattr(quality, "CONTENDERS", {"liar": ("numpy", lambda x, _k, _seed: x)})
    with pytest.raises(AssertionError, match="liar is better than the optimum"):
        judge(np.arange(12.0), 3, 1)


def test_inertia_is_to_the_nearest_in_any_order() -> None:
    assert inertia_of(np.array([0.0, 4, 9]), np.array([10.0, 1.0], "f4")) == pytest.approx(
        1 + 9 + 1
    )


def test_thinning_keeps_the_range_and_the_order() -> None:
    values = np.arange(1_000.0)
    assert len(thin(values, 300)) == 250
    assert np.array_equal(thin(values, 1_000), values)


def test_rasters_look_real() -> None:
    for make in (quality.make_temperature, quality.read_luminance):
        one, other = make(), make()
        assert np.array_equal(one, other)
        assert np.unique(one).size > 200
    field = quality.make_temperature()
    assert 200 < field.min() < 260 < field.mean() < 300 < field.max() < 330
    assert quality.read_sample(valid=True).min() > 0
    assert quality.read_sample(valid=False).min() == -999


def test_a_table_gives_misses_the_worst_and_lost_clusters() -> None:
    judgement = {"k": 6, "excess": {"a": [0.0, 0.5], "b": [0.0, 0.0]}, "fewer": {"a": 1, "b": 0}}
    raster = {"name": "sea", "values": 1_234, "judged": [judgement]}
    lines = write_table(raster, 2).splitlines()
    assert lines[0] == "| sea, 1,234 values; k = | 6 |"
    assert lines[2:] == ["| a | 1, +50 %* |", "| b | 0 |", "| all of them | 25% |"]
    text = section({"runs": 2, "rasters": [raster]})
    assert text.startswith("Runs of 2 that end more than 0.1% above the optimum")
    [*panels] = quality.figures({"runs": 2, "rasters": [raster]})["quality"].axes
    assert panels[0].lines[0].get_ydata().tolist() == [50.0]
    assert panels[0].lines[-1].get_ydata().tolist() == [0.0]


@needs_jit
def test_a_file_of_ones_own_is_judged(basin, capsys) -> None:
    quality.main([str(basin), "--runs", "2"])
    text = capsys.readouterr().out
    assert "| all cells, fill values and all, 288 values; k = | 4 | 6 | 8 |" in text
    assert "| valid cells" in text
