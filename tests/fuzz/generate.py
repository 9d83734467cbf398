"""Make one file from a seed: odd, damaged, both or neither."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np

from tests.fuzz.damage import damage_bytes, damage_codebook, damage_store
from tests.fuzz.plan import draw_plan
from tests.fuzz.write import write_geotiff, write_netcdf, write_zarr

KINDS = {
    "NETCDF3_CLASSIC": 3, "NETCDF3_64BIT_OFFSET": 1, "NETCDF3_64BIT_DATA": 1, "NETCDF4": 7,
    "NETCDF4_CLASSIC": 2, "GeoTIFF": 4, "Zarr 2": 1, "Zarr 3": 1, "codebook": 3,
}  # fmt: skip
"""Kinds of files, and how often each is made."""


@dataclass
class Case:
    """A file, and what is known of it.

    `whole` is the file that a reading is compared with: the file itself, the file before it was cut
    off or something was appended, or None if its content was changed. `raster` is the raster that
    a codebook is tried on.
    """

    seed: int
    kind: str
    path: Path
    variable: str
    whole: Path | None
    story: str
    raster: Path | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.story}"


def make_case(seed: int, folder: Path) -> Case:
    """Make the file of a seed in an empty folder."""
    rng = random.Random(seed)
    [kind] = rng.choices([*KINDS], [*KINDS.values()])
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        if kind == "codebook":
            return _make_codebook(rng, seed, folder)
        plan = draw_plan(rng)
        if kind == "GeoTIFF":
            path = folder / "a.tif"
            write_geotiff(plan, path)
        elif kind.startswith("Zarr"):
            path = folder / "a.zarr"
            for attrs in (plan.attrs, *(attrs for _, _, attrs in plan.more.values())):
                if not isinstance(attrs.get("coordinates", ""), str):
                    del attrs["coordinates"]  # xarray cannot write it
            write_zarr(plan, path, int(kind[-1]))
        else:
            path = folder / rng.choice(["a.nc", "a.nc", "100% [a].nc"])
            try:
                write_netcdf(plan, path, kind)
            except RuntimeError:  # a classic file cannot hold it
                kind = "NETCDF4"
                write_netcdf(plan, path, kind)
    name = f"{plan.group}/{plan.name}".lstrip("/")
    whole, story = _damage(rng, path)
    told = ", ".join([f"{plan.values.dtype} {plan.values.shape}", *plan.odd, *story])
    return Case(seed, kind, path, name, whole, told)


def _damage(rng: random.Random, path: Path) -> tuple[Path | None, list[str]]:
    """Damage a third of all files; return what a reading is compared with, and how it was done."""
    if rng.random() > 0.35:
        return path, []
    if path.is_dir():
        return None, [damage_store(rng, path)]
    before = path.parent / "before" / path.name
    before.parent.mkdir()
    shutil.copy(path, before)
    how = damage_bytes(rng, path)
    return before if how in {"cut off", "appended"} else None, [how]


def _make_codebook(rng: random.Random, seed: int, folder: Path) -> Case:
    """Make a codebook of one band or two, most of them damaged, and a raster to try it on."""
    several = rng.random() < 0.4
    own = np.random.default_rng(rng.getrandbits(32))
    raster, path = folder / "raster.nc", folder / "codebook.json"
    with netCDF4.Dataset(raster, "w") as file:
        file.createDimension("lat", 6)
        file.createDimension("lon", 8)
        for name in ("red", "nir")[: 1 + several]:
            file.createVariable(name, "f4", ("lat", "lon"))[...] = own.uniform(0, 10, (6, 8))
    import fastkm
    from fastkm.raster.io.read_bands import read_stack

    if several:
        result = fastkm.cluster_raster(read_stack(raster, ["red", "nir"]), 3)
        text = json.dumps(result.codebook.to_dict())
    else:
        weights = None if rng.random() < 0.5 else own.uniform(0, 1, 48)
        text = json.dumps(fastkm.kmeans1d(own.uniform(0, 10, 48), 3, weights=weights).to_dict())
    story = "untouched"
    path.write_text(text)
    if rng.random() < 0.9:
        story = damage_codebook(rng, path)
    return Case(seed, "codebook", path, "", None, f"{1 + several} bands, {story}", raster)
