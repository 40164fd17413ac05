"""Rows into a database: staged out of sight, then visible in one short transaction, once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import pyarrow as pa

from shared import timings
from shared.config.places import VERSIONS_SCHEMA
from shared.config.tables import TableConfig
from shared.core.checks import Breach
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Part
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.selections import Selection
from shared.targets import guards
from shared.targets.base import (
    NO_TESTS,
    KeptVersion,
    LoadRecord,
    PastLoad,
    Published,
    ReadPart,
    RowTest,
    StagedTests,
    Vitals,
)
from shared.targets.relational import bookkeeping
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.drifting import Drifting
from shared.targets.relational.publishing import Publishing
from shared.targets.relational.reading import Reading
from shared.targets.relational.rebuilding import Rebuilding
from shared.targets.relational.staging import Staging
from shared.targets.relational.versions import Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a table is: the server's address for messages, the schema and the table."""

    address: str
    schema: str
    table: str


def definition(dialect: Dialect, place: Place, schema: TableSchema) -> str:
    """Return the statement that makes a table of these columns at a place."""
    table = dialect.sql.qualified(place.schema, place.table)
    return dialect.sql.create_table(table, list(schema), schema.primary_key)


class RelationalTarget(ABC):
    """One table in a database with SQL and transactions, for one step."""

    def __init__(
        self, dialect: Dialect, config: TableConfig, place: Place, connect: Callable[[], Any]
    ) -> None:
        self._dialect = dialect
        self._config = config
        self._name = config.name
        self._place = place
        self._table = dialect.sql.qualified(place.schema, place.table)
        self._connect = connect
        self._connection = connect()

    def state(self) -> TargetState:
        """Return the table's state row; a table never loaded has an empty one."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor, self._dialect):
                return TargetState()
            return bookkeeping.read_state(cursor, self._dialect, self._name)

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor, self._dialect):
                return None
            return bookkeeping.read_load(cursor, self._dialect, run_id)

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""
        with self._transaction() as cursor:
            return self._reading(cursor).schema()

    def fit(self, schema: TableSchema) -> TableSchema:
        """Return what a run stages of a source's columns, by the table's policy for drift.

        Raises:
            SchemaConflictError: the run could not be published, as things are.
        """
        with self._transaction() as cursor:
            return self._drifting(cursor).fit(schema)

    def schemas(self) -> tuple[PastSchema, ...]:
        """Return the schemas that published runs had, oldest first; each differs from the last."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor, self._dialect):
                return ()
            return bookkeeping.read_schemas(cursor, self._dialect, self._name)

    def publish_directly(
        self,
        manifest: Manifest,  # noqa: ARG002 - an engine may do it
        read: ReadPart,  # noqa: ARG002
    ) -> Published | None:
        """Return None: rows go by way of the staging table."""
        return None

    def takes_whole_runs(self, manifest: Manifest) -> bool:  # noqa: ARG002
        """Return False: parts are sent one by one."""
        return False

    def scanned_bytes(self, manifest: Manifest) -> int | None:  # noqa: ARG002
        """Return None: reading costs nothing."""
        return None

    def open_staging(self, manifest: Manifest) -> set[str]:
        """Return the names of the parts that the staging tables hold; make them if need be."""
        self._prepare()
        with self._transaction() as cursor:
            staging = Staging(cursor, self._dialect, manifest)
            staging.create()
            return staging.parts()

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put a part's rows into its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
            ValueNotRepresentableError: the database would alter or refuse a value.
        """
        with self._transaction() as cursor:
            self._staging(cursor, manifest).fill(part, batches)

    def lineage(self, run_id: str) -> tuple[PastLoad, ...]:
        """Return the publishes that the table consisted of after a run, in their order."""
        with self._transaction() as cursor:
            if not bookkeeping.is_there(cursor, self._dialect):
                return ()
            return bookkeeping.lineage(cursor, self._dialect, self._name, run_id)

    def restage(
        self, manifest: Manifest, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Put a part of a rewind's layer into the rewind's staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        with self._transaction() as cursor:
            self._rebuilding(cursor, manifest).put(layer, part, batches)

    def restage_keys(
        self, manifest: Manifest, layer: Layer, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Take the rows out of the rewind's staging table whose key is none of a layer's, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        with self._transaction() as cursor:
            self._rebuilding(cursor, manifest).keep_only(layer, batches)

    def version(self, run_id: str) -> KeptVersion | None:
        """Return the version that a run left and that the target keeps; None where it does not."""
        with self._transaction() as cursor:
            return self._versions(cursor).find(run_id)

    def restage_version(self, manifest: Manifest) -> None:
        """Copy the version that a rewind goes back to into its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
            RewindError: the version is not kept any more.
        """
        with self._transaction() as cursor:
            self._versions(cursor).restage(manifest)

    def publish(self, manifest: Manifest, tests: StagedTests = NO_TESTS) -> Published:
        """Make the staged rows visible, once.

        Raises:
            CheckFailedError: rows break a test that must not be broken.
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            MismatchError: the rows in the target are not those that were staged.
            SchemaConflictError: the existing table would alter values, or is gone.
        """
        self._add_marker()
        notes = self._evolve(manifest)
        with self._transaction() as cursor:
            return self._publishing(cursor, manifest).publish(tests, notes)

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging tables, as far as they are there."""
        with self._transaction() as cursor:
            Staging(cursor, self._dialect, manifest).drop()

    def staging_runs(self) -> dict[str, int]:
        """Return the runs of any table that have a staging table here, each with its staged parts.

        Unlike everything else, this looks at the whole database: the sweep asks.
        """
        with self._transaction() as cursor:
            return bookkeeping.staging_runs(cursor, self._dialect)

    def vitals(self) -> Vitals:
        """Return the target's clock and the versions of its ``_sluice`` tables; change nothing."""
        with self._transaction() as cursor:
            cursor.execute(self._dialect.sql.NOW)
            clock = cursor.fetchone()[0].replace(tzinfo=UTC)
            return Vitals(
                clock=clock,
                books_version=bookkeeping.version(cursor, self._dialect),
                books_wanted=self._dialect.books.VERSION,
            )

    def test(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what tests find in the table as it is, by their names."""
        with self._transaction() as cursor:
            return self._reading(cursor).test(tests)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows of the table as it is."""
        with self._transaction() as cursor:
            yield from self._reading(cursor).scan(columns)

    def count(self) -> int:
        """Return the table's number of rows; 0 when there is no table."""
        with self._transaction() as cursor:
            return self._reading(cursor).count()

    def measure(self, schema: TableSchema, piece: Slice | None = None) -> Point:
        """Return the point of the table's rows, or of a slice, by the database's own engine."""
        with self._transaction() as cursor:
            return self._reading(cursor).measure(schema, piece)

    def read(self, schema: TableSchema, piece: Slice | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the table's rows, or a slice of them, as Arrow carries the columns' types."""
        with self._transaction() as cursor:
            yield from self._reading(cursor).read(schema, piece)

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the table's rows, in a transaction of its own that changes nothing."""
        with self._transaction() as cursor:
            return self._reading(cursor).select(selection)

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _failures(self) -> AbstractContextManager[None]:
        """Turn the driver's failures into ours."""

    @abstractmethod
    def _roll_back(self) -> None:
        """Roll back, or close a connection that cannot."""

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Commit on leaving, roll back on an exception; the connection stays usable if it can."""
        with self._failures():
            cursor = self._connection.cursor()
            try:
                yield cursor
                with timings.timed("commit"):
                    self._connection.commit()
            except BaseException:
                self._roll_back()
                raise

    def _add_marker(self) -> None:
        """Give an existing table the column that marks rows as deleted, if it needs one.

        On its own, because it keeps readers out until its transaction ends.
        """
        wanted = guards.marker(self._config)
        if wanted is None:
            return
        with self._transaction() as cursor:
            found = self._dialect.catalog.columns(cursor, self._table)
            existing = [name for name, *_ in found]
            if existing and wanted not in existing:
                cursor.execute(self._dialect.sql.add_marker(self._table, wanted))

    def _evolve(self, manifest: Manifest) -> tuple[str, ...]:
        """Bring the table closer to the run's columns; on its own, as the marker is."""
        with self._transaction() as cursor:
            return self._drifting(cursor).evolve(manifest)

    def _drifting(self, cursor: Any) -> Drifting:
        return Drifting(cursor, self._dialect, self._config, self._table)

    def _prepare(self) -> None:
        """Make sure that there is a state row to lock, and a schema for the table.

        On its own, because whoever else makes the same schema waits for the end of a transaction.
        """
        with self._transaction() as cursor:
            bookkeeping.ensure(cursor, self._dialect)
            self._dialect.books.ensure_state(cursor, self._name)
            is_reference = self._config.is_reference
            for schema in (self._place.schema, *((VERSIONS_SCHEMA,) if is_reference else ())):
                if not self._dialect.catalog.schema_exists(cursor, schema):
                    cursor.execute(self._dialect.sql.create_schema(schema))

    def _staging(self, cursor: Any, manifest: Manifest) -> Staging:
        accept = self._config.accept
        return Staging(cursor, self._dialect, manifest, target=self._table, accept=accept)

    def _rebuilding(self, cursor: Any, manifest: Manifest) -> Rebuilding:
        return Rebuilding(cursor, self._dialect, manifest, self._staging(cursor, manifest))

    def _versions(self, cursor: Any) -> Versions:
        return Versions(cursor, self._dialect, self._config, self._table)

    def _publishing(self, cursor: Any, manifest: Manifest) -> Publishing:
        return Publishing(cursor, self._dialect, self._config, self._table, manifest)

    def _reading(self, cursor: Any) -> Reading:
        return Reading(cursor, self._dialect, self._config, self._table)
