"""Parquet files in memory, as tests write and read them."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.core.schemas import Column, DataType, TableSchema
from shared.csv import Dialect, Reject, infer, read

PARQUET = Dialect(kind="parquet", delimiter="", quote=None)


class InMemory:
    """A ranged file; ``asked`` are the ranges that were read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[bytes]:
        yield self.content

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def range(self, start: int, count: int) -> bytes:
        self.asked.append((start, count))
        return self.content[start : start + count]


def written(table: pa.Table, **options: Any) -> InMemory:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return InMemory(stream.getvalue())


def file(**columns: pa.Array) -> InMemory:
    return written(pa.table(columns))


def schema(**types: str) -> TableSchema:
    return TableSchema(tuple(Column(name=n, type=DataType.parse(t)) for n, t in types.items()))


def taken(source: InMemory, **types: str) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Return the accepted rows, and the rejects, as the file says or as stated types."""
    wanted = schema(**types) if types else infer(source, PARQUET).schema
    batches = list(read(source, PARQUET, wanted))
    rows = [row for batch in batches for row in batch.data.to_pylist()]
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert sum(batch.rows for batch in batches) == len(rows) + len(rejects)
    return rows, rejects
