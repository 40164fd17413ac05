"""XML of a workbook's parts, parsed as a stream and within bounds.

Expat tells of elements one by one, so a part of any size takes little memory. A document type is
refused, and with it every entity that could be declared: Office Open XML has none.
Source: ECMA-376-2, section 8.1.4.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol
from xml.parsers import expat

from shared.csv.excel.faults import damaged
from shared.errors import InvalidFileError

SEPARATOR = " "
"""Between an element's namespace and its name."""

PIECE_BYTES = 2**16
MAX_TOKEN_BYTES = 2**20
"""Of a tag or a comment, which the parser holds as a whole."""
MAX_DEPTH = 256
"""Of elements within elements; the parser remembers each that is open."""

_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
"""Source: ECMA-376-1, transitional and strict."""


class Target(Protocol):
    """What is told of a part's elements."""

    depth: int
    """Elements that are open."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of an element's begin."""

    def end(self, name: str) -> None:
        """Take note of an element's end."""

    def data(self, text: str) -> None:
        """Take note of text."""


def named(*names: str) -> Mapping[str, str]:
    """Return short names of elements by those that the parser tells, in either namespace."""
    return {f"{space}{SEPARATOR}{name}": name for space in _MAIN for name in names}


def parsed(pieces: Iterable[bytes], target: Target, part: str) -> Iterator[None]:
    """Tell a target of a part's elements; yield after each piece, so that results can be taken.

    Raises:
        InvalidFileError: it is no XML, has a document type, or outgrows the bounds.
    """
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = target.start
    parser.EndElementHandler = target.end
    parser.CharacterDataHandler = target.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0
    try:
        for piece in pieces:
            for at in range(0, len(piece), PIECE_BYTES):
                parser.Parse(piece[at : at + PIECE_BYTES], False)  # noqa: FBT003
                fed += len(piece[at : at + PIECE_BYTES])
                _require_bounds(target.depth, fed - parser.CurrentByteIndex, part)
                yield
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as exc:
        raise damaged(f"{part}, line {exc.lineno}: {expat.ErrorString(exc.code)}") from exc
    yield


def _require_bounds(depth: int, held_bytes: int, part: str) -> None:
    if depth > MAX_DEPTH or held_bytes > MAX_TOKEN_BYTES:
        raise damaged(
            f"{part} has elements more than {MAX_DEPTH} deep, or a tag of more than "
            f"{MAX_TOKEN_BYTES:,} bytes, which no workbook has"
        )


def _refuse_doctype(*_: object) -> None:
    raise InvalidFileError(
        "the workbook has a document type, which could declare entities and which Office Open XML "
        "does not allow; save it with a spreadsheet program and send that"
    )
