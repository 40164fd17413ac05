"""The statements that bring a table to a run's rows by key. Pure.

No MERGE, whose concurrency has traps of its own.
"""

from shared.targets.relational.merging import Merge, MergeStatements
from shared.targets.sqlserver import sql
from shared.targets.sqlserver.identifiers import quote


def statements(merge: Merge) -> MergeStatements:
    """Return the statements; each looks for itself."""
    return MergeStatements(
        compare=(),
        delete=_delete(merge) if merge.is_whole else None,
        update=_update(merge),
        insert=_insert(merge),
        tidy=None,
    )


def _delete(merge: Merge) -> str:
    place = (merge.table, merge.staging, merge.key, merge.casts)
    return sql.mark_missing(*place, merge.marker) if merge.marker else sql.delete_missing(*place)


def _update(merge: Merge) -> str | None:
    casts = merge.casts
    sets = [f"{quote(c.name)} = {sql.value(c.name, casts)}" for c in merge.others]
    mine, theirs = [], []
    for column in merge.others:
        mine += sql.comparable(column, f"t.{quote(column.name)}", casts)
        theirs += sql.comparable(column, sql.value(column.name, casts), casts)
    if merge.marker:
        sets.append(f"{quote(merge.marker)} = NULL")
        mine.append(f"t.{quote(merge.marker)}")
        theirs.append(f"CAST(NULL AS {sql.MARKER_TYPE})")
    if not sets:
        return None
    return (
        f"UPDATE t SET {', '.join(sets)} FROM {merge.table} AS t "
        f"JOIN {merge.staging} AS s ON {sql.same_key(merge.key, casts)} "
        f"WHERE EXISTS (SELECT {', '.join(mine)} EXCEPT SELECT {', '.join(theirs)})"
    )


def _insert(merge: Merge) -> str:
    return (
        f"{sql.insert_all(merge.table, merge.staging, merge.columns, merge.casts)} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {merge.table} AS t "
        f"WHERE {sql.same_key(merge.key, merge.casts)})"
    )
