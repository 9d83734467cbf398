"""Where results may be written: not over an input, and not among the results of an earlier run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from fastkm._core.atomic_write import find_side_files
from fastkm.raster.io.open import is_zarr_store

LABEL_MAP_SUFFIXES = (".nc", ".tif", ".tiff", ".zarr")
RESULTS = re.compile(
    r"labels_k\d+\.(nc|tif)|codebook_k\d+\.json|(clusters|choice)\.(csv|png|pdf|svg)"
)
"""The names of the files that the clusters of a raster make in a folder."""


def is_label_map(output: str | os.PathLike[str]) -> bool:
    """Return True if an output names a single label map, not a folder."""
    path = Path(output)
    is_folder = path.is_dir() and not is_zarr_store(path)
    return path.suffix.lower() in LABEL_MAP_SUFFIXES and not is_folder


def check_folder(output: str | os.PathLike[str], others: str = "") -> None:
    """Raise a NotADirectoryError if an output is a file, a ValueError if its name is that of one.

    `others` are the files that it might have been, for the message.

    Examples
    --------
    >>> check_folder("out"), check_folder("k_0.5")
    (None, None)
    >>> check_folder("out.pdf", "a .nc or .tif file, or ")
    Traceback (most recent call last):
    ...
    ValueError: out.pdf must be a .nc or .tif file, or a folder, whose name may end in .pdf only if it exists
    """
    path = Path(output)
    if path.is_dir():
        return
    if path.exists():
        raise NotADirectoryError(f"{path} is a file; it must be {others}a folder")
    if re.search("[a-zA-Z]", path.suffix):
        raise ValueError(
            f"{path} must be {others}a folder, whose name may end in {path.suffix} only if it exists"
        )


def require_one_k(output: str | os.PathLike[str], ks: Iterable[int]) -> None:
    """Raise a ValueError if an output is no folder, and no label map for a single k."""
    if not is_label_map(output):
        check_folder(output, "a .nc, .tif, .tiff or .zarr file, or ")
    elif (count := len(list(ks))) != 1:
        raise ValueError(
            f"{os.fspath(output)} holds the label map of one k, got {count}; name a folder"
        )


def find_results(output: str | os.PathLike[str]) -> list[Path]:
    """Find the results of an earlier run in a folder; there are none if it does not exist."""
    folder = Path(output)
    if is_label_map(folder) or not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if RESULTS.fullmatch(file.name))


def find_maps(map_path: Path, ks: Iterable[int]) -> list[Path]:
    """Find the maps that an earlier run with several k drew, and that one with `ks` would not."""
    name = re.compile(re.escape(map_path.stem) + r"_k(\d+)" + re.escape(map_path.suffix))
    drawn = set(ks)
    if len(drawn) < 2 or not map_path.parent.is_dir():
        return []
    found = ((file, name.fullmatch(file.name)) for file in map_path.parent.iterdir())
    return sorted(file for file, match in found if match and int(match[1]) not in drawn)


def require_replaceable(earlier: list[Path], *, overwrite: bool, again: bool = False) -> None:
    """Raise a ValueError if there are results of an earlier run, unless they are to be replaced.

    They may be if `overwrite` says so, or if it is the same run `again`.
    """
    if earlier and not (overwrite or again):
        raise ValueError(
            f"{earlier[0].parent} holds results of an earlier run, such as {earlier[0].name}: name "
            "another folder, or replace them with --overwrite"
        )


def protect_layers(output: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise a ValueError if a GeoPackage has further layers, which would be lost, unless `overwrite`."""
    path = Path(output)
    if overwrite or path.suffix.lower() != ".gpkg" or not path.is_file():
        return
    import pyogrio

    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except pyogrio.errors.DataSourceError:  # it is no GeoPackage
        return
    if others := [name for name in layers if name != path.stem]:
        raise ValueError(
            f"{path} holds further layers, which would be lost: {', '.join(others)}. Name another "
            "file, or replace all of it with --overwrite"
        )


def protect_inputs(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Raise a ValueError if a file that would be written or removed is an input, by any name.

    Files beside an output that would be removed with it count too, and so does everything in an
    input that is a folder.
    """
    given = [Path(path) for path in inputs if path is not None and Path(path).exists()]
    for output in outputs:
        for file in (output, *find_side_files(output)):
            for path in given:
                same = file.exists() and file.samefile(path)
                within = path.is_dir() and file.resolve().is_relative_to(path.resolve())
                around = is_zarr_store(file) and path.resolve().is_relative_to(file.resolve())
                if same or within or around:
                    raise ValueError(
                        f"{path} is an input and would be overwritten by {output}: name another output"
                    )
