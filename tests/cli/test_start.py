"""The command loads only what it needs, and takes arguments as typer converts them."""

import gc
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from fastkm.cli import start
from fastkm.cli.commands import app
from tests.small_files import write_world

RUN = """
import json, sys
from fastkm.cli.commands import main
for arguments in json.loads(sys.argv.pop()):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    loaded = {name.partition(".")[0] for name in sys.modules} | {*sys.modules} & {"dask.array"}
    print(json.dumps(sorted(loaded)))
"""
HEAVY = {
    "cartopy", "dask", "dask.array", "distributed", "geopandas", "matplotlib", "numba", "pydantic",
    "pyogrio", "rasterio", "shapely", "sklearn", "sparse", "zarr",
}  # fmt: skip
"""Modules that take long to load, and that not every command needs."""


def find_loaded(*commands):
    """Find which of the heavy modules are loaded after each of some commands of one process."""
    texts = json.dumps([[str(argument) for argument in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", RUN, texts], capture_output=True, text=True, timeout=300, check=True
    )
    lists = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    return [set(loaded) & HEAVY for loaded in lists]


def test_info_loads_what_reads_the_file(tmp_path):
    assert find_loaded(["info", write_world(tmp_path / "a.nc")]) == [set()]


@pytest.mark.slow
def test_commands_load_what_they_need(tmp_path):
    file = write_world(tmp_path / "a.nc")
    one, folder, outlines = (tmp_path / name for name in ("b.nc", "out", "b.gpkg"))
    loaded = find_loaded(
        ["cluster", file, "-k", 2, "-o", one],
        ["outline", file, "-k", 2, "-o", outlines],
        ["cluster", file, "-k", 2, "-o", folder],
    )
    # numba loads sparse, if that is installed
    vector = {"numba", "geopandas", "pyogrio", "shapely"}
    assert [own - {"sparse"} for own in loaded[:2]] == [{"numba"}, vector]
    assert loaded[2] - {"sparse", "cartopy"} == {*vector, "matplotlib"}
    # matplotlib for the colours of the classes, and dask because rioxarray loads it
    [loaded] = find_loaded(["cluster", file, "-k", 2, "-o", tmp_path / "b.tif"])
    assert loaded - {"sparse"} == {"numba", "rasterio", "dask", "dask.array", "matplotlib"}


def list_parameters():
    """List the parameters of all commands, each with the process by which typer converts it."""
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name)
        for param in command.get_params(context):
            assert isinstance(param.process_value, partial)
            if param.name != "help":  # which ends the command
                yield pytest.param(context, param, id=f"{name} {param.name}")


@pytest.mark.parametrize(("context", "param"), [*list_parameters()])
def test_arguments_are_what_typer_makes_of_them(context, param, tmp_path):
    process = param.process_value.args[1]
    texts = ["6", str(tmp_path), "a b"]
    values = [texts, [], None] if param.multiple or param.nargs == -1 else [*texts, "", None]
    for value in [param.default, True, *values]:
        results = []
        for convert in (process, param.process_value):
            try:
                results.append(repr(convert(context, value)))
            except typer.BadParameter as error:
                results.append(str(error))
        assert results[0] == results[1]


def test_a_path_that_cannot_be_read_is_wrong_usage(tmp_path, monkeypatch):
    path = Path(tmp_path, "a.nc")
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = CliRunner().invoke(app, ["info", str(path)])
    assert done.exit_code == 2
    assert "readable" in done.output


def test_garbage_waits_until_the_command_has_loaded():
    before = gc.get_freeze_count()
    start.collect_garbage()
    assert gc.isenabled()
    assert gc.get_freeze_count() == before
    try:
        start.hold_garbage()
        assert not gc.isenabled()
        start.load_reader()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        ("outline", ["-v", "nir", "--variable=red"], "outline takes one variable, got nir, red"),
        ("outline", ["--bridge", "1", "--bridge", "1"], "outline takes one bridge, got 1, 1"),
        ("cluster", ["-k", "3", "-k", "4"], "cluster takes one k, got 3, 4"),
        (
            "archive",
            ["--years", "1990", "--years", "1991"],
            "archive takes one years, got 1990, 1991",
        ),
    ],
)
def test_an_option_that_takes_one_value_is_given_once(
    command, options, expected, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    k = [] if "-k" in options else ["-k", "3"]
    done = CliRunner().invoke(app, [command, "a.nc", *k, "-o", str(tmp_path / "out"), *options])
    assert done.exit_code == 2
    assert expected in done.output


@pytest.mark.parametrize("command", ["info", "cluster", "outline", "archive", "sample"])
def test_help_names_no_types_of_python(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "<" not in done.output.replace("<=", "")
