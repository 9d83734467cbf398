"""
Regions through time
====================

Follow regions from month to month: where they move, split and merge.

The files are generated months of precipitable water over the oceans; the regions are those of the
highest of five clusters.
"""

# %%
# Regions of two months belong to one track if they overlap by at least a fifth of the smaller one.
# A track may be missing for one month.

import tempfile

import fastkm
from fastkm.datasets import write_sample_archive

with tempfile.TemporaryDirectory() as folder:
    write_sample_archive(folder, months=18)
    found = fastkm.cluster_archive(f"{folder}/*.nc", 5)
    tracks = found.track(min_overlap=0.2, min_area="100000km2", gap=1)

print(tracks)
tracks.summary[["track", "first", "last", "steps"]].head()

# %%
# A line leads from centroid to centroid, from early to late months.

tracks.plot()

# %%
# The ten largest tracks as they grow and shrink, split off and merge:

tracks.plot_lives()

# sphinx_gallery_thumbnail_number = 2
