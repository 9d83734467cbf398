"""
Outlines of a cluster over a map
================================

Outline the warmest water, measure it in kilometres, and draw it over coastlines.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy.
"""

# %%
# `fastkm.outline` clusters the raster, takes a cluster, and returns its regions as polygons. Here
# they are at least 2,000 km across. A region on both sides of the seam of the grid is one region.

from pathlib import Path

import cartopy

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
temperature = fastkm.read_raster(file)

regions = fastkm.outline(temperature, 6, select="highest", min_diameter="2000km")
regions[["value", "cells", "area_km2", "perimeter_km", "diameter_km", "mean"]]

# %%
# The result is a ``GeoDataFrame``. ``regions.to_file("warm.gpkg")`` writes it for any GIS.

fastkm.plot_map(regions, title="The warmest of six clusters of sea surface temperature")

# %%
# All regions of all clusters, in another projection:

everything = fastkm.outline(temperature, 6)
fastkm.plot_map(everything, title="Six clusters of sea surface temperature", projection="robinson")

# sphinx_gallery_thumbnail_number = 2
