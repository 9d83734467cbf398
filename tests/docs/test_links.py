"""Links inside the project lead to files and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import DOCS, ROOT, find_pages, needs_checkout

CODE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s>]+)>?(?: +\"[^\"]*\")?\)")
CARD = re.compile(r"^:link: (\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LABEL = re.compile(r"^\(([\w-]+)\)= *$", re.MULTILINE)
INCLUDE = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)
OUTSIDE = re.compile(r"^[a-z][a-z+.-]*:")


def find_files() -> list[Path]:
    """Return every Markdown file that people read."""
    others = [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), ROOT / "bench" / "RESULTS.md"]
    return sorted({*find_pages(), *(path for path in others if path.exists())})


def find_links(text: str) -> list[str]:
    """Return the targets of the links of a page that stay in the project."""
    prose = CODE.sub("", text)
    return [link for link in LINK.findall(prose) if not OUTSIDE.match(link)]


def find_anchors(page: Path) -> set[str]:
    """Return the anchors of a page: of its headings, as GitHub and MyST make them, and its labels."""
    text = page.read_text(encoding="utf-8")
    anchors: set[str] = {*LABEL.findall(text)}
    for included in INCLUDE.findall(text):
        anchors |= find_anchors(page.parent / included)
    for heading in HEADING.findall(
        re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    ):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        anchors.add(slug)
    return anchors


def find_source(path: Path) -> Path:
    """Return the file from which the build makes a page: examples of the gallery, by now."""
    examples = DOCS / "examples"
    if not path.is_relative_to(examples):
        return path
    name = path.relative_to(examples)
    return (
        DOCS
        / "gallery"
        / ("GALLERY_HEADER.rst" if name.stem == "index" else name.with_suffix(".py"))
    )


def describe_fault(page: Path, link: str) -> str | None:
    """Return what is wrong with a link of a page, or None."""
    path, _, anchor = unquote(link).partition("#")
    target = find_source((page.parent / path).resolve()) if path else page
    if not target.exists():
        return f"{link}: there is no such file"
    if anchor and target.suffix == ".md" and anchor not in find_anchors(target):
        return f"{link}: there is no such heading"
    return None


@needs_checkout
@pytest.mark.parametrize("page", find_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page) -> None:
    links = find_links(page.read_text(encoding="utf-8"))
    assert not [fault for link in links if (fault := describe_fault(page, link))]


@needs_checkout
def test_pages_of_the_site_link_to_no_page_beside_it() -> None:
    """Sphinx knows only those in `docs`; a page there can include another one."""
    for page in find_pages():
        if page.is_relative_to(DOCS):
            for link in find_links(page.read_text(encoding="utf-8")):
                target = (page.parent / link.partition("#")[0]).resolve()
                assert target.suffix != ".md" or target.is_relative_to(DOCS), f"{page}: {link}"


@needs_checkout
def test_cards_lead_somewhere() -> None:
    for page in find_pages():
        for link in CARD.findall(page.read_text(encoding="utf-8")):
            assert OUTSIDE.match(link) or (page.parent / f"{link}.md").exists(), f"{page}: {link}"


def test_faults_are_found(tmp_path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# Some `code`, and more\n\n(a-label)=\n```bash\n# no heading\n```\n")
    text = "[a](other.md#some-code-and-more) [b](other.md#a-label) [c](none.md) [d](other.md#no-heading)"
    page.write_text(f"{text} [e](https://a.b/c.md) `[f](gone.md)`\n```text\n[g](gone.md)\n```\n")
    links = find_links(page.read_text())
    assert len(links) == 4
    assert [describe_fault(page, link) for link in links] == [
        None,
        None,
        "none.md: there is no such file",
        "other.md#no-heading: there is no such heading",
    ]
