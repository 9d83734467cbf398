"""How often scipy's `kmeans` misses the optimum of a raster, beside fastkm's `kmeans1d`.

    python -m bench.misses [FILE] [--runs 20]

FILE is a netCDF file with one raster; without it, the sample. It is clustered as a lesson does it,
fill values and all, and without them. Run number s of scipy's has ``rng=s`` and the 20 restarts that
it does by itself. An answer is measured against the best that either found in any run.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.cluster import vq as scipy_vq

import fastkm
from fastkm.raster import read_raster, write_sample

K = 6
TOLERANCE = 1e-3
"""A miss is an inertia that is above the least by more than this share."""

CONTENDERS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    f"scipy, kmeans(x, {K})": lambda x, seed: scipy_vq.kmeans(x, K, iter=20, rng=seed)[0],
    f"fastkm, kmeans1d(x, {K})": lambda x, _seed: fastkm.kmeans1d(x, K).centroids,
}


class Misses(NamedTuple):
    """What became of some runs.

    Attributes
    ----------
    misses : int
        Runs with an inertia more than 0.1 % above the least.
    fewer : int
        Runs that came back with fewer clusters than were asked for.
    worst : float
        The greatest inertia, as a share above the least.
    """

    misses: int
    fewer: int
    worst: float


def count_misses(values: np.ndarray, runs: int) -> dict[str, Misses]:
    """Count the misses of each contender on float64 values."""
    codebooks = {
        who: [cluster(values, seed) for seed in range(runs)] for who, cluster in CONTENDERS.items()
    }
    inertia = {
        who: np.array([np.sum(scipy_vq.vq(values, codebook)[1] ** 2) for codebook in found])
        for who, found in codebooks.items()
    }
    least = min(each.min() for each in inertia.values())
    return {
        who: Misses(
            int(np.sum(inertia[who] > least * (1 + TOLERANCE))),
            sum(len(codebook) < K for codebook in found),
            float(inertia[who].max() / least - 1),
        )
        for who, found in codebooks.items()
    }


def table(file: Path, runs: int) -> str:
    """Give a Markdown table of the misses on a file's raster."""
    stored = read_raster(file, missing="keep").values.ravel().astype("f8")
    masked = read_raster(file).values.ravel().astype("f8")
    lines = [
        f"| values | who | inertia more than 0.1 % above the least | worst | fewer than {K} clusters |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, values in (
        (f"all {len(stored):,}, fill values and all", stored),
        (f"the {np.sum(~np.isnan(masked)):,} that are not missing", masked[~np.isnan(masked)]),
    ):
        for who, (misses, fewer, worst) in count_misses(values, runs).items():
            lines.append(
                f"| {name} | {who} | {misses} of {runs} | {worst:.2%} | {fewer} of {runs} |"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.misses", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a netCDF file; default: the sample")
    parser.add_argument("--runs", type=int, default=20, help="runs of each, default %(default)s")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample.nc")
        if options.file is None:
            write_sample(sample)
        print(table(options.file or sample, options.runs))


if __name__ == "__main__":
    main()
