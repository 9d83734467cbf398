"""The Markdown files of the project that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = ("examples", "reference/api", "_build")
"""Folders in `docs` that the build makes."""

needs_checkout = pytest.mark.skipif(not DOCS.exists(), reason="not run from a checkout")


def find_pages() -> list[Path]:
    """Return README and the pages of `docs`."""
    pages = [page for page in sorted(DOCS.rglob("*.md")) if not _is_made(page)]
    return [path for path in (ROOT / "README.md", *pages) if path.exists()]


def _is_made(page: Path) -> bool:
    return any(page.is_relative_to(DOCS / folder) for folder in MADE)
