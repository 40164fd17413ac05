"""Columns and their types, in the three tongues that meet here.

A column is declared in Snowflake SQL, stored by DuckDB and described on the wire. Snowflake knows
more than DuckDB stores (lengths, scales, LTZ against TZ), so the declared type is kept in DuckDB's
own comment on the column, from where descriptions and the information schema read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from local.snowflake.errors import unsupported

# Source: Snowflake documentation, "Data types": defaults and limits of a column without parameters.
NUMBER_PRECISION = 38
TEXT_LENGTH = 16_777_216
BINARY_LENGTH = 8_388_608
TIME_SCALE = 9

# TIMESTAMP_NTZ finer than this is kept in nanoseconds, which end in the year 2262.
_MICROSECOND_SCALE = 6

_Type = exp.DType
_INTEGERS = {_Type.INT, _Type.BIGINT, _Type.SMALLINT, _Type.TINYINT, _Type.INT128}
_KINDS: dict[_Type, str] = {
    _Type.DECIMAL: "FIXED",
    **dict.fromkeys(_INTEGERS, "FIXED"),
    **dict.fromkeys((_Type.FLOAT, _Type.DOUBLE), "REAL"),
    **dict.fromkeys((_Type.VARCHAR, _Type.TEXT, _Type.CHAR, _Type.NVARCHAR), "TEXT"),
    **dict.fromkeys((_Type.BINARY, _Type.VARBINARY), "BINARY"),
    _Type.BOOLEAN: "BOOLEAN",
    _Type.DATE: "DATE",
    _Type.TIME: "TIME",
    **dict.fromkeys((_Type.TIMESTAMP, _Type.TIMESTAMPNTZ, _Type.DATETIME), "TIMESTAMP_NTZ"),
    _Type.TIMESTAMPLTZ: "TIMESTAMP_LTZ",
    _Type.TIMESTAMPTZ: "TIMESTAMP_TZ",
    _Type.VARIANT: "VARIANT",
    _Type.JSON: "VARIANT",
    _Type.OBJECT: "OBJECT",
    _Type.ARRAY: "ARRAY",
}
_TIMESTAMPS = {"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}
_STORED = {
    "REAL": "DOUBLE",
    "TEXT": "VARCHAR",
    "BINARY": "BLOB",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
    "TIMESTAMP_TZ": "TIMESTAMPTZ",
    **dict.fromkeys(("VARIANT", "OBJECT", "ARRAY"), "JSON"),
}
_DECLARED = {"FIXED": "NUMBER", "REAL": "FLOAT", "TEXT": "VARCHAR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """A Snowflake type. `kind` is the wire's word for it: FIXED, REAL, TEXT, TIMESTAMP_NTZ, …"""

    kind: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None

    @property
    def sql(self) -> str:
        """As DESCRIBE TABLE shows it: NUMBER(38,0), VARCHAR(20), TIMESTAMP_NTZ(9), FLOAT."""
        name = _DECLARED.get(self.kind, self.kind)
        if self.kind == "FIXED":
            return f"{name}({self.precision},{self.scale})"
        if self.length is not None:
            return f"{name}({self.length})"
        return name if self.scale is None else f"{name}({self.scale})"

    @property
    def duckdb(self) -> str:
        """The DuckDB type that stores it."""
        if self.kind == "FIXED":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind == "TIMESTAMP_NTZ":
            return "TIMESTAMP_NS" if (self.scale or 0) > _MICROSECOND_SCALE else "TIMESTAMP"
        return _STORED.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table or of a result."""

    name: str
    type: ColumnType
    is_nullable: bool = True
    comment: str | None = None
    default: str | None = None

    def rowtype(self) -> dict[str, Any]:
        """The column's entry in a reply's `rowtype`."""
        length = self.type.length
        is_text = self.type.kind == "TEXT"
        return {
            "name": self.name,
            "database": "",
            "schema": "",
            "table": "",
            "type": self.type.kind.lower(),
            "nullable": self.is_nullable,
            "precision": 0 if self.type.kind in _TIMESTAMPS else self.type.precision,
            "scale": self.type.scale,
            "length": length,
            # UTF-8 needs up to four bytes a character; a column holds 16 MB at most.
            "byteLength": min(length * 4, TEXT_LENGTH) if length and is_text else length,
            "collation": None,
        }


TEXT = ColumnType(kind="TEXT", length=TEXT_LENGTH)
NUMBER = ColumnType(kind="FIXED", precision=NUMBER_PRECISION, scale=0)
TIMESTAMP_NTZ = ColumnType(kind="TIMESTAMP_NTZ", scale=TIME_SCALE)
TIMESTAMP_LTZ = ColumnType(kind="TIMESTAMP_LTZ", scale=TIME_SCALE)
COUNT = ColumnType(kind="FIXED", precision=18, scale=0)

_BY_DUCKDB = {
    "BOOLEAN": ColumnType(kind="BOOLEAN"),
    "DATE": ColumnType(kind="DATE"),
    "DOUBLE": ColumnType(kind="REAL"),
    "FLOAT": ColumnType(kind="REAL"),
    "BLOB": ColumnType(kind="BINARY", length=BINARY_LENGTH),
    "JSON": ColumnType(kind="VARIANT"),
    "TIME": ColumnType(kind="TIME", scale=TIME_SCALE),
    "TIMESTAMP": TIMESTAMP_NTZ,
    "TIMESTAMP_NS": TIMESTAMP_NTZ,
    "TIMESTAMP_MS": ColumnType(kind="TIMESTAMP_NTZ", scale=3),
    "TIMESTAMP_S": ColumnType(kind="TIMESTAMP_NTZ", scale=0),
    "TIMESTAMP WITH TIME ZONE": TIMESTAMP_LTZ,
    "VARCHAR": TEXT,
    '"NULL"': TEXT,
    "UUID": TEXT,
    "HUGEINT": NUMBER,
    "BIGINT": COUNT,
    "UBIGINT": NUMBER,
}


def from_sql(declared: exp.DataType) -> ColumnType:
    """Read a type as sqlglot parsed it from Snowflake SQL.

    Raises:
        SnowflakeError: a type that is not served (GEOGRAPHY, VECTOR, structured types, …).
    """
    kind = _KINDS.get(declared.this)
    parameters = [int(p.name) for p in declared.expressions if isinstance(p, exp.DataTypeParam)]
    if kind is None or len(parameters) != len(declared.expressions):
        raise unsupported(f"data type {declared.sql(dialect='snowflake')}")
    if kind == "FIXED":
        if declared.this in _INTEGERS:
            parameters = []
        precision = parameters[0] if parameters else NUMBER_PRECISION
        scale = parameters[1] if len(parameters) > 1 else 0
        return ColumnType(kind=kind, precision=precision, scale=scale)
    if kind in {"TEXT", "BINARY"}:
        default = 1 if declared.this is _Type.CHAR else TEXT_LENGTH
        default = default if kind == "TEXT" else BINARY_LENGTH
        return ColumnType(kind=kind, length=parameters[0] if parameters else default)
    if kind in _TIMESTAMPS or kind == "TIME":
        return ColumnType(kind=kind, scale=parameters[0] if parameters else TIME_SCALE)
    return ColumnType(kind=kind)


def from_text(text: str) -> ColumnType:
    """Read back what `ColumnType.sql` wrote."""
    match = re.fullmatch(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?", text)
    if match is None:
        raise ValueError(f"not a column type: {text!r}")
    name, first, second = match.groups()
    kind = {sql: wire for wire, sql in _DECLARED.items()}.get(name, name)
    if kind == "FIXED":
        return ColumnType(kind=kind, precision=int(first), scale=int(second))
    if kind in {"TEXT", "BINARY"}:
        return ColumnType(kind=kind, length=int(first))
    return ColumnType(kind=kind, scale=int(first) if first else None)


def stored_from_duckdb(name: str) -> ColumnType:
    """The type of a column made from an expression: as wide as later rows may need."""
    kind = from_duckdb(name)
    return NUMBER if kind == COUNT else kind


def from_duckdb(name: str) -> ColumnType:
    """The type of an expression, from DuckDB's name for it; whole numbers are NUMBER(38,0)."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name)
    if decimal:
        return ColumnType(kind="FIXED", precision=int(decimal[1]), scale=int(decimal[2]))
    if name in _BY_DUCKDB:
        return _BY_DUCKDB[name]
    if name.endswith("INT") or name == "INTEGER":
        return NUMBER
    if name.startswith("ENUM"):
        return TEXT
    if name.startswith(("STRUCT", "MAP")) or name.endswith("]"):
        return ColumnType(kind="VARIANT")
    raise unsupported(f"a result column of type {name}")
