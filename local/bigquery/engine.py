"""The data under all requests: one DuckDB file with a schema per dataset, and who may change it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

_META = """
CREATE SCHEMA IF NOT EXISTS meta;
CREATE TABLE IF NOT EXISTS meta.datasets (name VARCHAR PRIMARY KEY, resource VARCHAR);
CREATE TABLE IF NOT EXISTS meta.tables (
  dataset VARCHAR, name VARCHAR, resource VARCHAR, PRIMARY KEY (dataset, name));
CREATE TABLE IF NOT EXISTS meta.jobs (id VARCHAR PRIMARY KEY, resource VARCHAR);
"""


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
        self._root.execute(_META)
        self.definitions = threading.RLock()
        """Held while datasets, tables or jobs come and go."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection of its own; what it has not committed is undone."""
        connection = self._root.cursor()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def read(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return resources: the first column of each row, as JSON."""
        with self.connect() as connection:
            return [json.loads(row[0]) for row in connection.execute(statement, values).fetchall()]

    def write(self, statement: str, *values: Any) -> None:
        """Change what is remembered; dictionaries are kept as JSON."""
        plain = [json.dumps(each) if isinstance(each, dict) else each for each in values]
        with self.connect() as connection:
            connection.execute(statement, plain).fetchall()

    def close(self) -> None:
        """Write everything to the file."""
        self._root.close()


def quote(name: str) -> str:
    """Return a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
