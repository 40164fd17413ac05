"""The site has every page once, and nothing is fetched for it from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import DOCS

SITE = yaml.safe_load(Path("mkdocs.yml").read_text("utf-8"))


def listed(entry: Any) -> Iterator[str]:
    """Yield the pages of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
        return
    for below in entry.values() if isinstance(entry, dict) else entry:
        yield from listed(below)


def test_every_page_is_in_the_navigation_once() -> None:
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]

    assert sorted(listed(SITE["nav"])) == sorted(pages), "add new pages to nav in mkdocs.yml"


def test_reader_is_sent_nowhere_for_fonts() -> None:
    assert SITE["theme"]["font"] is False
