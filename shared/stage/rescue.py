"""What a table has no place for, kept as JSON beside the row: the staging side of ``rescue``."""

import json
import math
from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from shared.core.drift import RESCUED
from shared.core.schemas import Kind, TableSchema
from shared.stage.arrow import arrow_schema


def fold(
    batches: Iterable[pa.RecordBatch], source: TableSchema, staged: TableSchema
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a source in the columns that are staged.

    Columns that are not staged, or staged with another type, go into ``_rescued``, a JSON object of
    their values that are not NULL; NULL where there is none. Numbers that JSON's readers may round
    (decimals, integers beyond 2^53) are texts in it, as are dates, times, and bytes as hexadecimal
    digits.

    Args:
        batches: with the columns of ``source``.
        source: what is read.
        staged: what is written; it has the column ``_rescued``.
    """
    kept = {c.name for c in source if c.name in staged.names and c.type == _type(staged, c.name)}
    lost = [c for c in source if c.name not in kept]
    schema = arrow_schema(staged)
    for batch in batches:
        texts = {c.name: _values(batch.column(c.name), c.type.kind) for c in lost}
        objects = pa.array(list(_objects(texts, batch.num_rows)), pa.string())
        arrays = [
            objects
            if field.name == RESCUED
            else batch.column(field.name)
            if field.name in kept
            else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _type(schema: TableSchema, name: str) -> object:
    return schema.column(name).type


def _objects(texts: dict[str, list[str | None]], rows: int) -> Iterator[str | None]:
    if not texts:
        yield from [None] * rows
        return
    names = [json.dumps(name, ensure_ascii=False) for name in texts]
    for values in zip(*texts.values(), strict=True):
        items = [f"{n}: {v}" for n, v in zip(names, values, strict=True) if v is not None]
        yield f"{{{', '.join(items)}}}" if items else None


def _values(column: pa.Array, kind: Kind) -> list[str | None]:
    return [None if value is None else _json(value, kind) for value in column.to_pylist()]


def _json(value: Any, kind: Kind) -> str:
    if kind is Kind.JSON:
        return str(value)
    if isinstance(value, bytes):
        value = value.hex()
    elif isinstance(value, date | time):
        value = value.isoformat()
    elif isinstance(value, Decimal) or _is_rounded(value):
        value = format(value, "f") if isinstance(value, Decimal) else str(value)
    return json.dumps(value, ensure_ascii=False)


def _is_rounded(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and abs(value) > 2**53
