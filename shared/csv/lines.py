"""A text file whose records are its lines, as blocks of whole lines: what NDJSON and fixed width
have in common.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from shared.csv.blocks import Fault, described
from shared.csv.dialect import Dialect
from shared.csv.ends import finished
from shared.csv.files import BLOCK_BYTES
from shared.csv.judging import MAX_RECORD_BYTES
from shared.csv.marks import AS_WRITTEN
from shared.csv.places import Place
from shared.csv.rejects import Note, Reject
from shared.csv.table import Cells
from shared.csv.text_file import TextFile
from shared.csv.trailers import agrees
from shared.errors import InvalidFileError

_BLANKS = b"\r\n \t"


@dataclass(slots=True)
class Lines:
    """The lines of a block that may be rows: their content, and where each starts and ends."""

    contents: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, content: bytes, start: int) -> None:
        """Take a line, without its line end."""
        self.contents.append(content)
        self.starts.append(start)
        self.ends.append(start + len(content))

    def without(self, rows: Iterable[int]) -> "Lines":
        """Return the lines without some of them."""
        gone = set(rows)
        kept = Lines()
        for row, content in enumerate(self.contents):
            if row not in gone:
                kept.add(content, self.starts[row])
        return kept


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some lines of a file, read."""

    source: bytes
    place: Place
    cells: Cells
    faults: list[Fault]
    bounds: tuple[Sequence[int], Sequence[int]]
    trailer: int | None = None
    """Where the last line starts that counts the rows; None: there is none."""
    has_trailing_delimiter: bool = False

    def described(self, faults: Iterable[Fault]) -> tuple[Reject, ...]:
        """Say where faults are, in the order of the file."""
        return described(self.source, AS_WRITTEN, self.place, faults)

    def notes(self) -> tuple[Note, ...]:
        """Say what was read without loss, but not without thought."""
        if self.trailer is None:
            return ()
        here = self.place.copy()
        here.advance(self.source[: self.trailer], AS_WRITTEN)
        text = "a count of the rows agrees; no row"
        return (Note(line=here.line, rule="trailer", text=text),)


class LineFile(TextFile[LineBlock]):
    """One such file while it is read: opened at its first record, then block by block.

    Raises:
        InvalidFileError: there is nothing in it.
    """

    _blank_characters = b""
    """A line of these alone is none, as an empty one is."""

    def __init__(
        self,
        chunks: Iterable[bytes],
        dialect: Dialect,
        *,
        block_bytes: int = BLOCK_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        super().__init__(chunks, dialect, block_bytes)
        self._max_record_bytes = max_record_bytes
        self._skip_lines()
        self._texts.unread(self._text)
        self._is_short = self._texts.is_last

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """What its columns are called, as far as it was read."""

    @abstractmethod
    def _block(self, source: bytes, lines: Lines, faults: list[Fault]) -> LineBlock:
        """Read lines; some others were set aside already."""

    def blocks(self) -> Iterator[LineBlock]:
        """Yield the file's records, each in exactly one block, in order.

        Raises:
            InvalidFileError: the last line counts other rows than there are.
        """
        rest, is_skipping, records = b"", False, 0
        while True:
            text = rest + self._texts.next()
            is_last = self._texts.is_last
            if is_skipping:
                text, is_skipping = self._past_line_end(text)
            text = finished(text, self._newline) if is_last else text
            source, rest = self._whole_lines(text, is_last=is_last)
            if len(rest) > self._max_record_bytes:
                source, rest, is_skipping = text, b"", True
            for piece, is_end in self._pieces(source):
                block = self._read(piece, records, is_last=is_last and is_end)
                records += block.cells.rows + len(block.faults)
                yield block
                self._place.advance(piece, AS_WRITTEN)
            if is_last:
                return

    def _pieces(self, source: bytes) -> Iterator[tuple[bytes, bool]]:
        """Part whole lines where they would become too many cells; say which piece is the last."""
        yield source, True

    def _whole_lines(self, text: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Part off the beginning of a line; what may be the last line waits for what follows."""
        end = text.rfind(self._newline) + 1
        trailer = self.dialect.trailer
        if trailer and not is_last:
            start = self._last_line_start(text[:end])
            if text.startswith(trailer.encode(), start):
                end = start
        return text[:end], text[end:]

    def _read(self, source: bytes, records: int, *, is_last: bool) -> LineBlock:
        lines, faults, at = Lines(), [], 0
        trailer_at = self._trailer_start(source) if is_last else None
        comment = (self.dialect.comment or "").encode()
        for line in source[:trailer_at].split(self._newline):
            content = line.removesuffix(b"\r")
            if len(content) > self._max_record_bytes:
                reason = f"the record is longer than {self._max_record_bytes:,} bytes"
                end = at + len(content)
                faults.append(Fault(at, end, None, "record_too_long", reason))
            elif self._may_be_row(content, comment):
                lines.add(content, at)
            at += len(line) + 1
        if trailer_at is not None:
            self._require_count(source[trailer_at:], records + len(lines.starts) + len(faults))
        block = self._block(source, lines, faults)
        return replace(block, trailer=trailer_at)

    def _may_be_row(self, content: bytes, comment: bytes) -> bool:
        is_comment = comment and content.startswith(comment)
        return bool(content.strip(self._blank_characters)) and not is_comment

    def _last_line_start(self, text: bytes) -> int:
        """Return where the last line starts that is not blank."""
        return text.rfind(self._newline, 0, len(text.rstrip(_BLANKS))) + 1

    def _trailer_start(self, source: bytes) -> int | None:
        start = self._last_line_start(source)
        trailer = (self.dialect.trailer or "").encode()
        return start if trailer and source.startswith(trailer, start) else None

    def _require_count(self, line: bytes, rows: int) -> None:
        shown = self._texts.transcoder.shown(line.rstrip(_BLANKS))
        match = re.search(r"[0-9]+", shown[len(self.dialect.trailer or "") :])
        if not match or not agrees(int(match[0][-18:]), rows, self.dialect.skip_lines):
            raise InvalidFileError(
                f"the last line should count the rows, but says {shown[:60]!r}, and there are "
                f"{rows}; the file is not complete. Send it again",
                rows=rows,
            )
