"""The options of an archive, as Python has them and as ``codebook.json`` holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fastkm.cluster.selection.choose_k import Criterion
    from fastkm.raster.io.read_netcdf import Bbox

Description = dict[str, Any]


@dataclass(frozen=True)
class ArchiveOptions:
    """What the results of an archive depend on, besides its inputs.

    `ks` are the numbers of clusters: one, several among which the criterion `choose` decides, or
    none if `codebook` is a file. Empty `variables` mean the only one of the files. `select` says
    which clusters to outline, as for `select_clusters`; outlines not longer than `min_diameter` are
    left out. Cells outside `bbox` (west, south, east, north) and cells where `mask` is 0 are left
    out, and so are steps outside `years` (first and last).
    """

    ks: tuple[int, ...] = ()
    codebook: Literal["common", "per-step"] | Path = "common"
    variables: tuple[str, ...] = ()
    select: str | int = "highest"
    min_diameter: str = "0px"
    weights: Literal["area"] | None = None
    standardize: bool = False
    choose: Criterion | None = None
    bbox: Bbox | None = None
    mask: Path | None = None
    years: tuple[int, int] | None = None
    labels: Literal["netcdf", "zarr"] = "netcdf"

    @property
    def per_step(self) -> bool:
        """Whether each step gets its own codebook."""
        return self.codebook == "per-step"

    @property
    def codebook_file(self) -> Path | None:
        """The file that holds the codebook; None if the run finds the codebook."""
        return self.codebook if isinstance(self.codebook, Path) else None

    def describe(self) -> Description:
        """Return the options in the types of JSON, the same on every machine."""
        named = {"k": self.ks, **vars(self)}
        return {name: _as_json(value) for name, value in named.items() if name != "ks"}


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List in words the options and inputs in which a run differs from an earlier one.

    Examples
    --------
    >>> one = {"options": {"k": [6]}, "inputs": [{"name": "a.nc", "size": 1}]}
    >>> other = {"options": {"k": [5]}, "inputs": [{"name": "a.nc", "size": 2}]}
    >>> find_differences(one, other)
    ['k was [6] and is [5]', 'a.nc had 1 bytes and has 2']
    """
    old, new = before["options"], now["options"]
    found = [
        f"{name} was {_format_value(old.get(name))} and is {_format_value(new.get(name))}"
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


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['name']} ({value['sha256'][:8]})"
    return "not given" if value is None or value == [] else str(value)


def _as_json(value: Any) -> Any:
    """Convert an option; a file becomes its name and a hash of its content, without its folder."""
    if isinstance(value, Path):
        return {"name": value.name, "sha256": hashlib.sha256(value.read_bytes()).hexdigest()}
    return list(value) if isinstance(value, tuple) else value
