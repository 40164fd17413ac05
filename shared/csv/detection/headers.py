"""Decide whether a table's first rows name its columns, and how many of them do."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.csv.detection.looks import TYPED, Look, look, main_look
from shared.csv.dialect import MAX_HEADER_ROWS

Row = Sequence[str]

_SURE = TYPED | {Look.FLAG}
_NAMES = frozenset({Look.WORDS, Look.OTHER})
_MOST = 0.8
_BODY_ROWS = 100
_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class HeaderFinding:
    """How many rows name columns, and why."""

    rows: int
    evidence: str
    is_sure: bool = False
    """The columns below have types that the names have not."""


def find_header(rows: Sequence[Row]) -> HeaderFinding:
    """Decide about the first rows of a table; all rows given have about the same width."""
    first, body = rows[0], rows[1 : _BODY_ROWS + 1]
    if not body:
        return _single(first)
    columns = _columns(body, len(first))
    typed = _typed(columns)
    if _is_series(first, columns):
        return HeaderFinding(1, f"header: its numbers are a series, {_shown(first)}")
    for_it = [j for j in typed if look(first[j]) in _NAMES]
    against = [j for j in typed if look(first[j]) in _SURE]
    if len(for_it) > len(against):
        count = _header_rows(rows, typed)
        also = f"; {count} rows have names" if count > 1 else ""
        column = for_it[0]
        kind = columns[column][1].value
        return HeaderFinding(
            count,
            f"header: {first[column].strip()!r} stands over a column of {kind}s, and "
            f"{len(for_it)} of {len(typed)} such columns agree{also}",
            is_sure=True,
        )
    if against:
        return HeaderFinding(
            0,
            f"no header: the first row has values like the others, such as {first[against[0]]!r}",
        )
    return _by_words(first, body)


def typed_columns(rows: Sequence[Row], width: int) -> dict[int, Look]:
    """Return the columns whose cells nearly all look like one type, and that look."""
    columns = _columns(rows[:_BODY_ROWS], width)
    return {j: columns[j][1] for j in _typed(columns)}


def names_columns(row: Row, typed: dict[int, Look]) -> bool:
    """Whether a row within a table has names where its columns have values of a type."""
    looks = [look(row[j]) for j in typed if j < len(row)]
    return len(looks) > 0 and all(found in _NAMES for found in looks)


def _columns(body: Sequence[Row], width: int) -> list[tuple[list[str], Look, float]]:
    columns = []
    for place in range(width):
        cells = [row[place] for row in body if place < len(row)]
        found, part = main_look(cells)
        columns.append((cells, found or Look.EMPTY, part))
    return columns


def _typed(columns: Sequence[tuple[list[str], Look, float]]) -> list[int]:
    return [j for j, (_, found, part) in enumerate(columns) if found in _SURE and part >= _MOST]


def _single(row: Row) -> HeaderFinding:
    looks = [look(cell) for cell in row]
    values = sum(found in _SURE for found in looks)
    if values and (values > 1 or len(row) < 3):
        return HeaderFinding(0, f"no header: the only row has {values} values that are no names")
    return HeaderFinding(1, "header: the only row has nothing but names; there are no rows")


def _is_series(first: Row, columns: Sequence[tuple[list[str], Look, float]]) -> bool:
    """Whether numbers in the first row count up, as years or places do, and the rows do not."""
    numbers = [j for j, cell in enumerate(first) if cell.strip().isdigit() and cell.isascii()]
    if len(numbers) < 2:
        return False
    values = [int(first[j]) for j in numbers]
    steps = {b - a for a, b in pairwise(values)}
    is_years = steps in ({1}, {-1}, {5}, {10}) and all(1900 <= v <= 2100 for v in values)
    is_places = values == list(range(len(first))) and len(first) > 2
    if not (is_years or is_places) or any(look(c) in _SURE - {Look.NUMBER} for c in first):
        return False
    return any(
        [cells[i] for cells, _, _ in columns if i < len(cells)] != list(first)
        and not all(
            columns[j][0][i].strip().isdigit() and 1900 <= int(columns[j][0][i]) <= 2100
            for j in numbers
            if i < len(columns[j][0])
        )
        for i in range(min(len(columns[j][0]) for j in numbers))
    )


def _header_rows(rows: Sequence[Row], typed: Sequence[int]) -> int:
    """Count the first rows that have names where the rows below have values."""
    count = 1
    for row in rows[1 : min(MAX_HEADER_ROWS, len(rows) - 1)]:
        below = _columns(rows[count + 1 : _BODY_ROWS], len(rows[0]))
        sure = [j for j in _typed(below) if j in typed or below[j][2] >= _MOST]
        looks = [look(row[j]) for j in sure if j < len(row)]
        named = sum(found in _NAMES for found in looks)
        is_names = len(sure) > 1 and named >= max(2, math.ceil(len(sure) / 2))
        if not is_names or any(f in _SURE or f is Look.NOTHING for f in looks):
            break
        if any(row[j] in below[j][0] for j in range(len(row)) if row[j].strip() and j < len(below)):
            break
        count += 1
    return count


def _by_words(first: Row, body: Sequence[Row]) -> HeaderFinding:
    """Decide where every column is text: by whether the first row could be one of the others."""
    names = [cell.strip() for cell in first]
    values = [j for j, cell in enumerate(first) if look(cell) in _SURE]
    if values:
        return HeaderFinding(
            0, f"no header: {first[values[0]]!r} in the first row is no name of a column"
        )
    filled = [name for name in names if name]
    twice = [name for name, count in Counter(filled).items() if count > 1]
    again = [
        name
        for j, name in enumerate(names)
        if name and any(j < len(row) and row[j].strip() == name for row in body)
    ]
    if again or (twice and len(twice) * 2 > len(filled)):
        name = (again or twice)[0]
        return HeaderFinding(0, f"no header: {name!r} of the first row occurs again below it")
    if not filled or max(map(len, filled)) > _MAX_NAME:
        return HeaderFinding(0, "no header: the first row has no names")
    return HeaderFinding(
        1, "header: the first row has different words in each column, and none of them occurs again"
    )


def _shown(row: Row) -> str:
    return ", ".join(row[:4])
