"""A run's staging tables: one for its rows and, if it looks for deletes, one for all keys."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from shared.config.places import BOOKKEEPING_SCHEMA
from shared.core.fidelity import Consent
from shared.core.manifests import Manifest, Part, Rewind
from shared.core.schemas import TableSchema
from shared.errors import NotStagedError
from shared.targets import guards
from shared.targets.consents import NO_LIMITS, Accepted, Limits, accepted
from shared.targets.relational.dialect import Dialect


class Staging:
    """The staging tables of one run, as one transaction sees them."""

    def __init__(
        self,
        cursor: Any,
        dialect: Dialect,
        manifest: Manifest,
        *,
        target: str = "",
        accept: Accepted | None = None,
    ) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._manifest = manifest
        self._target = target
        self._accept = accept or {}
        self.rows_table = self._table("stage")
        self.keys_table = self._table("keys")
        self.differences_table = self._table("differences")

    def create(self) -> None:
        """Create the tables that are not there yet."""
        self._dialect.books.lock(self._cursor)
        manifest, sql = self._manifest, self._dialect.sql
        key, columns = manifest.schema.primary_key, list(manifest.schema)
        # Rows of a rewind replace one another by key.
        is_unique = manifest.rewind is not None
        create = sql.create_staging(self.rows_table, columns, key, is_unique=is_unique)
        self._cursor.execute(create)
        if manifest.key_parts is not None:
            columns = list(manifest.schema.only_key)
            create = sql.create_staging(self.keys_table, columns, key, is_unique=False)
            self._cursor.execute(create)

    def parts(self) -> set[str]:
        """Return the names of the parts that the tables hold."""
        statement = self._dialect.books.STATEMENTS.read_staged
        self._cursor.execute(statement, (self._manifest.run_id,))
        return {row[0] for row in self._cursor.fetchall()}

    def fill(self, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put a part into its table, once, on its way to the target's.

        Raises:
            NotStagedError: the table is gone, because the run was published or discarded.
        """
        if not self.claim(part.name):
            return
        is_keys = part in (self._manifest.key_parts or ())
        table = self.keys_table if is_keys else self.rows_table
        self.require(table)
        self._send(table, self._manifest.schema_of(part), batches, part.name)
        self.settle(part.name)

    def scratch(self, schema: TableSchema, batches: Iterable[pa.RecordBatch], part: str) -> str:
        """Put batches into a table that lives within this transaction, and return its name."""
        sql, scratch = self._dialect.sql, self._table("layer")
        create = sql.create_staging(scratch, list(schema), schema.primary_key, is_unique=False)
        self._cursor.execute(create)
        self._send(scratch, schema, batches, part)
        self._analyze(scratch)
        return scratch

    def check(self) -> None:
        """Make sure that everything is there, and known to the planner.

        Raises:
            NotStagedError: rows are missing, or a table is gone.
        """
        manifest = self._manifest
        if manifest.rewind:
            self._check_layers(manifest.rewind)
            return
        self._check_rows(self.rows_table, manifest.rows_staged)
        if manifest.key_parts is not None:
            self._check_rows(self.keys_table, sum(part.rows for part in manifest.key_parts))

    def drop(self) -> None:
        """Drop the tables, as far as they are there."""
        sql = self._dialect.sql
        self._cursor.execute(sql.drop(self.rows_table))
        if self._manifest.key_parts is not None:
            self._cursor.execute(sql.drop(self.keys_table))
        self._cursor.execute(self._dialect.books.STATEMENTS.forget_parts, (self._manifest.run_id,))

    def claim(self, name: str) -> bool:
        """Claim a part for this transaction; False when it is staged already."""
        return self._dialect.books.claim(self._cursor, self._manifest.run_id, name)

    def settle(self, name: str) -> None:
        """Note that a claimed part is staged."""
        self._dialect.books.settle(self._cursor, self._manifest.run_id, name)

    def require(self, table: str) -> None:
        """Make sure that a staging table is there.

        Raises:
            NotStagedError: it is gone.
        """
        if not self._dialect.catalog.exists(self._cursor, table):
            raise NotStagedError(
                f"a staging table of run {self._manifest.run_id} is gone: another attempt "
                "published or discarded it",
                run_id=self._manifest.run_id,
            )

    def _send(
        self,
        table: str,
        schema: TableSchema,
        batches: Iterable[pa.RecordBatch],
        part: str,
    ) -> None:
        columns, dialect, target = list(schema), self._dialect, self._target
        rows = accepted(
            batches, columns, self._accept, cells=dialect.types.CELLS, limits=self._limits()
        )
        found = dialect.catalog.destination(self._cursor, target) if target else {}
        dialect.send(self._cursor, table, columns, rows, part=part, destination=found)

    def _limits(self) -> Limits:
        """Return what the columns of the target's table take that the table file lets be cut."""
        if not self._target or not any(Consent.LENGTH in given for given in self._accept.values()):
            return NO_LIMITS
        found = self._dialect.catalog.columns(self._cursor, self._target)
        lengths = {name: self._dialect.types.length_limit(kind) for name, kind, _ in found}
        return Limits(
            lengths={name: length for name, length in lengths.items() if length is not None},
            is_utf16=self._dialect.counts_utf16,
        )

    def _check_layers(self, rewind: Rewind) -> None:
        guards.require_anything(rewind)
        self.require(self.rows_table)
        if missing := rewind.names - self.parts():
            raise NotStagedError(
                f"{len(missing)} parts of the runs before {rewind.run_id} are not staged yet; "
                "nothing was published",
                run_id=self._manifest.run_id,
            )
        self._analyze(self.rows_table)

    def _check_rows(self, table: str, expected: int) -> None:
        self.require(table)
        self._cursor.execute(self._dialect.sql.count(table))
        rows = int(self._cursor.fetchone()[0])
        if rows != expected:
            raise NotStagedError(
                f"the staging table {table} holds {rows} rows of {expected}; nothing was published",
                run_id=self._manifest.run_id,
            )
        self._analyze(table)

    def _analyze(self, table: str) -> None:
        if statement := self._dialect.sql.analyze(table):
            self._cursor.execute(statement)

    def _table(self, purpose: str) -> str:
        return self._dialect.sql.qualified(BOOKKEEPING_SCHEMA, f"{purpose}_{self._manifest.run_id}")
