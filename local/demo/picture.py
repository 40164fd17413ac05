"""What the demo said, as a picture for the README: `make demo PICTURE=docs/pictures/demo.svg`."""

import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

COLUMNS = 84

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FONT = re.compile(r"font-family: Fira Code[^;]*;")


def record(console: Console) -> None:
    """Remember what is printed from now on, as wide as the picture is to be."""
    console.record, console.width = True, COLUMNS


def save(console: Console, path: Path) -> None:
    """Write what was printed as an SVG, with the reader's own fonts: nothing is fetched for it."""
    text = console.export_svg(title="make demo", theme=SVG_EXPORT_THEME, unique_id="demo")
    text = _FONT.sub("font-family: ui-monospace, Menlo, Consolas, monospace;", text)
    lines = (line.rstrip() for line in _FONT_FACE.sub("", text).splitlines())
    path.write_text("\n".join(lines) + "\n", "utf-8")
