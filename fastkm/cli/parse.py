"""How the text of options becomes numbers, boxes and choices.

Each ``as_`` function raises a ValueError that says what to give instead; `parse_option` turns it
into wrong usage of the command.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import typer

from fastkm.cli.output import make_visible

if TYPE_CHECKING:
    from fastkm.cluster.selection.choose_k import Criterion
    from fastkm.raster.sieve import SieveOptions
    from fastkm.workflows.figures import FigureOptions

Value = TypeVar("Value")


def refuse_option(option: str, reason: str) -> NoReturn:
    """End the command because of wrong usage of an option."""
    raise typer.BadParameter(make_visible(reason), param_hint=option)


def parse_option(option: str, parse: Callable[[Any], Value], given: Any) -> Value:
    """Parse an option; if `parse` refuses it, the command ends because of wrong usage."""
    try:
        return parse(given)
    except ValueError as error:
        raise typer.BadParameter(make_visible(str(error)), param_hint=option) from None


def parse_box(bbox: str | None) -> tuple[float, float, float, float] | None:
    """Parse the option --bbox."""
    return None if bbox is None else parse_option("--bbox", as_bbox, bbox)


def parse_select(select: str, ks: Sequence[int]) -> str:
    """Check that the option --select fits each number of clusters, and return it."""
    from fastkm.cluster.codebook import select_clusters

    parse_option("--select", lambda text: [select_clusters(text, k) for k in ks], select)
    return select


def parse_limit(option: str, limit: str, *units: str) -> str:
    """Check the option of a lower limit, a number with one of some units, and return it."""
    from fastkm._core.validation import parse_limit as read

    try:
        read(option, limit, units, plain=False)
    except ValueError:
        examples = " or ".join(f"200{unit}" for unit in units)
        refuse_option(option, f"take a number with its unit, such as {examples}, not {limit!r}")
    return limit


def parse_report(report: Path | None) -> Path | None:
    """Check the option --report, and that it can be written with what is installed; return it."""
    if report is not None:
        from fastkm.workflows.reports.output import check_report

        parse_option("--report", check_report, report)
    return report


def parse_memory_limit(memory: str | None) -> int | None:
    """Parse the option --memory, as bytes."""
    from fastkm._core.memory import parse_memory

    return None if memory is None else parse_option("--memory", parse_memory, memory)


def parse_boundary(
    boundary: str, connectivity: int, bridge: int, sieve: str | None
) -> Literal["cell", "contour", "band"]:
    """Read --boundary; bands go with none of the options of cells that touch."""
    kind: Literal["cell", "contour", "band"]
    kind = parse_option("--boundary", as_one_of(("cell", "contour", "band")), boundary)
    given = {
        "--connectivity": connectivity != 4,
        "--bridge": bridge != 0,
        "--sieve": sieve is not None,
    }
    for option in [name for name, is_given in given.items() if is_given and kind == "band"]:
        refuse_option(option, "it needs --boundary cell or contour, not band")
    return kind


def parse_simplify(simplify: str | None, smooth: int, boundary: str = "cell") -> str | None:
    """Check the option --simplify, which as --smooth needs outlines of cells, and return it."""
    from fastkm.vector.coverage import as_tolerance

    if boundary != "cell" and (simplify is not None or smooth):
        option = "--smooth" if simplify is None else "--simplify"
        refuse_option(option, f"it needs --boundary cell, not {boundary}")
    parse_option("--simplify", as_tolerance, simplify)
    return simplify


def parse_sieve(
    sieve: str | None, connectivity: Literal[4, 8] = 4, *, fill_holes: bool
) -> SieveOptions | None:
    """Parse the options --sieve and --fill-holes."""
    from fastkm.raster.sieve import SieveOptions

    if sieve is None:
        if fill_holes:
            refuse_option("--fill-holes", "it needs --sieve, which says how small holes are")
        return None
    parse_limit("--sieve", sieve, "px", "km2")
    return SieveOptions(sieve, fill_holes, connectivity)


def parse_longitudes(longitudes: str | None) -> Any:
    """Check the option --longitudes, and return it."""
    from fastkm.vector.formats.file_longitudes import CHOICES

    return parse_option("--longitudes", as_one_of((None, *CHOICES)), longitudes)


def parse_mask_share(share: float | None, mask: Path | None) -> float | None:
    """Check the option --mask-share, and return it."""
    from fastkm.raster.polygon_masks.polygon_mask import check_share

    if share is not None and mask is None:
        refuse_option("--mask-share", "it needs the polygons of --mask")
    parse_option("--mask-share", check_share, share)
    return share


def check_workers(workers: int, scheduler: str | None) -> None:
    """Refuse processes on this machine together with a scheduler."""
    if scheduler is not None and workers > 1:
        refuse_option("--workers / --scheduler", "take one of the two, not both")


def check_codebook_options(
    has_codebook: bool, k: str | None, weights: str | None, standardize: bool
) -> None:
    """Refuse options that say how to find clusters if a codebook is given; otherwise require -k."""
    if not has_codebook and k is None:
        reason = "-k is needed, or a codebook of an earlier run"
        refuse_option("-k / --codebook", reason)
    if has_codebook and k is not None:
        reason = "the codebook has its own number of clusters; leave -k out"
        refuse_option("-k / --codebook", reason)
    if has_codebook and (weights is not None or standardize):
        reason = "these say how to find clusters, but the codebook has its clusters; leave them out"
        refuse_option("--weights / --standardize", reason)


def as_ks(text: str) -> list[int]:
    """Parse a number of clusters such as 6, or a range such as 2:8, which includes both ends."""
    try:
        first, colon, last = text.partition(":")
        low = int(first)
        high = int(last) if colon else low
    except ValueError:
        low, high = 0, 0
    if low < 1 or high < low:
        raise ValueError(
            f"take a number of clusters such as 6, or a range such as 2:8, not {text!r}"
        )
    return list(range(low, high + 1))


def as_criterion(text: str | None, ks: Sequence[int]) -> Criterion | None:
    """Parse the name of a criterion that can choose among `ks`; None means that k is not chosen."""
    from fastkm.cluster.selection.choose_k import CRITERIA

    if text is None:
        return None
    criterion = as_one_of(CRITERIA)(text)
    least = 3 if criterion == "elbow" else 2
    if len(ks) < least:
        raise ValueError(f"{text} needs at least {least} numbers to choose from, such as -k 2:8")
    return criterion


def parse_sel(given: Sequence[str] | None) -> dict[str, str] | None:
    """Parse the option --sel."""
    return None if not given else parse_option("--sel", as_sel, given)


def as_sel(given: Sequence[str]) -> dict[str, str]:
    """Parse dimensions and the values at which they are fixed, such as level=500."""
    pairs = [text.partition("=") for text in given]
    for text, (dim, _, value) in zip(given, pairs, strict=True):
        if not dim.strip() or not value.strip():
            raise ValueError(f"take DIM=VALUE such as level=500, not {text!r}")
    sel = {dim.strip(): value.strip() for dim, _, value in pairs}
    if len(sel) < len(given):
        raise ValueError(f"name each dimension once, not {' '.join(given)!r}")
    return sel


def as_time(text: str) -> int | str:
    """Parse up to three digits as an index and any other text as a date: 2009 is a year."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else text


def as_bbox(text: str) -> tuple[float, float, float, float]:
    """Parse west, south, east and north, in degrees or in the units of the coordinates."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not all(map(math.isfinite, (west, south, east, north))):
        raise ValueError(f"take four numbers W,S,E,N such as -60,-30,60,30, not {text!r}")
    if south > north:
        raise ValueError(f"south, {south:g}, is above north, {north:g}")
    return west, south, east, north


def as_years(text: str) -> tuple[int, int]:
    """Parse a year, or a range of years such as 1988:2016, as its first and last year."""
    found = re.fullmatch(r"(\d{1,4})(?::(\d{1,4}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise ValueError(f"take a year or a range such as 1988:2016, not {text!r}")
    return first, last


def as_one_of(choices: Sequence[Value]) -> Callable[[Any], Value]:
    """Return a function that accepts only these choices; None may be one, if there is a default."""

    def accept(given: Any) -> Value:
        for choice in choices:
            if choice == given:
                return choice
        *others, last = (str(choice) for choice in choices if choice is not None)
        listed = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"take {listed}, not {given!r}")

    return accept


def as_netcdf(path: Path) -> Path:
    """Check that a path ends in .nc or is a folder, and return it."""
    if path.suffix.lower() != ".nc" and not path.is_dir():
        raise ValueError(f"take a .nc file, not {str(path)!r}")
    return path


def as_figure(path: Path) -> Path:
    """Check that a path ends in .png, .pdf or .svg, and return it."""
    if path.suffix.lower() not in {".png", ".pdf", ".svg"}:
        raise ValueError(f"take a .png, .pdf or .svg file, not {str(path)!r}")
    return path


def parse_figures(
    dpi: float,
    title: str | None,
    cmap: str | None,
    projection: str | None,
    size: str | None,
    figure_format: str = "png",
) -> FigureOptions:
    """Parse the options of figures."""
    from fastkm.workflows.figures import FigureOptions

    formats: tuple[Literal["png", "pdf", "svg"], ...] = ("png", "pdf", "svg")
    known = as_one_of(formats)
    return FigureOptions(
        format=parse_option("--figure-format", known, figure_format),
        dpi=dpi,
        title=title,
        cmap=None if cmap is None else parse_option("--cmap", as_colormap, cmap),
        projection=projection and parse_option("--projection", as_projection, projection),
        size=None if size is None else parse_option("--size", as_size, size),
    )


def as_colormap(name: str) -> str:
    """Check the name of a colour map, and return it."""
    from fastkm.plot.style import find_colormap

    find_colormap(name)
    return name


def as_projection(name: str) -> str:
    """Check the name of a projection, and that it can be drawn, and return it."""
    from importlib.util import find_spec

    from fastkm.plot.globe.projections import NO_CARTOPY, check_projection

    projection = check_projection(name)
    if projection != "plate-carree" and find_spec("cartopy") is None:
        raise ValueError(NO_CARTOPY)
    return projection


def as_size(text: str) -> tuple[float, float | None]:
    """Parse the width of a figure in inches, or its width and height.

    Examples
    --------
    >>> as_size("8"), as_size("8x5.5")
    ((8.0, None), (8.0, 5.5))
    """
    try:
        width, *height = (float(part) for part in text.lower().split("x"))
    except ValueError:
        width, height = math.nan, []
    if len(height) > 1 or not all(1 <= length <= 100 for length in (width, *height)):
        raise ValueError(f"take inches from 1 to 100, such as 8 or 8x5, not {text!r}")
    return width, height[0] if height else None
