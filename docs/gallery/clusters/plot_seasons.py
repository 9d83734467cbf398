"""
Cells with alike seasons
========================

Cluster the cells of a grid by their twelve monthly means. Clusters are then regions with the same
yearly course, as in maps of climate zones.

The data is two generated years of precipitable water over the oceans.
"""

# %%
# The mean of each month of the year has no gaps between satellite tracks. An array with a third
# dimension has its slices as bands: each cell is a row of twelve numbers.

import tempfile

import matplotlib.pyplot as plt

import fastkm
from fastkm.datasets import write_sample_archive

with tempfile.TemporaryDirectory() as folder:
    [file] = write_sample_archive(folder, months=24, layout="single")
    water = fastkm.open_archive(file).load()

year = water.groupby("time.month").mean()

clusters = fastkm.cluster_raster(year, 7, weights="area")
clusters.plot(title="Seven regions with alike seasons", cmap="tab10")

# %%
# The centroids are the yearly courses of the regions:

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
colours = plt.get_cmap("tab10", 7)
for cluster, course in enumerate(clusters.centroids.values):
    ax.plot(range(1, 13), course, "o-", color=colours(cluster), label=cluster)
ax.set(xlabel="month", ylabel="precipitable water (kg m$^{-2}$)", xticks=range(1, 13))
ax.legend(title="cluster", ncols=2, bbox_to_anchor=(1, 1), loc="upper left")
plt.show()
