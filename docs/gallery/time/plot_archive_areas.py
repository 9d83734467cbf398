"""
Areas through time
==================

Cluster three years of monthly files by one codebook, and follow the area of each cluster.

The files are generated months of precipitable water over the oceans.
"""

# %%
# `fastkm.cluster_archive` finds the optimum over all cells of all months, then labels each month.
# It reads one step at a time, so the archive may be larger than memory.

import tempfile

import fastkm
from fastkm.datasets import write_sample_archive
from fastkm.plot import areas_figure

with tempfile.TemporaryDirectory() as folder:
    write_sample_archive(folder, months=36)
    found = fastkm.cluster_archive(f"{folder}/*.nc", 4)

print(found)
found.areas[["time", "cluster", "cells", "area_km2", "mean"]].head(8)

# %%
# A table with a row for each month and a column for each cluster draws itself:

table = found.areas.pivot_table("area_km2", "time", "cluster")
areas_figure(
    table.index.values, table.values.astype(float), found.codebook.centroids, units="kg m-2"
)
