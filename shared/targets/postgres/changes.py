"""What one run does to its table's rows, inside the transaction that publishes it."""

from typing import Any

from shared.config.models import TableConfig
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.errors import (
    EmptySourceError,
    IntegrityError,
    InvalidConfigError,
    SchemaConflictError,
    ValueNotRepresentableError,
)
from shared.targets.base import DELETED_AT, LoadRecord
from shared.targets.postgres import catalog, sql, staging, types


class Changes:
    """The changes of one run, from its staging tables to its table."""

    def __init__(self, cursor: Any, config: TableConfig, manifest: Manifest) -> None:
        self._cursor = cursor
        self._config = config
        self._table = table_of(config)
        self._manifest = manifest
        self._staging = staging.rows_table(manifest)
        self._keys = staging.keys_table(manifest)
        self._columns = list(manifest.schema)
        self._key = manifest.schema.primary_key if manifest.mode is not SyncMode.APPEND else ()
        self._marker = marker(config)

    def apply(self) -> LoadRecord:
        """Check what is staged and what is there, then delete, update and insert.

        Raises:
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            SchemaConflictError: the existing table would alter values.
        """
        existing = self._create_or_check()
        is_base = self._manifest.mode is SyncMode.FULL or not self._has_rows()
        casts = sql.casts(existing, self._columns)
        if self._manifest.mode is SyncMode.FULL and not self._manifest.allow_empty:
            self._guard()
        if self._key:
            self._check_key()
        updated, deleted = 0, self._delete(casts)
        if self._key:
            updated = self._update(casts)
            insert = sql.insert_new(self._table, self._staging, self._columns, self._key, casts)
        else:
            insert = sql.insert_all(self._table, self._staging, self._columns, casts)
        return LoadRecord(
            run_id=self._manifest.run_id,
            rows_loaded=self._manifest.rows_staged,
            rows_inserted=self._run(insert),
            rows_updated=updated,
            rows_deleted=deleted,
            is_base=is_base,
        )

    def _create_or_check(self) -> dict[str, str]:
        if not catalog.exists(self._cursor, self._table):
            key = self._manifest.schema.primary_key
            self._run(sql.create_table(self._table, self._columns, key))
            if self._marker:
                self._run(sql.add_marker(self._table, self._marker))
        found = catalog.columns(self._cursor, self._table)
        existing = {name: kind for name, kind, _ in found}
        types.require(self._table, existing, self._columns)
        if self._marker:
            self._check_marker(existing.get(self._marker))
        self._check_lengths(existing)
        return existing

    def _check_marker(self, found: str | None) -> None:
        if self._marker in self._manifest.schema.names:
            raise SchemaConflictError(
                f"the source has a column {self._marker} of its own, which deletes of mode soft "
                "would write to; choose mode hard, or leave the column out in a view"
            )
        if found != sql.MARKER_TYPE:
            raise SchemaConflictError(
                f"column {self._marker} of {self._table} is {found}; deletes of mode soft needs "
                f"{sql.MARKER_TYPE}"
            )

    def _check_lengths(self, existing: dict[str, str]) -> None:
        # PostgreSQL cuts surplus spaces without a word, so the limit is checked here.
        for column in self._columns:
            limit = types.length_limit(existing[column.name])
            if limit is None:
                continue
            self._cursor.execute(sql.too_long(self._staging, column.name), (limit,))
            longer = self._cursor.fetchone()[0]
            if longer:
                raise ValueNotRepresentableError(
                    f"{longer} values of column {column.name} are longer than the {limit} "
                    f"characters of {self._table}; widen the column",
                    column=column.name,
                )

    def _check_key(self) -> None:
        for statement, what in (
            (sql.null_key(self._staging, self._key), "rows have NULL in it"),
            (
                sql.repeated_key(self._staging, self._key),
                "of its values stand in more than one row",
            ),
        ):
            number = self._count(statement)
            if number:
                raise IntegrityError(
                    f"primary key ({', '.join(self._key)}) of {self._config.name}: {number} "
                    f"{what}; mend the source, or name another primary_key in the table file "
                    "([] for none)",
                    rows=number,
                )

    def _guard(self) -> None:
        guard, staged = self._config.guard, self._manifest.rows_staged
        present = self._count_present()
        lost_percent = 100 * (present - staged) / present if present else 0
        if staged < guard.min_rows or lost_percent > guard.max_shrink_percent:
            raise EmptySourceError(
                f"a full load of {staged} rows would replace {present} rows of {self._table}: the "
                f"guard allows no fewer than {guard.min_rows} rows and no loss above "
                f"{guard.max_shrink_percent:g} %. {self._override()}",
                rows_staged=staged,
                rows_present=present,
            )

    def _guard_deletes(self, present: int, deleted: int) -> None:
        deletes = self._config.deletes
        if deletes and 100 * deleted > deletes.max_percent * present:
            raise EmptySourceError(
                f"{deleted} of {present} rows of {self._table} are gone from the source: its "
                f"deletes allow no loss above {deletes.max_percent:g} %. {self._override()}",
                rows_deleted=deleted,
                rows_present=present,
            )

    def _override(self) -> str:
        if self._config.csv:
            return "If this is right, change the table's guard and drop the file again"
        return (
            "If this is right, let one run pass: sluice run "
            f"{self._config.name} --mode {self._manifest.mode} --allow-empty"
        )

    def _delete(self, casts: dict[str, str]) -> int:
        if self._manifest.mode is SyncMode.FULL:
            if not self._key:
                return self._run(sql.delete_all(self._table))
            return self._delete_missing(self._staging, casts)
        if self._manifest.key_parts is None or self._config.deletes is None:
            return 0
        present = 0 if self._manifest.allow_empty else self._count_present()
        deleted = self._delete_missing(self._keys, casts)
        if not self._manifest.allow_empty:
            self._guard_deletes(present, deleted)
        return deleted

    def _delete_missing(self, keys: str, casts: dict[str, str]) -> int:
        if not self._marker:
            return self._run(sql.delete_missing(self._table, keys, self._key, casts))
        statement = sql.mark_missing(self._table, keys, self._key, casts, self._marker)
        self._cursor.execute(statement, (f"{self._manifest.snapshot}+00",))
        return int(self._cursor.rowcount)

    def _update(self, casts: dict[str, str]) -> int:
        updated = self._run(
            sql.update_changed(
                self._table, self._staging, self._columns, self._key, casts, self._marker
            )
        )
        if self._marker and self._manifest.key_parts is not None:
            # A row may come back as it was, with a cursor that no window reads again.
            updated += self._run(
                sql.unmark_present(self._table, self._keys, self._key, casts, self._marker)
            )
        return updated

    def _has_rows(self) -> bool:
        self._cursor.execute(sql.has_rows(self._table))
        return bool(self._cursor.fetchone()[0])

    def _count_present(self) -> int:
        if self._marker:
            return self._count(sql.count_unmarked(self._table, self._marker))
        return self._count(sql.count(self._table))

    def _count(self, statement: str) -> int:
        self._cursor.execute(statement)
        return int(self._cursor.fetchone()[0])

    def _run(self, statement: str | None) -> int:
        if statement is None:
            return 0
        self._cursor.execute(statement)
        return int(self._cursor.rowcount)


def table_of(config: TableConfig) -> str:
    """Return the qualified name of a table in the target.

    Raises:
        InvalidConfigError: the table has another target.
    """
    place = config.postgres
    if place is None:
        raise InvalidConfigError(f"table {config.name} has no postgres target")
    return sql.qualified(place.schema_, place.table)


def marker(config: TableConfig) -> str | None:
    """Return the column that marks the table's rows as deleted; None when they are not kept."""
    return DELETED_AT if config.deletes and config.deletes.mode == "soft" else None
