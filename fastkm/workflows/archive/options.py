"""The options of an archive, as Python has them and as ``codebook.json`` holds them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fastkm._core.validation import require_choice, require_count
from fastkm.raster.io.stamps import read_stamp
from fastkm.raster.sieve import SieveOptions

if TYPE_CHECKING:
    from fastkm.cluster.selection.choose_k import Criterion
    from fastkm.raster.io.choose import Sel
    from fastkm.raster.io.read_netcdf import Bbox
    from fastkm.raster.multifile.scan import FileInfo
    from fastkm.vector.formats.file_longitudes import FileLongitudes

Description = dict[str, Any]


class TrackOptions(NamedTuple):
    """How regions are linked through time, see `fastkm.track`, and whether there are maps of tracks."""

    min_overlap: float = 0.0
    gap: int = 0
    maps: bool = False


@dataclass(frozen=True)
class ArchiveOptions:
    """What the results of an archive depend on, besides its inputs.

    `ks` are the numbers of clusters: one, several among which the criterion `choose` decides, or
    none if `codebook` is a file. Empty `variables` mean the only one of the files. `select` says
    which clusters to outline, as for `select_clusters`; outlines not longer than `min_diameter` are
    left out, and their `longitudes` are by default -180..180; `simplify` and `smooth` change them as
    those of `fastkm.outline`. Cells outside `bbox` (west, south,
    east, north) and cells where `mask` is 0, or outside of its polygons (see `fastkm.open_raster` for
    `mask_share`), are left out, and so are steps outside `years` (first and last). `sel` fixes
    dimensions at one value each, and `nodata` are further missing values, as for
    `fastkm.read_raster`. The label map of each step is sieved by `sieve`, a limit such as "16px", with
    or without `fill_holes`: see `fastkm.sieve`. With `track`, the outlined regions of a cluster, the
    highest that is outlined, are followed through time.
    """

    ks: tuple[int, ...] = ()
    codebook: Literal["common", "per-step"] | Path = "common"
    variables: tuple[str, ...] = ()
    select: str | int = "highest"
    min_diameter: str = "0px"
    longitudes: FileLongitudes | None = None
    simplify: float | str | None = None
    smooth: int = 0
    weights: Literal["area"] | None = None
    standardize: bool = False
    choose: Criterion | None = None
    bbox: Bbox | None = None
    mask: Path | None = None
    mask_share: float | None = None
    years: tuple[int, int] | None = None
    sel: Sel | None = None
    nodata: tuple[float, ...] | None = None
    sieve: str | None = None
    fill_holes: bool = False
    labels: Literal["netcdf", "zarr"] = "netcdf"
    track: TrackOptions | None = None

    @property
    def sieve_options(self) -> SieveOptions | None:
        """How label maps are sieved; None if they are not."""
        return None if self.sieve is None else SieveOptions(self.sieve, self.fill_holes)

    @property
    def per_step(self) -> bool:
        """Whether each step gets its own codebook."""
        return self.codebook == "per-step"

    @property
    def codebook_file(self) -> Path | None:
        """The file that holds the codebook; None if the run finds the codebook."""
        return self.codebook if isinstance(self.codebook, Path) else None

    @property
    def selection(self) -> dict[str, Any]:
        """The part of the inputs that is used, as arguments of `open_files`."""
        names = ("sel", "nodata", "bbox", "mask", "mask_share", "years")
        return {name: getattr(self, name) for name in names}

    def check(self) -> None:
        """Raise a ValueError if an option is not valid, or options do not go together."""
        require_choice("weights", self.weights or "area", ("area",), or_else=" or None")
        require_choice("labels", self.labels, ("netcdf", "zarr"))
        if self.codebook_file is not None and (self.ks or self.weights or self.standardize):
            raise ValueError(
                "k, weights and standardize must be left out if codebook is a file, which has its own"
            )
        for k in self.ks:
            require_count("k", k)
        if self.codebook_file is None and not self.ks:
            raise ValueError("k must be the number of clusters, unless codebook is a file")
        if self.choose is None and len(self.ks) > 1:
            raise ValueError(
                f"choose must be a criterion if k are several, got k = {list(self.ks)}"
            )
        several = len(self.variables) > 1
        if self.choose is not None and (self.codebook != "common" or several):
            raise ValueError("choose must be for a common codebook of one variable")
        if self.per_step and several:
            raise ValueError("codebook must be 'common' or a file for several variables")

    def describe(self) -> Description:
        """Return the options in the types of JSON, the same on every machine."""
        named = {"k": self.ks, **vars(self)}
        if self.track is None:  # as runs without tracks have always been described
            del named["track"]
        return {name: _as_json(value) for name, value in named.items() if name != "ks"}


def describe_input(path: Path, name: str, info: FileInfo | None) -> Description:
    """Describe an input by what tells whether it has changed; `info` is None if it is left out."""
    if info is None:
        return {"name": name, "size": read_stamp(path).size if path.exists() else 0}
    size, modified = info.whole
    return {"name": name, "size": size, "modified": modified, "times": info.times_digest}


def describe_run(
    options: ArchiveOptions,
    paths: Sequence[Path],
    names: Sequence[str],
    infos: Mapping[int, FileInfo],
) -> Description:
    """Describe the options and inputs of a run; `infos` has what was read of an input, by position."""
    inputs = [
        describe_input(path, name, infos.get(number))
        for number, (path, name) in enumerate(zip(paths, names, strict=True))
    ]
    return {"options": options.describe(), "inputs": inputs}


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
    inputs, inputs_now = ({i["name"]: i for i in each["inputs"]} for each in (before, now))
    for name in {**inputs, **inputs_now}:
        if name not in inputs_now:
            found.append(f"{name} is gone")
        elif name not in inputs:
            found.append(f"{name} is new")
        else:
            found += _find_changes(name, inputs[name], inputs_now[name])
    return found


def is_same_command(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return True if two runs have the same options, and inputs of the same names."""
    names, names_now = ([each["name"] for each in run["inputs"]] for run in (before, now))
    return before["options"] == now["options"] and names == names_now


def _find_changes(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List in words how an input has changed, by what is known of it in both runs."""
    if before["size"] != now["size"]:
        return [f"{name} had {before['size']} bytes and has {now['size']}"]
    if any(before[what] != now[what] for what in {*before} & {*now}):
        return [f"{name} was replaced or modified"]
    return []


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['name']} ({value['sha256'][:8]})"
    return "not given" if value is None or value == [] else str(value)


def _as_json(value: Any) -> Any:
    """Convert an option; a file becomes its name and a hash of its content, without its folder."""
    if isinstance(value, Path):
        return {"name": value.name, "sha256": hashlib.sha256(value.read_bytes()).hexdigest()}
    if isinstance(value, Mapping):
        return [f"{name}={fixed}" for name, fixed in value.items()]
    if isinstance(value, tuple):
        return [_as_json(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
