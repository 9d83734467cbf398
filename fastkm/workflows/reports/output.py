"""The report as an output of a job: its name, and what it needs, are checked before any work."""

from __future__ import annotations

import os
from pathlib import Path

SUFFIXES = (".html", ".htm")


def check_report(path: str | os.PathLike[str]) -> None:
    """Raise unless a path is a name for a report, and what writes reports is installed.

    Raises
    ------
    ValueError
        If the name is that of another kind of file.
    ModuleNotFoundError
        If bokeh or jinja2 is not installed.
    OSError
        If it is a folder, or its folder cannot be written to, which would else be found out at the
        end of the work.

    Examples
    --------
    >>> check_report("clusters.pdf")
    Traceback (most recent call last):
    ...
    ValueError: a report must be a .html file, got clusters.pdf
    """
    from fastkm.workflows.reports.report import require_extra

    if Path(path).suffix.lower() not in SUFFIXES:
        raise ValueError(f"a report must be a .html file, got {os.fspath(path)}")
    require_extra()
    if Path(path).is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder; name a file to write")
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, not a folder")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write into {folder}: Permission denied")


def plan_report(report: str | os.PathLike[str] | None) -> list[Path]:
    """Return the file of the report, if there is to be one; see `check_report`."""
    if report is None:
        return []
    check_report(report)
    return [Path(report)]
