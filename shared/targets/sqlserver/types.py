"""Column types in SQL Server, and which existing columns can hold them unaltered.

A type is written as the catalogue is read: ``decimal(18,4)``, ``nvarchar(max)``, and texts with
their collation, ``nvarchar(450) COLLATE Latin1_General_100_BIN2``.
"""

import re
from collections.abc import Sequence
from typing import Final

from shared.core.fidelity import Cell, Consent
from shared.core.schemas import Column, DataType, Kind
from shared.errors import InvalidSchemaError

KEY_COLLATION = "Latin1_General_100_BIN2"
"""Of text keys: compares code units, so that no two different keys are the same to it.

There since SQL Server 2008; that trailing spaces do not count is the same in every collation.
"""

UTF8_EXAMPLE = "Latin1_General_100_CI_AS_SC_UTF8"
"""One of the collations that make ``varchar`` hold all of Unicode. There since SQL Server 2019."""

MAX_KEY_BYTES = 900
"""Of a clustered key. Source: "Maximum capacity specifications for SQL Server"."""

CELLS: Final[dict[Kind, Cell]] = {
    Kind.BOOL: Cell(type="bit"),
    Kind.INT64: Cell(type="bigint"),
    Kind.DECIMAL: Cell(type="decimal({p},{s})"),
    Kind.FLOAT64: Cell(
        type="float",
        consents=(Consent.NOT_FINITE, Consent.TINY),
        note="`-0.0` equals `0.0`; whether its sign is kept is not promised",
    ),
    Kind.TEXT: Cell(
        type="nvarchar(max)",
        consents=(Consent.NUL,),
        note=f"in a key `nvarchar(n)` with the collation `{KEY_COLLATION}`",
    ),
    Kind.BINARY: Cell(type="varbinary(max)", note="in a key `varbinary(n)`"),
    Kind.DATE: Cell(type="date"),
    Kind.TIME: Cell(type="time(7)", is_wider=True),
    Kind.TIMESTAMP: Cell(type="datetime2(7)", is_wider=True),
    Kind.TIMESTAMPTZ: Cell(type="datetimeoffset(7)", is_wider=True, note="at +00:00"),
    Kind.JSON: Cell(type="nvarchar(max)", is_wider=True, note="not in a key"),
}
"""What a new column becomes. Source: "Data types (Transact-SQL)"."""

EXISTING: Final = (
    *("bit", "tinyint", "smallint", "int", "bigint", "decimal(10,2)", "decimal(38,0)", "money"),
    *("real", "float", "nvarchar(10)", "nvarchar(max)", "nchar(10)", "varchar(10)"),
    *("varchar(max)", f"varchar(max) COLLATE {UTF8_EXAMPLE}", "uniqueidentifier"),
    *("varbinary(10)", "varbinary(max)", "binary(10)", "date", "time(0)", "time(6)", "time(7)"),
    *("datetime", "smalldatetime", "datetime2(3)", "datetime2(6)", "datetime2(7)"),
    *("datetimeoffset(3)", "datetimeoffset(7)", "xml"),
)
"""Types of existing columns that docs/types.md answers for."""

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
    Kind.DATE: re.compile(r"datetime2\(\d\)"),
}
"""Types that take every value of a kind unaltered, or refuse it loudly; none rounds or cuts.

``varchar`` is not among them: what its code page lacks becomes a question mark without a word. That
of a UTF-8 collation lacks nothing.
"""

_ROUNDS: dict[Kind, re.Pattern[str]] = {
    Kind.DECIMAL: re.compile(r"(?:decimal|numeric)\(\d+,\d+\)"),
    Kind.FLOAT64: re.compile(r"real"),
    Kind.TIME: re.compile(r"time\([0-5]\)"),
    Kind.TIMESTAMP: re.compile(r"datetime2\([0-5]\)|datetime"),
    Kind.TIMESTAMPTZ: re.compile(r"datetimeoffset\([0-5]\)"),
}
"""Types whose assignment rounds the values of a kind, and refuses what is too large."""

_WIDER: dict[str, re.Pattern[str]] = {
    "tinyint": re.compile(r"bigint|decimal\((?:[3-9]|\d\d),0\)"),
    "smallint": re.compile(r"bigint|decimal\((?:[5-9]|\d\d),0\)"),
    "int": re.compile(r"bigint|decimal\(\d\d,0\)"),
    "bigint": re.compile(r"decimal\((?:19|[23]\d),0\)"),
    "real": re.compile(r"float"),
    "nvarchar": re.compile(r"nvarchar\(max\)"),
    "varchar": re.compile(r"nvarchar\(max\)"),
    "varbinary": re.compile(r"varbinary\(max\)"),
}
"""Types into which an existing column can be changed, with every value kept."""

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
_WITH_FRACTION = ("time", "datetime2", "datetimeoffset")


def type_name(data_type: DataType) -> str:
    """Return the type of a new column that is no part of a key."""
    return CELLS[data_type.kind].type.format(p=data_type.precision, s=data_type.scale)


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
    if wanted.kind is Kind.TEXT and found == "varchar(max)":
        return (collation(existing) or "").endswith("_UTF8")
    also = _ALSO_HOLDS.get(wanted.kind)
    return bool(also and also.fullmatch(found))


def rounds(existing: str, wanted: DataType) -> bool:
    """Say whether a column rounds what it has no digits for, and refuses all else."""
    pattern = _ROUNDS.get(wanted.kind)
    return not holds(existing, wanted) and bool(pattern and pattern.fullmatch(existing))


def widens(existing: str, wanted: DataType) -> bool:
    """Say whether a column can become one of type ``wanted`` with all that is in it kept."""
    found, new = bare(existing), type_name(wanted)
    narrow, wide = _EXACT.fullmatch(found), _EXACT.fullmatch(new)
    if narrow and wide:
        before, after = ((int(m[1]) - int(m[2]), int(m[2])) for m in (narrow, wide))
        return before[0] <= after[0] and before[1] <= after[1]
    name, _, digits = found.partition("(")
    if name in _WITH_FRACTION:
        return new.startswith(f"{name}(") and digits < new.partition("(")[2]
    pattern = _WIDER.get(name)
    return bool(pattern and pattern.fullmatch(new))


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
