"""The data under all sessions: DuckDB, the databases attached to it, locks, history and results."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import quote as percent_encode
from urllib.parse import unquote

import duckdb

from local.snowflake.catalog import has_database, literal, quote
from local.snowflake.errors import already_exists, missing, unsupported
from local.snowflake.formats import MACROS
from local.snowflake.history import Clock, History
from local.snowflake.locks import TableLocks
from local.snowflake.results import ResultStore

_SUFFIX = ".duckdb"
_RESERVED = {"MEMORY", "SYSTEM", "TEMP"}
_STATEMENT_TIMES_KEPT = 10_000


class Engine:
    """Everything that outlives a session. `close` it to have all data in the files."""

    def __init__(
        self, state_dir: Path, *, retention_s: float = 900.0, memory_limit: str = "1GB"
    ) -> None:
        """Open the databases below a folder.

        Args:
            state_dir: made when missing.
            retention_s: how far back reads AT a moment may go.
            memory_limit: of DuckDB; beyond it, it spills to the folder.
        """
        self.databases_dir = state_dir / "databases"
        self.databases_dir.mkdir(parents=True, exist_ok=True)
        self.root = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                # Division by zero is an error, not infinity.
                "ieee_floating_point_ops": "false",
                "memory_limit": memory_limit,
                "temp_directory": str(state_dir / "spill"),
            }
        )
        for macro in MACROS:
            self.root.execute(macro).fetchall()
        self.clock = Clock()
        self.history = History(self.root.cursor(), self.clock, round(retention_s * 1_000_000))
        self.locks = TableLocks()
        self.results = ResultStore(state_dir / "results")
        self._statement_times: dict[str, int] = {}
        for file in sorted(self.databases_dir.glob(f"*{_SUFFIX}")):
            self._attach(unquote(file.name.removesuffix(_SUFFIX)))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own: transaction, time zone."""
        return self.root.cursor()

    def create_database(self, name: str, *, only_if_missing: bool = False) -> None:
        """Create a database with its schema PUBLIC.

        Raises:
            SnowflakeError: 2002, it exists.
        """
        if name.upper() in _RESERVED:
            raise unsupported(f"a database named {name}")
        with self.history.commit_lock:
            if has_database(self.history.connection, name):
                if only_if_missing:
                    return
                raise already_exists(name)
            self._attach(name)
            self.root.execute(f'CREATE SCHEMA {quote(name)}."PUBLIC"').fetchall()

    def drop_database(self, name: str) -> None:
        """Delete a database and its file; readers of it fail.

        Raises:
            SnowflakeError: 2003, there is none.
        """
        with self.history.commit_lock:
            if not has_database(self.history.connection, name):
                raise missing("Database", name)
            self.root.execute(f"DETACH {quote(name)}").fetchall()
            file = self._file(name)
            file.unlink()
            file.with_name(f"{file.name}.wal").unlink(missing_ok=True)

    def note_statement(self, query_id: str, at_us: int) -> None:
        """Remember when a statement took effect, for AT(STATEMENT => …)."""
        self._statement_times[query_id] = at_us
        while len(self._statement_times) > _STATEMENT_TIMES_KEPT:
            self._statement_times.pop(next(iter(self._statement_times)))

    def statement_time_us(self, query_id: str) -> int | None:
        """When a statement took effect, None when it is not known."""
        return self._statement_times.get(query_id)

    def close(self) -> None:
        """Write all databases to their files."""
        with self.history.commit_lock:
            self.history.connection.close()
            self.root.close()

    def _attach(self, name: str) -> None:
        target = literal(str(self._file(name)))
        self.root.execute(f"ATTACH {target} AS {quote(name)}").fetchall()
        self.history.prepare(name)

    def _file(self, name: str) -> Path:
        return self.databases_dir / f"{percent_encode(name, safe='')}{_SUFFIX}"


class Cancellation:
    """Lets another thread stop the statement that runs on a connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.requested = threading.Event()
        self.is_timeout = False

    def watch(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        """Name the connection to interrupt."""
        with self._lock:
            self._connection = connection

    def cancel(self, *, is_timeout: bool = False) -> None:
        """Ask the statement to stop; it ends with an error."""
        with self._lock:
            self.is_timeout = is_timeout
            self.requested.set()
            if self._connection is not None:
                self._connection.interrupt()
