"""Comment lines ahead of a table that name its columns, as logs and scientific programs write them.

``#Fields: date time status`` of web servers and ``#fields`` of network monitors name columns by
themselves; ``# x y z`` does where blanks part the columns and there is a name for each.
"""

import re
from dataclasses import dataclass

from shared.csv.detection.looks import TYPED, look
from shared.csv.detection.shapes import Shape, shape

_FIELDS = re.compile(r"(?i)#\s?fields:?(?=[ \t])")
"""Sources: W3C, "Extended Log File Format" (working draft); Zeek, "Log Formats and Inspection"."""
_BARE_MARK = re.compile(r"[#%!]+(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Directives:
    """Comment lines at the start of a text, and what they say."""

    rest: str
    """The text behind them, and behind nothing else."""
    lines: int
    """How many lines there are before the rest."""
    header_line: int | None = None
    """How many lines there are before the one that names the columns, if one does."""
    prefix: str | None = None
    """What stands before the names in that line."""
    evidence: str = ""


def find_directives(text: str, cut: Shape) -> Directives | None:
    """Find comment lines ahead of the table that are no records, whatever width they have."""
    delimiter = cut.style.delimiter
    if delimiter not in (" ", "\t"):
        return None
    lines = text.split("\n")
    count = 0
    while count < len(lines) and lines[count][:1] in ("#", "%", "!"):
        count += 1
    if not count or count == len(lines):
        return None
    rest = "\n".join(lines[count:])
    width, _ = shape(rest, cut.style).modal_width()
    found = _named(lines[:count], width, delimiter)
    if found is not None:
        place, prefix = found
        evidence = f"header: line {place + 1} names {width} columns behind {prefix!r}"
        return Directives(rest, count, place, prefix, evidence)
    is_comment = delimiter == " " and all(_BARE_MARK.match(line) for line in lines[:count])
    if is_comment and look(lines[count].split(delimiter)[0]) in TYPED:
        return Directives(rest, count)
    return None


def _named(lines: list[str], width: int, delimiter: str) -> tuple[int, str] | None:
    """Return the place of the line with as many names as there are columns, and its prefix."""
    for place in reversed(range(len(lines))):
        match = _FIELDS.match(lines[place])
        if not match and delimiter == " " and place == len(lines) - 1:
            match = _BARE_MARK.match(lines[place])
        if match and len(lines[place][match.end() :].split()) == width:
            return place, match[0]
    return None
