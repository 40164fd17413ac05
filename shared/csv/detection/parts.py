"""Whether a delimiter is but a part of what stands between fields, or more than that."""

import re

from shared.csv.detection.shapes import CLOSED, OPENED, Shape

SAMPLED_LINES = 200
"""How many lines are looked at to know the rest."""

_WEIGHED_RECORDS = 80
_PROTECTED = re.compile(f"{OPENED}[^{CLOSED}]*{CLOSED}")
_MARKS_OF_VALUES = frozenset("$%+-./_'\" \t")
"""What may stand at one end of all values, and is then no part of the delimiter."""
_BRACKETS = ("[]", "{}", "()", "<>")
_MIN_CELLS = 6
_NEVER_PARTS = ("", " ", "\t", '"', "'", OPENED, CLOSED)
_DOUBLED = "|;~^"


def has_odd_runs(cut: Shape) -> bool:
    """Whether a delimiter of equal characters occurs in part: then empty fields look like it."""
    delimiter = cut.style.delimiter
    if len(delimiter) < 2 or len(set(delimiter)) > 1:
        return False
    lines = [_PROTECTED.sub(OPENED, line) for line in cut.lines[:SAMPLED_LINES]]
    runs = [len(r) for line in lines for r in re.findall(re.escape(delimiter[0]) + "+", line)]
    # One colon stands within a time, as one sign of minus does before a number.
    least = len(delimiter) if delimiter[0] in _MARKS_OF_VALUES or delimiter == "::" else 0
    odd = sum(run % len(delimiter) > 0 and run >= least for run in runs)
    return odd * 10 > len(runs)


def is_partial(cut: Shape, width: int) -> bool:
    """Whether a mark stands next to each delimiter, as in ``#|``, ``=>`` or ``[|]``."""
    delimiter = cut.style.delimiter
    if len(delimiter) > 1:
        return False
    lines = [n for n, w in zip(cut.lines, cut.widths, strict=True) if w == width][:SAMPLED_LINES]
    if len(lines) < 2 or width * len(lines) < _MIN_CELLS:
        return False
    rows = [line.split(delimiter) for line in lines]
    before = {cell[-1:] for row in rows for cell in row[:-1]}
    after = {cell[:1] for row in rows for cell in row[1:]}
    one, other = "".join(before), "".join(after)
    if len(before) == len(after) == 1 and (one == other or one + other in _BRACKETS):
        return not (one.isalnum() or one in _NEVER_PARTS)
    ends = [(before, {row[-1][-1:] for row in rows}), (after, {row[0][:1] for row in rows})]
    return any(_is_mark(found, outer) for found, outer in ends)


def is_in_pairs(cut: Shape) -> bool:
    """Whether a mark never stands alone, so that two of it are the delimiter."""
    delimiter = cut.style.delimiter
    if delimiter not in _DOUBLED:
        return False
    lines = [_PROTECTED.sub(OPENED, line) for line in cut.lines[:SAMPLED_LINES]]
    runs = [len(r) for line in lines for r in re.findall(re.escape(delimiter) + "+", line)]
    return len(runs) > 1 and all(run % 2 == 0 for run in runs)


def _is_mark(found: set[str], outer: set[str]) -> bool:
    """Whether one mark stands at all inner ends of fields, and not at the outer ones."""
    mark = "".join(found)
    is_letter = mark.isalnum() or mark in _MARKS_OF_VALUES or mark in (OPENED, CLOSED)
    return len(found) == 1 and bool(mark) and not is_letter and mark not in outer


def has_uneven_blanks(cut: Shape, width: int) -> bool:
    """Whether a delimiter that includes blanks leaves some: then columns are padded by blanks."""
    delimiter = cut.style.delimiter
    if " " not in delimiter or delimiter == " ":
        return False
    lines = [line for line, w in zip(cut.lines, cut.widths, strict=True) if w == width]
    cells = [cell for line in lines[:_WEIGHED_RECORDS] for cell in line.split(delimiter)]
    return any(cell != cell.strip(" ") for cell in cells)


def is_without_blanks(cut: Shape, width: int) -> bool:
    """Whether other lines have as many fields by the mark alone: blanks are then part of cells."""
    bare = cut.style.delimiter.strip(" ")
    if bare == cut.style.delimiter or not bare:
        return False
    others = [line for line, w in zip(cut.lines, cut.widths, strict=True) if 0 < w < width]
    return any(line.count(bare) + 1 == width for line in others)
