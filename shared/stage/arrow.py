"""The one map between Sluice's column types and Arrow's."""

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
