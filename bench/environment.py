"""The environment of a run: the machine, the versions, the threads of each rival."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.threads import ALL

PACKAGES = (
    "fastkm", "numpy", "scipy", "numba", "scikit-learn", "scikit-learn-intelex", "faiss-cpu",
    "kmeans1d", "flash1dkmeans", "ckwrap", "jenkspy", "mapclassify", "scikit-image", "contourpy",
    "contourrs", "ocetrac", "xarray-spatial", "rasterio", "shapely", "geopandas", "dask", "dask-ml", "netCDF4",
    "xarray", "matplotlib",
)  # fmt: skip


def collect_environment() -> dict[str, Any]:
    """Return what describes this machine and installation, in types that JSON has."""
    return {
        "cpu": find_cpu(),
        "cores": ALL,
        "memory_gib": find_memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": find_commit(),
        "versions": {name: found for name in PACKAGES if (found := find_version(name))},
        "threads": count_threads(),
    }


def find_cpu() -> str:
    """Return the name of the processor."""
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:  # macOS, Windows
        names = []
    return names[0] if names else platform.processor()


def find_memory() -> float | None:
    """Return the memory of the machine, in GiB."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:  # macOS, Windows
        return None
    return round(int(re.findall(r"MemTotal:\s+(\d+)", text)[0]) / 2**20, 1)


def find_commit() -> str:
    """Return the commit, with a plus if files were changed; empty without git or a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def find_version(package: str) -> str:
    """Return the version of a package, or an empty string."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def count_threads() -> dict[str, int]:
    """Return how many threads each rival uses if all are allowed."""
    rivals = {
        name: rival for cases in CASES.values() for c in cases for name, rival in c.rivals.items()
    }
    return {name: 1 if rival.serial else ALL for name, rival in sorted(rivals.items())}


def describe(found: dict[str, Any]) -> str:
    """Write an environment in a few lines."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    size = f", {found['memory_gib']} GiB" if found["memory_gib"] else ""
    return (
        f"{found['cpu']}, {found['cores']} cores used{size}, {found['system']}, "
        f"Python {found['python']}, commit {found['commit'] or 'unknown'}; {versions}."
    )
