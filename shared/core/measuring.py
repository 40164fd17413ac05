"""Facts of columns as databases compute them: which are asked for, and how the answer is read.

A database says for each column which facts it can compute and by what expression. One query asks
for all of them in one pass; its one row begins with the number of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from shared.core.receipts import ColumnFacts, Point
from shared.core.schemas import Column, Kind

FLOAT_FACTOR: Final = 65536
"""The number of a float is the whole part of its value times this: exact in every engine."""

FLOAT_LIMIT: Final = 2**33
"""Floats of this size or more, NaN and infinities have no number: it has 15 digits at most."""

MAX_SUMMED_DIGITS: Final = 28
"""Decimals of more digits are not summed up by databases: sums have 38, of up to 10^10 rows."""

Asked = Mapping[str, Mapping[str, str]]
"""Columns by name, each with the facts to ask for and the SQL of each."""

_OF_NOTHING: Final[dict[str, Any]] = {
    "nulls": 0,
    "total": "0",
    "minimum": "",
    "maximum": "",
    "units": 0,
    "characters": 0,
}
"""What NULL stands for: there was no value to compute a fact of."""


def aggregates(column: Column, *, number: str | None, exact: str | None = None) -> dict[str, str]:
    """Return the SQL of the facts that follow from the number of a value.

    Args:
        column: as Sluice has it.
        number: SQL of a value's number; None: the engine does not know it.
        exact: the same in a type that sums do not outgrow; None: they do not anyway.
    """
    if number is None:
        return {}
    found = {"minimum": f"MIN({number})", "maximum": f"MAX({number})"}
    if (column.type.precision or 0) <= MAX_SUMMED_DIGITS:
        found["total"] = f"SUM({exact or number})"
    return found


def items(asked: Asked, count: str) -> list[str]:
    """Return what a query selects; ``count`` is the SQL of the number of rows."""
    return [count, *(sql for facts in asked.values() for sql in facts.values())]


def point(columns: Iterable[Column], asked: Asked, row: Sequence[Any]) -> Point:
    """Return the point that the row of a query tells of.

    Args:
        columns: the columns that were asked about, and others.
        asked: what was asked.
        row: the answer, as long as ``items``.
    """
    rows, *rest = row
    values = iter(rest)
    kinds = {column.name: column for column in columns}
    return Point(
        rows=int(rows),
        columns=tuple(
            ColumnFacts(
                name=name,
                **{
                    fact: _read(kinds[name], fact, value)
                    for fact, value in zip(facts, islice(values, len(facts)), strict=True)
                },
            )
            for name, facts in asked.items()
        ),
    )


def number_of(value: object, scale: int) -> str:
    """Return a number of a database as a whole one, in units of its last digit after the point.

    What has more digits than ``scale`` after the point stays no whole number.
    """
    sign, digits, exponent = Decimal(str(value)).as_tuple()
    if not isinstance(exponent, int):
        return str(value)
    whole = int("".join(map(str, digits))) * (-1) ** sign
    shift = exponent + scale
    if shift >= 0:
        return str(whole * 10**shift)
    quotient, rest = divmod(abs(whole), 10**-shift)
    fraction = f".{rest:0{-shift}d}" if rest else ""
    return f"{'-' * (sign and bool(quotient or rest))}{quotient}{fraction}"


def _read(column: Column, fact: str, value: Any) -> Any:
    if value is None:
        return _OF_NOTHING[fact]
    if fact in ("nulls", "units", "characters"):
        return int(value)
    scale = (column.type.scale or 0) if column.type.kind is Kind.DECIMAL else 0
    return number_of(value, scale)
