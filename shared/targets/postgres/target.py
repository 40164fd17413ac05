"""Rows into PostgreSQL: staged out of sight, then visible in one short transaction, once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from shared.config.models import ResolvedTable
from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest, Part
from shared.core.schemas import Column, TableSchema
from shared.errors import InvalidConfigError, NotStagedError
from shared.secrets import Secrets
from shared.targets.base import LoadRecord, Outcome, Published
from shared.targets.postgres import bookkeeping, catalog, connection, copying, sql, types
from shared.targets.postgres.changes import Changes


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
            if not bookkeeping.is_there(cursor):
                return TargetState()
            return bookkeeping.read_state(cursor, self._name)

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor):
                return None
            return bookkeeping.read_load(cursor, run_id)

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""
        with self._transaction() as cursor:
            columns = tuple(
                Column(name=name, type=types.data_type(kind), is_nullable=not not_null)
                for name, kind, not_null in catalog.columns(cursor, self._table)
            )
            key = catalog.primary_key(cursor, self._table)
        return TableSchema(columns, key) if columns else None

    def staged(self, manifest: Manifest) -> set[str]:
        """Return the names of the parts that the run's staging table holds; make it if need be."""
        with self._transaction() as cursor:
            bookkeeping.ensure(cursor)
            bookkeeping.lock(cursor)
            cursor.execute(bookkeeping.ENSURE_STATE, (self._name,))
            cursor.execute(sql.create_staging(_staging(manifest), list(manifest.schema)))
            cursor.execute(bookkeeping.READ_STAGED, (manifest.run_id,))
            return {row[0] for row in cursor.fetchall()}

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Copy a part's rows into the run's staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        columns, staging = list(manifest.schema), _staging(manifest)
        with self._transaction() as cursor:
            cursor.execute(bookkeeping.CLAIM_PART, (manifest.run_id, part.name))
            if cursor.rowcount == 0:
                return
            _require_staging(cursor, manifest)
            blocks = copying.encode(columns, batches)
            cursor.execute(sql.copy_in(staging, columns), stream=blocks)

    def publish(self, manifest: Manifest) -> Published:
        """Make the staged rows visible, once.

        Raises:
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            SchemaConflictError: the existing table would alter values.
        """
        with self._transaction() as cursor:
            state = bookkeeping.read_state(cursor, self._name, for_update=True)
            record = bookkeeping.read_load(cursor, manifest.run_id)
            if record:
                return Published(outcome=Outcome.ALREADY, record=record)
            refusal = self._refusal(cursor, manifest, state)
            if refusal:
                return refusal
            _require_rows(cursor, manifest)
            changes = Changes(cursor, self._config, manifest, _staging(manifest))
            record = changes.apply()
            bookkeeping.record(cursor, self._name, manifest, state, record)
            _drop_staging(cursor, manifest)
        return Published(outcome=Outcome.COMMITTED, record=record)

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging table, if it is there."""
        with self._transaction() as cursor:
            _drop_staging(cursor, manifest)

    def staging_runs(self) -> dict[str, int]:
        """Return the runs of any table that have a staging table here, each with its staged parts.

        Unlike everything else, this looks at the whole database: the sweep asks.
        """
        with self._transaction() as cursor:
            return bookkeeping.staging_runs(cursor)

    def count(self) -> int:
        """Return the table's number of rows; 0 when there is no table."""
        with self._transaction() as cursor:
            if not catalog.exists(cursor, self._table):
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

    def _refusal(self, cursor: Any, manifest: Manifest, state: TargetState) -> Published | None:
        if manifest.file and self._config.csv and self._config.csv.on_duplicate != "load":
            found = bookkeeping.find_content(cursor, self._name, manifest.file)
            if found:
                return Published(outcome=Outcome.DUPLICATE, reason=f"{found} had the same content")
        obstacle = fencing.stands_in_the_way(manifest, state)
        return Published(outcome=Outcome.SUPERSEDED, reason=obstacle) if obstacle else None


def _staging(manifest: Manifest) -> str:
    return sql.qualified("_sluice", f"stage_{manifest.run_id}")


def _drop_staging(cursor: Any, manifest: Manifest) -> None:
    cursor.execute(sql.drop(_staging(manifest)))
    cursor.execute(bookkeeping.FORGET_PARTS, (manifest.run_id,))


def _require_staging(cursor: Any, manifest: Manifest) -> None:
    if not catalog.exists(cursor, _staging(manifest)):
        raise NotStagedError(
            f"the staging table of run {manifest.run_id} is gone: another attempt published "
            "or discarded it",
            run_id=manifest.run_id,
        )


def _require_rows(cursor: Any, manifest: Manifest) -> None:
    _require_staging(cursor, manifest)
    staging = _staging(manifest)
    cursor.execute(sql.count(staging))
    rows = int(cursor.fetchone()[0])
    if rows != manifest.rows_staged:
        raise NotStagedError(
            f"the staging table of run {manifest.run_id} holds {rows} rows of "
            f"{manifest.rows_staged}; nothing was published",
            run_id=manifest.run_id,
        )
    cursor.execute(sql.analyze(staging))
