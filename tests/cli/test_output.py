"""What the command prints: nothing in a file or a name reaches the terminal as a command."""

import io
import os
import sys

import numpy as np
import pytest
import xarray as xr
from rich.table import Table

from fastkm.cli import output
from fastkm.cli.commands import main

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
