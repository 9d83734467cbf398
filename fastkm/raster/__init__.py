"""Rasters with coordinates: reading, grids, series of files, clusters, label maps.

========= ================================================================
io        one file: open, read, describe, write
grid      where cells lie: axes, reference systems, areas
multifile many files through time, as one series
========= ================================================================
"""
