"""The jobs of `fastkm.workflows.raster_file` for rasters of several bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastkm.cluster.selection.choose_k import Choice, choose_k
from fastkm.raster.bands import Stack, stack_of
from fastkm.raster.cluster_raster import cluster_raster
from fastkm.raster.codebook import StackCodebook, load_stack_codebook
from fastkm.raster.grid.axes import raster_variables
from fastkm.raster.io.read_geotiff import is_geotiff
from fastkm.raster.io.read_netcdf import open_netcdf
from fastkm.workflows.job import Colours, Job, Selection, is_map, write_maps
from fastkm.workflows.tables import choice_table, stack_table

if TYPE_CHECKING:
    import xarray as xr

    from fastkm.raster.raster_clusters import RasterClusters


@dataclass(frozen=True)
class StackClusters:
    """Clusters of several bands: by k the codebook, the label map, and the cells here.

    Attributes
    ----------
    stack : Stack
        The bands.
    codebooks : dict of int to StackCodebook
        Centroids by k.
    maps : dict of int to xarray.DataArray
        Label maps by k.
    counts : dict of int to array
        Cells of each cluster.
    files : list of Path
        What was written.
    inertia : dict of int to float
        Empty where an older codebook was used.
    weights : dict of int to array
        Summed weights of the clusters, where cells have weights.
    choice : Choice, optional
        The chosen k.
    """

    stack: Stack
    codebooks: dict[int, StackCodebook]
    maps: dict[int, xr.DataArray]
    counts: dict[int, np.ndarray]
    files: list[Path]
    inertia: dict[int, float] = field(default_factory=dict)
    weights: dict[int, np.ndarray] = field(default_factory=dict)
    choice: Choice | None = None

    def shares(self, k: int) -> np.ndarray:
        """Give the share of each cluster in the weights, or in the cells."""
        parts = self.weights.get(k, self.counts[k])
        return parts / (parts.sum() or 1)


def cluster_bands(
    job: Job,
    raster: xr.DataArray | xr.Dataset,
    selection: Selection,
    ks: Sequence[int],
    output: Path,
    *,
    choose: str | None,
    weights: xr.DataArray | None,
    standardize: bool,
) -> StackClusters:
    """Cluster several bands for each k and write what `fastkm.workflows.raster_file.cluster_file` says."""
    with job.step("cluster"):
        results: dict[int, RasterClusters] = cluster_raster(
            raster, ks, weights=weights, standardize=standardize
        )
        choice = None if choose is None else choose_k(results, choose)
    done = StackClusters(
        stack=stack_of(raster),
        codebooks={k: _codebook(result) for k, result in results.items()},
        maps={k: result.labels for k, result in results.items()},
        counts={k: result.counts for k, result in results.items()},
        files=job.files,
        inertia={k: result.inertia for k, result in results.items()},
        weights={} if weights is None else {k: r.weights for k, r in results.items()},
        choice=choice,
    )
    how = ["standardized bands"] * standardize + ["cells weighted by area"] * (weights is not None)
    by = ", ".join(["cluster_raster", *how])
    with job.step("write label maps, codebooks and the table"):
        write_maps(job, done.maps, _colours(done), selection, output, by=by, of=_names(done))
        if is_map(output):
            return done
        for k, codebook in done.codebooks.items():
            path = output / f"codebook_k{k}.json"
            codebook.save(path)
            job.files.append(path)
        job.write(_table(done), output / "clusters.csv")
    with job.step("draw the figure"):
        _draw(job, output / "clusters.png", done)
    if choice is not None:
        with job.step("write and draw the scores"):
            job.write(choice_table(choice), output / "choice.csv")
            draw_choice(job, output / "choice.png", choice)
    return done


def label_bands(job: Job, selection: Selection, path: Path, output: Path) -> StackClusters:
    """Label several bands by a codebook and write what `fastkm.workflows.raster_file.label_file` says."""
    with job.step("read the raster"):
        codebook = load_stack_codebook(path)
        raster = _with_variables_of(codebook, selection).read_stack()
    with job.step("label"):
        labels = codebook.predict(raster)
    k = codebook.k
    counts = np.bincount(labels.values[labels.values >= 0], minlength=k)
    done = StackClusters(stack_of(raster), {k: codebook}, {k: labels}, {k: counts}, job.files)
    with job.step("write the label map and the table"):
        by = f"labels by {path.name}"
        write_maps(job, done.maps, _colours(done), selection, output, by=by, of=_names(done))
        if is_map(output):
            return done
        job.write(_table(done), output / "clusters.csv")
    with job.step("draw the figure"):
        _draw(job, output / "clusters.png", done)
    return done


def draw_choice(job: Job, path: Path, choice: Choice) -> None:
    """Draw the scores of each k."""
    from fastkm.plot import scores_figure

    figure = scores_figure(
        choice.scores, choice.k, criterion=choice.criterion, errors=choice.errors
    )
    job.save(figure, path)


def _codebook(result: RasterClusters) -> StackCodebook:
    codebook = result.codebook
    if not isinstance(codebook, StackCodebook):
        raise TypeError(f"a raster of several bands is needed, got {len(result.bands)}")
    return codebook


def _with_variables_of(codebook: StackCodebook, selection: Selection) -> Selection:
    """Select the variables that the codebook names, where the file has them and none are named."""
    from dataclasses import replace

    if selection.variable is not None or is_geotiff(selection.file):
        return selection
    with open_netcdf(selection.file) as dataset:
        there = set(codebook.names) <= set(raster_variables(dataset))
    return replace(selection, variable=codebook.names) if there else selection


def _names(done: StackClusters) -> str:
    return ", ".join(done.stack.names)


def _table(done: StackClusters) -> list[list[object]]:
    centroids = {k: codebook.centroids for k, codebook in done.codebooks.items()}
    shares = {k: done.shares(k) for k in done.codebooks}
    return stack_table(done.stack.names, centroids, done.counts, shares)


def _is_photo(stack: Stack) -> bool:
    """Tell whether the bands are red, green and blue bytes, with perhaps one more."""
    kinds = {
        np.dtype(band.encoding.get("dtype", band.dtype)) if band.dtype.kind == "f" else band.dtype
        for band in stack.bands
    }
    return len(stack.bands) in {3, 4} and kinds == {np.dtype(np.uint8)}


def _colours(done: StackClusters) -> dict[int, Colours]:
    """Give the clusters of a photo the colours of their centroids, others colours that differ."""
    from fastkm.plot import class_colours

    if _is_photo(done.stack):
        return {
            k: np.clip(codebook.centroids[:, :3] / 255, 0, 1).tolist()
            for k, codebook in done.codebooks.items()
        }
    return {k: class_colours(k) for k in done.codebooks}


def _draw(job: Job, path: Path, done: StackClusters) -> None:
    """Draw the bands and the label maps."""
    from fastkm.plot import stack_figure

    stack = done.stack
    pairs = zip(stack.bands, stack.names, stack.units, strict=True)
    bands = [
        band.assign_attrs(long_name=band.attrs.get("long_name", name), units=units)
        if isinstance(band.attrs.get("long_name", name), str)
        else band.assign_attrs(long_name=name, units=units)
        for band, name, units in pairs
    ]
    centroids = {k: codebook.centroids for k, codebook in done.codebooks.items()}
    figure = stack_figure(bands, done.maps, centroids, _colours(done), photo=_is_photo(stack))
    job.save(figure, path)
