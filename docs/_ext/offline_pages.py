"""Fail a build whose pages load a script, a style, a font or a picture from the net."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>"
    r"|<link\b[^>]*\brel=[\"'](?:stylesheet|preload|icon|preconnect)[\"'][^>]*\bhref=[\"'](?:https?:)?//[^>]*>"
    r"|<link\b[^>]*\bhref=[\"'](?:https?:)?//[^>]*\brel=[\"'](?:stylesheet|preload|icon|preconnect)[\"'][^>]*>"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//[^)]*\)"
)


def find_loaded(folder: Path) -> Iterator[tuple[Path, str]]:
    """Find what pages and styles load from the net."""
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")]):
        for match in LOADED.finditer(path.read_text(encoding="utf-8")):
            yield path, match[0]


def check_pages(app: Sphinx, error: Exception | None) -> None:
    """Raise an error that names what is loaded."""
    if error is not None or app.builder.format != "html":
        return
    found = [
        f"{path.relative_to(app.outdir)}: {tag}" for path, tag in find_loaded(Path(app.outdir))
    ]
    if found:
        raise ExtensionError("pages load from the net: " + "; ".join(found[:10]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Check the pages when they are written."""
    app.connect("build-finished", check_pages, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
