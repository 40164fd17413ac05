"""Is the target the source? Every row and column of both, read past the product, compared.

The source is read with Snowflake's connector, the target as ``targets`` says: the staged files play
no part.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from local.demo.dataset import DemoTable
from local.demo.targets import DemoTarget


def same_rows(snowflake: Any, at: DemoTarget, table: DemoTable) -> tuple[int, int, bool]:
    """Return the rows at the source, the rows at the target, and whether they are the same."""
    source = _source(snowflake, table)
    target = _sorted(at.rows(table, source.schema), table)
    same = source.num_rows == target.num_rows and source.equals(target)
    return source.num_rows, target.num_rows, same


def _source(snowflake: Any, table: DemoTable) -> pa.Table:
    cursor = snowflake.cursor()
    cursor.execute(f"SELECT * FROM NYC.PUBLIC.{table.name.upper()}")  # noqa: S608 - our own names
    found: pa.Table = cursor.fetch_arrow_all(force_return_table=True)
    found = found.rename_columns([n.lower() for n in found.column_names])
    columns = [_plain(column) for column in found.columns]
    return _sorted(pa.table(columns, names=found.column_names), table)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bring a column to one type that both ways of reading can have."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return pc.cast(column, pa.timestamp("us", tz="UTC" if kind.tz else None))
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return pc.cast(column, pa.int64())
    if pa.types.is_decimal(kind):
        return pc.cast(column, pa.decimal128(38, kind.scale))
    return column


def _sorted(data: pa.Table, table: DemoTable) -> pa.Table:
    order = [(name, "ascending") for name in table.key]
    return data.sort_by(order).combine_chunks()
