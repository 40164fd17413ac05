"""The ``_sluice`` schema in SQL Server: its tables, its statements, its locks.

Locks are application locks of the transaction (``sp_getapplock``). Rows of these tables are written
last in a transaction, because until it ends a reader of them waits.
"""

from typing import Any

from shared.config.places import BOOKKEEPING_SCHEMA
from shared.errors import TargetUnavailableError
from shared.targets.relational.statements import BookStatements
from shared.targets.sqlserver import sql

VERSION = 2
"""Version of the tables below, as ``_sluice.versions`` records it."""

LOCK_TIMEOUT_MS = 30_000
"""How long a statement waits for somebody else's lock; then the message is redelivered."""

_NEW_TABLE = "IF OBJECT_ID(N'_sluice.{0}', N'U') IS NULL CREATE TABLE _sluice.{0} ({1})"

TABLES = (
    sql.create_schema(BOOKKEEPING_SCHEMA),
    _NEW_TABLE.format(
        "state",
        """
  table_name nvarchar(128) NOT NULL PRIMARY KEY,
  watermark nvarchar(400) NULL,
  snapshot nvarchar(40) NULL,
  run_id nvarchar(60) NULL,
  change_token nvarchar(max) NULL,
  epoch bigint NOT NULL DEFAULT 0,
  updated_at datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME()""",
    ),
    _NEW_TABLE.format(
        "loads",
        """
  run_id nvarchar(60) NOT NULL PRIMARY KEY,
  table_name nvarchar(128) NOT NULL,
  mode nvarchar(20) NOT NULL,
  low nvarchar(400) NULL,
  high nvarchar(400) NULL,
  snapshot nvarchar(40) NOT NULL,
  manifest_attempt nvarchar(60) NOT NULL,
  source_query_id nvarchar(200) NULL,
  rows_loaded bigint NOT NULL,
  rows_inserted bigint NOT NULL,
  rows_updated bigint NOT NULL,
  rows_deleted bigint NOT NULL,
  rows_rejected bigint NOT NULL,
  code_version nvarchar(200) NOT NULL,
  epoch bigint NOT NULL,
  watermark nvarchar(400) NULL,
  is_base bit NOT NULL,
  committed_at datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME()""",
    ),
    _NEW_TABLE.format(
        "files",
        """
  run_id nvarchar(60) NOT NULL PRIMARY KEY,
  table_name nvarchar(128) NOT NULL,
  sha256 nvarchar(64) NOT NULL,
  bucket nvarchar(222) NOT NULL,
  name nvarchar(1024) NOT NULL,
  generation bigint NOT NULL""",
    ),
    _NEW_TABLE.format(
        "staged",
        """
  run_id nvarchar(60) NOT NULL,
  part nvarchar(300) NOT NULL,
  PRIMARY KEY (run_id, part)""",
    ),
    _NEW_TABLE.format(
        "versions",
        """
  version int NOT NULL PRIMARY KEY,
  since datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME()""",
    ),
    # Since version 2.
    _NEW_TABLE.format(
        "schemas",
        """
  table_name nvarchar(128) NOT NULL,
  epoch bigint NOT NULL,
  run_id nvarchar(60) NOT NULL,
  columns nvarchar(max) NOT NULL,
  changes nvarchar(max) NOT NULL,
  recorded_at datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME(),
  PRIMARY KEY (table_name, epoch)""",
    ),
)
"""Creates what is not there.

A file has one run, whose id is made of its bucket, name and generation; the name itself is too long
for a key.
"""

STATEMENTS = BookStatements(
    read_version="SELECT MAX(version) FROM _sluice.versions",
    write_version=(
        "INSERT INTO _sluice.versions (version) SELECT n.version "
        "FROM (SELECT CAST(? AS int) AS version) AS n WHERE NOT EXISTS "
        "(SELECT 1 FROM _sluice.versions AS v WHERE v.version = n.version)"
    ),
    read_state=(
        "SELECT watermark, snapshot, run_id, epoch, change_token FROM _sluice.state "
        "WHERE table_name = ?"
    ),
    write_state=(
        "UPDATE _sluice.state SET watermark = ?, snapshot = ?, run_id = ?, change_token = ?, "
        "epoch = epoch + 1, updated_at = SYSUTCDATETIME() WHERE table_name = ? AND epoch = ?"
    ),
    read_load=(
        "SELECT run_id, rows_loaded, rows_inserted, rows_updated, rows_deleted, is_base "
        "FROM _sluice.loads WHERE run_id = ?"
    ),
    write_load=(
        "INSERT INTO _sluice.loads (run_id, table_name, mode, low, high, snapshot, "
        "manifest_attempt, source_query_id, rows_loaded, rows_inserted, rows_updated, "
        "rows_deleted, rows_rejected, code_version, epoch, watermark, is_base) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    read_lineage="""SELECT run_id, watermark, epoch FROM _sluice.loads
WHERE table_name = ?
  AND epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = ? AND table_name = ?)
  AND epoch >= (
    SELECT MAX(base.epoch) FROM _sluice.loads AS base
    WHERE base.table_name = ? AND base.is_base = 1
      AND base.epoch <= (SELECT epoch FROM _sluice.loads WHERE run_id = ?))
ORDER BY epoch""",
    find_content=(
        "SELECT TOP (1) bucket, name, generation FROM _sluice.files WHERE table_name = ? "
        "AND sha256 = ? AND run_id = COALESCE(CAST(? AS nvarchar(60)), run_id)"
    ),
    write_file=(
        "INSERT INTO _sluice.files (bucket, name, generation, sha256, table_name, run_id) "
        "VALUES (?, ?, ?, ?, ?, ?)"
    ),
    read_staged="SELECT part FROM _sluice.staged WHERE run_id = ?",
    read_staging_runs="""SELECT found.run_id, COUNT(s.part)
FROM (SELECT SUBSTRING(o.name, 7, 128) AS run_id
      FROM sys.tables AS o JOIN sys.schemas AS n ON n.schema_id = o.schema_id
      WHERE n.name = N'_sluice' AND LEFT(o.name, 6) = N'stage_') AS found
LEFT JOIN _sluice.staged AS s ON s.run_id = found.run_id COLLATE DATABASE_DEFAULT
GROUP BY found.run_id ORDER BY found.run_id""",
    forget_parts="DELETE FROM _sluice.staged WHERE run_id = ?",
    read_schemas=(
        "SELECT columns, run_id, epoch, changes, recorded_at FROM _sluice.schemas "
        "WHERE table_name = ? ORDER BY epoch"
    ),
    write_schema=(
        "INSERT INTO _sluice.schemas (table_name, epoch, run_id, columns, changes) "
        "VALUES (?, ?, ?, ?, ?)"
    ),
)

ENSURE_STATE = (
    "INSERT INTO _sluice.state (table_name) SELECT CAST(? AS nvarchar(128)) "
    "WHERE NOT EXISTS (SELECT 1 FROM _sluice.state WHERE table_name = ?)"
)

HAS_STATE = "SELECT COUNT(*) FROM _sluice.state WHERE table_name = ?"

IS_STAGED = "SELECT COUNT(*) FROM _sluice.staged WHERE run_id = ? AND part = ?"

NOTE_PART = "INSERT INTO _sluice.staged (run_id, part) VALUES (?, ?)"

READ_FILES = "SELECT run_id FROM _sluice.files WHERE table_name = ?"

FORGET_FILE = "DELETE FROM _sluice.files WHERE table_name = ? AND run_id = ?"

GET_LOCK = (
    "SET NOCOUNT ON; DECLARE @outcome int; EXEC @outcome = sp_getapplock @Resource = ?, "
    "@LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = ?; "
    "SET NOCOUNT OFF; SELECT @outcome"
)
"""Gives 0 or 1 for a lock; below 0: waited in vain, cancelled, deadlock. It raises nothing.

Source: "sp_getapplock (Transact-SQL)".
"""


def lock(cursor: Any) -> None:
    """Let nobody else create anything in ``_sluice`` until this transaction ends."""
    _lock(cursor, "sluice schema")


def ensure_state(cursor: Any, table: str) -> None:
    """Make sure that a table has a state row."""
    cursor.execute(HAS_STATE, (table,))
    if cursor.fetchone()[0] == 0:
        lock(cursor)
        cursor.execute(ENSURE_STATE, (table, table))


def lock_state(cursor: Any, table: str) -> None:
    """Read the state row, while nobody else publishes the table until the transaction ends."""
    _lock(cursor, f"sluice table {table}")
    cursor.execute(STATEMENTS.read_state, (table,))


def claim(cursor: Any, run_id: str, part: str) -> bool:
    """Claim a part for this transaction; False when it is staged already."""
    _lock(cursor, f"sluice part {run_id} {part}")
    cursor.execute(IS_STAGED, (run_id, part))
    return int(cursor.fetchone()[0]) == 0


def settle(cursor: Any, run_id: str, part: str) -> None:
    """Note that a claimed part is staged."""
    cursor.execute(NOTE_PART, (run_id, part))


def forget_files(cursor: Any, table: str, kept: list[str]) -> None:
    """Forget the table's files except those of the runs that are kept."""
    cursor.execute(READ_FILES, (table,))
    for run_id in {row[0] for row in cursor.fetchall()} - set(kept):
        cursor.execute(FORGET_FILE, (table, run_id))


def _lock(cursor: Any, resource: str) -> None:
    cursor.execute(GET_LOCK, (resource, LOCK_TIMEOUT_MS))
    outcome = cursor.fetchone()[0]
    if outcome < 0:
        raise TargetUnavailableError(
            f"SQL Server: no lock on '{resource}' within {LOCK_TIMEOUT_MS // 1000} s "
            f"(sp_getapplock gave {outcome}): another attempt works on it",
            outcome=outcome,
        )
