"""What ``fastkm info`` prints: the grids of a file, and what its variables hold."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from fastkm.cli.output import out, to_plain

if TYPE_CHECKING:
    from fastkm.raster.io.describe.grids import AxisInfo, GridInfo, LayoutInfo
    from fastkm.raster.io.describe.variables import VariableInfo

MOST_NAMES = 8
"""Variables of a grid up to which all are named."""

DIGITS = 6
"""Significant digits of the ends of a range."""

WIDTH_DIGITS = 4
"""Significant digits of the width of a range, for which its ends may need more."""


def print_grid(grid: GridInfo, layouts: Mapping[str, LayoutInfo]) -> None:
    """Print where the cells of some variables lie, and how each of these is laid out."""
    table = _make_table(f"grid of {_list_names(layouts)}")
    for axis in grid.axes:
        table.add_row(to_plain(axis.name), to_plain(_format_axis(axis)))
    if grid.extent is not None:
        table.add_row("extent", to_plain(_format_extent(grid)))
    if grid.cell_size is not None:
        width, height = map(_format_number, grid.cell_size)
        table.add_row("cell size", to_plain(f"{width} x {height} {grid.units}".strip()))
    if grid.globe is not None:
        table.add_row("on the globe", to_plain(_format_globe(grid)))
    unnamed = "none named; longitudes and latitudes" if grid.units == "degrees" else "none named"
    table.add_row("reference system", to_plain(grid.crs or unnamed))
    for layout in dict.fromkeys(layouts.values()):
        own = [name for name, each in layouts.items() if each == layout]
        of = "" if len(own) == len(layouts) else f" of {_list_names(own)}"
        table.add_row(to_plain(f"chunks{of}"), _format_layout(layout))
    out.print(table)


def print_variable(variable: VariableInfo) -> None:
    """Print how a variable is stored and, if they are known, its range and missing cells."""
    from fastkm.raster.io.describe.suspicious import (
        format_sentinel,  # with numpy, which starts threads
    )

    sizes = " x ".join(f"{dim} {size}" for dim, size in variable.sizes.items())
    table = _make_table(f"{variable.name} ({sizes})")
    if variable.long_name != variable.name:
        table.add_row("what", to_plain(variable.long_name or "-"))
    table.add_row("units", to_plain(variable.units or "-"))
    table.add_row("stored as", variable.dtype + _format_packing(variable))
    if variable.valid:
        table.add_row("range", _format_range(variable.low, variable.high))
    valid = "" if variable.valid is None else f", of them {variable.valid:,} valid"
    table.add_row("cells", f"{variable.cells:,}{valid}")
    for rule, count in variable.missing.items():
        values = ", ".join(map(format_sentinel, variable.hidden.get(rule, [])))
        note = f"; only this rule catches {values}" if values else ""
        table.add_row(to_plain(f"missing by {rule}"), f"{count:,}{note}")
    for code in map(format_sentinel, variable.suspicious):
        advice = f"{code} looks like a code for something missing: --nodata {code} leaves it out"
        table.add_row("suspicious", f"[red]{advice}[/red]")
    out.print(table)


def _make_table(title: str) -> Table:
    """Return a table of two columns without headings."""
    table = Table(title=to_plain(title, "table.title"), title_justify="left", show_header=False)
    for _ in range(2):
        table.add_column(overflow="fold")  # long words are cut nowhere
    return table


def _list_names(names: Collection[str]) -> str:
    """List names, or the first of many."""
    listed = ", ".join(list(names)[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed


def _format_layout(layout: LayoutInfo) -> str:
    """Format the sizes of chunks, and their compression."""
    chunks = " x ".join(map(str, layout.chunks)) if layout.chunks else "none"
    return f"{chunks}, {layout.compression}" if layout.compression else chunks


def _format_axis(axis: AxisInfo) -> str:
    """Format the size of a dimension, and the values of its coordinate.

    Examples
    --------
    >>> from fastkm.raster.io.describe.grids import AxisInfo
    >>> _format_axis(AxisInfo("level", 2, ("850", "500"), "hPa"))
    '2 values: 850, 500 hPa'
    """
    count = "1 value" if axis.size == 1 else f"{axis.size:,} values"
    if not axis.values:
        return f"{count}, no coordinate"
    all_listed = len(axis.values) == axis.size
    listed = f"{(', ' if all_listed else ' to ').join(axis.values)} {axis.units}".rstrip()
    apart = f", {axis.step} apart" if axis.step else ""
    return listed if axis.size == 1 else f"{count}: {listed}{apart}"


def _format_extent(grid: GridInfo) -> str:
    """Format the edges of a grid."""
    left, bottom, right, top = map(_format_number, grid.extent or ())
    if grid.units == "degrees":
        return f"longitudes {left} to {right}, latitudes {bottom} to {top}"
    return f"x {left} to {right}, y {bottom} to {top} {grid.units}".rstrip()


def _format_globe(grid: GridInfo) -> str:
    """Format where a grid lies on the globe, if its extent does not say it, and how wide cells are."""
    if grid.globe is None:
        return ""
    narrow, wide = (f"{width:.3g}" for width in grid.globe[1:])
    cells = (
        f"cells about {narrow} km wide" if narrow == wide else f"cells {narrow} to {wide} km wide"
    )
    if grid.units == "degrees":
        return cells
    west, south, east, north = (f"{degrees:.4g}" for degrees in grid.globe.extent)
    return f"longitudes {west} to {east}, latitudes {south} to {north}; {cells}"


def _format_number(number: float) -> str:
    """Format a coordinate without the digits that rounding has added.

    Examples
    --------
    >>> _format_number(5190240.0), _format_number(0.1 + 0.2)
    ('5190240', '0.3')
    """
    return f"{number:.10g}"


def _format_packing(variable: VariableInfo) -> str:
    """Format how stored numbers are unpacked."""
    if (variable.scale, variable.offset) == (1.0, 0.0):
        return ""
    sign = "-" if variable.offset < 0 else "+"
    offset = f" {sign} {abs(variable.offset):.10g}" if variable.offset else ""
    return f", value = {variable.scale:.10g} x stored{offset}"


def _format_range(low: float, high: float) -> str:
    """Format a range, with more digits if it is narrow.

    Examples
    --------
    >>> _format_range(0.0, 75.25), _format_range(1000000000.5, 1000000655.75)
    ('0 to 75.25', '1000000000.5 to 1000000655.8')
    """
    size, width = max(abs(low), abs(high)), high - low
    more = math.ceil(math.log10(size / width)) if 0 < width < size < math.inf else 0
    digits = min(max(DIGITS, WIDTH_DIGITS + more), 17)
    return f"{low:.{digits}g} to {high:.{digits}g}"
