"""Follows the recipes of docs/extending.md on a copy of the product: files made, files changed."""

import re
import shutil
from pathlib import Path

from tests.docs.pages import DOCS

BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def follow(folder: Path) -> None:
    """Copy the product to a folder, and do there what the page says, in its order.

    Raises:
        ValueError: what is to be changed is not there.
    """
    shutil.copytree("shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    for kind, name, text in BLOCK.findall((DOCS / "extending.md").read_text("utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = changed(path.read_text("utf-8"), text) if kind == "diff" else text
        path.write_text(made, "utf-8")


def changed(text: str, change: str) -> str:
    """Return a file's text after a change: lines with ``-`` go, with ``+`` come, others are there.

    Raises:
        ValueError: what is to be changed is not there, or more than once.
    """
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    if text.count(before) != 1:
        raise ValueError(f"there {text.count(before)} times, not once:\n{before}")
    return text.replace(before, after)
