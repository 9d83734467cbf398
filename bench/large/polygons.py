"""Polygons of a label map larger than memory, from a GeoTIFF to GeoParquet.

Strip by strip from the disk, beside the same in memory for a part of the map, and beside rasterio's ``shapes`` with
shapely and geopandas for that part. Seconds and peaks are those of whole processes.
"""

from __future__ import annotations

import numpy as np

from bench.large.measure import ROUNDS, Work, make_raster, measure_works, write_projection
from bench.large.rasters import write_label_map
from bench.part import Found, Part
from bench.table import format_ratio, format_seconds, format_table

SIDES = {"tiny": (300, 300), "small": (4_096, 2_048), "full": (32_768, 8_192)}
"""Rows and columns of the map, and of its part in memory."""
READ, STRIPS = "read once", "fastkm, strip by strip"
PART_STRIPS, MEMORY = "fastkm, strip by strip, the part", "fastkm, in memory, the part"
RIVAL = "rasterio + shapely, the part"


def run(size: str) -> Found:
    """Turn the map into polygons, and its part in each way."""
    whole, part = SIDES[size]
    target = "{out}/regions.parquet"
    with make_raster(write_label_map, whole) as large, make_raster(write_label_map, part) as small:
        works = [
            Work(READ, ("read", str(large), "1")),
            Work(STRIPS, ("polygonize", str(large), target), threads=1, once=True),
            Work(PART_STRIPS, ("polygonize", str(small), target), threads=1),
            Work(MEMORY, ("polygonize_in_memory", str(small), target), threads=1),
            Work(RIVAL, ("rasterio_shapes", str(small), target), threads=1, once=True),
        ]
        if size != "tiny":
            measure_works(works[2:4], 1)  # compiles kernels
        found = measure_works(works, ROUNDS[size])
        stored = large.stat().st_size
    sides = dict.fromkeys((READ, STRIPS), whole)
    for name, one in found.items():
        one["cells"] = int(np.square(sides.get(name, part)))
    return {"cells": whole * whole, "stored": stored, "works": found}


def section(found: Found) -> str:
    """Write times by cell, peaks, and what more cells would take."""
    works = found["works"]
    base = works[MEMORY]
    rows = []
    for name, one in works.items():
        if "failed" in one:
            rows.append([name, f"{one['cells']:,}", "", f"failed: {one['failed']}", "", "", ""])
            continue
        by_cell = one["seconds"] / one["cells"]
        ratio = "" if "failed" in base else format_ratio(by_cell * base["cells"] / base["seconds"])
        row = [name, f"{one['cells']:,}", f"{one.get('polygons', 0):,}"]
        took = [format_seconds(one["seconds"]), f"{by_cell * 1e9:,.0f}", ratio]
        rows.append([*row, *took, f"{one['peak'] / 2**20:,.0f}"])
    header = ["work", "cells", "polygons", "median", "ns a cell", "times in memory", "peak, MiB"]
    strips = works[STRIPS]
    projected = write_projection(
        found["cells"], found["stored"], 1, strips, {"failed": "one thread"}
    )
    return "\n\n".join([format_table(header, rows, 6), *projected])


PART = Part("Polygons of a map larger than memory", run, section)
