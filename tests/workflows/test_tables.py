"""Tables as CSV: what comes from a file is text, and nothing but text."""

import csv

import pytest

from fastkm.workflows.tables import write_csv


def through(row, path):
    write_csv([["name"], row], path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", " =1+1", "＝1+1", "=", "-", "-x", "--1"],
)
def test_texts_are_no_formulas(tmp_path, text):
    assert through([text], tmp_path / "a.csv") == [f"'{text}"]


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", "\n@a", "a\nb\tc\rd\0e\x1b[31m", "a\u2028b"])
def test_control_characters_become_blanks(tmp_path, text):
    [found] = through([text], tmp_path / "a.csv")
    assert found.isprintable()
    assert not found.lstrip().startswith(("=", "@"))
    assert len((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    "cell", [-1.5, -3, "-1.5", "+2e5", "-inf", "1 = 1", "kg m-2", "", "'a", "µ²", "a-b", "it's"]
)
def test_numbers_and_other_texts_stay(tmp_path, cell):
    assert through([cell, None, 1], tmp_path / "a.csv") == [str(cell), "", "1"]
