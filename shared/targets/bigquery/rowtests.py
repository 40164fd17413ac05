"""Tests of all rows in BigQuery: the same questions as of any database, each one query."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from shared.checks.values import shown
from shared.config.tables import TableConfig
from shared.core.checks import SAMPLE_ROWS, Breach
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.schemas import Column, Kind, TableSchema
from shared.stage.arrow import from_rows
from shared.stage.reader import BATCH_ROWS
from shared.targets.base import Parent, RowTest
from shared.targets.bigquery import sql, tables
from shared.targets.bigquery.identifiers import quote
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Ref


class RowTests:
    """Tests of one run's staged rows, or of the table itself where there is no run."""

    def __init__(
        self, jobs: Jobs, config: TableConfig, table: Ref, rows: Ref, manifest: Manifest | None
    ) -> None:
        self._jobs = jobs
        self._config = config
        self._table = table
        self._rows = rows.sql
        self._manifest = manifest
        # A full load leaves nothing of the table, and the table has nothing beside itself.
        is_replaced = manifest is None or manifest.mode is SyncMode.FULL
        self._has_others = not is_replaced and tables.find(jobs, table) is not None

    def run(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what the tests find, by their names."""
        return {
            t.name: self._refers(t, t.parent) if t.parent else self._is_unique(t) for t in tests
        }

    def _is_unique(self, test: RowTest) -> Breach:
        listed = ", ".join(f"s.{quote(name)}" for name in test.columns)
        known = _is_known(test.columns)
        groups = f"FROM {self._rows} AS s WHERE {known} GROUP BY {listed} HAVING COUNT(*) > 1"
        count = f"SELECT COALESCE(SUM(times), 0) FROM (SELECT COUNT(*) AS times {groups}) AS r"
        found = self._found(test, count, f"SELECT {listed} {groups}")
        if not self._has_others:
            return found
        taken = _stands_in(self._others(), test.columns, test.columns)
        return found.plus(self._where(test, f"{known} AND {taken}"))

    def _refers(self, test: RowTest, parent: Parent) -> Breach:
        project, _, dataset = parent.schema.rpartition(".")
        ref = Ref(project or self._jobs.client.project, dataset, parent.table)
        places = [self._rows] if ref == self._table else []
        if (ref != self._table or self._has_others) and tables.find(self._jobs, ref):
            places.append(ref.sql)
        stands = [f"NOT {_stands_in(place, test.columns, parent.columns)}" for place in places]
        return self._where(test, " AND ".join([_is_known(test.columns), *stands]))

    def _others(self) -> str:
        """Return the rows of the table that stay beside the staged ones."""
        manifest = self._manifest
        if manifest is None or manifest.mode is SyncMode.APPEND:
            return self._table.sql
        is_staged = sql.is_staged(self._rows, manifest.schema.primary_key)
        return f"(SELECT t.* FROM {self._table.sql} AS t WHERE NOT {is_staged})"

    def _where(self, test: RowTest, condition: str) -> Breach:
        listed = ", ".join(f"s.{quote(name)}" for name in test.columns)
        rows = f"FROM {self._rows} AS s WHERE {condition}"
        return self._found(test, f"SELECT COUNT(*) {rows}", f"SELECT {listed} {rows}")

    def _found(self, test: RowTest, count: str, values: str) -> Breach:
        number = int(next(iter(self._jobs.query(count)))[0])
        if not number:
            return Breach(rows=0)
        found: Any = self._jobs.query(f"{values} LIMIT {SAMPLE_ROWS}")
        sample = tuple(
            {name: shown(value) for name, value in zip(test.columns, row, strict=True)}
            for row in found
        )
        return Breach(rows=number, sample=sample)


def scan(jobs: Jobs, table: Ref, columns: TableSchema) -> Iterator[pa.RecordBatch]:
    """Yield some columns of all rows of a table."""
    listed = ", ".join(_read(column) for column in columns)
    rows = iter(jobs.query(f"SELECT {listed} FROM {table.sql} AS s"))
    while batch := [tuple(row) for row in islice(rows, BATCH_ROWS)]:
        yield from_rows(columns, batch)


def _read(column: Column) -> str:
    value = f"s.{quote(column.name)}"
    return f"TO_JSON_STRING({value})" if column.type.kind is Kind.JSON else value


def _stands_in(table: str, columns: Sequence[str], others: Sequence[str]) -> str:
    return f"EXISTS (SELECT 1 FROM {table} AS t WHERE {sql.same_key(columns, others)})"


def _is_known(columns: Sequence[str]) -> str:
    return " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in columns)
