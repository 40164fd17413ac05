"""Pages that are written by hand but for blocks between two comments, which the code makes."""

import re
from collections.abc import Callable
from pathlib import Path

from shared import typetable
from tests.docs import commandtables, keytables

DOCS = Path(__file__).parents[2] / "docs"
TYPES, TABLES, COMMANDS = DOCS / "types.md", DOCS / "tables.md", DOCS / "cli.md"

MADE: dict[Path, Callable[[], dict[str, str]]] = {
    TYPES: typetable.blocks,
    TABLES: keytables.blocks,
    COMMANDS: commandtables.blocks,
}
"""The pages, each with what makes its blocks."""

BLOCK = re.compile(r"<!-- made by code: (\w+) -->\n.*?\n<!-- end -->", re.DOTALL)


def renewed(path: Path, text: str) -> str:
    """Return a page's text with its blocks made anew.

    Raises:
        KeyError: the page has a block that nothing makes.
    """
    made = MADE[path]()

    def block(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- made by code: {name} -->\n\n{made[name]}\n\n<!-- end -->"

    return BLOCK.sub(block, text)


def named(text: str) -> set[str]:
    """Return the names of a page's blocks."""
    return {match[1] for match in BLOCK.finditer(text)}
