"""What must hold for any bytes whatever: read and accounted for, or refused on purpose."""

from random import Random
from typing import Any

from shared import csv
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv.encodings import Transcoder
from shared.csv.files import CsvFile
from shared.errors import UNSAID, IntegrityError, SluiceError

_GIVEN: dict[str, tuple[Any, ...]] = {
    "delimiter": (",", ";", "\t", "|", "", "~|~", "::", "þ"),
    "quote": ('"', "'", None, "þ"),
    "escape": (None, "\\", "^"),
    "header_rows": (0, 1, 2),
    "skip_lines": (0, 1, 3),
    "comment": (None, "#", "//"),
    "header_prefix": (None, "#", "#Fields:"),
    "has_trailing_delimiter": (False, True),
    "has_row_names": (False, True),
    "has_escape_codes": (False, True),
    "encoding": ("utf-8", "cp1252", "utf-16-le", "cp932"),
    "null_markers": (("",), ("", "NULL"), ("\\N",)),
}


def check(content: bytes, random: Random) -> str:
    """Read a file in every way, and compare; return what became of it.

    Raises:
        AssertionError: two ways disagree, or the counts do not add up.
    """
    given = {}
    if random.random() < 0.3:
        names = random.sample(sorted(_GIVEN), random.randint(1, 3))
        given = {name: random.choice(_GIVEN[name]) for name in names}
    try:
        return _check(content, given, random)
    except IntegrityError:
        raise
    except SluiceError as exc:
        return "refused" if exc.message != UNSAID else "refused without a reason"


def _check(content: bytes, given: dict[str, Any], random: Random) -> str:
    unpacked = b"".join(csv.unpacked([content]))
    dialect = csv.detect(unpacked[: 2**20], is_whole=True, given=given).dialect
    inferred = csv.infer([content], dialect)
    names = csv.Contract.of(unpacked, dialect).columns
    text = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))

    whole = _read(content, dialect, text)
    # A block of a few bytes in a large file takes time for nothing.
    block_bytes = max(random.choice((7, 16, 500)), len(unpacked) // 50)
    pieces = _read(content, dialect, text, random.choice((1, 7, 61)), block_bytes)
    typed = _read(content, inferred.dialect, inferred.schema)

    assert whole == pieces, "the way a file is cut changes what is read"
    assert whole["count"] == len(whole["rows"]) + len(whole["rejects"])
    assert inferred.rows == whole["count"] == typed["count"]
    assert len(typed["rejects"]) == len(whole["rejects"]), "a type rejects what it was found from"
    _check_places(unpacked, dialect, whole["rejects"])
    _check_cells(content, dialect)
    return "rejects" if whole["rejects"] else "rows"


def _read(
    content: bytes,
    dialect: csv.Dialect,
    schema: TableSchema,
    piece_bytes: int = 2**20,
    block_bytes: int = 2**20,
) -> dict[str, Any]:
    pieces = [content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes)]
    batches = list(csv.read(pieces, dialect, schema, block_bytes=block_bytes))
    return {
        "rows": [tuple(row.values()) for batch in batches for row in batch.data.to_pylist()],
        "rejects": [reject for batch in batches for reject in batch.rejects],
        "notes": [note for batch in batches for note in batch.notes],
        "count": sum(batch.rows for batch in batches),
    }


def _check_places(content: bytes, dialect: csv.Dialect, rejects: list[csv.Reject]) -> None:
    """Make sure that a reject's text stands where it says, and that none overlap."""
    behind = 0
    for reject in rejects:
        assert reject.byte_offset >= behind, "rejects overlap"
        behind = reject.byte_offset + reject.byte_count
        assert behind <= len(content), "a reject ends behind its file"
        transcoder = Transcoder(dialect.encoding, content[:4])
        part = content[reject.byte_offset : behind]
        is_clean = not reject.is_truncated and "\\x" not in reject.raw
        if is_clean and transcoder.encoding in ("utf-8", "utf-16-le", "utf-16-be", "cp1252"):
            shown = part.decode(transcoder.encoding, errors="replace")
            assert shown == reject.raw, "a reject's text is not what stands in its place"


def _check_cells(content: bytes, dialect: csv.Dialect) -> None:
    """Make sure that cells are the text of their record, in order, but for its marks."""
    if dialect.escape or dialect.null_markers != ("",):
        return
    file = CsvFile([content], dialect)
    dropped = {*dialect.delimiter, dialect.quote or "", *" \r\n\ufeff"}
    table = {ord(char): None for char in dropped if char}
    for block in file.blocks():
        starts, ends = block.bounds
        assert len(starts) == block.cells.rows, "rows and their places differ in number"
        rows = zip(*(column.to_pylist() for column in block.cells.columns), strict=True)
        source, marks = block.cut.source, block.marks
        for start, end, row in zip(starts, ends, rows, strict=True):
            record = marks.decode(source[start:end]).decode()
            cells = "".join(cell or "" for cell in row)
            assert record.translate(table) == cells.translate(table), "cells are another text"
