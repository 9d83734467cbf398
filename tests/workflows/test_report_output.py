"""The report as an output of a job: a link at the end, whole or not at all, never over an input."""

import io
import shutil

import pytest
from rich.console import Console

from fastkm._core.atomic_write import write_text
from fastkm.cli import output
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import outline_file
from tests.full_disk import files_up_to
from tests.small_archives import without_privileges, write_months
from tests.small_files import names, write_basin

pytest.importorskip("bokeh")

JOBS = {
    "cluster to a file": ["-k", "3", "-o", "labels.nc"],
    "outline": ["-k", "3", "-o", "out.gpkg"],
    "archive": ["-k", "3", "-o", "out"],
}


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """A folder to be in, with a raster and an archive."""
    monkeypatch.chdir(tmp_path)
    write_basin(tmp_path / "sea.nc")
    (tmp_path / "months").mkdir()
    write_months(tmp_path / "months", 3)
    return tmp_path


def list_arguments(job):
    command = job.split()[0]
    return [command, "months" if command == "archive" else "sea.nc", *JOBS[job]]


@pytest.mark.parametrize("job", JOBS)
def test_the_last_line_is_a_link(run, inputs, job):
    status, out, err = run(*list_arguments(job), "--report", "a report.html")
    assert status == 0, err
    *before, last = out.splitlines()
    assert last == f"wrote {(inputs / 'a report.html').as_uri()}"
    assert "report" not in "".join(before)
    assert (inputs / "a report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_scores_and_every_k_are_in_the_report(run, inputs):
    assert run("cluster", "sea.nc", "-k", "2:4", "--choose", "elbow", "-o", "out", "--report",
               "r.html").status == 0  # fmt: skip
    text = (inputs / "r.html").read_text(encoding="utf-8")
    assert text.count('<input type="radio"') == 3
    assert "were chosen among 2 to 4" in text


def test_terminals_that_know_links_get_one(monkeypatch, tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=40)
    monkeypatch.setattr(output, "out", console)
    monkeypatch.setattr(output.print_line, "__defaults__", (console,))
    output.print_files([tmp_path / "a.nc", tmp_path / "r r.html"], tmp_path / "r r.html")
    link = (tmp_path / "r r.html").as_uri()
    assert f";{link}\x1b\\" in console.file.getvalue()  # rich 13.9 ends with an empty link


@pytest.mark.parametrize("job", JOBS)
def test_without_the_extra_nothing_is_begun(run, inputs, monkeypatch, job):
    find = "fastkm.workflows.reports.report.find_spec"
    monkeypatch.setattr(find, lambda name: None if name == "bokeh" else object())
    before = names(inputs)
    status, out, err = run(*list_arguments(job), "--report", "r.html")
    assert (status, out) == (1, "")
    assert 'pip install "fastkm[report]"' in err
    assert len(err.splitlines()) == 1
    assert names(inputs) == before


@pytest.mark.parametrize("job", JOBS)
def test_another_ending_is_wrong_usage(run, inputs, job):
    before = names(inputs)
    status, _, err = run(*list_arguments(job), "--report", "r.pdf")
    assert status == 2
    assert "a report must be a .html file, got r.pdf" in " ".join(err.replace("│", " ").split())
    assert names(inputs) == before


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("report", "message"),
    [("folder.html", "is a folder; name a file"), ("sea.nc/r.html", "is a file, not a folder")],
)
def test_a_place_that_cannot_be_is_found_out_before_any_work(run, inputs, job, report, message):
    (inputs / "folder.html").mkdir()
    before = names(inputs)
    status, _, err = run(*list_arguments(job), "--report", report)
    assert status == 1
    assert message in err
    assert names(inputs) == before


def test_an_input_is_no_report(inputs):
    mask = shutil.copyfile("sea.nc", "mask.html")
    for job in (
        lambda: cluster_file(Selection(inputs / "sea.nc", mask=inputs / mask), [3], "a.nc", report=mask),
        lambda: outline_file(
            Selection(inputs / "sea.nc", mask=inputs / mask), [3], "all", "a.gpkg", report=mask
        ),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"mask\.html is an input"):
            job()


def test_a_full_disk_leaves_the_old_files(inputs):
    write_text("r.html", "old")
    write_text("a.nc", "old")
    for job in (
        lambda: cluster_file(Selection(inputs / "sea.nc"), [3], "a.nc", report="r.html"),
        lambda: outline_file(
            Selection(inputs / "sea.nc"), [3], "all", "a.geojson", report="r.html"
        ),
    ):
        before = names(inputs)
        with files_up_to(500_000), pytest.raises(OSError, match=r"r\.html cannot be written: "):
            job()
        assert names(inputs) == before
        assert (inputs / "r.html").read_text() == (inputs / "a.nc").read_text() == "old"


def test_a_folder_that_cannot_be_written_to(inputs):
    (inputs / "locked").mkdir(mode=0o500)
    with without_privileges(), pytest.raises(PermissionError, match="cannot write into locked"):
        cluster_file(Selection(inputs / "sea.nc"), [3], "a.nc", report="locked/r.html")
    assert not (inputs / "a.nc").exists()


def test_labels_by_a_codebook_claim_no_optimum(inputs):
    cluster_file(Selection(inputs / "sea.nc"), [3], "out")
    label_file(Selection(inputs / "sea.nc"), "out/codebook_k3.json", "a.nc", report="r.html")
    text = (inputs / "r.html").read_text(encoding="utf-8")
    assert "that cluster of codebook_k3.json whose centroid is nearest" in text
    assert "proven" not in text.partition("<script")[0]
    assert "nan" not in text.partition("<script")[0]
