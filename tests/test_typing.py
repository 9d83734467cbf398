"""What a type checker sees of the public names, in the file of a user."""

import re
import subprocess
import sys

import pytest

from tests.conftest import needs_jit

pytest.importorskip("mypy")
pytestmark = needs_jit  # what mypy says has nothing to do with kernels

USER = """\
import numpy as np
import xarray as xr

import fastkm
import fastkm.cluster.vq
from fastkm import KMeans, choose_k, cluster_raster, kmeans1d, open_archive, outline

values = np.arange(10.0)
raster = xr.DataArray(np.ones((4, 5)))
one = kmeans1d(values, 6)
several = kmeans1d(values, [2, 3])
reveal_type(one)  # KMeans1D
reveal_type(several)  # dict[int, KMeans1D]
reveal_type(kmeans1d(values, range(2, 9)))  # dict[int, KMeans1D]
reveal_type(kmeans1d(values, np.int64(6)))  # KMeans1D
reveal_type(one.predict(values))  # ndarray
reveal_type(one.predict([1.0, 2.0]))  # ndarray
reveal_type(one.predict(raster))  # DataArray
reveal_type(cluster_raster(raster, 3))  # RasterClusters
reveal_type(cluster_raster(raster, [2, 3]))  # dict[int, RasterClusters]
reveal_type(cluster_raster(raster, 3).predict(raster))  # DataArray
reveal_type(choose_k(several, "bic"))  # Choice
reveal_type(choose_k(several).k)  # int
reveal_type(fastkm.load_codebook("codebook.json"))  # KMeans1D | BandsCodebook
reveal_type(fastkm.read_raster("tpw.nc"))  # DataArray
reveal_type(open_archive("months/*.nc"))  # DataArray | Dataset
reveal_type(fastkm.find_contours(values.reshape(2, 5), 0.5))  # list[ndarray
reveal_type(fastkm.max_pairwise_distance(values.reshape(5, 2)))  # float
reveal_type(fastkm.cluster.vq.kmeans)  # def
reveal_type(fastkm.__version__)  # str
choose_k(several, "entropy")  # error: Argument 2
outline(raster, 4, boundary="smooth")  # error: Argument "boundary"
fastkm.max_pairwise_distance(values, metric="miles")  # error: No overload variant
kmeans1d(values, 6, None)  # error: No overload variant
fastkm.kmeans3  # error: has no attribute "kmeans3"
from fastkm import kmeans4  # error: has no attribute "kmeans4"
"""

BEHIND = (
    "IPython bokeh coverage dask distributed jinja2 matplotlib narwhals numba prompt_toolkit selenium"
    " tornado trio urllib3 zarr"
)
"""Libraries behind fastkm and xarray, none of whose types the file names: mypy would read 1,600 modules
of theirs, five sixths of its time (30 s of CPU time, 5 s without them)."""

CONFIG = f"""\
[mypy]
[mypy-{",".join(f"{name}.*" for name in BEHIND.split())}]
follow_imports = skip
follow_imports_for_stubs = True
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What mypy says of each line of the file, run as a user runs it."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "user.py").write_text(USER)
    (folder / "quick.ini").write_text(CONFIG)
    command = [sys.executable, "-m", "mypy", "--config-file", "quick.ini", "user.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        match = re.match(r"user\.py:(\d+): (.*)", line)
        if match:
            said.setdefault(int(match[1]), []).append(match[2])
    return said


def expected():
    """Yield each line of the file that states a type, with what is expected."""
    for number, line in enumerate(USER.splitlines(), 1):
        code, _, wanted = line.partition("  # ")
        if wanted:
            yield pytest.param(number, wanted, id=code)


@pytest.mark.parametrize(("number", "wanted"), list(expected()))
def test_the_type_is_the_one_that_users_expect(found, number, wanted) -> None:
    said = re.sub(r"\b(?:\w+\.)+(?=\w)", "", " ".join(found.get(number, ["nothing"])))
    pattern = re.escape(wanted).replace("error:\\ ", "error: .*")
    assert re.search(rf'(?:"|note: .*|^){pattern}' if "error" not in wanted else pattern, said), (
        said
    )


def test_nothing_else_is_wrong(found) -> None:
    meant = {number for number, line in enumerate(USER.splitlines(), 1) if "  # " in line}
    wrong = {n: s for n, s in found.items() if n not in meant and any("error" in x for x in s)}
    assert not wrong
