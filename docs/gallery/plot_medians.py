"""
Medians instead of means
========================

A few extreme values draw means away, and may take a cluster of their own. ``criterion="median"`` finds the clusters of
least absolute deviations, with the same proof.

The values are distances between the frames of a stereo photograph, with a few faults of the sensor added.
"""

# %%
# Three groups of values, and five faults among ten thousand:

import matplotlib.pyplot as plt
import numpy as np

import fastkm

random = np.random.default_rng(7)
values = np.concatenate(
    [random.normal(mean, 0.8, 3332) for mean in (8, 15, 21)] + [[180, 220, 240, 250, 255]]
)

means = fastkm.kmeans1d(values, 4)
medians = fastkm.kmeans1d(values, 4, criterion="median")
print("means:  ", means.centroids.round(1), means.counts)
print("medians:", medians.centroids.round(1), medians.counts)
