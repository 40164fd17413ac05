"""The rows of a worksheet as CSV text: one line for each row, as wide as the table."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from shared.csv.excel.rows import Row, rows
from shared.csv.excel.workbook import Workbook
from shared.errors import InvalidFileError

WINDOW_ROWS = 1_000
"""So many rows with values are looked at to find where the table starts and ends."""
_WINDOW_BYTES = 2**24
_PIECE_BYTES = 2**18


class Extent(NamedTuple):
    """The first and the last column of a table, from 1."""

    first: int
    last: int


def worksheet_text(
    file: BinaryIO, wanted: str | None, told: Callable[[str], None]
) -> Iterator[bytes]:
    r"""Yield a worksheet as CSV: UTF-8, ``,``, ``"`` and ``\n``, a line for each row of the sheet.

    Rows without values are blank lines; those behind the last value are left out. A row with values
    outside of the table's columns has more fields than the others.

    Args:
        file: the workbook.
        wanted: what the worksheet is called; None: the only visible one with values.
        told: takes a sentence about what is read, before anything is yielded.

    Raises:
        InvalidFileError: it is no workbook, damaged, or has no such worksheet.
    """
    book = Workbook(file)
    sheet, grounds = book.sheet(wanted)
    found = rows(book, sheet.part, sheet.name)
    window = list(_window(found))
    if not window:
        raise InvalidFileError(f"worksheet {sheet.name!r} has no cell with a value")
    extent = extent_of(window)
    told(f"worksheet {sheet.name!r}: {grounds}; its table is in {_columns(extent)}")
    yield from _lines(chain(window, found), extent)


def extent_of(window: list[Row]) -> Extent:
    """Return where the table is: the columns with values, but for lone values apart from them.

    A column with one value, beyond an empty column, is a remark beside the table: the row of that
    value has more fields than the others.
    """
    counts = Counter(column for row in window for column, _ in row.cells)
    shared = [column for column, count in counts.items() if count > 1] or list(counts)
    first, last = min(shared), max(shared)
    while first - 1 in counts:
        first -= 1
    while last + 1 in counts:
        last += 1
    return Extent(first, last)


def _window(found: Iterator[Row]) -> Iterator[Row]:
    size = 0
    for count, row in enumerate(found, start=1):
        yield row
        size += sum(len(field) for _, field in row.cells)
        if count == WINDOW_ROWS or size > _WINDOW_BYTES:
            return


def _lines(found: Iterator[Row], extent: Extent) -> Iterator[bytes]:
    lines: list[bytes] = []
    size = written = 0
    for row in found:
        line = b"\n" * (row.number - written - 1) + _record(row, extent)
        written = row.number
        lines.append(line)
        size += len(line)
        if size > _PIECE_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)


def _record(row: Row, extent: Extent) -> bytes:
    first = min(extent.first, row.cells[0][0])
    last = max(extent.last, row.cells[-1][0])
    fields = [b""] * (last - first + 1)
    for column, field in row.cells:
        fields[column - first] = field
    return b",".join(fields) + b"\n"


def _columns(extent: Extent) -> str:
    first, last = _letter(extent.first), _letter(extent.last)
    return f"column {first}" if first == last else f"columns {first} to {last}"


def _letter(column: int) -> str:
    letters = ""
    while column:
        column, place = divmod(column - 1, 26)
        letters = chr(65 + place) + letters
    return letters
