"""The series that an archive is made of: files that are scanned and combined, or objects of xarray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastkm._core.blocks.dask_blocks import map_blocks
from fastkm.errors import ArchiveError
from fastkm.raster.grid.repeated_columns import note_repeated_columns
from fastkm.raster.multifile.array_series import make_array_series
from fastkm.raster.multifile.combine import combine_files
from fastkm.raster.multifile.scan import FileInfo, make_short_names, scan_file

if TYPE_CHECKING:
    from fastkm._core.progress import Progress
    from fastkm.raster.multifile.array_series import ArraySeries
    from fastkm.raster.multifile.series import RasterSeries
    from fastkm.workflows.archive.options import ArchiveOptions

OnFault = Callable[[ArchiveError], None]


def open_files(
    paths: Sequence[Path], options: ArchiveOptions, on_fault: OnFault, progress: Progress
) -> tuple[RasterSeries, dict[int, FileInfo]]:
    """Scan files and stores, and combine those that can be used.

    `on_fault` is called for each input that cannot be used; unless it raises, the input is left out.
    Return the series, and what was read of the inputs by their number.
    """
    infos = _scan_files(paths, options, on_fault, progress)
    series = combine_files(
        [infos[number] for number in sorted(infos)],
        years=options.years,
        bbox=options.bbox,
        mask=None if options.mask is None else options.mask.absolute(),
        on_fault=on_fault,
    )
    note_repeated_columns(series.make_template())
    return series, infos


def _scan_files(
    paths: Sequence[Path], options: ArchiveOptions, on_fault: OnFault, progress: Progress
) -> dict[int, FileInfo]:
    """Read the axes, units and times of all inputs."""
    progress.begin("look at the inputs", len(paths), "files")
    found: dict[int, FileInfo] = {}
    variables = options.variables or None
    chosen = options.sel, options.nodata
    blocks = [
        (path, variables, name, *chosen)
        for path, name in zip(paths, make_short_names(paths), strict=True)
    ]
    for number, result in map_blocks(scan_file, blocks):
        if isinstance(result, ArchiveError):
            on_fault(result)
        elif isinstance(result, Exception):
            raise result
        else:
            found[number] = result
        progress.advance()
    return found


def open_object(data: Any, options: ArchiveOptions) -> ArraySeries:
    """Make a series of a `DataArray` or a `Dataset` of xarray, in memory or lazy."""
    series = make_array_series(
        data,
        options.variables or None,
        bbox=options.bbox,
        mask=options.mask,
        years=options.years,
        sel=options.sel,
        nodata=options.nodata,
    )
    note_repeated_columns(series.make_template())
    return series
