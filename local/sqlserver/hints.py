"""Hints and index options: what sqlglot does not read is taken out, locks are asked for.

Source of the locks: Microsoft Learn, "Table Hints (Transact-SQL)".
"""

from __future__ import annotations

import re

from sqlglot import exp

from local.sqlserver.names import qualified

# Hints that SQL Server answers with a range or table lock; here always with a table's.
_TABLE_LOCKS = {
    "HOLDLOCK": "SHARE ROW EXCLUSIVE",
    "SERIALIZABLE": "SHARE ROW EXCLUSIVE",
    "TABLOCK": "SHARE",
    "TABLOCKX": "EXCLUSIVE",
}
_ROW_LOCKS = {"UPDLOCK", "XLOCK"}
_TEXT = r"N?'(?:[^']|'')*'|\[(?:[^\]]|\]\])*\]|\"(?:[^\"]|\"\")*\""
_CLUSTERED = re.compile(rf"({_TEXT})|\b(?:NON)?CLUSTERED\b", re.I)
_NAME = rf"(?:{_TEXT}|\w+)"
_INSERT = re.compile(
    rf"^(\s*INSERT\s+(?:INTO\s+)?{_NAME}(?:\s*\.\s*{_NAME})*)\s+WITH\s*\(([\w\s,]+)\)", re.I
)


def simplify(sql: str) -> tuple[str, frozenset[str]]:
    """Return a statement as sqlglot reads it, and the hints for the table of an INSERT."""
    found: frozenset[str] = frozenset()
    if match := _INSERT.match(sql):
        found = frozenset(re.findall(r"\w+", match[2].upper()))
        sql = match[1] + " " + sql[match.end() :]
    return _CLUSTERED.sub(lambda each: each[1] or "", sql), found


def take(tree: exp.Expr, inserting: frozenset[str]) -> tuple[str, ...]:
    """Take the hints out of a statement and return what locks whole tables.

    UPDLOCK on rows becomes FOR UPDATE, where PostgreSQL takes it.
    """
    locks, wants_rows = [], False
    if isinstance(tree, exp.Insert):
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        locks += _locks(target, {"TABLOCKX" if each == "TABLOCK" else each for each in inserting})
    for table in tree.find_all(exp.Table):
        found = {
            each.name.upper() for hint in table.args.get("hints") or () for each in hint.expressions
        }
        table.set("hints", None)
        locks += _locks(table, found)
        wants_rows = wants_rows or bool(found & _ROW_LOCKS)
    is_plain = isinstance(tree, exp.Select) and not any(
        tree.args.get(each) for each in ("group", "distinct")
    )
    if wants_rows and is_plain and not tree.find(exp.AggFunc):
        tree.set("locks", [exp.Lock(update=True)])
    return tuple(dict.fromkeys(locks))


def _locks(table: exp.Table, hints: set[str]) -> list[str]:
    return [
        f"LOCK TABLE {qualified(table.db, table.name)} IN {mode} MODE"
        for hint, mode in _TABLE_LOCKS.items()
        if hint in hints
    ]
