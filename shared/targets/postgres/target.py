"""Rows into PostgreSQL: staged out of sight, then visible in one short transaction, once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from shared.config.models import ResolvedTable
from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Part
from shared.core.modes import SyncMode
from shared.core.schemas import Column, TableSchema
from shared.errors import (
    IntegrityError,
    InvalidConfigError,
    TargetRefusedError,
    ValueNotRepresentableError,
)
from shared.secrets import Secrets
from shared.targets.base import LoadRecord, Outcome, PastLoad, Published, ReadPart
from shared.targets.postgres import (
    bookkeeping,
    catalog,
    connection,
    rebuilding,
    sql,
    staging,
    types,
)
from shared.targets.postgres.arrivals import Arrival
from shared.targets.postgres.changes import Changes, marker


class _RefusedError(Exception):
    """Rolls back a transaction that must not be published."""

    def __init__(self, published: Published) -> None:
        super().__init__(published.reason)
        self.published = published


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
        self._connect = partial(connection.connect, reach, secrets)
        self._connection = self._connect()

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

    def publish_directly(self, manifest: Manifest, read: ReadPart) -> Published | None:
        """Copy all parts into the table and make them visible, in one transaction, if possible.

        The fence is locked last, so that nobody waits while rows are copied.
        """
        self._prepare()
        try:
            with self._transaction() as cursor:
                before = bookkeeping.read_state(cursor, self._name)
                if refusal := self._refusal(cursor, manifest, before):
                    return refusal
                arrival = Arrival(cursor, self._config, manifest)
                if not arrival.is_possible():
                    return None
                record = arrival.copy(read)
                state = bookkeeping.read_state(cursor, self._name, for_update=True)
                if refusal := self._refusal(cursor, manifest, state):
                    raise _RefusedError(refusal)
                arrival.require_unchanged(before, state)
                bookkeeping.record(cursor, self._name, manifest, state, record)
        except _RefusedError as exc:
            return exc.published
        except (IntegrityError, TargetRefusedError, ValueNotRepresentableError):
            self._reconnect()
            return None
        return Published(outcome=Outcome.COMMITTED, record=record)

    def staged(self, manifest: Manifest) -> set[str]:
        """Return the names of the parts that the staging tables hold; make them if need be."""
        self._prepare()
        with self._transaction() as cursor:
            staging.create(cursor, manifest)
            return staging.parts(cursor, manifest)

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Copy a part's rows into its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        with self._transaction() as cursor:
            staging.fill(cursor, manifest, part, batches)

    def lineage(self, run_id: str) -> tuple[PastLoad, ...]:
        """Return the publishes that the table consisted of after a run, in their order."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor):
                return ()
            return bookkeeping.lineage(cursor, self._name, run_id)

    def restage(
        self, manifest: Manifest, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Put a part of a rewind's layer into the rewind's staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        with self._transaction() as cursor:
            rebuilding.put(cursor, manifest, layer, part, batches)

    def restage_keys(
        self, manifest: Manifest, layer: Layer, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Take the rows out of the rewind's staging table whose key is none of a layer's, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        with self._transaction() as cursor:
            rebuilding.keep_only(cursor, manifest, layer, batches)

    def publish(self, manifest: Manifest) -> Published:
        """Make the staged rows visible, once.

        Raises:
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            SchemaConflictError: the existing table would alter values.
        """
        self._add_marker()
        with self._transaction() as cursor:
            state = bookkeeping.read_state(cursor, self._name, for_update=True)
            if refusal := self._refusal(cursor, manifest, state):
                return refusal
            staging.check(cursor, manifest)
            record = Changes(cursor, self._config, manifest).apply()
            bookkeeping.record(cursor, self._name, manifest, state, record)
            staging.drop(cursor, manifest)
        return Published(outcome=Outcome.COMMITTED, record=record)

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging tables, as far as they are there."""
        with self._transaction() as cursor:
            staging.drop(cursor, manifest)

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

    def _add_marker(self) -> None:
        """Give an existing table the column that marks rows as deleted, if it needs one.

        On its own, because it keeps readers out until its transaction ends.
        """
        wanted = marker(self._config)
        if wanted is None:
            return
        with self._transaction() as cursor:
            existing = [name for name, *_ in catalog.columns(cursor, self._table)]
            if existing and wanted not in existing:
                cursor.execute(sql.add_marker(self._table, wanted))

    def _prepare(self) -> None:
        """Make sure that there is a state row to lock, and a schema for the table.

        On its own, because whoever else makes the same schema waits for the end of a transaction.
        """
        with self._transaction() as cursor:
            bookkeeping.ensure(cursor)
            cursor.execute(bookkeeping.ENSURE_STATE, (self._name,))
            if not catalog.schema_exists(cursor, self._schema):
                cursor.execute(sql.create_schema(self._schema))

    def _reconnect(self) -> None:
        connection.close(self._connection)
        self._connection = self._connect()

    def _refusal(self, cursor: Any, manifest: Manifest, state: TargetState) -> Published | None:
        """Return why a run is not published now, with the state row locked; None if it may be."""
        record = bookkeeping.read_load(cursor, manifest.run_id)
        if record:
            return Published(outcome=Outcome.ALREADY, record=record)
        if manifest.file and self._config.csv and self._config.csv.on_duplicate != "load":
            # Where files replace or merge, only what was loaded last is there still.
            newest = None if manifest.mode is SyncMode.APPEND else state.run_id
            found = bookkeeping.find_content(cursor, self._name, manifest.file, newest)
            if found:
                return Published(outcome=Outcome.DUPLICATE, reason=f"{found} had the same content")
        obstacle = fencing.stands_in_the_way(manifest, state)
        return Published(outcome=Outcome.SUPERSEDED, reason=obstacle) if obstacle else None
