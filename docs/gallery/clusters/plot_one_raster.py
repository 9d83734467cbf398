"""
One raster to clusters
======================

Six clusters of a raster, as a map and as a table, in two lines.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy. Your own netCDF or GeoTIFF file takes its place. Missing cells, here the land, belong to no
cluster.
"""

# %%
# `fastkm.read_raster` reads one band as an array of xarray. `fastkm.cluster_raster` finds its
# clusters.

from pathlib import Path

import cartopy

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
temperature = fastkm.read_raster(file)

clusters = fastkm.cluster_raster(temperature, 6)
clusters.plot()

# %%
# Clusters are numbered by their centroids: 0 is the coldest, 5 the warmest, on every run.

clusters.to_frame()[["centroid", "above", "up_to", "count", "share"]]

# %%
# The result says whether it is the proven optimum, and which assumptions of k-means hold.

print(clusters)
print(clusters.codebook.report())

# sphinx_gallery_thumbnail_number = 1
