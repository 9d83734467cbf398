"""Write the pages of the API reference: every public name, in groups, each with a page of its own.

What is public is asked of the package itself, so that a new name appears without being named here: those
that stand in no group of `GROUPS` come last. The files are written to ``reference/api`` before Sphinx
looks for pages; `autosummary` makes a page of each name from them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import fastkm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "reference" / "api"

GROUPS = {
    "Clusters in one dimension": ("kmeans1d", "KMeans1D", "natural_breaks", "FisherJenks"),
    "Clusters of rasters, bands and rows": ("cluster_raster", "RasterClusters", "KMeans"),
    "The number of clusters": ("choose_k", "Choice"),
    "Codebooks from files": ("load_codebook",),
    "In place of scipy": ("kmeans", "kmeans2", "vq", "whiten"),
    "Rasters from files": ("read_raster", "open_raster", "open_archive"),
    "Label maps to polygons": ("outline", "polygonize", "polygonize_to_file", "sieve", "plot_map"),
    "Isolines and bands": ("bands", "isolines", "find_contours"),
    "Lengths of outlines": ("max_pairwise_distance", "exceeds_distance"),
    "Archives and changes through time": (
        "cluster_archive",
        "ArchiveClusters",
        "track",
        "Tracks",
        "transitions",
        "Transitions",
    ),
    "A report in a browser": ("report",),
    "Errors": ("ClusterError",),
}
"""Names of `fastkm` by what they are for."""

OTHERS = "More"

MODULES = {
    "fastkm": "Everything that is imported from `fastkm` itself.",
    "fastkm.cluster.vq": "The functions of ``scipy.cluster.vq`` under the same names: "
    "``from fastkm.cluster.vq import kmeans, kmeans2, vq, whiten``.",
    "fastkm.plot": "Figures with all their choices. Results draw themselves with the most usual "
    "ones: ``cluster_raster(raster, 6).plot()``.",
    "fastkm.datasets": "Sample rasters, generated, that are always there.",
    "fastkm.errors": "The exceptions that fastkm raises besides those of Python.",
    "fastkm.xarray": "``import fastkm.xarray`` makes functions of fastkm methods of xarray's arrays "
    "and datasets: ``raster.fastkm.cluster(6)``.",
}
"""The public modules, each with a page."""


def list_names(module: str) -> list[str]:
    """Return the public names of a module."""
    room = importlib.import_module(module)
    if module == "fastkm":
        public = {*room.__all__, *room._EXTRA} - {"__version__"}
    elif hasattr(room, "__all__"):
        public = {*room.__all__}
    else:
        own = {name for name, value in vars(room).items() if _is_defined_in(value, module)}
        public = {name for name in own if not name.startswith("_")}
    return sorted(public, key=str.lower)


def list_own_names(module: str) -> list[str]:
    """Return the public names of a module that have a page of their own there."""
    return [name for name in list_names(module) if not _has_a_page_in_fastkm(module, name)]


def group_names(module: str) -> dict[str, list[str]]:
    """Return the public names of a module by the heading that they stand under."""
    names = list_names(module)
    if module != "fastkm":
        return {"": names}
    groups = {title: [name for name in group if name in names] for title, group in GROUPS.items()}
    grouped = {name for group in groups.values() for name in group}
    groups[OTHERS] = [name for name in names if name not in grouped]
    return {title: group for title, group in groups.items() if group}


def write_module(module: str) -> str:
    """Return the page of a module."""
    lines = [module, "=" * len(module), "", MODULES[module], "", f".. currentmodule:: {module}", ""]
    for title, names in group_names(module).items():
        own = [name for name in names if name in list_own_names(module)]
        lines += [*_make_title(title), *_make_table(own)]
        lines += [f"`fastkm.{name}` is there, too.\n" for name in names if name not in own]
    return "\n".join(lines)


def write_pages(_app: Sphinx | None = None, _config: Any = None, *, folder: Path = FOLDER) -> None:
    """Write the pages of all modules; a page that is as it should be is not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    _remove_old_pages(folder / "generated")
    for module in MODULES:
        path, text = folder / f"{module}.rst", write_module(module)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _is_defined_in(value: object, module: str) -> bool:
    return isinstance(value, type) and value.__module__ == module


def _make_title(title: str) -> Iterator[str]:
    if title:
        yield from (title, "-" * len(title), "")


def _remove_old_pages(folder: Path) -> None:
    """Remove the pages of names that are no longer there."""
    pages = {f"{module}.{name}" for module in MODULES for name in list_own_names(module)}
    for page in folder.glob("*.rst"):
        if page.stem not in pages:
            page.unlink()


def _has_a_page_in_fastkm(module: str, name: str) -> bool:
    """Return True for a class that `fastkm` has, too: Sphinx wants one page for a class."""
    value = getattr(importlib.import_module(module), name)
    return module != "fastkm" and isinstance(value, type) and getattr(fastkm, name, None) is value


def _make_table(names: Iterable[str]) -> Iterator[str]:
    yield from (".. autosummary::", "   :toctree: generated", "   :nosignatures:", "")
    yield from (f"   {name}" for name in names)
    yield ""


def describe_constant(
    _app: Sphinx, what: str, name: str, value: object, _options: Any, lines: list[str]
) -> None:
    """Describe a constant by the text below its definition, not by the docstring of its class."""
    if what == "data":
        package, constant = name.rsplit(".", 1)
        lines[:] = find_description(package, constant, value)


def find_description(package: str, constant: str, value: object) -> list[str]:
    """Return the text below the definition of a constant, in whichever module of a package it is."""
    for module, room in [*sys.modules.items()]:
        if module.startswith(package) and vars(room).get(constant) is value:
            texts = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", constant) in texts:
                return texts["", constant]
    raise ValueError(f"{package}.{constant} has no text below its definition")


def check_names(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that have no page, which fails a build with ``-W``."""
    documented = env.domains.python_domain.objects
    for module in MODULES:
        for name in list_own_names(module):
            if f"{module}.{name}" not in documented:
                logger.warning("%s.%s is not documented", module, name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages as soon as the configuration is read."""
    app.connect("config-inited", write_pages)
    app.connect("autodoc-process-docstring", describe_constant)
    app.connect("env-check-consistency", check_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
