"""
Bands and isolines
==================

Draw the lines at the breaks between clusters, and the bands between them, as smooth polygons.

The values are elevations near Jacksboro, Tennessee, from a terrain model that comes with
matplotlib.
"""

# %%
# The model as an array of xarray, with longitudes and latitudes:

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.cbook import get_sample_data
from matplotlib.colors import LightSource

import fastkm

model = get_sample_data("jacksboro_fault_dem.npz")
elevation = xr.DataArray(
    model["elevation"].astype(float),
    dims=("latitude", "longitude"),
    coords={
        "latitude": np.linspace(model["ymin"], model["ymax"], 344),
        "longitude": np.linspace(model["xmin"], model["xmax"], 403),
    },
)[60:260, 40:260]

# %%
# `fastkm.bands` and `fastkm.isolines` interpolate between the centres of cells. Bands tile:
# neighbours share the isoline between them.

codebook = fastkm.kmeans1d(elevation, 6)
bands = fastkm.bands(elevation, codebook)
lines = fastkm.isolines(elevation, codebook.breaks)

shade = LightSource(azdeg=315, altdeg=45).hillshade(elevation.values, vert_exag=0.05)
west, east = elevation["longitude"].values[[0, -1]]
north, south = elevation["latitude"].values[[0, -1]]

figure, axes = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained", sharex=True, sharey=True)
colours = plt.get_cmap("gist_earth")(np.linspace(0.35, 0.95, 6))[bands["cluster"]]
bands.plot(ax=axes[0], color=colours, edgecolor="black", linewidth=0.3)
axes[1].imshow(shade, cmap="gray", extent=(west, east, south, north))
lines.plot(ax=axes[1], column="level", cmap="YlOrRd_r", linewidth=1.1, legend=True)
for ax, title in zip(axes, ("bands", "isolines at the breaks (m)"), strict=True):
    ax.set(title=title, xlim=(west, east), ylim=(south, north))
    ax.set(aspect=1 / np.cos(np.radians(36.6)), xticks=[], yticks=[], xlabel="", ylabel="")
plt.show()

# %%
# Both are tables with a reference system:

bands.head()
