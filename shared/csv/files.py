"""A whole file as blocks: from chunks of any size, past preamble and header, to its end."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from shared.core.schemas import TableSchema
from shared.csv.blocks import Block, read_block
from shared.csv.dialect import Dialect
from shared.csv.ends import finished, half_mark
from shared.csv.grammar import Syntax, read_record
from shared.csv.header import column_names, positions
from shared.csv.judging import MAX_RECORD_BYTES, Judge
from shared.csv.long_records import LongRecords
from shared.csv.marks import Marks, marks_for
from shared.csv.second_tables import SecondTables
from shared.csv.text_file import TextFile
from shared.csv.texts import PIECE_BYTES
from shared.csv.trailers import (
    agrees,
    begins_alike,
    counts_rows,
    last_line,
    may_count,
    right_only_if,
    trailer_count,
    wide_count,
)
from shared.errors import InvalidFileError

BLOCK_BYTES = 2**20
"""Text per block: large enough for whole-column work to pay, small enough to stay in memory."""

MAX_COLUMNS = 10_000
"""More is a wrong delimiter or an attack. Source: PostgreSQL 18 ends at 1,600 columns."""

_TRAILER_BYTES = 2**12
_AHEAD_BYTES = 2**16
"""Of a block; less is read sooner than a thread is woken."""
_SAMPLED_RECORDS = 100


class CsvFile(TextFile[Block]):
    """One CSV file while it is read: opened at its first record, then block by block.

    Raises:
        InvalidFileError: nothing in it, no header where one should be, or too many columns.
    """

    _EMPTY = "the file is empty: 0 bytes, not even a header"

    def __init__(
        self,
        chunks: Iterable[bytes],
        dialect: Dialect,
        *,
        width: int | None = None,
        block_bytes: int = BLOCK_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        super().__init__(chunks, dialect, block_bytes)
        self._max_record_bytes = max_record_bytes
        self._first_cell: str | None = None
        """Of the first row; known once it was read."""
        self.header = self._take_header()
        """The fields of each header row; none when the file has no header."""
        self.has_trailing_delimiter = dialect.has_trailing_delimiter or self._ends_in_nothing()
        self.width = self._settled_width(width)
        """Columns, not counting the nothing behind a trailing delimiter."""
        is_one_block = self._texts.is_last and len(self._text) <= block_bytes
        self._is_short = is_one_block or block_bytes < _AHEAD_BYTES
        self._texts.unread(self._text)

    @property
    def names(self) -> list[str]:
        """What its columns are called, by the header or by their places."""
        return column_names(self.header or [[""] * self.width])[: self.width]

    def places(self, schema: TableSchema) -> list[int]:
        """Return where each column of a table is among those of its blocks.

        Raises:
            InvalidFileError: the header has other columns.
        """
        if not self.header:
            return list(range(len(schema)))
        is_csv = self.dialect.kind == "csv"
        return positions(self.names, schema, self.dialect.delimiter if is_csv else "")

    def blocks(self) -> Iterator[Block]:
        """Yield the file's records, each in exactly one block, in order."""
        text, skipping, records = self._texts.next(), False, 0
        others = SecondTables(self.header, self.width)
        long_records = LongRecords(self.dialect, self._newline)
        while True:
            is_last = self._texts.is_last
            if skipping:
                whole = text
                text, skipping = self._past_line_end(text)
                skipped = whole[: len(whole) - len(text)]
                long_records.skip(skipped, is_end=is_last or not skipping)
            text = finished(text, self._newline) if is_last else text
            marks = marks_for(self.dialect, text)
            encoded = marks.encode(text)
            encoded, held = self._held_back(encoded, marks, is_last=is_last)
            block = self._block(encoded, marks, is_last=is_last, records_before=records)
            records += block.cells.rows + len(block.faults)
            others.check(block)
            long_records.check(block)
            yield block
            end = block.cut.end
            self._place.advance(encoded[:end], marks)
            skipping = skipping or block.cut.is_in_long_record
            if is_last:
                return
            text = marks.decode(encoded[end:] + held) + self._texts.next()

    def _block(self, encoded: bytes, marks: Marks, *, is_last: bool, records_before: int) -> Block:
        """Read one text; the count of a last line that counts the rows must be theirs."""
        judge = self._judge(marks, is_last=is_last)
        place, nulls = self._place.copy(), self.dialect.null_markers
        trailer = self._trailer(encoded, marks) if is_last else b""
        if not trailer:
            block = read_block(encoded, judge, marks, place, nulls)
            self._note_first(block)
            return block
        block = read_block(encoded, replace(judge, trailer=trailer), marks, place, nulls)
        self._note_first(block)
        shown = marks.decode(trailer).decode(errors="replace")
        _, count = trailer_count(shown) or ("", None)
        rows = records_before + block.cells.rows + len(block.faults)
        if count is None:
            return block
        if self._is_right(count, rows, trailer, block):
            if count != rows:
                block.say_of_trailer(right_only_if(count, rows))
            return block
        if self.dialect.trailer:
            raise InvalidFileError(
                f"the last line counts {count} rows, but there are {rows}; the file is not "
                "complete. Send it again",
                rows=rows,
            )
        # It says something else, and is judged like any other record.
        block = read_block(encoded, judge, marks, self._place.copy(), nulls)
        is_alike = begins_alike(shown, self._first_cell or "")
        if agrees(count, rows, self.dialect.header_rows) and not is_alike:
            block.say_of_last_line(encoded.rindex(trailer), may_count(count))
        return block

    def _note_first(self, block: Block) -> None:
        if block.cells.rows and self._first_cell is None:
            self._first_cell = str(block.cells.columns[0][0])

    def _is_right(self, count: int, rows: int, trailer: bytes, block: Block) -> bool:
        """Whether a last line counts the rows; where it may be a row, by its form as well."""
        record = read_record(trailer + self._newline, 0, block.judge.syntax)
        may_be_row = record.width in (self.width, block.judge.syntax.width)
        if self.dialect.trailer or record.flaw or not may_be_row:
            return agrees(count, rows, self.dialect.header_rows)
        shown = self._place.transcoder.shown
        found = wide_count([shown(block.marks.cell(content)) for content, _ in record.fields])
        if found is None or not found.is_right(rows, self.dialect.header_rows):
            return False
        return not found.is_like_one_of([self._first_cell or ""])

    def _trailer(self, encoded: bytes, marks: Marks) -> bytes:
        """Return the last line if it may be a trailer, else nothing."""
        line = last_line(encoded)
        shown = marks.decode(line).decode(errors="replace")
        if self.dialect.trailer:
            is_same = shown.startswith(self.dialect.trailer)
            # Names and months between the word and the number change from file to file.
            return line if is_same or begins_alike(shown, self.dialect.trailer) else b""
        found = trailer_count(shown)
        return line if found and counts_rows(found[0]) else b""

    def _held_back(self, text: bytes, marks: Marks, *, is_last: bool) -> tuple[bytes, bytes]:
        """Part off what only the text behind it can explain: half a delimiter, blank lines."""
        end = len(text) if is_last else len(text) - half_mark(text, marks, self.dialect)
        if not is_last and (trailer := self._trailer(text[-_TRAILER_BYTES:], marks)):
            end = min(end, text.rfind(trailer))
        if self.width == 1 and not self.has_trailing_delimiter:
            # Blank lines are records here, unless they end the file.
            content_end = len(text[:end].rstrip(b"\r\n"))
            if content_end or end < PIECE_BYTES:
                end = min(end, self._syntax().line_end(text, content_end)[1] if content_end else 0)
        return text[:end], text[end:]

    def _judge(self, marks: Marks, *, is_last: bool) -> Judge:
        width = self.width + self.has_trailing_delimiter
        return Judge(
            syntax=Syntax(marks.delimiter, marks.quote, self._newline, width),
            is_last=is_last,
            comment=marks.encode((self.dialect.comment or "").encode()),
            has_narrow_comments=self.dialect.has_narrow_comments,
            header=marks.encode(self._header_line) if width > 1 else b"",
            has_trailing_delimiter=self.has_trailing_delimiter,
            max_record_bytes=self._max_record_bytes,
        )

    def _take_header(self) -> list[list[str]]:
        self._header_line = b""
        self._skip_lines()
        rows: list[list[str]] = []
        while len(rows) < self.dialect.header_rows:
            self._drop_non_records()
            if not self._text:
                raise InvalidFileError(
                    f"the file ends in line {self._place.line}, before its header; send a file "
                    "with a header, or set skip_lines and header_rows"
                )
            rows.append(self._take_record())
        return [["", *row] for row in rows] if self.dialect.has_row_names else rows

    def _take_prefixed(self, prefix: str) -> list[str]:
        """Take a comment line that names the columns behind a prefix."""
        content_end, end = self._syntax().line_end(self._text, 0)
        self._header_line = self._text[:content_end]
        self._drop(end)
        names = self._place.transcoder.shown(self._header_line)[len(prefix) :].split()
        if not names:
            raise InvalidFileError(
                f"the line of {prefix!r} should name the columns, but nothing follows it; set "
                "header_rows and skip_lines"
            )
        return names

    def _take_record(self) -> list[str]:
        prefix = self.dialect.header_prefix
        if prefix and self._text.startswith(prefix.encode()):
            return self._take_prefixed(prefix)
        marks = marks_for(self.dialect, self._text[:PIECE_BYTES])
        head = marks.encode(self._text[:PIECE_BYTES])
        syntax = Syntax(marks.delimiter, marks.quote, self._newline, 0, has_any_line_end=True)
        record = read_record(head, 0, syntax)
        is_cut = record.end == len(head) and len(self._text) > PIECE_BYTES
        if record.flaw or is_cut or record.width > MAX_COLUMNS:
            raise InvalidFileError(
                f"line {self._place.line} should be the header, but its quotes do not match, or it "
                f"has more than {MAX_COLUMNS} columns or {PIECE_BYTES} bytes. Set delimiter, quote "
                "and skip_lines; `sluice intake FILE` shows how the file is read"
            )
        line = marks.decode(head[: record.end])
        self._header_line = line.rstrip(b"\r\n")
        self._drop(len(line))
        shown = self._place.transcoder.shown
        return [shown(marks.cell(content)) for content, _ in record.fields]

    def _drop_non_records(self) -> None:
        """Leave out blank and comment lines before the header."""
        comment = (self.dialect.comment or "").encode()
        prefix = (self.dialect.header_prefix or "").encode()
        while self._text:
            _, end = self._syntax().line_end(self._text, 0)
            line = self._text[:end]
            is_header = bool(prefix) and line.startswith(prefix)
            if line.strip() and (is_header or not (comment and line.startswith(comment))):
                return
            self._drop(end)

    def _syntax(self) -> Syntax:
        return Syntax(b",", b"", self._newline, 0)

    def _ends_in_nothing(self) -> bool:
        """Whether header and first records all end with a delimiter that nothing follows."""
        names = self.header[-1] if self.header else []
        if len(names) < 2 or names[-1].strip() or not names[-2].strip():
            return False
        return all(not r[-1] or len(r) < len(self.header[-1]) for r in self._first_records())

    def _first_records(self) -> Iterator[list[bytes]]:
        marks = marks_for(self.dialect, self._text[:PIECE_BYTES])
        head, at = marks.encode(self._text[:PIECE_BYTES]), 0
        syntax = Syntax(marks.delimiter, marks.quote, self._newline, 0)
        for _ in range(_SAMPLED_RECORDS):
            if at >= len(head):
                return
            record = read_record(head, at, syntax)
            at = record.end
            if not record.flaw:
                yield [content for content, _ in record.fields]

    def _settled_width(self, width: int | None) -> int:
        if self.header:
            return len(self.header[-1]) - (not self.header[-1][-1] and self.has_trailing_delimiter)
        if width is not None:
            return width
        widths = Counter(len(r) for r in self._first_records() if r != [b""])
        if not widths:
            raise InvalidFileError(
                "the file has no header and no records; there is nothing to read"
            )
        found = widths.most_common(1)[0][0]
        if found > MAX_COLUMNS:
            raise InvalidFileError(
                f"the first records have {found:,} fields, more than {MAX_COLUMNS:,} columns; is "
                "this the right delimiter and file?"
            )
        return max(1, found - self.has_trailing_delimiter)
