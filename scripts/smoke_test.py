"""Use an installed fastkm as its users do, without the checkout.

    python -m venv empty && empty/bin/pip install dist/*.whl && empty/bin/python scripts/smoke_test.py

What is installed must hold the package and nothing of tests, benchmarks or documentation; a small fit
must be the best of all partitions, tried one by one; and the commands must write their files.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np

import fastkm

CHECKOUT = Path(__file__).resolve().parents[1]
LARGEST = 1 << 20
"""Bytes that no installed file exceeds."""


def require(fact: bool, otherwise: str) -> None:
    """Stop with a message unless a fact holds."""
    if not fact:
        raise SystemExit(f"smoke test: {otherwise}")


def check_files() -> None:
    """Check what is installed, and from where it is imported."""
    package = Path(fastkm.__file__).parent
    require(package != CHECKOUT / "fastkm", f"{package} is the checkout, not what was installed")
    distribution = metadata.distribution("fastkm")
    files = [file for file in distribution.files or () if file.suffix != ".pyc"]
    tops = {file.parts[0] for file in files} - {".."}  # the command itself is in ../../../bin
    about = {top for top in tops if top.endswith(".dist-info")}
    require(tops - about == {"fastkm"} and len(about) == 1, f"there are {sorted(tops)}")
    names = {file.as_posix() for file in files}
    require({"fastkm/py.typed", "fastkm/datasets/land_1deg.npz"} <= names, "data files are missing")
    large = [str(file) for file in files if Path(file.locate()).stat().st_size > LARGEST]
    require(not large, f"{large} are larger than {LARGEST} bytes")
    require(fastkm.__version__ == distribution.version, "versions differ")


def check_fit() -> None:
    """Compare a fit with all partitions into three clusters."""
    values = np.random.default_rng(0).normal(size=14)
    ordered = np.sort(values)
    least = min(
        sum(part.size * part.var() for part in np.split(ordered, cuts))
        for cuts in itertools.combinations(range(1, ordered.size), 2)
    )
    result = fastkm.kmeans1d(values, 3)
    require(abs(result.inertia - least) < 1e-12, f"inertia {result.inertia} is not {least}")
    require(result.gap == 0, f"the gap is {result.gap}")
    codebook, _ = fastkm.kmeans(values, 3, rng=0)
    require(codebook.size == 3, f"kmeans returns {codebook}")
    labels = np.array([[0, 0, 1], [0, 1, 1]])
    areas = fastkm.polygonize(labels).geometry.area
    require(sorted(areas) == [3, 3], f"areas of polygons are {list(areas)}")


def check_commands(folder: Path) -> None:
    """Run the commands on the sample, and look at what they write."""
    version = run(folder, "--version")
    require(fastkm.__version__ in version, f"--version prints {version}")
    run(folder, "sample")
    run(folder, "cluster", "sample.nc", "-k", "2:3", "-o", "out")
    run(folder, "outline", "sample.nc", "-k", "4", "-o", "moist.gpkg")
    expected = ["out/labels_k2.nc", "out/labels_k3.nc", "out/codebook_k3.json", "out/clusters.png"]
    missing = [name for name in [*expected, "moist.gpkg"] if not (folder / name).exists()]
    require(not missing, f"{missing} are not written, but {sorted(map(str, folder.rglob('*')))}")


def run(folder: Path, *words: str) -> str:
    """Return what a command prints."""
    command = [sys.executable, "-m", "fastkm", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"fastkm {' '.join(words)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Check the files, a fit and the commands."""
    check_files()
    check_fit()
    with tempfile.TemporaryDirectory() as folder:
        check_commands(Path(folder))
    print(f"fastkm {fastkm.__version__} works: {Path(fastkm.__file__).parent}")


if __name__ == "__main__":
    main()
