"""What is built holds what it should; files that repeat versions and dependencies agree."""

from __future__ import annotations

import email
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from fastkm import __version__

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="not run from a checkout"
)
LARGEST_FILE = 1 << 20
LARGEST_WHEEL = 2 << 20
LARGEST_SDIST = 10 << 20
ON_CONDA_FORGE = {
    "dask": "dask-core",
    "geopandas": "geopandas-base",
    "matplotlib": "matplotlib-base",
    "netcdf4": "netcdf4",
}
"""Names on conda-forge of what comes without parts that fastkm does not need."""


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def recipe():
    return yaml.safe_load((ROOT / "conda/recipe.yaml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    [path] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(path)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    from hatchling.builders.sdist import SdistBuilder

    folder = tmp_path_factory.mktemp("sdist")
    [path] = SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(path)


@pytest.fixture(scope="module")
def in_sdist(sdist):
    """Sizes of the files in the sdist, by their paths."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}


def find_sources(folder):
    """Return the files of a folder that are kept, as paths from the root."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in paths}
    return {name for name in names if not re.search(r"__pycache__|\.pyc$|\.nb[ci]$", name)}


def find_floors(requirements):
    """Return what each requirement asks for, by its name in lower case; without fastkm's own extras."""
    parsed = map(Requirement, requirements)
    return {asked.name.lower(): asked.specifier for asked in parsed if asked.name != "fastkm"}


# The wheel and the sdist.


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        sizes = [entry.file_size for entry in archive.infolist()]
    assert names == find_sources("fastkm")
    assert {"fastkm/py.typed", "fastkm/datasets/land_1deg.npz"} <= names
    assert max(sizes) <= LARGEST_FILE
    assert wheel.stat().st_size <= LARGEST_WHEEL
    assert wheel.name == f"fastkm-{__version__}-py3-none-any.whl"


def test_metadata_of_the_wheel(wheel, project):
    with zipfile.ZipFile(wheel) as archive:
        about = f"fastkm-{__version__}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{about}/METADATA"))
        entries = archive.read(f"{about}/entry_points.txt").decode()
        assert f"{about}/licenses/LICENSE" in archive.namelist()
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == project["project"]["requires-python"]
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert set(metadata.get_all("Provides-Extra")) == {*project["project"]["optional-dependencies"]}
    needed = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
    assert find_floors(needed) == find_floors(project["project"]["dependencies"])
    assert "fastkm = fastkm.cli.commands:main" in entries


def test_sdist_holds_what_tests_read(in_sdist):
    for folder in ("fastkm", "tests", "scripts"):
        assert find_sources(folder) <= {*in_sdist}
    files = {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "pyproject.toml",
        "PKG-INFO",
    }
    repeating = {".ci/run", "CITATION.cff", "conda/recipe.yaml", "docs/cite.md", "bench/RESULTS.md"}
    assert files | repeating <= {*in_sdist}


def test_sdist_holds_nothing_that_is_large_or_made_by_running(in_sdist, sdist):
    assert max(in_sdist.values()) <= LARGEST_FILE
    assert sdist.stat().st_size <= LARGEST_SDIST
    made = re.compile(r"__pycache__|\.pyc$|\.nb[ci]$|_(small|tiny)\.json$|^(build|dist|out)/")
    assert [name for name in in_sdist if made.search(name)] == []


def test_wheel_of_the_sdist_is_the_same(wheel, sdist, tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    [again] = WheelBuilder(str(folder)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {name: first.read(name) for name in first.namelist()} == {
            name: second.read(name) for name in second.namelist()
        }


# What is written in several places.


def test_versions_agree(recipe):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == __version__
    assert str(recipe["context"]["version"]) == __version__
    assert f"\n## {__version__} (" in (ROOT / "CHANGELOG.md").read_text()
    assert __version__ in (ROOT / "docs/cite.md").read_text()


def test_recipe_has_the_dependencies_of_the_project(recipe, project):
    floors = find_floors(project["project"]["dependencies"])
    expected = {f"{ON_CONDA_FORGE.get(name, name)} {floor}" for name, floor in floors.items()}
    python, *run = recipe["requirements"]["run"]
    assert python.startswith("python ")
    assert {*run} == expected
    assert recipe["context"]["python_min"] == project["project"]["requires-python"].removeprefix(
        ">="
    )
    extras = project["project"]["optional-dependencies"]
    for_users = {*extras} - {"test", "bench", "dev"}
    optional = find_floors([asked for name in for_users for asked in extras[name]])
    assert {*recipe["requirements"]["run_constraints"]} == {
        f"{name} {floor}" for name, floor in optional.items()
    }


def test_extra_of_developers_has_the_linters_of_the_group(project):
    extra = find_floors(project["project"]["optional-dependencies"]["dev"])
    assert extra == find_floors(project["dependency-groups"]["lint"])


def test_ci_tests_every_version_of_python_that_is_named(project):
    workflow = ROOT / ".github/workflows/ci.yml"
    matrix = yaml.safe_load(workflow.read_text())["jobs"]["tests"]["strategy"]["matrix"]
    pattern = r"Programming Language :: Python :: (3\.\d+)$"
    named = [re.search(pattern, name) for name in project["project"]["classifiers"]]
    assert matrix["python"] == [match[1] for match in named if match]
    assert {job["os"] for job in matrix["include"]} == {"macos-latest", "windows-latest"}
