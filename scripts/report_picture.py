"""Photograph reports in a browser, 1,400 and 400 pixels wide: the pictures of the README.

    python -m scripts.report_picture --folder scripts/figures

It also prints how large each report is, and how soon a browser shows it. Needs Chromium, its driver,
and selenium.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
import xarray as xr
from PIL import Image
from rich.console import Console

import fastkm
from fastkm.datasets import write_sample, write_sample_archive
from tests.browser import Page, start_browser

COLOURS = 256
"""Of a picture, which keeps its file small."""

ENDS = """
const [first, last] = [...arguments].map((name) => document.querySelector(name).getBoundingClientRect());
return [scrollY + first.top - 12, scrollY + last.bottom + 12];
"""
"""Returns where on a page one element begins and another one ends."""

console = Console(markup=False, soft_wrap=True, highlight=False)


def run(
    folder: Annotated[Path, typer.Option(help="Where to write the pictures.")] = Path(),
    months: Annotated[int, typer.Option(help="Months of the archive.")] = 120,
    resolution: Annotated[
        float, typer.Option(help="Degrees of a cell of the large raster.")
    ] = 0.25,
) -> None:
    """Write the reports of the sample, of a large raster and of an archive; photograph two of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        reports = {
            "report": write_sample_report(place),
            "large raster": write_large_report(place, resolution),
            "report_archive": write_archive_report(place, months),
        }
        with start_browser(place / "browser") as page:
            for name, path in reports.items():
                measure(page, name, path)
            page.open(reports["report"])
            photograph(page, folder / "report.png", "h1", "#regions tbody tr")
            page.open(reports["report"], width=400)
            photograph(page, folder / "report_narrow.png", "#map-heading", "#map-keys")
            page.open(reports["report_archive"])
            page.click(page.find_all("#tracks tbody tr")[0])
            page.run("return timeline.show(arguments[0])", months // 3)
            photograph(
                page, folder / "report_archive.png", "#map-heading", "#tracks tbody tr:nth-child(3)"
            )


def write_sample_report(folder: Path) -> Path:
    """Write the report of the sample in 2 to 6 clusters, with the longest outlines of the highest."""
    write_sample(folder / "sample.nc")
    path = folder / "sample.html"
    write_report(fastkm.read_raster(folder / "sample.nc", "precipitable_water"), path)
    return path


def write_large_report(folder: Path, resolution: float) -> Path:
    """Write the same of a month in smaller cells."""
    [file] = write_sample_archive(folder / "month", months=1, resolution=resolution)
    path = folder / "large.html"
    write_report(fastkm.read_raster(file), path)
    return path


def write_report(raster: xr.DataArray, path: Path) -> None:
    """Cluster a raster, outline its highest clusters, and write the report."""
    results = fastkm.cluster_raster(raster, range(2, 7))
    choice = fastkm.choose_k(results, "elbow")
    outlines = fastkm.outline(
        results[choice.k].labels, select=[choice.k - 1], values=raster, min_diameter="2000km",
    )  # fmt: skip
    fastkm.report(results, path, raster=raster, outlines=outlines, choice=choice)


def write_archive_report(folder: Path, months: int) -> Path:
    """Write the report of an archive, with tracks."""
    files = write_sample_archive(folder / "months", months=months)
    found = fastkm.cluster_archive(files, 4, min_diameter="2000km")
    path = folder / "archive.html"
    fastkm.report(found, path, tracks=found.track(min_area="100000km2"))
    return path


def measure(page: Page, name: str, path: Path) -> None:
    """Print how large a report is, and how soon it is seen and drawn."""
    begun = time.perf_counter()
    page.open(path)
    drawn = time.perf_counter() - begun
    size = path.stat().st_size / 1e6
    console.print(
        f"{name}: {size:.2f} MB, first paint after {page.measure_first_paint():.2f} s, "
        f"drawn after {drawn:.2f} s"
    )


def photograph(page: Page, picture: Path, first: str, last: str) -> None:
    """Write what a reader sees from one element to another of a report, in few colours."""
    top, bottom = page.run(ENDS, first, last)
    page.save_picture(picture, top=top, height=bottom - top)
    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    few.save(picture, optimize=True)
    console.print(f"wrote {picture}, {picture.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    typer.run(run)
