"""Each work once, in a process of its own: its seconds and peak are those of the whole process.

    python -m bench.large.works WORK ARGUMENTS...    # prints JSON

What a work imports, it imports when it runs: the peak of a process holds nothing that its work does not need.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


def read(file: str, threads: str) -> dict[str, Any]:
    """Read all tiles once, a row of tiles at a time, with the threads that GDAL is given."""
    cells = sum(block[0].size for _, block in iterate_windows(file, int(threads)))
    return {"cells": cells}


def iterate_windows(file: str, threads: int = 1) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield the windows of a GeoTIFF, a row of tiles each, and the cells of all bands in it."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(file, num_threads=threads) as source:
        step = source.block_shapes[0][0]
        for first in range(0, source.height, step):
            window = Window(0, first, source.width, min(step, source.height - first))
            yield window, source.read(window=window)


def command(*arguments: str) -> dict[str, Any]:
    """Run ``fastkm`` with some arguments, and return how many passes it tells of."""
    from contextlib import redirect_stdout
    from io import StringIO

    from fastkm.cli import commands

    with redirect_stdout(StringIO()) as told:
        commands.app(list(arguments), standalone_mode=False)
    passes = re.search(r"(\d+) pass", told.getvalue())
    return {"passes": int(passes[1])} if passes else {}


def minibatch(file: str, output: str, k: str) -> dict[str, Any]:
    """Cluster by scikit-learn's MiniBatchKMeans over windows, and label in a second reading.

    A step takes all rows of a window: steps of 65,536 rows took five times as long, and the inertia was no lower.
    """
    import rasterio
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(int(k), random_state=0, n_init=1)
    for _, block in iterate_windows(file):
        rows = take_rows(block)
        if len(rows) >= int(k):
            model.partial_fit(rows)
    with rasterio.open(file) as source:
        profile = {**source.profile, "count": 1, "dtype": "int8", "nodata": -1, "predictor": 1}
    with rasterio.open(output, "w", **profile) as target:
        for window, block in iterate_windows(file):
            present = (block != 0).all(axis=0)
            labels = np.full(present.shape, -1, np.int8)
            if present.any():
                labels[present] = model.predict(take_rows(block))
            target.write(labels, 1, window=window)
    return {}


def take_rows(block: np.ndarray) -> np.ndarray:
    """Return the cells in which no band is missing, as rows of float32."""
    present = (block != 0).all(axis=0)
    return np.ascontiguousarray(block[:, present].T, np.float32)


def lloyd(file: str, output: str, k: str) -> dict[str, Any]:
    """Run Lloyd's algorithm over all cells in memory, from k-means++ over all cells."""
    import rasterio

    import fastkm

    with rasterio.open(file) as source:
        profile = {**source.profile, "count": 1, "dtype": "int8", "nodata": -1, "predictor": 1}
        cells = source.read()
    present = (cells != 0).all(axis=0)
    model = fastkm.KMeans(int(k), n_init=1, random_state=0).fit(take_rows(cells))
    labels = np.full(present.shape, -1, np.int8)
    labels[present] = model.labels_
    with rasterio.open(output, "w", **profile) as target:
        target.write(labels, 1)
    return {"passes": int(model.n_iter_)}


def polygonize(file: str, output: str) -> dict[str, Any]:
    """Turn a label map on disk into GeoParquet, strip by strip."""
    import fastkm

    fastkm.polygonize_to_file(fastkm.open_raster(file), output)
    return {"polygons": count_rows(output)}


def polygonize_in_memory(file: str, output: str) -> dict[str, Any]:
    """Read a label map, turn it into polygons in memory, and write these."""
    import fastkm
    from fastkm.vector.write import write_outlines

    write_outlines(fastkm.polygonize(fastkm.read_raster(file).fillna(-1).astype("i4")), output)
    return {"polygons": count_rows(output)}


def rasterio_shapes(file: str, output: str) -> dict[str, Any]:
    """Do the same by rasterio, shapely and geopandas."""
    import geopandas as gpd
    import rasterio
    from rasterio.features import shapes
    from shapely.geometry import shape

    with rasterio.open(file) as source:
        found = list(shapes(source.read(1).astype(np.int16), transform=source.transform))
        crs = source.crs
    columns = {"cluster": [int(label) for _, label in found]}
    polygons = [shape(one) for one, _ in found]
    gpd.GeoDataFrame(columns, geometry=polygons, crs=crs).to_parquet(output)
    return {"polygons": count_rows(output)}


def count_rows(path: str) -> int:
    """Return the rows of a Parquet file."""
    from pyarrow.parquet import ParquetFile

    return int(ParquetFile(path).metadata.num_rows)


def read_peak() -> int:
    """Return the most bytes that this process has had; Linux only."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


WORKS: dict[str, Callable[..., dict[str, Any]]] = {
    work.__name__: work
    for work in (read, command, minibatch, lloyd, polygonize, polygonize_in_memory, rasterio_shapes)
}


def main(arguments: list[str]) -> None:
    """Run a work, and print what it tells of itself and the peak."""
    name, *rest = arguments
    found = WORKS[name](*rest)
    print(json.dumps({**found, "peak": read_peak()}))


if __name__ == "__main__":
    main(sys.argv[1:])
