"""Unpack what arrives compressed, as a stream and within bounds, whatever the file's name says.

gzip, bzip2, xz and Zstandard by their first bytes; a zip archive if it holds one file. What comes
out is unpacked once more if it is packed itself. A workbook is unpacked to the text of a worksheet
where one is wanted.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from shared.csv.dialect import Worksheet
from shared.csv.zipping import unzipped
from shared.errors import InvalidFileError

PIECE_BYTES = 2**20
"""Most that is unpacked at a time."""

MAX_RATIO = 500
"""Unpacked bytes for each packed one; text rarely passes 50, a file of zeros has 1,032 in gzip."""

FREE_BYTES = 64 * 2**20
"""So much may come out of a file whatever its ratio."""

MAX_LAYERS = 2
"""So often is a file unpacked that holds a packed one, such as a ``.csv.gz`` in a zip archive."""

MAX_EMPTY_MEMBERS = 1_000
"""More packed streams with nothing in them than this are no file but an attack."""

MAX_XZ_BYTES = 128 * 2**20
"""A file says itself how much memory unpacks it; ``xz -9`` needs 65 MiB. Source: xz(1)."""

_SNIFFED_BYTES = 6
_SLICE_BYTES = 2**16
"""Packed bytes taken at a time: what is behind a short stream is copied for the next one."""


class Decoder(Protocol):
    """What the decompressors of ``bz2`` and ``lzma`` have in common."""

    @property
    def eof(self) -> bool:
        """The packed stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Nothing more comes out until something is put in."""

    @property
    def unused_data(self) -> bytes:
        """What was put in behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put in packed bytes; return at most so many unpacked ones."""


class Deflate:
    """A decompressor of ``zlib`` with the manners of the others."""

    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        """The packed stream has ended."""
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        """Nothing more comes out until something is put in."""
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was put in behind the end of the stream."""
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put in packed bytes; return at most so many unpacked ones."""
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


def unpacked(
    chunks: Iterable[bytes],
    worksheet: Worksheet | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Iterator[bytes]:
    """Yield the bytes of the file inside, or those of the file itself.

    All chunks are used up at the end, those behind the packed data too.

    Args:
        chunks: the file's bytes.
        worksheet: what is wanted of a workbook, as CSV text; None: workbooks are refused.
        told: takes a sentence about the worksheet, if the file is a workbook.

    Raises:
        InvalidFileError: the packed data is damaged or incomplete, unpacks to far more than text
            does, or is a zip archive of no or several files, or an encrypted one.
    """
    packed = _Counted(iter(chunks))
    pieces: Iterator[bytes] = packed
    for _ in range(MAX_LAYERS):
        head, pieces = _beginning(pieces)
        found = next((way for way in FORMATS if head.startswith(way[0])), None)
        if found is None:
            break
        _, name, unpack = found
        if name == _ZIP and worksheet is not None:
            unpack = _workbook_or_one_file(worksheet, told)
        pieces = _bounded(name, unpack(_sliced(pieces), name), packed)
    yield from pieces


def _beginning(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all pieces once more."""
    head, pieces = b"", filter(None, pieces)
    while len(head) < _SNIFFED_BYTES and (piece := next(pieces, b"")):
        head += piece
    return head, chain([head] if head else [], pieces)


class _Counted:
    """Chunks as they pass, in slices, with their size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = _sliced(chunks)
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.size_bytes += len(chunk)
        return chunk


def _sliced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE_BYTES):
            yield chunk[start : start + _SLICE_BYTES]


def _bounded(name: str, pieces: Iterator[bytes], packed: _Counted) -> Iterator[bytes]:
    """Yield pieces as long as there are not far more of them than text unpacks to."""
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > FREE_BYTES and size > MAX_RATIO * packed.size_bytes:
                raise InvalidFileError(
                    f"{packed.size_bytes:,} bytes of {name} unpack to more than {size:,}: over "
                    f"{MAX_RATIO} times as much, which text does not do. If this is right, send "
                    "the file unpacked",
                    ratio=MAX_RATIO,
                )
            yield piece
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as exc:
        raise InvalidFileError(
            f"the {name} data is damaged after {size:,} unpacked bytes: {exc}; send the file again"
        ) from exc


def _members(new: Callable[[], Decoder]) -> Callable[[Iterator[bytes], str], Iterator[bytes]]:
    """Return what unpacks one packed stream after the other, as many as there are."""

    def unpack(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
        decoder: Decoder | None = None
        size = empty = 0
        for chunk in chunks:
            data = chunk
            while data or decoder:
                if decoder is None:
                    data = data.lstrip(b"\0")  # padding to whole blocks
                    if not data:
                        break
                    decoder, size = new(), 0
                piece = decoder.decompress(data, PIECE_BYTES)
                data = b""
                size += len(piece)
                if piece:
                    yield piece
                if decoder.eof:
                    empty += not size
                    if empty > MAX_EMPTY_MEMBERS:
                        raise InvalidFileError(f"the {name} data holds thousands of empty files")
                    data, decoder = decoder.unused_data, None
                elif decoder.needs_input and len(piece) < PIECE_BYTES:
                    break
        if decoder is not None:
            raise InvalidFileError(f"the {name} data ends in the middle; send the file again")

    return unpack


def _zstandard(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.PythonFile(_Readable(chunks), "r"), "zstd") as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except pa.ArrowException as exc:
        raise EOFError(str(exc)) from exc
    except OSError as exc:
        if "truncated" in str(exc).lower():
            raise InvalidFileError(
                f"the {name} data ends in the middle; send the file again"
            ) from exc
        raise


class _Readable:
    """Chunks as a file that Arrow can read."""

    closed = False

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        end = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:end], self._rest[end:]
        return taken

    def close(self) -> None:
        """Do nothing: whoever gave the chunks closes them."""
        self.closed = True


def _unzipped(chunks: Iterator[bytes], _: str) -> Iterator[bytes]:
    return unzipped(chunks, lambda: Deflate(-15))


def _workbook_or_one_file(worksheet: Worksheet, told: Callable[[str], None]) -> "Unpack":
    """Return what unpacks a worksheet, or the one file in any other zip archive."""

    def unpack(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
        from shared.csv.excel import is_workbook, spooled, worksheet_text

        with spooled(chunks) as file:
            if is_workbook(file):
                yield from worksheet_text(file, worksheet.name, told)
            else:
                yield from _unzipped(iter(lambda: file.read(PIECE_BYTES), b""), name)

    return unpack


Unpack = Callable[[Iterator[bytes], str], Iterator[bytes]]
"""Takes packed pieces and the format's name; yields unpacked ones."""

_ZIP, GZIP = "zip", "gzip"
FORMATS: tuple[tuple[bytes, str, Unpack], ...] = (
    (b"PK\x03\x04", _ZIP, _unzipped),
    (b"PK\x05\x06", _ZIP, _unzipped),
    (b"\x1f\x8b", GZIP, _members(lambda: Deflate(31))),
    (b"BZh", "bzip2", _members(bz2.BZ2Decompressor)),
    (b"\xfd7zXZ\x00", "xz", _members(lambda: lzma.LZMADecompressor(memlimit=MAX_XZ_BYTES))),
    (b"\x28\xb5\x2f\xfd", "Zstandard", _zstandard),
)
"""First bytes, name, and what unpacks.

Sources: RFC 1952, 8878; PKWARE's APPNOTE.TXT; the formats' own descriptions.
"""
