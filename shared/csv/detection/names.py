"""Whether the first of several rows of plain words names the columns, by the words themselves.

Where every column is text, nothing but the words can tell: usual names of columns, or a way of
writing that the rows below do not have.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from shared.csv.detection.vocabulary import USUAL_NAMES

_TOKENS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])")
_MIN_ROWS = 2
_MIN_LINES = 3
_MIN_SORTED = 5
"""So many different values in order are hardly so by chance."""
_LAST_LATIN = "\u024f"


def has_usual_name(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of a row is a usual name of a column, or written as programs name things.

    A word like ``fruit`` names no column whose other cells are such words, too.
    """
    return _is_alphabet(row) or any(
        _is_usual(cell) and not _are_usual([r[j] for r in body if j < len(r)])
        for j, cell in enumerate(row)
    )


def are_usual_names(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether all cells of a row are usual names of columns, over cells that are none."""
    return (
        len(row) > 1
        and bool(body)
        and all(_is_usual(cell) for cell in row)
        and not any(_are_usual([r[j] for r in body if j < len(r)]) for j in range(len(row)))
    )


def _is_usual(cell: str) -> bool:
    return "_" in cell or not USUAL_NAMES.isdisjoint(_words(cell))


def _are_usual(cells: Sequence[str]) -> bool:
    return sum(map(_is_usual, cells)) * 3 > len(cells)


def _is_alphabet(row: Sequence[str]) -> bool:
    """Whether columns are called a, b, c, as in examples, or x and y."""
    return len(row) > 1 and "".join(row).casefold() in (
        "abcdefghijklmnopqrstuvwxyz"[: len(row)],
        "xy",
        "xyz",
    )


def is_apart(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a row breaks what all rows below it have: their order, or that values occur again."""
    columns = [
        (row[j].strip().casefold(), [r[j].strip().casefold() for r in body if j < len(r)])
        for j in range(len(row))
    ]
    return any(_breaks_order(*column) or _is_once(*column) for column in columns)


def _breaks_order(name: str, cells: Sequence[str]) -> bool:
    """Whether cells are sorted, most of them different, and the first of all is out of place."""
    is_sorted = all(a <= b for a, b in pairwise(cells))
    return is_sorted and len(set(cells)) >= _MIN_SORTED and name > cells[0]


def _is_once(name: str, cells: Sequence[str]) -> bool:
    """Whether each value of a column occurs again, and the first does not."""
    counts = Counter(cells)
    return len(counts) > 1 and min(counts.values()) > 1 and name not in counts


def is_like_the_rest(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether each cell of a row is written like most of those below it, in length and in case."""
    if len(body) < (_MIN_ROWS if len(row) > 1 else _MIN_LINES):
        return False
    if len(row) == 1 and not _is_as_long(row[0], [other for (other, *_) in body]):
        return False
    return all(_is_usual_in(cell, j, body) for j, cell in enumerate(row))


def _is_as_long(cell: str, others: Sequence[str]) -> bool:
    lengths = [len(other.strip()) for other in others]
    return min(lengths) <= len(cell.strip()) <= max(lengths)


def _is_usual_in(cell: str, place: int, body: Sequence[Sequence[str]]) -> bool:
    others = [row[place] for row in body if place < len(row) and row[place].strip()]
    if not cell.strip():
        return not others
    lengths = [len(other.split()) for other in others]
    if not others or not min(lengths) <= len(cell.split()) <= max(lengths):
        return False
    case = _case(cell)
    return case != "" and Counter(map(_case, others)).most_common(1)[0][0] == case


def _case(cell: str) -> str:
    """Return how a cell is written; empty for a script whose usual names are not known here."""
    text = cell.strip()
    if text[:1] > _LAST_LATIN:
        return ""
    if text.islower():
        return "lower"
    if text.isupper() and len(text) > 1:
        return "upper"
    return "capital" if text[:1].isupper() else ""


def _words(cell: str) -> set[str]:
    return {token.casefold() for token in _TOKENS.findall(cell)}
