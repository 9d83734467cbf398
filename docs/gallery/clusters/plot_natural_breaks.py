"""
A histogram with natural breaks
===============================

Natural breaks (Fisher-Jenks) are the breaks of optimal clusters. Compare them with equal intervals
and quantiles on the same values: which of the three lose least of the variance?

The values are elevations near Jacksboro, Tennessee, from a terrain model that comes with
matplotlib.
"""

# %%
# A result draws the distribution of the values, its breaks and its centroids.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data

import fastkm

elevation = get_sample_data("jacksboro_fault_dem.npz")["elevation"]
K = 5

natural = fastkm.kmeans1d(elevation, K)
natural.plot_histogram(name="elevation", units="m", title="Five natural classes of elevation")

# %%
# `fastkm.natural_breaks` returns the same breaks as jenkspy does, with the least and the greatest
# value.

print(fastkm.natural_breaks(elevation, K))

# %%
# The *goodness of variance fit* is the share of the variance that lies between classes: 1 is a
# perfect fit.

breaks = {
    "natural breaks": natural.breaks,
    "quantiles": np.quantile(elevation, np.arange(1, K) / K),
    "equal intervals": np.linspace(elevation.min(), elevation.max(), K + 1)[1:-1],
}


def variance_fit(classes: np.ndarray) -> float:
    """Return the share of the variance that lies between classes."""
    within = sum(elevation[classes == c].var() * np.sum(classes == c) for c in range(K))
    return 1 - within / (elevation.var() * elevation.size)


figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for ax, (name, edges) in zip(axes, breaks.items(), strict=True):
    classes = np.digitize(elevation, edges, right=True)
    ax.imshow(classes, cmap=plt.get_cmap("viridis", K))
    ax.set(title=f"{name}: fit {variance_fit(classes):.4f}", xticks=[], yticks=[])
plt.show()

# sphinx_gallery_thumbnail_number = 1
