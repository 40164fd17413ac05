"""Values between table files, Arrow and people: stated ones made comparable, found ones shown."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MASK = "***"
"""Stands for a value of a sensitive column."""

SHOWN_CHARACTERS = 60
"""So much of a value is shown in a sample."""


def stated(value: Any, kind: pa.DataType) -> pa.Scalar:
    """Return a value of a table file as it is compared with a column of some type.

    Raises:
        ValueError: it is nothing that such a column holds.
    """
    if isinstance(value, str):
        text = pa.scalar(value)
        return text if pa.types.is_string(kind) else as_type(text, kind)
    is_fit = pa.types.is_boolean(kind) if isinstance(value, bool) else _is_number(kind)
    if not is_fit:
        raise ValueError(f"{value!r} is no {kind}; texts and moments belong in quotes")
    return pa.scalar(Decimal(str(value)) if isinstance(value, float) else value)


def as_type(text: pa.Scalar, kind: pa.DataType) -> pa.Scalar:
    """Return a text as a value of a type; a moment without an offset is in UTC.

    Raises:
        ValueError: the text is no such value.
    """
    try:
        if pa.types.is_timestamp(kind):
            return _moment(text.as_py(), kind)
        if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return pa.scalar(Decimal(text.as_py()))
        return pc.cast(text, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ArithmeticError, ValueError) as exc:
        raise ValueError(f"{text.as_py()!r} is no {kind}") from exc


def shown_whole(value: Any) -> str | None:
    """Return a value as text, bytes as hexadecimal digits; None for NULL."""
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)


def shown(value: Any) -> str | None:
    """Return a value as a person reads it, cut if it is long; None for NULL."""
    text = shown_whole(value)
    if text is None:
        return None
    is_cut = len(text) > SHOWN_CHARACTERS
    return f"{text[:SHOWN_CHARACTERS]}…" if is_cut else text


def sample(
    batch: pa.RecordBatch, rows: Sequence[int], columns: Sequence[str], masked: Collection[str]
) -> tuple[dict[str, str | None], ...]:
    """Return some columns of some rows, as people read them; NULL is no secret."""
    taken = batch.select(list(columns)).take(pa.array(rows, pa.int64())).to_pylist()
    return tuple(
        {
            name: MASK if name in masked and value is not None else shown(value)
            for name, value in row.items()
        }
        for row in taken
    )


def _moment(text: str, kind: pa.DataType) -> pa.Scalar:
    moment = datetime.fromisoformat(text)
    if kind.tz is None and moment.tzinfo is not None:
        raise ValueError("the column has no time zone")
    scalar = pa.scalar(moment.replace(tzinfo=None), pa.timestamp(kind.unit))
    if kind.tz is None:
        return scalar
    if moment.tzinfo is not None:
        return pa.scalar(moment, kind)
    return pc.assume_timezone(scalar, "UTC")


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def plain(value: Any) -> Any:
    """Return a value as JSON and YAML write it: numbers and booleans stay, all else is text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | time | bytes):
        return shown(value)
    return value
