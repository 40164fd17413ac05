"""Random tables written in random dialects come back as they were, '' and NULL apart."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, read

Row = list[str | None]

DELIMITERS = (",", ";", "\t", "|", ":", "~", "^", "\x1f", "||", "::", "~|~", ", ", "<>")
ENCODINGS = {
    "utf-8": "aZ09 äß€漢字é😀",
    "utf-16-le": "aZ09 äß€漢字é😀",
    "cp1252": "aZ09 äß€éœ",
    "cp932": "aZ09 漢字カナソ表",
    "gb18030": "aZ09 漢字€é😀",
}
MARKS = "\"'\\,;|:~^#\t\n<>&-"


@dataclass(frozen=True)
class Written:
    """A table, how it is written, and its bytes."""

    dialect: Dialect
    rows: list[Row]
    newline: str

    def content(self) -> bytes:
        names = [f"c{number}" for number in range(len(self.rows[0]))]
        lines = [self._line(row) for row in (names, *self.rows)]
        comment = [f"{self.dialect.comment} a comment, with {self.dialect.delimiter}"]
        text = self.newline.join((*lines, *(comment if self.dialect.comment else []), ""))
        return text.encode(self.dialect.encoding)

    def _line(self, row: Row) -> str:
        cells = [self._cell(cell, is_first=number == 0) for number, cell in enumerate(row)]
        last = [""] if self.dialect.has_trailing_delimiter else []
        return self.dialect.delimiter.join((*cells, *last))

    def _cell(self, cell: str | None, *, is_first: bool) -> str:
        dialect, quote = self.dialect, self.dialect.quote or ""
        if cell is None:
            return ""
        special = (quote, "\n", "\r", *dialect.delimiter, dialect.escape or quote)
        is_comment = is_first and bool(dialect.comment) and cell.startswith(dialect.comment or "")
        has_blanks = cell.strip() != cell
        if not (cell == "" or is_comment or has_blanks or any(s in cell for s in special)):
            return cell
        if dialect.escape:
            cell = cell.replace(dialect.escape, dialect.escape * 2)
            return quote + cell.replace(quote, dialect.escape + quote) + quote
        return quote + cell.replace(quote, quote * 2) + quote


@st.composite
def tables(draw: st.DrawFn) -> Written:
    """Draw a table and a way to write it."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    delimiter, quote = draw(st.sampled_from(DELIMITERS)), draw(st.sampled_from("\"'"))
    dialect = Dialect(
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        escape=draw(st.sampled_from([None, "\\"])),
        comment=draw(st.sampled_from([None, "#"])),
        has_trailing_delimiter=draw(st.booleans()),
    )
    cell = st.one_of(
        st.none(),
        st.text(alphabet=ENCODINGS[encoding], max_size=6),
        st.text(alphabet=ENCODINGS[encoding] + MARKS, max_size=8),
    )
    width = draw(st.integers(2, 4))
    row = st.lists(cell, min_size=width, max_size=width).filter(any)
    rows = draw(st.lists(row, min_size=1, max_size=6))
    return Written(dialect, rows, draw(st.sampled_from(["\n", "\r\n"])))


@settings(max_examples=700, deadline=None, derandomize=True)
@given(tables(), st.sampled_from([7, 64, 10**6]))
def test_every_table_comes_back_as_it_was(written: Written, block_bytes: int) -> None:
    width = len(written.rows[0])
    schema = TableSchema(
        tuple(Column(name=f"c{number}", type=DataType(Kind.TEXT)) for number in range(width))
    )

    batches = list(read([written.content()], written.dialect, schema, block_bytes=block_bytes))

    rejects = [reject for batch in batches for reject in batch.rejects]
    found = [list(row.values()) for batch in batches for row in batch.data.to_pylist()]
    assert (rejects, found) == ([], written.rows)
