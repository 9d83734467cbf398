"""Clusters of rasters larger than memory: a scene of four bands, and one band alone.

The whole command is timed, from the start of Python to the end of the process: it reads a GeoTIFF, clusters it and
writes a GeoTIFF of labels. So is MiniBatchKMeans, which fits and labels over the same windows, and Lloyd's
algorithm over all cells in memory. *read once* is rasterio's reading of all tiles, as numbers of the file, with as
many threads as fastkm has. The inertia of each map of labels is computed here, about the means of its clusters.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from bench.case import why_missing
from bench.large.measure import (
    ROUNDS,
    Work,
    make_raster,
    measure_works,
    write_projection,
    write_works,
)
from bench.large.rasters import write_band, write_scene
from bench.large.works import iterate_windows
from bench.part import Found, Part
from bench.table import format_excess
from bench.threads import ALL

SCENE = {"tiny": 300, "small": 2_745, "full": 10_980}
"""Rows and columns of a scene."""
WARM = 2_100
"""Rows and columns of the rasters on which kernels are compiled: too many cells to be read at once."""
BAND = {"tiny": 300, "small": 4_096, "full": 32_768}
"""Rows and columns of the one band."""
K = 8
LOW = "500MiB"
"""The limit of memory of a second run: less than the cells take."""
OURS, LIMITED, ALONE = "fastkm", f"fastkm, --memory {LOW}", "fastkm, one thread"
RIVAL, FULL = "scikit-learn, minibatch", "Lloyd in memory"
READ, INFO = "read once", "fastkm info"
EXACT = "fastkm, exact k = 2 ... 8"


def run_scene(size: str) -> Found:
    """Cluster a scene in each way."""
    with make_raster(write_scene, SCENE[size]) as path:
        file, labels = str(path), "{out}/labels.tif"
        cluster = ("command", "cluster", file, "-k", str(K), "-o", labels)
        works = [
            Work(READ, ("read", file, str(ALL))),
            Work(OURS, cluster),
            Work(LIMITED, (*cluster, "--memory", LOW)),
            Work(ALONE, cluster, threads=1),
            Work(RIVAL, ("minibatch", file, labels, str(K))),
            Work(FULL, ("lloyd", file, labels, str(K)), once=True),
            Work(INFO, ("command", "info", file)),
        ]
        look = dict.fromkeys((OURS, LIMITED, RIVAL, FULL), partial(look_at_labels, path))
        return measure(works, path, size, look)


def run_band(size: str) -> Found:
    """Cluster one band in each way."""
    with make_raster(write_band, BAND[size]) as path:
        file = str(path)
        exact = ("command", "cluster", file, "-k", "2:8", "-o", "{out}/maps")
        one = ("command", "cluster", file, "-k", str(K), "-o", "{out}/labels.tif")
        works = [
            Work(READ, ("read", file, str(ALL))),
            Work(EXACT, exact, once=True),
            Work(LIMITED, (*exact, "--memory", LOW), once=True),
            Work(ALONE, exact, threads=1, once=True),
            Work(f"{OURS}, k = {K} alone", one, once=True),
            Work(
                f"{RIVAL}, k = {K} alone",
                ("minibatch", file, "{out}/labels.tif", str(K)),
                once=True,
            ),
            Work(INFO, ("command", "info", file)),
        ]
        look = dict.fromkeys(
            (EXACT, LIMITED, *(work.name for work in works[4:6])), partial(look_at_labels, path)
        )
        return measure(works, path, size, look)


def measure(works: list[Work], path: Path, size: str, look: dict[str, Any]) -> Found:
    """Run works in turn on a raster; kernels are compiled before, by the same works on a small one."""
    if size != "tiny":
        writer = write_scene if path.stem.startswith("scene") else write_band
        with make_raster(writer, WARM) as small:
            warm: dict[tuple[str, ...], Work] = {}
            for work in works:
                if work.arguments[0] in ("command", "lloyd"):
                    arguments = (str(small) if a == str(path) else a for a in work.arguments)
                    name = f"{work.name}, to compile kernels"
                    warm.setdefault(work.arguments[:2], Work(name, tuple(arguments)))
            measure_works(list(warm.values()), 1)
    found = measure_works(works, ROUNDS[size], look)
    cells = int(np.square(SCENE[size] if path.stem.startswith("scene") else BAND[size]))
    return {"cells": cells, "stored": path.stat().st_size, "works": found}


def look_at_labels(raster: Path, folder: Path) -> dict[str, Any]:
    """Return a digest of all maps of labels, and the inertia and the counts of the last one."""
    digest = hashlib.sha256()
    *others, last = sorted(folder.rglob("*.tif"))
    for path in others:
        for _, cells in iterate_windows(str(path)):
            digest.update(cells[0].tobytes())
    sums: Any = 0
    with rasterio.open(last) as labels:
        for window, cells in iterate_windows(str(raster)):
            codes = labels.read(1, window=window).astype(np.int16)
            codes[codes == labels.nodata] = -1  # 255 in the files of fastkm
            digest.update(codes.tobytes())
            sums = sums + sum_by_label(cells, codes)
    counts, (first, second) = sums[0, 0], sums[:, 1:].swapaxes(0, 1)
    used = counts > 0
    inertia = float((second[:, used] - first[:, used] ** 2 / counts[used]).sum())
    return {"inertia": inertia, "labels": digest.hexdigest(), "counts": counts.astype(int).tolist()}


def sum_by_label(cells: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return counts, sums and sums of squares by label, for each band: (bands, 3, 128)."""
    present = codes >= 0
    at = codes[present]
    tables = []
    for band in cells:
        numbers = band[present].astype(np.float64)
        weights = (None, numbers, numbers * numbers)
        tables.append([np.bincount(at, w, minlength=128).astype(np.float64) for w in weights])
    return np.array(tables)


def write_section(found: Found) -> str:
    """Write times, peaks, inertias, whether the bits are the same, and what more cells would take."""
    works = found["works"]
    name = EXACT if EXACT in works else OURS
    ours = works[name]
    paragraphs = [
        f"{found['cells']:,} cells, a file of {found['stored'] / 1e6:,.0f} MB.",
        write_works(works, READ),
    ]
    seen = {who: one["seen"] for who, one in works.items() if "seen" in one}
    least = min((one["inertia"] for one in seen.values()), default=0.0)
    if least:
        graded = (
            f"{who}: {format_excess(one['inertia'] / least - 1)}" for who, one in seen.items()
        )
        paragraphs.append(f"Inertia above the least: {'; '.join(graded)}.")
    if name in seen and LIMITED in seen:
        same = seen[name]["labels"] == seen[LIMITED]["labels"]
        paragraphs.append(
            f"With {LOW} of memory the labels are {'the same' if same else 'NOT the same'}, bit for bit."
        )
    passes = ours.get("passes", 1) + 1  # the last one writes the labels
    paragraphs += write_projection(found["cells"], found["stored"], passes, works[ALONE], ours)
    return "\n\n".join(paragraphs)


def list_left_out() -> dict[str, str]:
    """Return the rivals that are not installed."""
    why = why_missing("sklearn.cluster")
    return {RIVAL: why} if why else {}


SCENE_PART = Part("A scene larger than memory", run_scene, write_section, left_out=list_left_out)
BAND_PART = Part("One band larger than memory", run_band, write_section, left_out=list_left_out)
