"""On what a run was made: the machine, the versions, the threads of everybody."""

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
    "rasterio", "shapely", "geopandas", "dask", "dask-ml", "netCDF4", "xarray", "matplotlib",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Describe where this process runs, in types that JSON has."""
    return {
        "cpu": cpu(),
        "cores": ALL,
        "memory_gib": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": commit(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "threads": threads(),
    }


def cpu() -> str:
    """Name the processor."""
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:  # macOS, Windows
        names = []
    return names[0] if names else platform.processor()


def memory() -> float | None:
    """Give the memory of the machine, in GiB."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:  # macOS, Windows
        return None
    return round(int(re.findall(r"MemTotal:\s+(\d+)", text)[0]) / 2**20, 1)


def commit() -> str:
    """Name the commit, where git and a checkout are there; with a plus if files were changed."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def installed(package: str) -> str:
    """Give the version of a package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def threads() -> dict[str, int]:
    """Tell how many threads each rival uses where all are allowed."""
    rivals = {
        name: rival for cases in CASES.values() for c in cases for name, rival in c.rivals.items()
    }
    return {name: 1 if rival.serial else ALL for name, rival in sorted(rivals.items())}


def described(found: dict[str, Any]) -> str:
    """Write an environment in a few lines."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    memory = f", {found['memory_gib']} GiB" if found["memory_gib"] else ""
    return (
        f"{found['cpu']}, {found['cores']} cores used{memory}, {found['system']}, "
        f"Python {found['python']}, commit {found['commit'] or 'unknown'}; {versions}."
    )
