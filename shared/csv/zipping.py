"""A zip archive of one file, read as a stream: from the file's own header, not the directory.

The directory is at the end of an archive, where a stream comes too late; it must list what came,
and nothing may follow it. Source of the layout: PKWARE, "APPNOTE.TXT - .ZIP File Format
Specification" 6.3.10, sections 4.3 and 4.4.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import InvalidFileError

if TYPE_CHECKING:
    from shared.csv.unpacking import Decoder

PIECE_BYTES = 2**20
MAX_ENTRIES = 1_000
MAX_SKIPPED_BYTES = 2**20
"""A hidden file of macOS has a few hundred bytes."""

_LOCAL_HEADER = b"PK\x03\x04"
_FIELDS = struct.Struct("<HHHHHIIIHH")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZE_FOLLOWS = 0x1, 0x8
_UNKNOWN_SIZE = 0xFFFFFFFF
_ZIP64 = 0x0001
_DESCRIPTOR = b"PK\x07\x08"

_LISTED = b"PK\x01\x02"
_LISTED_SIZES = struct.Struct("<24xHHH12x")
"""Of name, extra field and comment."""
_SIGNATURE, _ZIP64_END, _ZIP64_LOCATOR = b"PK\x05\x05", b"PK\x06\x06", b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 16
_END = b"PK\x05\x06"
_END_COMMENT_SIZE = struct.Struct("<16xH")

_PADDING = b"\0 \t\r\n\x1a"
"""What fills blocks, and what transfers as text leave behind the end."""

_OFFICE = "an Office document, such as an Excel workbook (.xlsx)"
_DOCUMENTS = {
    "[Content_Types].xml": _OFFICE,
    "_rels/.rels": _OFFICE,
    "docProps/app.xml": _OFFICE,
    "docProps/core.xml": _OFFICE,
    "xl/workbook.xml": _OFFICE,
    "mimetype": "an OpenDocument file, such as a LibreOffice spreadsheet (.ods)",
}
"""What the first file in an archive is called when the archive is a document."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    flags: int
    method: int
    crc: int
    packed_bytes: int

    @property
    def is_file(self) -> bool:
        """Neither a folder nor what macOS keeps about a file beside it."""
        hidden = self.name.startswith("__MACOSX/") or self.name.endswith(".DS_Store")
        return not hidden and not self.name.endswith("/")

    @property
    def has_size(self) -> bool:
        return not self.flags & _SIZE_FOLLOWS


class _Buffer:
    """Chunks that can be taken byte by byte."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes.

        Raises:
            EOFError: there are not so many.
        """
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        if len(self._rest) < size:
            raise EOFError("the archive ends in the middle")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def take_some(self, most: int) -> bytes:
        """Return at least one byte, and at most so many.

        Raises:
            EOFError: there are none.
        """
        if not self._rest:
            self._rest = next(self._chunks, b"")
        taken, self._rest = self._rest[:most], self._rest[most:]
        if not taken:
            raise EOFError("the archive ends in the middle")
        return taken

    def put_back(self, data: bytes) -> None:
        """Let bytes be taken again."""
        self._rest = data + self._rest

    def starts_with(self, magic: bytes) -> bool:
        """Look ahead."""
        while len(self._rest) < len(magic) and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        return self._rest.startswith(magic)

    def skip(self, size: int) -> None:
        """Take so many bytes, however many they are.

        Raises:
            EOFError: there are not so many.
        """
        while size:
            size -= len(self.take_some(size))

    def drain(self) -> bool:
        """Take all that is left; return whether it is padding, or nothing."""
        is_padding = not self._rest.strip(_PADDING)
        self._rest = b""
        for chunk in self._chunks:
            is_padding = is_padding and not chunk.strip(_PADDING)
        return is_padding


def unzipped(chunks: Iterator[bytes], inflate: "Callable[[], Decoder]") -> Iterator[bytes]:
    """Yield the bytes of the one file in an archive.

    Args:
        chunks: the archive's bytes.
        inflate: makes a decoder of raw deflate data.

    Raises:
        InvalidFileError: no file in it or several, encrypted, damaged, or packed in another way.
        EOFError: the archive ends in the middle.
    """
    buffer = _Buffer(chunks)
    found, entries = "", 0
    while buffer.starts_with(_LOCAL_HEADER):
        entry = _entry(buffer)
        entries += 1
        if document := _DOCUMENTS.get(entry.name):
            other = ", or set kind: excel for a table of workbooks" if document == _OFFICE else ""
            raise InvalidFileError(f"the file is {document}, not CSV; export it as CSV{other}")
        if entry.is_file and found:
            raise InvalidFileError(
                f"the zip archive holds more than one file: {found}, {entry.name}; send each by "
                "itself"
            )
        found = found or (entry.name if entry.is_file else "")
        pieces = _pieces(buffer, entry, inflate)
        yield from pieces if entry.is_file else _skipped(pieces)
        if entries > MAX_ENTRIES:
            raise InvalidFileError(f"the zip archive holds more than {MAX_ENTRIES} entries")
    if not found:
        raise InvalidFileError("the zip archive holds no file")
    _take_directory(buffer, entries)
    if not buffer.drain():
        raise InvalidFileError(
            f"the zip archive goes on behind its end, where more files than {found} may be; send "
            "each archive by itself"
        )


def _take_directory(buffer: _Buffer, entries: int) -> None:
    """Take what stands behind the entries: the directory that lists each, and its end."""
    listed = 0
    while listed <= entries and buffer.starts_with(_LISTED):
        buffer.take(len(_LISTED))
        buffer.skip(sum(_LISTED_SIZES.unpack(buffer.take(_LISTED_SIZES.size))))
        listed += 1
    if buffer.starts_with(_SIGNATURE):
        buffer.take(len(_SIGNATURE))
        buffer.skip(struct.unpack("<H", buffer.take(2))[0])
    if buffer.starts_with(_ZIP64_END):
        buffer.take(len(_ZIP64_END))
        buffer.skip(struct.unpack("<Q", buffer.take(8))[0])
    if buffer.starts_with(_ZIP64_LOCATOR):
        buffer.take(len(_ZIP64_LOCATOR) + _ZIP64_LOCATOR_BYTES)
    if buffer.take(len(_END)) != _END or listed != entries:
        raise InvalidFileError(
            f"the zip archive is damaged: behind {_count(entries)} there is no directory that "
            "lists just these; send it again"
        )
    buffer.skip(*_END_COMMENT_SIZE.unpack(buffer.take(_END_COMMENT_SIZE.size)))


def _count(entries: int) -> str:
    return "1 entry" if entries == 1 else f"{entries} entries"


def _skipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack what is no file, as far as that can be honest."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_SKIPPED_BYTES:
            raise InvalidFileError("the zip archive hides large files among those of a Mac")
        yield b""


def _entry(buffer: _Buffer) -> _Entry:
    buffer.take(len(_LOCAL_HEADER))
    _, flags, method, _, _, crc, packed, _, name_bytes, extra_bytes = _FIELDS.unpack(
        buffer.take(_FIELDS.size)
    )
    name = buffer.take(name_bytes).decode(errors="replace")
    extra = buffer.take(extra_bytes)
    entry = _Entry(name, flags, method, crc, _packed_bytes(extra, packed))
    if flags & _ENCRYPTED:
        raise InvalidFileError(f"{name} in the zip archive is encrypted; send it without password")
    if method not in (_STORED, _DEFLATED) or (method == _STORED and not entry.has_size):
        raise InvalidFileError(
            f"{name} in the zip archive is packed by method {method}; pack it with deflate, or "
            "send it as gzip"
        )
    return entry


def _packed_bytes(extra: bytes, packed: int) -> int:
    """Return the packed size, which stands in an extra field where it needs 64 bits."""
    at = 0
    while packed == _UNKNOWN_SIZE and at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64 and size >= 16:
            return int(struct.unpack_from("<Q", extra, at + 12)[0])
        at += 4 + size
    return packed


def _pieces(buffer: _Buffer, entry: _Entry, inflate: "Callable[[], Decoder]") -> Iterator[bytes]:
    """Yield an entry's bytes, and take it off the buffer; its checksum must be right."""
    crc = 0
    for piece in _stored(buffer, entry) if entry.method == _STORED else _inflated(buffer, inflate):
        crc = zlib.crc32(piece, crc)
        yield piece
    expected = entry.crc if entry.has_size else _descriptor_crc(buffer)
    if crc != expected:
        raise InvalidFileError(
            f"{entry.name} in the zip archive is damaged: its checksum is {crc:08x}, not "
            f"{expected:08x}; send it again"
        )


def _stored(buffer: _Buffer, entry: _Entry) -> Iterator[bytes]:
    left = entry.packed_bytes
    while left:
        piece = buffer.take_some(min(left, PIECE_BYTES))
        left -= len(piece)
        yield piece


def _inflated(buffer: _Buffer, inflate: "Callable[[], Decoder]") -> Iterator[bytes]:
    decoder, data = inflate(), b""
    while not decoder.eof:
        if decoder.needs_input and not data:
            data = buffer.take_some(PIECE_BYTES)
        piece = decoder.decompress(data, PIECE_BYTES)
        data = b""
        if piece:
            yield piece
    buffer.put_back(decoder.unused_data)


def _descriptor_crc(buffer: _Buffer) -> int:
    """Take the sizes that follow an entry, and return its checksum."""
    if buffer.starts_with(_DESCRIPTOR):
        buffer.take(len(_DESCRIPTOR))
    crc = int(struct.unpack("<I", buffer.take(4))[0])
    # Two sizes of 4 bytes each, or of 8: what follows is another header, or the directory.
    buffer.take(8)
    if not (buffer.starts_with(_LOCAL_HEADER) or buffer.starts_with(_LISTED)):
        buffer.take(8)
    return crc
