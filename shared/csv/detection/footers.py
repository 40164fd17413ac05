"""Lines below a table that are as wide as its rows: notes that were padded, and sums.

They are read as rows, for nothing but their words tells them from rows: a person has to look.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from shared.csv.detection.columns import typed_columns
from shared.csv.detection.looks import TYPED, Look, look
from shared.csv.detection.records import BODY_RECORDS, Records

_TABLE_ROWS = 3
_MAX_TAIL = 20
_PLAIN = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?", re.ASCII)
_WORDS = (
    "totals?|totales|totale|totaal|gesamt\\w*|summe|summa|sum|somme|suma|saldo|celkem|razem|összesen"
    "|toplam|yhteensä|итого|всего|合計|总计|總計|合计|합계"
)
_SUM = re.compile(rf"(?i)(?:grand |overall |sub-?)?(?:{_WORDS}):?")
_LIKE_A_SUM = re.compile(rf"(?i)(?:\w+[ -]){{0,2}}(?:sub)?(?:{_WORDS})(?:[ :].{{0,30}})?")
"""A product may be called so, too."""


def check_last_rows(records: Records, first: int) -> Iterator[str]:
    """Warn of rows at the end that have next to nothing in them, or sums, unlike all above them."""
    rows = [n for n in records.modal if n >= first][-BODY_RECORDS:]
    if len(rows) < _TABLE_ROWS or records.width < 2:
        return
    sparse = _sparse_from(records, rows)
    above = [records.cells(n) for n in rows[:sparse]]
    for number in rows[sparse:]:
        if len(above) >= _TABLE_ROWS - 1 and _is_note(records.cells(number), above):
            yield _warning(records, number, "a note")
            return
    *others, last = [n for n in rows if records.filled(n)] or [-1]
    if others and _is_sum(records.cells(last), [records.cells(n) for n in others]):
        yield _warning(records, last, "a row of sums")


def _warning(records: Records, number: int, what: str) -> str:
    text = " ".join(cell for cell in records.cells(number) if cell.strip())
    return (
        f"line {records.line(number)} looks like {what} below the table, but is as wide as a row "
        f"and read as one: {text[:40]!r}"
    )


def _sparse_from(records: Records, rows: Sequence[int]) -> int:
    """Return the place of the first of the last rows that all have one cell filled, or none."""
    place = len(rows)
    least = max(_TABLE_ROWS - 1, len(rows) - _MAX_TAIL)
    while place > least and records.filled(rows[place - 1]) < 2:
        place -= 1
    return place


def _is_note(row: Sequence[str], above: Sequence[Sequence[str]]) -> bool:
    """Whether nothing but some words stand in the first cell of a row."""
    text = row[0].strip()
    if look(text) in TYPED or not text or _filled(row) > 1:
        return False
    least = min((count for count in map(_filled, above) if count), default=0)
    is_odd = look(text) is Look.WORDS and 0 in typed_columns(above, len(row))
    is_note = ": " in text or (len(row) > 2 and (is_odd or len(text.split()) > 2))
    return is_note and (least > 1 or (is_odd and ": " in text))


def _is_sum(row: Sequence[str], above: Sequence[Sequence[str]]) -> bool:
    """Whether a row names a sum of the rows above, or has numbers and no key as those have."""
    filled = [cell.strip() for cell in row if cell.strip()]
    has_number = any(look(cell) is Look.NUMBER for cell in filled)
    if not has_number or any(_SUM.fullmatch(r[0].strip()) for r in above):
        return False
    if any(_SUM.fullmatch(cell) for cell in filled[:2]):
        return True
    is_sparser = _filled(row) < min(map(_filled, above))
    if any(_LIKE_A_SUM.fullmatch(cell) for cell in filled[:2]):
        return is_sparser or any(_adds_up(row, above, j) for j in range(1, len(row)))
    is_keyless = not row[0].strip() and all(look(cell) is Look.NUMBER for cell in filled)
    return is_sparser and is_keyless and all(r[0].strip() for r in above)


def _adds_up(row: Sequence[str], above: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a number is the sum of the column above it."""
    cells = [r[place].replace(",", "") for r in (*above, row) if place < len(r)]
    numbers = [Decimal(cell) for cell in cells if _PLAIN.fullmatch(cell)]
    return len(numbers) > 2 and numbers[-1] != 0 and sum(numbers[:-1]) == numbers[-1]


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)
