"""A text file while it is read: what files of every kind have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import ClassVar, Generic, TypeVar

from shared.ahead import ahead
from shared.csv.dialect import Dialect
from shared.csv.ends import LINE_END, newline_of
from shared.csv.marks import AS_WRITTEN
from shared.csv.places import Place
from shared.csv.texts import PIECE_BYTES, Texts
from shared.csv.unpacking import unpacked
from shared.errors import InvalidFileError

B = TypeVar("B", covariant=True)
"""The kind's blocks."""


class TextFile(ABC, Generic[B]):
    """One file while it is read: opened at its first record, then block by block.

    Raises:
        InvalidFileError: there is nothing in it.
    """

    _EMPTY: ClassVar[str] = "the file is empty: 0 bytes"
    _is_short: bool
    """A thread that reads ahead is not worth its while; known once the file is opened."""

    def __init__(self, chunks: Iterable[bytes], dialect: Dialect, block_bytes: int) -> None:
        self.dialect = dialect
        self._texts = Texts(unpacked(chunks, dialect.worksheet), dialect.encoding, block_bytes)
        self._text = self._texts.next(PIECE_BYTES)
        """What the file begins with; whoever opens it puts back what is left of it."""
        if not self._texts.head:
            raise InvalidFileError(self._EMPTY)
        self._place = Place(self._texts.transcoder, 1, self._texts.transcoder.mark_bytes)
        self._newline = newline_of(self._text, dialect)

    @property
    def newline(self) -> bytes:
        """What ends its lines, in the file's own encoding."""
        return self._newline.decode().encode(self.encoding)

    @property
    def encoding(self) -> str:
        """How its characters are written."""
        return self._texts.transcoder.encoding

    @property
    def body_offset(self) -> int:
        """Where its first record starts, before any block is read: bytes into the file."""
        return self._place.byte_offset

    @abstractmethod
    def blocks(self) -> Iterator[B]:
        """Yield the file's records, each in exactly one block, in order."""

    def _skip_lines(self) -> None:
        """Leave out the lines before header and records; more text is taken until all are."""
        left = self.dialect.skip_lines
        while left and self._text:
            # What a return at the end of the text belongs to is known with the text behind it.
            end = len(self._text if self._texts.is_last else self._text.rstrip(b"\r"))
            ends = [m.end() for m in islice(LINE_END.finditer(self._text, 0, end), left)]
            left -= len(ends)
            self._drop(end if left else ends[-1])
            if left:
                self._text += self._texts.next(PIECE_BYTES)
        if self.dialect.skip_lines and len(self._text) < PIECE_BYTES // 2:
            self._text += self._texts.next(PIECE_BYTES)

    def _drop(self, end: int) -> None:
        """Leave out the beginning of the text."""
        self._place.advance(self._text[:end], AS_WRITTEN)
        self._text = self._text[end:]

    @contextmanager
    def blocks_ahead(self) -> Iterator[Iterator[B]]:
        """Provide the blocks; a thread reads the next one where that is worth one."""
        if self._is_short:
            yield self.blocks()
            return
        with ahead(self.blocks()) as blocks:
            yield blocks

    def _past_line_end(self, text: bytes) -> tuple[bytes, bool]:
        """Leave out the rest of a record that was set aside as too long; say whether it goes on."""
        at = text.find(self._newline)
        end = len(text) if at < 0 else at + 1
        self._place.advance(text[:end], AS_WRITTEN)
        return text[end:], at < 0
