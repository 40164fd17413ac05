"""Cut text to columns of text: Arrow's reader, told exactly what it may assume."""

from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from shared.csv.grammar import Syntax
from shared.csv.marks import Marks


class Form(IntEnum):
    """How the values of a column say what they are; of several forms in a column, the highest."""

    BARE = 0
    """They do not: any type may be tried."""
    WORDS = 1
    """As text: no number, whatever the digits."""
    NESTED = 2
    """As objects or lists of JSON."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The fields of a text, column by column; NULL apart from the empty text."""

    columns: list[pa.Array]
    rows: int
    misfits: list[int]
    """Ordinals of the records that have the wrong width; they are not among the rows."""
    forms: tuple[Form, ...] = ()
    """Of each column; none: all are bare."""


def read_cells(text: bytes, syntax: Syntax, marks: Marks, null_markers: tuple[str, ...]) -> Cells:
    """Read well-formed records; text is UTF-8 and ends with a line end, or is empty.

    Blank lines are no records, except where there is but one column: then they are NULL.
    """
    misfits: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        misfits.append(row.number - 1)
        return "skip"

    if not text or (syntax.width > 1 and not text.strip(b"\r\n")):
        return Cells([pa.array([], pa.string())] * syntax.width, 0, misfits)
    names = [str(n) for n in range(syntax.width)]
    table = arrow_csv.read_csv(
        pa.py_buffer(text),
        read_options=arrow_csv.ReadOptions(
            column_names=names, use_threads=False, block_size=len(text) + 1
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=syntax.delimiter.decode(),
            quote_char=syntax.quote.decode() or False,
            double_quote=True,
            newlines_in_values=True,
            ignore_empty_lines=syntax.width > 1,
            invalid_row_handler=skip,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[marks.encode(m.encode()).decode() for m in null_markers],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    columns = [marks_removed(pa.concat_arrays(c.chunks), marks) for c in table.columns]
    return Cells(columns, table.num_rows, misfits)


def marks_removed(column: pa.Array, marks: Marks) -> pa.Array:
    """Give cells back what marks stand for."""
    if not marks.meaning:
        return column
    content = content_bytes(column)
    for mark, meaning in marks.meaning:
        if mark in content:
            column = pc.replace_substring(column, mark.decode(), meaning.decode())
    return column


def content_bytes(column: pa.Array) -> bytes:
    """Return the content of all cells of a text column, joined."""
    _, offsets, content = column.buffers()
    if content is None or not len(column):
        return b""
    starts = memoryview(offsets).cast("i")
    first, last = starts[column.offset], starts[column.offset + len(column)]
    return bytes(content.slice(first, last - first))
