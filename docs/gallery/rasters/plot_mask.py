"""
Only what lies in a polygon
===========================

Cluster the cells of a raster that lie in polygons from a file, such as a basin, a country or a
study area.

The raster is a month of sea surface temperature, HadISST by the Met Office, which comes with
cartopy. The polygon is a rough outline of the North Atlantic, drawn by hand.
"""

# %%
# Polygons may have any reference system. A cell is kept if its centre lies inside.

import tempfile
from pathlib import Path

import cartopy
import geopandas as gpd
import matplotlib.pyplot as plt
from shapely.geometry import Polygon

import fastkm

file = Path(cartopy.config["repo_data_dir"], "netcdf", "HadISST1_SST_update.nc")
shore = [(-82, 25), (-60, 8), (-10, 8), (-5, 35), (0, 50), (5, 62), (-20, 66), (-45, 62), (-68, 45)]
basin = gpd.GeoDataFrame(geometry=[Polygon(shore)], crs="EPSG:4326")

with tempfile.TemporaryDirectory() as folder:
    mask = Path(folder, "basin.gpkg")
    basin.to_file(mask)
    inside = fastkm.open_raster(file, mask=mask, bbox=(-95, 0, 15, 70)).load()

clusters = fastkm.cluster_raster(inside, 6)
clusters.plot(title="Sea surface temperature of the North Atlantic", projection="orthographic")

# %%
# The clusters are those of the basin alone. Its numbers are not those of the whole ocean:

world = fastkm.cluster_raster(fastkm.read_raster(file), 6)
figure, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
for row, result in enumerate((world, clusters)):
    ax.plot(result.centroids, [row] * 6, "o", markersize=10)
    for edge in result.codebook.breaks:
        ax.plot([edge, edge], [row - 0.25, row + 0.25], color="black", linewidth=1)
ax.set(
    xlabel="centroids and breaks (degrees Celsius)",
    yticks=[0, 1],
    yticklabels=["the world", "the basin"],
    ylim=(-0.6, 1.6),
)
plt.show()

# %%
# ``mask_share=0.5`` keeps the cells that have at least half of their area inside.

# sphinx_gallery_thumbnail_number = 1
