"""Statements that change a table's columns, in GoogleSQL; each may be run again."""

from collections.abc import Sequence

from shared.core.schemas import Column
from shared.targets.bigquery import types
from shared.targets.bigquery.identifiers import quote
from shared.targets.columns import Existing


def add_columns(table: str, columns: Sequence[Column]) -> str:
    """Return ALTER TABLE … ADD COLUMN for columns that may be NULL; those that are there stay."""
    adds = (f"ADD COLUMN IF NOT EXISTS {quote(c.name)} {types.type_name(c.type)}" for c in columns)
    return f"ALTER TABLE {table} {', '.join(adds)}"


def add_column(table: str, column: Column) -> str:
    """Return ALTER TABLE … ADD COLUMN for a column that may be NULL."""
    return add_columns(table, [column])


def change_type(table: str, column: Column, existing: Existing) -> str:  # noqa: ARG001
    """Return ALTER TABLE … ALTER COLUMN; what a column requires stays as it is."""
    kind = types.type_name(column.type)
    return f"ALTER TABLE {table} ALTER COLUMN {quote(column.name)} SET DATA TYPE {kind}"


def drop_column(table: str, name: str) -> str:
    """Return ALTER TABLE … DROP COLUMN."""
    return f"ALTER TABLE {table} DROP COLUMN {quote(name)}"
