"""Types of T-SQL as PostgreSQL's, and PostgreSQL's result columns as types on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from local.sqlserver import values
from local.sqlserver.values import WireType

_Kind = exp.DataType.Type
_MAX_DIGITS = 7
# The length up to which float(n) has four bytes. Source: Microsoft Learn, "float and real".
_REAL_MAX_BITS = 24
# Lengths of a text without one. Source: Microsoft Learn, "nchar and nvarchar".
_LENGTH_OF_COLUMN, _LENGTH_OF_CAST = 1, 30
_NVARCHAR_MAX, _VARCHAR_MAX = 4000, 8000

# With the digits of a fraction that a column has when none are given.
_TIMES = {
    _Kind.TIME: ("sys.clock", 7),
    _Kind.DATETIME2: ("sys.datetime2", 7),
    _Kind.TIMESTAMP: ("sys.datetime2", 7),
    _Kind.TIMESTAMPTZ: ("sys.datetimeoffset", 7),
    _Kind.DATETIME: ("sys.datetime2", 3),
    _Kind.SMALLDATETIME: ("sys.datetime2", 0),
}
_PLAIN = {
    _Kind.BIT: "boolean",
    _Kind.BOOLEAN: "boolean",
    _Kind.TINYINT: "sys.tinyint",
    _Kind.UTINYINT: "sys.tinyint",
    _Kind.MONEY: "numeric(19, 4)",
    _Kind.UUID: "uuid",
}
# What PostgreSQL keeps as another type, under the name that it was declared with.
_NOTED = {
    _Kind.VARCHAR: "varchar",
    _Kind.NCHAR: "nchar",
    _Kind.CHAR: "char",
    _Kind.BINARY: "binary",
}
_TEXTS = {_Kind.VARCHAR, _Kind.NVARCHAR, _Kind.CHAR, _Kind.NCHAR, _Kind.TEXT}
_BYTES = {_Kind.BINARY, _Kind.VARBINARY}


def named(name: str) -> exp.DataType:
    """Return a type of PostgreSQL, which is written as it is."""
    return exp.DataType(this=_Kind.USERDEFINED, kind=name)


def is_binary(collation: str) -> bool:
    """Whether a collation compares code units."""
    return collation.upper().endswith(("_BIN", "_BIN2"))


def note_of(kind: exp.DataType) -> str | None:
    """Return the name of a declared type that PostgreSQL would forget; None: it would not."""
    return _NOTED.get(kind.this)


def postgres_type(
    kind: exp.DataType, *, collation: str = "", in_column: bool = False
) -> str | None:
    """Return PostgreSQL's name of a type of T-SQL; None where they are the same."""
    size = kind.expressions[0].name.upper() if kind.expressions else ""
    if kind.this in _TIMES:
        name, digits = _TIMES[kind.this]
        digits = int(size) if size else digits
        return name if digits == _MAX_DIGITS else f"{name}({digits + 1})"
    if kind.this in (_Kind.FLOAT, _Kind.DOUBLE):
        return "real" if size and int(size) <= _REAL_MAX_BITS else "double precision"
    if kind.this in _TEXTS or kind.this in _BYTES:
        text = "sys.nvarchar_bin" if is_binary(collation) else "sys.nvarchar"
        name = "sys.varbinary" if kind.this in _BYTES else text
        if kind.this is _Kind.TEXT or size == "MAX":
            return name
        return f"{name}({size or (_LENGTH_OF_COLUMN if in_column else _LENGTH_OF_CAST)})"
    if kind.this == _Kind.DECIMAL and not size:
        return "numeric(18, 0)"
    return _PLAIN.get(kind.this)


def rewrite(tree: exp.Expr) -> None:
    """Replace every T-SQL type in a statement; binary collations of columns become their type."""
    for column in list(tree.find_all(exp.ColumnDef)):
        collation = take_collation(column)
        if column.kind is not None:
            name = postgres_type(column.kind, collation=collation, in_column=True)
            if name is not None:
                column.set("kind", named(name))
    for kind in list(tree.find_all(exp.DataType)):
        if (name := postgres_type(kind)) is not None:
            kind.replace(named(name))


def take_collation(column: exp.ColumnDef) -> str:
    """Take COLLATE out of a column's definition and return its name; empty without one."""
    for constraint in list(column.args.get("constraints") or ()):
        if isinstance(constraint.kind, exp.CollateColumnConstraint):
            constraint.pop()
            return str(constraint.kind.this.name)
    return ""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the catalogue says about a column of a table; `max_length` is in bytes, -1 for max."""

    name: str
    type_name: str
    max_length: int


def wire_type(
    column: Mapping[str, Any],
    cells: Sequence[Any],
    own: Mapping[int, str],
    declared: Declared | None,
) -> WireType:
    """Return the type on the wire of a result column.

    Args:
        column: `type_oid` and `type_modifier`, as PostgreSQL describes it.
        cells: all values; they decide the scale of a numeric without one.
        own: names of the types of `engine_types.py` by their object ids.
        declared: the column of a table that it is, if it is one.
    """
    oid, modifier = column["type_oid"], column["type_modifier"]
    if declared and declared.type_name in _WIRE_DECLARED:
        size = declared.max_length if declared.max_length > 0 else None
        return _WIRE_DECLARED[declared.type_name](size)
    if oid in _WIRE:
        return _WIRE[oid]
    if oid == _NUMERIC:
        return _decimal(modifier, cells)
    name = own.get(oid, "")
    size = modifier - 4 if modifier >= 0 else None
    if name in _WIRE_TIMES:
        return _WIRE_TIMES[name](_MAX_DIGITS if size is None else size - 1)
    if name == "varbinary":
        return values.varbinary(size if size and size <= _VARCHAR_MAX else None)
    return values.nvarchar(size if size and size <= _NVARCHAR_MAX else None)


def _decimal(modifier: int, cells: Sequence[Any]) -> WireType:
    if modifier != -1:
        return values.decimal((modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF)
    exponents = [-int(cell.as_tuple().exponent) for cell in cells if isinstance(cell, Decimal)]
    return values.decimal(38, min(max([0, *exponents]), 38))


# Object ids of PostgreSQL's types. Source: PostgreSQL, src/include/catalog/pg_type.dat.
_NUMERIC = 1700
_WIRE = {
    16: values.BIT,
    17: values.varbinary(None),
    20: values.integer(8),
    21: values.integer(2),
    23: values.integer(4),
    26: values.integer(8),
    700: values.REAL,
    701: values.FLOAT,
    1082: values.DATE,
    2950: values.GUID,
}
_WIRE_TIMES: dict[str, Callable[[int], WireType]] = {
    "clock": values.time,
    "datetime2": values.datetime2,
    "datetimeoffset": values.datetimeoffset,
}


def _char(size: int | None) -> WireType:
    return values.varchar(size, code=0xAF)


def _nchar(size: int | None) -> WireType:
    return values.nvarchar(size and size // 2, code=0xEF)


def _tinyint(_size: int | None) -> WireType:
    return values.integer(1)


_WIRE_DECLARED: dict[str, Callable[[int | None], WireType]] = {
    "tinyint": _tinyint,
    "varchar": values.varchar,
    "char": _char,
    "nchar": _nchar,
}
