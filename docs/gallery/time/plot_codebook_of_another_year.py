"""
One codebook for many rasters
=============================

Keep the clusters of one month, and label another month by them. Labels then mean the same in both,
and the difference is a change.

The data is generated months of precipitable water over the oceans, one of them in a warm event.
"""

# %%
# A codebook is a small JSON file. `fastkm.load_codebook` reads it on any machine.

import tempfile
from pathlib import Path

import xarray as xr

import fastkm
from fastkm.datasets import write_sample_archive
from fastkm.plot import draw_labels, draw_raster, make_panels

with tempfile.TemporaryDirectory() as folder:
    [first] = write_sample_archive(folder, months=1, start="1996-08")
    [second] = write_sample_archive(folder, months=1, start="1997-08")
    before, after = fastkm.read_raster(first), fastkm.read_raster(second)

    fastkm.kmeans1d(before, 6).save(Path(folder, "codebook.json"))
    codebook = fastkm.load_codebook(Path(folder, "codebook.json"))

# %%
# Both months by the same centroids, and how many clusters cells rise or fall:

labels = [codebook.predict(before), codebook.predict(after)]
seen = (labels[0] >= 0) & (labels[1] >= 0)
change = (labels[1] - labels[0]).where(seen)
change.attrs = {"long_name": "change of the cluster, August 1996 to August 1997"}

page, [top, middle, bottom] = make_panels(3, before, columns=1, size=(7, None))
for ax, label_map, title in zip((top, middle), labels, ("August 1996", "August 1997"), strict=True):
    draw_labels(ax, label_map, codebook.centroids, title=title, units="kg m-2")
draw_raster(bottom, change, cmap="BrBG")
page.trim()
page

# %%
# `fastkm.transitions` counts the area that passes from each cluster (rows) to each other one, in
# million km2; -1 is missing:

changes = fastkm.transitions(xr.concat(labels, "time"))
(changes.area_km2 / 1e6).round(2)
