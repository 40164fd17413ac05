"""Is the target the source? Every row and column of both, read past the product, compared.

The source is read with Snowflake's connector, the target by a textual COPY: neither the staged
files nor the binary COPY that the product uses play a part.
"""

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from local.demo.dataset import DemoTable


def same_rows(snowflake: Any, postgres: Any, table: DemoTable) -> tuple[int, int, bool]:
    """Return the rows at the source, the rows at the target, and whether they are the same."""
    source = _source(snowflake, table)
    target = _target(postgres, table, source.schema)
    same = source.num_rows == target.num_rows and source.equals(target)
    return source.num_rows, target.num_rows, same


def _source(snowflake: Any, table: DemoTable) -> pa.Table:
    cursor = snowflake.cursor()
    cursor.execute(f"SELECT * FROM NYC.PUBLIC.{table.name.upper()}")  # noqa: S608 - our own names
    found: pa.Table = cursor.fetch_arrow_all(force_return_table=True)
    found = found.rename_columns([n.lower() for n in found.column_names])
    columns = [_plain(column) for column in found.columns]
    return _sorted(pa.table(columns, names=found.column_names), table)


def _target(postgres: Any, table: DemoTable, schema: pa.Schema) -> pa.Table:
    text = io.BytesIO()
    cursor = postgres.cursor()
    cursor.execute(f'COPY public."{table.name}" TO STDOUT (FORMAT csv, HEADER)', stream=text)
    postgres.commit()
    text.seek(0)
    options = pcsv.ConvertOptions(
        column_types=schema,
        include_columns=schema.names,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    return _sorted(pcsv.read_csv(text, convert_options=options), table)


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
