"""An archive: from many rasters through time to one codebook, label maps, outlines and figures.

The data's way through this room:

    options -> checkpoint -> fit -> step_tasks -> assemble_results
    (what is asked) (what is done already) (clusters) (a few steps each) (joined)

`run` leads it along; `dask_workers` says where the work is done. A part of the work is made by one
task, written beside its place and renamed, so that a run that is killed can be resumed.
"""
