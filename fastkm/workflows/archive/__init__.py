"""An archive: from many rasters through time to one codebook, label maps, outlines and figures.

`run` goes through the stages:

- `options`: what is asked for;
- `checkpoint`: what an earlier run has done already;
- `fit`: the codebook of all steps;
- `step_tasks`: parts of a few steps each, labelled, measured and outlined (`label_maps`);
- `assemble_results`, `figures`, `summary`: results of all steps, joined from the parts.

`fastkm.workflows.dask_workers` decides where the work is done. One task makes one part; the part's folder is written
beside its place and then renamed, so that a killed run can be resumed.
"""
