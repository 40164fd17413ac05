"""Decode what may be written in several ways, and remember where its lines stand in the file.

In most encodings a text has but one length, so it is encoded again to tell a place. In a few, such
as ISO-2022-JP with its escape sequences, a file may have other bytes than that; the differences are
noted line by line.
"""

import codecs
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable

from shared.errors import IntegrityError, InvalidFileError

_SEVERAL_WAYS = ("iso2022", "hz", "utf-7", "euc_j")
"""Of Python's encodings; in all others every sequence of bytes was encoded again to its length."""
_JOINED = ("iso2022_jp", "hz", "euc_j")
"""A text is as long as its lines and line ends are, each encoded by itself."""
_PARTS = re.compile(rb"([\r\n])")
_TEXT_PARTS = re.compile(r"([\r\n])")
_ESCAPE, _ROMAN = b"\x1b", b"\x1b(J"
"""Source: RFC 1468."""
_ROMAN_SIGNS = frozenset(b"\\~")
"""Where JIS X 0201 differs from ASCII."""
_MAX_LINE_BYTES = 2**24
_MAX_NOTED = 2**20
_MAX_STATES = 4
_MAX_SWALLOWED = 1_000


def needs_lines(encoding: str) -> bool:
    """Say whether texts in an encoding have several lengths."""
    return encoding.startswith(_SEVERAL_WAYS)


def parts(text: str, encoding: str) -> list[str]:
    """Return what of a text is to be encoded by itself, so that lengths add up."""
    return [text] if encoding.startswith(_JOINED) else _TEXT_PARTS.split(text)


class LineDecoder:
    """An incremental decoder that takes whole lines.

    Args:
        encoding: one that ``needs_lines``.
        decoder: of that encoding.
        count: how many bytes some UTF-8 text takes in it.
    """

    def __init__(
        self, encoding: str, decoder: codecs.IncrementalDecoder, count: Callable[[bytes], int]
    ) -> None:
        self._decoder, self._count, self._encoding = decoder, count, encoding
        self._start = decoder.getstate()
        self._states = {self._start}
        """Those in which lines ended so far: others may come to stand behind these."""
        self._ends = self._known_ends()
        self._held = b""
        self._file_bytes = self._text_bytes = self._counted = self._shift = 0
        """Bytes of the file; of the lines at their ends, as UTF-8 and encoded again; of shift."""
        self._open, self._swallowed = b"", 0
        """Text of the line that is not at its end, and line ends that are no text in it."""
        self._noted = array("q", [0]), array("q", [0])
        self.goes_on = False
        """Some line would mean something else behind another line before it."""

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """Return the text of whole lines, and keep the rest for the next time."""
        data = self._held + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        end = len(data) if final else end
        data, self._held = data[:end], data[end:]
        if len(self._held) > _MAX_LINE_BYTES:
            raise InvalidFileError(
                f"a line is longer than {_MAX_LINE_BYTES:,} bytes, which no record may be. Is "
                f"{self._encoding} the encoding of the file? If so, send it in UTF-8"
            )
        before = self._decoder.getstate()
        text = self._decoder.decode(data, final)
        is_closed = before == self._decoder.getstate() == self._start and not self._open
        if is_closed and len(self._states) == 1 and self._is_plain(text, data):
            self._file_bytes += len(data)
            self._counted += len(data)
            self._text_bytes += len(text.encode())
            return text
        self._decoder.setstate(before)
        found = []
        for line in data.splitlines(keepends=True):
            alone = self._line(line)
            split = filter(None, _PARTS.split(line))
            found += [alone] if alone is not None else [self._part(part) for part in split]
        return "".join(found) + (self._part(b"", final=True) if final else "")

    def shift(self, text_bytes: int) -> int:
        """Return how many more bytes the file has before a line than its UTF-8 text, encoded."""
        places, shifts = self._noted
        found = bisect_right(places, text_bytes) - 1
        if found < 0:
            raise IntegrityError(
                f"the place of a row in a file in {self._encoding} is not known any more; nothing "
                "was loaded. Please report this file"
            )
        return shifts[found]

    def _known_ends(self) -> set[tuple[bytes, int]]:
        """Return the states in which ASCII is itself, or nearly so."""
        if not self._encoding.startswith(_JOINED):
            return set()
        if not self._encoding.startswith("iso2022_jp"):
            return {self._start}
        self._decoder.decode(_ROMAN)
        ends = {self._start, self._decoder.getstate()}
        self._decoder.setstate(self._start)
        return ends

    def _is_plain(self, text: str, data: bytes) -> bool:
        try:
            is_same = text.encode(self._encoding) == data
        except UnicodeEncodeError:
            return False
        return is_same and self._encoding.startswith(_JOINED)

    def _whole(self, text: str) -> int | None:
        """Return how long a text is, encoded; None: there is what could not be decoded."""
        try:
            return len(text.encode(self._encoding))
        except UnicodeEncodeError:
            return None

    def _line(self, line: bytes) -> str | None:
        """Return the text of a line that surely is the same behind every other; None: look closer.

        The common case where escape sequences are redundant, and so at less cost than ``_part``.
        """
        before = self._decoder.getstate()
        if self._open or not self._states <= self._ends or before not in self._ends:
            return None
        if len(self._states) > 1 and _ROMAN_SIGNS.intersection(line.partition(_ESCAPE)[0]):
            return None
        text = self._decoder.decode(line)
        after = self._decoder.getstate()
        count = self._whole(text)
        if count is None or after not in self._ends:
            self._decoder.setstate(before)
            return None
        self._states.add(after)
        self._file_bytes += len(line)
        self._counted += count
        self._text_bytes += len(text.encode())
        if self._file_bytes - self._counted != self._shift:
            ending = len(line) - len(line.rstrip(b"\r\n"))
            self._note(self._file_bytes - self._counted, self._text_bytes - ending)
        return text

    def _part(self, part: bytes, *, final: bool = False) -> str:
        """Decode a line end, or what stands between two of them."""
        text = self._decoder.decode(part, final)
        state = self._decoder.getstate()
        is_break = part in (b"\r", b"\n")
        if is_break:
            self._states.add(state)
        elif len(self._states) > 1 and not self.goes_on:
            self.goes_on = not all(self._means(part, text, known) for known in self._states)
            self._decoder.setstate(state)
        self._file_bytes += len(part)
        is_end = is_break and text.endswith(part.decode())
        self._open += (text[:-1] if is_end else text).encode(errors="surrogatepass")
        if is_end:
            self._mark(len(part))
            self._counted += self._count(self._open) + len(part)
            self._text_bytes += len(self._open) + len(part)
            self._open, self._swallowed = b"", 0
        elif is_break:
            self._require_text()
        self._mark(len(state[0]))
        return text

    def _mark(self, rest_bytes: int) -> None:
        """Take note of the place behind the text so far, bytes before what was decoded."""
        shift = self._file_bytes - rest_bytes - self._counted - self._count(self._open)
        if shift != self._shift:
            self._note(shift, self._text_bytes + len(self._open))

    def _require_text(self) -> None:
        self._swallowed += 1
        if self._swallowed > _MAX_SWALLOWED:
            raise InvalidFileError(
                f"the file is no text in {self._encoding}: more than a thousand line ends stand "
                "within characters; set its encoding",
                encoding=self._encoding,
            )

    def _means(self, part: bytes, text: str, state: tuple[bytes, int]) -> bool:
        if len(self._states) > _MAX_STATES:
            return False
        self._decoder.setstate(state)
        try:
            return self._decoder.decode(part) == text
        except UnicodeError:
            return False

    def _note(self, shift: int, place: int) -> None:
        places, shifts = self._noted
        if len(places) >= _MAX_NOTED:
            # Nobody asks for places that are so far back.
            places, shifts = places[_MAX_NOTED // 2 :], shifts[_MAX_NOTED // 2 :]
        self._shift = shift
        shifts.append(shift)
        places.append(place)
        self._noted = places, shifts
