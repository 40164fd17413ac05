"""The databases that lanes end in, as a test sees them: asked, looked at, made and dropped."""

import contextlib
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Protocol

from local.postgres import Postgres
from tests.contract.bigquery_process import LOCATION, BigQueryProcess, connect
from tests.contract.engines import BigQueryConnection
from tests.contract.sqlserver_process import PASSWORD as SQLSERVER_PASSWORD
from tests.contract.sqlserver_process import SqlServerProcess
from tests.crash.reader import ABSENT, POLL_S, Look, look

PASSWORD = "crash"
DATASET = "crash"


class End(Protocol):
    """One database server."""

    kind: ClassVar[str]
    """The key that table files name it by."""
    password: ClassVar[str]
    database: ClassVar[str]
    """The database that is there from the start."""
    place: ClassVar[dict[str, str]] = {}
    """What a table file says of the place beside the table's name."""
    poll_s: ClassVar[float] = POLL_S
    """How long a reader waits between two looks."""
    is_empty_at_first: ClassVar[bool] = False
    """A new table can be seen before its first rows: it is made outside of their transaction."""
    look: Look

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it."""

    def reach(self, database: str) -> dict[str, Any]:
        """Return how the functions reach a database."""

    def connect(self, database: str) -> Any:
        """Open a connection of one's own, each statement a transaction."""

    def make(self, connection: Any, database: str) -> None:
        """Create a database."""
        _execute(connection, f"CREATE DATABASE {database}")

    def drop(self, connection: Any, database: str) -> None:
        """Drop a database, whoever is in it."""

    @staticmethod
    def state(table: str) -> str:
        """Return what selects run, watermark and epoch of a table's state."""
        return f"SELECT run_id, watermark, epoch FROM _sluice.state WHERE table_name = '{table}'"

    def count_strays(self, connection: Any) -> int:
        """Return the number of staging tables where people look."""

    def count_staging(self, connection: Any) -> int:
        """Return the number of staging tables."""


class PostgresEnd(End):
    """PostgreSQL."""

    kind = "postgres"
    password = PASSWORD
    database = "postgres"

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

    def drop(self, connection: Any, database: str) -> None:
        """Drop a database, whoever is in it."""
        _execute(connection, f"DROP DATABASE {database} WITH (FORCE)")

    @staticmethod
    def count_strays(connection: Any) -> int:
        """Return the number of staging tables where people look."""
        return _tables(connection, "tablename LIKE 'stage%' AND schemaname = 'public'")

    def count_staging(self, connection: Any) -> int:
        """Return the number of staging tables."""
        return _tables(connection, "tablename LIKE 'stage\\_%' AND schemaname = '_sluice'")


class SqlServerEnd(End):
    """SQL Server's stand-in."""

    kind = "sqlserver"
    password = SQLSERVER_PASSWORD
    database = "master"

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

    def drop(self, connection: Any, database: str) -> None:
        """Drop a database."""
        _execute(connection, f"DROP DATABASE [{database}]")

    def count_strays(self, connection: Any) -> int:
        """Return the number of staging tables where people look."""
        return self._count(connection, "dbo", "stage")

    def count_staging(self, connection: Any) -> int:
        """Return the number of staging tables."""
        return self._count(connection, "_sluice", "stage_")

    def _count(self, connection: Any, schema: str, start: str) -> int:
        found = connection.execute(
            f"SELECT COUNT(*) FROM sys.tables WHERE SCHEMA_NAME(schema_id) = N'{schema}' "
            f"AND LEFT(name, {len(start)}) = N'{start}'"
        )
        return int(found.fetchone()[0])


class BigQueryEnd(End):
    """BigQuery's stand-in, which reads the parts from a Cloud Storage. A database is a project."""

    kind = "bigquery"
    password = ""
    database = "crash-tests"
    place: ClassVar[dict[str, str]] = {"dataset": DATASET}
    poll_s, is_empty_at_first = 0.05, True

    def __init__(self, folder: Path, gcs_port: int) -> None:
        storage = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{gcs_port}"}
        self._server = BigQueryProcess(folder / "bigquery", storage)
        self.look: Look = _look_at_bigquery

    def start(self) -> None:
        """Start it."""
        self._server.start()

    def stop(self) -> None:
        """Stop it."""
        self._server.stop()

    def reach(self, database: str) -> dict[str, Any]:
        """Return how the functions reach a database."""
        return {"project": database, "location": LOCATION, "endpoint": self._server.endpoint}

    def connect(self, database: str) -> Any:
        """Open a connection of one's own, each statement a transaction."""
        from google.cloud.bigquery import QueryJobConfig

        client = connect(self._server.endpoint, database, LOCATION)
        # Or the whole environment is searched for proxies at every request.
        client._http.trust_env = False
        dataset = f"{database}.{DATASET}"
        client.default_query_job_config = QueryJobConfig(default_dataset=dataset)
        return BigQueryConnection(client)

    def make(self, connection: Any, database: str) -> None:
        """Do nothing: a project is there when it is named."""

    def drop(self, connection: Any, database: str) -> None:
        """Do nothing: nobody looks at it again."""

    @staticmethod
    def state(table: str) -> str:
        """Return what selects run, watermark and epoch of a table's state."""
        return f"SELECT run_id, watermark, epoch FROM _sluice.state_{table}"

    def count_strays(self, connection: Any) -> int:
        """Return the number of staging tables where people look."""
        return self._count(connection, DATASET)

    def count_staging(self, connection: Any) -> int:
        """Return the number of staging tables."""
        return self._count(connection, "_sluice")

    def _count(self, connection: Any, dataset: str) -> int:
        from google.api_core.exceptions import NotFound

        try:
            listed = [each.table_id for each in connection.client.list_tables(dataset)]
        except NotFound:
            return 0
        return sum(name.startswith("stage_") for name in listed)


def _digest(found: list[Any]) -> str:
    rows = sorted(map(repr, found))
    return f"{len(rows)} rows {sha256('|'.join(rows).encode()).hexdigest()}"


EMPTY = _digest([])
"""What a look at a table without rows gives."""


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

    def make(self, database: str) -> None:
        """Create a database."""
        self.end.make(self.at(self.end.database), database)

    def forget(self, database: str) -> None:
        """Close the connection to a database and drop the database."""
        self._connections.pop(database).close()
        self.end.drop(self.at(self.end.database), database)

    def stop(self) -> None:
        """Close the connections and stop the server."""
        for connection in self._connections.values():
            with contextlib.suppress(Exception):
                connection.close()
        self.end.stop()


def _execute(connection: Any, statement: str) -> None:
    connection.cursor().execute(statement)


def _tables(connection: Any, condition: str) -> int:
    cursor = connection.cursor()
    cursor.execute(f"SELECT count(*) FROM pg_tables WHERE {condition}")
    return int(cursor.fetchone()[0])


def _look_at_bigquery(connection: Any, table: str) -> str:
    """Return a digest of all rows of a table, as one statement sees them."""
    from google.api_core.exceptions import NotFound

    try:
        connection.execute(f"SELECT * FROM {table}")
    except NotFound:
        return ABSENT
    return _digest(connection.fetchall())


def _look_at_sqlserver(connection: Any, table: str) -> str:
    """Return a digest of all rows of a table, as one statement sees them."""
    import pyodbc

    try:
        found = connection.execute(f"SELECT * FROM dbo.[{table}]").fetchall()
    except pyodbc.Error as exc:
        if "(208)" not in str(exc):  # invalid object name
            raise
        return ABSENT
    return _digest(found)
