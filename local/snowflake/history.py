"""Time travel: what each table held at each moment of the recent past.

Every commit that changes a table adds a version: from this microsecond on, the table is the first
`row_count` rows of `base`. The base is the live table as long as commits only append, because rows
keep their order. Before anything else (UPDATE, DELETE, MERGE, ALTER, …) the rows are copied into a
hidden table, which becomes the base of all earlier versions. So a read AT a moment is a plain read
of a prefix, and appends cost nothing.

Versions live in the hidden schema of the table's own database and are written in the transaction
that they describe. They are kept for the retention time, then dropped with the copies that only
they need.

All commits go through one lock, and a version's time is taken under it: a reader that takes the
lock before it looks cannot miss a commit that is older than the moment it asks for.
"""

# ruff: noqa: S608 - names cannot be parameters; all that are put into SQL here are quoted
from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

import duckdb

from local.snowflake.catalog import HIDDEN_SCHEMA, Table, TableName, first_row, quote
from local.snowflake.errors import history_unavailable

_PRUNE_EVERY_US = 1_000_000


class Clock:
    """The server's time, microseconds since 1970, never going back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_us = 0

    def now_us(self) -> int:
        """The time now; not before any commit that has happened."""
        with self._lock:
            self._last_us = max(self._last_us, time.time_ns() // 1000)
            return self._last_us

    def tick_us(self) -> int:
        """A time for a commit, later than all times given out before."""
        with self._lock:
            self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
            return self._last_us


@dataclass(slots=True)
class Change:
    """What a transaction did to a table. No rows: nothing. `copy` holds the rows from before."""

    table: Table
    is_new: bool = False
    rows: int = 0
    copy: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """The first `row_count` rows of a base: a hidden table's name, None for the live table."""

    row_count: int
    base: str | None
    is_latest: bool


@dataclass(slots=True)
class History:
    """Versions of all tables. `connection` is for this object alone; use it under `commit_lock`."""

    connection: duckdb.DuckDBPyConnection
    clock: Clock
    retention_us: int
    commit_lock: threading.RLock = field(default_factory=threading.RLock)
    _pruned_us: dict[str, int] = field(default_factory=dict)
    _reserved: set[str] = field(default_factory=set)

    def prepare(self, database: str) -> None:
        """Create the hidden schema, or finish what a crash of the server left half done."""
        hidden = _hidden(database)
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {hidden}").fetchall()
        self.connection.execute(
            f"CREATE TABLE IF NOT EXISTS {hidden}.versions (table_id VARCHAR, "
            "committed_us BIGINT, row_count BIGINT, base VARCHAR, earlier_base VARCHAR)"
        ).fetchall()
        open_rows = self.connection.execute(
            f"SELECT t.schema_name, t.table_name, v.table_id FROM {hidden}.versions v "
            "JOIN duckdb_tables() t ON t.comment::JSON ->> '$.id' = v.table_id "
            "WHERE t.database_name = ? AND v.row_count IS NULL",
            [database],
        ).fetchall()
        for schema, name, table_id in open_rows:
            self._settle(TableName(database, schema, name), table_id)
        self._drop_unused_copies(database)

    def preserve(self, table: Table) -> str:
        """Copy a table's committed rows, under its lock; return the copy's name."""
        copy = f"copy_{uuid.uuid4().hex}"
        self._reserved.add(copy)
        with self.connection.cursor() as connection:
            connection.execute(
                f"CREATE TABLE {_hidden(table.name.database)}.{copy} AS FROM {table.name.sql}"
            ).fetchall()
        return copy

    def discard(self, table: Table, copy: str) -> None:
        """Drop a copy that no version needs, after a rollback or a change of no rows."""
        with self.commit_lock:
            hidden = _hidden(table.name.database)
            self.connection.execute(f"DROP TABLE {hidden}.{copy}").fetchall()
            self._reserved.discard(copy)

    def record(self, connection: duckdb.DuckDBPyConnection, change: Change, at_us: int) -> None:
        """Write a version inside the transaction that makes it; `settle` completes it."""
        connection.execute(
            f"INSERT INTO {_hidden(change.table.name.database)}.versions "
            "VALUES (?, ?, NULL, NULL, ?)",
            [change.table.id, at_us, change.copy],
        ).fetchall()

    def settle(self, change: Change) -> None:
        """Complete a version after its commit, still under the commit lock."""
        self._settle(change.table.name, change.table.id)
        self._reserved.discard(change.copy or "")
        self._prune(change.table.name.database)

    def _settle(self, name: TableName, table_id: str) -> None:
        versions = f"{_hidden(name.database)}.versions"
        connection = self.connection
        connection.execute("BEGIN").fetchall()
        connection.execute(
            f"UPDATE {versions} v SET base = n.earlier_base FROM {versions} n WHERE v.table_id = ? "
            "AND n.table_id = v.table_id AND n.row_count IS NULL AND n.earlier_base IS NOT NULL "
            "AND v.row_count IS NOT NULL AND v.base IS NULL",
            [table_id],
        ).fetchall()
        connection.execute(
            f"UPDATE {versions} SET row_count = (SELECT count(*) FROM {name.sql}) "
            "WHERE table_id = ? AND row_count IS NULL",
            [table_id],
        ).fetchall()
        connection.execute("COMMIT").fetchall()

    def forget(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Drop all versions of a table that is being dropped, in the same transaction."""
        connection.execute(
            f"DELETE FROM {_hidden(table.name.database)}.versions WHERE table_id = ?", [table.id]
        ).fetchall()

    def begin_snapshot(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Begin a transaction that sees all commits up to now, complete, in every database."""
        with self.commit_lock:
            connection.execute("BEGIN").fetchall()
            # DuckDB fixes what a transaction sees of a database at its first look into it.
            connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()

    def version_at(
        self, connection: duckdb.DuckDBPyConnection, table: Table, at_us: int
    ) -> Version:
        """Find the version that was current at a moment.

        Raises:
            SnowflakeError: 707, when it is in the future, beyond the retention or before the table.
        """
        now_us = self.clock.now_us()
        rows: list[tuple[int, str | None, bool]] = []
        if now_us - self.retention_us <= at_us <= now_us:
            rows = connection.execute(
                "SELECT row_count, base, later IS NULL FROM (SELECT *, lead(committed_us) "
                "OVER (ORDER BY committed_us) AS later "
                f"FROM {_hidden(table.name.database)}.versions WHERE table_id = ?) "
                "WHERE committed_us <= ? ORDER BY committed_us DESC LIMIT 1",
                [table.id, at_us],
            ).fetchall()
        if not rows:
            raise history_unavailable(table.name.name)
        return Version(*rows[0])

    def last_change_us(self, connection: duckdb.DuckDBPyConnection, table: Table) -> int:
        """When the last commit that changed the table happened, 0 for never."""
        row = first_row(
            connection,
            f"SELECT max(committed_us) FROM {_hidden(table.name.database)}.versions "
            "WHERE table_id = ?",
            [table.id],
        )
        return int(row[0]) if row and row[0] else 0

    def relation(self, table: Table, version: Version) -> str:
        """The DuckDB query that reads a version."""
        if version.is_latest:
            return f"SELECT * FROM {table.name.sql}"
        base = table.name.sql
        if version.base:
            base = f"{_hidden(table.name.database)}.{version.base}"
        return f"SELECT * FROM {base} LIMIT {version.row_count}"

    def _prune(self, database: str) -> None:
        now_us = self.clock.now_us()
        if now_us - self._pruned_us.get(database, 0) < _PRUNE_EVERY_US:
            return
        self._pruned_us[database] = now_us
        versions = f"{_hidden(database)}.versions"
        self.connection.execute(
            f"DELETE FROM {versions} v WHERE EXISTS (SELECT 1 FROM {versions} n "
            "WHERE n.table_id = v.table_id AND n.committed_us > v.committed_us "
            "AND n.committed_us < ? AND n.row_count IS NOT NULL)",
            [now_us - self.retention_us],
        ).fetchall()
        self._drop_unused_copies(database)

    def _drop_unused_copies(self, database: str) -> None:
        hidden = _hidden(database)
        unused = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? "
            "AND table_name LIKE 'copy_%' "
            f"AND table_name NOT IN (SELECT base FROM {hidden}.versions WHERE base IS NOT NULL) "
            f"AND table_name NOT IN (SELECT earlier_base FROM {hidden}.versions "
            "WHERE row_count IS NULL AND earlier_base IS NOT NULL)",
            [database, HIDDEN_SCHEMA],
        ).fetchall()
        for (name,) in unused:
            if name not in self._reserved:
                self.connection.execute(f"DROP TABLE {hidden}.{name}").fetchall()


def _hidden(database: str) -> str:
    return f"{quote(database)}.{HIDDEN_SCHEMA}"
