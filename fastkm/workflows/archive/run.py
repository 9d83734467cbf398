"""The whole run: from inputs to a folder of results, taken up again where it was stopped."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastkm._core.dask_blocks import map_blocks
from fastkm.cluster.exact.result import KMeans1D
from fastkm.errors import ArchiveError
from fastkm.raster.multifile.combine import assembled
from fastkm.raster.multifile.scan import find_inputs, short_names, size_of, survey
from fastkm.workflows.archive import assemble_results, fit
from fastkm.workflows.archive.checkpoint import Folder, read_json, write_json
from fastkm.workflows.archive.dask_workers import working
from fastkm.workflows.archive.figures import COLUMNS, draw_figures
from fastkm.workflows.archive.label_maps import create_store
from fastkm.workflows.archive.progress import SILENT, Report, passes
from fastkm.workflows.archive.run_log import Log
from fastkm.workflows.archive.step_tasks import Span, Task, make_part, plan_parts, read_faults
from fastkm.workflows.archive.summary import highest_name, summarised
from fastkm.workflows.raster_file import chosen_clusters

if TYPE_CHECKING:
    from fastkm.raster.multifile.scan import Survey
    from fastkm.raster.multifile.series import Archive
    from fastkm.workflows.archive.fit import Codebook
    from fastkm.workflows.archive.options import ArchiveOptions, Description


@dataclass(frozen=True)
class Done:
    """What a run did.

    Attributes
    ----------
    folder : Path
        Where the results are.
    files : list of Path
        What was written; empty where all was there already.
    faults : list of ArchiveError
        Inputs and steps that were left out.
    summary : dict
        What ``summary.json`` holds.
    before : bool
        Whether the run was finished before.
    """

    folder: Path
    files: list[Path]
    faults: list[ArchiveError]
    summary: Description
    before: bool = False


def cluster_archive(
    files: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    options: ArchiveOptions,
    *,
    resume: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    workers: int = 1,
    scheduler: str | None = None,
    report: Report = SILENT,
) -> Done:
    """Cluster all steps of an archive; write codebook, label maps, outlines, areas and figures.

    Parameters
    ----------
    files : sequence of path-like
        NetCDF files, Zarr stores and patterns of them.
    output : path-like
        The folder for the results.
    options : ArchiveOptions
        What the results depend on.
    resume : bool, default: False
        Go on where an earlier run was stopped.
    on_error : {"stop", "skip"}
        What becomes of an input or a step that cannot be used: the run ends, or goes on without
        it and lists it in ``errors.csv``.
    workers : int, default: 1
        Processes on this machine.
    scheduler : str, optional
        The address of a dask scheduler whose workers do the work instead.
    report : Report, optional
        Is told of the progress.

    Returns
    -------
    Done

    Raises
    ------
    ArchiveError
        If an input or a step cannot be used and `on_error` is "stop".
    ValueError
        If the folder is not empty and this is no resumption, or one with other options or inputs;
        if options do not go together, or nothing is left to cluster.
    OSError
        If the folder cannot be written to, or no scheduler answers.
    ImportError
        If dask, the extra ``archive``, is not installed.
    """
    folder = Folder(output)
    folder.require_usable(resume=resume)
    paths = _outside(folder, find_inputs(files))
    with folder.alone(), working(workers, scheduler):
        run = _Run(folder, paths, options, report, skip=on_error == "skip")
        return run.done()


def _outside(folder: Folder, paths: Sequence[Path]) -> list[Path]:
    """Give absolute paths, as workers see them, but of what a run has written to the folder."""
    root = folder.root.resolve()
    kept = [path.absolute() for path in paths if not path.resolve().is_relative_to(root)]
    if not kept:
        raise ValueError(f"all inputs are in {folder.root}, the folder for the results")
    return kept


class _Run:
    """One run, with what its stages have in common."""

    def __init__(
        self,
        folder: Folder,
        paths: list[Path],
        options: ArchiveOptions,
        report: Report,
        *,
        skip: bool,
    ) -> None:
        self.folder, self.paths, self.options, self.report = folder, paths, options, report
        self.names = short_names(paths)
        self.skip, self.log = skip, Log()
        self.faults: list[ArchiveError] = []

    def done(self) -> Done:
        """Go through all stages."""
        archive = self._surveyed()
        inputs = [
            {"name": name, "size": size_of(path)}
            for name, path in zip(self.names, self.paths, strict=True)
        ]
        description = {"options": self.options.described(), "inputs": inputs}
        self._require_clusters(archive)
        if self.folder.begin(description):
            summary = read_json(self.folder.summary)
            return Done(self.folder.root, [], [], summary, before=True)
        codebook, archive = self._codebook(archive, description)
        spans = plan_parts(archive)
        self._parts(archive, spans, codebook)
        return self._finished(archive, spans, codebook, description)

    def _require_clusters(self, archive: Archive) -> None:
        """Raise where the clusters that are given, or selected, do not fit, before any is written."""
        given = self.options.given
        if given is not None:
            k = fit.read_codebook(given, archive).k
            chosen_clusters(self.options.select, k)

    def _fault(self, error: ArchiveError) -> None:
        """Stop at a fault, or list it."""
        if not self.skip:
            raise error
        self.faults.append(error)
        self.report.note(f"left out: {error}")

    def _surveyed(self) -> Archive:
        """Look at the inputs: names, axes and units."""
        self.report.begin("look at the inputs", len(self.paths), "files")
        found: dict[int, Any] = {}
        variables = self.options.variables or None
        blocks = [
            (path, variables, name) for path, name in zip(self.paths, self.names, strict=True)
        ]
        for number, result in map_blocks(_look, blocks):
            if isinstance(result, ArchiveError):
                self._fault(result)
            elif isinstance(result, Exception):
                raise result
            else:
                found[number] = result
            self.report.advance()
        archive = assembled(
            [found[number] for number in sorted(found)],
            years=self.options.years,
            bbox=self.options.bbox,
            mask=None if self.options.mask is None else self.options.mask.absolute(),
            on_fault=self._fault,
        )
        self.log.ended("look at the inputs")
        return archive

    def _codebook(
        self, archive: Archive, description: Description
    ) -> tuple[Codebook | int, Archive]:
        """Find the clusters, or read what an earlier run found."""
        if self.options.per_step:
            [k] = self.options.ks
            return k, archive
        earlier = read_json(self.folder.codebook)
        if earlier is not None:
            codebook = fit.read_codebook(self.folder.codebook, archive)
            return codebook, self._left_out_before(archive, earlier["left_out"])
        given = self.options.given
        known = len(self.faults)
        facts: Description = {}
        if given is not None:
            codebook = fit.read_codebook(given, archive)
        else:
            with passes(self.report, "find the clusters") as begun:
                codebook, facts, archive = fit.common_codebook(archive, self.options, self._fault)
            self.log.facts["passes"] = fit.passes_of(codebook, len(begun))
        left_out = [vars(fault) for fault in self.faults[known:]]
        what = {"names": list(archive.variables), "units": list(archive.units)}
        known_of = {**fit.stored(codebook), **what, **facts}
        kept = {**known_of, **description, "left_out": left_out}
        write_json(kept, self.folder.codebook)
        self.log.ended("find the clusters")
        return codebook, archive

    def _left_out_before(self, archive: Archive, listed: list[dict[str, str]]) -> Archive:
        """Leave out the steps that an earlier run left out of the codebook."""
        faults = [ArchiveError(**one) for one in listed]
        for fault in faults:
            self._fault(fault)
        gone = {(fault.file, fault.step) for fault in faults}
        return archive.without(
            step for step in archive.steps if (archive.inputs[step.source].name, step.time) in gone
        )

    def _parts(self, archive: Archive, spans: list[Span], codebook: Codebook | int) -> None:
        """Make the parts that are not there yet."""
        task = self._task(archive, codebook)
        waiting = [n for n in range(len(spans)) if not self.folder.part(n).exists()]
        for number in set(range(len(spans))) - set(waiting):
            for fault in read_faults(self.folder.part(number)):
                self._fault(fault)
        self.report.begin("label the steps", len(archive.steps), "steps")
        self.report.advance(len(archive.steps) - sum(_size(spans[n]) for n in waiting))
        blocks = [
            (archive.part(*spans[n]), spans[n].first, task, str(self.folder.part(n)))
            for n in waiting
        ]
        for done, result in map_blocks(make_part, blocks):
            if isinstance(result, ArchiveError):
                self._fault(result)
            elif isinstance(result, OSError):
                first = archive.steps[spans[waiting[done]].first]
                name = archive.inputs[first.source].name
                self._fault(ArchiveError(name, first.time, f"results cannot be written: {result}"))
            elif isinstance(result, Exception):
                raise result
            else:
                for fault in result:
                    self._fault(fault)
            self.report.advance(_size(spans[waiting[done]]))
        self.log.facts["steps"] = sum(_size(spans[n]) for n in waiting)
        self.log.ended("label the steps")

    def _task(self, archive: Archive, codebook: Codebook | int) -> Task:
        """Gather what every part needs."""
        options = self.options
        k = codebook if isinstance(codebook, int) else codebook.k
        chosen_clusters(options.select, k)
        how = "each step by itself" if options.per_step else "by the common codebook"
        if options.given is not None:
            how = f"by {options.given.name}"
        history = f"labels of {', '.join(archive.variables)}, k = {k}, {how}"
        store = self.folder.label_store if options.labels == "zarr" else None
        if store is not None and not store.exists():
            create_store(store, archive, codebook, history)
        return Task(
            codebook if isinstance(codebook, int) else fit.for_tasks(codebook),
            options.select,
            options.min_diameter,
            archive.part(0, 1),
            options.weights == "area",
            history,
            self.skip,
            None if store is None else str(store),
        )

    def _finished(
        self,
        archive: Archive,
        spans: list[Span],
        codebook: Codebook | int,
        description: Description,
    ) -> Done:
        """Join the parts and draw the figures."""
        from fastkm.plot._text import typeset_units

        folder, count = self.folder, len(spans)
        self.report.begin("join the results", 4, "files")
        rows, books = assemble_results.read_tables(folder, count)
        k = codebook if isinstance(codebook, int) else codebook.k
        if not rows:
            raise ValueError("no step of the archive could be labelled")
        if isinstance(codebook, int):
            common = {"codebook": "per-step", "k": codebook, "codebooks": books}
            write_json({**common, **description, "left_out": []}, folder.codebook)
        files, labels = [folder.codebook], []
        if self.options.labels == "zarr":
            files.append(folder.label_store)
        else:
            labels = assemble_results.place_labels(folder, archive, spans)
        files += labels
        self.report.advance()
        outlines = assemble_results.write_outlines_of(folder, count)
        files += [] if outlines is None else [outlines]
        files += assemble_results.write_areas(rows, folder)
        self.report.advance()
        files += draw_figures(
            folder,
            archive,
            rows,
            labels,
            assemble_results.read_row_counts(folder, count, -(-len(rows) // k // COLUMNS)),
            k=k,
            highest=highest_name(archive, codebook, typeset_units),
            centroids=codebook.centroids.tolist() if isinstance(codebook, KMeans1D) else None,
        )
        self.report.advance()
        errors = assemble_results.write_errors(self.faults, folder)
        files += [] if errors is None else [errors]
        summary = summarised(archive, rows, codebook, self.faults)
        self.log.ended("join the results")
        write_json(self.log.told(math.prod(archive.shape)), folder.root / "run.json")
        write_json(summary, folder.summary)  # the last: now the run is finished
        self.report.advance()
        folder.tidy()
        files += [folder.root / "run.json", folder.summary]
        return Done(folder.root, files, self.faults, summary)


def _look(path: Path, variables: Sequence[str] | None, name: str) -> Survey:
    """Look at an input: the form in which workers are told to."""
    return survey(path, variables, name=name)


def _size(span: Span) -> int:
    return span.stop - span.first
