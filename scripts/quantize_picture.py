"""Reduce a photograph to sixteen colours, by fastkm's KMeans and scikit-learn's from the same start.

    python scripts/quantize_picture.py --output china.png

Both get the same rows, initial colours, tolerance and greatest number of iterations. Times are
medians of several fits; a first fit, to a part of the picture, compiles kernels and does not count.
"""

import statistics
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import sklearn.cluster
import typer
from matplotlib.figure import Figure
from rich.console import Console
from sklearn.datasets import load_sample_image

import fastkm

WIDTH_INCHES = 12.0
DOTS_PER_INCH = 120
"""480 pixels a panel, three quarters of the photograph's width, so that the file is below 1 MiB."""

FITS = 7

console = Console(markup=False, soft_wrap=True)


class Quantised(NamedTuple):
    """A picture in few colours, with the iterations and the seconds of its fit."""

    picture: np.ndarray
    inertia: float
    iterations: int
    seconds: float


def run(
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("china.png"),
    colours: Annotated[int, typer.Option(min=1, help="How many colours.")] = 16,
    crop: Annotated[
        int | None, typer.Option(min=1, help="Only a square of so many pixels.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which pixels to start from.")] = 0,
) -> None:
    """Quantise scikit-learn's photograph china.jpg both ways, and draw the three pictures."""
    picture = load_sample_image("china.jpg")[-crop if crop else None :, : crop or None]
    start = choose_colours(picture, colours, seed)
    found = {
        "fastkm": quantise(picture, fastkm.KMeans(colours, init=start)),
        "scikit-learn": quantise(picture, sklearn.cluster.KMeans(colours, init=start)),
    }
    for name, result in found.items():
        console.print(
            f"{name:>12}: inertia {result.inertia:,.0f}, {result.iterations} iterations, "
            f"{result.seconds:.3f} s",
            highlight=False,
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    draw_panels(picture, found).savefig(
        output,
        dpi=DOTS_PER_INCH,
        bbox_inches="tight",
        pad_inches=0.05,
        pil_kwargs={"optimize": True},
    )
    console.print(f"wrote {output}", highlight=False)


def choose_colours(picture: np.ndarray, colours: int, seed: int) -> np.ndarray:
    """Choose different colours of the picture at random."""
    distinct = np.unique(picture.reshape(-1, 3), axis=0)
    return np.random.default_rng(seed).choice(distinct, colours, replace=False).astype(float)


def quantise(picture: np.ndarray, model: Any) -> Quantised:
    """Return the picture in the colours of its clusters; time the fit, on rows of float32.

    The inertia is summed here in float64, in the same way for both libraries.
    """
    rows = picture.reshape(-1, 3).astype(np.float32)
    model.fit(rows[::10])
    seconds = statistics.median(time_fit(model, rows) for _ in range(FITS))
    errors = rows - model.cluster_centers_[model.labels_].astype(float)
    palette = model.cluster_centers_.round().astype(np.uint8)
    reduced = palette[model.labels_].reshape(picture.shape)
    return Quantised(reduced, float(np.sum(errors**2)), model.n_iter_, seconds)


def time_fit(model: Any, rows: np.ndarray) -> float:
    """Return the seconds of one fit."""
    began = time.perf_counter()
    model.fit(rows)
    return time.perf_counter() - began


def draw_panels(picture: np.ndarray, found: dict[str, Quantised]) -> Figure:
    """Draw the picture and the two quantised ones side by side."""
    panels = {"original": (picture, f"{count_colours(picture):,} colours")}
    for name, result in found.items():
        numbers = f"inertia {result.inertia:,.0f}, {result.seconds:.3f} s"
        panels[name] = result.picture, f"{count_colours(result.picture)} colours, {numbers}"
    canvas = Figure(figsize=(WIDTH_INCHES, WIDTH_INCHES))  # the height is cut when it is saved
    canvas.subplots_adjust(left=0, right=1, wspace=0.02)
    for ax, (name, (image, details)) in zip(
        canvas.subplots(1, len(panels)), panels.items(), strict=True
    ):
        ax.imshow(image, interpolation="antialiased")
        ax.set_title(name, pad=24, fontsize=13)
        ax.annotate(
            details, (0.5, 1), (0, 8), "axes fraction", textcoords="offset points", ha="center"
        )
        ax.set_axis_off()
    return canvas


def count_colours(picture: np.ndarray) -> int:
    """Count the colours of a picture."""
    return len(np.unique(picture.reshape(-1, 3), axis=0))


if __name__ == "__main__":
    typer.run(run)
