r"""Write formulas as MathML, which browsers show by themselves: no script, nothing from the net."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx


FUNCTION = re.compile(r"\\(?:log|ln|exp)\b")


def to_mathml(formula: str, *, as_block: bool = False) -> str:
    """Return a formula as MathML, with the space round names of functions that TeX would leave."""
    return tex2mathml(FUNCTION.sub(r"\\,\g<0>\\,", formula), as_block=as_block)


def write_inline(writer: Any, node: nodes.math) -> None:
    """Write a formula that stands in a line."""
    writer.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def write_block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula that stands alone."""
    writer.body.append(writer.starttag(node, "div", CLASS="formula"))
    writer.body.append(to_mathml(node.astext(), as_block=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
