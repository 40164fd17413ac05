"""Types of T-SQL as PostgreSQL's, and PostgreSQL's result columns as types on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp

from local.sqlserver import values
from local.sqlserver.values import WireType

_Kind = exp.DataType.Type
# PostgreSQL keeps microseconds; SQL Server's default is seven digits.
_MAX_FRACTION_DIGITS = 6
# The length up to which float(n) has four bytes. Source: Microsoft Learn, "float and real".
_REAL_MAX_BITS = 24
_NVARCHAR_MAX = 4000
_TIMES = {
    _Kind.TIME: "TIME",
    _Kind.DATETIME2: "TIMESTAMP",
    _Kind.TIMESTAMP: "TIMESTAMP",
    _Kind.TIMESTAMPTZ: "TIMESTAMPTZ",
}
_PLAIN = {
    _Kind.BIT: "BOOLEAN",
    _Kind.TINYINT: "SMALLINT",
    _Kind.UTINYINT: "SMALLINT",
    _Kind.BINARY: "BYTEA",
    _Kind.VARBINARY: "BYTEA",
    _Kind.DATETIME: "TIMESTAMP(3)",
    _Kind.SMALLDATETIME: "TIMESTAMP(0)",
    _Kind.MONEY: "DECIMAL(19, 4)",
    _Kind.UUID: "UUID",
}
_TEXTS = {_Kind.VARCHAR, _Kind.NVARCHAR, _Kind.CHAR, _Kind.NCHAR, _Kind.TEXT}


def rewrite(tree: exp.Expr) -> None:
    """Replace every T-SQL type in a statement."""
    for kind in list(tree.find_all(exp.DataType)):
        if (name := _postgres_name(kind)) is not None:
            kind.replace(exp.DataType.build(name, dialect="postgres"))


def _postgres_name(kind: exp.DataType) -> str | None:
    size = kind.expressions[0].name.upper() if kind.expressions else ""
    if kind.this in _TIMES:
        digits = min(int(size or 7), _MAX_FRACTION_DIGITS)
        return f"{_TIMES[kind.this]}({digits})"
    if kind.this in (_Kind.FLOAT, _Kind.DOUBLE):
        return "REAL" if size and int(size) <= _REAL_MAX_BITS else "DOUBLE PRECISION"
    if kind.this in _TEXTS:
        return f"VARCHAR({size})" if size.isdigit() else "TEXT"
    if kind.this == _Kind.DECIMAL and not size:
        return "DECIMAL(18, 0)"
    return _PLAIN.get(kind.this)


def wire_type(column: dict[str, Any], cells: Sequence[Any]) -> WireType:
    """Return the type on the wire of a result column.

    Args:
        column: `type_oid` and `type_modifier`, as PostgreSQL describes it.
        cells: all values; they decide the scale of a numeric without one.
    """
    oid, modifier = column["type_oid"], column["type_modifier"]
    if oid in _WIRE:
        return _WIRE[oid]
    digits = modifier if 0 <= modifier <= _MAX_FRACTION_DIGITS else _MAX_FRACTION_DIGITS
    if oid in _WIRE_TIMES:
        return _WIRE_TIMES[oid](digits)
    if oid == _NUMERIC:
        return _decimal(modifier, cells)
    size = modifier - 4
    is_short = oid == _VARCHAR and 0 < size <= _NVARCHAR_MAX
    return values.nvarchar(size if is_short else None)


def _decimal(modifier: int, cells: Sequence[Any]) -> WireType:
    if modifier != -1:
        return values.decimal((modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF)
    exponents = [-int(cell.as_tuple().exponent) for cell in cells if isinstance(cell, Decimal)]
    return values.decimal(38, min(max([0, *exponents]), 38))


# Object ids of PostgreSQL's types. Source: PostgreSQL, src/include/catalog/pg_type.dat.
_NUMERIC, _VARCHAR = 1700, 1043
_WIRE = {
    16: values.BIT,
    17: values.VARBINARY_MAX,
    20: values.integer(8),
    21: values.integer(2),
    23: values.integer(4),
    26: values.integer(8),
    700: values.REAL,
    701: values.FLOAT,
    1082: values.DATE,
    2950: values.GUID,
}
_WIRE_TIMES = {1083: values.time, 1114: values.datetime2, 1184: values.datetimeoffset}
