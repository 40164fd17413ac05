"""The dataset ``_sluice``: what Sluice remembers in BigQuery, changed where the rows change.

It has the tables of the other targets, but for ``state``: BigQuery lets only one transaction change
a table at a time, so each table has a state table of its own, with one row.
"""

from dataclasses import dataclass
from typing import Any

from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import FileOrigin, Manifest
from shared.targets.base import LoadRecord, PastLoad
from shared.targets.bigquery import sql, tables
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Ref
from shared.targets.relational.bookkeeping import SCHEMA

VERSION = 1
"""Version of the tables below, as ``_sluice.versions`` records it."""

_LOADS = {
    "run_id": "STRING",
    "table_name": "STRING",
    "mode": "STRING",
    "low": "STRING",
    "high": "STRING",
    "snapshot": "STRING",
    "manifest_attempt": "STRING",
    "source_query_id": "STRING",
    "rows_loaded": "INT64",
    "rows_inserted": "INT64",
    "rows_updated": "INT64",
    "rows_deleted": "INT64",
    "rows_rejected": "INT64",
    "code_version": "STRING",
    "epoch": "INT64",
    "watermark": "STRING",
    "is_base": "BOOL",
    "committed_at": "TIMESTAMP",
}
_FILES = {
    "run_id": "STRING",
    "table_name": "STRING",
    "sha256": "STRING",
    "bucket": "STRING",
    "name": "STRING",
    "generation": "INT64",
}

_NEW_STATE = (
    "CREATE TABLE IF NOT EXISTS {0} AS SELECT CAST(NULL AS STRING) AS watermark, "
    "CAST(NULL AS STRING) AS snapshot, CAST(NULL AS STRING) AS run_id, 0 AS epoch, "
    "CAST(NULL AS STRING) AS change_token, CURRENT_TIMESTAMP() AS updated_at"
)
"""Makes the table with its row, in one step: there is never none, and never a second."""

_NEW_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS {0} AS SELECT {1} AS version, CURRENT_TIMESTAMP() AS since"
)


@dataclass(frozen=True, slots=True)
class Step:
    """Statements of a publishing script, with their parameters."""

    fence: tuple[str, ...]
    records: tuple[str, ...]
    values: dict[str, object]


class Books:
    """What is remembered about one table."""

    def __init__(self, jobs: Jobs, project: str, table: str) -> None:
        self._jobs = jobs
        self._project = project
        self._table = table
        self._state = self.ref(f"state_{table}")

    def ref(self, name: str) -> Ref:
        """Return a table of the dataset."""
        return Ref(self._project, SCHEMA, name)

    def is_there(self) -> bool:
        """Say whether the table was ever prepared for a publish."""
        return tables.find(self._jobs, self._state) is not None

    def ensure(self) -> None:
        """Create what is not there."""
        if self.is_there() and self.version() >= VERSION:
            return
        tables.create_dataset(self._jobs, self._project, SCHEMA)
        self._create("loads", _LOADS, ["table_name", "run_id"])
        self._create("files", _FILES, ["table_name", "sha256"])
        self._jobs.define(_NEW_STATE.format(self._state.sql))
        self._jobs.define(_NEW_VERSIONS.format(self.ref("versions").sql, VERSION))

    def version(self) -> int:
        """Return the version of the tables; 0 where there are none."""
        ref = self.ref("versions")
        if tables.find(self._jobs, ref) is None:
            return 0
        return int(self._one(f"SELECT MAX(version) FROM {ref.sql}")[0])

    def read_state(self) -> TargetState:
        """Return the table's state row; the table must have been prepared."""
        row = self._one(
            f"SELECT watermark, snapshot, run_id, epoch, change_token FROM {self._state.sql}"
        )
        watermark, snapshot, run_id, epoch, change_token = row
        return TargetState(
            watermark=watermark,
            snapshot=snapshot,
            run_id=run_id,
            epoch=epoch,
            change_token=change_token,
        )

    def read_load(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        rows = self._jobs.query(
            "SELECT rows_loaded, rows_inserted, rows_updated, rows_deleted, is_base "
            f"FROM {self.ref('loads').sql} WHERE table_name = @table_name AND run_id = @run_id",
            table_name=self._table,
            run_id=run_id,
        )
        for loaded, inserted, updated, deleted, is_base in rows:
            return LoadRecord(
                run_id=run_id,
                rows_loaded=loaded,
                rows_inserted=inserted,
                rows_updated=updated,
                rows_deleted=deleted,
                is_base=is_base,
            )
        return None

    def lineage(self, run_id: str) -> tuple[PastLoad, ...]:
        """Return the publishes that the table consisted of after a run; see ``Target.lineage``."""
        found = list(
            self._jobs.query(
                "SELECT run_id, watermark, epoch, is_base "
                f"FROM {self.ref('loads').sql} WHERE table_name = @table_name ORDER BY epoch",
                table_name=self._table,
            )
        )
        last = next((i for i, row in enumerate(found) if row[0] == run_id), None)
        if last is None:
            return ()
        first = next((i for i in range(last, -1, -1) if found[i][3]), None)
        if first is None or found[last][2] - found[first][2] != last - first:
            return ()  # a record is missing, and so is what it stands for
        return tuple(PastLoad(run_id=row[0], watermark=row[1]) for row in found[first : last + 1])

    def find_content(self, file: FileOrigin, run_id: str | None) -> str | None:
        """Return the place of a loaded file of the same content, if there is one.

        Args:
            file: the file to compare with.
            run_id: only the file of this run counts; None: any file of the table.
        """
        rows = self._jobs.query(
            f"SELECT bucket, name, generation FROM {self.ref('files').sql} "
            "WHERE table_name = @table_name AND sha256 = @sha256 "
            "AND run_id = COALESCE(@run_id, run_id) LIMIT 1",
            table_name=self._table,
            sha256=file.identity,
            run_id=run_id,
        )
        return next((f"gs://{row[0]}/{row[1]}#{row[2]}" for row in rows), None)

    def step(self, manifest: Manifest, state: TargetState, *, is_base: bool) -> Step:
        """Return what a publish changes here: the fence first, the records last."""
        after = fencing.next_state(manifest, state)
        move_on = (
            f"UPDATE {self._state.sql} SET watermark = @watermark, snapshot = @newest, "
            "run_id = @run_id, change_token = @change_token, epoch = @epoch, "
            "updated_at = CURRENT_TIMESTAMP() WHERE epoch = @epoch - 1"
        )
        fence = (move_on, f"ASSERT @@row_count = 1 AS '{sql.FENCE}'")
        values: dict[str, object] = {
            "watermark": after.watermark,
            "newest": after.snapshot,
            "change_token": after.change_token,
            "epoch": after.epoch,
            "is_base": is_base,
            **self._load_values(manifest),
        }
        records = [_insert_load(self.ref("loads").sql)]
        if manifest.rewind:
            # The rows of later files are gone, so the same files may be dropped again.
            kept = [layer.run_id for layer in manifest.rewind.layers] or [manifest.rewind.run_id]
            records.append(
                f"DELETE FROM {self.ref('files').sql} WHERE table_name = @table_name "
                f"AND run_id NOT IN {sql.texts(kept)}"
            )
        if manifest.file:
            records.append(_insert_file(self.ref("files").sql))
            values |= _file_values(manifest.file)
        return Step(fence, tuple(records), values)

    def _load_values(self, manifest: Manifest) -> dict[str, object]:
        return {
            "run_id": manifest.run_id,
            "table_name": self._table,
            "mode": manifest.publish_mode,
            "low": manifest.low,
            "high": manifest.high,
            "snapshot": manifest.snapshot,
            "manifest_attempt": manifest.attempt,
            "source_query_id": manifest.query_id,
            "rows_loaded": manifest.rows_staged,
            "rows_rejected": manifest.rows_rejected,
            "code_version": manifest.code_version,
        }

    def _create(self, name: str, columns: dict[str, str], clustering: list[str]) -> None:
        from google.cloud import bigquery

        schema = [bigquery.SchemaField(column, kind) for column, kind in columns.items()]
        table = bigquery.Table(self.ref(name).api, schema=schema)
        table.clustering_fields = clustering
        with self._jobs.failures():
            self._jobs.client.create_table(table, exists_ok=True)

    def _one(self, statement: str) -> Any:
        return next(iter(self._jobs.query(statement)))


def _insert_load(loads: str) -> str:
    counted = {
        "rows_inserted": sql.INSERTED,
        "rows_updated": sql.UPDATED,
        "rows_deleted": sql.DELETED,
        "committed_at": "CURRENT_TIMESTAMP()",
    }
    values = ", ".join(counted.get(name, f"@{name}") for name in _LOADS)
    return f"INSERT INTO {loads} ({', '.join(_LOADS)}) VALUES ({values})"


def _insert_file(files: str) -> str:
    own = {"run_id": "@run_id", "table_name": "@table_name"}
    values = ", ".join(own.get(name, f"@file_{name}") for name in _FILES)
    return f"INSERT INTO {files} ({', '.join(_FILES)}) VALUES ({values})"


def _file_values(file: FileOrigin) -> dict[str, object]:
    return {
        "file_sha256": file.identity,
        "file_bucket": file.bucket,
        "file_name": file.name,
        "file_generation": file.generation,
    }
