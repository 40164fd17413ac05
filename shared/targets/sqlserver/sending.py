"""Arrow batches as JSON documents, written by Arrow's own functions, inserted block by block.

One document is an array of rows, a row an array of values. Everything that JSON has no exact form
for travels as text: decimals, times, bytes as hexadecimal digits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.ahead import ahead
from shared.core.schemas import Column, Kind
from shared.stage.arrow import arrow_type
from shared.targets.sqlserver import checks, sql, types

SQL_WLONGVARCHAR = -10
"""Source: ODBC, sqlucode.h."""

BLOCK_BYTES = 2**19
"""Arrow bytes that go into one document; as text for SQL Server they are about four times that."""

MAX_BLOCK_ROWS = 10_000

MAX_DOCUMENT_UNITS = 2**30 - 1
"""UTF-16 units of a text. Source: "nchar and nvarchar (Transact-SQL)"."""


def send(
    cursor: Any,
    table: str,
    columns: Sequence[Column],
    batches: Iterable[pa.RecordBatch],
    *,
    part: str,
    destination: dict[str, str],
) -> None:
    """Insert all rows of a part; ``destination`` has types of the table that they end in.

    Raises:
        ValueNotRepresentableError: SQL Server would alter or refuse a value.
    """
    statement = sql.insert_json(table, columns)
    # Told nothing, FreeTDS cuts a text at 4,000 characters without a word.
    cursor.setinputsizes([(SQL_WLONGVARCHAR, MAX_DOCUMENT_UNITS, 0)])
    try:
        with ahead(_checked_documents(columns, batches, destination, part)) as blocks:
            for block in blocks:
                cursor.execute(statement, (block,))
    finally:
        cursor.setinputsizes(None)


def _checked_documents(
    columns: Sequence[Column],
    batches: Iterable[pa.RecordBatch],
    destination: dict[str, str],
    part: str,
) -> Iterator[str]:
    rows = 0
    for batch in batches:
        _check(columns, batch, destination, part, rows)
        yield from documents(columns, batch)
        rows += batch.num_rows


def documents(columns: Sequence[Column], batch: pa.RecordBatch) -> Iterator[str]:
    """Yield a batch as JSON documents of bounded size."""
    rows = min(MAX_BLOCK_ROWS, max(1, BLOCK_BYTES * batch.num_rows // max(batch.nbytes, 1)))
    for start in range(0, batch.num_rows, rows):
        yield _document(columns, batch.slice(start, rows))


def _check(
    columns: Sequence[Column],
    batch: pa.RecordBatch,
    destination: dict[str, str],
    part: str,
    first_row: int,
) -> None:
    for column in columns:
        ends_in = destination.get(column.name, types.type_name(column.type))
        values = batch.column(column.name)
        checks.require_representable(column, values, ends_in, part, first_row)


def _document(columns: Sequence[Column], block: pa.RecordBatch) -> str:
    fields = [_field(column, block.column(column.name)) for column in columns]
    rows = pc.binary_join_element_wise(*fields, ",")
    whole = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
    text: str = pc.binary_join(whole, "],[")[0].as_py()
    return f"[[{text}]]"


def _field(column: Column, values: pa.Array) -> pa.Array:
    text = _WRITERS[column.type.kind](values.cast(arrow_type(column.type)))
    return pc.fill_null(text, "null")


def _plain(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


def _quoted(text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', text, '"', "")


def _quoted_plain(values: pa.Array) -> pa.Array:
    return _quoted(_plain(values))


def _moment(values: pa.Array) -> pa.Array:
    clock = _plain(values.cast(pa.timestamp("us")))
    return pc.binary_join_element_wise('"', clock, ' +00:00"', "")


def _decimal(values: pa.Array) -> pa.Array:
    """Write decimals digit by digit; Arrow's own text has exponents, which SQL Server refuses."""
    scale = values.type.scale
    whole = pa.decimal128(38, 0)
    digits = _plain(
        pa.Array.from_buffers(whole, len(values), values.buffers(), offset=values.offset)
    )
    if scale == 0:
        return _quoted(digits)
    sign = pc.if_else(pc.starts_with(digits, "-"), "-", "")
    padded = pc.ascii_lpad(pc.ascii_ltrim(digits, "-"), scale + 1, "0")
    before = pc.utf8_slice_codeunits(padded, 0, -scale)
    after = pc.utf8_slice_codeunits(padded, -scale)
    return pc.binary_join_element_wise('"', sign, before, ".", after, '"', "")


def _bytes(values: pa.Array) -> pa.Array:
    """Write bytes as hexadecimal digits: the same array, each byte twice as wide."""
    validity, offsets, data = values.buffers()
    starts = pa.Array.from_buffers(
        pa.int32(), len(values) + 1, [None, offsets], offset=values.offset
    )
    # A block is part of a batch, whose buffers have all of its bytes.
    first, last = starts[0].as_py(), starts[-1].as_py()
    content = data.slice(first, last - first).to_pybytes() if data else b""
    digits = pa.py_buffer(content.hex().encode())
    shifted = pc.subtract(starts, pa.scalar(first, pa.int32()))
    doubled = pc.multiply(shifted, pa.scalar(2, pa.int32())).buffers()[1]
    mask = pc.is_valid(values) if validity else None
    text = pa.StringArray.from_buffers(len(values), doubled, digits)
    return _quoted(pc.if_else(mask, text, None) if mask is not None else text)


def _text(values: pa.Array) -> pa.Array:
    """Write texts with the escapes that JSON asks for."""
    if pc.any(pc.match_substring_regex(values, r'[\x00-\x1f"\\]')).as_py():
        values = pc.replace_substring(values, "\\", "\\\\")
        values = pc.replace_substring(values, '"', '\\"')
        for code in _control_codes(values):
            values = pc.replace_substring(values, chr(code), f"\\u{code:04x}")
    return _quoted(values)


def _control_codes(values: pa.Array) -> list[int]:
    return [code for code in range(32) if pc.any(pc.match_substring(values, chr(code))).as_py()]


_WRITERS: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    Kind.BOOL: _plain,
    Kind.INT64: _plain,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _plain,
    Kind.TEXT: _text,
    Kind.JSON: _text,
    Kind.BINARY: _bytes,
    Kind.DATE: _quoted_plain,
    Kind.TIME: _quoted_plain,
    Kind.TIMESTAMP: _quoted_plain,
    Kind.TIMESTAMPTZ: _moment,
}
