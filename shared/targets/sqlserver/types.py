"""Column types in SQL Server, and which existing columns can hold them unaltered.

A type is written as the catalogue is read: ``decimal(18,4)``, ``nvarchar(max)``, and texts with
their collation, ``nvarchar(450) COLLATE Latin1_General_100_BIN2``.
"""

import re
from collections.abc import Sequence

from shared.core.schemas import Column, DataType, Kind
from shared.errors import InvalidSchemaError
from shared.targets.relational import fitting
from shared.targets.sqlserver.identifiers import quote

KEY_COLLATION = "Latin1_General_100_BIN2"
"""Of text keys: compares code units, so that no two different keys are the same to it.

There since SQL Server 2008; that trailing spaces do not count is the same in every collation.
"""

MAX_KEY_BYTES = 900
"""Of a clustered key. Source: "Maximum capacity specifications for SQL Server"."""

_NAMES: dict[Kind, str] = {
    Kind.BOOL: "bit",
    Kind.INT64: "bigint",
    Kind.FLOAT64: "float",
    Kind.TEXT: "nvarchar(max)",
    Kind.BINARY: "varbinary(max)",
    Kind.DATE: "date",
    Kind.TIME: "time(7)",
    Kind.TIMESTAMP: "datetime2(7)",
    Kind.TIMESTAMPTZ: "datetimeoffset(7)",
    Kind.JSON: "nvarchar(max)",
}

_KEY_BYTES: dict[Kind, int] = {
    Kind.BOOL: 1,
    Kind.INT64: 8,
    Kind.FLOAT64: 8,
    Kind.DECIMAL: 17,
    Kind.DATE: 3,
    Kind.TIME: 5,
    Kind.TIMESTAMP: 8,
    Kind.TIMESTAMPTZ: 10,
}
"""Bytes of a value in an index. Source: "Data types (Transact-SQL)". Others share what is left."""

_ALSO_HOLDS: dict[Kind, re.Pattern[str]] = {
    Kind.INT64: re.compile(r"int|smallint|tinyint"),
    Kind.TEXT: re.compile(r"nvarchar\((\d+|max)\)|uniqueidentifier"),
    Kind.JSON: re.compile(r"nvarchar\((\d+|max)\)"),
    Kind.BINARY: re.compile(r"varbinary\(\d+\)"),
    Kind.TIME: re.compile(r"time\(6\)"),
    Kind.TIMESTAMP: re.compile(r"datetime2\(6\)"),
    Kind.TIMESTAMPTZ: re.compile(r"datetimeoffset\(6\)"),
}
"""Types that take every value of a kind unaltered, or refuse it loudly; none rounds or cuts.

``varchar`` is not among them: what its code page lacks becomes a question mark without a word.
"""

_KINDS: dict[str, Kind] = {
    "bit": Kind.BOOL,
    "bigint": Kind.INT64,
    "int": Kind.INT64,
    "smallint": Kind.INT64,
    "tinyint": Kind.INT64,
    "float": Kind.FLOAT64,
    "real": Kind.FLOAT64,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "datetime": Kind.TIMESTAMP,
    "datetime2": Kind.TIMESTAMP,
    "smalldatetime": Kind.TIMESTAMP,
    "datetimeoffset": Kind.TIMESTAMPTZ,
    "binary": Kind.BINARY,
    "varbinary": Kind.BINARY,
}

_EXACT = re.compile(r"(?:decimal|numeric)\((\d+),(\d+)\)")
_LENGTH = re.compile(r"n?(?:var)?(?:char|binary)\((\d+)\)")
_WHOLE = ("bigint", "int", "smallint", "tinyint")
_GUID_CHARACTERS = 36


def type_name(data_type: DataType) -> str:
    """Return the type of a new column that is no part of a key."""
    if data_type.kind is Kind.DECIMAL:
        return f"decimal({data_type.precision},{data_type.scale})"
    return _NAMES[data_type.kind]


def type_names(columns: Sequence[Column], key: Sequence[str]) -> dict[str, str]:
    """Return the types of new columns; texts and bytes of the key share what an index takes.

    Raises:
        InvalidSchemaError: a column of the key cannot be indexed.
    """
    parts = [c for c in columns if c.name in key]
    open_ended = [c for c in parts if c.type.kind not in _KEY_BYTES]
    left = MAX_KEY_BYTES - sum(_KEY_BYTES.get(c.type.kind, 0) for c in parts)
    share = left // max(len(open_ended), 1)
    names = {c.name: type_name(c.type) for c in columns}
    return names | {c.name: _key_type(c, share) for c in open_ended}


def _key_type(column: Column, share: int) -> str:
    if column.type.kind is Kind.TEXT and share >= 2:
        return f"nvarchar({share // 2}) COLLATE {KEY_COLLATION}"
    if column.type.kind is Kind.BINARY and share >= 1:
        return f"varbinary({share})"
    raise InvalidSchemaError(
        f"{column.name} is {column.type} and cannot be a part of the primary key: SQL Server has "
        f"no index for it, or the other columns take all of the {MAX_KEY_BYTES} bytes; name "
        "another primary_key in the table file ([] for none)"
    )


def bare(existing: str) -> str:
    """Return a type without its collation."""
    return existing.partition(" COLLATE ")[0]


def collation(existing: str) -> str | None:
    """Return the collation of a type; None where it has none."""
    return existing.partition(" COLLATE ")[2] or None


def data_type(name: str) -> DataType:
    """Return the column type of an existing column; text if unknown."""
    kind = bare(name)
    exact = _EXACT.fullmatch(kind)
    if exact:
        return DataType(Kind.DECIMAL, int(exact[1]), int(exact[2]))
    return DataType(_KINDS.get(kind.partition("(")[0], Kind.TEXT))


def holds(existing: str, wanted: DataType) -> bool:
    """Say whether a column of type ``existing`` keeps every value of ``wanted`` as it is."""
    found = bare(existing)
    if found == type_name(wanted):
        return True
    scale = decimal_scale(found)
    if wanted.kind is Kind.DECIMAL:
        if found in _WHOLE:
            return wanted.scale == 0
        return scale is not None and scale >= (wanted.scale or 0)
    if wanted.kind is Kind.INT64 and scale is not None:
        return True
    also = _ALSO_HOLDS.get(wanted.kind)
    return bool(also and also.fullmatch(found))


def decimal_scale(existing: str) -> int | None:
    """Return the scale of a decimal; None for any other type."""
    match = _EXACT.fullmatch(bare(existing))
    return int(match[2]) if match else None


def whole_digits(existing: str) -> int | None:
    """Return how many digits a decimal has before its point; None for any other type."""
    match = _EXACT.fullmatch(bare(existing))
    return int(match[1]) - int(match[2]) if match else None


def length_limit(existing: str) -> int | None:
    """Return the most characters, or bytes, that a column takes; None: any number."""
    found = bare(existing)
    if found == "uniqueidentifier":
        return _GUID_CHARACTERS
    match = _LENGTH.fullmatch(found)
    return int(match[1]) if match else None


def require(table: str, existing: dict[str, str], columns: list[Column]) -> None:
    """Check that an existing table can hold the columns of a run.

    Raises:
        SchemaConflictError: columns are missing, or have types that would alter values.
    """

    def advise(missing: list[Column], narrow: list[Column]) -> str:
        changes = [f"ADD {quote(c.name)} {type_name(c.type)}" for c in missing]
        changes += [f"ALTER COLUMN {quote(c.name)} {type_name(c.type)}" for c in narrow]
        return "; ".join(f"ALTER TABLE {table} {change}" for change in changes)

    fitting.require(table, existing, columns, holds, advise)
