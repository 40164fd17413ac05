"""The statements that bring a table to a run's rows by key: one comparison, then what it found.

Table and staged rows are joined once. Pairs of rows that differ, and rows that have no other, are
noted by their place (``ctid``), so that rows that stay as they are cost one reading. Whoever else
would write to the table waits meanwhile, because that would move them; readers do not wait. Pure.
"""

from shared.core.schemas import Column, Kind
from shared.targets.postgres.identifiers import quote
from shared.targets.postgres.sql import MARKER_TYPE, drop, names, same_key, value, values
from shared.targets.relational.merging import Merge, MergeStatements


def statements(merge: Merge) -> MergeStatements:
    """Return the statements."""
    return MergeStatements(
        compare=(f"LOCK TABLE {merge.table} IN SHARE ROW EXCLUSIVE MODE", _compare(merge)),
        delete=_delete(merge) if merge.is_whole else None,
        update=_update(merge),
        insert=_insert(merge),
        tidy=drop(merge.scratch),
    )


def _compare(merge: Merge) -> str:
    join = "FULL" if merge.is_whole else "RIGHT"
    found = ["t.ctid IS NULL", *_gone(merge), *_differs(merge)]
    same = same_key(merge.key, merge.casts)
    return (
        f"CREATE UNLOGGED TABLE {merge.scratch} AS "
        "SELECT t.tableoid AS piece, t.ctid AS is_at, s.ctid AS staged_at "
        f"FROM {merge.table} t {join} JOIN {merge.staging} s ON {same} WHERE {' OR '.join(found)}"
    )


def _gone(merge: Merge) -> list[str]:
    if not merge.is_whole:
        return []
    unmarked = f" AND t.{quote(merge.marker)} IS NULL" if merge.marker else ""
    return [f"s.ctid IS NULL{unmarked}"]


def _differs(merge: Merge) -> list[str]:
    mine = [_comparable(c, f"t.{quote(c.name)}") for c in merge.others]
    theirs = [_comparable(c, value(c, merge.casts)) for c in merge.others]
    differ = [f"({', '.join(mine)}) IS DISTINCT FROM ({', '.join(theirs)})"] if mine else []
    if merge.marker:
        differ.append(f"t.{quote(merge.marker)} IS NOT NULL")
    both = "t.ctid IS NOT NULL AND s.ctid IS NOT NULL"
    return [f"{both} AND ({' OR '.join(differ)})"] if differ else []


def _delete(merge: Merge) -> str:
    gone = f"{_AT} AND d.staged_at IS NULL"
    if not merge.marker:
        return f"DELETE FROM {merge.table} t USING {merge.scratch} d WHERE {gone}"
    return (
        f"UPDATE {merge.table} t SET {quote(merge.marker)} = CAST(%s AS {MARKER_TYPE}) "
        f"FROM {merge.scratch} d WHERE {gone}"
    )


def _update(merge: Merge) -> str | None:
    sets = [f"{quote(c.name)} = {value(c, merge.casts)}" for c in merge.others]
    if merge.marker:
        sets.append(f"{quote(merge.marker)} = NULL")
    if not sets:
        return None
    return (
        f"UPDATE {merge.table} t SET {', '.join(sets)} FROM {merge.scratch} d "
        f"JOIN {merge.staging} s ON s.ctid = d.staged_at WHERE {_AT}"
    )


def _insert(merge: Merge) -> str:
    return (
        f"INSERT INTO {merge.table} ({names(merge.columns)}) "
        f"SELECT {values(merge.columns, merge.casts)} FROM {merge.scratch} d "
        f"JOIN {merge.staging} s ON s.ctid = d.staged_at WHERE d.is_at IS NULL"
    )


_AT = "t.ctid = d.is_at AND t.tableoid = d.piece"
"""A place is one in a partition, where the table has some."""


def _comparable(column: Column, value: str) -> str:
    if column.type.kind is Kind.JSON:
        return f"({value})::text"  # json has no equality
    if column.type.kind is Kind.TEXT:
        # citext, or the column's collation, may take another case for the same value.
        return f'({value})::text COLLATE "C"'
    return value
