"""A table as Snowflake describes it: its columns, its key, and the columns that runs go by."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from shared.config.tables import TableConfig
from shared.core import protection
from shared.core.schemas import TableSchema
from shared.errors import SchemaConflictError, SourceRefusedError
from shared.sources.snowflake import answers, sql
from shared.sources.snowflake.types import SourceColumn, find

COLUMN_FACTS = 7
"""So many fields of a row about a column are the column's; the rest are about its table."""


class Description:
    """The description of one table, asked for once."""

    def __init__(self, session: Any, config: TableConfig, table: sql.TableRef) -> None:
        self._session = session
        self._config = config
        self._table = table
        self._columns: tuple[SourceColumn, ...] | None = None
        self._facts: tuple[Any, ...] = ()
        self._key: tuple[str, ...] | None = None

    def columns(self) -> tuple[SourceColumn, ...]:
        """Return all columns, in order.

        Raises:
            SourceRefusedError: the table does not exist, or the role may not see it.
        """
        if self._columns is None:
            rows = answers.rows(
                self._session, sql.columns(self._table), f"describing {self._table.name}"
            )
            if not rows:
                raise SourceRefusedError(
                    f"{self._table.name} does not exist in Snowflake, or the role may not see it",
                    table=self._config.name,
                )
            self._facts = tuple(rows[0][COLUMN_FACTS:])
            self._columns = tuple(_source_column(row[:COLUMN_FACTS]) for row in rows)
        return self._columns

    def facts(self) -> tuple[Any, ...]:
        """Return what Snowflake says of the table itself: first its kind."""
        self.columns()
        return self._facts

    def columns_to_read(self, *, is_keys: bool) -> tuple[SourceColumn, ...]:
        """Return the columns of the rows that are read, or of their keys alone."""
        if is_keys:
            return tuple(find(self.columns(), k, "key") for k in self.key())
        dropped = self._config.dropped
        return tuple(c for c in self.columns() if c.target_name not in dropped)

    def key(self) -> tuple[str, ...]:
        """Return the names of the key's columns in the target: as configured, or as declared."""
        if self._key is None:
            self._key = self._find_key()
        return self._key

    def cursor(self) -> SourceColumn | None:
        """Return the column that tells new rows from those that were read; None without one."""
        name = self._config.incremental_column
        return find(self.columns(), name, "incremental_column") if name else None

    def schema(self) -> TableSchema:
        """Return the columns as they will be in the target, with the key; none that is dropped.

        Raises:
            SchemaConflictError: an unknown type, names that collide, or a key that is no column.
            InvalidConfigError: a column that is protected is not there, or cannot be protected so.
        """
        columns = tuple(c.column for c in self.columns())
        names = [c.name for c in columns]
        collisions = sorted({n for n in names if names.count(n) > 1})
        if collisions:
            raise SchemaConflictError(
                f"columns of {self._table.name} differ only in case: {', '.join(collisions)}"
            )
        whole = TableSchema(columns, self.key())
        return protection.kept(whole, self._config.protected, table=self._config.name)

    def split_column(self) -> SourceColumn | None:
        """Return the first column of the key, or the cursor, if its values can be cut into ranges.

        A plan holds their ends, so no protected column is cut by: another one of the key may do.
        """
        shown = [name for name in self.key() if name not in self._config.protected]
        candidates = [find(self.columns(), name, "primary_key") for name in shown[:1]]
        candidates += [c for c in (self.cursor(),) if c]
        for column in candidates:
            with suppress(SchemaConflictError):
                sql.cast_name(column)
                return column
        return None

    def _find_key(self) -> tuple[str, ...]:
        columns = self.columns()
        if self._config.primary_key is not None:
            found = [find(columns, k, "primary_key") for k in self._config.primary_key]
            return tuple(c.target_name for c in found)
        query = sql.primary_keys(self._table)
        rows = answers.rows(self._session, query, "listing primary keys", as_dict=True)
        by_position = sorted(rows, key=lambda r: int(r["key_sequence"]))
        return tuple(find(columns, r["column_name"], "key").target_name for r in by_position)


def _source_column(row: Sequence[Any]) -> SourceColumn:
    name, type_name, precision, scale, datetime_precision, is_nullable, comment = row
    return SourceColumn(
        name=name,
        type_name=type_name,
        precision=precision,
        scale=scale,
        datetime_precision=datetime_precision,
        is_nullable=is_nullable == "YES",
        comment=comment,
    )
