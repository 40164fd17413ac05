"""Rows out of SQL Server, fetched in blocks."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from shared.core.schemas import Column
from shared.stage import readback
from shared.targets.sqlserver import facts


def read(
    cursor: Any, table: str, columns: Sequence[Column], condition: str = ""
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that meet a condition, or all, in flat memory."""
    cursor.execute(facts.select(table, columns, condition))
    yield from readback.batches(columns, _rows(cursor))


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while rows := cursor.fetchmany(readback.BATCH_ROWS):
        yield from rows
