"""The data under all requests: one DuckDB file with a schema per dataset, and who may change it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from local.bigquery.journal import Journal


class Engine:
    """What outlives a request. `close` it to have all of it in the file."""

    def __init__(self, state_dir: Path, *, memory_limit: str = "512MB") -> None:
        """Open the file below a folder, which is made when missing.

        Args:
            state_dir: the folder.
            memory_limit: of DuckDB; beyond it, it spills to the folder.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        self.uploads_dir = state_dir / "uploads"
        self.uploads_dir.mkdir(exist_ok=True)
        self._root = duckdb.connect(
            str(state_dir / "bigquery.duckdb"),
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "memory_limit": memory_limit,
                "temp_directory": str(state_dir / "spill"),
            },
        )
        self._root.execute("SET TimeZone = 'UTC'")
        self.journal = Journal(state_dir / "journal.jsonl")
        self.definitions = threading.RLock()
        """Held while datasets, tables or jobs come and go."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection of its own; what it has not committed is undone."""
        connection = self._root.cursor()
        try:
            yield connection
        finally:
            connection.close()

    def execute(self, statement: str) -> None:
        """Run a statement of DuckDB's own, in a transaction of its own."""
        with self.connect() as connection:
            connection.execute(statement).fetchall()

    def close(self) -> None:
        """Write everything to the file."""
        self.journal.close()
        self._root.close()


def quote(name: str) -> str:
    """Return a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
