"""The rows of a Parquet file as Arrow has them, in batches of few rows and few bytes."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shared.csv.parquet.footers import BATCH_BYTES, OpenedFile, batch_rows, damaged, open_file
from shared.csv.ranged import RangedFile
from shared.errors import InvalidFileError

MAX_RATIO = 1_000
"""Bytes in memory for each byte of the file; more is no table but a few values without end."""

FREE_BYTES = 2**30
"""So much may come out of a file whatever its ratio."""


def batches(opened: OpenedFile, file: RangedFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows as they are, in batches that stay small.

    Args:
        opened: the file.
        file: its bytes, to read the old kind of timestamps once more.

    Raises:
        InvalidFileError: it is damaged, or unpacks to far more than a table does.
    """
    total = 0
    for batch in _as_stored(opened, file):
        total += sum(map(_bytes_of, batch.columns))
        if total > FREE_BYTES and total > MAX_RATIO * file.size_bytes:
            raise InvalidFileError(
                f"{file.size_bytes:,} bytes of Parquet unpack to more than {total:,}: over "
                f"{MAX_RATIO:,} times as much. If this is right, send the rows in several files"
            )
        yield batch


def _bytes_of(column: pa.Array) -> int:
    """Return what a column takes: of a dictionary, which batches share, no more than its rows."""
    size: int = column.nbytes
    if not types.is_dictionary(column.type):
        return size
    shared: int = column.dictionary.nbytes
    unfolded: int = pc.sum(_lengths(column)).as_py() or 0
    return size - shared + min(shared, unfolded)


def _lengths(column: pa.DictionaryArray) -> pa.Int64Array:
    """Return the bytes of each row's text, 0 for NULL."""
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return pc.fill_null(pc.take(lengths, column.indices), 0)


def _as_stored(opened: OpenedFile, file: RangedFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows, a row group at a time."""
    finer = open_file(file, int96_unit="ns") if opened.int96 else None
    for place, group in enumerate(opened.groups):
        if not group.rows:
            continue  # its columns need not be anywhere
        size = batch_rows(opened, group)
        coarse = _of_group(opened, place, size)
        if finer is None:
            for batch in coarse:
                yield from _pieces(batch)
            continue
        exact = _of_group(finer, place, size, columns=list(opened.int96))
        for batch in coarse:
            nanos = next(exact, None)
            if nanos is None or nanos.num_rows != batch.num_rows:
                raise damaged(ValueError(f"columns of row group {place} have different lengths"))
            yield from _pieces(_with_nanoseconds(batch, nanos))


def _of_group(
    opened: OpenedFile, group: int, size: int, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    try:
        opened.source.expect(opened.groups[group].chunks)
        for batch in opened.reader.iter_batches(
            batch_size=size, row_groups=[group], columns=columns, use_threads=False
        ):
            if batch.num_columns != len(columns or opened.fields):
                raise ValueError(f"row group {group} has {batch.num_columns} columns")
            yield batch
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise opened.source.error or damaged(exc) from exc


def _with_nanoseconds(batch: pa.RecordBatch, nanos: pa.RecordBatch) -> pa.RecordBatch:
    """Give timestamps back what was cut off of them, as text, where that is anything.

    A number of nanoseconds is off by a multiple of 2**64 beyond the years 1677 to 2262. So is its
    difference from the microseconds, which is less than 1,000, so that it is right in any case.
    """
    for name in nanos.schema.names:
        micros = batch.column(name)
        whole = pc.multiply(micros.cast(pa.int64()), 1_000)
        rest = pc.subtract(nanos.column(name).cast(pa.int64()), whole)
        if not pc.any(pc.not_equal(rest, 0)).as_py():
            continue
        digits = pc.utf8_lpad(rest.cast(pa.string()), 3, "0")
        text = pc.binary_join_element_wise(micros.cast(pa.string()), digits, "")
        batch = batch.set_column(batch.schema.get_field_index(name), name, text)
    return batch


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Part a batch whose dictionaries would unfold to far more than they are."""
    weights = pa.scalar(0, pa.int64())
    for column in batch.columns:
        if types.is_dictionary(column.type):
            weights = pc.add(weights, _lengths(column))
    if not isinstance(weights, pa.Array) or (pc.sum(weights).as_py() or 0) <= BATCH_BYTES:
        yield batch
        return
    start = total = 0
    for row, weight in enumerate(weights.to_pylist()):
        if total and total + weight > BATCH_BYTES:
            yield batch.slice(start, row - start)
            start, total = row, 0
        total += weight
    yield batch.slice(start)
