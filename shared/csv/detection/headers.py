"""Decide whether a table's first rows name its columns, and how many of them do."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.csv.detection.columns import BODY_ROWS, Column, Row, columns_of
from shared.csv.detection.looks import TYPED, Look, look
from shared.csv.detection.names import has_usual_name, is_apart, is_like_the_rest
from shared.csv.detection.stacked import doubt_of_further, is_missing
from shared.csv.dialect import MAX_HEADER_ROWS

_PLURALS = {
    Look.NUMBER: "numbers",
    Look.MOMENT: "dates or times",
    Look.WEB: "addresses",
    Look.CODE: "codes",
    Look.FLAG: "yes and no",
}
_MOST = 0.8
_MAX_NAME = 120
_MIN_BODY = 3
_DASHES = re.compile(r"\s*[-=]+\s*")
_DOUBT_OF_COUNT = (
    "the first row counts the columns, and is taken for their names. Set header_rows to be sure"
)
_FORMAT = re.compile(r"\d{1,4}[sdn]")
_SENTENCE = re.compile(r"\S+(?:\s+\S+){3,}[.!?]$")


@dataclass(frozen=True, slots=True)
class HeaderFinding:
    """How many rows name columns, and why."""

    rows: int
    evidence: str
    is_sure: bool = False
    """The columns below have types that the names have not."""
    doubt: str = ""
    """Why a person should look at this, if nothing in the file decides it."""


def find_header(rows: Sequence[Row]) -> HeaderFinding:
    """Decide about the first rows of a table; all rows given have about the same width."""
    first, count = rows[0], _named_rows(rows)
    body = [row for row in rows[count : BODY_ROWS + count] if row != first and not is_rule(row)]
    if not body:
        return _single(first)
    columns = columns_of(body, len(first))
    typed = [j for j, column in enumerate(columns) if column.is_typed]
    if count > 1 and _is_above_names(first, columns):
        return HeaderFinding(
            count,
            f"header: {count} rows, of which the first has numbers, {_shown(first)}",
            is_sure=True,
            doubt=f"the first of {count} rows of names has numbers; if it names no columns, set "
            "skip_lines",
        )
    if _is_series(first, body, columns):
        return HeaderFinding(
            1,
            f"header: its numbers are a series, {_shown(first)}",
            doubt=_DOUBT_OF_COUNT if not first[0].strip() and first[1].strip() == "1" else "",
        )
    if _counts_words(first, body):
        return HeaderFinding(
            1,
            f"header: it counts columns of words, {_shown(first)}",
            doubt=_DOUBT_OF_COUNT,
        )
    if _is_days(first, columns):
        dates = _shown(first)
        return HeaderFinding(1, f"header: its dates stand over numbers, {dates}", is_sure=True)
    for_it = [j for j in typed if columns[j].has_name(first[j])]
    against = [j for j in typed if columns[j].has_value(first[j])]
    if len(for_it) > len(against):
        column = for_it[0]
        also = f"; the first {count} rows have names" if count > 1 else ""
        return HeaderFinding(
            count,
            f"header: {first[column].strip()!r} stands over {_PLURALS[columns[column].look]}, and "
            f"{len(for_it)} of {len(typed)} such columns agree{also}",
            is_sure=True,
            doubt=doubt_of_further(rows[:count]),
        )
    if against:
        value = first[against[0]].strip()
        evidence = f"no header: the first row has values, such as {value!r}"
        return HeaderFinding(0, evidence, doubt=_doubt_of_names(first, for_it, body))
    return _by_words(first, body)


def is_rule(row: Row) -> bool:
    """Whether a row below names is nothing but dashes, or widths and types of columns.

    Clients of databases draw dashes. Source of ``5s`` and ``14n``: USGS, "Tab-delimited (RDB)".
    """
    return all(_DASHES.fullmatch(cell) for cell in row) or (
        len(row) > 1 and all(_FORMAT.fullmatch(cell.strip()) for cell in row)
    )


def _single(row: Row) -> HeaderFinding:
    values = [cell for cell in row if look(cell) in TYPED]
    years = [v for v in values if v.strip().isdecimal() and _is_year(int(v.strip()))]
    if len(values) == len(row) or len(values) > len(years):
        return HeaderFinding(0, f"no header: the only row has values, such as {values[0]!r}")
    return HeaderFinding(1, "header: the only row has nothing but names; there are no rows")


def _is_series(first: Row, body: Sequence[Row], columns: Sequence[Column]) -> bool:
    """Whether numbers in the first row count up, as years or places do, and the rows do not."""
    numbers = [j for j, cell in enumerate(first) if cell.strip().isdecimal() and cell.isascii()]
    if not first[0].strip() and all(row[0].strip() for row in body) and len(first) > 1:
        # Over an index there is no name: pandas counts its columns from 0, cross tables have years.
        return _is_cross_table(first[1:], columns)
    if len(numbers) < 2 or any(look(c) in TYPED - {Look.NUMBER} for c in first):
        return False
    values = [int(first[j].strip()) for j in numbers]
    if values == list(range(len(first))):
        return len(first) > 2
    steps = {b - a for a, b in pairwise(values)}
    return (
        steps in ({1}, {-1}, {5}, {10})
        and all(map(_is_year, values))
        and not all(
            c.strip().isdecimal() and _is_year(int(c.strip())) for c in columns[numbers[0]].cells
        )
    )


def _counts_words(first: Row, body: Sequence[Row]) -> bool:
    """Whether the first row counts from 1, and no cell below it looks like a value."""
    is_counted = [cell.strip() for cell in first] == [str(n + 1) for n in range(len(first))]
    return is_counted and len(first) > 2 and not any(look(c) in TYPED for row in body for c in row)


def _is_cross_table(first: Row, columns: Sequence[Column]) -> bool:
    """Whether numbers over all columns but the first count from 0 or 1, or are years."""
    cells = [cell.strip() for cell in first]
    if cells == [str(n) for n in range(len(cells))]:
        return True
    if len(cells) < 2 or not all(cell.isascii() and cell.isdecimal() for cell in cells):
        return False
    if columns[0].look is not Look.WORDS:
        return False
    values = [int(cell) for cell in cells]
    steps = {b - a for a, b in pairwise(values)}
    is_counted = values == list(range(1, len(values) + 1)) and len(values) > 2
    return is_counted or (steps in ({1}, {-1}, {5}, {10}) and all(map(_is_year, values)))


def _is_days(first: Row, columns: Sequence[Column]) -> bool:
    """Whether dates in the first row stand over numbers, and nothing else in it is a value."""
    days = [j for j, cell in enumerate(first) if look(cell) is Look.MOMENT]
    over = [j for j in days if columns[j].look is Look.NUMBER and columns[j].share >= _MOST]
    others = [cell for j, cell in enumerate(first) if j not in days]
    return 2 <= len({first[j] for j in days}) == len(over) and not any(
        look(cell) in TYPED for cell in others
    )


def _is_over_codes(cell: str, place: int, columns: Sequence[Column]) -> bool:
    """Whether words stand over cells that all have digits."""
    codes = columns[place].cells if place < len(columns) else []
    has_digits = len(codes) > 1 and all(any(map(str.isdigit, code)) for code in codes)
    return has_digits and look(cell) is Look.WORDS and not any(map(str.isdigit, cell))


def _is_year(number: int) -> bool:
    return 1900 <= number <= 2100


def _named_rows(rows: Sequence[Row]) -> int:
    """Count the first rows that have names where the rows below have values; at least one."""
    most = min(MAX_HEADER_ROWS, len(rows) - 2)
    while most > 1:
        above = rows[:most]
        columns = columns_of([r for r in rows[most:BODY_ROWS] if r not in above], len(rows[0]))
        count = 1
        while count < most and _names_again(rows[count], columns):
            count += 1
        if count == most:
            return most
        most = count
    return 1


def _names_again(row: Row, columns: Sequence[Column]) -> bool:
    """Whether a row below the first one has names, too, none of which is a value further down."""
    if is_rule(row):
        return False
    typed = [j for j, column in enumerate(columns) if column.is_typed and j < len(row)]
    named = [j for j in typed if columns[j].has_name(row[j])]
    named += [
        j for j, cell in enumerate(row) if j not in typed and _is_over_codes(cell, j, columns)
    ]
    has_value = any(look(row[j]) is Look.NOTHING or columns[j].has_value(row[j]) for j in typed)
    is_found_below = any(
        cell.strip() and cell in columns[j].cells for j, cell in enumerate(row) if j < len(columns)
    )
    is_enough = len(named) >= max(2, math.ceil(sum(c.is_typed for c in columns) / 2)) or (
        len(named) > 1 and _filled(row) == len(named)
    )
    return is_enough and not (has_value or is_found_below or is_missing(row, typed))


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _doubt_of_names(first: Row, named: Sequence[int], body: Sequence[Row]) -> str:
    """Say so where a row with values has words, too, over columns that have no others."""
    words = [c for c in (first[j] for j in named) if not any(map(str.isdigit, c))]
    if not words or len(body) < _MIN_BODY:
        return ""
    return f"{words[0][:60]!r} in the first row may be a name; it is taken as a row"


def _is_above_names(first: Row, columns: Sequence[Column]) -> bool:
    """Whether years, or numbers that count up, stand in the row above names of typed columns."""
    typed = [j for j, column in enumerate(columns) if column.is_typed]
    values = [first[j].strip() for j in typed if columns[j].has_value(first[j])]
    if not values or not all(value.isdecimal() for value in values):
        return False
    numbers = list(map(int, values))
    return all(map(_is_year, numbers)) or numbers == list(range(numbers[0], numbers[-1] + 1))


def _by_words(first: Row, body: Sequence[Row]) -> HeaderFinding:
    """Decide where every column is text: by whether the first row could be one of the others."""
    if all(look(cell) in (Look.NOTHING, Look.EMPTY) for cell in first):
        return HeaderFinding(0, "no header: the first row has no names")
    coded = _by_patterns(first, body)
    if coded:
        return coded
    names = [cell.strip() for cell in first]
    values = [j for j, cell in enumerate(first) if look(cell) in TYPED]
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
    if max(map(len, filled)) > _MAX_NAME or _has_sentence(first, body):
        return HeaderFinding(0, "no header: the first row has no names")
    if not (has_usual_name(names, body) or is_apart(names, body)) and is_like_the_rest(names, body):
        return HeaderFinding(
            0,
            f"no header: {_shown(names)} are written like the rows below, and none is a usual name",
            doubt="nothing but words tells whether the first row names the columns; it is taken "
            "as a row. Set header_rows to be sure",
        )
    return HeaderFinding(
        1, "header: the first row has different words in each column, and none of them occurs again"
    )


def _has_sentence(first: Row, body: Sequence[Row]) -> bool:
    """Whether a cell is a sentence over cells that mostly are some, too."""
    return any(
        _SENTENCE.search(cell)
        and sum(bool(_SENTENCE.search(row[j])) for row in body if j < len(row)) * 2 >= len(body)
        for j, cell in enumerate(first)
    )


def _by_patterns(first: Row, body: Sequence[Row]) -> HeaderFinding | None:
    """Decide by columns of codes: the first row has a code like the others, or has none."""
    for place, cell in enumerate(first):
        codes = [row[place] for row in body if place < len(row) and row[place].strip()]
        if not codes or sum(any(map(str.isdigit, code)) for code in codes) < len(codes):
            continue
        patterns = Counter(_pattern(code) for code in codes)
        starts_alike = cell[:1].isdigit() and all(code[:1].isdigit() for code in codes)
        if starts_alike or patterns[_pattern(cell)] > len(codes) / 2:
            return HeaderFinding(0, f"no header: {cell!r} is written like the codes below it")
        if len(patterns) == 1 and cell.strip() and not any(map(str.isdigit, cell)):
            return HeaderFinding(
                1, f"header: {cell.strip()!r} stands over codes such as {codes[0]!r}", is_sure=True
            )
    return None


def _pattern(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text.strip()))


def _shown(row: Row) -> str:
    return ", ".join(row[:4])
