"""The SQL Server stand-in, as real drivers see it: logins and values."""

import datetime as dt
import os
import uuid
from decimal import Decimal
from typing import Any

import pytest

from shared.config.connections import SqlServerConnection
from shared.targets.sqlserver import connection
from tests.contract.sqlserver_process import PASSWORD, SqlServerProcess, failure, rows
from tests.vault import Vault

pytest_plugins = ("tests.contract.sqlserver_server",)

MOMENT = dt.datetime(2024, 2, 29, 12, 0, 0, 123456)


@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_a_login_works_with_and_without_tls(
    sqlserver: SqlServerProcess, driver: str, encrypt: str
) -> None:
    connection = sqlserver.connect(driver, encrypt=encrypt)
    assert connection.execute("SELECT DB_NAME()").fetchval() == "master"
    connection.close()


def test_the_certificate_can_be_verified(
    sqlserver: SqlServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match="certificate verify failed"):
        sqlserver.connect(options="TrustServerCertificate=no")
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(sqlserver.certificate))
    sqlserver.connect(options="TrustServerCertificate=no").close()


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody"}])
def test_a_wrong_login_is_refused(
    sqlserver: SqlServerProcess, driver: str, wrong: dict[str, str]
) -> None:
    with pytest.raises(Exception, match="Login failed for user") as error:
        sqlserver.connect(driver, **wrong)
    assert "18456" in error.value.args[1]
    assert error.value.args[0] in ("28000", "42000")


def test_a_refused_password_is_replaced_by_the_version_that_is_accepted(
    sqlserver: SqlServerProcess,
) -> None:
    place = SqlServerConnection(
        host="127.0.0.1", port=sqlserver.port, user="sa", database="master", tls="unverified"
    )
    secrets = Vault({"sqlserver-password": PASSWORD.encode()})
    secrets.put("sqlserver-password", b"not yet")

    connection.connect(place, secrets).close()

    assert secrets.get("sqlserver-password").version == 1


def test_an_unknown_database_is_refused(sqlserver: SqlServerProcess, driver: str) -> None:
    with pytest.raises(Exception, match="nowhere"):
        sqlserver.connect(driver, database="nowhere")


def test_databases_are_apart(sqlserver: SqlServerProcess, microsoft: Any, table: str) -> None:
    microsoft.execute(f"CREATE DATABASE [Db_{table}]")
    other = sqlserver.connect(database=f"db_{table}", autocommit=True)
    other.execute(f"CREATE TABLE dbo.{table} (id int)")
    assert other.execute("SELECT COUNT(*) FROM sys.tables").fetchval() == 1
    assert failure(microsoft, f"SELECT * FROM dbo.{table}") == 208
    other.close()


VALUES = [
    ("bit", True),
    ("tinyint", 255),
    ("smallint", -(2**15)),
    ("int", -(2**31)),
    ("bigint", 2**63 - 1),
    ("decimal(38,10)", Decimal("-1234567890123456789012345678.0123456789")),
    ("decimal(38,0)", Decimal(10**38 - 1)),
    ("float", -1.7976931348623157e308),
    ("real", 0.5),
    ("nvarchar(20)", "h\u00e9 \U0001f600 ]'"),
    ("nvarchar(20)", "a\0b"),
    ("nvarchar(20)", "blanks  "),
    ("nvarchar(max)", "x" * 3000),
    ("varchar(20)", "caf\u00e9 \u20ac"),
    ("varbinary(10)", b"\x00\xff"),
    ("varbinary(max)", b"\x00\xff" * 1500),
    ("date", dt.date(9999, 12, 31)),
    ("time(7)", dt.time(23, 59, 59)),
    ("datetime2(7)", dt.datetime(2024, 2, 29, 23, 59, 59)),
    ("uniqueidentifier", uuid.UUID(int=5)),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[kind for kind, _ in VALUES])
def test_a_value_comes_back(cursor: Any, table: str, kind: str, value: Any) -> None:
    cursor.execute(f"CREATE TABLE dbo.{table} (id int, v {kind})")
    cursor.execute(f"INSERT INTO dbo.{table} VALUES (?, ?)", 1, value)
    cursor.execute(f"INSERT INTO dbo.{table} (id) VALUES (2)")
    found = [row[0] for row in cursor.execute(f"SELECT v FROM dbo.{table} ORDER BY id")]
    if isinstance(value, uuid.UUID):
        found[0] = uuid.UUID(found[0])
    assert found == [value, None]


def test_texts_and_bytes_of_16_mb_come_back(microsoft: Any, table: str) -> None:
    text, data = "\u00e9\U0001f600" * (16 * 2**20 // 6), bytes(range(256)) * 2**16
    microsoft.execute(f"CREATE TABLE {table} (n nvarchar(max), v varbinary(max))")
    microsoft.execute(f"INSERT INTO {table} VALUES (?, ?)", text, data)
    assert rows(microsoft, f"SELECT * FROM {table}") == [(text, data)]


def test_times_keep_seven_digits(microsoft: Any, table: str) -> None:
    microsoft.execute(f"CREATE TABLE {table} (a datetime2(7), b time(7), c datetime2(3))")
    microsoft.execute(
        f"INSERT INTO {table} VALUES ('0001-01-01 00:00:00.0000001', '23:59:59.9999999', "
        "'2024-01-01T10:00:00.1235')"
    )
    text = "SELECT CAST(a AS nvarchar(40)), CAST(b AS nvarchar(40)), CONVERT(nvarchar(40), c, 126)"
    assert rows(microsoft, f"{text} FROM {table}") == [
        ("0001-01-01 00:00:00.0000001", "23:59:59.9999999", "2024-01-01T10:00:00.1240000")
    ]


def test_a_moment_becomes_utc(microsoft: Any, table: str) -> None:
    microsoft.execute(f"CREATE TABLE {table} (m datetimeoffset(7))")
    microsoft.execute(f"INSERT INTO {table} VALUES (?)", "2024-02-29 14:00:00.123456 +02:00")
    assert rows(microsoft, f"SELECT m FROM {table}") == [(MOMENT.replace(tzinfo=dt.UTC),)]


def test_null_parameters_and_empty_values_differ(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE dbo.{table} (id int, n nvarchar(10), v varbinary(max), i int)")
    cursor.execute(f"INSERT INTO dbo.{table} VALUES (?, ?, ?, ?)", 1, "", b"", None)
    cursor.execute(f"INSERT INTO dbo.{table} (id, n, i) VALUES (?, ?, ?)", 2, None, 7)
    found = rows(cursor, f"SELECT * FROM dbo.{table} ORDER BY id")
    assert found == [(1, "", b"", None), (2, None, None, 7)]


BAD_VALUES = [
    ("nvarchar(5)", "sixsix", 2628),
    ("nvarchar(5)", "\U0001f600" * 3, 2628),
    ("varbinary(2)", b"abc", 2628),
    ("tinyint", 256, 220),
    ("smallint", 2**15, 8115),
    ("decimal(4,2)", Decimal("100"), 8115),
    ("int", "one", 245),
    ("decimal(4,2)", "one", 8114),
    ("date", "2023-02-29", 241),
    ("datetime2(7)", "24:00", 241),
    ("uniqueidentifier", "one", 8169),
    ("float", float("nan"), 8023),
]


@pytest.mark.parametrize(("kind", "value", "number"), BAD_VALUES)
def test_a_value_that_does_not_fit_is_refused(
    microsoft: Any, table: str, kind: str, value: Any, number: int
) -> None:
    microsoft.execute(f"CREATE TABLE {table} (v {kind})")
    assert failure(microsoft, f"INSERT INTO {table} VALUES (?)", value) == number


def test_a_cast_cuts_what_an_assignment_refuses(cursor: Any) -> None:
    cuts = "SELECT CAST(N'abcdef' AS nvarchar(3)), CAST(0x010203 AS varbinary(2))"
    assert rows(cursor, cuts) == [("abc", b"\x01\x02")]


@pytest.mark.parametrize("fast", [False, True])
def test_many_rows_are_inserted(microsoft: Any, table: str, fast: bool) -> None:
    microsoft.execute(
        f"CREATE TABLE {table} (id int, d decimal(18,4), n nvarchar(50), t datetime2(6), "
        "m nvarchar(max), v varbinary(20), b bit, f float, dd date)"
    )
    microsoft.fast_executemany = fast
    many = [
        (
            *(i, Decimal(i) / 100, f"\u00fc{i}" if i % 3 else None, MOMENT, f"\U0001f600{i}"),
            *(bytes([i % 256]), i % 2 == 0, i / 7, MOMENT.date()),
        )
        for i in range(300)
    ]

    microsoft.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", many)

    assert rows(microsoft, f"SELECT * FROM {table} ORDER BY id") == many


def test_many_rows_of_declared_sizes_are_inserted(microsoft: Any, table: str) -> None:
    import pyodbc

    microsoft.execute(f"CREATE TABLE {table} (id bigint, n nvarchar(max), d decimal(38,4))")
    microsoft.fast_executemany = True
    microsoft.setinputsizes(
        [(pyodbc.SQL_BIGINT, 0, 0), (pyodbc.SQL_WVARCHAR, 0, 0), (pyodbc.SQL_DECIMAL, 38, 4)]
    )
    many = [(i, "\u00e9" * i, Decimal(i).scaleb(-4)) for i in range(100)]
    microsoft.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", many)
    assert rows(microsoft, f"SELECT * FROM {table} ORDER BY id") == many


def test_a_bad_row_among_many_is_refused_and_the_transaction_lives(
    sqlserver: SqlServerProcess, table: str
) -> None:
    connection = sqlserver.connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    cursor.execute(f"INSERT INTO {table} VALUES (9)")
    cursor.fast_executemany = True
    with pytest.raises(Exception, match="2627"):
        cursor.executemany(f"INSERT INTO {table} VALUES (?)", [(1,), (9,)])
    connection.commit()
    assert cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE id = 9").fetchval() == 1
    connection.close()
