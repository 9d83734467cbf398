"""
Label maps in other projections
===============================

Draw a label map as it lies in the file, round the globe, from space, or round a pole.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy.
"""

# %%
# Without a projection, longitudes and latitudes are drawn as they are.

from pathlib import Path

import cartopy

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
clusters = fastkm.cluster_raster(fastkm.read_raster(file), 8)
clusters.plot(cmap="RdYlBu_r")

# %%
# The whole globe, with true proportions of areas as far as they go:

clusters.plot(projection="robinson", cmap="RdYlBu_r")

# %%
# From space:

clusters.plot(projection="orthographic", cmap="RdYlBu_r")

# %%
# Round a pole; for another part of the world, name the code of a reference system, such as
# ``EPSG:3035``.

clusters.plot(projection="polar", cmap="RdYlBu_r")

# sphinx_gallery_thumbnail_number = 2
