"""Definitions of tables, columns and indexes: PostgreSQL's wording, notes of what it forgets."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from local.sqlserver import types
from local.sqlserver.names import literal, note, note_column, qualified, quote


def notes(tree: exp.Expr) -> tuple[str, ...]:
    """Return what writes down how the names and types of a definition were spelled."""
    found: list[str] = []
    if isinstance(tree, exp.Create):
        found += _of_create(tree)
    elif isinstance(tree, exp.Alter):
        table = tree.this
        for column in tree.find_all(exp.ColumnDef):
            found += _of_column(table, column)
        for constraint in tree.find_all(exp.Constraint):
            found += _of_constraint(table, constraint)
        found += [_of_change(table, each) for each in tree.find_all(exp.AlterColumn)]
    elif isinstance(tree, exp.Select) and tree.args.get("into"):
        target = tree.args["into"].this
        found += note("TABLE", qualified(target.db, target.name), target.name)
        found += _of_copy(tree, target)
    return tuple(found)


def _of_create(tree: exp.Create) -> Iterator[str]:
    if tree.kind == "SCHEMA":
        yield from note("SCHEMA", quote(tree.this.db), tree.this.db)
    elif tree.kind == "TABLE":
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        yield from note("TABLE", qualified(table.db, table.name), table.name)
        for column in tree.find_all(exp.ColumnDef):
            yield from _of_column(table, column)
        for constraint in tree.find_all(exp.Constraint):
            yield from _of_constraint(table, constraint)
    elif tree.kind == "INDEX":
        table, name = tree.this.args["table"], tree.this.name
        yield from note("INDEX", qualified(table.db, name), name)


def _of_column(table: exp.Table, column: exp.ColumnDef) -> list[str]:
    place = qualified(table.db, table.name, column.name)
    collation = next(
        (each.this.name for each in column.find_all(exp.CollateColumnConstraint)), None
    )
    kind = types.note_of(column.kind) if column.kind is not None else None
    return note("COLUMN", place, column.name, type=kind, collation=collation)


def _of_change(table: exp.Table, change: exp.AlterColumn) -> str:
    """A column gets another type; its name stays as it was written."""
    collation, dtype = change.args.get("collate"), change.args["dtype"]
    facts = {
        "type": types.note_of(dtype),
        "collation": collation.name if isinstance(collation, exp.Expr) else None,
    }
    place = qualified(table.db, table.name)
    return note_column(place, change.this.name, facts)


def _of_constraint(table: exp.Table, constraint: exp.Constraint) -> list[str]:
    keys = (exp.PrimaryKey, exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint)
    if not constraint.find(*keys):
        return []
    return note("INDEX", qualified(table.db, constraint.name), constraint.name)


def _of_copy(tree: exp.Select, target: exp.Table) -> Iterator[str]:
    """SELECT … INTO keeps the columns' names as they were written."""
    into = literal(qualified(target.db, target.name))
    for table in tree.find_all(exp.Table):
        if table is not target and isinstance(table.this, exp.Identifier):
            source = literal(qualified(table.db, table.name))
            yield f"SELECT sys.copy_notes({into}, {source})"


def simplify_keys(tree: exp.Expr) -> None:
    """Leave nothing in keys and indexes that PostgreSQL does not take there, as NULLS FIRST."""
    for key in tree.find_all(exp.PrimaryKey, exp.UniqueColumnConstraint, exp.IndexParameters):
        for ordered in list(key.find_all(exp.Ordered)):
            ordered.set("nulls_first", False if ordered.args.get("desc") else None)
            if not isinstance(key, exp.IndexParameters):
                ordered.replace(ordered.this)


def written(tree: exp.Expr) -> str | None:
    """Return a definition that sqlglot writes wrongly for PostgreSQL; None for everything else."""
    if isinstance(tree, exp.Drop) and tree.kind == "INDEX":
        return _drop_index(tree)
    if isinstance(tree, exp.Alter):
        changes = [each for each in tree.args["actions"] if isinstance(each, exp.AlterColumn)]
        if changes:
            return _alter_column(tree.this, changes[0])
    return None


def _drop_index(tree: exp.Drop) -> str | None:
    place = tree.args.get("cluster")
    if place is None:
        return None
    exists = "IF EXISTS " if tree.args.get("exists") else ""
    names = [qualified(place.this.db or "dbo", each.name) for each in tree.args["tables"]]
    return f"DROP INDEX {exists}{', '.join(names)}"


def _alter_column(table: exp.Table, change: exp.AlterColumn) -> str:
    """A column becomes nullable unless it is said that it is not."""
    collate = change.args.get("collate")
    collation = collate.name if isinstance(collate, exp.Expr) else ""
    dtype = change.args["dtype"]
    kind = types.postgres_type(dtype, collation=collation, in_column=True)
    name = quote(change.this.name)
    null = "DROP" if change.args.get("allow_null") is not False else "SET"
    return (
        f"ALTER TABLE {qualified(table.db, table.name)} ALTER COLUMN {name} TYPE "
        f"{kind or dtype.sql(dialect='postgres')}, ALTER COLUMN {name} {null} NOT NULL"
    )
