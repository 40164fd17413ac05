"""A table as it is: its columns and its rows, as one transaction sees them; nothing is changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from shared.config.tables import TableConfig
from shared.core.checks import Breach
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import Column, TableSchema
from shared.core.selections import Selection
from shared.stage.arrow import from_rows
from shared.stage.reader import BATCH_ROWS
from shared.targets import guards
from shared.targets.base import RowTest
from shared.targets.relational.changes import existing_columns
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.measuring import measure
from shared.targets.relational.rowtests import RowTests


class Reading:
    """One table, as one transaction sees it."""

    def __init__(self, cursor: Any, dialect: Dialect, config: TableConfig, table: str) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._config = config
        self._table = table

    def schema(self) -> TableSchema | None:
        """Return the table's columns and key; None when it does not exist."""
        columns = columns_of(self._cursor, self._dialect, self._table)
        key = self._dialect.catalog.primary_key(self._cursor, self._table)
        return TableSchema(columns, key) if columns else None

    def test(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what tests find, by their names; nothing where there is no table."""
        schema = self.schema()
        if schema is None:
            return {}
        table = self._table
        found = RowTests(
            self._cursor, self._dialect, table, rows=table, schema=schema, manifest=None
        )
        return found.run(tests)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows; nothing where there is no table."""
        schema = self.schema()
        if schema is None:
            return
        wanted = TableSchema(tuple(schema.column(name) for name in columns))
        found = self._dialect.tests.scan(self._cursor, self._table, list(wanted), BATCH_ROWS)
        for rows in found:
            yield from_rows(wanted, rows)

    def count(self) -> int:
        """Return the number of rows; 0 when there is no table."""
        if not self._dialect.catalog.exists(self._cursor, self._table):
            return 0
        self._cursor.execute(self._dialect.sql.count(self._table))
        return int(self._cursor.fetchone()[0])

    def measure(self, schema: TableSchema, piece: Slice | None) -> Point:
        """Return the point of the rows, or of a slice, by the database's own engine."""
        columns, facts = list(schema), self._dialect.facts
        found = existing_columns(self._cursor, self._dialect, self._table)
        asked = {c.name: facts.facts_of(c, found[c.name].type) for c in columns}
        condition = self._condition(schema, piece)
        return measure(self._cursor, self._dialect, self._table, columns, asked, condition)

    def read(self, schema: TableSchema, piece: Slice | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows, or a slice of them, as Arrow carries the columns' types."""
        condition = self._condition(schema, piece)
        yield from self._dialect.read(self._cursor, self._table, list(schema), condition)

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the rows."""
        statement, values = self._dialect.paging.select(self._table, selection)
        for before in self._dialect.paging.BEFORE:
            self._cursor.execute(before)
        self._cursor.execute(statement, values)
        return [tuple(row) for row in self._cursor.fetchall()]

    def _condition(self, schema: TableSchema, piece: Slice | None) -> str:
        facts, deleted_at = self._dialect.facts, guards.marker(self._config)
        limits = [facts.is_null(deleted_at)] if deleted_at else []
        limits += [facts.within(schema.column(piece.column), piece)] if piece else []
        return " AND ".join(limits)


def columns_of(cursor: Any, dialect: Dialect, table: str) -> tuple[Column, ...]:
    """Return the columns of a table; none when it does not exist."""
    return tuple(
        Column(name=name, type=dialect.types.data_type(kind), is_nullable=not is_required)
        for name, kind, is_required in dialect.catalog.columns(cursor, table)
    )
