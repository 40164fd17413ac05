"""Pages that are written by hand but for blocks between two comments, which the code makes."""

import re
from pathlib import Path

from shared import typetable

DOCS = Path(__file__).parents[2] / "docs"
TYPES = DOCS / "types.md"
BLOCK = re.compile(r"<!-- made by code: (\w+) -->\n.*?\n<!-- end -->", re.DOTALL)


def renewed(text: str) -> str:
    """Return a page with its blocks made anew.

    Raises:
        KeyError: the page has a block that nothing makes.
    """
    made = typetable.blocks()

    def block(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- made by code: {name} -->\n\n{made[name]}\n\n<!-- end -->"

    return BLOCK.sub(block, text)


def named(text: str) -> set[str]:
    """Return the names of a page's blocks."""
    return {match[1] for match in BLOCK.finditer(text)}
