"""Which rows somebody wants to see: some columns, under conditions, a page of them by the key.

Nothing here is SQL. Conditions compare a column with one value of its own type; a target makes
statements of them in which every value is bound.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from shared.core.schemas import Column, DataType, Kind
from shared.core.wording import meant
from shared.errors import InvalidMessageError

MAX_CONDITIONS = 20

INT64 = range(-(2**63), 2**63)

UNCOMPARED = (Kind.BINARY, Kind.JSON)
"""What has no order, or another one in each database."""


class Operator(StrEnum):
    """How a column is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


SYMBOLS = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
}
"""The same in SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``column operator value``; the value is text, in the form of ``canonical``."""

    column: Column
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """The column is NULL, or is not."""

    column: Column
    is_null: bool


Condition = Comparison | Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A page of rows.

    ``key`` orders them, if the table has one; ``after`` are the values of the key of the last row
    of the page before. Without a key the order is the database's, and there is one page.
    """

    columns: tuple[Column, ...]
    conditions: tuple[Condition, ...] = ()
    key: tuple[Column, ...] = ()
    after: tuple[str, ...] | None = None
    limit: int


def condition(text: str, columns: dict[str, Column]) -> Condition:
    """Read ``column:operator:value``, or ``column:is:null`` and ``column:is:set``.

    Raises:
        InvalidMessageError: no such column or operator, or no value of the column's type.
    """
    # A name may hold a colon, so the longest one that fits is meant.
    fitting = [name for name in columns if text.startswith(f"{name}:")]
    if not fitting:
        name, colon, _ = text.partition(":")
        if not colon:
            raise InvalidMessageError(f"{text!r} is no condition; write column:operator:value")
        raise InvalidMessageError(
            f"no column {name!r} to compare; known: {', '.join(columns)}{meant(name, columns)}"
        )
    column = columns[max(fitting, key=len)]
    operator, colon, value = text[len(column.name) + 1 :].partition(":")
    if operator == "is" and value in ("null", "set"):
        return Presence(column=column, is_null=value == "null")
    if not colon or operator not in set(Operator):
        known = ", ".join(Operator)
        raise InvalidMessageError(
            f"{text!r}: unknown operator {operator!r}; known: {known}, and is:null, is:set"
        )
    return Comparison(
        column=column, operator=Operator(operator), value=canonical(column.type, value)
    )


def canonical(data_type: DataType, text: str) -> str:
    """Return a value's text in the one form that every database reads alike.

    Raises:
        InvalidMessageError: it is no value of the type, or the type is not compared.
    """
    if data_type.kind in UNCOMPARED:
        raise InvalidMessageError(f"columns of type {data_type} are not compared")
    try:
        found = _READERS[data_type.kind](text)
    except (ValueError, InvalidOperation, OverflowError):
        found = None
    if found is None:
        raise InvalidMessageError(f"{text!r} is no {data_type}")
    return found


def _int64(text: str) -> str | None:
    number = int(text) if len(text) < 40 and text.isascii() else None
    return str(number) if number is not None and number in INT64 else None


def _decimal(text: str) -> str | None:
    number = Decimal(text) if len(text) < 100 else None
    if number is None or not number.is_finite() or abs(number.adjusted()) > 80:
        return None
    return format(number, "f")


def _float64(text: str) -> str | None:
    number = float(text)
    return repr(number) if math.isfinite(number) else None


def _bool(text: str) -> str | None:
    return text if text in ("true", "false") else None


def _text(text: str) -> str | None:
    return None if "\x00" in text else text


def _timestamp(text: str) -> str | None:
    moment = datetime.fromisoformat(text)
    return moment.isoformat(" ") if moment.tzinfo is None else None


def _timestamptz(text: str) -> str | None:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).isoformat(" ") if moment.tzinfo else None


_READERS = {
    Kind.BOOL: _bool,
    Kind.INT64: _int64,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float64,
    Kind.TEXT: _text,
    Kind.DATE: lambda text: date.fromisoformat(text).isoformat(),
    Kind.TIME: lambda text: time.fromisoformat(text).isoformat(),
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _timestamptz,
}
