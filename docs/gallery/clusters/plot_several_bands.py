"""
Several bands together
======================

Cluster two variables together: cells are alike if both are. Bands have different units, so they are
standardised first; cells count by their area.

The data is a generated month of water vapour and wind over the oceans.
"""

# %%
# A dataset with several variables goes in, and a label map comes out. ``standardize=True`` divides
# each band by its standard deviation, and ``weights="area"`` weights cells by their area on the
# globe.

import tempfile

import matplotlib.pyplot as plt

import fastkm
from fastkm.datasets import write_sample_archive

with tempfile.TemporaryDirectory() as folder:
    [file] = write_sample_archive(folder, months=1, start="1997-07", variables=2)
    climate = fastkm.open_raster(file, ["precipitable_water", "wind_speed"]).load()

clusters = fastkm.cluster_raster(climate, 5, standardize=True, weights="area")
clusters.plot(title="Five regimes of water vapour and wind, July 1997")

# %%
# Centroids are in the units of the bands:

clusters.to_frame()

# %%
# In the plane of the two variables, clusters are no longer intervals:

labels = clusters.labels.values
water, wind = climate["precipitable_water"].values, climate["wind_speed"].values
figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
for cluster in range(5):
    inside = labels == cluster
    ax.plot(water[inside][::4], wind[inside][::4], ".", markersize=2)
ax.plot(*clusters.centroids.values.T, "k*", markersize=12, label="centroids")
ax.set(xlabel="precipitable water (kg m$^{-2}$)", ylabel="wind speed (m s$^{-1}$)")
ax.legend()
plt.show()
