"""Extensions of the site: formulas as MathML, and pages that load nothing from the net."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest

from tests.docs.pages import DOCS, needs_checkout

pytest.importorskip("sphinx")
pytestmark = needs_checkout

sys.path.insert(0, str(DOCS / "_ext"))


@pytest.fixture(scope="module")
def offline_pages():
    return importlib.import_module("offline_pages")


@pytest.mark.parametrize(
    ("tag", "loads"),
    [
        ('<script src="https://a.b/c.js"></script>', True),
        ('<script src="_static/c.js"></script>', False),
        ('<link rel="stylesheet" href="//a.b/c.css">', True),
        ('<link href="https://a.b/c.css" rel="stylesheet">', True),
        ('<link rel="canonical" href="https://a.b/c.html">', False),
        ('<img alt="x" src="https://a.b/c.png">', True),
        ('<a href="https://a.b/c">', False),
        ("<style>@import 'https://a.b/c.css';</style>", True),
        ("<style>p {background: url(https://a.b/c.png)}</style>", True),
    ],
)
def test_what_is_loaded_from_the_net_is_found(tag, loads, offline_pages, tmp_path) -> None:
    (tmp_path / "page.html").write_text(f"<html><p>{tag}</p></html>")
    assert len([*offline_pages.find_loaded(tmp_path)]) == loads
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    if loads:
        with pytest.raises(Exception, match=r"pages load from the net: page\.html: "):
            offline_pages.check_pages(app, None)
    else:
        offline_pages.check_pages(app, None)


def test_formulas_are_written_as_mathml() -> None:
    from docutils import nodes

    mathml = importlib.import_module("math_as_mathml")
    writer = SimpleNamespace(body=[], starttag=lambda _node, name, *_, **__: f"<{name}>")
    for write, node in (
        (mathml.write_inline, nodes.math("", r"\sum_i w_i")),
        (mathml.write_block, nodes.math_block("", r"\frac{a}{b}")),
    ):
        with pytest.raises(nodes.SkipNode):
            write(writer, node)
    inline, opened, block = writer.body
    assert "<math" in inline
    assert "∑" in inline
    assert opened == "<div>"
    assert "<mfrac>" in block
