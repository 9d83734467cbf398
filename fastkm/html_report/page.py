"""A page for a browser: one file that asks for nothing else.

The layout is in ``page.html`` and ``page.css``, and what readers can do in scripts beside it. Texts are
escaped by jinja2, data stands in the page as JSON in which no tag can begin, and a policy in the page's
head forbids the browser to load anything.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bokeh.embed import json_item
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from fastkm.html_report.figures import MOST_BREAKS, draw_histogram, draw_map, draw_scores
from fastkm.html_report.pack import pack_array, pack_lines, pack_regions, pack_values
from fastkm.html_report.timeline import draw_sizes, pack_timeline

if TYPE_CHECKING:
    from fastkm.html_report.contents import Axis, Clustering, Contents

SCRIPTS = ("data.js", "map.js", "tables.js", "timeline.js", "page.js")
"""Scripts beside this module, in the order in which they are run."""


def render_page(contents: Contents) -> str:
    """Return the page as text.

    Parameters
    ----------
    contents : Contents
        What the page shows.

    Returns
    -------
    str
        HTML with its styles, scripts and data.
    """
    figures = {"map": draw_map(contents.grid)}
    label = _join_units(contents.grid.quantity, contents.grid.units)
    for i, one in enumerate(contents.clusterings):
        if one.histogram is not None:
            figures[f"histogram-{i}"] = draw_histogram(
                one.histogram, one.colours, one.names, contents.grid.units or "value"
            )
    if contents.scores is not None:
        figures["scores"] = draw_scores(contents.scores)
    if contents.timeline is not None:
        figures["sizes"] = draw_sizes(contents.timeline, contents.clusterings[0].colours)
    data = _collect_data(contents)
    data["figures"] = {name: json_item(plot) for name, plot in figures.items()}
    return (
        _make_environment()
        .get_template("page.html")
        .render(
            contents=contents,
            quantity=label,
            most_breaks=MOST_BREAKS,
            data=htmlsafe_json_dumps(data, separators=(",", ":")),
            style=_read("page.css"),
            scripts=[_read_bokeh(), *(_read(name) for name in SCRIPTS)],
        )
    )


def _collect_data(contents: Contents) -> dict[str, Any]:
    """Return what the scripts need to know, as JSON has it."""
    grid = contents.grid
    data: dict[str, Any] = {
        "x": _describe_axis(grid.x),
        "y": _describe_axis(grid.y),
        "ratio": grid.ratio,
        "units": grid.units,
        "values": None if grid.values is None else pack_values(grid.values),
        "shores": pack_lines(grid.shores, grid),
        "clusterings": [_describe_clustering(one) for one in contents.clusterings],
        "shown": contents.shown,
    }
    if contents.outlines is not None:
        data["regions"] = pack_regions(contents.outlines.regions, grid)
        data["regions"]["ks"] = contents.outlines.ks
    if contents.timeline is not None:
        data["timeline"] = pack_timeline(contents.timeline, contents.tracks)
    return data


def _describe_axis(axis: Axis) -> dict[str, Any]:
    """Return where the cells of a side lie."""
    return {
        "first": float(axis.centres[0]),
        "step": axis.step,
        "count": len(axis.centres),
        "name": axis.name,
        "units": axis.units,
        "degrees": axis.degrees,
    }


def _describe_clustering(one: Clustering) -> dict[str, Any]:
    """Return the labels of a clustering, and the colours and names of its clusters."""
    return {"labels": pack_array(one.labels), "colours": one.colours, "names": one.names}


def _join_units(name: str, units: str) -> str:
    """Return a name with its units."""
    return f"{name} ({units})" if units else name


@cache
def _make_environment() -> Environment:
    """Return the environment of the templates, which escapes all texts."""
    return Environment(
        loader=PackageLoader("fastkm", "html_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(name: str) -> Markup:
    """Read a style or a script of this package."""
    return Markup((files("fastkm.html_report") / name).read_text(encoding="utf-8"))


def _read_bokeh() -> Markup:
    """Return bokeh's own script, without those of its widgets and tables."""
    return Markup("\n".join(Resources("inline", components=["bokeh"]).js_raw))
