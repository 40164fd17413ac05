"""What one run does to its table's rows, inside the transaction that publishes it."""

from dataclasses import dataclass
from typing import Any

from shared.config.tables import TableConfig
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.schemas import DataType, Kind, TableSchema
from shared.targets import fitting
from shared.targets.base import LoadRecord
from shared.targets.columns import Existing
from shared.targets.guards import Guards, marker
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.merging import Merge
from shared.targets.relational.staging import Staging
from shared.targets.relational.statements import Casts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    inserted: int
    updated: int
    deleted: int


class Changes:
    """The changes of one run, from its staging tables to its table."""

    def __init__(
        self,
        cursor: Any,
        dialect: Dialect,
        config: TableConfig,
        table: str,
        manifest: Manifest,
        *,
        last: TableSchema | None,
    ) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._sql = dialect.sql
        self._config = config
        self._table = table
        self._manifest = manifest
        self._last = last
        staging = Staging(cursor, dialect, manifest)
        self._staging = staging.rows_table
        self._keys = staging.keys_table
        self._scratch = staging.differences_table
        self._columns = list(manifest.schema)
        self._key = manifest.schema.primary_key if manifest.mode is not SyncMode.APPEND else ()
        self._marker = marker(config)
        self._guards = Guards(config, table, manifest)

    def apply(self) -> LoadRecord:
        """Check what is staged and what is there, then delete, update and insert.

        Raises:
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            SchemaConflictError: the existing table would alter values, or is gone.
        """
        existing = self._create_or_check()
        is_base = self._manifest.mode is SyncMode.FULL or not self._has_rows()
        casts = self._sql.casts(existing, self._columns)
        if self._manifest.mode is SyncMode.FULL and not self._manifest.allow_empty:
            self._guards.require_rows(self._count_present())
        if self._key:
            self._check_key()
        self._run(self._sql.keep_readers_out(self._table))
        deleted = self._delete_missing_keys(casts)
        counts = self._merge(casts) if self._key else self._replace_or_append(casts)
        return LoadRecord(
            run_id=self._manifest.run_id,
            rows_loaded=self._manifest.rows_staged,
            rows_inserted=counts.inserted,
            rows_updated=counts.updated,
            rows_deleted=deleted + counts.deleted,
            is_base=is_base,
        )

    def _create_or_check(self) -> dict[str, str]:
        if not self._dialect.catalog.exists(self._cursor, self._table):
            self._guards.require_table()
            key = self._manifest.schema.primary_key
            self._run(self._sql.create_table(self._table, self._columns, key))
            if self._manifest.file:
                # The rows of earlier files are gone, so the same files may be dropped again.
                self._dialect.books.forget_files(self._cursor, self._config.name, [])
            if self._marker:
                self._run(self._sql.add_marker(self._table, self._marker))
        found = existing_columns(self._cursor, self._dialect, self._table)
        fitting.require(
            self._dialect,
            self._config,
            fitting.compare(
                self._dialect,
                self._config,
                self._table,
                found,
                self._manifest.schema,
                last=self._last,
            ),
        )
        existing = {name: column.type for name, column in found.items()}
        if self._marker:
            self._check_marker(existing.get(self._marker))
        self._check_lengths(existing)
        return existing

    def _check_marker(self, found: str | None) -> None:
        is_held = found is not None and self._dialect.types.holds(found, DataType(Kind.TIMESTAMPTZ))
        self._guards.require_marker(found, is_held=is_held, wanted=self._sql.MARKER_TYPE)

    def _check_lengths(self, existing: dict[str, str]) -> None:
        # A database may cut surplus spaces without a word, so the limit is checked here.
        for column in self._columns:
            limit = self._dialect.types.length_limit(existing[column.name])
            if limit is None:
                continue
            self._cursor.execute(self._sql.too_long(self._staging, column.name), (limit,))
            longer = self._cursor.fetchone()[0]
            self._guards.require_short(column.name, longer=longer, limit=limit)

    def _check_key(self) -> None:
        self._guards.require_key(
            null_rows=self._count(self._sql.null_key(self._staging, self._key)),
            repeated_keys=self._count(self._sql.repeated_key(self._staging, self._key)),
        )

    def _replace_or_append(self, casts: Casts) -> "_Counts":
        is_full = self._manifest.mode is SyncMode.FULL
        deleted = self._run(self._sql.delete_all(self._table)) if is_full else 0
        insert = self._sql.insert_all(self._table, self._staging, self._columns, casts)
        return _Counts(inserted=self._run(insert), updated=0, deleted=deleted)

    def _merge(self, casts: Casts) -> "_Counts":
        merge = Merge(
            table=self._table,
            staging=self._staging,
            scratch=self._scratch,
            columns=self._columns,
            key=self._key,
            casts=casts,
            marker=self._marker,
            is_whole=self._manifest.mode is SyncMode.FULL,
        )
        statements = self._dialect.merging.statements(merge)
        for statement in statements.compare:
            self._run(statement)
        deleted = self._take_out(statements.delete)
        updated = self._run(statements.update)
        if self._marker and self._manifest.key_parts is not None:
            # A row may come back as it was, with a cursor that no window reads again.
            updated += self._run(
                self._sql.unmark_present(self._table, self._keys, self._key, casts, self._marker)
            )
        inserted = self._run(statements.insert)
        self._run(statements.tidy)
        return _Counts(inserted=inserted, updated=updated, deleted=deleted)

    def _delete_missing_keys(self, casts: Casts) -> int:
        if self._manifest.key_parts is None or self._config.deletes is None:
            return 0
        present = 0 if self._manifest.allow_empty else self._count_present()
        place = (self._table, self._keys, self._key, casts)
        deleted = self._take_out(
            self._sql.mark_missing(*place, self._marker)
            if self._marker
            else self._sql.delete_missing(*place)
        )
        if not self._manifest.allow_empty:
            self._guards.require_few_deletes(present=present, deleted=deleted)
        return deleted

    def _take_out(self, statement: str | None) -> int:
        """Delete rows, or mark them with the moment of the snapshot."""
        if statement is None or not self._marker:
            return self._run(statement)
        self._cursor.execute(statement, (self._sql.marker_value(self._manifest.snapshot),))
        return int(self._cursor.rowcount)

    def _has_rows(self) -> bool:
        self._cursor.execute(self._sql.has_rows(self._table))
        return bool(self._cursor.fetchone()[0])

    def _count_present(self) -> int:
        if self._marker:
            return self._count(self._sql.count_unmarked(self._table, self._marker))
        return self._count(self._sql.count(self._table))

    def _count(self, statement: str) -> int:
        self._cursor.execute(statement)
        return int(self._cursor.fetchone()[0])

    def _run(self, statement: str | None) -> int:
        if statement is None:
            return 0
        self._cursor.execute(statement)
        return int(self._cursor.rowcount)


def existing_columns(cursor: Any, dialect: Dialect, table: str) -> dict[str, Existing]:
    """Return the columns of a table, in order; none when there is no table."""
    found = dialect.catalog.columns(cursor, table)
    return {name: Existing(kind, is_required) for name, kind, is_required in found}
