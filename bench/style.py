"""The style of all figures: a rival has the same colour and marker everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.case import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS = {"color": "#c1272d", "marker": "o", "linewidth": 2.4, "zorder": 5}
_COLOURS = {
    "scipy": "#1f4e79",
    "scikit-learn": "#e08e2b",
    "lloyd": "#e08e2b",
    "elkan": "#8c6d31",
    "minibatch": "#bcbd22",
    "intelex": "#2ca6c4",
    "faiss": "#3b8f4f",
    "dask-ml": "#9467bd",
    "kmeans1d": "#6b3fa0",
    "ckwrap": "#a0522d",
    "flash1dkmeans": "#00c2a8",
    "jenkspy": "#7f7f7f",
    "mapclassify": "#d46fae",
    "scikit-image": "#1f4e79",
    "contourpy": "#3b8f4f",
    "rasterio": "#e08e2b",
    "shapely": "#9467bd",
    "ConvexHull": "#2ca6c4",
    "cdist": "#1f4e79",
    "np.": "#999999",
}
"""Colours by a word in the rival's name; if several match, the last one counts."""
_MARKERS = "sD^v<>pPX*hd"


def choose_line(rival: str) -> dict[str, Any]:
    """Return the colour, marker and width of a rival's line."""
    if rival.startswith(OURS):
        return dict(_OURS)
    words = [word for word in _COLOURS if word in rival]
    if not words:
        return {"color": "#555555", "marker": "x", "linewidth": 1.4}
    number = list(_COLOURS).index(words[-1])
    return {
        "color": _COLOURS[words[-1]],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linewidth": 1.4,
    }


def new_figure(
    rows: int, columns: int, *, width: float = 5.0, height: float = 3.8
) -> tuple[Figure, Any]:
    """Make a figure of panels, sized in inches a panel; return it and its axes, a 2-D array."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False)


def tidy(axes: Axes) -> None:
    """Remove the upper and right frame, and draw a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, which="major", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
