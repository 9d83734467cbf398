"""
How many clusters?
==================

Score two to eight clusters by four criteria, and look at the maps. No criterion knows what the
clusters are for, so the scores are a help, not an answer.
"""

# %%
# One call finds the optimum for every k.

from pathlib import Path

import cartopy
import matplotlib.pyplot as plt

import fastkm
from fastkm.plot import clusters_figure

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
temperature = fastkm.read_raster(file)
results = fastkm.kmeans1d(temperature, range(2, 9))

# %%
# On rasters without gaps between clusters the silhouette prefers few clusters. Calinski-Harabasz
# and BIC, of which lower is better, prefer many. The elbow depends on the first and the last k.

criteria = ["silhouette", "elbow", "calinski_harabasz", "bic"]
figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
for ax, criterion in zip(axes.flat, criteria, strict=True):
    choice = fastkm.choose_k(results, criterion)
    choice.plot(ax=ax, title=f"{criterion}: {choice.k} clusters")
plt.show()

# %%
# The maps of all of them, with the choice of the elbow marked:

chosen = fastkm.choose_k(results, "elbow")
clusters_figure(temperature, results, chosen=chosen.k)

# sphinx_gallery_thumbnail_number = 1
