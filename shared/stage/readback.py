"""Rows as a database gives them back, in the batches that they were staged as.

Whatever has no exact form in every driver travels as its number: dates in days, times in
microseconds, since 1970. So what is folded again is what is in the database, and not what a driver
makes of it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from shared.core.schemas import Column, Kind
from shared.stage.arrow import arrow_field, arrow_type

BATCH_ROWS = 10_000

AS_NUMBERS: Final = (Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
"""Kinds that are read as whole numbers."""


def batches(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Iterator[pa.RecordBatch]:
    """Yield rows of Python's values as batches of the columns."""
    left = iter(rows)
    while some := list(islice(left, BATCH_ROWS)):
        values = zip(*some, strict=True)
        arrays = [_array(c, list(each)) for c, each in zip(columns, values, strict=True)]
        yield batch(columns, arrays)


def batch(columns: Sequence[Column], arrays: Sequence[pa.Array]) -> pa.RecordBatch:
    """Return a batch of columns, numbers among them turned into what they stand for."""
    found = [_restored(c, each) for c, each in zip(columns, arrays, strict=True)]
    fields = [arrow_field(c).with_nullable(True) for c in columns]  # noqa: FBT003
    return pa.RecordBatch.from_arrays(found, schema=pa.schema(fields))


def canonical_json(texts: pa.Array) -> pa.Array:
    """Return JSON texts in one form for each value: keys in order, no blanks, no spare zeros."""
    return pa.array([None if t is None else _canonical(t) for t in texts.to_pylist()], pa.string())


def carrier(column: Column) -> pa.DataType:
    """Return the Arrow type that a column's values are read as."""
    kind = column.type.kind
    if kind in AS_NUMBERS:
        return pa.int64()
    return arrow_type(column.type)


def _array(column: Column, values: list[Any]) -> pa.Array:
    kind = column.type.kind
    if kind in (*AS_NUMBERS, Kind.INT64, Kind.BOOL):
        cast = bool if kind is Kind.BOOL else int
        values = [None if v is None else cast(v) for v in values]
    elif kind is Kind.DECIMAL:
        values = [None if v is None else Decimal(v) for v in values]
    return pa.array(values, carrier(column))


def _restored(column: Column, values: pa.Array) -> pa.Array:
    wanted = arrow_type(column.type)
    if values.type == wanted:
        return values
    if column.type.kind is Kind.DATE:
        values = values.cast(pa.int32())
    return values.cast(wanted)


def _canonical(text: str) -> str:
    return _written(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def _written(value: Any) -> str:
    if isinstance(value, dict):
        items = (f"{_written(key)}:{_written(value[key])}" for key in sorted(value))
        return f"{{{','.join(items)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, Decimal):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: Decimal) -> str:
    if not value:
        return "0"
    sign, digits, exponent = value.as_tuple()
    whole = "".join(map(str, digits)).rstrip("0")
    shift = int(exponent) + len(digits) - len(whole)
    return f"{'-' if sign else ''}{whole.lstrip('0')}e{shift}"
