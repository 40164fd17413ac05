"""A run's staging tables, filled by load jobs: one for all parts, where BigQuery may read them."""

import tempfile
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from shared.core.manifests import Manifest, Part
from shared.core.schemas import TableSchema
from shared.errors import IntegrityError, NotStagedError
from shared.stage.arrow import arrow_schema
from shared.stage.objects import StagedObjects
from shared.targets.bigquery import tables
from shared.targets.bigquery.bookkeeping import Books
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Found, Ref

KEPT = timedelta(days=14)
"""BigQuery drops staging tables that nobody dropped; no run takes so long."""

PREFIX = "stage_"


class Staging:
    """The staging tables of one run."""

    def __init__(self, jobs: Jobs, books: Books, manifest: Manifest) -> None:
        self._jobs = jobs
        self._manifest = manifest
        self.rows = books.ref(f"{PREFIX}{manifest.run_id}")
        self.keys = books.ref(f"keys_{manifest.run_id}")
        self.notes = books.ref(f"notes_{manifest.run_id}")
        """What a rewind has done so far, and one row that each of its steps changes."""
        self._made: dict[Ref, Found] = {}

    def create(self) -> None:
        """Create the tables that are not there yet."""
        manifest, wanted = self._manifest, [(self.rows, self._manifest.schema)]
        if manifest.key_parts is not None:
            wanted.append((self.keys, manifest.schema.only_key))
        for ref, schema in wanted:
            self._made[ref] = tables.create_staging(self._jobs, ref, schema, kept=KEPT)
        if manifest.rewind:
            self._jobs.define(f"CREATE TABLE IF NOT EXISTS {self.notes.sql} AS SELECT '' AS part")

    def load(self, objects: StagedObjects) -> None:
        """Let BigQuery read all parts with rows in one job, and all with keys in another, once.

        Raises:
            IntegrityError: a part is not the one that the manifest names.
            NotStagedError: a staging table is gone.
        """
        manifest = self._manifest
        objects.require_unchanged(manifest.all_parts)
        groups = [(self.rows, manifest.parts), (self.keys, manifest.key_parts or ())]
        for ref, parts in groups:
            if parts:
                self._load(ref, [objects.uri(part) for part in parts])
        objects.require_unchanged(manifest.all_parts)

    def parts(self) -> set[str]:
        """Return the names of the parts that uploads have put into the tables."""
        if self._manifest.rewind:
            rows = self._jobs.query(f"SELECT part FROM {self.notes.sql} WHERE part != ''")
            return {row[0] for row in rows}
        return {p.name for p in self._manifest.all_parts if self._jobs.succeeded(self._stem(p))}

    def upload(self, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Send a part's rows to its table, once.

        Raises:
            NotStagedError: the table is gone, because the run was published or discarded.
        """
        schema = self._manifest.schema_of(part)
        self._send(self._table_of(part), self._stem(part), schema, batches)

    def scratch(self, schema: TableSchema, batches: Iterable[pa.RecordBatch], attempt: str) -> Ref:
        """Put batches into a table of the attempt's own, and return it; BigQuery drops it too."""
        ref = Ref(self.rows.project, self.rows.dataset, f"layer_{self._manifest.run_id}_{attempt}")
        tables.create_staging(self._jobs, ref, schema, kept=timedelta(days=1))
        self._send(ref, f"sluice_{ref.table}", schema, batches)
        return ref

    def require(self, ref: Ref) -> Found:
        """Return a staging table.

        Raises:
            NotStagedError: it is gone.
        """
        found = tables.find(self._jobs, ref)
        if found is None:
            raise NotStagedError(
                f"a staging table of run {self._manifest.run_id} is gone: another attempt "
                "published or discarded it",
                run_id=self._manifest.run_id,
            )
        return found

    def drop(self) -> None:
        """Drop the tables, as far as they are there."""
        tables.drop(self._jobs, self.rows)
        if self._manifest.key_parts is not None:
            tables.drop(self._jobs, self.keys)
        if self._manifest.rewind:
            tables.drop(self._jobs, self.notes)

    def _load(self, ref: Ref, uris: list[str]) -> None:
        created_ms = (self._made.get(ref) or self.require(ref)).created_ms
        config = _config(self._jobs, self._manifest.schema, "WRITE_EMPTY")
        if ref == self.keys:
            config = _config(self._jobs, self._manifest.schema.only_key, "WRITE_EMPTY")
        self._jobs.once(
            f"sluice_load_{ref.table}_{created_ms}",
            lambda job_id: self._jobs.client.load_table_from_uri(
                uris, ref.api, job_id=job_id, job_config=config
            ),
        )

    def _send(
        self, ref: Ref, stem: str, schema: TableSchema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        config = _config(self._jobs, schema, "WRITE_APPEND")
        size_bytes = 0
        with tempfile.TemporaryFile() as file:

            def start(job_id: str) -> Any:
                # Written once, when it is needed: batches come only once.
                nonlocal size_bytes
                size_bytes = size_bytes or _write(file, schema, batches)
                return self._jobs.client.load_table_from_file(
                    file, ref.api, rewind=True, size=size_bytes, job_id=job_id, job_config=config
                )

            done = self._jobs.once(stem, start, is_upload=True)
        if done.job.output_rows is None:
            raise IntegrityError(f"load job {done.job.job_id} tells no number of rows")

    def _table_of(self, part: Part) -> Ref:
        return self.keys if part in (self._manifest.key_parts or ()) else self.rows

    def _stem(self, part: Part) -> str:
        """Return the id of a part's upload: one for each time that its table was created."""
        ref = self._table_of(part)
        number = self._manifest.all_parts.index(part)
        return f"sluice_stage_{ref.table}_{self.require(ref).created_ms}_{number}"


def _config(jobs: Jobs, schema: TableSchema, disposition: str) -> Any:
    from google.cloud.bigquery import LoadJobConfig
    from google.cloud.bigquery.job.load import ColumnNameCharacterMap

    return LoadJobConfig(
        source_format="PARQUET",
        schema=tables.fields(schema, is_staging=True),
        write_disposition=disposition,
        create_disposition="CREATE_NEVER",
        column_name_character_map=ColumnNameCharacterMap.V2,
        # Or decimals beyond NUMERIC are read as NUMERIC all the same.
        decimal_target_types=["NUMERIC", "BIGNUMERIC"],
        labels=jobs.labels,
    )


def _write(file: BinaryIO, schema: TableSchema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches as Parquet, one after the other; return the size of the file."""
    with pq.ParquetWriter(file, arrow_schema(schema), compression="zstd") as parquet:
        for batch in batches:
            parquet.write_batch(batch)
    return file.tell()
