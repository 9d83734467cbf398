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
    from fastkm._core.nodata import Nodata
    from fastkm._core.progress import Progress
    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.raster.multifile.array_series import ArraySeries
    from fastkm.raster.multifile.series import RasterSeries

OnFault = Callable[[ArchiveError], None]


def open_files(
    paths: Sequence[Path],
    variables: Sequence[str],
    on_fault: OnFault,
    progress: Progress,
    *,
    sel: Sel | None = None,
    nodata: Nodata = None,
    bbox: Bbox | None = None,
    mask: Path | None = None,
    mask_share: float | None = None,
    years: tuple[int, int] | None = None,
) -> tuple[RasterSeries, dict[int, FileInfo]]:
    """Scan files and stores, and combine those that can be used.

    `on_fault` is called for each input that cannot be used; unless it raises, the input is left out.
    Empty `variables` mean the only one. Return the series, and what was read of the inputs by their
    number.
    """
    infos: dict[int, FileInfo] = {}
    progress.begin("look at the inputs", len(paths), "files")
    blocks = [
        (path, variables or None, name, sel, nodata)
        for path, name in zip(paths, make_short_names(paths), strict=True)
    ]
    for number, result in map_blocks(scan_file, blocks):
        if isinstance(result, ArchiveError):
            on_fault(result)
        elif isinstance(result, Exception):
            raise result
        else:
            infos[number] = result
        progress.advance()
    series = combine_files(
        [infos[number] for number in sorted(infos)],
        years=years,
        bbox=bbox,
        mask=None if mask is None else mask.absolute(),
        mask_share=mask_share,
        on_fault=on_fault,
    )
    note_repeated_columns(series.make_template())
    return series, infos


def open_object(data: Any, variables: Sequence[str], **selection: Any) -> ArraySeries:
    """Make a series of a `DataArray` or a `Dataset` of xarray; options are those of `open_files`."""
    series = make_array_series(data, variables or None, **selection)
    note_repeated_columns(series.make_template())
    return series
