"""Records that are too long to be read: whether it is one record at all that was set aside."""

from shared.csv.blocks import Block
from shared.csv.dialect import Dialect
from shared.csv.grammar import closes_field
from shared.csv.judging import RecordDecision
from shared.errors import InvalidFileError


class LongRecords:
    """Refuses a file in which many records, or lines of one cell, would be miscounted.

    A line that is too long is one reject only if it holds no line ends of another kind and leaves
    no quote open. A quote that nothing closed so far may open a cell that is too long: then lines
    of that cell were taken for records.
    """

    def __init__(self, dialect: Dialect, newline: bytes) -> None:
        self._quote = (dialect.quote or "").encode()
        self._has_escape = dialect.escape is not None
        self._newline = newline
        self._long_line = 0
        """Where the line starts that is looked at."""
        self._quotes = 0
        self._half_end = b""
        self._opened_line = 0
        """Where a quote was opened that nothing closed so far; 0: there is none."""

    def check(self, block: Block) -> None:
        """Look at a block in which records may have been set aside.

        Raises:
            InvalidFileError: more than one record, or less, stands behind a reject.
        """
        if self._opened_line:
            self._check_quote(block, 0)
        for start, decision in block.cut.decisions:
            if decision.rule == "unclosed_quote":
                self._check_quote(block, decision.flaw_at + 1)
            elif decision.rule == "record_too_long":
                self._start(block, start, decision)

    def skip(self, text: bytes, *, is_end: bool) -> None:
        """Look at more of a line that is too long, as it stands in the file.

        Raises:
            InvalidFileError: it is not one record.
        """
        text = self._half_end + text
        self._half_end = b"" if is_end or not text.endswith(b"\r") else b"\r"
        text = text.removesuffix(self._half_end)
        if self._has_stray(text):
            raise self._refused("it has line ends of another kind, so it may be many records")
        self._quotes += text.count(self._quote) if self._quote else 0
        is_open = self._quotes % 2 or (self._quotes and self._has_escape)
        if is_end and is_open:
            raise self._refused("it has a quote that may open a cell of several lines")

    def _start(self, block: Block, start: int, decision: RecordDecision) -> None:
        self._long_line, self._quotes, self._half_end = _line(block, start), 0, b""
        text = block.marks.decode(block.cut.source[start : decision.end])
        self.skip(text, is_end=not decision.is_in_long_record)

    def _has_stray(self, text: bytes) -> bool:
        if self._newline == b"\r":
            return b"\n" in text
        return text.count(b"\r") != text.count(b"\r\n")

    def _check_quote(self, block: Block, at: int) -> None:
        """Look in what was read of a block for what closes a quote that was opened before."""
        does_close = closes_field(block.cut.source, at, block.cut.end, block.judge.syntax)
        if does_close is False:
            self._opened_line = 0
            return
        line = self._opened_line if at == 0 else _line(block, at)
        self._opened_line = line
        if does_close:
            raise InvalidFileError(
                f"a quote opened in line {line} is closed more than "
                f"{block.judge.max_record_bytes:,} bytes later, and no record may be that long. "
                "Close the quote, or leave the cell out, and send the file again",
                line=line,
            )

    def _refused(self, why: str) -> InvalidFileError:
        return InvalidFileError(
            f"line {self._long_line} is longer than any record may be, and {why}. Write each "
            "record on its line, with the same line end, and send the file again",
            line=self._long_line,
        )


def _line(block: Block, at: int) -> int:
    here = block.place.copy()
    here.advance(block.cut.source[:at], block.marks)
    return here.line
