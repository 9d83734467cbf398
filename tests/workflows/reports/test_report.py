"""What a page says of a result, and that it is written whole."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import fastkm
from fastkm.raster.grid.areas import cell_areas
from fastkm.workflows.cell_areas import sum_areas
from fastkm.workflows.reports import report as module
from fastkm.workflows.reports.report import make_contents
from tests.label_maps import globe, projected


def make_raster(shape=(18, 36), dtype=np.float32):
    """Make a raster with missing cells, which a file's attributes declare."""
    rng = np.random.default_rng(3)
    values = np.round(rng.uniform(0, 70, shape), 2).astype(dtype)
    values[:3] = -999
    raster = globe(values).rename("water")
    attrs = {"_FillValue": dtype(-999), "units": "kg m-2", "long_name": "precipitable water"}
    return as_read(raster.assign_attrs(attrs))


def as_read(raster):
    """Let attributes hold for a raster, as if it came from a file."""
    raster.encoding = {"source": "water.nc"}
    return raster


def describe(results, **options):
    return make_contents({one.k: one for one in results}, **options)


def test_a_page_is_written(tmp_path):
    pytest.importorskip("bokeh")
    raster = make_raster()
    path = tmp_path / "new" / "page.html"
    fastkm.report(fastkm.cluster_raster(raster, 3), path, raster=raster, title="Ours")
    page = path.read_text(encoding="utf-8")
    assert "<title>Ours</title>" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert set(data["figures"]) == {"map", "histogram-0"}
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_labels_and_values_are_those_of_the_raster():
    raster = make_raster()
    result = fastkm.cluster_raster(raster, 4)
    contents = describe([result], raster=raster)
    np.testing.assert_array_equal(contents.clusterings[0].labels, result.labels.values)
    wanted = np.where(raster.values == -999, np.nan, raster.values)
    np.testing.assert_array_equal(contents.grid.values, wanted)
    assert contents.grid.units == "kg m⁻²"


def test_packed_values_are_in_physical_units():
    stored = np.arange(24, dtype=np.int16).reshape(4, 6)
    attrs = {"scale_factor": 0.5, "add_offset": 100.0, "_FillValue": np.int16(3)}
    raster = as_read(globe(stored).assign_attrs(attrs))
    contents = describe([fastkm.cluster_raster(raster, 2)], raster=raster)
    wanted = np.where(stored == 3, np.nan, stored * 0.5 + 100)
    np.testing.assert_array_equal(contents.grid.values, wanted)


def test_the_table_has_all_cells_and_areas():
    raster = make_raster()
    result = fastkm.cluster_raster(raster, 3)
    [one] = describe([result], raster=raster).clusterings
    table = dict(zip(one.table.headings, zip(*one.table.rows, strict=True), strict=True))
    assert [int(text.replace(",", "")) for text in table["cells"]] == result.counts.tolist()
    areas = [float(text.replace(",", "")) for text in table["area km²"]]
    np.testing.assert_allclose(areas, sum_areas(result.labels, 3), rtol=1e-6)
    assert table["up to"][-1] == table["above"][0] == ""


def test_what_is_missing_is_told_with_its_rules():
    text = " ".join(describe([fastkm.cluster_raster(make_raster(), 2)], raster=make_raster()).done)
    assert (
        "108 of 648 cells (16.7\u00a0%) are missing and belong to no cluster: 108 with the code −999."
        in text
    )


def test_rules_that_were_applied_are_listed(tmp_path):
    make_raster().to_dataset().to_netcdf(tmp_path / "water.nc")
    raster = fastkm.read_raster(tmp_path / "water.nc")
    text = " ".join(describe([fastkm.cluster_raster(raster, 2)], raster=raster).done)
    assert "belong to no cluster. The file says which: −999 is a code for missing." in text


def test_the_optimum_is_only_claimed_where_it_is_proven():
    raster = make_raster()
    [one] = describe([fastkm.cluster_raster(raster, 3)]).clusterings
    assert any("proven optimal" in text for text in one.found)
    plain = raster.where(raster != -999).drop_attrs()
    bands = xr.concat([plain, plain * 2 + 1], "band")
    [several] = describe([fastkm.cluster_raster(bands, 3)]).clusterings
    assert not any("optimal" in text for text in several.found)
    assert any("nothing is proven" in text for text in several.found)
    assert several.histogram is None


def test_the_chosen_k_is_shown_and_explained():
    raster = make_raster()
    results = fastkm.cluster_raster(raster, range(2, 6))
    choice = fastkm.choose_k(results, "elbow")
    contents = make_contents(results, raster=raster, choice=choice)
    assert contents.clusterings[contents.shown].k == choice.k
    assert f"{choice.k} clusters were chosen among 2 to 5 by the elbow" in contents.done[1]
    assert contents.scores.scores == choice.scores
    assert contents.title == "2 to 5 clusters of precipitable water"


def test_a_result_without_its_raster_has_a_page():
    contents = describe([fastkm.cluster_raster(make_raster(), 2)])
    assert contents.grid.values is None
    assert contents.clusterings[0].histogram is not None


def test_a_codebook_of_a_file_has_no_histogram(tmp_path):
    result = fastkm.cluster_raster(make_raster(), 2)
    result.save(tmp_path / "codebook.json")
    loaded = replace(result, codebook=fastkm.load_codebook(tmp_path / "codebook.json"))
    assert describe([loaded]).clusterings[0].histogram is None


def test_columns_that_repeat_others_are_drawn_once():
    values = np.arange(20.0).reshape(4, 5)
    values[:, 4] = values[:, 0]
    raster = xr.DataArray(
        values, {"lat": [-45.0, -15, 15, 45], "lon": [0.0, 90, 180, 270, 360]}, ("lat", "lon")
    )
    with pytest.warns(UserWarning, match="counted once"):
        result = fastkm.cluster_raster(raster, 2)
    contents = describe([result], raster=raster)
    assert contents.clusterings[0].labels.shape == (4, 4)
    assert "No cell of 16 is missing." in contents.done


def test_a_raster_of_another_shape_is_an_error(tmp_path):
    result = fastkm.cluster_raster(make_raster(), 2)
    with pytest.raises(
        ValueError, match=r"raster must be the one that was clustered, of \(18, 36\)"
    ):
        fastkm.report(result, tmp_path / "page.html", raster=make_raster((9, 36)))
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("result", [{}, [1], {2: "two"}, None])
def test_other_results_are_an_error(tmp_path, result):
    with pytest.raises(TypeError, match="result must be a result of cluster_raster"):
        fastkm.report(result, tmp_path / "page.html")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "bokeh" else name)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "fastkm\[report\]"'):
        fastkm.report(fastkm.cluster_raster(make_raster(), 2), tmp_path / "page.html")


def test_areas_of_clusters_are_sums_of_cells():
    labels = projected(
        np.arange(12).reshape(3, 4) % 3, 3035, 4e6 + 1e5 * np.arange(4), 3e6 - 1e5 * np.arange(3)
    )
    cells = cell_areas(labels).values
    wanted = [cells[labels.values == j].sum() / 1e6 for j in range(3)]
    np.testing.assert_allclose(sum_areas(labels, 3), wanted, rtol=1e-9)
    np.testing.assert_allclose(sum_areas(labels.chunk(2), 3), wanted, rtol=1e-9)
    assert sum_areas(labels.drop_vars(["x", "y", "spatial_ref"]), 3) is None
    assert sum_areas(globe(labels.values).isel(lat=[0]), 3) is None  # how high is one row?
