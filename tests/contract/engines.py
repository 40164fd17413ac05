"""Databases as the target contract sees them: started, reached, asked."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from local.ports import free_port
from local.postgres import Postgres
from local.sqlserver import CERTIFICATE
from shared.config.connections import Connections
from shared.secrets import Secret
from tests.contract.bigquery_process import LOCATION, PROJECT, BigQueryProcess
from tests.contract.bigquery_process import connect as connect_bigquery
from tests.contract.sqlserver_process import PASSWORD, SqlServerProcess


class Keychain:
    """The passwords of the databases, by the names that the connections give them."""

    def __init__(self, password: str, authority: str = "") -> None:
        self._texts = {
            "postgres-password": password,
            "sqlserver-password": password,
            "sqlserver-ca": authority,
        }

    def get(self, name: str) -> Secret:
        """Return a secret."""
        return Secret(self._texts[name].encode())


@dataclass(slots=True)
class Engine:
    """One database server that the contract is checked on."""

    kind: ClassVar[str]
    default_schema: ClassVar[str]
    schema_key: ClassVar[str] = "schema"
    """What a table file calls the schema."""
    text: ClassVar[str]
    """The type of texts, one of a few characters, and one of whole numbers."""
    short_text: ClassVar[str]
    whole: ClassVar[str] = "bigint"
    longest_name: ClassVar[int]
    key: ClassVar[str] = "PRIMARY KEY"
    add: ClassVar[tuple[str, str]] = ("", "")
    """What is written otherwise where a column is added."""
    fox_text: ClassVar[str]
    """Type of a text that takes two foxes, and no three."""
    decimal: ClassVar[str]
    """Type of decimals with two digits behind the point, ten in all."""
    keeps_sign_of_zero: ClassVar[bool] = True
    long_text_mib: ClassVar[int] = 16
    """How long a text is that the contract sends: a stand-in may take its time."""
    keeps_nul: ClassVar[bool] = False
    """Whether a text may have the character U+0000."""
    knows_json: ClassVar[bool] = False
    """Whether the catalogue tells JSON from text."""
    clock_text: ClassVar[str]
    """The type of text that a time is cast to."""
    odd_columns: ClassVar[tuple[str, ...]] = (
        *("select", "a]b", 'q"u', "it's", "two words", "Ünïcödé", "%s ? :x {}", "[x]", "-- ;"),
    )
    """Names for columns, as odd as they may be."""
    odd_places: ClassVar[tuple[tuple[str, str], ...]]
    """Names for a schema and a table in it."""
    connections: Connections
    secrets: Any

    def quote(self, name: str) -> str:
        """Return a quoted identifier."""
        raise NotImplementedError

    def connect(self) -> Any:
        """Open a connection of one's own, in autocommit."""
        raise NotImplementedError

    def made(self, table: str, **columns: str) -> str:
        """Return what makes a table whose first column is its key."""
        listed = [f"{name} {kind}" for name, kind in columns.items()]
        return (
            f"CREATE TABLE {table} ({', '.join([f'{listed[0]} NOT NULL {self.key}', *listed[1:]])})"
        )

    def qualified(self, schema: str, table: str) -> str:
        """Return a table's name in SQL."""
        return f"{self.quote(schema)}.{self.quote(table)}"

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL and return its rows, if it has any."""
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def _odd_places(longest: int) -> tuple[tuple[str, str], ...]:
    """Return names of schemas and tables for a database that takes any."""
    odd = ('it\'s a ]b[ "c" -- ; %s ? :x {}', "Ünïcödé", "x" * longest)
    return tuple((f"s{name}"[: len(name)], name) for name in odd)


class PostgresEngine(Engine):
    """PostgreSQL."""

    kind = "postgres"
    default_schema = "public"
    text, short_text = "text", "varchar"
    fox_text, decimal, clock_text = "varchar(2)", "numeric(10,2)", "text"
    longest_name, knows_json = 63, True
    odd_places = _odd_places(longest_name)

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Engine]:
        """Start a server of its own."""
        port = free_port()
        server = Postgres(folder, port, PASSWORD)
        server.start()
        reach = {"host": "127.0.0.1", "port": port, "user": "postgres"}
        yield cls(Connections.model_validate({"postgres": reach}), Keychain(PASSWORD))
        server.stop()

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def connect(self) -> Any:
        import pg8000.dbapi

        reach = self.connections.postgres
        assert reach is not None
        connection = pg8000.dbapi.connect(
            user=reach.user, password=PASSWORD, host="127.0.0.1", port=reach.port
        )
        connection.autocommit = True
        return connection


class SqlServerEngine(Engine):
    """SQL Server: the stand-in, or the server that ``SLUICE_TEST_SQLSERVER`` names.

    ``SLUICE_TEST_SQLSERVER=host:port:database:user:password`` names a server and a database to make
    tables in; its certificate is not checked.
    """

    kind = "sqlserver"
    default_schema = "dbo"
    text, short_text = "nvarchar(max)", "nvarchar"
    fox_text, decimal, clock_text = "nvarchar(4)", "decimal(10,2)", "nvarchar(20)"
    keeps_sign_of_zero, long_text_mib = False, 4
    add = ("ADD COLUMN", "ADD")
    longest_name = 128
    odd_places = _odd_places(longest_name)

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Engine]:
        """Start the stand-in, or take the server that is there."""
        if named := os.environ.get("SLUICE_TEST_SQLSERVER"):
            host, port, database, user, password = named.split(":", 4)
            yield cls._at(host, int(port), database, user, password)
            return
        server = SqlServerProcess(folder)
        server.start()
        authority = (folder / CERTIFICATE).read_text()
        yield cls._at("127.0.0.1", server.port, "master", "sa", PASSWORD, authority)
        server.stop()

    @classmethod
    def _at(
        cls, host: str, port: int, database: str, user: str, password: str, authority: str = ""
    ) -> Engine:
        driver = os.environ.get("SLUICE_TEST_ODBC", "microsoft")
        is_verified = authority and driver == "microsoft"
        reach = {
            "host": host,
            "port": port,
            "database": database,
            "user": user,
            "driver": driver,
            **({"ca_secret": "sqlserver-ca"} if is_verified else {"tls": "unverified"}),
        }
        return cls(Connections.model_validate({"sqlserver": reach}), Keychain(password, authority))

    def quote(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def connect(self) -> Any:
        from shared.targets.sqlserver import drivers

        reach = self.connections.sqlserver
        assert reach is not None
        password = self.secrets.get("sqlserver-password").text()
        pyodbc = drivers.load()
        authority = reach.ca_secret and self.secrets.get(reach.ca_secret).text()
        with drivers.trust(authority):
            text = drivers.connection_string(reach, password)
            connection = pyodbc.connect(text, autocommit=True)
        connection.add_output_converter(-155, _moment)
        return connection


class BigQueryEngine(Engine):
    """BigQuery: the stand-in, or the server that ``SLUICE_TEST_BIGQUERY`` names.

    ``SLUICE_TEST_BIGQUERY=project:location[:endpoint]`` names a project to make datasets in;
    without an endpoint it is Google's own, and costs money.
    """

    kind = "bigquery"
    fox_text, decimal, clock_text = "STRING(2)", "NUMERIC(10, 2)", "STRING"
    keeps_nul, long_text_mib = True, 4
    odd_columns = (
        *("select", "it's", "two words", "Ünïcödé", "a%b", "x < y | z", "7up", "-- x", "#1"),
    )
    odd_places = (("odd_1", "Ünïcödé-tab le"), ("odd_1", "x" * 300), ("_1_", "select"))
    default_schema = "tests"
    schema_key = "dataset"
    text, short_text, whole = "STRING", "STRING", "INT64"
    key = "PRIMARY KEY NOT ENFORCED"
    longest_name = 300

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Engine]:
        """Start the stand-in, or take the server that is there."""
        if named := os.environ.get("SLUICE_TEST_BIGQUERY"):
            project, location, *endpoint = named.split(":", 2)
            reach = {"project": project, "location": location}
            yield cls._at({**reach, **({"endpoint": endpoint[0]} if endpoint else {})})
            return
        server = BigQueryProcess(folder)
        server.start()
        yield cls._at({"project": PROJECT, "location": LOCATION, "endpoint": server.endpoint})
        server.stop()

    @classmethod
    def _at(cls, reach: dict[str, str]) -> Engine:
        engine = cls(Connections.model_validate({"bigquery": reach}), Keychain(""))
        engine.connect().client.create_dataset(cls.default_schema, exists_ok=True)
        return engine

    def quote(self, name: str) -> str:
        return f"`{name}`"

    def connect(self) -> Any:
        reach = self.connections.bigquery
        assert reach is not None
        return BigQueryConnection(connect_bigquery(reach.endpoint, reach.project, reach.location))


class BigQueryConnection:
    """As much of a database connection as the tests need, over Google's client."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.description: Any = None
        self._rows: list[tuple[Any, ...]] = []

    def cursor(self) -> "BigQueryConnection":
        """Return itself."""
        return self

    def execute(self, statement: str) -> None:
        """Run a query to its end."""
        result = self.client.query(statement).result()
        self.description = list(result.schema)
        self._rows = [tuple(row) for row in result] if self.description else []

    def fetchone(self) -> tuple[Any, ...]:
        """Return the first row."""
        return self._rows[0]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self._rows

    def close(self) -> None:
        """Close the client."""
        self.client.close()


def _moment(raw: bytes) -> Any:
    """Read a datetimeoffset, for which the driver has no type of its own."""
    import datetime as dt
    import struct

    *clock, nanoseconds, hours, minutes = struct.unpack("<6hI2h", raw)
    zone = dt.timezone(dt.timedelta(hours=hours, minutes=minutes))
    return dt.datetime(*clock, nanoseconds // 1000, tzinfo=zone)
