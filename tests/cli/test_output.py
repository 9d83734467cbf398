"""What the command prints: nothing in a file or a name reaches the terminal as a command."""

import io
import os
import sys

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from rich.table import Table

from fastkm import kmeans1d
from fastkm.cli import output
from fastkm.cli.commands import main
from fastkm.raster.codebook import BandsCodebook

HOSTILE = "kg\x1b[31m\x07\r\n\u202e\udcff [red]:smile:[/red]\\"
SHOWN = "kg\\x1b[31m\\x07\\r\\n\\u202e\\udcff [red]:smile:[/red]\\"


def test_a_line_shows_each_character(capsys):
    output.print_line(HOSTILE)
    assert capsys.readouterr().out == f"{SHOWN}\n"


@pytest.mark.parametrize("unit", ["files", "steps", "passes", "outlines", "clusters", "blocks"])
def test_one_is_no_plural(unit):
    assert output.count_units(2, unit) == f"2 {unit}"
    assert (
        output.count_units(1, unit) == f"1 {unit.removesuffix('es' if unit == 'passes' else 's')}"
    )


def test_letters_of_any_language_stay():
    text = "Größe der Zelle, \u00b0C, \u6e29\u5ea6, m\u00a0s\u207b\u00b9, \U0001f30d"
    assert output.make_visible(text) == text


def test_a_cell_of_a_table_shows_each_character(capsys):
    table = Table()
    table.add_column(output.to_plain(HOSTILE))
    table.add_row(output.to_plain(HOSTILE))
    output.out.print(table)
    assert " ".join(capsys.readouterr().out.split()).count(SHOWN) == 2


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["fastkm", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0


@pytest.fixture
def hostile(tmp_path):
    values = np.arange(12.0).reshape(3, 4)
    name = "pw\x1b[2J"
    attributes = {"units": "m\x1b[31m", "long_name": "[bold]a\x07[/bold]"}
    path = tmp_path / "hostile\x1b[1m.nc"
    xr.Dataset({name: (("y", "x"), values, attributes)}).to_netcdf(path, engine="scipy")
    return path


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("command", ["info", "cluster", "outline"])
def test_what_a_file_says_is_no_command_to_the_terminal(
    command, hostile, tmp_path, monkeypatch, capsys
):
    options = [] if command == "info" else ["-k", 2, "-o", tmp_path / "a\x1b[1m.gpkg"]
    if command == "cluster":
        options[-1] = tmp_path / "a\x1b[1m.nc"
    run(monkeypatch, command, hostile, *options)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "m\\x1b[31m" in captured.out


def test_letters_that_the_terminal_lacks_are_numbers(monkeypatch):
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "ascii", write_through=True))
    output.tolerate_missing_letters()
    output.print_line("\u00b0C")
    assert printed.getvalue() == b"\\xb0C\n"


def test_who_stops_reading_gets_no_error(monkeypatch, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(output.out, "quiet", False)
        assert run(monkeypatch, "sample", tmp_path / "a.nc") == 0
    assert (tmp_path / "a.nc").is_file()


def test_a_command_without_any_output_stream_works(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run(monkeypatch, "sample", tmp_path / "a.nc") == 0


def print_table(monkeypatch, names, k, width=80):
    """Print the table of a codebook on a terminal of that width; return its lines."""
    console = Console(file=io.StringIO(), width=width)
    monkeypatch.setattr(output, "out", console)
    codes = np.arange(k * len(names), dtype=float).reshape(k, -1)
    book = BandsCodebook(tuple(names), ("kg m-2",) * len(names), codes)
    console.print(output._make_table(book, book.units, {"cells": ["1,000"] * k}))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


DATES = [f"2009-02-{day:02d}" for day in range(1, 25)]


def test_many_bands_have_a_row_each(monkeypatch):
    lines = print_table(monkeypatch, DATES, 4)
    cells = [line.split() for line in lines]
    assert ["cluster", "0", "1", "2", "3"] in cells
    assert ["2009-02-24", "kg", "m-2", "23", "47", "71", "95"] in cells
    assert ["cells", "1,000", "1,000", "1,000", "1,000"] in cells
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 24 + 1 + 2


def test_few_bands_have_a_column_each(monkeypatch):
    lines = print_table(monkeypatch, DATES[:2], 4)
    assert ["3", "6", "7", "1,000"] in [line.split() for line in lines]


def test_many_clusters_of_many_bands_are_left_out_with_dots(monkeypatch):
    lines = print_table(monkeypatch, DATES, 40)
    heading = next(line for line in lines if "cluster" in line)
    assert heading.split()[-2:] == ["…", "39"]


def test_areas_of_clusters_fit_into_80_letters_and_are_whole_in_fewer(monkeypatch):
    areas = {
        "cells": ["10,000"] * 2,
        "area km2": ["123,456,789"] * 2,
        "share of area": ["50.0%"] * 2,
    }
    table = output._make_table(kmeans1d([1.0, 2.0, 30.0], 2), ["kg m-2"], areas)
    for width in (80, 40):
        console = Console(file=io.StringIO(), width=width)
        monkeypatch.setattr(output, "out", console)
        output.print_whole(table)
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        assert lines[-1].split()[-3:] == ["10,000", "123,456,789", "50.0%"]


def test_long_names_of_bands_are_folded(monkeypatch):
    lines = print_table(monkeypatch, [name * 10 for name in DATES], 4)
    assert any("2009-02-012009-02-01" in line for line in lines)
