"""The rows of a worksheet, with the cells that hold something, as they come out of its XML."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from shared.csv.excel.faults import damaged
from shared.csv.excel.formats import Meaning
from shared.csv.excel.strings import MAX_CELL_CHARACTERS
from shared.csv.excel.workbook import Workbook
from shared.csv.excel.writing import (
    error_field,
    iso_field,
    moment_field,
    number_field,
    text_field,
    unescaped,
)
from shared.csv.excel.xml import named, parsed
from shared.errors import InvalidFileError

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""Source: Microsoft, "Excel specifications and limits"."""
MAX_ROW_BYTES = 2**24
"""Of a row's texts."""

_DIGITS = "0123456789"
_MAX_ROW_DIGITS = 7
_NAMES = named("row", "c", "v", "f", "is", "t", "rPh")
_BOOLEANS = {"1": b"true", "0": b"false", "true": b"true", "false": b"false"}
_WRITERS: dict[str, Callable[[str], bytes]] = {
    "b": _BOOLEANS.__getitem__,
    "d": iso_field,
    "e": error_field,
}
"""By the type of a cell. Source: ECMA-376-1, section 18.18.11."""


class Row(NamedTuple):
    """One row that holds something."""

    number: int
    """From 1."""
    cells: list[tuple[int, bytes]]
    """Column, from 1, and field, in ascending order; cells that hold nothing are left out."""


def rows(book: Workbook, part: str, sheet: str) -> Iterator[Row]:
    """Yield the rows of a worksheet that hold something.

    Args:
        book: the workbook.
        part: the worksheet's part.
        sheet: what the worksheet is called.

    Raises:
        InvalidFileError: it is damaged, or has a formula whose value is not stored.
    """
    target = _Rows(book, sheet)
    for _ in parsed(book.package.pieces(part), target, part):
        yield from target.taken()


class _Rows:
    """The elements of a worksheet."""

    def __init__(self, book: Workbook, sheet: str) -> None:
        self.depth = 0
        self._book = book
        self._sheet = sheet
        self._finished: list[Row] = []
        self._number = 0
        self._cells: list[tuple[int, bytes]] = []
        self._row_bytes = 0
        self._column = 0
        self._columns: dict[str, int] = {}
        self._kind = self._style = self._stated = ""
        self._writers: dict[tuple[str, str], Callable[[str], bytes]] = {}
        self._parts: list[str] = []
        self._characters = 0
        self._has_value = self._has_formula = self._is_text = self._is_phonetic = False

    def taken(self) -> list[Row]:
        """Return rows that were finished since the last time.

        Raises:
            InvalidFileError: a cell is larger than a cell can be.
        """
        if self._characters > MAX_CELL_CHARACTERS:
            raise self._bad(f"has more than {MAX_CELL_CHARACTERS:,} characters")
        finished, self._finished = self._finished, []
        return finished

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of an element's begin."""
        self.depth += 1
        short = _NAMES.get(name)
        if short == "c":
            self._start_cell(attributes)
        elif short in ("v", "is"):
            self._has_value = True
            self._is_text = short == "v"
        elif short == "row":
            self._start_row(attributes)
        elif short == "f":
            self._has_formula = True
        elif short == "t":
            self._is_text = not self._is_phonetic
        elif short == "rPh":
            self._is_phonetic = True

    def end(self, name: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1
        short = _NAMES.get(name)
        if short == "c":
            if self._has_value or self._has_formula:
                self._end_cell()
        elif short in ("v", "t"):
            self._is_text = False
        elif short == "rPh":
            self._is_phonetic = False
        elif short == "row":
            if self._cells:
                self._finished.append(Row(self._number, self._cells))
            self._cells = []

    def data(self, text: str) -> None:
        """Take note of text that is a value, or a part of one."""
        if self._is_text:
            self._parts.append(text)
            self._characters += len(text)

    def _start_row(self, attributes: dict[str, str]) -> None:
        stated = attributes.get("r") or str(self._number + 1)
        is_number = stated.isdecimal() and len(stated) <= _MAX_ROW_DIGITS
        number = int(stated) if is_number else 0
        if not self._number < number <= MAX_ROWS:
            after = f"behind row {self._number:,}"
            raise damaged(f"rows of worksheet {self._sheet!r} are not in order {after}")
        self._number, self._column, self._cells, self._row_bytes = number, 0, [], 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        self._stated, self._kind, self._style = get("r", ""), get("t", "n"), get("s", "0")
        letters = self._stated.rstrip(_DIGITS)
        column = self._columns.get(letters) or self._place(letters)
        if not self._column < column <= MAX_COLUMNS:
            raise self._bad("is not in the order of columns")
        self._column = column
        self._parts, self._characters = [], 0
        self._has_value = self._has_formula = False

    def _place(self, letters: str) -> int:
        """Return the number of a column by its letters, or where it has none, the next one."""
        if not letters:
            return self._column + 1
        place = 0
        for letter in letters[:4] if letters.isascii() and letters.isalpha() else "":
            place = place * 26 + ord(letter.upper()) - 64
        if place <= MAX_COLUMNS:
            self._columns[letters] = place
        return place

    def _end_cell(self) -> None:
        parts = self._parts
        text = parts[0] if len(parts) == 1 else "".join(parts)
        try:
            field: bytes | None = self._writers[self._kind, self._style](text)
        except (KeyError, ValueError):
            field = self._uncommon(text)
        if field is None:
            return
        self._cells.append((self._column, field))
        self._row_bytes += len(field)
        if self._row_bytes > MAX_ROW_BYTES:
            raise self._bad(f"is in a row of more than {MAX_ROW_BYTES:,} bytes")

    def _uncommon(self, text: str) -> bytes | None:
        """Return a field of a text, of the first cell of its type and style, or of an odd cell.

        Returns None of a cell that holds nothing.
        """
        kind = self._kind
        if kind == "inlineStr" or (kind == "str" and self._has_value):
            return text_field(unescaped(text))
        if not (text := text.strip()):
            if self._has_formula:
                raise self._without_value()
            return None
        try:
            write = self._writer(kind, self._style)
            self._writers[kind, self._style] = write
            return write(text)
        except (KeyError, ValueError):
            raise self._bad(f"is no value of type {kind[:20]!r}") from None

    def _writer(self, kind: str, style: str) -> Callable[[str], bytes]:
        """Return what writes the cells of a type and a style."""
        if kind == "s":
            strings = self._book.strings
            return lambda text: strings[int(text)]
        if kind != "n":
            return _WRITERS[kind]
        place, meanings = int(style), self._book.meanings
        meaning = meanings[place] if 0 <= place < len(meanings) else Meaning.NUMBER
        if meaning is Meaning.NUMBER:
            return number_field
        return partial(moment_field, meaning=meaning, is_1904=self._book.is_1904)

    def _where(self) -> str:
        stated = self._stated or f"{self._column} of row {self._number}"
        return f"cell {stated[:20]} of worksheet {self._sheet!r}"

    def _bad(self, what: str) -> InvalidFileError:
        return damaged(f"{self._where()} {what}")

    def _without_value(self) -> InvalidFileError:
        return InvalidFileError(
            f"{self._where()} has a formula, but not its value: a program wrote it that computes "
            "nothing. Open the workbook in a spreadsheet program, save it, and send that"
        )
