"""Polygons with coordinates and a reference system: outlines of clusters, and files of them."""

from typing import TYPE_CHECKING

from fastkm._core.renamed import make_getattr

if not TYPE_CHECKING:  # otherwise type checkers would take any name for one of these
    __getattr__ = make_getattr(__name__)
