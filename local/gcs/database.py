"""The catalogue of the store: one SQLite file, one connection, one writer at a time.

A transaction is what makes a precondition true at the moment of commit. SQLite's write-ahead log
goes to the operating system with every commit but is never synced: a killed process loses nothing.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    resource TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notification_configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL,
    resource TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    metageneration INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    crc32c TEXT NOT NULL,
    md5_hash TEXT,
    component_count INTEGER,
    attributes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (bucket, name, generation)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS live_objects ON objects (bucket, name)
    WHERE deleted_at IS NULL;
CREATE TABLE IF NOT EXISTS upload_sessions (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    conditions TEXT NOT NULL,
    declared_bytes INTEGER,
    file_id TEXT NOT NULL,
    started_at REAL NOT NULL,
    outcome TEXT
) WITHOUT ROWID;
"""


class Database:
    """The connection that all threads share, one transaction after the other."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it when missing."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_SCHEMA)
        self._after_commit: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit on leaving, roll back on an exception; inside another one, be part of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._after_commit.clear()
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            callbacks, self._after_commit = self._after_commit, []
        for callback in callbacks:
            callback()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See only what is committed (or, inside a transaction, its own work), without change."""
        with self._lock:
            yield self._connection

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run something once the transaction under way is committed; never if it is not."""
        self._after_commit.append(callback)
