"""Every statement that Sluice sends to Snowflake. Pure: names in, text and bound values out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.core.measuring import FLOAT_FACTOR, FLOAT_LIMIT, Asked, aggregates, items
from shared.core.plans import Slice
from shared.core.schemas import Kind
from shared.core.windows import CursorKind, Window
from shared.errors import InvalidSchemaError
from shared.sources.snowflake.types import SourceColumn

MAX_IDENTIFIER_CHARS = 255
"""Source: Snowflake, "Identifier requirements"."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9}")

TIME_FORMAT = "YYYY-MM-DD HH24:MI:SS.FF9"
DATE_FORMAT = "YYYY-MM-DD"
"""Texts that go back to Snowflake are written out: an account may have other formats."""

NOW = f"SELECT TO_CHAR(CURRENT_TIMESTAMP(), '{TIME_FORMAT}')"
"""The snapshot's time; the session's time zone is UTC."""

Query = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRef:
    """A table, optionally at a past moment."""

    database: str
    schema: str
    table: str
    at: str | None = None

    @property
    def name(self) -> str:
        """The qualified, quoted name."""
        return ".".join(quote(p) for p in (self.database, self.schema, self.table))

    def relation(self) -> str:
        """Return what stands behind FROM."""
        if self.at is None:
            return self.name
        if not _MOMENT.fullmatch(self.at):
            raise InvalidSchemaError(f"{self.at!r} is not a moment of Snowflake's clock")
        return f"{self.name} AT(TIMESTAMP => '{self.at} +0000'::TIMESTAMP_TZ)"


def quote(name: str) -> str:
    """Return a quoted identifier.

    Raises:
        InvalidSchemaError: empty, with a NUL, or longer than Snowflake allows.
    """
    if not name or "\x00" in name or len(name) > MAX_IDENTIFIER_CHARS:
        raise InvalidSchemaError(
            f"{name!r} cannot be a name in Snowflake: 1 to {MAX_IDENTIFIER_CHARS} characters"
        )
    return '"' + name.replace('"', '""') + '"'


def columns(ref: TableRef) -> Query:
    """Return the query for a table's columns, in order.

    Behind each come the table's kind, and when it was created and last altered: one query less.
    """
    catalog = f"{quote(ref.database)}.information_schema"
    return (
        "SELECT c.column_name, c.data_type, c.numeric_precision, c.numeric_scale, "
        "c.datetime_precision, c.is_nullable, c.comment, t.table_type, "
        f"TO_CHAR(t.created, '{TIME_FORMAT}'), TO_CHAR(t.last_altered, '{TIME_FORMAT}') "
        f"FROM {catalog}.columns c JOIN {catalog}.tables t "
        "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
        "WHERE c.table_schema = ? AND c.table_name = ? ORDER BY c.ordinal_position",
        (ref.schema, ref.table),
    )


def size(ref: TableRef) -> Query:
    """Return the query for a table's rows, bytes and comment, by Snowflake's own statistics."""
    return (
        f"SELECT row_count, bytes, comment FROM {quote(ref.database)}.information_schema.tables "
        "WHERE table_schema = ? AND table_name = ?",
        (ref.schema, ref.table),
    )


def last_change(ref: TableRef) -> Query:
    """Return the query for the mark of a table's last change, and the time."""
    literal = ref.name.replace("\\", "\\\\").replace("'", "''")
    change = f"SYSTEM$LAST_CHANGE_COMMIT_TIME('{literal}')"
    return f"SELECT {change}, TO_CHAR(CURRENT_TIMESTAMP(), '{TIME_FORMAT}')", ()


def primary_keys(ref: TableRef) -> Query:
    """Return the command that lists the declared key."""
    return f"SHOW PRIMARY KEYS IN TABLE {ref.name}", ()


def largest(ref: TableRef, cursor: SourceColumn) -> Query:
    """Return the query for the largest cursor value, as text."""
    return f"SELECT TO_VARCHAR(MAX({quote(cursor.name)})) FROM {ref.relation()}", ()


def extent(
    ref: TableRef, names: Sequence[SourceColumn], cursor: SourceColumn | None, where: Query
) -> Query:
    """Return the query for rows, NULL cursors, and values finer than microseconds per column."""
    counts = ["COUNT(*)"]
    counts.append(f"COUNT_IF({quote(cursor.name)} IS NULL)" if cursor else "0")
    counts += [
        f"COUNT_IF(DATE_PART(NANOSECOND, {quote(c.name)}) % 1000 <> 0)"
        for c in names
        if c.has_nanoseconds
    ]
    condition, bound = where
    return f"SELECT {', '.join(counts)} FROM {ref.relation()}{condition}", bound


def facts(ref: TableRef, asked: Asked, where: Query) -> Query:
    """Return the query for the facts of a window's rows, in one pass over them."""
    condition, bound = where
    return f"SELECT {', '.join(items(asked, 'COUNT(*)'))} FROM {ref.relation()}{condition}", bound


def asked_of(column: SourceColumn, *, has_characters: bool) -> dict[str, str]:
    """Return the facts that Snowflake can say of a column, each with its SQL.

    Args:
        column: the column.
        has_characters: texts are measured in characters as well.
    """
    name, kind = quote(column.name), column.data_type.kind
    found = aggregates(column.column, number=as_number(column))
    if kind is Kind.TEXT and has_characters:
        found["characters"] = f"SUM(LENGTH({name}))"
    texts = {fact: f"TO_VARCHAR({sql})" for fact, sql in found.items()}
    return {"nulls": f"COUNT_IF({name} IS NULL)", **texts}


def as_number(column: SourceColumn) -> str:
    """Return the SQL of the whole number that stands for a value of a column."""
    return _NUMBERS.get(column.data_type.kind, "{0}").format(quote(column.name))


_NUMBERS = {
    Kind.BOOL: "CAST({0} AS NUMBER(1, 0))",
    Kind.FLOAT64: (
        f"IFF(ABS({{0}}) < {FLOAT_LIMIT}, "
        f"CAST(FLOOR({{0}} * {FLOAT_FACTOR}) AS NUMBER(38, 0)), NULL)"
    ),
    Kind.TEXT: "OCTET_LENGTH({0})",
    Kind.BINARY: "LENGTH({0})",
    Kind.JSON: "OCTET_LENGTH(TO_JSON({0}))",
    Kind.DATE: "DATEDIFF(DAY, CAST('1970-01-01' AS DATE), {0})",
    Kind.TIME: "DATEDIFF(MICROSECOND, CAST('00:00:00' AS TIME), {0})",
    Kind.TIMESTAMP: "DATE_PART(EPOCH_MICROSECOND, {0})",
    Kind.TIMESTAMPTZ: "DATE_PART(EPOCH_MICROSECOND, {0})",
}
"""Numbers of values, as docs/receipt.md defines them; of other kinds it is the value.

Source: Snowflake, "String & binary functions" and "Supported date and time parts".
"""


def left_out(ref: TableRef, cursor: SourceColumn, high: str | None) -> Query:
    """Return the query for the rows beyond ``high`` (None: no end) and those without a cursor."""
    name = quote(cursor.name)
    if high is None:
        return f"SELECT 0, COUNT(*) FROM {ref.relation()} WHERE {name} IS NULL", ()
    ahead, bound = f"{name} > CAST(? AS {_cast(cursor)})", _literal(cursor, high)
    counts = f"COUNT_IF({ahead}), COUNT_IF({name} IS NULL)"
    where = f"{ahead} OR {name} IS NULL"
    return f"SELECT {counts} FROM {ref.relation()} WHERE {where}", (bound, bound)


def select(ref: TableRef, names: Sequence[SourceColumn], where: Query) -> Query:
    """Return the query for the rows."""
    condition, bound = where
    items = ", ".join(_item(c) for c in names)
    return f"SELECT {items} FROM {ref.relation()}{condition}", bound


def condition(
    cursor: SourceColumn | None, window: Window | None, *, with_null: bool, to_high: bool
) -> Query:
    """Return the WHERE of a window, or nothing.

    Args:
        cursor: the cursor column.
        window: the window; its text is bound and cast to the cursor's own type.
        with_null: rows whose cursor is NULL belong to it.
        to_high: the upper end counts; a full read of a merged table has none. A window without
            an upper end, of a table without a number to start from, then holds no number.
    """
    if cursor is None or window is None:
        return "", ()
    name, kind = quote(cursor.name), _cast(cursor)
    limits, values = [], []
    if window.read_from is not None:
        limits.append(f"{name} > CAST(? AS {kind})")
        values.append(_literal(cursor, window.read_from))
    if to_high and window.high is None:
        limits.append("FALSE")
    elif to_high and window.high:
        limits.append(f"{name} <= CAST(? AS {kind})")
        values.append(_literal(cursor, window.high))
    if not limits:
        return ("", ()) if with_null else (f" WHERE {name} IS NOT NULL", ())
    inside = " AND ".join(limits)
    where = f"(({inside}) OR {name} IS NULL)" if with_null else f"({inside})"
    return f" WHERE {where}", tuple(values)


def with_slice(where: Query, column: SourceColumn, piece: Slice) -> Query:
    """Return a WHERE narrowed to one slice of a column's values."""
    if piece.after is None and piece.upto is None:
        return where
    condition, bound = where
    name, kind = quote(column.name), cast_name(column)
    limits, values = [], []
    if piece.after is not None:
        limits.append(f"{name} > CAST(? AS {kind})")
        values.append(piece.after)
    if piece.upto is not None:
        limits.append(f"{name} <= CAST(? AS {kind})")
        values.append(piece.upto)
    inside = " AND ".join(limits)
    if piece.after is None:
        inside = f"({inside} OR {name} IS NULL)"
    word = f"{condition} AND" if condition else " WHERE"
    return f"{word} {inside}", (*bound, *values)


def quantiles(ref: TableRef, column: SourceColumn, where: Query, number: int) -> Query:
    """Return the query for the largest value of each of ``number`` equal shares of the rows."""
    condition, bound = where
    name = quote(column.name)
    shares = (
        f"SELECT {name} AS value, NTILE({number}) OVER (ORDER BY {name}) AS share "
        f"FROM {ref.relation()}{condition}"
    )
    text = _as_text("MAX(value)", column)
    return f"SELECT {text} FROM ({shares}) GROUP BY share ORDER BY share", bound


def cast_name(column: SourceColumn) -> str:
    """Return the type to which the text of a column's value is cast back.

    Raises:
        SchemaConflictError: rows cannot be cut by a column of this type.
    """
    if column.data_type.kind is Kind.TEXT:
        return "VARCHAR"
    return _cast(column)


def _as_text(value: str, column: SourceColumn) -> str:
    if column.data_type.kind is Kind.DATE:
        return f"TO_CHAR({value}, '{DATE_FORMAT}')"
    if column.data_type.kind is Kind.TIMESTAMP:
        return f"TO_CHAR({value}, '{TIME_FORMAT}')"
    if column.data_type.kind is Kind.TIMESTAMPTZ:
        return f"TO_CHAR({value}, '{TIME_FORMAT} TZHTZM')"
    return f"TO_VARCHAR({value})"


def _item(column: SourceColumn) -> str:
    name = quote(column.name)
    if column.data_type.kind is Kind.JSON:
        return f"TO_JSON({name}) AS {name}"
    return name


def _cast(cursor: SourceColumn) -> str:
    if cursor.cursor_kind is CursorKind.TIME:
        zoned = cursor.type_name != "TIMESTAMP_NTZ"
        return "TIMESTAMP_TZ(9)" if zoned else "TIMESTAMP_NTZ(9)"
    return "DATE" if cursor.cursor_kind is CursorKind.DATE else "NUMBER(38,0)"


def _literal(cursor: SourceColumn, text: str) -> str:
    zoned = cursor.cursor_kind is CursorKind.TIME and cursor.type_name != "TIMESTAMP_NTZ"
    return f"{text} +0000" if zoned else text
