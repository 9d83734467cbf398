"""What is asked of an archive, in the form that stands in ``codebook.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.raster.multifile.series import Archive

Description = dict[str, Any]


@dataclass(frozen=True)
class ArchiveOptions:
    """What the results of an archive depend on, besides its inputs.

    Attributes
    ----------
    ks : tuple of int
        Numbers of clusters: one, or several of which `choose` takes one; none where `codebook` is
        a file.
    codebook : {"common", "per-step"} or Path
        One codebook for all steps, one for each, or that of a file.
    variables : tuple of str
        Variables that are clustered together; empty: the only one of the files.
    select : str or int
        The clusters to outline: as of `fastkm.workflows.raster_file.chosen_clusters`.
    min_diameter : str
        Leave out regions not longer than this.
    weights : {"area"} or None
        Weight cells by their area.
    standardize : bool
        Divide several variables by their standard deviations.
    choose : str or None
        A criterion of `fastkm.choose_k`.
    bbox : (west, south, east, north) or None
        Only the cells with centres in this box.
    mask : Path or None
        A raster on the same grid; cells where it is 0 are left out.
    years : (int, int) or None
        Only the steps of these years, both included.
    labels : {"netcdf", "zarr"}
        The form of the label maps.
    """

    ks: tuple[int, ...] = ()
    codebook: Literal["common", "per-step"] | Path = "common"
    variables: tuple[str, ...] = ()
    select: str | int = "highest"
    min_diameter: str = "0px"
    weights: Literal["area"] | None = None
    standardize: bool = False
    choose: str | None = None
    bbox: Bbox | None = None
    mask: Path | None = None
    years: tuple[int, int] | None = None
    labels: Literal["netcdf", "zarr"] = "netcdf"

    @property
    def per_step(self) -> bool:
        """Whether each step has clusters of its own."""
        return self.codebook == "per-step"

    @property
    def given(self) -> Path | None:
        """The file of a codebook, where one is given."""
        return self.codebook if isinstance(self.codebook, Path) else None

    def described(self) -> Description:
        """Give the options in words and numbers that JSON holds, the same on every machine."""
        given = self.given
        return {
            "k": list(self.ks),
            "codebook": self.codebook if given is None else _described_file(given),
            "variables": list(self.variables),
            "select": self.select,
            "min_diameter": self.min_diameter,
            "weights": self.weights,
            "standardize": self.standardize,
            "choose": self.choose,
            "bbox": None if self.bbox is None else list(self.bbox),
            "mask": None if self.mask is None else _described_file(self.mask),
            "years": None if self.years is None else list(self.years),
            "labels": self.labels,
        }


def described_inputs(archive: Archive) -> list[Description]:
    """List names and sizes of the inputs."""
    return [{"name": one.name, "size": one.size} for one in archive.inputs]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in which options and inputs a run differs from one before.

    Parameters
    ----------
    before, now : mapping
        With ``options`` and ``inputs``.

    Examples
    --------
    >>> one = {"options": {"k": [6]}, "inputs": [{"name": "a.nc", "size": 1}]}
    >>> other = {"options": {"k": [5]}, "inputs": [{"name": "a.nc", "size": 2}]}
    >>> differences(one, other)
    ['k was [6] and is [5]', 'a.nc had 1 bytes and has 2']
    """
    old, new = before["options"], now["options"]
    found = [
        f"{name} was {_shown(old.get(name))} and is {_shown(new.get(name))}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    sizes, sizes_now = ({i["name"]: i["size"] for i in each["inputs"]} for each in (before, now))
    for name in {**sizes, **sizes_now}:
        if name not in sizes_now:
            found.append(f"{name} is gone")
        elif name not in sizes:
            found.append(f"{name} is new")
        elif sizes[name] != sizes_now[name]:
            found.append(f"{name} had {sizes[name]} bytes and has {sizes_now[name]}")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['name']} ({value['sha256'][:8]})"
    return "not given" if value is None or value == [] else str(value)


def _described_file(path: Path) -> Description:
    """Name a file and what is in it, not where it is."""
    return {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
