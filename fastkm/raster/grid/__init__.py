"""Where cells lie: axes, coordinate reference systems, curvilinear grids, areas of cells."""
