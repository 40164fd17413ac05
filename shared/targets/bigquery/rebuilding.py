"""Earlier states of a table: a rewind's layers put over each other, and versions that are kept.

Each step of a rewind is a script that notes its part in the transaction in which it changes the
staging table, and changes one row that all steps change: so it happens once, whoever repeats it.
"""

import uuid
from collections.abc import Iterable

import pyarrow as pa

from shared.config.places import VERSIONS_SCHEMA
from shared.config.tables import TableConfig
from shared.core import naming
from shared.core.manifests import Layer, Manifest, Part
from shared.core.modes import SyncMode
from shared.errors import RewindError, TargetRefusedError
from shared.targets.base import KeptVersion
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


class Versions:
    """The versions of a reference table, in the dataset ``bkp``."""

    def __init__(self, jobs: Jobs, config: TableConfig, table: Ref) -> None:
        self._jobs = jobs
        self._config = config
        self._table = table

    def place(self, run_id: str) -> Ref:
        """Return where the version that a run left is kept."""
        return Ref(self._table.project, VERSIONS_SCHEMA, _plain(self._prefix() + run_id))

    def keep(self, run_id: str | None) -> None:
        """Keep the table as a run left it; a second attempt writes the same again.

        Args:
            run_id: the run; None: the table was there before the first one.
        """
        from google.cloud.bigquery import CopyJobConfig

        tables.create_dataset(self._jobs, self._table.project, VERSIONS_SCHEMA)
        copy = self.place(run_id or naming.NO_RUN)
        config = CopyJobConfig(write_disposition="WRITE_TRUNCATE", labels=self._jobs.labels)
        stem = f"sluice_keep_{uuid.uuid4().hex}"
        self._jobs.once(
            stem,
            lambda job_id: self._jobs.client.copy_table(
                self._table.api, copy.api, job_id=job_id, job_config=config
            ),
        )

    def forget(self) -> None:
        """Let the oldest versions beyond the limit go."""
        prefix = _plain(self._prefix())
        names = tables.names(self._jobs, self._table.project, VERSIONS_SCHEMA)
        kept = sorted(name for name in names if name.startswith(prefix))
        for name in kept[: -self._config.keep_versions]:
            tables.drop(self._jobs, Ref(self._table.project, VERSIONS_SCHEMA, name))

    def find(self, run_id: str) -> KeptVersion | None:
        """Return a version, with the table's key; None when it is not kept."""
        found = tables.find(self._jobs, self.place(run_id))
        return KeptVersion(schema=found.schema, rows=found.rows) if found else None

    def _prefix(self) -> str:
        return naming.version_prefix(self._config.name)


def _plain(name: str) -> str:
    """Return a version's name with characters that BigQuery takes."""
    return name.replace("@", "-").replace("~", "-")
