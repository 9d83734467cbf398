"""Rasters with coordinates: reading, grids, series of files, clusters, label maps.

========= ================================================================
io        one file: open, read, describe, write
grid      where cells lie: axes, reference systems, areas
multifile many files through time, as one series
========= ================================================================
"""

from typing import TYPE_CHECKING

from fastkm._core.renamed import make_getattr

if not TYPE_CHECKING:  # otherwise type checkers would take any name for one of these
    __getattr__ = make_getattr(__name__)
