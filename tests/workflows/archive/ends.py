"""Running an archive to its end and reading what it left, for the tests."""

import hashlib
import json

import geopandas as gpd
import numpy as np
import xarray as xr

from fastkm.workflows.archive.options import ArchiveOptions
from fastkm.workflows.archive.run import cluster_archive

OPTIONS = ArchiveOptions(ks=(3,), min_diameter="2px")


def run(files, output, options=OPTIONS, **keywords):
    return cluster_archive(files, output, options, **keywords)


def contents(folder):
    """What a run left, decoded: equal for two runs that are to be equal."""
    found = {
        name: (folder / name).read_bytes()
        for name in ("codebook.json", "areas.csv", "summary.json")
    }
    # there are none of a single step, or if nothing is tracked
    tracks = ("tracks.csv", "events.csv", "track_summary.csv")
    for name in ("transitions.csv", "persistence.csv", *tracks):
        if (folder / name).exists():
            found[name] = (folder / name).read_bytes()
    found["labels"] = {path.name: _labels(path) for path in (folder / "labels").glob("*.nc")}
    if (folder / "labels.zarr").exists():
        with xr.open_zarr(folder / "labels.zarr", mask_and_scale=False, chunks=None) as labels:
            found["labels"] = {name: labels[name].values.tobytes() for name in labels}
    if (folder / "outlines.gpkg").exists():
        frame = gpd.read_file(folder / "outlines.gpkg")
        found["outlines"] = (
            frame.drop(columns="geometry").to_csv(),
            frame.to_wkb()["geometry"].tolist(),
        )
    found["figures"] = sorted(path.name for path in (folder / "figures").iterdir())
    return found


def _labels(path):
    with xr.open_dataset(path, mask_and_scale=False) as labels:
        parts = {str(name): labels[name].values for name in labels.variables}
        digest = hashlib.sha256()
        for name in sorted(parts):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(parts[name]).view(np.uint8).tobytes())
        return digest.hexdigest()


def assert_equal(one, other):
    """Compare what two runs left, name by name."""
    left, right = contents(one), contents(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value == right[name], name


def without_work(folder):
    """The names of what a folder holds."""
    return sorted(path.name for path in folder.iterdir())


def codebook(folder):
    return json.loads((folder / "codebook.json").read_text())
