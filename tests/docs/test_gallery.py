"""The gallery shows the figures that its examples end with, those of fastkm as those of pyplot."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

import fastkm
from tests.docs.pages import DOCS, needs_checkout

pytest.importorskip("sphinx_gallery")
pytestmark = needs_checkout


@pytest.fixture
def scraper(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    monkeypatch.delitem(sys.modules, "figure_scraper", raising=False)
    from figure_scraper import FigureScraper

    return FigureScraper()


@pytest.fixture
def figure() -> Any:
    return fastkm.kmeans1d(np.arange(30.0), 3).plot()


def scrape(scraper: Any, folder: Path, value: object) -> str:
    """Return what the scraper says of a block that ends with a value."""
    paths = iter([str(folder / "images" / "picture.png")])
    Path(folder, "images").mkdir(exist_ok=True)
    names = {"example_globals": {"___": value}, "image_path_iterator": paths}
    return scraper(("code", "", 1), names, {"src_dir": str(folder)})


def test_a_figure_of_fastkm_becomes_a_picture(scraper, figure, tmp_path) -> None:
    assert "images/picture.png" in scrape(scraper, tmp_path, figure)
    width, height = figure.get_size_inches()
    shape = imread(tmp_path / "images" / "picture.png").shape
    assert shape[:2] == pytest.approx((100 * height, 100 * width), abs=1)


def test_a_figure_is_shown_once(scraper, figure, tmp_path) -> None:
    # the name of the last expression keeps its value in blocks that end with a statement
    assert scrape(scraper, tmp_path, figure)
    assert scrape(scraper, tmp_path, figure) == ""


@pytest.mark.parametrize("value", [None, 3, "text"])
def test_other_values_are_no_pictures(scraper, tmp_path, value) -> None:
    assert scrape(scraper, tmp_path, value) == ""
    assert not list(tmp_path.glob("images/*.png"))


def test_figures_of_pyplot_are_left_to_sphinx_gallery(scraper, tmp_path) -> None:
    from matplotlib import pyplot as plt

    figure = plt.figure()
    try:
        assert scrape(scraper, tmp_path, figure) == ""
    finally:
        plt.close(figure)


def test_a_scraper_travels_without_its_figure(scraper, figure, tmp_path) -> None:
    scrape(scraper, tmp_path, figure)
    other = pickle.loads(pickle.dumps(scraper))
    assert scrape(other, tmp_path, figure)


EXAMPLES = sorted((DOCS / "gallery").glob("*/plot_*.py"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_begins_with_a_title_and_what_one_learns(example) -> None:
    quotes, title, line, empty, first = example.read_text(encoding="utf-8").splitlines()[:5]
    assert (quotes, line, empty) == ('"""', "=" * len(title), "")
    assert first
