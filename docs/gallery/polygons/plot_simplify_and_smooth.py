"""
Fewer points, rounder corners
=============================

Polygons follow the edges of cells. Simplify and smooth them without opening a gap between
neighbours.

The values are elevations near Jacksboro, Tennessee, from a terrain model that comes with
matplotlib.
"""

# %%
# A line between two regions is moved once, for both. So the polygons still tile, whatever is done
# to them.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data

import fastkm

elevation = get_sample_data("jacksboro_fault_dem.npz")["elevation"][60:130, 60:150]
labels = fastkm.sieve(fastkm.kmeans1d(elevation, 5).predict(elevation), "12px")

ways = {
    "as they come": {},
    'simplify="2px"': {"simplify": "2px"},
    "smooth=2": {"smooth": 2},
    'smooth=2, simplify="0.3px"': {"smooth": 2, "simplify": "0.3px"},
}
figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
for ax, (name, options) in zip(axes.flat, ways.items(), strict=True):
    regions = fastkm.polygonize(labels, **options)
    points = regions.count_coordinates().sum()
    colours = plt.get_cmap("gist_earth")(np.linspace(0.35, 0.95, 5))[regions["cluster"]]
    regions.plot(ax=ax, color=colours, edgecolor="white", linewidth=0.8)
    ax.set(title=f"{name}: {points:,} points", xticks=[], yticks=[], xlabel="", ylabel="")
    ax.set(xlim=(0, 90), ylim=(70, 0))  # rows count from the top
plt.show()

# %%
# The areas of the polygons sum up to the area of the raster: nothing overlaps, and nothing is left
# out.

print(regions.area.sum(), "of", elevation.size)
