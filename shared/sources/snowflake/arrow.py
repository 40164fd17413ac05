"""Snowflake's Arrow batches brought to the one schema of the run, or refused.

The connector picks the type of a column by the values of each batch (a NUMBER is int8 here and
decimal there), so every batch is cast. Casts are safe: one that would alter a value fails.
"""

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors import ValueNotRepresentableError


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the schema's names and types; columns match by position.

    Raises:
        ValueNotRepresentableError: a value does not fit its column's type.
    """
    columns = [_cast(column, field) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type.equals(field.type):
        return column
    try:
        return pc.cast(column, field.type, safe=True)
    except pa.ArrowInvalid as exc:
        raise ValueNotRepresentableError(
            f"column {field.name} has values of {column.type} that {field.type} would alter",
            column=field.name,
        ) from exc
