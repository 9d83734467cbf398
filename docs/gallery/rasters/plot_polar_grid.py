"""
A grid round the pole
=====================

Grids need no rows of latitude: on a polar projection, or with a longitude and a latitude for each
cell, areas are right, and regions that surround a pole include it.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy, taken to a polar grid.
"""

# %%
# A grid of 50 km round the South Pole, with the coordinates of its projection (EPSG:3031):

from pathlib import Path

import cartopy
import numpy as np
import pyproj
import xarray as xr

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
globe = fastkm.read_raster(file)

metres = np.arange(-5475e3, 5476e3, 50e3)
x, y = np.meshgrid(metres, metres[::-1])
longitude, latitude = pyproj.Transformer.from_crs(3031, 4326, always_xy=True).transform(x, y)
cells = globe.sel(
    lon=xr.DataArray(longitude, dims=("y", "x")),
    lat=xr.DataArray(latitude, dims=("y", "x")),
    method="nearest",
)
polar = cells.drop_vars(("time", "lon", "lat")).assign_coords(
    x=("x", metres, {"units": "m", "standard_name": "projection_x_coordinate"}),
    y=("y", metres[::-1], {"units": "m", "standard_name": "projection_y_coordinate"}),
    spatial_ref=((), 0, pyproj.CRS(3031).to_cf()),
)
polar.encoding["grid_mapping"] = "spatial_ref"

# %%
# Shares are those of areas on the globe. The projection stretches cells away from the pole, and
# weights by area put that right.

clusters = fastkm.cluster_raster(polar, 5, weights="area")
clusters.plot(title="Sea surface temperature round Antarctica")

# %%
# A grid whose cells have longitudes and latitudes of their own, such as a satellite's swath, leads
# to the same clusters:

swath = cells.drop_vars(("time", "lon", "lat")).assign_coords(
    longitude=(("y", "x"), longitude, {"units": "degrees_east"}),
    latitude=(("y", "x"), latitude, {"units": "degrees_north"}),
)
again = fastkm.cluster_raster(swath, 5, weights="area")
print(again.centroids.values.round(2), clusters.centroids.values.round(2))

# %%
# The coldest water is a ring round the pole, and its polygon is one, too:

regions = fastkm.outline(again.labels, select="lowest", min_diameter="2000km")
fastkm.plot_map(regions, projection="polar", title="The coldest of five clusters")
