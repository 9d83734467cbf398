"""
Methods of xarray's arrays
==========================

After ``import fastkm.xarray``, arrays have an accessor ``.fastkm``. A chain of methods leads from a
raster to polygons.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy.
"""

# %%
# Whatever xarray selects or computes can be clustered. Here it is the deviation from the mean of
# each latitude.

from pathlib import Path

import cartopy

import fastkm
import fastkm.xarray

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
temperature = fastkm.read_raster(file).sel(lat=slice(60, -60))
anomaly = (temperature - temperature.mean("lon")).assign_attrs(
    units="degC", long_name="deviation from the mean of the latitude"
)

clusters = anomaly.fastkm.cluster(5, weights="area")
clusters.plot(cmap="RdYlBu_r")

# %%
# The label map is an array, too: remove small regions, and turn the rest into polygons.

regions = clusters.labels.fastkm.sieve("200000km2").fastkm.polygonize(smooth=2)
fastkm.plot_map(regions, title="Sieved and smoothed", cmap="RdYlBu_r")

# %%

regions.head()
