"""
Cells are not equally large
===========================

On a grid of longitudes and latitudes, cells near the poles are small. Weight cells by their area,
so that clusters stand for parts of the Earth, not of the array.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy.
"""

# %%
# ``weights="area"`` takes the exact area of each cell on the ellipsoid WGS84. Any other weights are
# an array.

from pathlib import Path

import cartopy
import matplotlib.pyplot as plt
import numpy as np

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
temperature = fastkm.read_raster(file)

by_cell = fastkm.cluster_raster(temperature, 6)
by_area = fastkm.cluster_raster(temperature, 6, weights="area")
by_area.to_frame()[["centroid", "count", "weight", "share"]]

# %%
# The centroids move to where most of the area is, the warm ocean:

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
colours = plt.get_cmap("viridis", 6)(range(6))
for row, result in enumerate((by_cell, by_area)):
    axes[0].scatter(result.centroids, np.full(6, row), c=colours, s=90, edgecolor="black")
axes[0].set(
    title="centroids",
    xlabel="degrees Celsius",
    yticks=[0, 1],
    yticklabels=["each cell counts one", "weighted by area"],
    ylim=(-0.6, 1.6),
)
width = 0.4
axes[1].bar(np.arange(6) - width / 2, 100 * by_cell.shares, width, label="share of cells")
axes[1].bar(np.arange(6) + width / 2, 100 * by_area.shares, width, label="share of area")
axes[1].set(title="shares of clusters", xlabel="cluster", ylabel="%")
axes[1].legend()
plt.show()

# %%
# The map by area:

by_area.plot(title="Six clusters, weighted by area", projection="robinson")

# sphinx_gallery_thumbnail_number = 2
