"""The container of a workbook: parts in a zip archive that name each other by relationships.

Source: ECMA-376-2, Open Packaging Conventions.
"""

import posixpath
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, cast
from urllib.parse import unquote

from shared.csv.excel.faults import damaged
from shared.csv.excel.xml import SEPARATOR, parsed
from shared.errors import InvalidFileError

MAX_WORKBOOK_BYTES = 128 * 2**20
"""It is spooled, and in the cloud the place for that is memory. A million rows of ten columns have
85 MB."""

MAX_PART_BYTES = 4 * 2**30
"""Unpacked, of a worksheet or of the texts; a million rows of ten columns have 0.5 GB."""
MAX_SMALL_PART_BYTES = 16 * 2**20
"""Of what is not streamed: relationships, the list of worksheets, the formats."""
MAX_RATIO = 500
"""Unpacked bytes of a part for each packed one."""
FREE_BYTES = 64 * 2**20
"""So much may come out of a part whatever its ratio."""
MAX_READ_BYTES = 4 * 2**20
"""The archive's directory is read at once: this is room for 40,000 parts."""

_PIECE_BYTES = 2**18
_RELATIONSHIP = frozenset(
    f"{space}{SEPARATOR}Relationship"
    for space in (
        "http://schemas.openxmlformats.org/package/2006/relationships",
        "http://purl.oclc.org/ooxml/package/relationships",
    )
)
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    struct.error,
    ValueError,
    OSError,
)
"""What reading a broken archive raises."""
_CONTENT_TYPES = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Relationship:
    """Where a part names another one."""

    kind: str
    """The last part of the type's address, such as ``worksheet``."""
    target: str
    """The other part's name, from the root."""


@contextmanager
def spooled(chunks: Iterable[bytes]) -> Iterator[BinaryIO]:
    """Provide chunks as a file that can be read in any order.

    Raises:
        InvalidFileError: there are more bytes than a workbook may have.
    """
    with tempfile.TemporaryFile(prefix="sluice-workbook-") as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_WORKBOOK_BYTES:
                raise InvalidFileError(
                    f"the workbook has more than {MAX_WORKBOOK_BYTES:,} bytes; export the "
                    "worksheet as CSV, and send that to a table of kind csv"
                )
            file.write(chunk)
        file.seek(0)
        yield cast(BinaryIO, file)


def is_workbook(file: BinaryIO) -> bool:
    """Say whether a zip archive is a document of Office or LibreOffice, and no packed file.

    Raises:
        InvalidFileError: the archive is damaged.
    """
    with _reading():
        names = zipfile.ZipFile(_bounded(file)).namelist()
        file.seek(0)
    return "mimetype" in names or _CONTENT_TYPES.casefold() in (n.casefold() for n in names)


class Package:
    """The parts of one workbook; names are compared without case.

    Raises:
        InvalidFileError: the archive is damaged, encrypted, or has a part twice.
    """

    def __init__(self, file: BinaryIO) -> None:
        with _reading():
            self._zip = zipfile.ZipFile(_bounded(file))
        infos = [info for info in self._zip.infolist() if not info.is_dir()]
        self._parts = {i.filename.replace("\\", "/").lstrip("/").casefold(): i for i in infos}
        if len(self._parts) < len(infos):
            raise damaged("a part occurs twice")

    def has(self, part: str) -> bool:
        """Say whether there is such a part."""
        return part.casefold() in self._parts

    def mimetype(self) -> str:
        """Return what an OpenDocument file says that it is; nothing: it is none."""
        if not self.has("mimetype"):
            return ""
        return b"".join(self.pieces("mimetype", most=_PIECE_BYTES)).decode(errors="replace")

    def pieces(self, part: str, *, most: int = MAX_PART_BYTES) -> Iterator[bytes]:
        """Yield a part's bytes, unpacked.

        Raises:
            InvalidFileError: there is no such part, or it unpacks to more than a part may have.
        """
        info = self._parts.get(part.casefold())
        if info is None:
            raise damaged(f"it has no part {part}")
        if info.flag_bits & 1 or info.compress_type not in _READABLE:
            raise damaged(f"{part} is encrypted, or packed by method {info.compress_type}")
        size = 0
        with _reading(), self._zip.open(info) as stream:
            while piece := stream.read(_PIECE_BYTES):
                size += len(piece)
                is_bomb = size > FREE_BYTES and size > MAX_RATIO * info.compress_size
                if size > most or is_bomb:
                    raise InvalidFileError(
                        f"{part} of the workbook unpacks to more than {size:,} bytes, which is "
                        f"over {MAX_RATIO} times as much as is packed, or over the {most:,} bytes "
                        "that are taken; export the worksheet as CSV, and send that to a table of "
                        "kind csv",
                        ratio=MAX_RATIO,
                    )
                yield piece

    def relationships(self, part: str = "") -> dict[str, Relationship]:
        """Return what a part names, by its own ids; without a part: what the package names."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self.has(listed):
            return {}
        target = _Relationships(folder)
        for _ in parsed(self.pieces(listed, most=MAX_SMALL_PART_BYTES), target, listed):
            pass
        return target.found


class _Relationships:
    """The elements of a part that lists relationships."""

    def __init__(self, folder: str) -> None:
        self.depth = 0
        self.found: dict[str, Relationship] = {}
        self._folder = folder

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of a relationship."""
        self.depth += 1
        if name not in _RELATIONSHIP or attributes.get("TargetMode") == "External":
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        stated = unquote(attributes.get("Target", "")).replace("\\", "/")
        target = posixpath.normpath(posixpath.join("/", self._folder, stated)).lstrip("/")
        self.found[attributes.get("Id", "")] = Relationship(kind, target)

    def end(self, _: str) -> None:
        """Take note of an element's end."""
        self.depth -= 1

    def data(self, text: str) -> None:
        """Leave out text: there is none that means anything."""


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except _DAMAGES as exc:
        raise damaged(str(exc) or type(exc).__name__) from exc


class _BoundedReads:
    """A file none of whose reads takes much memory, whatever an archive says of its directory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes.

        Raises:
            BadZipFile: they are too many.
        """
        if size > MAX_READ_BYTES:
            raise zipfile.BadZipFile(f"its directory has more than {MAX_READ_BYTES:,} bytes")
        return self._file.read(size)


def _bounded(file: BinaryIO) -> IO[bytes]:
    return cast(IO[bytes], _BoundedReads(file))
