"""
What becomes of each cluster?
=============================

Count the area that passes from each cluster to each other one, from month to month.

The files are generated months of precipitable water over the oceans.
"""

# %%
# `fastkm.transitions` takes label maps through time, in memory or lazy.

import tempfile

import fastkm
from fastkm.datasets import write_sample_archive

with tempfile.TemporaryDirectory() as folder:
    [file] = write_sample_archive(folder, months=12, layout="single")
    water = fastkm.open_archive(file).load()

codebook = fastkm.kmeans1d(water, 5)
changes = fastkm.transitions(codebook.predict(water))
print(changes)

# %%
# Rows sum up to one: the shares of a cluster that stay, and that pass to others.

changes.plot(title="From month to month")

# %%
# The same as flows, as wide as their areas:

changes.plot_flows(title="From month to month")

# %%
# How many months do cells stay in a cluster? Many stays are cut by the ends of the record:
# ``mean_steps`` takes them as they are seen, ``expected_steps`` makes up for that.

changes.persistence[["steps", "stays", "mean_steps", "expected_steps"]].round(2)

# sphinx_gallery_thumbnail_number = 2
