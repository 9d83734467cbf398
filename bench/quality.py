"""How often others miss the optimum in one dimension, and by how much, against k.

    python -m bench.quality FILE [--runs 20]    # the same for a netCDF file of your own

All contenders cluster the same rasters with the default options of their functions, in runs with seeds
0, 1, 2 ... (scipy's ``kmeans`` with the twenty restarts that are its default). The inertia of an answer is
the sum of the squared distances of all values to the nearest of its centroids, computed for all by the same
code in float64. A *miss* is an answer whose inertia is more than 0.1 % above the optimum that
`fastkm.kmeans1d` proves.

The rasters look like real ones: the sample with its fill values, as the lesson clusters it; its valid
cells; a finer month; the luminance of a photograph; a field with the spectrum of surface temperatures. They
are thinned evenly to at most `MOST` values, since scipy takes minutes for more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

import fastkm
from bench.case import why_missing
from bench.part import Found, Part
from bench.style import choose_line, new_figure, tidy
from bench.table import format_percent, format_table
from bench.timing import silence_warnings
from fastkm.datasets.monthly_series import write_sample_archive
from fastkm.datasets.water_vapour import sample_dataset
from fastkm.raster.io.read_netcdf import read_raster

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCE = 1e-3
"""An inertia above the least one by more than this share is a miss."""
MOST = {"tiny": 300, "small": 3_000, "full": 10_000}
KS = {"tiny": (2, 3), "small": (3, 6, 9), "full": tuple(range(2, 13))}
RUNS = {"tiny": 2, "small": 5, "full": 20}


def by_scipy(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    from scipy.cluster import vq

    return vq.kmeans(x, k, rng=np.random.default_rng(seed))[0]


def by_kmeans2(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    from scipy.cluster import vq

    return vq.kmeans2(x, k, minit="++", rng=np.random.default_rng(seed))[0]


def by_sklearn(n_init: int) -> Callable[[np.ndarray, int, int], np.ndarray]:
    def run(x: np.ndarray, k: int, seed: int) -> np.ndarray:
        from sklearn.cluster import KMeans

        return KMeans(k, n_init=n_init, random_state=seed).fit(x[:, None]).cluster_centers_[:, 0]

    return run


def by_minibatch(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(k, random_state=seed).fit(x[:, None]).cluster_centers_[:, 0]


def by_flash1dkmeans(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    import flash1dkmeans

    return np.asarray(flash1dkmeans.kmeans_1d(x, k, random_state=seed)[0])


def by_faiss(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    import faiss

    rows = x[:, None].astype("f4")
    model = faiss.Kmeans(1, k, seed=seed, max_points_per_centroid=len(x), min_points_per_centroid=1)
    model.train(rows)
    return model.centroids[:, 0]


CONTENDERS: dict[str, tuple[str, Callable[[np.ndarray, int, int], np.ndarray]]] = {
    "scipy, kmeans": ("scipy.cluster.vq", by_scipy),
    "scipy, kmeans2 ++": ("scipy.cluster.vq", by_kmeans2),
    "scikit-learn, n_init = 1": ("sklearn.cluster", by_sklearn(1)),
    "scikit-learn, n_init = 10": ("sklearn.cluster", by_sklearn(10)),
    "scikit-learn, minibatch": ("sklearn.cluster", by_minibatch),
    "flash1dkmeans": ("flash1dkmeans", by_flash1dkmeans),
    "faiss": ("faiss", by_faiss),
}
"""Functions that do not claim the optimum, with the module that each one needs."""


def list_present() -> dict[str, Callable[[np.ndarray, int, int], np.ndarray]]:
    """Return the contenders that are installed."""
    return {name: run for name, (module, run) in CONTENDERS.items() if not why_missing(module)}


def list_left_out() -> dict[str, str]:
    """Return the contenders that are not installed, and why."""
    reasons = {name: why_missing(module) for name, (module, _) in CONTENDERS.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def read_sample(*, valid: bool) -> np.ndarray:
    """Return the cells of the sample: all, or the valid ones."""
    values = sample_dataset()["precipitable_water"].values.ravel().astype("f8")
    return values[values >= 0] if valid else values


def make_finer_month() -> np.ndarray:
    """Return the valid cells of a month at half a degree."""
    with TemporaryDirectory() as folder:
        [path] = write_sample_archive(folder, months=1, resolution=0.5)
        return read_valid_cells(path)


def read_valid_cells(path: Path) -> np.ndarray:
    """Return the cells of a file that are not missing."""
    values = read_raster(path).values.ravel().astype("f8")
    return values[~np.isnan(values)]


def read_luminance() -> np.ndarray:
    """Return the grey values of scikit-learn's china.jpg."""
    from sklearn.datasets import load_sample_image

    return np.rint(load_sample_image("china.jpg").reshape(-1, 3) @ [0.299, 0.587, 0.114])


def make_temperature() -> np.ndarray:
    """Make a field like surface temperatures: warm at the equator, smooth anomalies, in 0.01 K."""
    rows, columns = 180, 360
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(rng.normal(size=(rows, columns))) * frequency**-1.5
    anomaly = np.fft.ifft2(noise).real
    latitude = np.radians(np.arange(rows) - 89.5)[:, None]
    field = 248 + 52 * np.cos(latitude) ** 1.5 + 6 * anomaly / anomaly.std()
    return np.round(field, 2).ravel()


RASTERS: dict[str, Callable[[], np.ndarray]] = {
    "water, fill values and all": lambda: read_sample(valid=False),
    "water, valid cells": lambda: read_sample(valid=True),
    "a month at 0.5 degree, valid cells": make_finer_month,
    "luminance of a photograph": read_luminance,
    "surface temperature": make_temperature,
}


def thin(values: np.ndarray, most: int) -> np.ndarray:
    """Take every n-th value, so that at most `most` are left."""
    return np.ascontiguousarray(values[:: -(-len(values) // most)])


def inertia_of(x: np.ndarray, centroids: np.ndarray) -> float:
    """Sum the squared distances to the nearest centroids, in float64."""
    ordered = np.sort(np.asarray(centroids, "f8"))
    nearest = ordered[np.searchsorted((ordered[1:] + ordered[:-1]) / 2, x)]
    return float(np.sum((x - nearest) ** 2))


def judge(x: np.ndarray, k: int, runs: int) -> dict[str, Any]:
    """Run all contenders; return how far above the optimum each answer is, as a share.

    Raises
    ------
    AssertionError
        If the optimum is not proven, or an answer is better than it.
    """
    result = fastkm.kmeans1d(x, k)
    assert result.gap == 0, f"the optimum is not proven: gap = {result.gap}"
    least = inertia_of(x, result.centroids)
    excess, fewer = {}, {}
    for name, run in list_present().items():
        answers = [run(x, k, seed) for seed in range(runs)]
        excess[name] = [inertia_of(x, answer) / least - 1 for answer in answers]
        fewer[name] = sum(len(np.unique(answer)) < k for answer in answers)
        assert min(excess[name]) > -1e-9, f"{name} is better than the optimum"
    return {"k": k, "excess": excess, "fewer": fewer}


def run(size: str) -> Found:
    """Judge all contenders on all rasters."""
    names = list(RASTERS)[: 2 if size == "tiny" else None]
    return {
        "runs": RUNS[size],
        "rasters": [
            judge_raster(name, thin(RASTERS[name](), MOST[size]), KS[size], RUNS[size])
            for name in names
        ],
    }


def judge_raster(name: str, x: np.ndarray, ks: Sequence[int], runs: int) -> dict[str, Any]:
    """Judge all contenders on one raster."""
    with silence_warnings():
        judgements = [judge(x, k, runs) for k in ks]
    return {"name": name, "values": len(x), "judged": judgements}


def count_misses(excess: Sequence[float]) -> int:
    """Count the misses."""
    return sum(share > TOLERANCE for share in excess)


def section(found: Found) -> str:
    """Write a table for each raster: misses and the worst answer, against k."""
    runs = found["runs"]
    intro = (
        f"Runs of {runs} that end more than {TOLERANCE:.1%} above the optimum, and how far the worst "
        "of them is above it; * where fewer clusters came back than were asked for. fastkm's "
        "`kmeans1d` has no misses: it proves the optimum against which the others are judged."
    )
    return "\n\n".join([intro, *(write_table(raster, runs) for raster in found["rasters"])])


def write_table(raster: dict[str, Any], runs: int) -> str:
    """Return a line for each contender, with a column for each k."""
    judgements = raster["judged"]
    rows = [
        [name, *(write_cell(one, name) for one in judgements)] for name in judgements[0]["excess"]
    ]
    total = [sum(count_misses(excess) for excess in one["excess"].values()) for one in judgements]
    asked = runs * len(judgements[0]["excess"])
    rows.append(["all of them", *(f"{number / asked:.0%}" for number in total)])
    header = [f"{raster['name']}, {raster['values']:,} values; k =", *(o["k"] for o in judgements)]
    return format_table(header, rows, len(judgements))


def write_cell(one: dict[str, Any], name: str) -> str:
    """Write the number of misses of a contender, and its worst answer."""
    excess = one["excess"][name]
    number = count_misses(excess)
    star = "*" if one["fewer"][name] else ""
    return f"{number}, {format_percent(max(excess))}{star}" if number else f"0{star}"


def figures(found: Found) -> dict[str, Figure]:
    """Draw the share of misses and the mean excess against k."""
    rasters = found["rasters"]
    figure, axes = new_figure(2, len(rasters), width=3.5, height=3.0)
    for number, raster in enumerate(rasters):
        above, below = axes[:, number]
        ks = [one["k"] for one in raster["judged"]]
        for name in raster["judged"][0]["excess"]:
            every = [one["excess"][name] for one in raster["judged"]]
            style = {"markersize": 4, "label": name, **choose_line_of_contender(name)}
            above.plot(ks, [100 * count_misses(excess) / len(excess) for excess in every], **style)
            below.plot(ks, [max(100 * np.mean(excess), FLOOR) for excess in every], **style)
        ours = {
            "markersize": 4,
            "label": "fastkm, kmeans1d (the proven optimum)",
            **choose_line("fastkm"),
        }
        above.plot(ks, [0.0] * len(ks), **ours)
        below.plot(ks, [FLOOR] * len(ks), **ours)
        above.set_title(f"{raster['name']}\n{raster['values']:,} values", fontsize=9)
        above.set_ylim(-4, 104)
        below.set(yscale="log", xlabel="k", ylim=(FLOOR / 1.6, 300))
        for panel in (above, below):
            panel.set_xticks(ks)
            tidy(panel)
    axes[0, 0].set_ylabel(f"runs that miss the optimum, %\n(more than {TOLERANCE:.1%} above it)")
    axes[1, 0].set_ylabel(f"mean inertia above the optimum, %\n(the floor: {FLOOR:g} % or less)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return {"quality": figure}


FLOOR = 1e-3
"""Lower end of the logarithmic axis, in per cent."""


def choose_line_of_contender(name: str) -> dict[str, Any]:
    """Return the style of a contender's line; dashes distinguish those of one library."""
    dashed = name.endswith(("++", "10"))
    return {**choose_line(name), "linestyle": "--" if dashed else "-"}


PART = Part("How often others miss the optimum", run, section, figures, list_left_out)


def judge_file(path: Path, runs: int) -> Found:
    """Judge all contenders on a netCDF file: all cells, as the lesson has them, and the valid ones."""
    stored = read_raster(path, missing="keep").values.ravel().astype("f8")
    rasters = {"all cells, fill values and all": stored, "valid cells": read_valid_cells(path)}
    found = [judge_raster(name, x, (4, 6, 8), runs) for name, x in rasters.items()]
    return {"runs": runs, "rasters": found}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality", description=__doc__.split("\n")[0]
    )
    parser.add_argument("file", type=Path, help="a netCDF file with one raster")
    parser.add_argument("--runs", type=int, default=20, help="seeds, default %(default)s")
    options = parser.parse_args(arguments)
    print(section(judge_file(options.file, options.runs)))


if __name__ == "__main__":
    main()
