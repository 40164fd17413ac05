"""Where the demo's rows end, read past the product: its own connections, its own way of reading.

A target of the demo says what its rows are, as Arrow, and has the demo's tables pointed to it.
PostgreSQL is read with a textual COPY, SQL Server with a plain SELECT, BigQuery by listing a
table's rows: neither the binary COPY, nor the JSON documents, nor the load jobs and queries of the
product play a part.
"""

import datetime as dt
import io
import struct
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pcsv
import yaml

from local.clients import connect_postgres
from local.demo.dataset import OWN, DemoTable
from shared.errors import InvalidConfigError
from shared.targets.bigquery.connection import connect
from shared.targets.sqlserver import drivers
from shared.wiring import Services

PAGE_ROWS = 30_000
"""The stand-in holds a result in memory before it sends it."""

DATASET = "nyc"
"""Where the demo's tables are in BigQuery."""

PLACES: dict[str, dict[str, str]] = {"sqlserver": {}, "bigquery": {"dataset": DATASET}}
"""What a table file says of a target beside the table's name."""

SQL_SS_TIMESTAMPOFFSET = -155
"""For which pyodbc has no type. Source: msodbcsql.h."""


class DemoTarget(Protocol):
    """A database that the demo moves its tables to."""

    def rows(self, table: DemoTable, schema: pa.Schema) -> pa.Table:
        """Return all rows of a table, in no order."""

    def count(self, table: str) -> int:
        """Return the number of rows; 0 of a table that is not there."""

    def close(self) -> None:
        """Close the connection."""


class PostgresTarget:
    """The cloud's PostgreSQL."""

    def __init__(self, described: dict[str, Any], services: Services) -> None:  # noqa: ARG002
        self._connection = connect_postgres(described["postgres_uri"])

    def rows(self, table: DemoTable, schema: pa.Schema) -> pa.Table:
        """Return all rows of a table, in no order."""
        text = io.BytesIO()
        cursor = self._connection.cursor()
        cursor.execute(f'COPY public."{table.name}" TO STDOUT (FORMAT csv, HEADER)', stream=text)
        self._connection.commit()
        text.seek(0)
        options = pcsv.ConvertOptions(
            column_types=schema,
            include_columns=schema.names,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        )
        return pcsv.read_csv(text, convert_options=options)

    def count(self, table: str) -> int:
        """Return the number of rows; 0 of a table that is not there."""
        cursor = self._connection.cursor()
        cursor.execute(f"SELECT to_regclass('public.{table}') IS NOT NULL")
        rows = 0
        if cursor.fetchone()[0]:
            cursor.execute(f"SELECT count(*) FROM public.{table}")  # noqa: S608 - our own names
            rows = int(cursor.fetchone()[0])
        self._connection.commit()
        return rows

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SqlServerTarget:
    """The cloud's SQL Server."""

    def __init__(self, described: dict[str, Any], services: Services) -> None:  # noqa: ARG002
        resolved, _ = services.config.get("flights")
        reach = resolved.connections.sqlserver
        if reach is None:
            raise SystemExit("the demo's cloud has no SQL Server")
        pyodbc = drivers.load()
        authority = services.secrets.get(reach.ca_secret).text() if reach.ca_secret else None
        password = services.secrets.get(reach.password_secret).text()
        with drivers.trust(authority):
            text = drivers.connection_string(reach, password)
            self._connection = pyodbc.connect(text, autocommit=True)
        self._connection.add_output_converter(SQL_SS_TIMESTAMPOFFSET, _moment)

    def rows(self, table: DemoTable, schema: pa.Schema) -> pa.Table:
        """Return all rows of a table, in no order."""
        names = ", ".join(f"[{name}]" for name in schema.names)
        order = ", ".join(f"[{name}]" for name in table.key)
        statement = (
            f"SELECT {names} FROM dbo.[{table.name}] ORDER BY {order} "  # noqa: S608 - our own names
            "OFFSET ? ROWS FETCH NEXT ? ROWS ONLY"
        )
        batches: list[pa.RecordBatch] = []
        while rows := self._page(statement, len(batches) * PAGE_ROWS):
            columns = zip(*rows, strict=True)
            arrays = [_array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            batches.append(pa.record_batch(arrays, schema=schema))
        return pa.Table.from_batches(batches, schema)

    def count(self, table: str) -> int:
        """Return the number of rows; 0 of a table that is not there."""
        found = self._connection.execute("SELECT name FROM sys.tables WHERE name = ?", (table,))
        if found.fetchone() is None:
            return 0
        rows = self._connection.execute(f"SELECT COUNT(*) FROM dbo.[{table}]")  # noqa: S608
        return int(rows.fetchone()[0])

    def _page(self, statement: str, start: int) -> list[Any]:
        found: list[Any] = self._connection.execute(statement, (start, PAGE_ROWS)).fetchall()
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BigQueryTarget:
    """The cloud's BigQuery."""

    def __init__(self, described: dict[str, Any], services: Services) -> None:  # noqa: ARG002
        resolved, _ = services.config.get("flights")
        reach = resolved.connections.bigquery
        if reach is None:
            raise SystemExit("the demo's cloud has no BigQuery")
        self._client = connect(reach)

    def rows(self, table: DemoTable, schema: pa.Schema) -> pa.Table:
        """Return all rows of a table, in no order."""
        listed = self._client.list_rows(f"{DATASET}.{table.name}", page_size=PAGE_ROWS)
        found = listed.to_arrow(create_bqstorage_client=False).select(schema.names)
        # Of a decimal that would lose a digit Arrow makes an error.
        return found.cast(schema)

    def count(self, table: str) -> int:
        """Return the number of rows; 0 of a table that is not there."""
        from google.api_core.exceptions import NotFound

        try:
            return int(self._client.get_table(f"{DATASET}.{table}").num_rows or 0)
        except NotFound:
            return 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


TARGETS: dict[str, type[PostgresTarget] | type[SqlServerTarget] | type[BigQueryTarget]] = {
    "postgres": PostgresTarget,
    "sqlserver": SqlServerTarget,
    "bigquery": BigQueryTarget,
}
"""By the keys that table files name them with."""

NAMES = {"postgres": "PostgreSQL", "sqlserver": "SQL Server", "bigquery": "BigQuery"}


def point(config: Path, folder: Path, kind: str) -> Path:
    """Return a folder with the demo's table files for a target; the first target's is ``config``.

    Args:
        config: where the table files are.
        folder: where to write those that differ.
        kind: a key of ``TARGETS``.

    Raises:
        InvalidConfigError: it would write over ``config``.
    """
    if kind == "postgres":
        return config
    written = folder / "config"
    if written.resolve() == config.resolve():
        raise InvalidConfigError(
            f"{written} holds the table files; name another folder for the demo's cloud"
        )
    (written / "environments").mkdir(parents=True, exist_ok=True)
    local = "environments/local.yaml"
    (written / local).write_text((config / local).read_text())
    document = yaml.safe_load((config / "tables.yaml").read_text())
    document["tables"] = [each for each in document["tables"] if each["name"] in OWN]
    for table in document["tables"]:
        table[kind] = {"table": table.pop("postgres")["table"], **PLACES[kind]}
    (written / "tables.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return written


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    """Make an array of what the driver returns, which has decimals where the source had integers.

    Raises:
        pyarrow.ArrowInvalid: a value does not fit the source's type.
    """
    decimals = pa.types.is_integer(kind) and any(not isinstance(v, int | None) for v in values)
    return pa.array(values, pa.decimal128(38, 0)).cast(kind) if decimals else pa.array(values, kind)


def _moment(raw: bytes) -> dt.datetime:
    """Read SQL_SS_TIMESTAMPOFFSET_STRUCT."""
    year, month, day, hour, minute, second, ns, *offset = struct.unpack("<6hI2h", raw)
    zone = dt.timezone(dt.timedelta(hours=offset[0], minutes=offset[1]))
    return dt.datetime(year, month, day, hour, minute, second, ns // 1000, tzinfo=zone)
