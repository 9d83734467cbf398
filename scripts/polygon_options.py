"""Draw part of the sample as polygons, once with each option: the picture of the README.

    python scripts/polygon_options.py --output polygons.png

The part is the sea round Indonesia, in six clusters of precipitable water; white is land.
"""

from pathlib import Path
from typing import Annotated

import geopandas as gpd
import matplotlib as mpl
import typer
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

import fastkm
from fastkm.datasets import sample_dataset

K = 6
LONGITUDES, LATITUDES = slice(94, 140), slice(-20, 12)
"""Degrees: few enough that cells of one degree are seen."""

SIZE_INCHES, DOTS_PER_INCH = (12.0, 6.4), 90
COLOURS = "viridis"

console = Console(markup=False, soft_wrap=True)


def run(
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("polygons.png"),
) -> None:
    """Draw six panels: polygons as they come, and with each option."""
    output.parent.mkdir(parents=True, exist_ok=True)
    figure = draw_panels(make_panels(read_part()))
    figure.savefig(output, dpi=DOTS_PER_INCH, pil_kwargs={"optimize": True})
    console.print(f"wrote {output}", highlight=False)


def read_part() -> xr.DataArray:
    """Return the part of the sample, NaN on land."""
    water = sample_dataset()["precipitable_water"].isel(time=0, drop=True)
    part = water.sel(longitude=LONGITUDES, latitude=LATITUDES).transpose("latitude", "longitude")
    return part.where(part >= 0)


def make_panels(raster: xr.DataArray) -> dict[str, gpd.GeoDataFrame]:
    """Return the polygons of each panel, by the words above it."""
    codebook = fastkm.kmeans1d(raster, K)
    labels = codebook.predict(raster)
    sieved = fastkm.sieve(labels, "16px", fill_holes=True)
    return {
        "polygonize(labels)": fastkm.polygonize(labels),
        'simplify="1px"': fastkm.polygonize(labels, simplify="1px"),
        "smooth=2": fastkm.polygonize(labels, smooth=2),
        'sieve(labels, "16px", fill_holes=True)': fastkm.polygonize(sieved),
        "bands(raster, codebook)": fastkm.bands(raster, codebook),
        "isolines(raster, codebook.breaks)": fastkm.isolines(raster, codebook.breaks),
    }


def draw_panels(panels: dict[str, gpd.GeoDataFrame]) -> Figure:
    """Draw the polygons of all panels, three in a row."""
    figure = Figure(SIZE_INCHES, layout="constrained")
    for ax, (title, frame) in zip(figure.subplots(2, 3).flat, panels.items(), strict=True):
        draw_frame(ax, frame)
        ax.set_title(title, family="monospace", fontsize=10)
        ax.set(xlim=(LONGITUDES.start, LONGITUDES.stop), ylim=(LATITUDES.start, LATITUDES.stop))
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="", aspect="equal")
    return figure


def draw_frame(ax: Axes, frame: gpd.GeoDataFrame) -> None:
    """Draw polygons in the colours of their clusters, lines in those of the clusters above them."""
    colours = mpl.colormaps[COLOURS].resampled(K)
    if "cluster" in frame:
        frame.plot(ax=ax, color=colours(frame["cluster"]), edgecolor="white", linewidth=0.6)
    else:
        order = frame["level"].rank(method="dense").astype(int)
        frame.plot(ax=ax, color=colours(order), linewidth=1.4)


if __name__ == "__main__":
    typer.run(run)
