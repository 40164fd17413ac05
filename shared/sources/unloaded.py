"""Files that a source's own engine wrote, brought to the columns of the source.

Engines disagree on what Parquet makes of dates with times, of binary values and of numbers. So the
statement that writes the files turns what is in doubt into what is not, and this turns it back:
a time or timestamp is its whole number of microseconds (since midnight, since 1970 in UTC), a
binary value is hexadecimal digits, a JSON value is its text. Numbers may have any width and
precision that holds the values of the file.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shared.core.schemas import TableSchema
from shared.errors import IntegrityError, ValueNotRepresentableError
from shared.stage.arrow import arrow_schema
from shared.stage.reader import BATCH_ROWS


def read_unloaded(
    data: bytes, schema: TableSchema, *, rows: int, place: str
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows in the columns of ``schema``, which match by position.

    Args:
        data: the file.
        schema: the columns of the source.
        rows: how many the engine said it wrote.
        place: the file's address, for messages.

    Raises:
        IntegrityError: it is no Parquet file, or has other rows or columns than it should.
        ValueNotRepresentableError: a value does not fit its column's type.
    """
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
    except pa.ArrowInvalid as exc:
        raise IntegrityError(f"{place} is no Parquet file: {exc}", object=place) from exc
    found, columns = parquet.metadata.num_rows, parquet.metadata.num_columns
    if (found, columns) != (rows, len(schema.columns)):
        raise IntegrityError(
            f"{place} has {found} rows of {columns} columns; the source said that it wrote {rows} "
            f"of {len(schema.columns)}",
            object=place,
        )
    wanted = arrow_schema(schema)
    for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
        arrays = [_restored(a, f) for a, f in zip(batch.columns, wanted, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _restored(values: pa.Array, field: pa.Field) -> pa.Array:
    if values.type.equals(field.type):
        return values
    try:
        return _cast(values, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as exc:
        raise ValueNotRepresentableError(
            f"column {field.name} has values of {values.type} that {field.type} would alter",
            column=field.name,
        ) from exc


def _cast(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_binary(wanted):
        digits = values.cast(pa.string()).to_pylist()
        return pa.array([None if d is None else bytes.fromhex(d) for d in digits], wanted)
    if pa.types.is_temporal(wanted) and not pa.types.is_temporal(values.type):
        return values.cast(pa.int64()).cast(wanted)
    if pa.types.is_decimal(wanted) and pa.types.is_integer(values.type):
        # Arrow asks for the digits that the integer's type could have, not those that it has.
        values = values.cast(pa.decimal128(38, 0))
    return pc.cast(values, wanted, safe=True)
