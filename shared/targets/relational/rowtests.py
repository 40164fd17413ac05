"""Tests that only the database can make: of all rows of a run, beside those that stay."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.checks.values import shown
from shared.core.checks import SAMPLE_ROWS, Breach
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.schemas import Column, TableSchema
from shared.targets.base import Parent, RowTest
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.statements import Casts


class RowTests:
    """Tests of one run's staged rows, or of the table itself where there is no run."""

    def __init__(
        self,
        cursor: Any,
        dialect: Dialect,
        table: str,
        *,
        rows: str,
        schema: TableSchema,
        manifest: Manifest | None,
    ) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._sql = dialect.tests
        self._table = table
        self._rows = rows
        self._schema = schema
        self._manifest = manifest
        # A full load leaves nothing of the table, and the table has nothing beside itself.
        is_replaced = manifest is None or manifest.mode is SyncMode.FULL
        self._has_others = not is_replaced and dialect.catalog.exists(cursor, table)

    def run(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what the tests find, by their names."""
        return {
            t.name: self._refers(t, t.parent) if t.parent else self._is_unique(t) for t in tests
        }

    def _is_unique(self, test: RowTest) -> Breach:
        columns = self._columns(test)
        found = self._found(
            test,
            self._sql.count_repeated(self._rows, columns),
            self._sql.repeated(self._rows, columns, SAMPLE_ROWS),
        )
        if not self._has_others:
            return found
        casts = self._casts(self._table, test.columns, test.columns)
        taken = self._sql.stands_in(self._others(), test.columns, test.columns, casts)
        return found.plus(self._where(test, taken))

    def _refers(self, test: RowTest, parent: Parent) -> Breach:
        table = self._dialect.sql.qualified(parent.schema, parent.table)
        is_own = table == self._table
        places = [(self._rows, self._dialect.sql.casts({}, self._columns(test)))] if is_own else []
        is_there = self._has_others if is_own else self._exists(table)
        if is_there:
            places.append((table, self._casts(table, test.columns, parent.columns)))
        stands = [
            f"NOT {self._sql.stands_in(place, test.columns, parent.columns, casts)}"
            for place, casts in places
        ]
        return self._where(test, *stands)

    def _exists(self, table: str) -> bool:
        return self._dialect.catalog.exists(self._cursor, table)

    def _others(self) -> str:
        """Return the rows of the table that stay beside the staged ones."""
        manifest = self._manifest
        if manifest is None or manifest.mode is SyncMode.APPEND:
            return self._table
        key = manifest.schema.primary_key
        casts = self._casts(self._table, key, key)
        return self._sql.not_staged(self._table, self._rows, key, casts)

    def _casts(self, table: str, columns: Sequence[str], others: Sequence[str]) -> Casts:
        """Return what staged values need to be compared with columns of a table."""
        found = self._dialect.catalog.columns(self._cursor, table)
        kinds = {name: kind for name, kind, _ in found}
        existing = {n: kinds[o] for n, o in zip(columns, others, strict=True) if o in kinds}
        return self._dialect.sql.casts(existing, [self._schema.column(name) for name in columns])

    def _where(self, test: RowTest, *conditions: str) -> Breach:
        condition = " AND ".join([self._sql.is_known(test.columns), *conditions])
        values = self._sql.values_where(self._rows, self._columns(test), condition, SAMPLE_ROWS)
        return self._found(test, self._sql.count_where(self._rows, condition), values)

    def _found(self, test: RowTest, count: str, values: str) -> Breach:
        self._cursor.execute(count)
        number = int(self._cursor.fetchone()[0])
        if not number:
            return Breach(rows=0)
        self._cursor.execute(values)
        sample = tuple(
            {name: shown(value) for name, value in zip(test.columns, row, strict=True)}
            for row in self._cursor.fetchall()
        )
        return Breach(rows=number, sample=sample)

    def _columns(self, test: RowTest) -> list[Column]:
        return [self._schema.column(name) for name in test.columns]
