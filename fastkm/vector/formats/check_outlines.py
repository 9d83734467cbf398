"""Read outlines that were written again: a full disk may cut a file off without an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROWS_TOGETHER = 100_000
"""Rows that are read at a time without pyarrow."""
ROWS_IN_BATCH = 1 << 13
"""Rows that are read at a time with it."""
ROUNDING = 1e-9
"""Relative difference of two sums of coordinates that differ in their order and decimals only."""


@dataclass
class Content:
    """What a file of outlines holds: rows, points, and the sums of coordinates and of their sizes."""

    rows: int = 0
    points: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(2))
    sizes: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def add(self, shapes: np.ndarray) -> None:
        """Add the rows of these geometries."""
        import shapely

        points = shapely.get_coordinates(shapes)
        self.rows += len(shapes)
        self.points += len(points)
        self.sums = self.sums + points.sum(axis=0)
        self.sizes = self.sizes + np.abs(points).sum(axis=0)

    def check(self, path: Path) -> None:
        """Raise an OSError unless a file holds this; all its fields are read too."""
        found = Content()
        for shapes in _read_shapes(path, self.rows):
            found.add(shapes)
        near = np.abs(found.sums - self.sums) <= ROUNDING * self.sizes
        if (found.rows, found.points) != (self.rows, self.points) or not near.all():
            raise OSError(
                f"it holds {found.rows} outlines with {found.points} points, not {self.rows} with "
                f"{self.points}, or others"
            )


def _read_shapes(path: Path, rows: int) -> Iterator[np.ndarray]:
    """Yield the geometries of some rows after the other."""
    import shapely

    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            name = json.loads(file.schema_arrow.metadata[b"geo"])["primary_column"]
            for group in range(file.num_row_groups):  # of all together more would be read ahead
                for batch in file.iter_batches(ROWS_IN_BATCH, row_groups=[group]):
                    yield shapely.from_wkb(batch.column(name).to_numpy(zero_copy_only=False))
        return
    import pyogrio

    if find_spec("pyarrow"):
        with pyogrio.open_arrow(path, batch_size=ROWS_IN_BATCH, use_pyarrow=True) as (
            found,
            batches,
        ):
            name = found["geometry_name"] or "wkb_geometry"
            for batch in batches:
                yield shapely.from_wkb(batch.column(name).to_numpy(zero_copy_only=False))
        return
    # GDAL reads again what it skips
    for first in range(0, rows + 1, ROWS_TOGETHER):
        _, _, shapes, _ = pyogrio.raw.read(path, skip_features=first, max_features=ROWS_TOGETHER)
        if shapes is not None:
            yield shapely.from_wkb(shapes)
