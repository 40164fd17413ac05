"""Statements for BigQuery, in GoogleSQL. Pure: names in, text out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from shared.core.schemas import Column
from shared.targets.bigquery import types
from shared.targets.bigquery.identifiers import literal, quote

FENCE = "sluice: the table was published meanwhile"
"""What a script fails with whose epoch is no longer the table's."""

CLAIMED = "sluice: the part is staged already"
"""What a script fails with whose part somebody else has staged."""

INSERTED, UPDATED, DELETED, BEFORE = (
    f"sluice_{name}" for name in ("inserted", "updated", "deleted", "before")
)
"""Variables of a publishing script."""

MAX_RANGES = 50
"""Of partitions in one condition; more become the one range that spans them."""

MARKER_TYPE = "TIMESTAMP"


def script(statements: Iterable[str]) -> str:
    """Return statements as one transaction; an error undoes all of them."""
    return ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]) + ";"


def declare() -> str:
    """Return what a publishing script begins with, before its transaction."""
    return f"DECLARE {INSERTED}, {UPDATED}, {DELETED}, {BEFORE} INT64 DEFAULT 0;\n"


def create_table(
    table: str,
    columns: Sequence[Column],
    key: Sequence[str],
    partitioned_by: str | None,
    clustered_by: Sequence[str],
) -> str:
    """Return the statement for a table that the API makes, for people to read and to change."""
    listed = [_definition(c, is_key=c.name in key) for c in columns]
    if key:
        listed.append(f"PRIMARY KEY ({', '.join(quote(k) for k in key)}) NOT ENFORCED")
    statement = f"CREATE TABLE {table} ({', '.join(listed)})"
    if partitioned_by:
        statement += f" PARTITION BY {partitioned_by}"
    if clustered_by:
        statement += f" CLUSTER BY {', '.join(quote(name) for name in clustered_by)}"
    return statement


def altered(staging: str, columns: Sequence[Column], values: Mapping[str, str]) -> str:
    """Return the staged rows with other values, as what stands in FROM; ``staging`` if none differ.

    Args:
        staging: the staged rows.
        columns: theirs.
        values: expressions by column, for those that are altered.
    """
    if not values:
        return staging
    listed = (
        f"{values[c.name]} AS {quote(c.name)}" if c.name in values else quote(c.name)
        for c in columns
    )
    return f"(SELECT {', '.join(listed)} FROM {staging})"


def cut(column: str, limit: int) -> str:
    """Return a text, or bytes, of at most so many characters, or bytes."""
    return f"SUBSTR({quote(column)}, 1, {limit})"


def rounded(column: str, scale: int) -> str:
    """Return a decimal with at most so many digits behind its point."""
    return f"ROUND({quote(column)}, {scale})"


def count_rounded(staging: str, column: str, scale: int) -> str:
    """Return a count of the staged decimals with more digits behind their point."""
    return f"{count(staging)} WHERE {quote(column)} != {rounded(column, scale)}"


def partition(column: Column, by: str) -> str:
    """Return what a table is partitioned by, as a statement writes it."""
    kind = types.type_name(column.type)
    if kind == "DATE" and by == "day":
        return quote(column.name)
    return f"{kind}_TRUNC({quote(column.name)}, {by.upper()})"


def count(table: str) -> str:
    """Return a count of all rows."""
    return f"SELECT COUNT(*) FROM {table}"


def count_unmarked(table: str, marker: str | None) -> str:
    """Return a count of the rows that are not marked as deleted."""
    return f"{count(table)} AS t" + (f" WHERE t.{quote(marker)} IS NULL" if marker else "")


def count_missing(table: str, keys: str, key: Sequence[str], marker: str | None) -> str:
    """Return a count of the rows that are not marked, and whose key is not staged."""
    unmarked = f"t.{quote(marker)} IS NULL AND " if marker else ""
    return f"{count(table)} AS t WHERE {unmarked}NOT {is_staged(keys, key)}"


def null_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of staged rows in which a part of the key is NULL."""
    return f"{count(staging)} AS s WHERE {' OR '.join(f'{quote(k)} IS NULL' for k in key)}"


def repeated_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of the keys that several staged rows share."""
    listed = ", ".join(quote(k) for k in key)
    keys = f"SELECT {listed}, COUNT(*) AS times FROM {staging} AS s GROUP BY {listed}"
    return f"SELECT COUNT(*) FROM ({keys} HAVING COUNT(*) > 1) AS repeated"


def too_long(staging: str, column: str, kind: str, limit: int) -> str:
    """Return a count of staged texts, or bytes, longer than a limit."""
    measure = "BYTE_LENGTH" if kind.startswith("BYTES") else "CHAR_LENGTH"
    return f"{count(staging)} WHERE {measure}({quote(column)}) > {limit}"


def numbers(queries: dict[str, str]) -> str:
    """Return one row with the number that each query gives, by name."""
    return "SELECT " + ", ".join(f"({query}) AS {quote(name)}" for name, query in queries.items())


def staged_days(
    table: str, staging: str, key: Sequence[str], column: str, *, with_table: bool
) -> str:
    """Return the days of the partitions that a merge touches.

    Args:
        table: the table; its rows whose key is staged may be in other partitions than the staged.
        staging: the staged rows.
        key: the key's columns.
        column: the one that the table is partitioned by.
        with_table: whether those rows of the table are looked for.
    """
    days = f"SELECT CAST(s.{quote(column)} AS DATE) AS day FROM {staging} AS s"
    if with_table:
        days += (
            f" UNION ALL SELECT CAST(t.{quote(column)} AS DATE) AS day FROM {table} AS t "
            f"JOIN {staging} AS s ON {same_key(key)}"
        )
    return f"SELECT DISTINCT day FROM ({days}) AS found ORDER BY day"


def within(column: str, kind: str, days: Sequence[date | None]) -> str:
    """Return the condition that a row of the table is in a partition with one of the days."""
    value = f"t.{quote(column)}"
    found = sorted(day for day in days if day is not None)
    ranges = _ranges(found)
    conditions = [_between(value, kind, first, last) for first, last in ranges]
    if None in days:
        conditions.append(f"{value} IS NULL")
    return f"({' OR '.join(conditions)})" if conditions else "FALSE"


def merge(
    table: str,
    staging: str,
    columns: Sequence[Column],
    key: Sequence[str],
    *,
    marker: str | None = None,
    pruned: str | None = None,
) -> str:
    """Return MERGE of the staged rows: those that differ are updated, new ones inserted.

    Args:
        table: the table.
        staging: the staged rows, or a query in brackets for them.
        columns: the staged columns.
        key: of them, the key's.
        marker: the column that marks rows as deleted; a staged row is none.
        pruned: a condition that all rows of the table with a staged key meet.
    """
    others = [c.name for c in columns if c.name not in key]
    sets = [f"{quote(name)} = s.{quote(name)}" for name in others]
    differs = [f"t.{quote(name)} IS DISTINCT FROM s.{quote(name)}" for name in others]
    if marker:
        sets.append(f"{quote(marker)} = NULL")
        differs.append(f"t.{quote(marker)} IS NOT NULL")
    update = f"WHEN MATCHED AND ({' OR '.join(differs)}) THEN UPDATE SET {', '.join(sets)} "
    names = _names(columns)
    return (
        f"MERGE {table} AS t USING {staging} AS s ON {same_key(key)}"
        f"{f' AND {pruned}' if pruned else ''} {update if sets else ''}"
        f"WHEN NOT MATCHED THEN INSERT ({names}) "
        f"VALUES ({', '.join(f's.{quote(c.name)}' for c in columns)})"
    )


def insert_all(table: str, staging: str, columns: Sequence[Column]) -> str:
    """Return INSERT of every staged row."""
    values = ", ".join(f"s.{quote(c.name)}" for c in columns)
    return f"INSERT INTO {table} ({_names(columns)}) SELECT {values} FROM {staging} AS s"


def delete_all(table: str) -> str:
    """Return DELETE of every row."""
    return f"DELETE FROM {table} WHERE TRUE"


def delete_missing(table: str, keys: str, key: Sequence[str]) -> str:
    """Return DELETE of rows whose key is not staged."""
    return f"DELETE FROM {table} AS t WHERE NOT {is_staged(keys, key)}"


def delete_present(table: str, staging: str, key: Sequence[str]) -> str:
    """Return DELETE of rows whose key is staged."""
    return f"DELETE FROM {table} AS t WHERE {is_staged(staging, key)}"


def mark_missing(table: str, keys: str, key: Sequence[str], marker: str) -> str:
    """Return UPDATE that marks rows whose key is not staged; the moment is ``@marked_at``."""
    return (
        f"UPDATE {table} AS t SET {quote(marker)} = @marked_at "
        f"WHERE t.{quote(marker)} IS NULL AND NOT {is_staged(keys, key)}"
    )


def unmark_present(table: str, keys: str, key: Sequence[str], marker: str) -> str:
    """Return UPDATE that takes the mark from rows whose key is staged."""
    return (
        f"UPDATE {table} AS t SET {quote(marker)} = NULL "
        f"WHERE t.{quote(marker)} IS NOT NULL AND {is_staged(keys, key)}"
    )


def nothing_staged(columns: Sequence[Column]) -> str:
    """Return a query of no row that has the staged columns, to ask for a merge's cost with."""
    values = (f"CAST(NULL AS {_bare(c)}) AS {quote(c.name)}" for c in columns)
    return f"(SELECT * FROM (SELECT {', '.join(values)}) AS one WHERE FALSE)"


def texts(values: Iterable[str]) -> str:
    """Return texts as a list in brackets."""
    return f"({', '.join(literal(value) for value in values)})"


def _definition(column: Column, *, is_key: bool) -> str:
    required = "" if column.is_nullable and not is_key else " NOT NULL"
    return f"{quote(column.name)} {types.type_name(column.type)}{required}"


def _bare(column: Column) -> str:
    return types.type_name(column.type).partition("(")[0]


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(quote(c.name) for c in columns)


def same_key(key: Sequence[str], others: Sequence[str] | None = None) -> str:
    """Return whether staged row ``s`` and row ``t`` of a table have the same key.

    ``others`` are the columns of ``t``, if they are not called as those of ``s``.
    """
    pairs = zip(key, others or key, strict=True)
    return " AND ".join(f"t.{quote(other)} = s.{quote(k)}" for k, other in pairs)


def is_staged(staging: str, key: Sequence[str]) -> str:
    """Return whether the key of row ``t`` of the table is that of a staged row."""
    return f"EXISTS (SELECT 1 FROM {staging} AS s WHERE {same_key(key)})"


def _ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return days, which are sorted, as ranges from first to last."""
    ranges: list[tuple[date, date]] = []
    for day in days:
        if ranges and day - ranges[-1][1] <= timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges if len(ranges) <= MAX_RANGES else [(ranges[0][0], ranges[-1][1])]


def _between(value: str, kind: str, first: date, last: date) -> str:
    condition = f"{value} >= {_midnight(kind, first)}"
    if last < date.max:
        condition += f" AND {value} < {_midnight(kind, last + timedelta(days=1))}"
    return f"({condition})"


def _midnight(kind: str, day: date) -> str:
    clock = {"DATE": "", "DATETIME": " 00:00:00", "TIMESTAMP": " 00:00:00+00"}[kind]
    return f"{kind} '{day.isoformat()}{clock}'"
