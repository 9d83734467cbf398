"""
Missing values are not data
===========================

Files mark missing cells by numbers such as -999. If they are clustered as if they were data, they
take clusters of their own, and fewer are left for what was measured.

The raster is a generated month of precipitable water over the oceans. Land is -999, and sea ice is
-500, which only the valid range of the file's attributes declares.
"""

# %%
# By default cells are missing if any attribute of the file says so. With ``missing="keep"``, all
# numbers are taken as they are stored.

import tempfile
from pathlib import Path

import fastkm
from fastkm.datasets import write_sample
from fastkm.plot import draw_labels, make_panels

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "sample.nc")
    write_sample(file)
    water = fastkm.read_raster(file)
    stored = fastkm.read_raster(file, missing="keep")

right = fastkm.kmeans1d(water, 6)
wrong = fastkm.kmeans1d(stored.values, 6)
print("right:", right.centroids.round(1))
print("wrong:", wrong.centroids.round(1))

# %%
# In the first map, two of the six clusters are land and sea ice.

page, [above, below] = make_panels(2, water, columns=1, size=(7, None))
draw_labels(
    above,
    stored.copy(data=wrong.predict(stored.values)),
    wrong.centroids,
    title="fill values clustered: four clusters of water",
    units="kg m-2",
)
draw_labels(
    below,
    right.predict(water),
    right.centroids,
    title="missing cells left out: six clusters of water",
    units="kg m-2",
)
page.trim()
page

# %%
# A number that means missing, but that no attribute declares, is named with ``nodata=-500``. In
# arrays without attributes, NaN and the mask of a masked array mean missing.
