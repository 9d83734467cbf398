"""Pictures of the gallery that fastkm draws: figures that pyplot does not know.

sphinx-gallery collects the figures that pyplot holds. Figures of fastkm stand alone, and notebooks show
them if they are the last expression of a cell. This scraper does the same with the last expression of
a block of an example.
"""

from __future__ import annotations

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

LAST_EXPRESSION = "___"  # the name that sphinx-gallery keeps the value of the last expression under
DOTS_PER_INCH = 100


class FigureScraper:
    """Save the figure that a block of an example ends with, unless pyplot holds it."""

    def __init__(self) -> None:
        self._saved: Figure | None = None

    def __repr__(self) -> str:
        """Return a text that is the same in each build, so that sphinx sees no changed setting."""
        return "FigureScraper"

    def __reduce__(self) -> tuple[type[FigureScraper], tuple[()]]:
        """Leave the figure behind if the settings are kept, or go to another process."""
        return FigureScraper, ()

    def __call__(
        self, _block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]
    ) -> str:
        """Save the picture, and return the text that shows it, empty if there is none."""
        figure = block_vars["example_globals"].get(LAST_EXPRESSION)
        if not isinstance(figure, Figure) or figure is self._saved or _is_of_pyplot(figure):
            return ""
        self._saved = figure  # the name keeps its value in blocks without a last expression
        path = next(block_vars["image_path_iterator"])
        figure.savefig(path, dpi=DOTS_PER_INCH)
        return figure_rst([path], gallery_conf["src_dir"])


def _is_of_pyplot(figure: Figure) -> bool:
    """Return True if pyplot holds a figure, so that sphinx-gallery saves it."""
    return figure in map(plt.figure, plt.get_fignums())
