"""The contract of a drop path: how its files are written, frozen by the first that was taken.

A later file is read by the contract, not by what it looks like itself: a file of two rows looks
like many things. It is refused if the contract cannot be right for it, with the differences.
"""

import codecs
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.csv.detection import Detected
from shared.csv.detection.names import are_usual_names
from shared.csv.dialect import Dialect
from shared.csv.encodings import marked_encoding
from shared.csv.files import CsvFile
from shared.csv.header import other_delimiter
from shared.csv.opening import opened
from shared.csv.ranged import RangedFile
from shared.errors import InvalidFileError

_COMPARED = ("encoding", "delimiter", "skip_lines", "header_rows")
"""Points of a dialect that explain why a header is not found where it should be."""

Head = bytes | RangedFile
"""What says which columns a file has: the first bytes of a text, or any of a Parquet file."""

_SAMPLE_BYTES = 2**16
_FOREIGN = re.compile(rb"[\x80-\xff]")
_LETTER = "あ".encode()
"""Three letters where each byte is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What every file of a drop path has in common.

    ``columns`` are the names in the header, in order; ``column_1`` and so on without a header.
    """

    dialect: Dialect
    columns: tuple[str, ...]

    @classmethod
    def of(cls, head: Head, dialect: Dialect) -> "Contract":
        """Return the contract that a file would freeze.

        Args:
            head: the first bytes of the file, unpacked; of Parquet the file.
            dialect: how it is written.

        Raises:
            InvalidFileError: there is no header where the dialect says.
        """
        return cls(dialect=dialect, columns=tuple(_columns(head, dialect)))

    def agrees_with(self, other: "Contract") -> bool:
        """Say whether both read a file alike; columns may stand in another order."""
        is_same = _folded(self.columns) == _folded(other.columns)
        return is_same and self.dialect == other.dialect


def differences(
    contract: Contract, head: Head, found: Detected, *, is_quoting: bool = True
) -> list[str]:
    """Return why a file cannot be read by a contract, one reason each; nothing: it can.

    Args:
        contract: of the drop path.
        head: the first bytes of the file, unpacked; of Parquet the file.
        found: how the file looks by itself.
        is_quoting: name the columns that are new, which may be values where a header is missing.

    Raises:
        InvalidFileError: it is no Parquet file, where it should be one.
    """
    if contract.dialect.kind == "ndjson":
        return []  # its lines name their columns one by one, and are judged so
    if isinstance(head, bytes):
        encoding = list(_other_encoding(contract.dialect, head, found.dialect))
        if encoding:
            return encoding
    try:
        columns = _columns(head, contract.dialect)
    except InvalidFileError:
        if not isinstance(head, bytes):
            raise  # it is no file of the kind at all
        return list(_other_dialect(contract.dialect, found.dialect)) or ["there is no header"]
    if _folded(columns) == _folded(contract.columns):
        return list(_other_rows(contract.dialect, head, found.dialect, len(columns)))
    delimiter = contract.dialect.delimiter if contract.dialect.kind == "csv" else ""
    if delimiter and (other := other_delimiter(columns, contract.columns, delimiter)):
        return [f"delimiter {other!r} instead of {delimiter!r}"]
    return [
        *_other_dialect(contract.dialect, found.dialect),
        *_other_columns(
            contract, _found_columns(head, found.dialect) or columns, is_quoting=is_quoting
        ),
    ]


def _columns(head: Head, dialect: Dialect) -> list[str]:
    if not isinstance(head, bytes):
        return opened(head, dialect).names
    if dialect.kind == "ndjson":
        whole = head[: head.rfind(b"\n") + 1] or head
        lines = opened([whole], dialect)
        deque(lines.blocks(), maxlen=0)
        return lines.names
    return opened([head], dialect).names


def _found_columns(head: Head, dialect: Dialect) -> list[str]:
    try:
        return _columns(head, dialect)
    except InvalidFileError:
        return []


def _other_encoding(contract: Dialect, head: bytes, found: Dialect) -> Iterator[str]:
    if found.encoding == contract.encoding:
        return
    if _is_foreign(head, contract.encoding) or _is_utf8_instead(head, contract.encoding):
        yield f"encoding {found.encoding} instead of {contract.encoding}"


def _is_foreign(head: bytes, encoding: str) -> bool:
    """Say whether most lines with more than ASCII are no text in an encoding."""
    if encoding.startswith(("utf-16", "utf-32")):
        return b"\0" not in head
    lines = head.split(b"\n")[:-1] or [head]
    telling = [line for line in lines if _FOREIGN.search(line) or b"\0" in line]
    bad = sum(not _decodes(line, encoding) for line in telling)
    return bad * 2 > len(telling)


def _is_utf8_instead(head: bytes, encoding: str) -> bool:
    """Say whether there are letters in UTF-8 where each byte should be one.

    Any bytes are text in such an encoding, but text in it that is UTF-8 as well hardly occurs.
    """
    if head.isascii() or marked_encoding(head) or encoding.startswith("utf-"):
        return False
    if len(_LETTER.decode(encoding, "replace")) < len(_LETTER):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        return "\0" not in line.decode(encoding)
    except UnicodeDecodeError:
        return False


def _other_dialect(contract: Dialect, found: Dialect) -> Iterator[str]:
    for point in _COMPARED:
        if getattr(contract, point) != getattr(found, point):
            yield f"{point} {_shown(getattr(found, point))} instead of " + _shown(
                getattr(contract, point)
            )


def _other_rows(contract: Dialect, head: Head, found: Dialect, width: int) -> Iterator[str]:
    """Yield what makes rows of other lines, or other values of cells, though columns agree."""
    if not isinstance(head, bytes) or contract.kind not in ("csv", "excel"):
        return
    sample = head[: head.rfind(b"\n", 0, _SAMPLE_BYTES) + 1] or head
    if not contract.header_rows:
        if found.header_rows and _has_names(sample, contract):
            yield f"header_rows {found.header_rows} instead of 0"
        elif found.skip_lines != contract.skip_lines and _leaves_out_a_row(sample, contract, width):
            yield f"skip_lines {found.skip_lines} instead of {contract.skip_lines}"
    if found.null_markers != contract.null_markers == ("",):
        yield f"null_markers {found.null_markers} instead of {contract.null_markers}"


def _has_names(sample: bytes, contract: Dialect) -> bool:
    """Whether the first row is a header by its words alone: a word or two may be values."""
    first, rows = _first_rows(sample, replace(contract, header_rows=1))
    return are_usual_names(first, rows)


def _leaves_out_a_row(sample: bytes, contract: Dialect, width: int) -> bool:
    """Whether the first line that is left out is as wide as a row, and full."""
    first, _ = _first_rows(sample, replace(contract, header_rows=1, skip_lines=0))
    return len(first) == width > 1 and all(map(str.strip, first))


def _first_rows(sample: bytes, dialect: Dialect) -> tuple[list[str], list[list[str]]]:
    """Return the first record of a text, and others below it."""
    try:
        file = CsvFile([sample], dialect)
        columns = [column.to_pylist() for column in next(file.blocks()).cells.columns]
    except InvalidFileError:
        return [], []
    return file.header[0], [[cell or "" for cell in row] for row in zip(*columns, strict=True)]


def _other_columns(contract: Contract, columns: list[str], *, is_quoting: bool) -> Iterator[str]:
    here, there = _folded(columns), _folded(contract.columns)
    missing = [name for name in contract.columns if name.casefold() not in here]
    extra = [name for name in columns if name.casefold() not in there]
    if missing:
        yield f"missing columns {', '.join(missing)}"
    if extra:
        yield f"new columns {', '.join(extra)}" if is_quoting else f"{len(extra)} new columns"


def _folded(names: Iterable[str]) -> list[str]:
    return sorted(name.casefold() for name in names)


def _shown(value: object) -> str:
    return "none" if value is None else repr(value) if isinstance(value, str) else str(value)
