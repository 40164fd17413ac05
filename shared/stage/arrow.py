"""The one map between Sluice's column types and Arrow's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from shared.core.schemas import Column, DataType, Kind, TableSchema

_FIXED: dict[Kind, pa.DataType] = {
    Kind.BOOL: pa.bool_(),
    Kind.INT64: pa.int64(),
    Kind.FLOAT64: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.BINARY: pa.binary(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    Kind.JSON: pa.string(),
}


pa.set_memory_pool(pa.system_memory_pool())
"""It gives memory back: mimalloc, Arrow's own choice, keeps what other threads have freed."""


def arrow_type(data_type: DataType) -> pa.DataType:
    """Return the Arrow type that carries a column type through Parquet."""
    if data_type.kind is Kind.DECIMAL:
        return pa.decimal128(data_type.precision, data_type.scale)
    return _FIXED[data_type.kind]


def arrow_field(column: Column) -> pa.Field:
    """Return one Arrow field."""
    return pa.field(column.name, arrow_type(column.type), nullable=column.is_nullable)


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Return the Arrow schema of a run: the same for each of its batches."""
    return pa.schema([arrow_field(c) for c in schema])


def from_rows(schema: TableSchema, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Return rows of Python values, as a database's driver gives them, as a batch of a schema.

    A moment may be a text with its offset.
    """
    fields = arrow_schema(schema)
    columns = zip(*rows, strict=True)
    arrays = [_array(values, field.type) for values, field in zip(columns, fields, strict=True)]
    nullable = pa.schema([field.with_nullable(nullable=True) for field in fields])
    return pa.RecordBatch.from_arrays(arrays, schema=nullable)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind) and any(isinstance(value, str) for value in values):
        values = [value and _moment(value) for value in values]
    return pa.array(values, kind)


def _moment(text: str) -> datetime:
    # Seven digits of a second, then the offset behind a space.
    clock, _, offset = text.rpartition(" ")
    return datetime.fromisoformat(f"{clock[:26]}{offset}")
