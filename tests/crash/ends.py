"""The databases that lanes end in, as a test sees them: asked, looked at, made and dropped."""

import contextlib
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Protocol

from local.postgres import Postgres
from tests.contract.sqlserver_process import PASSWORD as SQLSERVER_PASSWORD
from tests.contract.sqlserver_process import SqlServerProcess
from tests.crash.reader import ABSENT, Look, look

PASSWORD = "crash"


class End(Protocol):
    """One database server."""

    kind: ClassVar[str]
    """The key that table files name it by."""
    password: ClassVar[str]
    database: ClassVar[str]
    """The database that is there from the start."""
    strays: ClassVar[str]
    """Selects staging tables where people look."""
    staging: ClassVar[str]
    """Counts staging tables."""
    look: Look

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it."""

    def reach(self, database: str) -> dict[str, Any]:
        """Return how the functions reach a database."""

    def connect(self, database: str) -> Any:
        """Open a connection of one's own, each statement a transaction."""

    def drop(self, database: str) -> str:
        """Return what drops a database, whoever is in it."""


class PostgresEnd:
    """PostgreSQL."""

    kind = "postgres"
    password = PASSWORD
    database = "postgres"
    strays = "SELECT 1 FROM pg_tables WHERE tablename LIKE 'stage%' AND schemaname = 'public'"
    staging = (
        "SELECT count(*) FROM pg_tables WHERE schemaname = '_sluice' AND tablename LIKE 'stage\\_%'"
    )

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._server = Postgres(folder / "postgres", port, PASSWORD)
        self.look: Look = look

    def start(self) -> None:
        """Start it."""
        self._server.start()

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()

    def reach(self, database: str) -> dict[str, Any]:
        """Return how the functions reach a database."""
        return {"host": "127.0.0.1", "port": self._port, "user": "postgres", "database": database}

    def connect(self, database: str) -> Any:
        """Open a connection of one's own, each statement a transaction."""
        import pg8000.dbapi

        reach = self.reach(database)
        connection = pg8000.dbapi.connect(**reach, password=PASSWORD, ssl_context=False)
        connection.autocommit = True
        return connection

    def drop(self, database: str) -> str:
        """Return what drops a database, whoever is in it."""
        return f"DROP DATABASE {database} WITH (FORCE)"


class SqlServerEnd:
    """SQL Server's stand-in."""

    kind = "sqlserver"
    password = SQLSERVER_PASSWORD
    database = "master"
    strays = (
        "SELECT 1 FROM sys.tables WHERE name LIKE N'stage%' AND SCHEMA_NAME(schema_id) = N'dbo'"
    )
    staging = (
        "SELECT COUNT(*) FROM sys.tables "
        "WHERE SCHEMA_NAME(schema_id) = N'_sluice' AND LEFT(name, 6) = N'stage_'"
    )

    def __init__(self, folder: Path) -> None:
        self._server = SqlServerProcess(folder / "sqlserver")
        self.look: Look = _look_at_sqlserver

    def start(self) -> None:
        """Start it."""
        self._server.start()

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()

    def reach(self, database: str) -> dict[str, Any]:
        """Return how the functions reach a database."""
        reach = {"host": "127.0.0.1", "port": self._server.port, "user": "sa", "tls": "off"}
        return {**reach, "database": database}

    def connect(self, database: str) -> Any:
        """Open a connection of one's own, each statement a transaction."""
        return self._server.connect(database=database, encrypt="no", autocommit=True)

    def drop(self, database: str) -> str:
        """Return what drops a database."""
        return f"DROP DATABASE [{database}]"


class Asked:
    """A database server and the test's own connections to it."""

    def __init__(self, end: End) -> None:
        self.end = end
        self._connections: dict[str, Any] = {}

    def at(self, database: str) -> Any:
        """Return the test's own connection to a database."""
        if database not in self._connections:
            self._connections[database] = self.end.connect(database)
        return self._connections[database]

    def query(self, statement: str, database: str) -> list[tuple[Any, ...]]:
        """Run SQL."""
        cursor = self.at(database).cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def forget(self, database: str) -> None:
        """Close the connection to a database and drop the database."""
        self._connections.pop(database).close()
        self.query(self.end.drop(database), self.end.database)

    def stop(self) -> None:
        """Close the connections and stop the server."""
        for connection in self._connections.values():
            with contextlib.suppress(Exception):
                connection.close()
        self.end.stop()


def _look_at_sqlserver(connection: Any, table: str) -> str:
    """Return a digest of all rows of a table, as one statement sees them."""
    import pyodbc

    try:
        found = connection.execute(f"SELECT * FROM dbo.[{table}]").fetchall()
    except pyodbc.Error as exc:
        if "(208)" not in str(exc):  # invalid object name
            raise
        return ABSENT
    rows = sorted(map(repr, found))
    return f"{len(rows)} rows {sha256('|'.join(rows).encode()).hexdigest()}"
