"""A whole run, from inputs to a folder of results; it can be resumed where it was stopped."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fastkm._core.dask_blocks import map_blocks
from fastkm._core.progress import SILENT, Progress, use_progress
from fastkm.errors import ArchiveError
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import count_bytes, find_inputs, make_short_names, scan_file
from fastkm.workflows.archive import assemble_results, fit
from fastkm.workflows.archive.checkpoint import RunFolder, read_json, write_json
from fastkm.workflows.archive.dask_workers import use_workers
from fastkm.workflows.archive.figures import COLUMNS, draw_figures
from fastkm.workflows.archive.label_maps import create_store
from fastkm.workflows.archive.run_log import PassCounter, RunLog
from fastkm.workflows.archive.step_tasks import Span, Task, make_part, plan_parts, read_faults
from fastkm.workflows.archive.summary import describe_highest, summarize
from fastkm.workflows.raster_file import select_clusters

if TYPE_CHECKING:
    from fastkm.cluster.codebook import Codebook
    from fastkm.raster.multifile.scan import FileInfo
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.options import ArchiveOptions, Description


@dataclass(frozen=True)
class RunResult:
    """What a run did: its folder, the files that it wrote, what it left out, and its summary.

    If it was finished before, `files` and `faults` are empty.
    """

    folder: Path
    files: list[Path]
    faults: list[ArchiveError]
    summary: Description
    already_finished: bool = False


def cluster_archive(
    files: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    options: ArchiveOptions,
    *,
    resume: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress = SILENT,
) -> RunResult:
    """Cluster all steps of an archive; write codebook, label maps, outlines, areas and figures.

    `files` are netCDF files, Zarr stores, folders or patterns. `resume` goes on where an earlier
    run was stopped. If an input or a step cannot be used, the run stops or, with `on_error` "skip",
    goes on without it and lists it in ``errors.csv``. `workers` is the number of processes on this
    machine, `scheduler` the address of a dask scheduler whose workers do the work instead.

    Raises
    ------
    ArchiveError
        If an input or a step cannot be used and `on_error` is "stop".
    ValueError
        If the folder is not empty and `resume` is False, or the run in it was begun with other
        options or inputs; if the given codebook does not fit, or nothing is left to cluster.
    OSError
        If the folder cannot be written to, or no scheduler answers.
    ImportError
        If dask, the extra ``archive``, is not installed.
    """
    folder = RunFolder(output)
    folder.require_usable(resume=resume)
    paths = _exclude_results(folder, find_inputs(files))
    with folder.lock(), use_workers(workers, scheduler):
        return _Run(folder, paths, options, progress, on_error == "skip").execute()


def _exclude_results(folder: RunFolder, paths: Sequence[Path]) -> list[Path]:
    """Return absolute paths, which workers need, without those in the folder for the results."""
    root = folder.root.resolve()
    kept = [path.absolute() for path in paths if not path.resolve().is_relative_to(root)]
    if not kept:
        raise ValueError(
            f"all inputs are in {folder.root}, the folder for the results: name another one"
        )
    return kept


@dataclass
class _Run:
    """One run, with what its stages have in common."""

    folder: RunFolder
    paths: list[Path]
    options: ArchiveOptions
    progress: Progress
    skip: bool
    log: RunLog = field(default_factory=RunLog)
    faults: list[ArchiveError] = field(default_factory=list)

    def execute(self) -> RunResult:
        """Go through all stages."""
        # look at inputs and options before anything is written
        names = make_short_names(self.paths)
        archive = self._scan_inputs(names)
        inputs = [
            {"name": name, "size": count_bytes(path)}
            for name, path in zip(names, self.paths, strict=True)
        ]
        description = {"options": self.options.describe(), "inputs": inputs}
        if self.options.codebook_file is not None:
            given = fit.read_codebook(self.options.codebook_file, archive)
            select_clusters(self.options.select, given.k)

        # begin the run, or go on
        if self.folder.begin(description):
            summary = read_json(self.folder.summary)
            return RunResult(self.folder.root, [], [], summary, already_finished=True)
        codebook, archive = self._find_codebook(archive, description)
        [k] = self.options.ks if codebook is None else [codebook.k]
        spans = plan_parts(archive)
        self._make_parts(archive, spans, self._make_task(archive, codebook, k))
        return self._assemble(archive, spans, codebook, k, description)

    def _handle_fault(self, error: ArchiveError) -> None:
        """Raise a fault or, if faults are to be skipped, list it."""
        if not self.skip:
            raise error
        self.faults.append(error)
        self.progress.note(f"left out: {error}")

    def _scan_inputs(self, names: list[str]) -> RasterSeries:
        """Read the axes, units and times of all inputs, and combine them to one series."""
        self.progress.begin("look at the inputs", len(self.paths), "files")
        found: dict[int, FileInfo] = {}
        variables = self.options.variables or None
        blocks = [(path, variables, name) for path, name in zip(self.paths, names, strict=True)]
        for number, result in map_blocks(scan_file, blocks):
            if isinstance(result, ArchiveError):
                self._handle_fault(result)
            elif isinstance(result, Exception):
                raise result
            else:
                found[number] = result
            self.progress.advance()
        archive = combine_files(
            [found[number] for number in sorted(found)],
            years=self.options.years,
            bbox=self.options.bbox,
            mask=None if self.options.mask is None else self.options.mask.absolute(),
            on_fault=self._handle_fault,
        )
        self.log.end_stage("look at the inputs")
        return archive

    def _find_codebook(
        self, archive: RasterSeries, description: Description
    ) -> tuple[Codebook | None, RasterSeries]:
        """Find the codebook of all steps, or read it; return also the steps that can be used."""
        # no common codebook, or one that was found before the run was stopped
        if self.options.per_step:
            return None, archive
        earlier = read_json(self.folder.codebook)
        if earlier is not None:
            codebook = fit.read_codebook(self.folder.codebook, archive)
            return codebook, self._drop_steps_left_out_before(archive, earlier["left_out"])

        # read the codebook that is given, or cluster and leave out the steps that cannot be used
        known, given = len(self.faults), self.options.codebook_file
        facts: Description = {}
        if given is not None:
            codebook = fit.read_codebook(given, archive)
        else:
            counter = PassCounter(self.progress, "find the clusters")
            with use_progress(counter):
                codebook, facts, archive = fit.find_common_codebook(
                    archive, self.options, self._handle_fault
                )
            self.log.facts["passes"] = codebook.passes or counter.count

        # write the codebook without the number of passes, which may differ between equal runs
        stored = {name: part for name, part in codebook.to_dict().items() if name != "passes"}
        stored |= {"names": list(archive.variables), "units": list(archive.units)}
        left_out = [vars(fault) for fault in self.faults[known:]]
        write_json({**stored, **facts, **description, "left_out": left_out}, self.folder.codebook)
        self.log.end_stage("find the clusters")
        return codebook, archive

    def _drop_steps_left_out_before(
        self, archive: RasterSeries, listed: list[dict[str, str]]
    ) -> RasterSeries:
        """Leave out the steps that were left out when the codebook was found."""
        faults = [ArchiveError(**one) for one in listed]
        for fault in faults:
            self._handle_fault(fault)
        gone = {(fault.file, fault.step) for fault in faults}
        return archive.drop_steps(
            step for step in archive.steps if (archive.inputs[step.source].name, step.time) in gone
        )

    def _make_task(self, archive: RasterSeries, codebook: Codebook | None, k: int) -> Task:
        """Gather what every part needs; with ``labels="zarr"``, create the store of label maps."""
        options = self.options
        select_clusters(options.select, k)
        how = "each step by itself" if options.per_step else "by the common codebook"
        if options.codebook_file is not None:
            how = f"by {options.codebook_file.name}"
        history = f"labels of {', '.join(archive.variables)}, k = {k}, {how}"
        store = self.folder.label_store if options.labels == "zarr" else None
        if store is not None and not store.exists():
            create_store(store, archive, codebook, k, history)
        return Task(
            None if codebook is None else codebook.without_profile(),
            k,
            options,
            archive.select_range(0, 1),
            history,
            self.skip,
            None if store is None else str(store),
        )

    def _make_parts(self, archive: RasterSeries, spans: list[Span], task: Task) -> None:
        """Make the parts that do not exist yet."""
        # report the parts that exist
        waiting = [n for n in range(len(spans)) if not self.folder.part(n).exists()]
        for number in set(range(len(spans))) - set(waiting):
            for fault in read_faults(self.folder.part(number)):
                self._handle_fault(fault)
        steps = sum(spans[n].length for n in waiting)
        self.progress.begin("label the steps", len(archive.steps), "steps")
        self.progress.advance(len(archive.steps) - steps)

        # make the others
        blocks = [
            (archive.select_range(*spans[n]), spans[n].first, task, str(self.folder.part(n)))
            for n in waiting
        ]
        for done, result in map_blocks(make_part, blocks):
            span = spans[waiting[done]]
            if isinstance(result, list):
                faults = result
            elif isinstance(result, ArchiveError):
                faults = [result]
            elif isinstance(result, OSError):
                first = archive.steps[span.first]
                name = archive.inputs[first.source].name
                reason = f"results cannot be written: {result}"
                faults = [ArchiveError(name, first.time, reason)]
            else:
                raise result
            for fault in faults:
                self._handle_fault(fault)
            self.progress.advance(span.length)
        self.log.facts["steps"] = steps
        self.log.end_stage("label the steps")

    def _assemble(
        self,
        archive: RasterSeries,
        spans: list[Span],
        codebook: Codebook | None,
        k: int,
        description: Description,
    ) -> RunResult:
        """Join the parts, draw the figures and write the summary."""
        from fastkm.plot._text import typeset_units

        folder, count = self.folder, len(spans)
        self.progress.begin("join the results", 4, "tasks")
        rows, books = assemble_results.read_tables(folder, count)
        if not rows:
            raise ValueError("no step of the archive could be labelled")

        # codebooks and label maps
        if codebook is None:
            stored = {"codebook": "per-step", "k": k, "codebooks": books}
            write_json({**stored, **description, "left_out": []}, folder.codebook)
        files, labels = [folder.codebook], []
        if self.options.labels == "zarr":
            files.append(folder.label_store)
        else:
            labels = assemble_results.place_labels(folder, archive, spans)
        files += labels
        self.progress.advance()

        # outlines and areas
        files += assemble_results.write_all_outlines(folder, count)
        files += assemble_results.write_areas(rows, folder)
        self.progress.advance()

        # figures
        centroids = None
        if codebook is not None and codebook.centroids.ndim == 1:
            centroids = codebook.centroids.tolist()
        files += draw_figures(
            folder,
            archive,
            rows,
            labels,
            assemble_results.read_row_counts(folder, count, -(-len(rows) // k // COLUMNS)),
            k=k,
            highest=describe_highest(archive, codebook, typeset_units),
            centroids=centroids,
        )
        self.progress.advance()

        # what was left out, and the summary: once it is written, the run is finished
        files += assemble_results.write_errors(self.faults, folder)
        summary = summarize(archive, rows, codebook, k, self.faults)
        self.log.end_stage("join the results")
        write_json(self.log.to_dict(math.prod(archive.shape)), folder.root / "run.json")
        write_json(summary, folder.summary)
        self.progress.advance()
        folder.tidy()
        files += [folder.root / "run.json", folder.summary]
        return RunResult(folder.root, files, self.faults, summary)
