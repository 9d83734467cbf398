import math
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from fastkm.cluster.selection.choose_k import CRITERIA
from fastkm.plot import draw_scores, scores_figure
from fastkm.plot.scores import AXIS_LABELS

SCORES = {2: 0.61, 3: 0.58, 4: 0.571, 5: 0.612, 6: 0.6173, 7: 0.59, 8: 0.55}


def drawn(*arguments, **options):
    """Draw, and lay out the page as a file would have it."""
    figure = scores_figure(*arguments, **options)
    figure.draw_without_rendering()
    return figure.axes[0]


def assert_readable(ax):
    """Text stays on the page, tick labels apart, and the note inside the axes' height."""
    page = ax.figure.bbox
    box = ax.get_tightbbox()
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= page.x1 + 1
    assert box.y1 <= page.y1 + 1
    ticks = [text.get_window_extent() for text in ax.get_xticklabels() if text.get_text()]
    shown = [tick for tick in ticks if ax.bbox.x0 - 1 <= tick.x0 + tick.width / 2 <= ax.bbox.x1 + 1]
    assert all(left.x1 < right.x0 for left, right in pairwise(shown))
    (note,) = ax.texts
    assert note.get_window_extent().y1 <= ax.bbox.y1


def test_each_k_has_its_score():
    line = draw_scores(Figure().add_subplot(), dict(reversed(SCORES.items())), 6, criterion="bic")
    np.testing.assert_array_equal(line.get_xydata(), list(SCORES.items()))


@pytest.mark.parametrize("chosen", [2, 6, 8])
def test_chosen_k_is_ringed_and_named(chosen):
    ax = drawn(SCORES, chosen, criterion="silhouette")
    ring = ax.lines[-1]
    assert ring.get_xydata().tolist() == [[chosen, SCORES[chosen]]]
    assert ring.get_markerfacecolor() == "none"
    assert [text.get_text() for text in ax.texts] == [f"k = {chosen}"]
    assert_readable(ax)


@pytest.mark.parametrize(
    "scores",
    [
        {3: 0.5},
        {1: 0.0, 2: 0.6, 3: 0.61, 4: 0.0},
        {k: 1e5 * math.log(k) for k in range(2, 61)},
        {2: -1.7e6, 3: -1.5e6, 4: math.inf},
        {2: math.inf, 3: math.inf},
        {2: 0.5, 3: 0.5},
    ],
    ids=["one", "few", "many", "infinite", "all infinite", "equal"],
)
@pytest.mark.parametrize("criterion", ["silhouette", "bic"])
def test_any_scores_make_a_readable_page(scores, criterion):
    ax = drawn(scores, max(scores, key=scores.get), criterion=criterion, title="Water")
    assert_readable(ax)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert all(float(label).is_integer() for label in labels if label)
    assert any(labels)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_axis_says_the_criterion_in_words(criterion):
    ax = drawn(SCORES, 6, criterion=criterion)
    assert ax.get_ylabel() == AXIS_LABELS[criterion] != criterion
    assert ax.get_xlabel() == "number of clusters k"


def test_other_criteria_are_named_as_they_are():
    assert drawn(SCORES, 6, criterion="gap statistic").get_ylabel() == "gap statistic"


def test_errors_are_bars_where_above_zero():
    errors = dict.fromkeys(SCORES, 0.0) | {6: 0.01, 8: 0.02}
    ax = drawn(SCORES, 6, criterion="silhouette", errors=errors)
    (bars,) = ax.collections
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    expected = [[0.6173 - 0.01, 0.6173 + 0.01], [0.55 - 0.02, 0.55 + 0.02]]
    np.testing.assert_allclose(ends, expected)
    assert_readable(ax)
    assert ax.texts[0].xy[1] == pytest.approx(0.6273)  # above the bar


def test_no_errors_are_no_bars():
    for errors in (None, dict.fromkeys(SCORES, 0.0)):
        assert len(drawn(SCORES, 6, criterion="bic", errors=errors).collections) == 0


def test_infinite_scores_stand_above_all_others():
    ax = drawn({2: 1.0, 3: 5.0, 4: math.inf}, 4, criterion="bic")
    assert ax.texts[0].get_text() == "k = 4 (infinite)"
    ring = ax.lines[-1].get_ydata()[0]
    assert 5 < ring < ax.get_ylim()[1]


@pytest.mark.parametrize(
    ("scores", "chosen", "errors", "message"),
    [
        ({}, 2, None, r"chosen must be a k that has a score, \[\], got 2"),
        ({2: 0.5}, 3, None, r"chosen must be a k that has a score, \[2\], got 3"),
        ({2: 0.5, 3: math.nan}, 2, None, "that of k = 3 is NaN"),
        ({2: 0.5}, 2, {3: 0.1}, r"errors must have the keys of scores, \[2\], got \[3\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(scores, chosen, errors, message):
    with pytest.raises(ValueError, match=message):
        scores_figure(scores, chosen, criterion="bic", errors=errors)
