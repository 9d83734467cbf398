"""
Medians instead of means
========================

In values with a long tail, such as rain, a few large ones draw centroids away from the many small
ones. ``criterion="median"`` finds the clusters of least absolute deviations, with the same proof of
the optimum.

The values are generated daily amounts of rain.
"""

# %%
# The same values in five clusters, by squared distances to means and by distances to medians:

import matplotlib.pyplot as plt
import numpy as np

import fastkm

rain = np.random.default_rng(0).gamma(0.7, 12.0, 20_000).round(1)

results = {
    "means, squared distances": fastkm.kmeans1d(rain, 5),
    "medians, distances": fastkm.kmeans1d(rain, 5, criterion="median"),
}
figure, axes = plt.subplots(2, figsize=(8, 6), layout="constrained", sharex=True)
for ax, (name, result) in zip(axes, results.items(), strict=True):
    result.plot_histogram(ax=ax, name="rain", units="mm", title=name)
plt.show()

# %%
# The largest values have less pull on the medians, so more of the clusters describe the days with
# little rain.

for name, result in results.items():
    print(f"{name}: centroids {result.centroids.round(1)}, proven optimal: {result.proven_optimal}")
