"""Figures of transitions: what is drawn, and in which order."""

import io

import numpy as np
import pytest

from fastkm.plot import cluster_colormap, flows_figure, transitions_figure

TABLE = np.array([[6.0, 2.0, 0.0], [0.0, 4.0, 4.0], [1.0, 0.0, 999.0]])


def drawn(figure):
    figure.savefig(io.BytesIO(), dpi=40)
    return figure


def test_the_matrix_has_the_shares_of_rows() -> None:
    figure = drawn(transitions_figure(TABLE, [0, 1, -1], title="Change"))
    [ax] = figure.axes
    assert ax.images[0].get_array().sum(axis=1).tolist() == [100.0, 100.0, 100.0]
    assert [text.get_text() for text in ax.texts] == [
        "75",
        "25",
        "0",
        "0",
        "50",
        "50",
        "<1",
        "0",
        ">99",
    ]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1", "missing"]
    assert ax.get_title(loc="left") == "Change"


def test_a_large_matrix_has_no_numbers_and_a_row_of_nothing_no_shares() -> None:
    table = np.eye(30)
    table[4] = 0
    [ax] = drawn(transitions_figure(table)).axes
    assert len(ax.texts) == 0
    assert len(ax.get_yticks()) <= 12
    assert ax.images[0].get_array().mask[4].all()
    [ax] = drawn(transitions_figure(np.zeros((2, 2)))).axes
    assert len(ax.texts) == 0


def test_flows_are_as_wide_as_areas_with_the_highest_cluster_on_top() -> None:
    [ax] = drawn(flows_figure(TABLE, [0, 1, -1], unit_of_area="cells")).axes
    flows, bars = ax.patches[:6], ax.patches[6:]
    total = TABLE.sum()
    heights = [bar.get_height() * total for bar in bars]
    assert heights == pytest.approx([1000, 8, 8, 1003, 7, 6])
    bottoms = [bar.get_y() for bar in bars[:3]]
    assert bottoms == sorted(bottoms)
    assert bars[2].get_facecolor() == cluster_colormap(2)(1)
    # each flow begins and ends within its bars
    for flow in flows:
        start, end = flow.get_path().vertices[[0, 3], 1]
        assert any(b.get_y() - 1e-9 <= start <= b.get_y() + b.get_height() for b in bars[:3])
        assert any(b.get_y() - 1e-9 <= end <= b.get_y() + b.get_height() for b in bars[3:])
    assert [text.get_text() for text in ax.texts] == ["missing: 98 %", "missing: 99 %"]


def test_nothing_at_all_is_drawn_without_flows() -> None:
    [ax] = drawn(flows_figure(np.zeros((2, 2)))).axes
    assert len(ax.patches) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": np.zeros((2, 3))}, "table must have shape"),
        ({"table": np.eye(2), "clusters": [1]}, "clusters must be as many as rows, 2, got"),
        ({"table": np.eye(2), "unit_of_area": "ha"}, "unit_of_area must be 'km2' or 'cells'"),
    ],
)
@pytest.mark.parametrize("draw", [transitions_figure, flows_figure])
def test_tables_that_do_not_fit_are_refused(draw, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        draw(**options)
