"""A whole run, from inputs to a folder of results; it can be resumed where it was stopped."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fastkm._core.atomic_write import remove_folder
from fastkm._core.progress import SILENT, Progress, use_progress
from fastkm.cluster.codebook import select_clusters
from fastkm.errors import ArchiveError
from fastkm.raster.grid.geolocation import find_grid
from fastkm.raster.multifile.array_series import ArraySeries
from fastkm.raster.multifile.scan import find_inputs, make_short_names
from fastkm.vector.formats.file_longitudes import note_longitudes
from fastkm.workflows.archive import assemble_results, fit
from fastkm.workflows.archive.checkpoint import RunFolder, hash_json, read_json, write_json
from fastkm.workflows.archive.figures import COLUMNS, draw_figures
from fastkm.workflows.archive.folder_lock import FolderLock, lock_folder
from fastkm.workflows.archive.label_maps import create_store
from fastkm.workflows.archive.make_parts import PartMaker
from fastkm.workflows.archive.options import describe_run
from fastkm.workflows.archive.parts import Part, PartPlan, describe_files, is_whole
from fastkm.workflows.archive.run_log import PassCounter, RunLog
from fastkm.workflows.archive.step_tasks import OUTLINES, Span, Task, cut_into_spans
from fastkm.workflows.archive.summary import describe_highest, summarize
from fastkm.workflows.archive.tracks.follow import follow_regions
from fastkm.workflows.archive.tracks.write import write_track_maps, write_tracks
from fastkm.workflows.dask_workers import WORKER_TIMEOUT, use_workers
from fastkm.workflows.label_counts import count_labels
from fastkm.workflows.open_series import open_files
from fastkm.workflows.outputs import protect_inputs

if TYPE_CHECKING:
    from fastkm.cluster.codebook import Codebook
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.vector.tracking.track import Tracks
    from fastkm.workflows.archive.options import ArchiveOptions, Description
    from fastkm.workflows.label_counts import StoredMap


ADVICE = "; finished parts are kept: go on with --resume"
"""What to do if workers fail, as the end of a sentence."""


@dataclass(frozen=True)
class RunResult:
    """What a run did: its folder, the files that it wrote, what it left out, and its summary.

    `series` are the steps of the inputs. If it was finished before, `files` and `faults` are empty.
    """

    folder: Path
    files: list[Path]
    faults: list[ArchiveError]
    summary: Description
    series: RasterSeries
    already_finished: bool = False


def cluster_archive(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | ArraySeries,
    output: str | os.PathLike[str],
    options: ArchiveOptions,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    workers: int = 1,
    scheduler: str | None = None,
    worker_timeout: float = WORKER_TIMEOUT,
    progress: Progress = SILENT,
) -> RunResult:
    """Cluster all steps of an archive; write codebook, label maps, outlines, areas and figures.

    `files` are netCDF files, Zarr stores, folders or patterns, or a series of an object of xarray,
    whose run cannot be resumed: it is made again. `resume` goes on where an earlier
    run was stopped; `overwrite` first removes what an earlier run wrote into the folder. A finished
    run is made again if its inputs have changed. If an input or a step cannot be used, the run stops
    or, with `on_error` "skip", goes on without it and lists it in ``errors.csv``. `workers` is the
    number of processes on this machine, `scheduler` the address of a dask scheduler whose workers
    do the work instead. If no worker is left, the run waits `worker_timeout` seconds for one.

    Raises
    ------
    ArchiveError
        If an input or a step cannot be used and `on_error` is "stop".
    ValueError
        If the folder holds something else, a run that was stopped (without `resume`), or one of
        other options or inputs (without `overwrite`); if both are given; if the given codebook does
        not fit, or nothing is left to cluster.
    OSError
        If the folder cannot be written to, no scheduler answers, or no worker is left.
    ImportError
        If something of the extra ``archive`` is not installed: pyarrow; zarr, if labels are written
        to a store; or distributed, if there are to be workers.
    """
    require_extra(options.labels)
    folder = RunFolder(output)
    if resume and overwrite:
        raise ValueError("resume and overwrite exclude each other: take one of the two")
    folder.require_usable(resume=resume, overwrite=overwrite)
    if isinstance(files, ArraySeries):
        inputs: list[Path] | ArraySeries = files
    else:
        inputs = folder.exclude_results(find_inputs(files))
    if overwrite:
        protect_inputs([folder.codebook], [options.codebook_file])
    with (
        lock_folder(folder.root) as lock,
        use_workers(workers, scheduler, timeout=worker_timeout, progress=progress, advice=ADVICE),
    ):
        # another run may have ended just now
        folder.require_usable(resume=resume, overwrite=overwrite)
        run = _Run(folder, lock, inputs, options, progress, on_error == "skip")
        return run.execute(resume=resume, overwrite=overwrite)


def require_extra(labels: str) -> None:
    """Raise an ImportError that says what to install if packages of the extra are missing."""
    needed = ["pyarrow", *(["zarr"] if labels == "zarr" else [])]
    if missing := [name for name in needed if not find_spec(name)]:
        raise ImportError(
            f'results of an archive need {" and ".join(missing)}, which extra "archive" installs: '
            'pip install "fastkm[archive]"'
        )


@dataclass
class _Run:
    """One run, with what its stages have in common."""

    folder: RunFolder
    lock: FolderLock
    inputs: list[Path] | ArraySeries
    options: ArchiveOptions
    progress: Progress
    skip: bool
    log: RunLog = field(default_factory=RunLog)
    faults: list[ArchiveError] = field(default_factory=list)

    def execute(self, *, resume: bool, overwrite: bool) -> RunResult:
        """Go through all stages."""
        # look at inputs and options before anything is written
        archive: RasterSeries
        if isinstance(self.inputs, ArraySeries):
            archive, [info] = self.inputs, self.inputs.inputs
            plan = describe_run(self.options, [Path(info.name)], [info.name], {0: info})
        else:
            options = self.options
            archive, infos = open_files(
                self.inputs,
                options.variables,
                self._handle_fault,
                self.progress,
                **options.selection,
            )
            plan = describe_run(self.options, self.inputs, make_short_names(self.inputs), infos)
        self.log.end_stage("look at the inputs")
        sizes = [{"name": one["name"], "size": one["size"]} for one in plan["inputs"]]
        description = {**plan, "inputs": sizes}
        if self.options.codebook_file is not None:
            given = fit.read_codebook(self.options.codebook_file, archive)
            select_clusters(self.options.select, given.k)

        # begin the run, or go on
        if self.folder.begin(plan, resume=resume, overwrite=overwrite):
            summary = read_json(self.folder.summary)
            return RunResult(self.folder.root, [], [], summary, archive, already_finished=True)
        codebook, archive = self._find_codebook(archive, description)
        [k] = self.options.ks if codebook is None else [codebook.k]
        spans = cut_into_spans(archive)
        task = self._make_task(archive, codebook, k)
        key = hash_json([plan, None if codebook is None else read_json(self.folder.codebook)])
        parts = self._make_parts(archive, spans, task, self._plan_parts(archive, spans, key))
        return self._assemble(archive, spans, parts, codebook, k, description)

    def _handle_fault(self, error: ArchiveError) -> None:
        """Raise a fault or, if faults are to be skipped, list it."""
        if not self.skip:
            raise error
        self.faults.append(error)
        self.progress.note(f"left out: {error}")

    def _find_codebook(
        self, archive: RasterSeries, description: Description
    ) -> tuple[Codebook | None, RasterSeries]:
        """Find the codebook of all steps, or read it; return also the steps that can be used."""
        # no common codebook, or one that was found before the run was stopped
        if self.options.per_step:
            return None, archive
        earlier = self.folder.read_codebook()
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
        self.folder.keep_digest("codebook", hash_json(read_json(self.folder.codebook)))
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
        how += "" if options.sieve is None else f", {options.sieve_options}"
        history = f"labels of {', '.join(archive.variables)}, k = {k}, {how}"
        store = self.folder.label_store
        if options.labels == "zarr" and not self._has_store():
            remove_folder(store)
            maps = options.track is not None and options.track.maps
            create_store(store, archive, codebook, k, history, tracks=maps)
            self.folder.keep_digest("store", describe_files(store))
        return Task(
            None if codebook is None else codebook.without_profile(),
            k,
            options,
            archive.select_range(0, 1),
            history,
            self.skip,
        )

    def _has_store(self) -> bool:
        """Return True if the store of label maps is there, and as it was when it was created."""
        files = self.folder.recall_digest("store")
        return files is not None and is_whole(self.folder.label_store, files)

    def _plan_parts(self, archive: RasterSeries, spans: list[Span], key: str) -> list[PartPlan]:
        """Return what each part has to hold."""
        store = str(self.folder.label_store) if self.options.labels == "zarr" else None
        steps = [(archive.inputs[step.source].name, step.time) for step in archive.steps]
        return [
            PartPlan(str(self.folder.part(n)), key, steps[slice(*span)], span.first, store)
            for n, span in enumerate(spans)
        ]

    def _make_parts(
        self, archive: RasterSeries, spans: list[Span], task: Task, plans: list[PartPlan]
    ) -> list[Part]:
        """Make the parts that are not there, or not whole; return all of them."""
        before = list(self.faults)
        maker = PartMaker(
            self.folder, self.lock, self.progress, self._handle_fault, archive, spans, task, plans
        )
        parts = maker.make_all()
        self.faults = before + [fault for part in parts for fault in part.faults]
        if maker.steps:
            self.log.facts["steps"] = maker.steps
        self.log.end_stage("label the steps")
        return parts

    def _follow_regions(
        self, archive: RasterSeries, maps: list[StoredMap], parts: list[Part], k: int
    ) -> Tracks | None:
        """Follow the regions of the highest cluster that is outlined, if they are to be tracked."""
        options = self.options
        if options.track is None:
            return None
        cluster = select_clusters(options.select, k)[-1]
        return follow_regions(maps, archive, parts, cluster, options.track)

    def _assemble(
        self,
        archive: RasterSeries,
        spans: list[Span],
        parts: list[Part],
        codebook: Codebook | None,
        k: int,
        description: Description,
    ) -> RunResult:
        """Join the parts, draw the figures and write the summary."""
        from fastkm.plot._text import typeset_units

        folder = self.folder
        self.progress.begin("join the results", 4, "tasks")
        rows, books = assemble_results.read_tables(parts, k)
        if not rows:
            raise ValueError("no step of the archive could be labelled")

        # codebooks and label maps
        if codebook is None:
            stored = {"codebook": "per-step", "k": k, "codebooks": books}
            write_json({**stored, **description, "left_out": []}, folder.codebook)
        files = [folder.codebook]
        if self.options.labels == "zarr":
            files.append(folder.label_store)
        else:
            files += assemble_results.place_labels(folder, archive, spans, parts)
        self.progress.advance()

        # outlines, areas and changes
        times = {time for part in parts for time in part.steps}
        labelled, maps = assemble_results.locate_maps(folder, archive, times)
        tracks = self._follow_regions(labelled, maps, parts, k)
        if tracks is not None:
            files += write_tracks(tracks, [step.time for step in labelled.steps], folder)
            if self.options.track is not None and self.options.track.maps:
                write_track_maps(tracks, maps, labelled)
        files += assemble_results.write_all_outlines(folder, parts, tracks)
        note_longitudes(OUTLINES, self.options.longitudes, find_grid(archive.make_template()))
        files += assemble_results.write_areas(rows, folder)
        cell_counts, changes = count_labels(maps, labelled, k)
        files += assemble_results.write_transitions(changes, folder)
        self.progress.advance()

        # figures
        centroids = None
        if codebook is not None and codebook.centroids.ndim == 1:
            centroids = codebook.centroids.tolist()
        files += draw_figures(
            folder,
            archive,
            rows,
            assemble_results.read_row_counts(parts, -(-len(rows) // k // COLUMNS)),
            cell_counts,
            changes,
            k=k,
            highest=describe_highest(archive, codebook, typeset_units),
            centroids=centroids,
        )
        self.progress.advance()

        archive.require_stores_unchanged()

        # what was left out, and the summary: once it is written, the run is finished
        self.lock.require_held()
        files += assemble_results.write_errors(self.faults, folder)
        summary = summarize(archive, rows, codebook, k, self.faults)
        if tracks is not None:
            summary["tracks"] = len(tracks.summary)
        self.log.end_stage("join the results")
        write_json(self.log.to_dict(math.prod(archive.shape)), folder.root / "run.json")
        write_json(summary, folder.summary)
        self.progress.advance()
        folder.tidy()
        files += [folder.root / "run.json", folder.summary]
        return RunResult(folder.root, files, self.faults, summary, archive)
