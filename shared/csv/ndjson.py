"""NDJSON: each line is one JSON object, each of its keys one column.

Numbers keep the text that they are written as, for a float would alter some of them. Texts are
what they mean; objects and lists stay JSON, character by character as they stand in the file.
"""

import json
from collections.abc import Iterable, Iterator
from json.decoder import WHITESPACE, scanstring  # type: ignore[attr-defined]
from typing import Any

import pyarrow as pa

from shared.core.schemas import Kind, TableSchema
from shared.csv.blocks import Fault
from shared.csv.cells import BadCellError
from shared.csv.dialect import Dialect
from shared.csv.files import BLOCK_BYTES
from shared.csv.lines import LineBlock, LineFile, Lines
from shared.csv.table import Cells, Form
from shared.errors import InvalidFileError


class Number(str):
    """The text of a number."""

    __slots__ = ()


class Record(tuple[tuple[str, Any], ...]):
    """The keys and values of an object, repeated ones too."""

    __slots__ = ()


def refuse_constant(name: str) -> None:
    """Refuse what other programs write for numbers that JSON does not have."""
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(
    parse_float=Number,
    parse_int=Number,
    parse_constant=refuse_constant,
    object_pairs_hook=Record,
)
_SEEN = Record()


def _seen(_: object) -> Record:
    return _SEEN


def _nothing(_: str) -> None:
    return None


_CHECKER = json.JSONDecoder(
    parse_float=_nothing,
    parse_int=_nothing,
    parse_constant=refuse_constant,
    object_pairs_hook=_seen,
)
"""Says where a value ends and whether it is JSON, and keeps hardly anything of it."""
_ABSENT = object()

_LONG_CHARACTERS = 2**16
"""A longer line becomes objects key by key: two bytes, such as ``0,``, make one of 60 bytes."""

MAX_LINE_BYTES = 2**21
"""A longer line is set aside: in memory an empty list, two bytes and a comma, takes 80."""

MAX_KEYS = 1_600
"""Different ones in a file. Source: PostgreSQL 18, the most columns of a table."""

_BLOCK_CELLS = 2**20
"""Of a block: a key in one line makes a cell, if an empty one, in all the others."""


class NdjsonFile(LineFile):
    """An NDJSON file while it is read.

    With a schema its cells are the schema's columns, and a record with another key is set aside;
    without one every key is a column, in the order of their first appearance.
    """

    _blank_characters = b" \t\r"

    def __init__(
        self,
        chunks: Iterable[bytes],
        dialect: Dialect,
        *,
        schema: TableSchema | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        super().__init__(chunks, dialect, block_bytes=block_bytes, max_record_bytes=MAX_LINE_BYTES)
        self._is_open = schema is None
        self._names = schema.names if schema else []
        self._is_json = [column.type.kind is Kind.JSON for column in schema or ()]
        self._places = {name: place for place, name in enumerate(self._names)}

    @property
    def names(self) -> list[str]:
        """The schema's columns, or the keys that were seen so far."""
        return list(self._names)

    def places(self, schema: TableSchema) -> list[int]:
        """Return where each column is: they are read in the schema's order."""
        return list(range(len(schema)))

    def _pieces(self, source: bytes) -> Iterator[tuple[bytes, bool]]:
        start = 0
        while True:
            end = start
            for _ in range(_BLOCK_CELLS // (MAX_KEYS if self._is_open else len(self._names) or 1)):
                end = source.find(self._newline, end) + 1 or len(source)
                if end == len(source):
                    break
            yield source[start:end], end == len(source)
            if end == len(source):
                return
            start = end

    def _block(self, source: bytes, lines: Lines, faults: list[Fault]) -> LineBlock:
        rows: list[list[Any]] = []
        forms: dict[int, Form] = {}
        bad: list[int] = []
        for number, line in enumerate(lines.contents):
            try:
                rows.append(self._row(line, forms))
            except BadCellError as exc:
                bad.append(number)
                start, end = lines.starts[number], lines.ends[number]
                faults.append(Fault(start, end, None, exc.rule, exc.reason))
        kept = lines.without(bad) if bad else lines
        width = len(self._names)
        padded = [row + [None] * (width - len(row)) for row in rows]
        columns = [pa.array(values, pa.string()) for values in zip(*padded, strict=True)]
        columns = columns or [pa.array([], pa.string())] * width
        found = tuple(forms.get(place, Form.BARE) for place in range(width))
        cells = Cells(columns, len(rows), [], found if self._is_open else ())
        return LineBlock(source, self._place.copy(), cells, faults, (kept.starts, kept.ends))

    def _row(self, line: bytes, forms: dict[int, Form]) -> list[Any]:
        """Return the cells of a record by their places.

        Raises:
            BadCellError: it is no object, or has a key that is no column or stands there twice.
        """
        text = _text(line)
        record = _record(text)
        raw: dict[str, str] | None = None
        row: list[Any] = [_ABSENT] * len(self._names)
        for key, value in record:
            place = self._place_of(key)
            row += [_ABSENT] * (place + 1 - len(row))
            if row[place] is not _ABSENT:
                raise BadCellError("repeated_key", f"the key {key!r} is there more than once")
            form = _form(value)
            forms[place] = max(forms.get(place, form), form)
            if form is Form.NESTED or (value is not None and self._is_json_at(place)):
                raw = raw or _raw_values(text)
                row[place] = raw[key]
            else:
                row[place] = _cell(value)
        cells = [None if cell is _ABSENT else cell for cell in row]
        if "\\u" in text:
            _require_characters(cells)
        return cells

    def _is_json_at(self, place: int) -> bool:
        return not self._is_open and self._is_json[place]

    def _place_of(self, key: str) -> int:
        place = self._places.get(key)
        if place is not None:
            return place
        folded = [p for name, p in self._places.items() if name.casefold() == key.casefold()]
        if len(set(folded)) == 1:
            place = folded[0]
        elif self._is_open:
            _require_characters([key])
            place = len(self._names)
            if place >= MAX_KEYS:
                raise InvalidFileError(
                    f"the objects have more than {MAX_KEYS:,} different keys; state columns, and "
                    "keep what varies in an object of its own, for one column of type json"
                )
            self._names.append(key)
        else:
            shown = key if len(key) <= 60 else key[:60] + "…"
            raise BadCellError("unknown_key", f"the key {shown!r} is no column of the table")
        self._places[key] = place
        return place


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadCellError("undecodable_bytes", "it has bytes that are no UTF-8") from None


def _record(text: str) -> Iterable[tuple[str, Any]]:
    is_long = len(text) > _LONG_CHARACTERS
    try:
        found = (_CHECKER if is_long else _DECODER).decode(text)
    except json.JSONDecodeError as exc:
        reason = f"it is no JSON object: {exc.msg} at character {exc.pos + 1}"
        raise BadCellError("not_json", reason) from None
    except (ValueError, RecursionError) as exc:
        raise BadCellError("not_json", f"it is no JSON object: {exc}") from None
    if not isinstance(found, Record):
        raise BadCellError("not_json", "it is JSON, but no object: no keys, so no columns")
    return _scalars(text) if is_long else found


def _scalars(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of an object, with nothing in those that are objects or lists."""
    for key, start, end in _members(text):
        yield key, _SEEN if text[start] in "{[" else _DECODER.decode(text[start:end])


def _form(value: object) -> Form:
    if isinstance(value, (Record, list)):
        return Form.NESTED
    return Form.WORDS if type(value) is str else Form.BARE


def _cell(value: Any) -> str | None:
    if value is True or value is False:
        return "true" if value else "false"
    return value  # type: ignore[no-any-return]


def _raw_values(text: str) -> dict[str, str]:
    """Return the values of an object as they stand in the text."""
    return {key: text[start:end] for key, start, end in _members(text)}


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the keys of an object, and where the value of each starts and ends."""
    at = _past_blanks(text, text.index("{") + 1)
    while at < len(text) and text[at] == '"':
        key, at = scanstring(text, at + 1)
        start = _past_blanks(text, _past_blanks(text, at) + 1)
        _, end = _CHECKER.raw_decode(text, start)
        yield key, start, end
        at = _past_blanks(text, _past_blanks(text, end) + 1)


def _past_blanks(text: str, at: int) -> int:
    return WHITESPACE.match(text, at).end()  # type: ignore[no-any-return]


def _require_characters(cells: Iterable[str | None]) -> None:
    """Make sure that texts are Unicode: JSON can write half a character."""
    try:
        for cell in cells:
            (cell or "").encode()
    except UnicodeEncodeError:
        raise BadCellError("lone_surrogate", "it has one half of a character (\\uD800…)") from None
