"""The command writes runs; the pages show the newest, with nothing typed by hand."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench import __main__ as command
from bench import pages
from bench.case import Case, Rival
from bench.comparison import comparison
from bench.environment import collect_environment, describe
from bench.pages import BEGIN, END, HEADLINE, HOME, README, insert_headline, rebuild, write_headline
from bench.part import Part
from bench.parts import PARTS
from bench.results import Run, find_newest

needs_checkout = pytest.mark.skipif(not README.exists(), reason="not run from a checkout")


def a_part(text: str = "found {}") -> Part:
    return Part(
        "A part",
        lambda size: {"size": size},
        lambda found: text.format(found["size"]),
        lambda found: {"picture": Figure()},
        lambda: {"someone": "not there"},
    )


CASE = Case(
    "work, of some size",
    lambda n: n,
    {"tiny": 1, "small": 2, "full": 3},
    {"fastkm": Rival(lambda n: n), "usual": Rival(lambda n: n), "other": Rival(lambda n: n)},
    lambda data, ours, theirs: None,
    lambda data, answer: 5.0,
)


def test_one_command_runs_writes_and_rebuilds(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "PARTS", {"one": a_part(), "two": a_part()})
    monkeypatch.setattr(pages, "PARTS", command.PARTS)
    command.main(["one", "--size", "full", "--output", str(tmp_path)])
    [path] = (tmp_path / "results").glob("*_full.json")
    told = json.loads(path.read_text())
    assert told["parts"]["one"]["found"] == {"size": "full"}
    assert told["parts"]["one"]["left_out"] == {"someone": "not there"}
    assert told["environment"]["cores"] >= 1
    assert "two" not in told["parts"]
    page = (tmp_path / "RESULTS.md").read_text()
    assert "found full" in page
    assert "`python -m bench one --size full`" in page
    assert "![A part: picture](figures/picture.png)" in page
    assert "Left out here: someone (not there)." in page
    assert (tmp_path / "figures/picture.png").stat().st_size > 0
    assert "left out: someone (not there)" in capsys.readouterr().out
    assert str(tmp_path) not in README.read_text()


def test_by_default_all_parts_run_small(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "PARTS", {"one": a_part(), "two": a_part()})
    monkeypatch.setattr(pages, "PARTS", command.PARTS)
    command.main(["--output", str(tmp_path)])
    [path] = (tmp_path / "results").glob("*_small.json")
    assert list(json.loads(path.read_text())["parts"]) == ["one", "two"]


def test_pages_alone_run_nothing(tmp_path, monkeypatch) -> None:
    def never(_size: str) -> None:
        raise AssertionError

    monkeypatch.setattr(command, "PARTS", {"one": Part("A part", never, str)})
    monkeypatch.setattr(pages, "PARTS", command.PARTS)
    command.main(["--pages", "--output", str(tmp_path)])
    assert (tmp_path / "RESULTS.md").exists()


def test_an_unknown_part_is_named(capsys) -> None:
    with pytest.raises(SystemExit):
        command.main(["kmeans3"])
    assert "PART must be one of lesson, vq, kmeans1d" in capsys.readouterr().err


def test_a_full_run_counts_before_a_small_one_and_a_new_one_before_an_old_one(tmp_path) -> None:
    for started, size, parts in (
        ("2026-01-01", "full", {"one": 1, "two": 1}),
        ("2026-02-01", "full", {"one": 2}),
        ("2026-03-01", "small", {"one": 3, "three": 3}),
    ):
        run = {"started": started, "size": size, "environment": {}}
        run["parts"] = {name: {"found": number} for name, number in parts.items()}
        (tmp_path / f"{started}.json").write_text(json.dumps(run))
    found = find_newest(tmp_path)
    assert {name: part["found"] for name, part in found.items()} == {"one": 2, "two": 1, "three": 3}
    assert found["three"]["size"] == "small"
    assert find_newest(tmp_path / "none") == {}


def test_a_run_is_whole_after_each_part(tmp_path) -> None:
    run = Run(tmp_path, "tiny")
    run.add("one", {"a": 1}, {}, 1.26)
    assert json.loads(run.path.read_text())["parts"]["one"]["seconds"] == 1.3
    run.add("two", {"a": 2}, {}, 1.0)
    assert list(json.loads(run.path.read_text())["parts"]) == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == [run.path.name]


def test_the_headline_has_the_usual_way_and_the_quickest_other(monkeypatch) -> None:
    rows = [
        {"case": "work, of some size", "rival": rival, "threads": 2, "seconds": [s], "loss": loss}
        for rival, s, loss in (("fastkm", 1.0, 5.0), ("usual", 9.0, 5.0), ("bad", 3.0, 6.0))
    ]
    part = {"found": {"measured": rows}, "environment": collect_environment()}
    monkeypatch.setattr(pages, "HEADLINE", {"vq": ("work",)})
    line = write_headline({"vq": part}).splitlines()[2]
    assert line == (
        "| work, of some size | 1 s | usual: 9 s, **9.00** | bad: 3 s, **3.00**, inertia +20 % |"
    )
    page = insert_headline(f"before\n{BEGIN}\nold\n{END}\nafter", {"vq": part})
    assert page.startswith(f"before\n{BEGIN}\n| work |")
    assert page.endswith(f"{END}\nafter")
    assert "old" not in page


def test_the_page_begins_with_a_summary_and_its_figure(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pages, "PARTS", {"vq": comparison("One", [CASE])})
    monkeypatch.setattr(pages, "HEADLINE", {"vq": ("work",)})
    Run(tmp_path / "results", "full").add("vq", comparison("One", [CASE]).run("tiny"), {}, 1.0)
    [path] = (tmp_path / "results").iterdir()
    told = json.loads(path.read_text())
    told["environment"] |= {"cpu": "a machine", "cores": 2}
    seconds = {"fastkm": 2.0, "usual": 1.0, "other": 4.0}
    for one in told["parts"]["vq"]["found"]["measured"]:
        one["seconds"] = [seconds[one["rival"]]]
    path.write_text(json.dumps(told))
    files = rebuild(tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    summary = page.split("## In short")[1].split("\n## ")[0]
    assert page.index("## In short") < page.index("## How it is measured")
    assert "| work, of some size | 2 s" in summary
    assert "(#where-fastkm-loses)" in summary
    assert "bench/RESULTS.md" not in summary
    own = sum(one["rival"] == "fastkm" for one in told["parts"]["vq"]["found"]["measured"])
    assert own >= 1
    assert "Fastkm is the quicker one in 1 of 2 comparisons" in summary
    assert tmp_path / "figures/summary.png" in files
    [panel] = pages.draw_summary(pages.find_headline(find_newest(tmp_path / "results"))).axes
    assert panel.get_xscale() == "log"
    assert panel.texts[0].get_text() == "fastkm 2 s,  usual 1 s,  other 4 s"


def test_where_fastkm_loses_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pages, "PARTS", {"one": comparison("One", [CASE])})
    run = Run(tmp_path / "results", "full")
    run.add("one", comparison("One", [CASE]).run("tiny"), {}, 1.0)
    told = json.loads(run.path.read_text())
    seconds = {"fastkm": 2.0, "usual": 1.0, "other": 4.0}
    for one in told["parts"]["one"]["found"]["measured"]:
        one["seconds"] = [seconds[one["rival"]]]
    run.path.write_text(json.dumps(told))
    rebuild(tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    lost = page.split("## Where fastkm loses")[1].split("##")[0]
    assert "| work, of some size | usual |" in lost
    assert "| 2.00 | least |" in lost
    assert "other" not in lost


def test_the_environment_is_told() -> None:
    found = json.loads(json.dumps(collect_environment()))
    assert found["threads"]["fastkm"] == found["cores"]
    assert found["threads"]["scipy"] == 1
    text = describe(found)
    assert f"numpy {found['versions']['numpy']}" in text
    assert text.startswith(found["cpu"])


@needs_checkout
def test_the_published_pages_are_those_of_the_published_runs(tmp_path) -> None:
    parts = find_newest(HOME / "results")
    assert set(parts) == set(PARTS)
    assert {part["size"] for part in parts.values()} == {"full"}
    assert pages.write_results_page(parts) == (HOME / "RESULTS.md").read_text()
    text = README.read_text()
    assert insert_headline(text, parts) == text
    pictures = [Path(HOME, line[line.index("(") + 1 : -1])
                for line in pages.write_results_page(parts).splitlines() if line.startswith("![")]  # fmt: skip
    assert pictures
    assert all(picture.is_file() for picture in pictures)


@needs_checkout
def test_each_case_of_the_headline_is_there() -> None:
    parts = find_newest(HOME / "results")
    for part, names in HEADLINE.items():
        cases = {one["case"] for one in parts[part]["found"]["measured"]}
        assert all(any(case.startswith(name) for case in cases) for name in names)


@needs_checkout
def test_the_headline_names_the_machines_of_its_own_rows() -> None:
    parts = find_newest(HOME / "results")
    elsewhere = {"environment": {**parts["vq"]["environment"], "cpu": "another machine"}}
    others = {
        name: part if name in HEADLINE else {**part, **elsewhere}
        for name, part in reversed(parts.items())
    }
    assert write_headline(others) == write_headline(parts)
    assert "another machine, " in write_headline({**parts, "vq": {**parts["vq"], **elsewhere}})
