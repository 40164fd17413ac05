"""Read a file into typed batches and rejects: the way that every dropped file takes.

One pass, flat memory: a block of text is cut, read into columns of text, converted column by
column, and its bad rows are taken out, each with line, byte and reason. The next block is cut in a
thread of its own meanwhile.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import TableSchema
from shared.csv.blocks import Fault
from shared.csv.casts import Converted, Converter
from shared.csv.cells import BadCellError, CellRule
from shared.csv.dialect import MARKED_KINDS, Dialect
from shared.csv.files import BLOCK_BYTES
from shared.csv.opening import FileBlock, opened
from shared.csv.patterns import pattern
from shared.csv.rejects import Note, Reject
from shared.errors import IntegrityError
from shared.stage.arrow import arrow_schema


class _Failure(NamedTuple):
    """What makes a record no row: one of its cells, or all of it."""

    column: str | None
    rule: str
    reason: str


class LateFault(NamedTuple):
    """A row of a batch that is not to be loaded after all, or that is only asked for its place."""

    row: int
    column: str | None = None
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive records of a file: those that are rows, and those that are not."""

    data: pa.RecordBatch
    """Rows in the order of the file, exactly of ``arrow_schema(schema)``."""
    rejects: tuple[Reject, ...]
    rows: int
    """Records in this part of the file: ``data.num_rows + len(rejects)``."""
    notes: tuple[Note, ...] = ()
    describe: Callable[[Iterable[LateFault]], tuple[Reject, ...]] = lambda _: ()
    """Returns rows of ``data`` as rejects, each with its place in the file, in their order."""


def read(
    chunks: Iterable[bytes],
    dialect: Dialect,
    schema: TableSchema,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Batch]:
    """Yield a file's rows as a table's types, and a reject for each record that is no row.

    The header's names are matched to the table's columns, exactly or else without case, in any
    order; without a header columns are matched by position. A reject names the first bad cell.

    Raises:
        InvalidFileError: the file as a whole cannot be the table's: empty, other columns, not
            decodable, a trailer that does not agree.
        IntegrityError: rows and rejects do not add up to the records of the file.
    """
    file = opened(chunks, dialect, schema=schema, block_bytes=block_bytes)
    converters = [Converter(rule) for rule in column_rules(dialect, schema)]
    places = file.places(schema)
    with file.blocks_ahead() as blocks:
        for block in blocks:
            batch = _batch(block, schema, converters, places)
            if batch.rows or batch.notes:
                yield batch


def place_of_row(
    chunks: Iterable[bytes],
    dialect: Dialect,
    schema: TableSchema,
    row: int,
    *,
    left_out: Collection[int] = (),
) -> tuple[int, int] | None:
    """Return the line and the byte at which a row of a file starts; None when it has fewer rows.

    Args:
        chunks: the file's bytes.
        dialect: how it is written.
        schema: the table's columns.
        row: counted from 0; a reject is no row.
        left_out: bytes at which records start that ``read`` yields, but that do not count.
    """
    for batch in read(chunks, dialect, schema):
        if not left_out and row >= batch.data.num_rows:
            row -= batch.data.num_rows
            continue
        every = batch.describe(LateFault(r) for r in range(batch.data.num_rows))
        counted = [r for r in every if r.byte_offset not in left_out]
        if row < len(counted):
            return counted[row].line, counted[row].byte_offset
        row -= len(counted)
    return None


def column_rules(dialect: Dialect, schema: TableSchema) -> list[CellRule]:
    """Return what the cells of each column must be."""
    return [
        CellRule(
            type=column.type,
            is_nullable=column.is_nullable,
            null_markers=frozenset(dialect.null_markers),
            decimal_mark=dialect.decimal_mark,
            thousands_mark=dialect.thousands_mark,
            pattern=pattern(text) if (text := dialect.format_of(column.name)) else None,
            zone=ZoneInfo(dialect.time_zone) if dialect.time_zone else None,
            takes_marks=dialect.kind in MARKED_KINDS,
        )
        for column in schema
    ]


def _batch(
    block: FileBlock, schema: TableSchema, converters: Sequence[Converter], places: Sequence[int]
) -> Batch:
    failures: dict[int, list[_Failure]] = {}
    arrays = []
    for name, converter, place in zip(schema.names, converters, places, strict=True):
        converted = converter.convert(block.cells.columns[place])
        arrays.append(converted.values)
        for row, bad in _failed(converted, converter.rule).items():
            failures.setdefault(row, []).append(_Failure(name, bad.rule, bad.reason))
    for row in _overhanging(block):
        reason = "there is a value behind the delimiter that ends each record"
        failures.setdefault(row, []).append(_Failure(None, "wrong_width", reason))
    data = pa.RecordBatch.from_arrays(arrays, names=schema.names)
    if failures:
        data = data.filter(_all_but(failures, block.cells.rows))
    data = data.cast(arrow_schema(schema))
    rejects = block.described([*block.faults, *_early_faults(block, failures)])
    rows = block.cells.rows + len(block.faults)
    if data.num_rows + len(rejects) != rows:
        raise IntegrityError(
            f"from line {block.place.line} on, {rows} records became {data.num_rows} rows and "
            f"{len(rejects)} rejects; nothing was loaded. Please report this file",
            line=block.place.line,
        )

    def describe(faults: Iterable[LateFault]) -> tuple[Reject, ...]:
        return block.described(_late_faults(block, failures, faults))

    return Batch(data, rejects, rows, block.notes(), describe)


def _late_faults(
    block: FileBlock, dropped: Mapping[int, object], faults: Iterable[LateFault]
) -> Iterator[Fault]:
    """Find rows of the batch among all rows of the block, in which those that failed are too."""
    starts, ends = block.bounds
    kept = [row for row in range(block.cells.rows) if row not in dropped]
    for fault in faults:
        row = kept[fault.row]
        yield Fault(starts[row], ends[row], fault.column, fault.rule, fault.reason)


def _failed(converted: Converted, rule: CellRule) -> dict[int, BadCellError]:
    values, failures = converted.values, converted.failures
    if rule.is_nullable or values.null_count == len(failures):
        return failures
    empty = BadCellError("null_value", "is empty, but the column is NOT NULL")
    return dict.fromkeys(_indices(pc.is_null(values)), empty) | failures


def _overhanging(block: FileBlock) -> list[int]:
    if not block.has_trailing_delimiter:
        return []
    return _indices(pc.greater(pc.binary_length(block.cells.columns[-1]), 0))


def _early_faults(block: FileBlock, failures: Mapping[int, Sequence[_Failure]]) -> Iterator[Fault]:
    """Say of each row that failed what was first, and which other columns are bad."""
    if not failures:
        return
    starts, ends = block.bounds
    for row, failed in failures.items():
        first = failed[0]
        others = ", ".join(f.column for f in failed[1:] if f.column)
        reason = f"{first.column}: {first.reason}" if first.column else first.reason
        reason += f" (also bad: {others})" if others else ""
        yield Fault(starts[row], ends[row], first.column, first.rule, reason)


def _all_but(rows: Iterable[int], count: int) -> pa.Array:
    kept = bytearray(b"\x01") * count
    for row in rows:
        kept[row] = 0
    return pa.Array.from_buffers(pa.uint8(), count, [None, pa.py_buffer(kept)]).cast(pa.bool_())


def _indices(mask: pa.Array) -> list[int]:
    found: list[int] = pc.indices_nonzero(mask).to_pylist()
    return found
