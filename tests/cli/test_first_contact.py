"""The first commands of a newcomer: few words, a sensible result, and what is behind it."""

import io
import logging

import numpy as np
import pytest
from rich.console import Console

from fastkm.cli.progress import COMPILING, show_passing_bar, show_progress, show_stages
from tests.conftest import needs_jit
from tests.small_files import names, write_netcdf


def words(text):
    return " ".join(text.split())


def test_sample_then_cluster_need_no_options(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("sample") == (0, "wrote sample.nc\n", "")
    status, out, err = run("cluster", "sample.nc")
    assert (status, err) == (0, "")
    assert "6 clusters, inertia 175889, root mean square distance 2.2642 kg m-2" in words(out)
    assert names(tmp_path) == {"sample.nc", "sample_k6"}
    assert "labels_k6.nc" in names(tmp_path / "sample_k6")
    assert "km2" in words(out)
    assert run("sample") == (0, "wrote sample.nc\n", "")


def test_another_number_gets_another_folder_and_the_same_again_its_own(
    run, basin, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for k in ("2", "3", "2"):
        assert run("cluster", basin, "-k", k, "-q") == (0, "", "")
    assert names(tmp_path) == {"basin_k2", "basin_k3"}


def test_sample_replaces_no_file_of_ones_own(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = tmp_path / "sample.nc"
    for write in (lambda: write_netcdf(texts, np.ones((2, 2))), lambda: texts.write_text("mine")):
        write()
        before = (tmp_path / "sample.nc").read_bytes()
        status, _, err = run("sample")
        assert status == 2
        assert "sample.nc is a file of your own" in words(err)
        assert (tmp_path / "sample.nc").read_bytes() == before


def test_an_archive_has_a_folder_by_default(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("sample", "--months", "1") == (0, "wrote 1 file to months\n", "")


def test_a_criterion_has_a_range_to_choose_from(run, basin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("cluster", basin, "--choose", "bic")
    assert (status, err) == (0, "")
    assert names(tmp_path) == {"basin_k2-8"}
    assert {f"labels_k{k}.nc" for k in range(2, 9)} < names(tmp_path / "basin_k2-8")
    assert "scores, lower is better" in out
    assert "bic prefers many clusters" in out


def test_labels_by_a_codebook_have_a_folder_by_default(run, basin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("cluster", basin, "-k", "2", "-q")
    assert run("cluster", basin, "--codebook", "basin_k2/codebook_k2.json", "-q") == (0, "", "")
    assert names(tmp_path) == {"basin_k2", "basin_labels"}


def test_dots_in_a_name_are_no_extension(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_netcdf("pw.v07.nc", np.arange(12.0).reshape(3, 4))
    assert run("cluster", "pw.v07.nc", "-k", "2", "-q") == (0, "", "")
    assert "pw_v07_k2" in names(tmp_path)


@pytest.mark.parametrize("weights", [(), ("--weights", "area")])
def test_a_weighted_table_has_no_sum_of_squares(run, basin, tmp_path, weights):
    _, out, _ = run("cluster", basin, "-k", "2", "-o", tmp_path, *weights)
    shown = words(out)
    assert "root mean square distance" in shown
    assert ("inertia" in shown) == (not weights)
    assert shown.split().count("share") == (1 if weights else 2)  # of area, and of cells
    assert "km2" in shown


def test_standardized_bands_are_in_deviations(run, tmp_path):
    more = {"rain": (np.arange(12.0).reshape(3, 4) ** 2, {"units": "mm"}, ("lat", "lon"))}
    path = write_netcdf(tmp_path / "a.nc", np.arange(12.0).reshape(3, 4), more=more, units="K")
    bands = ("-v", "water", "-v", "rain", "-k", "2")
    _, out, _ = run("cluster", path, *bands, "--standardize", "-o", tmp_path / "a")
    assert "standard deviations" in words(out)
    _, out, _ = run("cluster", path, *bands, "-o", tmp_path / "b")
    assert " K," not in words(out)
    assert " mm," not in words(out)


# Compiling


def told(show, *, terminal=True, **options):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    log = logging.getLogger("fastkm")
    with show(console, **options):
        log.info("compiling one")
        log.info("compiling two")
    assert log.handlers == []
    log.info("compiling three")
    return console.file.getvalue()


@pytest.mark.parametrize("show", [show_progress, show_stages, show_passing_bar])
def test_kernels_that_compile_are_told_once_on_a_terminal(show):
    assert told(show).count(COMPILING) == 1
    assert COMPILING not in told(show, terminal=False)


@pytest.mark.parametrize("show", [show_progress, show_stages])
def test_quiet_tells_nothing_of_compiling(show):
    assert COMPILING not in told(show, quiet=True)


@needs_jit
def test_a_kernel_tells_when_it_compiles_and_not_when_it_is_kept(tmp_path, monkeypatch, caplog):
    import numba

    from fastkm._kernels._jit import kernel

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "module.py").write_text("def twice(x):\n    return 2 * x\n")
    space: dict = {"__name__": __name__}
    exec(compile("def twice(x):\n    return 2 * x\n", str(tmp_path / "module.py"), "exec"), space)  # noqa: S102
    with caplog.at_level(logging.INFO, "fastkm"):
        assert kernel(space["twice"])(1) == 2
        assert caplog.messages == ["compiling twice"]
        assert kernel(space["twice"])(1) == 2
        assert caplog.messages == ["compiling twice"]
