"""The dataset ``_sluice``: what Sluice remembers in BigQuery, changed where the rows change.

It has the tables of the other targets, but for ``state``: BigQuery lets only one transaction change
a table at a time, so each table has a state table of its own, with one row.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from shared.config.places import BOOKKEEPING_SCHEMA
from shared.core import drift, fencing, stored
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import FileOrigin, Manifest
from shared.core.schemas import TableSchema
from shared.errors import TargetRefusedError, TargetUnavailableError
from shared.targets.base import LoadRecord, PastLoad
from shared.targets.bigquery import records, sql, tables
from shared.targets.bigquery.jobs import Jobs
from shared.targets.bigquery.tables import Ref
from shared.wire import from_json, to_json

NOT_FOUND = 404
VERSION = 2
"""Version of the tables below, as ``_sluice.versions`` records it."""

_NEW_STATE = (
    "CREATE TABLE IF NOT EXISTS {0} AS SELECT CAST(NULL AS STRING) AS watermark, "
    "CAST(NULL AS STRING) AS snapshot, CAST(NULL AS STRING) AS run_id, 0 AS epoch, "
    "CAST(NULL AS STRING) AS change_token, CURRENT_TIMESTAMP() AS updated_at"
)
"""Makes the table with its row, in one step: there is never none, and never a second."""

_NEW_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS {0} AS SELECT {1} AS version, CURRENT_TIMESTAMP() AS since"
)
_NEXT_VERSION = (
    "INSERT INTO {0} (version, since) SELECT {1}, CURRENT_TIMESTAMP() FROM (SELECT 1 AS one) AS o "
    "WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE version >= {1})"
)


_STATE = ("watermark", "snapshot", "run_id", "epoch", "change_token")
_RECORD = ("rows_loaded", "rows_inserted", "rows_updated", "rows_deleted", "is_base")
"""The columns of ``state`` and ``loads`` that are read, named as the fields that they become."""


@dataclass(frozen=True, slots=True)
class Step:
    """Statements of a publishing script, with their parameters."""

    fence: tuple[str, ...]
    records: tuple[str, ...]
    values: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState:
    """What is remembered about a table and about a run of it, when that is to be published."""

    state: TargetState
    record: LoadRecord | None
    """The run's own, if it was published before."""
    last: TableSchema | None
    """The schema of the last run that was published."""


class Books:
    """What is remembered about one table."""

    def __init__(self, jobs: Jobs, project: str, table: str) -> None:
        self._jobs = jobs
        self._project = project
        self._table = table
        self._state = self.ref(f"state_{table}")
        self._is_complete = False

    def ref(self, name: str) -> Ref:
        """Return a table of the dataset."""
        return Ref(self._project, BOOKKEEPING_SCHEMA, name)

    def is_there(self) -> bool:
        """Say whether the table was ever prepared for a publish."""
        return tables.find(self._jobs, self._state) is not None

    def ensure(self) -> None:
        """Create what is not there, or complete what an older version made."""
        if self._is_complete:
            return
        if not self.is_there() or self.version() < VERSION:
            tables.create_dataset(self._jobs, self._project, BOOKKEEPING_SCHEMA)
            self._create("loads", records.LOADS, ["table_name", "run_id"])
            self._create("files", records.FILES, ["table_name", "sha256"])
            self._create("schemas", records.SCHEMAS, ["table_name"])
            self._jobs.define(_NEW_STATE.format(self._state.sql))
            versions = self.ref("versions").sql
            self._jobs.define(_NEW_VERSIONS.format(versions, VERSION))
            if self.version() < VERSION:
                self._jobs.define(_NEXT_VERSION.format(versions, VERSION))
        self._is_complete = True

    def version(self) -> int:
        """Return the version of the tables; 0 where there are none."""
        try:
            return int(self._one(f"SELECT MAX(version) FROM {self.ref('versions').sql}")[0])
        except TargetRefusedError as exc:
            if exc.facts["code"] != NOT_FOUND:
                raise
            return 0

    def read_state(self) -> TargetState:
        """Return the table's state row; the table must have been prepared."""
        return _state(self._one(f"SELECT {', '.join(_STATE)} FROM {self._state.sql}"))

    def require_epoch(self, epoch: int) -> None:
        """Make sure that nothing was published since the table stood at an epoch.

        Raises:
            TargetUnavailableError: something was; the publish begins anew.
        """
        if self.read_state().epoch != epoch:
            raise TargetUnavailableError(sql.FENCE)

    def read_for(self, run_id: str) -> BookState:
        """Return all that decides about a publish, by one query; the table must be prepared."""
        mine = "WHERE table_name = @table_name"
        loads, schemas = self.ref("loads").sql, self.ref("schemas").sql
        # Not an outer join, which BigQuery takes only with columns of both sides compared.
        found = [
            *(f"(SELECT {n} FROM {loads} {mine} AND run_id = @run_id) AS {n}" for n in _RECORD),
            f"(SELECT columns FROM {schemas} {mine} ORDER BY epoch DESC LIMIT 1) AS last_columns",
        ]
        row = self._one(
            f"SELECT {', '.join((*_STATE, *found))} FROM {self._state.sql}",
            table_name=self._table,
            run_id=run_id,
        )
        record = row[len(_STATE) : -1]
        return BookState(
            state=_state(row[: len(_STATE)]),
            record=_record(run_id, record) if record[0] is not None else None,
            last=self._columns(row[-1]) if row[-1] else None,
        )

    def schemas(self) -> tuple[PastSchema, ...]:
        """Return the schemas that the table's source has had, oldest first."""
        rows = self._jobs.query(
            f"SELECT columns, run_id, epoch, changes, recorded_at FROM {self.ref('schemas').sql} "
            "WHERE table_name = @table_name ORDER BY epoch",
            table_name=self._table,
        )
        return tuple(
            PastSchema(
                schema=self._columns(columns),
                run_id=run_id,
                epoch=epoch,
                changes=tuple(changes.splitlines()),
                recorded_at=recorded_at.astimezone(UTC),
            )
            for columns, run_id, epoch, changes, recorded_at in rows
        )

    def read_load(self, run_id: str) -> LoadRecord | None:
        """Return the record of a committed run; None when it never committed."""
        rows = self._jobs.query(
            f"SELECT {', '.join(_RECORD)} FROM {self.ref('loads').sql} "
            "WHERE table_name = @table_name AND run_id = @run_id",
            table_name=self._table,
            run_id=run_id,
        )
        return next((_record(run_id, tuple(row)) for row in rows), None)

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
        return next((stored.place(*row) for row in rows), None)

    def forget_files(self, epoch: int) -> None:
        """Forget the files of a table that is gone: the same may be dropped again.

        Args:
            epoch: the table's; files of later runs are in a table that somebody has made since.
        """
        self._jobs.script(
            f"sluice_forget_{uuid.uuid4().hex}",
            f"DELETE FROM {self.ref('files').sql} WHERE table_name = @table_name "
            f"AND run_id NOT IN (SELECT run_id FROM {self.ref('loads').sql} "
            "WHERE table_name = @table_name AND epoch > @epoch)",
            {"table_name": self._table, "epoch": epoch},
        )

    def step(self, manifest: Manifest, booked: BookState, *, is_base: bool) -> Step:
        """Return what a publish changes here: the fence first, the records last."""
        after = fencing.next_state(manifest, booked.state)
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
        statements = [records.insert_load(self.ref("loads").sql)]
        if manifest.rewind:
            # The rows of later files are gone, so the same files may be dropped again.
            kept = [layer.run_id for layer in manifest.rewind.layers] or [manifest.rewind.run_id]
            statements.append(
                f"DELETE FROM {self.ref('files').sql} WHERE table_name = @table_name "
                f"AND run_id NOT IN {sql.texts(kept)}"
            )
        if manifest.file:
            statements.append(records.insert_file(self.ref("files").sql))
            values |= records.file_values(manifest.file)
        said = drift.changes(booked.last, manifest.schema)
        if booked.last is None or said:
            statements.append(records.insert_schema(self.ref("schemas").sql))
            values |= {
                "columns": to_json(manifest.schema).decode(),
                "changes": "\n".join(said),
            }
        return Step(fence, tuple(statements), values)

    def _columns(self, text: str) -> TableSchema:
        return from_json(
            TableSchema, text.encode(), f"{BOOKKEEPING_SCHEMA}.schemas of {self._table}"
        )

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

    def _one(self, statement: str, **values: Any) -> tuple[Any, ...]:
        return tuple(next(iter(self._jobs.query(statement, **values))))


def _state(row: tuple[Any, ...]) -> TargetState:
    return TargetState(**dict(zip(_STATE, row, strict=True)))


def _record(run_id: str, row: tuple[Any, ...]) -> LoadRecord:
    return LoadRecord(run_id=run_id, **dict(zip(_RECORD, row, strict=True)))
