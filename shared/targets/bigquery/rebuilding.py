"""An earlier state of a table: a rewind's layers, put over each other.

Each step of a rewind is a script that notes its part in the transaction in which it changes the
staging table, and changes one row that all steps change: so it happens once, whoever repeats it.
"""

import uuid
from collections.abc import Iterable

import pyarrow as pa

from shared.core.manifests import Layer, Manifest, Part
from shared.core.modes import SyncMode
from shared.errors import RewindError, TargetRefusedError
from shared.targets.bigquery import sql, tables
from shared.targets.bigquery.bookkeeping import Books
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.staging import Staging
from shared.targets.bigquery.tables import Ref


class Rebuilding:
    """The steps of one rewind."""

    def __init__(self, jobs: Jobs, books: Books, manifest: Manifest) -> None:
        self._jobs = jobs
        self._manifest = manifest
        self._staging = Staging(jobs, books, manifest)
        self._rows = self._staging.rows.sql

    def put(self, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put the rows of a part in, over those of the same key.

        Raises:
            NotStagedError: the staging table is gone.
        """
        if self._is_done(part.name):
            return
        scratch = self._staging.scratch(layer.schema, batches, uuid.uuid4().hex[:8])
        key = self._manifest.schema.primary_key
        kept = [c for c in layer.schema if c.name in self._manifest.schema.names]
        replaces = key and layer.mode is not SyncMode.APPEND
        deletes = [sql.delete_present(self._rows, scratch.sql, key)] if replaces else []
        self._do(part.name, [*deletes, sql.insert_all(self._rows, scratch.sql, kept)])
        tables.drop(self._jobs, scratch)

    def keep_only(self, layer: Layer, batches: Iterable[pa.RecordBatch]) -> None:
        """Take out the rows whose key is none of the layer's.

        Raises:
            NotStagedError: the staging table is gone.
        """
        if self._is_done(layer.keys_name):
            return
        scratch = self._staging.scratch(layer.schema.only_key, batches, uuid.uuid4().hex[:8])
        delete = sql.delete_missing(self._rows, scratch.sql, layer.schema.primary_key)
        self._do(layer.keys_name, [delete])
        tables.drop(self._jobs, scratch)

    def copy(self, version: Ref, name: str) -> None:
        """Copy a kept version into the staging table; ``name`` is noted for it.

        Raises:
            NotStagedError: the staging table is gone.
            RewindError: the version is not kept any more.
        """
        if self._is_done(name):
            return
        if tables.find(self._jobs, version) is None:
            raise RewindError(
                f"the version {version.table} is not kept any more; choose a later one, or rewind "
                "to a run whose parts are kept"
            )
        insert = sql.insert_all(self._rows, version.sql, list(self._manifest.schema))
        self._do(name, [insert])

    def _is_done(self, name: str) -> bool:
        self._staging.require(self._staging.rows)
        return name in self._staging.parts()

    def _do(self, name: str, statements: list[str]) -> None:
        notes = self._staging.notes.sql
        steps = [
            f"UPDATE {notes} SET part = '' WHERE part = ''",
            f"ASSERT NOT EXISTS (SELECT 1 FROM {notes} WHERE part = @part) AS '{sql.CLAIMED}'",
            *statements,
            f"INSERT INTO {notes} (part) VALUES (@part)",
        ]
        stem = f"sluice_rewind_{self._staging.rows.table}_{uuid.uuid4().hex}"
        try:
            self._jobs.script(stem, sql.script(steps), {"part": name})
        except TargetRefusedError as exc:
            if sql.CLAIMED not in exc.message:
                raise
