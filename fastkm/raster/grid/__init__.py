"""Grids, that is where cells lie: axes, reference systems, curvilinear grids, areas of cells."""
