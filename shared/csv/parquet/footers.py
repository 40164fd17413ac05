"""A Parquet file opened: its footer read, measured, and believed only within bounds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.csv.detection.disguises import format_name
from shared.csv.parquet.pages import ChunkFacts, WatchedFile
from shared.csv.parquet.thrift import MalformedError, Structure, TruncatedError
from shared.csv.ranged import RangedFile
from shared.errors import InvalidFileError

MAX_COLUMNS = 1_600
"""Source: PostgreSQL 18, the most columns of a table."""

MAX_LEAVES = 10_000
"""Columns of values, those within structures and lists included."""

MAX_FOOTER_BYTES = 32 * 2**20
MAX_FOOTER_VALUES = 10**6
"""Structures and elements of lists in a footer: some forty for each column of each row group, and
each may become an object of a kilobyte."""

MAX_DEPTH = 32
"""Of columns within columns."""

MAX_NESTED_VALUES = 2**26
"""Values within lists in one row group: a single row may have all of them."""

_BUFFERS_BYTES = 64 * 2**20
_MIN_BUFFER_BYTES, _MAX_BUFFER_BYTES = 2**16, 8 * 2**20
"""What is asked for at once, for each column; all columns together have ``_BUFFERS_BYTES``."""

BATCH_BYTES = 16 * 2**20
_MOST_ROWS = 2**14
_DELTA_ROWS = 128
"""Times ``MAX_DELTA_PAGE_BYTES`` is what they may take in memory."""
_LEAST_CELL_BYTES = 16

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
"""Source: parquet-format, "File format" and "Parquet Modular Encryption"."""

_GROUPS, _ALGORITHM = 4, 8
_GROUP_COLUMNS, _GROUP_ROWS = 1, 3
_DETAILS, _CRYPTO = 3, 8
_DICTIONARIES, _DELTA_BYTE_ARRAY = {2, 8}, 7
"""Fields of FileMetaData, RowGroup and ColumnChunk, and numbers of encodings.

Source: parquet-format, ``parquet.thrift``; so are the numbers in ``_chunk``, of ColumnMetaData.
"""

_TAIL_BYTES = 2**16
_END_BYTES = 8
"""The length of the footer, and the magic bytes."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """What a footer says of a row group."""

    rows: int
    chunks: tuple[ChunkFacts, ...]
    """Of the columns of values, in their order."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Arrow's reader of a file, and what its footer says in other words."""

    source: WatchedFile
    reader: pq.ParquetFile
    fields: tuple[pa.Field, ...]
    """The columns as the file says, JSON and UUID included."""
    int96: tuple[str, ...]
    """Columns of the old kind of timestamps."""
    groups: tuple[RowGroup, ...]
    rows: int
    """As the footer says."""


def open_file(file: RangedFile, *, int96_unit: str = "us") -> OpenedFile:
    """Read the footer of a file, and make Arrow's reader of it.

    Args:
        file: the file.
        int96_unit: what the old kind of timestamps is read in, cut off or beyond its range.

    Raises:
        InvalidFileError: it is no Parquet file, damaged, encrypted, or beyond a bound.
    """
    tail, footer = _end(file)
    source = WatchedFile(file, tail)
    try:
        plain = _reader(source, coerce_int96_timestamp_unit=int96_unit)
        leaves = [plain.schema.column(place) for place in range(len(plain.schema))]
        groups = _groups(footer, leaves)
        _require_columns(plain.schema_arrow.names, leaves, groups)
        size = min(_BUFFERS_BYTES // len(leaves), _MAX_BUFFER_BYTES)
        reader = _reader(
            source,
            metadata=plain.metadata,
            coerce_int96_timestamp_unit=int96_unit,
            read_dictionary=_dictionary_texts(leaves, groups),
            arrow_extensions_enabled=False,  # JSON in dictionaries would be unfolded
            buffer_size=max(size, _MIN_BUFFER_BYTES),
        )
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise source.error or damaged(exc) from exc
    enums = {leaf.path for leaf in leaves if leaf.logical_type.type == "ENUM"}
    fields = (f.with_type(pa.string()) if f.name in enums else f for f in plain.schema_arrow)
    rows = plain.metadata.num_rows
    return OpenedFile(source, reader, tuple(fields), _int96(leaves), groups, rows)


def _groups(footer: dict[int, Any], leaves: Sequence[pq.ColumnSchema]) -> tuple[RowGroup, ...]:
    """Return the row groups of a footer.

    Arrow's own objects are not asked: where a footer contradicts itself, or a column is encrypted,
    they end the process. Source: pyarrow 26.0, ``RowGroupMetaData.column``.
    """
    groups = []
    try:
        for group in footer.get(_GROUPS, []):
            pairs = zip(leaves, group[_GROUP_COLUMNS], strict=True)
            chunks = tuple(_chunk(leaf.path, column) for leaf, column in pairs)
            groups.append(RowGroup(group[_GROUP_ROWS], chunks))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise damaged(exc) from exc
    return tuple(groups)


def _chunk(name: str, column: dict[int, Any]) -> ChunkFacts:
    if _CRYPTO in column:
        raise _encrypted()
    said = column[_DETAILS]
    values, unpacked, packed, data = (int(said[place]) for place in (5, 6, 7, 9))
    dictionary, encodings = int(said.get(11, 0)), set(said[2])
    start = dictionary if 0 < dictionary < data else data
    return ChunkFacts(
        name=name,
        start=start,
        end=start + packed,
        unpacked_bytes=unpacked,
        values=values,
        has_dictionary=bool(dictionary or encodings & _DICTIONARIES),
        has_deltas=_DELTA_BYTE_ARRAY in encodings,
    )


def _int96(leaves: Iterable[pq.ColumnSchema]) -> tuple[str, ...]:
    found = [leaf for leaf in leaves if leaf.physical_type == "INT96"]
    if nested := [leaf.path for leaf in found if leaf.path != leaf.name]:
        raise InvalidFileError(
            f"{', '.join(nested)}: timestamps as INT96 within other columns are not taken; write "
            "them as INT64"
        )
    return tuple(leaf.name for leaf in found)


def damaged(exc: Exception) -> InvalidFileError:
    """Return what to say of a file that Arrow's reader cannot read."""
    text = str(exc).strip().rstrip(".")
    if "crypt" in text.lower():
        return _encrypted()
    return InvalidFileError(
        f"the Parquet file is damaged or incomplete: {text[:300]}. Write it anew and send it again"
    )


def _reader(source: WatchedFile, **options: object) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.PythonFile(source, "r"),
        pre_buffer=False,
        page_checksum_verification=True,
        schema_depth_limit=MAX_DEPTH,
        **options,
    )


def _end(file: RangedFile) -> tuple[bytes, dict[int, Any]]:
    """Return the end of a file, all of its footer included, and what that says."""
    size = file.size_bytes
    start = file.range(0, len(_MAGIC))
    if start == _ENCRYPTED:
        raise _encrypted()
    if start != _MAGIC:
        head = file.range(0, 2**16)
        name = format_name(head) or f"a file that starts with {head[:16]!r}"
        raise InvalidFileError(
            f"this is {name}, not a Parquet file, which the table takes; nothing is unpacked, for "
            "Parquet is compressed itself. Send the Parquet file as it is"
        )
    tail = file.range(max(size - _TAIL_BYTES, 0), _TAIL_BYTES)
    if tail[-4:] == _ENCRYPTED:
        raise _encrypted()
    if size < len(_MAGIC) + _END_BYTES or tail[-4:] != _MAGIC:
        raise InvalidFileError(
            "the Parquet file is cut off: its end, which says what is in it, is not there. Send it "
            "again when it is complete"
        )
    length = int.from_bytes(tail[-_END_BYTES:-4], "little")
    if length > min(size - len(_MAGIC) - _END_BYTES, MAX_FOOTER_BYTES):
        raise InvalidFileError(
            f"the Parquet file is damaged: its footer is said to have {length:,} bytes, of "
            f"{size:,}; at most {MAX_FOOTER_BYTES:,} are taken. Write fewer row groups or columns"
        )
    if length + _END_BYTES > len(tail):
        tail = file.range(size - length - _END_BYTES, length + _END_BYTES)
    return tail, _measured(tail[-length - _END_BYTES : -_END_BYTES])


def _measured(footer: bytes) -> dict[int, Any]:
    try:
        found = Structure(footer, max_values=MAX_FOOTER_VALUES).fields()
    except (TruncatedError, MalformedError) as exc:
        why = str(exc) or "it ends too early"
        raise InvalidFileError(
            f"the Parquet file is damaged, or its footer of {len(footer):,} bytes has more than "
            f"{MAX_FOOTER_VALUES:,} parts: {why}. Write fewer row groups or columns"
        ) from None
    if _ALGORITHM in found:
        raise _encrypted()
    return found


def _require_columns(
    names: Sequence[str], leaves: Sequence[pq.ColumnSchema], groups: Sequence[RowGroup]
) -> None:
    if not 1 <= len(names) <= MAX_COLUMNS or len(leaves) > MAX_LEAVES:
        raise InvalidFileError(
            f"the file has {len(names):,} columns, {len(leaves):,} with those within; taken are 1 "
            f"to {MAX_COLUMNS:,}, and {MAX_LEAVES:,}"
        )
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    nameless = [repr(name) for name in names if not name.strip() or "\0" in name]
    if repeated or nameless:
        raise InvalidFileError(
            f"columns need names, each its own: {', '.join(repeated + nameless)}; rename them"
        )
    nested = [place for place, leaf in enumerate(leaves) if leaf.max_repetition_level]
    for number, group in enumerate(groups):
        values = sum(group.chunks[place].values for place in nested)
        if values > MAX_NESTED_VALUES:
            raise InvalidFileError(
                f"row group {number} has {values:,} values in lists; at most "
                f"{MAX_NESTED_VALUES:,} are taken. Write smaller row groups"
            )


def _dictionary_texts(leaves: Sequence[pq.ColumnSchema], groups: Sequence[RowGroup]) -> list[str]:
    """Return the columns of texts, not within others, that have dictionaries.

    As dictionaries they stay as small as in the file: a long text there may be the value of
    millions of rows, and a few bytes say so.
    """
    return [
        leaf.path
        for place, leaf in enumerate(leaves)
        if leaf.physical_type == "BYTE_ARRAY"
        and leaf.path == leaf.name
        and any(group.chunks[place].has_dictionary for group in groups)
    ]


def batch_rows(opened: OpenedFile, group: RowGroup) -> int:
    """Return how many rows of a row group are read at a time, so that they stay small."""
    schema, width = opened.reader.schema, 0
    for place, chunk in enumerate(group.chunks):
        usual = chunk.unpacked_bytes // max(group.rows, 1)
        width += max(schema.column(place).length, usual, _LEAST_CELL_BYTES)
        if chunk.has_deltas:
            width = max(width, BATCH_BYTES // _DELTA_ROWS)
    return max(min(BATCH_BYTES // width, _MOST_ROWS), 1)


def _encrypted() -> InvalidFileError:
    return InvalidFileError(
        "the Parquet file is encrypted, and nobody here has its keys; send it without encryption"
    )
