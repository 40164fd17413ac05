"""Rows into BigQuery: loaded out of sight, then visible by one script, once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa

from shared.config.connections import BigQueryConnection
from shared.config.places import BOOKKEEPING_SCHEMA, BigQueryTable
from shared.config.tables import ResolvedTable
from shared.core.checks import Breach
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Part
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.selections import Selection
from shared.errors import (
    InvalidConfigError,
    TargetRefusedError,
    TargetUnavailableError,
)
from shared.secrets import Secrets
from shared.stage.objects import StagedObjects
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
from shared.targets.bigquery import connection, sql, tables
from shared.targets.bigquery.bookkeeping import VERSION, Books
from shared.targets.bigquery.changes import Changes
from shared.targets.bigquery.drifting import Drifting
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.publishing import Publishing
from shared.targets.bigquery.reading import Reading
from shared.targets.bigquery.rebuilding import Rebuilding
from shared.targets.bigquery.staging import PREFIX, Staging
from shared.targets.bigquery.tables import Ref
from shared.targets.bigquery.versions import Versions

MAX_TRIES = 5
"""So often a publish begins anew because other runs of its table were faster."""


class BigQueryTarget:
    """One table in BigQuery, for one step."""

    def __init__(
        self,
        resolved: ResolvedTable,
        secrets: Secrets,  # noqa: ARG002 - the function's own identity is enough
        objects: StagedObjects | None = None,
    ) -> None:
        place, reach = _place(resolved)
        self._config = resolved.table
        self._place = place
        self._objects = objects if place.load != "upload" else None
        self._jobs = Jobs(reach, {**place.labels, "sluice_table": resolved.table.name})
        self._books = Books(self._jobs, reach.project, resolved.table.name)
        self._table = Ref(place.project or reach.project, place.dataset, place.table)
        self._reading = Reading(self._jobs, self._config, self._table)
        self._project = reach.project
        self._is_prepared = False

    def fit(self, schema: TableSchema) -> TableSchema:
        """Return what a run stages of a source's columns, by the table's policy for drift.

        Raises:
            SchemaConflictError: the run could not be published, as things are.
        """
        past: tuple[PastSchema, ...] = ()
        if found := tables.find(self._jobs, self._table):
            tables.require_layout(self._table, self._place, found)
            past = self.schemas()
        last = past[-1].schema if past else None
        return Drifting(self._jobs, self._config, self._table, last).fit(found, schema)

    def schemas(self) -> tuple[PastSchema, ...]:
        """Return the schemas that published runs had, oldest first; each differs from the last."""
        if not self._books.is_there():
            return ()
        self._books.ensure()
        return self._books.schemas()

    def state(self) -> TargetState:
        """Return the table's state row; a table never loaded has an empty one."""
        return self._books.read_state() if self._books.is_there() else TargetState()

    def committed(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        return self._books.read_load(run_id) if self._books.is_there() else None

    def schema(self) -> TableSchema | None:
        """Return the table as it is in the target; None when it does not exist."""
        return self._reading.schema()

    @classmethod
    def definition(cls, resolved: ResolvedTable, schema: TableSchema) -> str:
        """Return the statement that makes a table of these columns; nothing is asked for it."""
        place, reach = _place(resolved)
        ref = Ref(place.project or reach.project, place.dataset, place.table)
        by = place.partition_by
        partitioned_by = sql.partition(schema.column(by.column), by.by) if by else None
        columns = list(schema)
        return sql.create_table(
            ref.sql, columns, schema.primary_key, partitioned_by, place.cluster_by
        )

    def lineage(self, run_id: str) -> tuple[PastLoad, ...]:
        """Return the publishes that the table consisted of after a run, in their order."""
        return self._books.lineage(run_id) if self._books.is_there() else ()

    def version(self, run_id: str) -> KeptVersion | None:
        """Return the version that a run left and that the target keeps; None where it does not."""
        return Versions(self._jobs, self._config, self._table).find(run_id)

    def restage_version(self, manifest: Manifest) -> None:
        """Copy the version that a rewind goes back to into its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
            RewindError: the version is not kept any more.
        """
        if manifest.rewind:
            place = Versions(self._jobs, self._config, self._table).place(manifest.rewind.run_id)
            self._rebuilding(manifest).copy(place, manifest.rewind.kept_name)

    def publish_directly(
        self,
        manifest: Manifest,  # noqa: ARG002 - a load job cannot be part of a transaction
        read: ReadPart,  # noqa: ARG002
    ) -> Published | None:
        """Return None: rows go by way of the staging table."""
        return None

    def takes_whole_runs(self, manifest: Manifest) -> bool:
        """Say whether one load job reads all parts from Cloud Storage."""
        is_plain = all(part.key is None for part in manifest.all_parts)
        return self._objects is not None and is_plain and not manifest.rewind

    def open_staging(self, manifest: Manifest) -> set[str]:
        """Return the names of the parts that the staging tables hold; make them if need be.

        Where BigQuery may read the parts itself, all of them are staged afterwards.

        Raises:
            IntegrityError: a part is not the one that the manifest names.
        """
        self._prepare()
        staging = self._staging(manifest)
        staging.create()
        if self._objects is None or not self.takes_whole_runs(manifest):
            return staging.parts()
        staging.load(self._objects)
        return {part.name for part in manifest.all_parts}

    def stage(self, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Send a part's rows to its staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        self._staging(manifest).upload(part, batches)

    def restage(
        self, manifest: Manifest, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Put a part of a rewind's layer into the rewind's staging table, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        self._rebuilding(manifest).put(layer, part, batches)

    def restage_keys(
        self, manifest: Manifest, layer: Layer, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Take the rows out of the rewind's staging table whose key is none of a layer's, once.

        Raises:
            NotStagedError: the staging table is gone, because the run was published or discarded.
        """
        self._rebuilding(manifest).keep_only(layer, batches)

    def publish(self, manifest: Manifest, tests: StagedTests = NO_TESTS) -> Published:
        """Make the staged rows visible, once.

        Raises:
            CheckFailedError: rows break a test that must not be broken.
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            MismatchError: the rows in the staging table are not those that were staged.
            NotStagedError: the staging table does not hold all of the run's rows.
            SchemaConflictError: the existing table would alter values, or is gone.
        """
        self._prepare()
        publishing = Publishing(
            self._jobs, self._books, self._config, self._table, self._place, manifest
        )
        for _ in range(MAX_TRIES):
            try:
                return publishing.publish(tests)
            except (TargetRefusedError, TargetUnavailableError) as exc:
                if not any(each in exc.message for each in (sql.FENCE, connection.CONFLICT)):
                    raise
        raise TargetUnavailableError(
            f"{self._table.sql} was published {MAX_TRIES} times while run {manifest.run_id} was "
            "about to be",
            run_id=manifest.run_id,
        )

    def scanned_bytes(self, manifest: Manifest) -> int | None:
        """Return how many bytes of the table a publish would read, at most, by dry runs."""
        changes = Changes(self._jobs, self._books, self._config, self._table, manifest)
        return changes.scanned_bytes()

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging tables, as far as they are there."""
        self._staging(manifest).drop()

    def staging_runs(self) -> dict[str, int]:
        """Return the runs of any table that have a staging table here, each with its staged rows.

        Unlike everything else, this looks at the whole dataset: the sweep asks.
        """
        names = tables.names(self._jobs, self._project, BOOKKEEPING_SCHEMA)
        staging = [name for name in names if name.startswith(PREFIX)]
        found = {name: tables.find(self._jobs, self._books.ref(name)) for name in staging}
        return {name.removeprefix(PREFIX): table.rows for name, table in found.items() if table}

    def vitals(self) -> Vitals:
        """Return the target's clock and the versions of its ``_sluice`` tables; change nothing."""
        clock = next(iter(self._jobs.query("SELECT CURRENT_TIMESTAMP()")))[0]
        return Vitals(
            clock=clock.astimezone(UTC),
            books_version=self._books.version(),
            books_wanted=VERSION,
        )

    def test(self, tests: Sequence[RowTest]) -> Mapping[str, Breach]:
        """Return what tests find in the table as it is, by their names."""
        return self._reading.test(tests)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows of the table as it is."""
        yield from self._reading.scan(columns)

    def count(self) -> int:
        """Return the table's number of rows; 0 when there is no table."""
        return self._reading.count()

    def measure(self, schema: TableSchema, piece: Slice | None = None) -> Point:
        """Return the point of the table's rows, or of a slice, by BigQuery's own engine."""
        return self._reading.measure(schema, piece)

    def read(self, schema: TableSchema, piece: Slice | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the table's rows, or a slice of them, as Arrow carries the columns' types."""
        yield from self._reading.read(schema, piece)

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the table's rows. It is billed for what it reads."""
        return self._reading.select(selection)

    def close(self) -> None:
        """Close the client's connections."""
        self._jobs.client.close()

    def _prepare(self) -> None:
        """Make sure that there is a state row, and a dataset for the table."""
        if not self._is_prepared:
            self._books.ensure()
            tables.create_dataset(self._jobs, self._table.project, self._table.dataset)
        self._is_prepared = True

    def _staging(self, manifest: Manifest) -> Staging:
        return Staging(self._jobs, self._books, manifest)

    def _rebuilding(self, manifest: Manifest) -> Rebuilding:
        return Rebuilding(self._jobs, self._books, manifest)


def _place(resolved: ResolvedTable) -> tuple[BigQueryTable, BigQueryConnection]:
    place, reach = resolved.table.bigquery, resolved.connections.bigquery
    if place is None or reach is None:
        raise InvalidConfigError(f"table {resolved.table.name} has no bigquery target")
    return place, reach
