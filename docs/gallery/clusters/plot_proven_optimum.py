"""
The proven optimum against Lloyd's algorithm
============================================

Lloyd's algorithm stops at a local optimum, which depends on where it starts. In one dimension
fastkm returns the best clustering there is, and proves it.

The values are elevations near Jacksboro, Tennessee, from a terrain model that comes with
matplotlib.
"""

# %%
# Sixty runs of scipy's ``kmeans`` from random starts, for ten clusters, and one run of fastkm:

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from scipy.cluster.vq import kmeans, vq

import fastkm

elevation = get_sample_data("jacksboro_fault_dem.npz")["elevation"][::4, ::4]
K, RUNS = 10, 60

optimum = fastkm.kmeans1d(elevation, K)
values = elevation.ravel().astype(float)
runs = [kmeans(values, K, iter=1, rng=seed)[0] for seed in range(RUNS)]
inertias = [np.sum(vq(values, centroids)[1] ** 2) for centroids in runs]
excess = np.array(inertias) / optimum.inertia - 1

print(f"fastkm: inertia {optimum.inertia:,.0f}, proven optimal: {optimum.proven_optimal}")
print(f"runs within 0.1 % of it: {np.sum(excess < 1e-3)} of {RUNS}; the worst: {excess.max():.1%}")

# %%
# Each dot above is a run, and its inertia is the sum of squared distances that k-means minimises.
# Below are the centroids of ten runs, and those of the optimum as lines.

figure, (above, below) = plt.subplots(
    2, figsize=(8, 6), layout="constrained", height_ratios=(1, 1.3)
)
above.scatter(100 * excess, np.random.default_rng(0).random(RUNS), s=16, alpha=0.7)
above.axvline(0, color="tab:red", label="fastkm, the proven optimum")
above.set(xlabel="inertia above the optimum (%)", yticks=[], title="60 runs of Lloyd's algorithm")
above.legend()

for centroid in optimum.centroids:
    below.axvline(centroid, color="tab:red", linewidth=1)
for row, run in enumerate(runs[:10]):
    below.plot(run, np.full(len(run), row), "o", color="tab:blue", markersize=4)
below.set(xlabel="centroids (m)", ylabel="run", yticks=range(10))
plt.show()
