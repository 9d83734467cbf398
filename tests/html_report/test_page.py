"""The text of a page: what stands in it, and that no name of a file is more than a text."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("bokeh")

from fastkm.html_report.contents import (
    Axis,
    Clustering,
    Contents,
    Histogram,
    MapGrid,
    Outlines,
    Scores,
    Table,
)
from fastkm.html_report.page import SCRIPTS, render_page

NASTY = """</title><script>alert("x")</script>'"><img src=x> $$\\frac$$ {{ 7 * 7 }} <!-- & ]]>"""
SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, -0.5]])


def make_contents(text="water"):
    """Make contents with all parts that one raster has, each text of which is the same."""
    labels = np.array([[0, 1, -1], [1, 1, 0]], np.int8)
    table = Table(("cluster", text), (("0", text), ("1", text)))
    histogram = Histogram(np.array([0.0, 1, 2]), np.array([[60.0, 0], [0, 40]]), [1.0], [0.5, 1.5])
    one = Clustering(labels, ("#440154", "#fde725"), (text, text), table, (text,), histogram)
    grid = MapGrid(
        Axis("longitude", "", np.arange(3.0), "longitude"),
        Axis(text, text, np.arange(2.0)),
        0.5,
        np.array([[1.0, 2.5, np.nan], [2, 2, 1]]),
        text,
        text,
        (SQUARE[:3],),
        (text,),
    )
    return Contents(
        title=text,
        done=(text,),
        grid=grid,
        clusterings=(one,),
        facts=((text, text),),
        scores=Scores({2: 0.5, 3: np.inf}, 2, text),
        outlines=Outlines((((SQUARE,),),), Table(("region", text), (("1", text),)), (2,), (text,)),
    )


def read_data(page):
    """Return the data of a page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def cut_own(page):
    """Return a page without the styles, scripts and data that are the same in every page."""
    return re.sub(r"<(script|style)[ >].*?</\1>", "", page, flags=re.DOTALL)


def test_texts_stand_in_the_page():
    page = render_page(make_contents("Precipitable water"))
    assert "<title>Precipitable water</title>" in page
    assert cut_own(page).count("Precipitable water") > 10


def test_names_are_never_more_than_texts():
    page = render_page(make_contents(NASTY))
    plain, own = cut_own(render_page(make_contents())), cut_own(page)
    assert NASTY in html.unescape(own)
    assert own.count("alert(") == own.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;") > 10
    assert re.findall(r"<[/!a-z][a-z0-9]*", own) == re.findall(r"<[/!a-z][a-z0-9]*", plain)
    assert page.count("<script") == len(SCRIPTS) + 2 == page.count("</script>")


def test_data_keeps_names_as_they_are():
    data = read_data(render_page(make_contents(NASTY)))
    assert data["units"] == NASTY
    assert data["clusterings"][0]["names"] == [NASTY, NASTY]


def test_texts_of_figures_are_no_mathematics():
    figures = json.dumps(read_data(render_page(make_contents("$$x^$$")))["figures"])
    said = re.findall(r'"(?:axis_label|title)": ("\$\$[^"]*")', figures)
    assert said == []
    assert '"name": "PlainText"' in figures


def test_nothing_is_loaded_from_elsewhere():
    page = render_page(make_contents())
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", cut_own(page))
    assert not re.search(r"@import|url\(", re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1])


def test_each_figure_has_a_text_alternative():
    page = render_page(make_contents())
    places = re.findall(r'<div id="figure-[^>]*>', page)
    assert len(places) == 3
    assert all("aria-label=" in place for place in places)


def test_ids_are_unique():
    ids = re.findall(r' id="([^"]*)"', cut_own(render_page(make_contents())))
    assert len(ids) == len(set(ids))


def test_parts_that_are_not_known_are_left_out():
    full = make_contents()
    [one] = full.clusterings
    bare = replace(
        full, clusterings=(replace(one, histogram=None),), scores=None, outlines=None, facts=()
    )
    page = render_page(replace(bare, grid=replace(full.grid, values=None, shores=())))
    data = read_data(page)
    assert list(data["figures"]) == ["map"]
    assert data["values"] is None
    assert "regions" not in data
    assert "Scores" not in cut_own(page)


def test_several_k_have_a_choice():
    full = make_contents()
    page = cut_own(render_page(replace(full, clusterings=full.clusterings * 2, shown=1)))
    assert page.count('type="radio"') == 2
    assert len(re.findall(r'data-clustering="0" hidden', page)) == 3
    assert not re.search(r'data-clustering="1" hidden', page)
    assert 'type="radio"' not in cut_own(render_page(full))


def test_infinite_scores_are_in_the_table_and_not_in_the_figure():
    page = render_page(make_contents())
    assert re.search(r"<th scope=\"row\">3</th><td>inf</td>", page)
    assert '"number"' not in json.dumps(read_data(page)["figures"]["scores"])


def test_scores_that_are_all_infinite_have_a_page():
    contents = replace(make_contents(), scores=Scores({2: -np.inf}, 2, "lower is better"))
    assert "-inf" in cut_own(render_page(contents))


def test_many_breaks_are_left_to_the_table():
    edges, k = np.arange(31.0), 30
    histogram = Histogram(edges, 100 / k * np.eye(k), edges[1:-1], edges[:-1] + 0.5)
    full = make_contents()
    one = replace(
        full.clusterings[0], histogram=histogram, colours=("#440154",) * k, names=("a",) * k
    )
    page = cut_own(render_page(replace(full, clusterings=(one,))))
    assert "Dashed lines" in cut_own(render_page(full))
    assert "Dashed lines" not in page


def test_the_same_contents_are_the_same_page():
    data = [read_data(render_page(make_contents())) for _ in range(2)]
    for one in data:
        del one["figures"]  # bokeh gives a number to each figure
    assert data[0] == data[1]
