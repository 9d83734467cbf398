"""Archives: from many rasters through time to one codebook, label maps, outlines, areas and figures.

The data's way through this room, a file a station:

    options  ->  folder  ->  codebooks  ->  parts  ->  finish
    (what is asked)  (what is done already)  (clusters)  (a few steps each)  (joined)

`run` leads it along; `workers` says where the work is done. A part is made by one task, written
beside its place and renamed, so that a run that is killed can be taken up again.
"""

from fastkm.archives.options import ArchiveOptions
from fastkm.archives.run import Done, cluster_archive

__all__ = ["ArchiveOptions", "Done", "cluster_archive"]
