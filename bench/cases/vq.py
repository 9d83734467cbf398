"""Cases of scipy's own functions: fastkm's take their place, so both get the same call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.cluster import vq as scipy_vq

import fastkm
from bench.case import Case, Rival
from bench.cases.data import Work, blobs, mixture, values_and_codes
from bench.table import format_count

SCIPY = "scipy.cluster.vq"


def both(call: Callable[[Any], Callable[[Any], Any]]) -> dict[str, Rival]:
    """Let the same call be made of fastkm's functions and of scipy's."""
    return {
        "fastkm": Rival(call(fastkm), "fastkm"),
        "scipy": Rival(call(scipy_vq), SCIPY, serial=True),
    }


def assign_codes(module: Any) -> Callable[[Work], Any]:
    """Find the nearest codes."""
    return lambda work: module.vq(work.rows, work.start)


def sizes(n: int, tiny: int = 500) -> dict[str, int]:
    """Return the sizes of a case whose full size is n."""
    return {"tiny": min(n, tiny), "small": min(n, 100_000), "full": n}


def same_codes(_work: Work, ours: Any, theirs: Any) -> None:
    """Agree but for ties within the rounding of float32."""
    assert np.allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-5)
    assert np.mean(ours[0] != theirs[0]) < 1e-6


def same_codebook(data: Any, ours: Any, theirs: Any) -> None:
    """Agree to 1e-9 of the largest value, to 1e-4 where scipy sums in float32."""
    values = data.rows if isinstance(data, Work) else data
    tolerance = 1e-9 if ours[0].dtype == np.float64 else 1e-4
    assert np.allclose(ours[0], theirs[0], rtol=0, atol=tolerance * np.abs(values).max())


def same_rows(_work: Work, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Agree as well as sums in float32 let scipy: its deviations are off by some 2e-4 here."""
    assert np.allclose(ours, theirs, rtol=1e-3)


def vq_case(n: int, d: int, k: int) -> Case:
    """Assign rows to codes."""
    make = (lambda size: values_and_codes(size, k)) if d == 1 else (lambda size: blobs(size, d, k))
    shape = format_count(n) if d == 1 else f"{format_count(n)} x {d}"
    name = f"vq, {shape} float32, {k} codes"
    at = {"n": n, "d": d, "k": k}
    return Case(name, make, sizes(n), both(assign_codes), same_codes, at=at)


def kmeans2_case(n: int, d: int, k: int) -> Case:
    """Do ten iterations of Lloyd's from the same codes."""
    return Case(
        f"kmeans2, 10 iterations, {format_count(n)} x {d} float32, {k} codes",
        lambda size: blobs(size, d, k),
        sizes(n),
        both(lambda module: lambda work: module.kmeans2(*work, iter=10, minit="matrix")),
        same_codebook,
    )


VQ = [
    vq_case(10_000_000, 1, 6),
    vq_case(1_000_000, 3, 8),
    vq_case(1_000, 1, 6),
    vq_case(1_000, 3, 8),
    vq_case(100, 1, 6),
    Case(
        "kmeans(x, 6), 1.04e6 float64 values",
        mixture,
        {"tiny": 500, "small": 20_000, "full": 1_040_000},
        both(lambda module: lambda x: module.kmeans(x, 6, rng=np.random.default_rng(0))),
        same_codebook,
        rename=lambda n: f"kmeans(x, 6), {format_count(n)} float64 values",
    ),
    Case(
        "kmeans(x, 6), 1,000 x 3 float64",
        lambda n: blobs(n, 3, 6, "f8").rows,
        {"tiny": 100, "small": 1_000, "full": 1_000},
        both(lambda module: lambda x: module.kmeans(x, 6, rng=np.random.default_rng(0))),
        same_codebook,
    ),
    kmeans2_case(1_000_000, 3, 8),
    kmeans2_case(1_000, 3, 8),
    kmeans2_case(100, 3, 8),
    Case(
        "whiten, 1e6 x 3 float32",
        lambda n: blobs(n, 3, 8),
        sizes(1_000_000),
        both(lambda module: lambda work: module.whiten(work.rows)),
        same_rows,
    ),
]
