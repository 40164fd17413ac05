"""The ``_sluice`` schema: what Sluice remembers in the target, changed where the rows change.

``state`` has one row per table, the fence; ``loads`` one per published run; ``files`` one per
loaded file; ``staged`` one per part that a staging table holds.
"""

from typing import Any

from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.manifests import FileOrigin, Manifest
from shared.errors import IntegrityError
from shared.targets.base import LoadRecord, PastLoad
from shared.targets.postgres import catalog

LOCK = 0x51_10_1CE
"""Advisory lock under which the tables are created: two firsts must not collide."""

VERSION = 3
"""Version of the tables below, as ``_sluice.versions`` records it."""

TABLES = (
    "CREATE SCHEMA IF NOT EXISTS _sluice",
    """CREATE TABLE IF NOT EXISTS _sluice.state (
  table_name TEXT PRIMARY KEY,
  watermark TEXT,
  snapshot TEXT,
  run_id TEXT,
  epoch BIGINT NOT NULL DEFAULT 0,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now())""",
    """CREATE TABLE IF NOT EXISTS _sluice.loads (
  run_id TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  mode TEXT NOT NULL,
  low TEXT,
  high TEXT,
  snapshot TEXT NOT NULL,
  manifest_attempt TEXT NOT NULL,
  source_query_id TEXT,
  rows_loaded BIGINT NOT NULL,
  rows_inserted BIGINT NOT NULL,
  rows_updated BIGINT NOT NULL,
  rows_deleted BIGINT NOT NULL,
  rows_rejected BIGINT NOT NULL,
  code_version TEXT NOT NULL,
  committed_at TIMESTAMPTZ NOT NULL DEFAULT now())""",
    """CREATE TABLE IF NOT EXISTS _sluice.files (
  bucket TEXT NOT NULL,
  name TEXT NOT NULL,
  generation BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  table_name TEXT NOT NULL,
  run_id TEXT NOT NULL,
  PRIMARY KEY (bucket, name, generation))""",
    """CREATE UNLOGGED TABLE IF NOT EXISTS _sluice.staged (
  run_id TEXT NOT NULL,
  part TEXT NOT NULL,
  PRIMARY KEY (run_id, part))""",
    "CREATE INDEX IF NOT EXISTS files_by_content ON _sluice.files (table_name, sha256)",
    # Since version 2.
    "ALTER TABLE _sluice.state ADD COLUMN IF NOT EXISTS change_token TEXT",
    # Since version 3.
    "ALTER TABLE _sluice.loads ADD COLUMN IF NOT EXISTS epoch BIGINT",
    "ALTER TABLE _sluice.loads ADD COLUMN IF NOT EXISTS watermark TEXT",
    "ALTER TABLE _sluice.loads ADD COLUMN IF NOT EXISTS is_base BOOLEAN NOT NULL DEFAULT false",
    "CREATE INDEX IF NOT EXISTS loads_by_epoch ON _sluice.loads (table_name, epoch)",
    """CREATE TABLE IF NOT EXISTS _sluice.versions (
  version INTEGER PRIMARY KEY,
  since TIMESTAMPTZ NOT NULL DEFAULT now())""",
)
"""Creates or completes the tables of any version; what a newer release added stays."""

READ_VERSION = "SELECT max(version) FROM _sluice.versions"

WRITE_VERSION = (
    "INSERT INTO _sluice.versions (version) VALUES (%s) ON CONFLICT (version) DO NOTHING"
)

ENSURE_STATE = (
    "INSERT INTO _sluice.state (table_name) VALUES (%s) ON CONFLICT (table_name) DO NOTHING"
)

READ_STATE = (
    "SELECT watermark, snapshot, run_id, epoch, change_token FROM _sluice.state "
    "WHERE table_name = %s"
)

LOCK_STATE = f"{READ_STATE} FOR UPDATE"

WRITE_STATE = (
    "UPDATE _sluice.state SET watermark = %s, snapshot = %s, run_id = %s, change_token = %s, "
    "epoch = epoch + 1, updated_at = now() WHERE table_name = %s AND epoch = %s"
)

READ_LOAD = (
    "SELECT run_id, rows_loaded, rows_inserted, rows_updated, rows_deleted, is_base "
    "FROM _sluice.loads WHERE run_id = %s"
)

WRITE_LOAD = (
    "INSERT INTO _sluice.loads (run_id, table_name, mode, low, high, snapshot, manifest_attempt, "
    "source_query_id, rows_loaded, rows_inserted, rows_updated, rows_deleted, rows_rejected, "
    "code_version, epoch, watermark, is_base) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)

READ_LINEAGE = """SELECT run_id, watermark, epoch FROM _sluice.loads
WHERE table_name = %s
  AND epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = %s AND table_name = %s)
  AND epoch >= (
    SELECT max(base.epoch) FROM _sluice.loads base
    WHERE base.table_name = %s AND base.is_base
      AND base.epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = %s))
ORDER BY epoch"""

FORGET_FILES = "DELETE FROM _sluice.files WHERE table_name = %s AND NOT run_id = ANY(%s)"

FIND_CONTENT = (
    "SELECT bucket, name, generation FROM _sluice.files WHERE table_name = %s AND sha256 = %s "
    "AND run_id = coalesce(%s::text, run_id) LIMIT 1"
)

WRITE_FILE = (
    "INSERT INTO _sluice.files (bucket, name, generation, sha256, table_name, run_id) "
    "VALUES (%s, %s, %s, %s, %s, %s)"
)

READ_STAGED = "SELECT part FROM _sluice.staged WHERE run_id = %s"

CLAIM_PART = (
    "INSERT INTO _sluice.staged (run_id, part) VALUES (%s, %s) "
    "ON CONFLICT (run_id, part) DO NOTHING"
)
"""Waits while another attempt stages the same part, and then finds it done or takes it over."""

READ_STAGING_RUNS = """SELECT found.run_id, count(s.part)
FROM (SELECT substr(tablename, length('stage_') + 1) AS run_id
      FROM pg_catalog.pg_tables
      WHERE schemaname = '_sluice' AND starts_with(tablename, 'stage_')) found
LEFT JOIN _sluice.staged s ON s.run_id = found.run_id
GROUP BY found.run_id ORDER BY found.run_id"""

FORGET_PARTS = "DELETE FROM _sluice.staged WHERE run_id = %s"


def is_there(cursor: Any) -> bool:
    """Say whether anything was ever published; tables of an older version are completed."""
    if not catalog.exists(cursor, "_sluice.state"):
        return False
    ensure(cursor)
    return True


def ensure(cursor: Any) -> None:
    """Create the tables, or complete those of an older version."""
    if catalog.exists(cursor, "_sluice.versions"):
        cursor.execute(READ_VERSION)
        if (cursor.fetchone()[0] or 0) >= VERSION:
            return
    lock(cursor)
    for statement in TABLES:
        cursor.execute(statement)
    cursor.execute(WRITE_VERSION, (VERSION,))


def staging_runs(cursor: Any) -> dict[str, int]:
    """Return the runs that have a staging table, each with the number of its staged parts."""
    if not catalog.exists(cursor, "_sluice.staged"):
        return {}
    cursor.execute(READ_STAGING_RUNS)
    return {run_id: int(parts) for run_id, parts in cursor.fetchall()}


def lock(cursor: Any) -> None:
    """Let nobody else create anything in ``_sluice`` until this transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def read_state(cursor: Any, table: str, *, for_update: bool = False) -> TargetState:
    """Return a table's state row; a table never loaded has an empty one."""
    cursor.execute(LOCK_STATE if for_update else READ_STATE, (table,))
    row = cursor.fetchone()
    if row is None:
        return TargetState()
    watermark, snapshot, run_id, epoch, change_token = row
    return TargetState(
        watermark=watermark,
        snapshot=snapshot,
        run_id=run_id,
        epoch=epoch,
        change_token=change_token,
    )


def read_load(cursor: Any, run_id: str) -> LoadRecord | None:
    """Return the record of a committed run; None when it never committed."""
    cursor.execute(READ_LOAD, (run_id,))
    row = cursor.fetchone()
    if row is None:
        return None
    _, loaded, inserted, updated, deleted, is_base = row
    return LoadRecord(
        run_id=run_id,
        rows_loaded=loaded,
        rows_inserted=inserted,
        rows_updated=updated,
        rows_deleted=deleted,
        is_base=is_base,
    )


def lineage(cursor: Any, table: str, run_id: str) -> tuple[PastLoad, ...]:
    """Return the publishes that a table consisted of after a run; see ``Target.lineage``."""
    cursor.execute(READ_LINEAGE, (table, run_id, table, table, run_id))
    rows = cursor.fetchall()
    if rows and rows[-1][2] - rows[0][2] != len(rows) - 1:
        return ()  # a record is missing, and so is what it stands for
    return tuple(PastLoad(run_id=found, watermark=watermark) for found, watermark, _ in rows)


def find_content(cursor: Any, table: str, file: FileOrigin, run_id: str | None) -> str | None:
    """Return the place of a loaded file of the same content, if there is one.

    Args:
        cursor: inside the publish's transaction.
        table: the table's name.
        file: the file to compare with.
        run_id: only the file of this run counts; None: any file of the table.
    """
    cursor.execute(FIND_CONTENT, (table, file.identity, run_id))
    row = cursor.fetchone()
    return f"gs://{row[0]}/{row[1]}#{row[2]}" if row else None


def record(
    cursor: Any, table: str, manifest: Manifest, state: TargetState, load: LoadRecord
) -> None:
    """Write down that a run is published: its load, its file, and the table's new state.

    Raises:
        IntegrityError: the state row is no longer as it was read.
    """
    after = fencing.next_state(manifest, state)
    cursor.execute(
        WRITE_STATE,
        (after.watermark, after.snapshot, after.run_id, after.change_token, table, state.epoch),
    )
    if cursor.rowcount != 1:
        raise IntegrityError(
            f"the state row of {table} changed under its lock; run {manifest.run_id} was rolled "
            "back"
        )
    _write_load(cursor, table, manifest, load, after)
    if manifest.rewind:
        # The rows of later files are gone, so the same files may be dropped again.
        kept = [layer.run_id for layer in manifest.rewind.layers]
        cursor.execute(FORGET_FILES, (table, kept))
    if manifest.file:
        file = manifest.file
        cursor.execute(
            WRITE_FILE,
            (file.bucket, file.name, file.generation, file.identity, table, manifest.run_id),
        )


def _write_load(
    cursor: Any, table: str, manifest: Manifest, load: LoadRecord, after: TargetState
) -> None:
    cursor.execute(
        WRITE_LOAD,
        (
            manifest.run_id,
            table,
            _mode(manifest),
            manifest.low,
            manifest.high,
            manifest.snapshot,
            manifest.attempt,
            manifest.query_id,
            load.rows_loaded,
            load.rows_inserted,
            load.rows_updated,
            load.rows_deleted,
            manifest.rows_rejected,
            manifest.code_version,
            after.epoch,
            after.watermark,
            load.is_base,
        ),
    )


def _mode(manifest: Manifest) -> str:
    if manifest.rewind:
        return "rewind"
    return "backfill" if manifest.is_backfill else manifest.mode.value
