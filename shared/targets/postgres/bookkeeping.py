"""The ``_sluice`` schema in PostgreSQL: its tables, its statements, its locks."""

from typing import Any

from shared.targets.relational.statements import BookStatements

LOCK = 0x51_10_1CE
"""Advisory lock under which the tables are created: two firsts must not collide."""

VERSION = 4
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
    # Since version 4.
    """CREATE TABLE IF NOT EXISTS _sluice.schemas (
  table_name TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  run_id TEXT NOT NULL,
  columns TEXT NOT NULL,
  changes TEXT NOT NULL,
  recorded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (table_name, epoch))""",
)
"""Creates or completes the tables of any version; what a newer release added stays."""

_READ_STATE = (
    "SELECT watermark, snapshot, run_id, epoch, change_token FROM _sluice.state "
    "WHERE table_name = %s"
)

STATEMENTS = BookStatements(
    read_version="SELECT max(version) FROM _sluice.versions",
    write_version=(
        "INSERT INTO _sluice.versions (version) VALUES (%s) ON CONFLICT (version) DO NOTHING"
    ),
    read_state=_READ_STATE,
    write_state=(
        "UPDATE _sluice.state SET watermark = %s, snapshot = %s, run_id = %s, change_token = %s, "
        "epoch = epoch + 1, updated_at = now() WHERE table_name = %s AND epoch = %s"
    ),
    read_load=(
        "SELECT run_id, rows_loaded, rows_inserted, rows_updated, rows_deleted, is_base "
        "FROM _sluice.loads WHERE run_id = %s"
    ),
    write_load=(
        "INSERT INTO _sluice.loads (run_id, table_name, mode, low, high, snapshot, "
        "manifest_attempt, source_query_id, rows_loaded, rows_inserted, rows_updated, "
        "rows_deleted, rows_rejected, code_version, epoch, watermark, is_base) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    ),
    read_lineage="""SELECT run_id, watermark, epoch FROM _sluice.loads
WHERE table_name = %s
  AND epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = %s AND table_name = %s)
  AND epoch >= (
    SELECT max(base.epoch) FROM _sluice.loads base
    WHERE base.table_name = %s AND base.is_base
      AND base.epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = %s))
ORDER BY epoch""",
    find_content=(
        "SELECT bucket, name, generation FROM _sluice.files WHERE table_name = %s "
        "AND sha256 = %s AND run_id = coalesce(%s::text, run_id) LIMIT 1"
    ),
    write_file=(
        "INSERT INTO _sluice.files (bucket, name, generation, sha256, table_name, run_id) "
        "VALUES (%s, %s, %s, %s, %s, %s)"
    ),
    read_staged="SELECT part FROM _sluice.staged WHERE run_id = %s",
    read_staging_runs="""SELECT found.run_id, count(s.part)
FROM (SELECT substr(tablename, length('stage_') + 1) AS run_id
      FROM pg_catalog.pg_tables
      WHERE schemaname = '_sluice' AND starts_with(tablename, 'stage_')) found
LEFT JOIN _sluice.staged s ON s.run_id = found.run_id
GROUP BY found.run_id ORDER BY found.run_id""",
    forget_parts="DELETE FROM _sluice.staged WHERE run_id = %s",
    read_schemas=(
        "SELECT columns, run_id, epoch, changes, recorded_at FROM _sluice.schemas "
        "WHERE table_name = %s ORDER BY epoch"
    ),
    write_schema=(
        "INSERT INTO _sluice.schemas (table_name, epoch, run_id, columns, changes) "
        "VALUES (%s, %s, %s, %s, %s)"
    ),
)

ENSURE_STATE = (
    "INSERT INTO _sluice.state (table_name) VALUES (%s) ON CONFLICT (table_name) DO NOTHING"
)

LOCK_STATE = f"{_READ_STATE} FOR UPDATE"

CLAIM_PART = (
    "INSERT INTO _sluice.staged (run_id, part) VALUES (%s, %s) "
    "ON CONFLICT (run_id, part) DO NOTHING"
)
"""Waits while another attempt stages the same part, and then finds it done or takes it over."""

FORGET_FILES = "DELETE FROM _sluice.files WHERE table_name = %s AND NOT run_id = ANY(%s)"


def lock(cursor: Any) -> None:
    """Let nobody else create anything in ``_sluice`` until this transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def ensure_state(cursor: Any, table: str) -> None:
    """Make sure that a table has a state row."""
    cursor.execute(ENSURE_STATE, (table,))


def lock_state(cursor: Any, table: str) -> None:
    """Read the state row, locked until the transaction ends."""
    cursor.execute(LOCK_STATE, (table,))


def claim(cursor: Any, run_id: str, part: str) -> bool:
    """Claim a part for this transaction; False when it is staged already."""
    cursor.execute(CLAIM_PART, (run_id, part))
    return int(cursor.rowcount) == 1


def settle(cursor: Any, run_id: str, part: str) -> None:
    """Do nothing: the claim is the note, and readers do not wait for it."""


def forget_files(cursor: Any, table: str, kept: list[str]) -> None:
    """Forget the table's files except those of the runs that are kept."""
    cursor.execute(FORGET_FILES, (table, kept))
