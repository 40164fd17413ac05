"""Rows into BigQuery: loaded out of sight, then visible by one script, once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa

from shared.config.connections import BigQueryConnection
from shared.config.places import BigQueryTable
from shared.config.tables import ResolvedTable
from shared.core import measuring
from shared.core.checks import Breach
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import Layer, Manifest, Part
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.selections import Selection
from shared.errors import (
    IntegrityError,
    InvalidConfigError,
    TargetRefusedError,
    TargetUnavailableError,
)
from shared.secrets import Secrets
from shared.stage import readback
from shared.stage.objects import StagedObjects
from shared.targets import guards
from shared.targets.base import (
    NO_TESTS,
    KeptVersion,
    LoadRecord,
    Outcome,
    PastLoad,
    Published,
    ReadPart,
    RowTest,
    StagedTests,
    Vitals,
)
from shared.targets.bigquery import connection, facts, paging, sql, tables
from shared.targets.bigquery.bookkeeping import VERSION, Books, Standing
from shared.targets.bigquery.drifting import Drifting
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.publishing import Publishing
from shared.targets.bigquery.rebuilding import Rebuilding, Versions
from shared.targets.bigquery.rowtests import RowTests, scan
from shared.targets.bigquery.staging import PREFIX, Staging
from shared.targets.bigquery.tables import Ref
from shared.targets.relational.bookkeeping import SCHEMA

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
        found = tables.find(self._jobs, self._table)
        return found.schema if found else None

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
            SchemaConflictError: the existing table would alter values.
        """
        self._prepare()
        for _ in range(MAX_TRIES):
            try:
                return self._publish(manifest, tests)
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
        return self._publishing(manifest).scanned_bytes()

    def discard(self, manifest: Manifest) -> None:
        """Drop the run's staging tables, as far as they are there."""
        self._staging(manifest).drop()

    def staging_runs(self) -> dict[str, int]:
        """Return the runs of any table that have a staging table here, each with its staged rows.

        Unlike everything else, this looks at the whole dataset: the sweep asks.
        """
        names = [n for n in tables.names(self._jobs, self._project, SCHEMA) if n.startswith(PREFIX)]
        found = {name: tables.find(self._jobs, self._books.ref(name)) for name in names}
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
        if tables.find(self._jobs, self._table) is None:
            return {}
        return self._tests(self._table, None).run(tests)

    def scan(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows of the table as it is."""
        found = tables.find(self._jobs, self._table)
        if found is None:
            return
        wanted = TableSchema(tuple(found.schema.column(name) for name in columns))
        yield from scan(self._jobs, self._table, wanted)

    def count(self) -> int:
        """Return the table's number of rows; 0 when there is no table."""
        if tables.find(self._jobs, self._table) is None:
            return 0
        return int(next(iter(self._jobs.query(sql.count(self._table.sql))))[0])

    def measure(self, schema: TableSchema, piece: Slice | None = None) -> Point:
        """Return the point of the table's rows, or of a slice, by BigQuery's own engine."""
        asked = {column.name: facts.facts_of(column) for column in schema}
        statement = facts.measure(self._table.sql, asked, self._condition(schema, piece))
        (row,) = self._jobs.query(statement)
        return measuring.point(schema, asked, tuple(row))

    def read(self, schema: TableSchema, piece: Slice | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the table's rows, or a slice of them, as Arrow carries the columns' types."""
        columns = list(schema)
        statement = facts.select(self._table.sql, columns, self._condition(schema, piece))
        yield from readback.batches(columns, map(tuple, self._jobs.query(statement)))

    def select(self, selection: Selection) -> list[tuple[Any, ...]]:
        """Return a page of the table's rows. It is billed for what it reads."""
        statement, values = paging.select(self._table.sql, selection)
        return [tuple(row.values()) for row in self._jobs.query(statement, **values)]

    def close(self) -> None:
        """Close the client's connections."""
        self._jobs.client.close()

    def _condition(self, schema: TableSchema, piece: Slice | None) -> str:
        deleted_at = guards.marker(self._config)
        limits = [facts.is_null(deleted_at)] if deleted_at else []
        limits += [facts.within(schema.column(piece.column), piece)] if piece else []
        return " AND ".join(limits)

    def _publish(self, manifest: Manifest, tests: StagedTests) -> Published:
        standing = self._books.stand(manifest.run_id)
        if refusal := self._refusal(manifest, standing):
            return refusal
        notes = Drifting(self._jobs, self._config, self._table, standing.last).evolve(manifest)
        publishing = self._publishing(manifest)
        plan = publishing.check(standing.last)
        staged = publishing.prove_staged()
        rows = self._staging(manifest).rows
        breaches = self._tests(rows, manifest).run(tests.tests) if tests.tests else {}
        tests.require(breaches)
        if plan.found:
            tables.require_layout(self._table, self._place, plan.found)
        versions = Versions(self._jobs, self._config, self._table)
        keeps = self._config.is_reference and plan.found is not None
        if keeps:
            versions.keep(standing.state.run_id)
        publishing.create(plan, self._place)
        done = publishing.run(plan, standing)
        record = self._books.read_load(manifest.run_id)
        if record is None:
            raise IntegrityError(f"job {done.job.job_id} ended well and recorded nothing")
        proof = publishing.prove_published(staged)
        if keeps:
            versions.forget()
        self._staging(manifest).drop()
        outcome = Outcome.COMMITTED if done.is_ours else Outcome.ALREADY
        return Published(
            outcome=outcome, record=record, notes=notes, breaches=breaches, proof=proof
        )

    def _tests(self, rows: Ref, manifest: Manifest | None) -> RowTests:
        return RowTests(self._jobs, self._config, self._table, rows, manifest)

    def _refusal(self, manifest: Manifest, standing: Standing) -> Published | None:
        def find_content(run_id: str | None) -> str | None:
            return self._books.find_content(manifest.file, run_id) if manifest.file else None

        return guards.refusal(self._config, manifest, standing.state, standing.record, find_content)

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

    def _publishing(self, manifest: Manifest) -> Publishing:
        return Publishing(self._jobs, self._books, self._config, self._table, manifest)


def _place(resolved: ResolvedTable) -> tuple[BigQueryTable, BigQueryConnection]:
    place, reach = resolved.table.bigquery, resolved.connections.bigquery
    if place is None or reach is None:
        raise InvalidConfigError(f"table {resolved.table.name} has no bigquery target")
    return place, reach
