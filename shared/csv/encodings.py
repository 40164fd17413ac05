"""From the bytes of a file to UTF-8, and back again to say where in the file something was.

UTF-8 passes unchanged; whatever else is decoded and written as UTF-8. Bytes that are no text in the
file's encoding become bytes that are no UTF-8, so that one check finds both, and the record that
holds them can show them.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from shared.csv.line_decoder import LineDecoder, needs_lines, parts
from shared.errors import InvalidFileError

_HANDLER = "sluice-keep"
_LOW, _HIGH = 0xDC00, 0xDCFF
_KEPT = re.compile("[\udc00-\udcff]")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Source: Unicode 16, section 23.8. UTF-32 before UTF-16: its mark starts with the other's."""


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a byte order mark states, None without a mark."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


class Transcoder:
    """Turns the bytes of one file into UTF-8, chunk by chunk; a byte order mark is dropped.

    Raises:
        InvalidFileError: the file's byte order mark contradicts the encoding.
    """

    def __init__(self, encoding: str, head: bytes) -> None:
        self.encoding = _settled(encoding, head)
        self.mark_bytes = next(
            (len(m) for m, name in _MARKS if name == self.encoding and head.startswith(m)), 0
        )
        self._is_plain = self.encoding == "utf-8"
        decoder = codecs.getincrementaldecoder(self.encoding)(_HANDLER)
        self._lines: LineDecoder | None = None
        if needs_lines(self.encoding):
            self._lines = LineDecoder(self.encoding, decoder, self.source_bytes)
        self._decode = self._lines.decode if self._lines else decoder.decode

    def text(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the file's text in UTF-8, without its mark."""
        skip = self.mark_bytes
        for chunk in chunks:
            rest, skip = chunk[skip:], max(0, skip - len(chunk))
            yield rest if self._is_plain else self._encode(self._decoded(rest))
        if not self._is_plain:
            yield self._encode(self._decoded(b"", final=True))

    def source_bytes(self, text: bytes) -> int:
        """Return how many bytes of the file a piece of its UTF-8 text was, but for ``shift``."""
        if self._is_plain:
            return len(text)
        decoded = text.decode(errors="surrogatepass")
        kept, count = _KEPT.subn("", decoded)
        found = parts(kept, self.encoding) if self._lines else [kept]
        return count + sum(len(part.encode(self.encoding, errors="replace")) for part in found)

    def shift(self, text_bytes: int) -> int:
        """Return how many more bytes come before a line's start or end than are counted so.

        Args:
            text_bytes: how much UTF-8 text comes before it.
        """
        return self._lines.shift(text_bytes) if self._lines else 0

    @property
    def goes_on(self) -> bool:
        """Whether a line was only to be understood with those before it, as far as was read."""
        return self._lines is not None and self._lines.goes_on

    def shown(self, text: bytes) -> str:
        """Return text for people: what could not be decoded as ``\\xNN``."""
        if self._is_plain:
            return text.decode(errors="backslashreplace")
        decoded = text.decode(errors="surrogatepass")
        return _KEPT.sub(lambda m: f"\\x{ord(m[0]) - _LOW:02x}", decoded)

    def _decoded(self, data: bytes, *, final: bool = False) -> str:
        try:
            return self._decode(data, final=final)
        except UnicodeError as exc:
            # A decoder of several bytes per character gives up on an endless escape sequence.
            raise InvalidFileError(
                f"the file is no text in {self.encoding}: {exc}; set its encoding",
                encoding=self.encoding,
            ) from exc

    def _encode(self, text: str) -> bytes:
        return text.encode(errors="surrogatepass")


def require_lines(chunks: Iterable[bytes], encoding: str) -> None:
    """Make sure that each line of a file means the same by itself.

    Raises:
        InvalidFileError: one is only to be understood with the lines before it.
    """
    if not needs_lines(codecs.lookup(encoding).name):
        return
    transcoder = Transcoder(encoding, b"")
    for _ in transcoder.text(chunks):
        if transcoder.goes_on:
            raise InvalidFileError(
                f"lines of the file go on in the characters of the line before ({encoding}), so "
                "none can be taken out by itself; send the file in UTF-8",
                encoding=encoding,
            )


def _settled(encoding: str, head: bytes) -> str:
    wanted = codecs.lookup(encoding).name
    wanted = {"utf-8-sig": "utf-8", "ascii": "utf-8"}.get(wanted, wanted)
    marked = marked_encoding(head)
    if marked is None:
        return {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(wanted, wanted)
    if not marked.startswith(wanted) and wanted.startswith("utf-"):
        raise InvalidFileError(
            f"the file starts with the byte order mark of {marked}, but the encoding is set to "
            f"{encoding}; remove the setting, or send the file in {encoding}",
            encoding=encoding,
        )
    return marked


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(_LOW + byte) for byte in bad), error.end


codecs.register_error(_HANDLER, _keep)
