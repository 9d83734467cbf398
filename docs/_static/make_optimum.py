"""Draw `optimum.png`: forty answers of Lloyd's algorithm beside the proven optimum.

Run it with ``python docs/_static/make_optimum.py``; it takes half a minute.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans

import fastkm
from fastkm.datasets import sample_dataset

K, RUNS = 10, 40
ANSWER, OPTIMUM = "#7a8793", "#c8102e"


def run_lloyd(values: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Return the breaks and the inertia of one run of scikit-learn's `KMeans`, as it comes."""
    model = KMeans(K, n_init=1, random_state=seed).fit(values[:, None])
    centroids = np.sort(model.cluster_centers_[:, 0])
    return (centroids[:-1] + centroids[1:]) / 2, float(model.inertia_)


def draw(values: np.ndarray, optimum: fastkm.KMeans1D, path: Path) -> None:
    """Draw the distribution, the breaks of each run, and how far each is above the optimum."""
    runs = sorted((run_lloyd(values, seed) for seed in range(RUNS)), key=lambda run: run[1])
    above = [100 * (inertia / optimum.inertia - 1) for _, inertia in runs]
    figure, axes = plt.subplots(
        2, 2, figsize=(8, 4.8), sharex="col", layout="constrained",
        gridspec_kw={"height_ratios": [1, 2], "width_ratios": [2.6, 1]},
    )  # fmt: skip
    top, bottom, right = axes[0, 0], axes[1, 0], axes[1, 1]
    axes[0, 1].set_axis_off()

    top.hist(values, 120, color="#c9d3dc")
    top.set_ylabel("cells")
    for spot in (top, bottom):
        for number, value in enumerate(optimum.breaks):
            label = "breaks of the optimum" if number == 0 and spot is top else None
            spot.axvline(value, color=OPTIMUM, linewidth=1.1, label=label)
    top.legend(loc="upper right", framealpha=1, edgecolor="none")

    rows, ticks = np.arange(1, RUNS + 1), [1, *range(10, RUNS + 1, 10)]
    for row, (breaks, _) in zip(rows, runs, strict=True):
        bottom.plot(breaks, np.full(K - 1, row), "o", markersize=2.8, color=ANSWER)
    bottom.set(ylim=(RUNS + 1, 0), xlabel="precipitable water, kg m-2", yticks=ticks)
    bottom.set_ylabel(f"{RUNS} runs of Lloyd's algorithm,\nbest first; dots are their breaks")

    right.barh(rows, above, color=ANSWER)
    right.axvline(0, color=OPTIMUM, linewidth=2)
    right.set(ylim=(RUNS + 1, 0), xlabel="above the optimum, %", yticks=ticks)
    right.tick_params(labelleft=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    sys.stdout.write(
        f"{K} clusters of {len(values):,} cells: inertia {optimum.inertia:,.1f}\n"
        f"{RUNS} runs: {above[0]:.2f} % to {above[-1]:.2f} % above, "
        f"median {np.median(above):.2f} %\n"
    )


if __name__ == "__main__":
    water = sample_dataset()["precipitable_water"]
    valid = water.values[water.values >= 0].astype(np.float64)
    draw(valid, fastkm.kmeans1d(valid, K), Path(__file__).with_name("optimum.png"))
