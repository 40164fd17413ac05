"""Rows into PostgreSQL: staged out of sight, then visible in one short transaction, once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from shared.config.models import ResolvedTable
from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest, Part
from shared.core.modes import SyncMode
from shared.core.schemas import Column, TableSchema
from shared.errors import (
    EmptySourceError,
    IntegrityError,
    InvalidConfigError,
    NotStagedError,
    ValueNotRepresentableError,
)
from shared.secrets import Secrets
from shared.targets.base import LoadRecord, Outcome, Published
from shared.targets.postgres import connection, copying, sql, types

BOOKKEEPING_LOCK = 0x51_10_1CE
"""Advisory lock under which the ``_sluice`` tables are created: two firsts must not collide."""

LOCK_TIMEOUT_S = 30
"""How long a publish waits for somebody else's lock before it gives way and is redelivered."""


class PostgresTarget:
    """One table in PostgreSQL, for one step."""

    def __init__(self, resolved: ResolvedTable, secrets: Secrets) -> None:
        place, reach = resolved.table.postgres, resolved.connections.postgres
        if place is None or reach is None:
            raise InvalidConfigError(f"table {resolved.table.name} has no postgres target")
        self._config = resolved.table
        self._name = resolved.table.name
        self._schema = place.schema_
        self._table = sql.qualified(place.schema_, place.table)
        self._place = reach.instance or f"{reach.host}:{reach.port}"
        self._connection = connection.connect(reach, secrets)

    def state(self) -> TargetState:
        """Return the table's state row; a table never loaded has an empty one."""
        with self._transaction() as cursor:
            if not self._exists(cursor, "_sluice.state"):
                return TargetState()
            return self._read_state(cursor, sql.READ_STATE)

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        with self._transaction() as cursor:
            if not self._exists(cursor, "_sluice.loads"):
                return None
            return self._read_load(cursor, run_id)

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""
        with self._transaction() as cursor:
            cursor.execute(sql.COLUMNS, (self._table,))
            columns = tuple(
                Column(name=name, type=types.data_type(kind), is_nullable=not not_null)
                for name, kind, not_null in cursor.fetchall()
            )
            cursor.execute(sql.PRIMARY_KEY, (self._table,))
            key = tuple(row[0] for row in cursor.fetchall())
        return TableSchema(columns, key) if columns else None

    def staged(self, manifest: Manifest) -> set[str]:
        """Return the names of the parts that the run's staging table holds; make it if need be."""
        with self._transaction() as cursor:
            self._prepare(cursor)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (BOOKKEEPING_LOCK,))
            cursor.execute(sql.create_staging(self._staging(manifest), list(manifest.schema)))
            cursor.execute(sql.READ_STAGED, (manifest.run_id,))
            return {row[0] for row in cursor.fetchall()}

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Copy a part's rows into the run's staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        columns, staging = list(manifest.schema), self._staging(manifest)
        with self._transaction() as cursor:
            cursor.execute(sql.CLAIM_PART, (manifest.run_id, part.name))
            if cursor.rowcount == 0:
                return
            self._require_staging(cursor, manifest)
            blocks = copying.encode(columns, batches)
            cursor.execute(sql.copy_in(staging, columns), stream=blocks)

    def publish(self, manifest: Manifest) -> Published:
        """Make the staged rows visible, once.

        Raises:
            EmptySourceError: the guard stops a full load that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            SchemaConflictError: the existing table would alter values.
        """
        with self._transaction() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            state = self._read_state(cursor, sql.LOCK_STATE)
            record = self._read_load(cursor, manifest.run_id)
            if record:
                return Published(outcome=Outcome.ALREADY, record=record)
            refusal = self._refusal(cursor, manifest, state)
            if refusal:
                return refusal
            self._require_rows(cursor, manifest)
            existing = self._create_or_check(cursor, manifest)
            self._guard(cursor, manifest)
            record = self._apply(cursor, manifest, existing)
            self._record(cursor, manifest, state, record)
            self._drop_staging(cursor, manifest)
        return Published(outcome=Outcome.COMMITTED, record=record)

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging table, if it is there."""
        with self._transaction() as cursor:
            self._drop_staging(cursor, manifest)

    def count(self) -> int:
        """Return the table's number of rows; 0 when there is no table."""
        with self._transaction() as cursor:
            if not self._exists(cursor, self._table):
                return 0
            cursor.execute(sql.count(self._table))
            return int(cursor.fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Commit on leaving, roll back on an exception; the connection stays usable if it can."""
        with connection.failures(self._place):
            cursor = self._connection.cursor()
            try:
                yield cursor
                self._connection.commit()
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        from pg8000.exceptions import Error

        try:
            self._connection.rollback()
        except (Error, OSError):
            # A COPY that broke off leaves a connection that only closing helps.
            connection.close(self._connection)

    def _prepare(self, cursor: Any) -> None:
        if not self._exists(cursor, "_sluice.files"):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (BOOKKEEPING_LOCK,))
            for statement in sql.BOOKKEEPING:
                cursor.execute(statement)
        cursor.execute(sql.ENSURE_STATE, (self._name,))

    def _exists(self, cursor: Any, table: str) -> bool:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
        return bool(cursor.fetchone()[0])

    def _read_state(self, cursor: Any, statement: str) -> TargetState:
        cursor.execute(statement, (self._name,))
        row = cursor.fetchone()
        if row is None:
            return TargetState()
        watermark, snapshot, run_id, epoch = row
        return TargetState(watermark=watermark, snapshot=snapshot, run_id=run_id, epoch=epoch)

    def _read_load(self, cursor: Any, run_id: str) -> LoadRecord | None:
        cursor.execute(sql.READ_LOAD, (run_id,))
        row = cursor.fetchone()
        if row is None:
            return None
        _, loaded, inserted, updated, deleted = row
        return LoadRecord(
            run_id=run_id,
            rows_loaded=loaded,
            rows_inserted=inserted,
            rows_updated=updated,
            rows_deleted=deleted,
        )

    def _refusal(self, cursor: Any, manifest: Manifest, state: TargetState) -> Published | None:
        if manifest.file and self._config.csv and self._config.csv.on_duplicate != "load":
            cursor.execute(sql.FIND_CONTENT, (self._name, manifest.file.sha256))
            row = cursor.fetchone()
            if row:
                reason = f"gs://{row[0]}/{row[1]}#{row[2]} had the same content"
                return Published(outcome=Outcome.DUPLICATE, reason=reason)
        obstacle = fencing.stands_in_the_way(manifest, state)
        return Published(outcome=Outcome.SUPERSEDED, reason=obstacle) if obstacle else None

    def _create_or_check(self, cursor: Any, manifest: Manifest) -> dict[str, str]:
        columns = list(manifest.schema)
        if not self._exists(cursor, self._table):
            cursor.execute(sql.create_schema(self._schema))
            cursor.execute(sql.create_table(self._table, columns, manifest.schema.primary_key))
        cursor.execute(sql.COLUMNS, (self._table,))
        existing = {name: kind for name, kind, _ in cursor.fetchall()}
        types.require(self._table, existing, columns)
        self._check_lengths(cursor, manifest, existing)
        return existing

    def _check_lengths(self, cursor: Any, manifest: Manifest, existing: dict[str, str]) -> None:
        # PostgreSQL cuts surplus spaces without a word, so the limit is checked here.
        for column in manifest.schema:
            limit = types.length_limit(existing[column.name])
            if limit is None:
                continue
            cursor.execute(sql.too_long(self._staging(manifest), column.name), (limit,))
            longer = cursor.fetchone()[0]
            if longer:
                raise ValueNotRepresentableError(
                    f"{longer} values of column {column.name} are longer than the {limit} "
                    f"characters of {self._table}; widen the column",
                    column=column.name,
                )

    def _guard(self, cursor: Any, manifest: Manifest) -> None:
        if manifest.mode is not SyncMode.FULL:
            return
        guard, staged = self._config.guard, manifest.rows_staged
        cursor.execute(sql.count(self._table))
        present = int(cursor.fetchone()[0])
        lost_percent = 100 * (present - staged) / present if present else 0
        if staged < guard.min_rows or lost_percent > guard.max_shrink_percent:
            raise EmptySourceError(
                f"a full load of {staged} rows would replace {present} rows of {self._table}: the "
                f"guard allows no fewer than {guard.min_rows} rows and no loss above "
                f"{guard.max_shrink_percent:g} %. If this is right, change the table's guard "
                "and run again",
                rows_staged=staged,
                rows_present=present,
            )

    def _apply(self, cursor: Any, manifest: Manifest, existing: dict[str, str]) -> LoadRecord:
        staging, columns = self._staging(manifest), list(manifest.schema)
        key, casts = manifest.schema.primary_key, sql.casts(existing, columns)
        by_key = bool(key) and manifest.mode is not SyncMode.APPEND
        deleted = updated = 0
        if by_key:
            self._check_key(cursor, manifest)
        if manifest.mode is SyncMode.FULL:
            statement = (
                sql.delete_missing(self._table, staging, key, casts)
                if by_key
                else sql.delete_all(self._table)
            )
            deleted = self._run(cursor, statement)
        if by_key:
            updated = self._run(
                cursor, sql.update_changed(self._table, staging, columns, key, casts)
            )
            insert = sql.insert_new(self._table, staging, columns, key, casts)
        else:
            insert = sql.insert_all(self._table, staging, columns, casts)
        inserted = self._run(cursor, insert)
        return LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=manifest.rows_staged,
            rows_inserted=inserted,
            rows_updated=updated,
            rows_deleted=deleted,
        )

    def _check_key(self, cursor: Any, manifest: Manifest) -> None:
        key, staging = manifest.schema.primary_key, self._staging(manifest)
        for statement, what in (
            (sql.null_key(staging, key), "rows have NULL in it"),
            (sql.repeated_key(staging, key), "of its values stand in more than one row"),
        ):
            cursor.execute(statement)
            number = cursor.fetchone()[0]
            if number:
                raise IntegrityError(
                    f"primary key ({', '.join(key)}) of {self._name}: {number} {what}; mend the "
                    "source, or name another primary_key in the table file ([] for none)",
                    rows=number,
                )

    def _run(self, cursor: Any, statement: str | None) -> int:
        if statement is None:
            return 0
        cursor.execute(statement)
        return int(cursor.rowcount)

    def _record(
        self, cursor: Any, manifest: Manifest, state: TargetState, record: LoadRecord
    ) -> None:
        window, after = manifest.window, fencing.next_state(manifest, state)
        cursor.execute(
            sql.WRITE_STATE,
            (after.watermark, after.snapshot, after.run_id, self._name, state.epoch),
        )
        if cursor.rowcount != 1:
            raise IntegrityError(
                f"the state row of {self._name} changed under its lock; run {manifest.run_id} "
                "was rolled back"
            )
        cursor.execute(
            sql.WRITE_LOAD,
            (
                manifest.run_id,
                self._name,
                manifest.mode.value,
                window.low if window else None,
                window.high if window else None,
                manifest.snapshot,
                manifest.attempt,
                manifest.query_id,
                record.rows_loaded,
                record.rows_inserted,
                record.rows_updated,
                record.rows_deleted,
                manifest.rows_rejected,
                manifest.code_version,
            ),
        )
        if manifest.file:
            file = manifest.file
            cursor.execute(
                sql.WRITE_FILE,
                (file.bucket, file.name, file.generation, file.sha256, self._name, manifest.run_id),
            )

    def _staging(self, manifest: Manifest) -> str:
        return sql.qualified("_sluice", f"stage_{manifest.run_id}")

    def _drop_staging(self, cursor: Any, manifest: Manifest) -> None:
        cursor.execute(sql.drop(self._staging(manifest)))
        cursor.execute(sql.FORGET_PARTS, (manifest.run_id,))

    def _require_staging(self, cursor: Any, manifest: Manifest) -> None:
        if not self._exists(cursor, self._staging(manifest)):
            raise NotStagedError(
                f"the staging table of run {manifest.run_id} is gone: another attempt published "
                "or discarded it",
                run_id=manifest.run_id,
            )

    def _require_rows(self, cursor: Any, manifest: Manifest) -> None:
        self._require_staging(cursor, manifest)
        staging = self._staging(manifest)
        cursor.execute(sql.count(staging))
        rows = int(cursor.fetchone()[0])
        if rows != manifest.rows_staged:
            raise NotStagedError(
                f"the staging table of run {manifest.run_id} holds {rows} rows of "
                f"{manifest.rows_staged}; nothing was published",
                run_id=manifest.run_id,
            )
        cursor.execute(sql.analyze(staging))
