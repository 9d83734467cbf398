"""Run the commands on one file, and say what is wrong with what they did."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
import random
import re
import sys
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

import netCDF4
import numpy as np

from tests.fuzz.generate import Case, make_case
from tests.fuzz.read_independently import Reading, read_independently

FORMATS = (".geojson", ".geojson", ".gpkg", ".shp", ".fgb", ".parquet")

OPTIONS = (
    "--nodata 0", "--nodata inf", "--nodata 99 --nodata 3", "--nodata -9999", "--time -1", "--bbox -60,-30,100,60",
    "--bbox 170,-90,-170,90", "--sel level=0", "--sel member=0", "--sel depth=1e2 --sel time=0", "-q",
)  # fmt: skip
CLUSTER_OPTIONS = ("--weights area", "--standardize", "--time all")
OUTLINE_OPTIONS = (
    "--boundary contour", "--min-diameter 1000km", "--select all", "--bridge 2", "--connectivity 8",
    "--longitudes 0..360", "--longitudes -180..180", "--min-area 5km2",
)  # fmt: skip
PARTLY = ("--time", "--bbox", "--sel")
"""Options that choose a part of a raster, which the independent reading does not do."""

EXPECTED = (
    "distinct value", "distinct cells", "infinit", "not a raster", "holds no raster", "no time axis",
    "so no dates", "missing dates", "has no dates", "rows and columns only", "beside rows and columns", "no variable",
    "no band of real numbers", "no cell", "must have cells", "is a folder", "name one of its", "evenly spaced",
    "areas of cells need", "limits of cells lie midway", "ascend", "needs a raster with latitudes",
    "outside the 0 steps", "more than 2^53", "to a shapefile", "already", "longitudes in degrees", "is too large",
)  # fmt: skip
"""Reasons to refuse a file that is whole."""


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str
    words: list[str]


class Result(NamedTuple):
    """What became of one file."""

    seed: int
    kind: str
    codes: list[str]
    faults: list[str]


def check_seed(seed: int, folder: Path) -> Result:
    """Make the file of a seed, run the commands on it and check what they did."""
    case = make_case(seed, folder)
    before = _hash_inputs(case)
    codes, faults = [], []
    for words in _choose_commands(case, folder):
        said = run_command(words, folder)
        wrong = check_message(said)
        output = Path(words[words.index("-o") + 1]) if "-o" in words else None
        if output is not None and not wrong:
            wrong += _check_outputs(output, said)
        if case.whole is not None and not wrong:
            wrong += _check_result(case, said, output)
        if _hash_inputs(case) != before:
            wrong.append("the input was changed")
        codes.append(f"{words[0]} {said.code}")
        shown = " ".join(words).replace(f"{folder}/", "")
        faults += [f"{case}: {shown}: {text}" for text in wrong]
    return Result(seed, case.kind, codes, faults)


def _choose_commands(case: Case, folder: Path) -> list[list[str]]:
    rng = random.Random(case.seed + 1)
    if case.raster is not None:
        book = ["--codebook", str(case.path), "-o"]
        words = [["cluster", str(case.raster), *book, f"{folder}/labels.nc"]]
        if rng.random() < 0.05:
            words.append(["archive", str(case.raster), *book, f"{folder}/out"])
        return words
    path = str(case.path)
    of_variable = [] if case.kind == "GeoTIFF" else [f"--variable={case.variable}"]
    k = ["-k", rng.choice("1234")]

    def choose_options(own: tuple[str, ...]) -> list[str]:
        return rng.choice([*OPTIONS, *own]).split() if rng.random() < 0.4 else []

    commands = [["info", path]]
    single = f"{folder}/labels{rng.choice(['.nc', '.tif'])}"
    output = ["-o", f"{folder}/folder" if rng.random() < 0.02 else single]
    commands.append(["cluster", path, *of_variable, *k, *output, *choose_options(CLUSTER_OPTIONS)])
    if rng.random() < 0.5:
        output = ["-o", f"{folder}/lines{rng.choice(FORMATS)}"]
        commands.append(
            ["outline", path, *of_variable, *k, *output, *choose_options(OUTLINE_OPTIONS)]
        )
    if rng.random() < (0.4 if case.kind.startswith("Zarr") else 0.03) and case.kind != "GeoTIFF":
        commands.append(["archive", path, *of_variable, *k, "-o", f"{folder}/out"])
    return commands


def run_command(words: list[str], folder: Path) -> Said:
    """Run the command in this process; what anything in it writes to 1 and 2 is caught."""
    from fastkm.__main__ import main

    caught = [folder / "stdout", folder / "stderr"]
    for number, path in enumerate(caught, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = ["fastkm", *words]
    with warnings.catch_warnings():
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001  (whatever goes through the command)
            traceback.print_exc()
            code = -1
    sys.stdout.flush()
    sys.stderr.flush()
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in caught]
    return Said(code, *texts, words)


def check_message(said: Said) -> list[str]:
    """Check the exit status, and that there is one sentence if the command failed."""
    if said.code == -1 or "Traceback (most recent" in said.err:
        *_, last = [line for line in said.err.splitlines() if line.strip()]
        places = re.findall(r'fastkm/(\S+?\.py)", line (\d+)', said.err)
        where = ":".join(places[-1]) if places else "?"
        return [f"traceback: {last:.200} ({where})"]
    if said.code not in ({0, 1, 2, 3} if said.words[0] == "archive" else {0, 1, 2}):
        return [f"exit status {said.code}"]
    if said.code == 2:
        return [f"wrong usage: {' '.join(said.err.split())[-300:]}"]
    lines = [line for line in said.err.splitlines() if line.strip()]
    notes = [line for line in lines if line.startswith("note: ")]
    errors = [line for line in lines if line.startswith("fastkm: ")]
    rest = [line for line in lines if line not in notes and line not in errors]
    wrong = []
    if rest and said.words[0] != "archive":
        wrong.append(f"printed beside notes and the error: {rest[0]:.200}")
    if len(errors) != (said.code == 1):
        wrong.append(f"{len(errors)} sentences with exit status {said.code}: {errors}"[:300])
    wrong += [
        f"control characters: {line[:200]!r}"
        for line in lines
        if re.search(r"[\x00-\x08\x0b-\x1f]", line)
    ]
    if re.search(r"[\x00-\x08\x0b-\x1f]", said.out):
        wrong.append("control characters in what it printed")
    if len(set(notes)) < len(notes):
        wrong.append(f"said twice: {max(notes, key=notes.count):.200}")
    wrong += [f"a note of a library: {note:.200}" for note in notes if "encountered in" in note]
    return wrong


def _check_outputs(output: Path, said: Said) -> list[str]:
    """Check that no draft is left, that every file opens and, after a failure, that there is none."""
    drafts = [path.name for path in output.parent.rglob(".*") if ".zarr" not in str(path)]
    wrong = [f"a draft is left: {name}" for name in drafts if said.code == 0 or name != ".work"]
    if said.code == 1 and output.is_file():
        wrong.append(f"{output.name} is there after a failure")
    files = [output] if output.is_file() else sorted(output.rglob("*.*"))
    if said.code == 0 and not files:
        wrong.append("nothing was written")
    for file in files:
        try:
            _open_output(file)
        except Exception as error:  # noqa: BLE001  (whatever its library raises)
            wrong.append(f"{file.name} does not open: {error!r:.200}")
    return wrong


def _open_output(file: Path) -> None:
    match file.suffix:
        case ".nc":
            with netCDF4.Dataset(file) as opened:
                opened["cluster"][...]
        case ".tif":
            import rasterio

            with rasterio.open(file) as opened:
                opened.read()
        case ".json":
            json.loads(file.read_text(encoding="utf-8"))
        case ".csv":
            with file.open(newline="", encoding="utf-8") as opened:
                assert len({len(row) for row in csv.reader(opened)}) == 1, (
                    "rows of different lengths"
                )
        case ".png":
            assert file.read_bytes().endswith(b"IEND\xaeB`\x82"), "no end"
        case ".geojson" | ".gpkg" | ".shp" | ".fgb" | ".parquet":
            import geopandas
            import pyarrow.parquet

            with warnings.catch_warnings(action="ignore"):
                if file.name == "areas.parquet":
                    pyarrow.parquet.read_table(file)
                    return
                is_parquet = file.suffix == ".parquet"
                table = geopandas.read_parquet(file) if is_parquet else geopandas.read_file(file)
            assert table.geometry.is_valid.all(), "invalid polygons"
            assert not table.geometry.is_empty.any(), "empty polygons"


def _check_result(case: Case, said: Said, output: Path | None) -> list[str]:
    """Compare a label map with an independent reading; a file that is whole is not refused."""
    if any(option in said.words for option in PARTLY):
        return []
    damaged = case.whole != case.path
    nodata = [
        float(word) for option, word in itertools.pairwise(said.words) if option == "--nodata"
    ]
    try:
        reading = read_independently(case.whole, case.variable, nodata)
    except Exception as error:  # noqa: BLE001  (whatever its library raises)
        return [f"exit status 0, but {error!r:.150}"] if said.code == 0 else []
    if said.code == 1:
        expected = damaged or any(reason in said.err for reason in EXPECTED)
        return [] if expected else [f"refused: {said.err.splitlines()[-1]:.300}"]
    if damaged and ("is damaged, and read in part" in said.err or "-q" in said.words):
        return []
    if said.words[0] == "info" and said.code == 0 and reading.missing.ndim > 1:
        told = [
            int(number.replace(",", ""))
            for number in re.findall(r"of them ([0-9,]+) valid", said.out)
        ]
        bands = ~reading.missing if case.kind == "GeoTIFF" else ~reading.missing[None]
        wanted = [int(band.sum()) for band in bands]
        others = len(told) > 1 and case.kind != "GeoTIFF"  # other variables are described too
        if wanted[0] not in told if others else told != wanted:
            return [f"it counts {told} valid cells, not {wanted}"]
    if output is None or said.code != 0:
        return []
    if output.is_dir():
        maps = sorted([*output.rglob("*.nc"), *output.glob("*.tif")])
        output = maps[0] if len(maps) == 1 else Path()
    if output.suffix not in {".nc", ".tif"}:
        return []
    return _compare(output, reading)


def _compare(labels: Path, reading: Reading) -> list[str]:
    if labels.suffix == ".nc":
        with netCDF4.Dataset(labels) as file:
            file.set_auto_maskandscale(False)
            found, dims = np.asarray(file["cluster"][...]), file["cluster"].dimensions
    else:
        import rasterio

        with rasterio.open(labels) as file:
            found = file.read(1)
            found = np.where(file.read_masks(1) == 0, -1, found.astype(int))
        # a GeoTIFF names no dimensions, and has north above
        found = found.astype(int)
        faults = [
            compare_cells(found[::up, ::left], reading, dims)
            for dims in itertools.permutations(reading.dims, 2)
            for up in (1, -1)
            for left in (1, -1)
        ]
        return min(faults, key=lambda found: (len(found), "shape" in str(found)))
    return compare_cells(found, reading, dims)


def compare_cells(found: np.ndarray, reading: Reading, dims: tuple[str, ...]) -> list[str]:
    added = tuple(axis for axis, name in enumerate(dims) if name not in reading.dims)
    found, dims = found.squeeze(added), [name for name in dims if name in reading.dims]
    stored, missing = _align(reading, dims, found.shape)
    if missing.shape != found.shape:
        return [f"the label map has shape {found.shape}, not {missing.shape}"]
    if ((found < 0) != missing).any():
        cells = (found < 0) != missing
        examples = stored[..., cells].ravel()[:5].tolist()
        what = "have a label" if missing[cells].any() else "have none"
        return [f"missing cells differ in {cells.sum()} of {cells.size}: {examples} {what}"]
    if stored.shape != found.shape:
        return []
    order = np.argsort(stored[~missing], kind="stable")
    ordered = found[~missing][order]
    if reading.scale < 0:
        ordered = ordered[::-1]
    if (np.diff(ordered) < 0).any() and reading.scale != 0:
        return ["labels do not rise with values"]
    return []


def _align(
    reading: Reading, dims: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Take the first step of time, and the cells that no band misses, in the order of the labels."""
    stored, missing, own = reading.stored, reading.missing, list(reading.dims)
    for name in [name for name in own if name not in dims]:
        axis = own.index(name)
        if name in reading.times or "time" in name.lower() or stored.shape[axis] == 1:
            stored, missing = stored.take(0, axis), missing.take(0, axis)
            own.remove(name)
    order = [own.index(name) for name in own if name not in dims] + [
        own.index(name) for name in dims if name in own
    ]
    stored, missing = stored.transpose(order), missing.transpose(order)
    return stored, missing.any(axis=tuple(range(missing.ndim - len(shape))))


def _hash_inputs(case: Case) -> str:
    files = [case.path, case.raster] if case.raster else [case.path]
    inside = [
        own for path in files for own in (sorted(path.rglob("*")) if path.is_dir() else [path])
    ]
    contents = [path.read_bytes() for path in inside if path.is_file()]
    return hashlib.sha256(b"".join(contents)).hexdigest() + str(len(contents))
