"""A table as it is: its columns and its rows; nothing is changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from shared.config.tables import TableConfig
from shared.core import measuring
from shared.core.checks import Breach
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.selections import Selection
from shared.stage import readback
from shared.targets import guards
from shared.targets.base import RowTest
from shared.targets.bigquery import facts, paging, sql, tables
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.rowtests import RowTests, scan
from shared.targets.bigquery.tables import Ref


class Reading:
    """One table; each query is billed for what it reads."""

    def __init__(self, jobs: Jobs, config: TableConfig, table: Ref) -> None:
        self._jobs = jobs
        self._config = config
        self._table = table

    def schema(self) -> TableSchema | None:
        """Return the table's columns and key; None when it does not exist."""
        found = tables.find(self._jobs, self._table)
        return found.schema if found else None

    def test(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what tests find, by their names; nothing where there is no table."""
        if tables.find(self._jobs, self._table) is None:
            return {}
        return RowTests(self._jobs, self._config, self._table, self._table, None).run(tests)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows; nothing where there is no table."""
        found = self.schema()
        if found is None:
            return
        wanted = TableSchema(tuple(found.column(name) for name in columns))
        yield from scan(self._jobs, self._table, wanted)

    def count(self) -> int:
        """Return the number of rows; 0 when there is no table."""
        if tables.find(self._jobs, self._table) is None:
            return 0
        return int(next(iter(self._jobs.query(sql.count(self._table.sql))))[0])

    def measure(self, schema: TableSchema, piece: Slice | None) -> Point:
        """Return the point of the rows, or of a slice, by BigQuery's own engine."""
        asked = {column.name: facts.facts_of(column) for column in schema}
        statement = facts.measure(self._table.sql, asked, self._condition(schema, piece))
        (row,) = self._jobs.query(statement)
        return measuring.point(schema, asked, tuple(row))

    def read(self, schema: TableSchema, piece: Slice | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows, or a slice of them, as Arrow carries the columns' types."""
        columns = list(schema)
        statement = facts.select(self._table.sql, columns, self._condition(schema, piece))
        yield from readback.batches(columns, map(tuple, self._jobs.query(statement)))

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the rows."""
        statement, values = paging.select(self._table.sql, selection)
        return [tuple(row.values()) for row in self._jobs.query(statement, **values)]

    def _condition(self, schema: TableSchema, piece: Slice | None) -> str:
        deleted_at = guards.marker(self._config)
        limits = [facts.is_null(deleted_at)] if deleted_at else []
        limits += [facts.within(schema.column(piece.column), piece)] if piece else []
        return " AND ".join(limits)
