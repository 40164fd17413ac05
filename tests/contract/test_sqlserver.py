"""The SQL Server stand-in, as real drivers see it: each test runs with every driver there is."""

import datetime as dt
import json
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.sqlserver_process import DRIVERS, SqlServerProcess, missing

pytestmark = pytest.mark.skipif(bool(missing("microsoft")), reason=missing("microsoft"))


@pytest.fixture(scope="session")
def sqlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServerProcess]:
    process = SqlServerProcess(tmp_path_factory.mktemp("sqlserver"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    if reason := missing(request.param):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def connection(sqlserver: SqlServerProcess, driver: str) -> Iterator[Any]:
    opened = sqlserver.connect(driver)
    yield opened
    opened.close()


@pytest.fixture
def cursor(connection: Any) -> Any:
    return connection.cursor()


@pytest.fixture
def table() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


def number_of(error: pytest.ExceptionInfo[Any]) -> tuple[str, int]:
    """SQLSTATE and SQL Server's number, which the drivers put into the text."""
    state, text = error.value.args[:2]
    return state, int(text.rpartition(" (")[0].rpartition("(")[2].rstrip(")") or 0)


def failure(cursor: Any, sql: str, *parameters: Any) -> tuple[str, int]:
    with pytest.raises(Exception, match=r"\(\d+\)") as error:
        cursor.execute(sql, *parameters)
    return number_of(error)


@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_a_login_works_with_and_without_tls(sqlserver: SqlServerProcess, encrypt: str) -> None:
    connection = sqlserver.connect(encrypt=encrypt)
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 1
    connection.close()


def test_a_wrong_password_is_refused(sqlserver: SqlServerProcess, driver: str) -> None:
    with pytest.raises(Exception, match="Login failed for user 'sa'") as error:
        sqlserver.connect(driver, password="wrong")
    assert error.value.args[0] in ("28000", "42000")


def test_an_unknown_database_is_refused(sqlserver: SqlServerProcess, driver: str) -> None:
    with pytest.raises(Exception, match="nowhere"):
        sqlserver.connect(driver, database="nowhere")


def test_databases_are_apart(sqlserver: SqlServerProcess, table: str) -> None:
    name = f"db_{table}"
    first = sqlserver.connect(autocommit=True)
    first.execute(f"CREATE DATABASE [{name}]")
    second = sqlserver.connect(database=name)
    second.execute(f"CREATE TABLE dbo.{table} (id int)")
    second.commit()
    assert second.execute("SELECT DB_NAME()").fetchval() == name
    assert failure(first.cursor(), f"SELECT * FROM dbo.{table}") == ("42S02", 208)
    second.close()
    first.close()


COLUMNS = """id bigint NOT NULL PRIMARY KEY, b bit, i int, d decimal(38,10), f float,
    n nvarchar(100), m nvarchar(max), v varbinary(max), dd date, t time(6), ts datetime2(6),
    tz datetimeoffset(6), g uniqueidentifier"""
ROW = (
    *(2**63 - 1, True, -(2**31), Decimal("-1234567890123456789012345678.0123456789"), -0.1),
    *("h\u00e9 \U0001f600 ]'", "x" * 9000, b"\x00\xff" * 5000, dt.date(9999, 12, 31)),
    *(dt.time(23, 59, 59), dt.datetime(1, 1, 1, 0, 0, 0, 1), "2024-02-29 12:00:00.123456 +02:00"),
    uuid.UUID(int=5),
)


def test_values_of_every_type_come_back(cursor: Any, driver: str, table: str) -> None:
    cursor.execute(f"CREATE TABLE dbo.{table} ({COLUMNS})")
    marks = ", ".join("?" * len(ROW))
    # FreeTDS writes years before 1753 wrongly, and no fractions of seconds.
    moment = ROW[10] if driver == "microsoft" else dt.datetime(1753, 1, 1, 1, 2, 3)
    row = (*ROW[:10], moment, *ROW[11:])

    cursor.execute(f"INSERT INTO dbo.{table} VALUES ({marks})", row)

    found = list(cursor.execute(f"SELECT * FROM dbo.{table}").fetchone())
    expected = list(row)
    expected[11] = "2024-02-29 10:00:00.123456 +00:00"
    found[12] = uuid.UUID(str(found[12]))
    if driver == "freetds":
        found[11] = expected[11] = None
    assert found == expected


def test_nulls_of_every_type_come_back(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE dbo.{table} ({COLUMNS})")
    cursor.execute(f"INSERT INTO dbo.{table} (id) VALUES (1)")
    assert list(cursor.execute(f"SELECT * FROM dbo.{table}").fetchone()) == [1] + [None] * 12


def test_null_parameters_and_empty_values_differ(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE dbo.{table} (id int, n nvarchar(10), v varbinary(max), i int)")
    cursor.execute(f"INSERT INTO dbo.{table} VALUES (?, ?, ?, ?)", 1, "", b"", None)
    cursor.execute(f"INSERT INTO dbo.{table} (id, n, i) VALUES (?, ?, ?)", 2, None, 7)
    found = [tuple(row) for row in cursor.execute(f"SELECT * FROM dbo.{table} ORDER BY id")]
    assert found == [(1, "", b"", None), (2, None, None, 7)]


@pytest.mark.parametrize("fast", [False, True])
def test_many_rows_are_inserted(cursor: Any, driver: str, table: str, fast: bool) -> None:
    if fast and driver == "freetds":
        pytest.skip("FreeTDS ends the process with fast_executemany")
    cursor.execute(
        f"CREATE TABLE {table} (id int, d decimal(18,4), n nvarchar(50), ts datetime2(6))"
    )
    cursor.fast_executemany = fast
    moment = dt.datetime(2024, 1, 1, 1, 2, 3, 0 if driver == "freetds" else 123456)
    rows = [(i, Decimal(i) / 100, f"\u00fc{i}" if i % 3 else None, moment) for i in range(500)]

    cursor.executemany(f"INSERT INTO {table} (id, d, n, ts) VALUES (?, ?, ?, ?)", rows)

    found = cursor.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
    assert [tuple(row) for row in found] == rows


def test_a_bad_row_among_many_is_named_and_the_transaction_lives(
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


def test_rows_come_from_json(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id bigint, n nvarchar(20), d decimal(38,4), b bit)")
    rows = [{"id": 2**60, "n": "\u00e9", "d": "1.5000", "b": True}, {"id": 2, "n": None}]

    cursor.execute(
        f"INSERT INTO {table} (id, n, d, b) SELECT id, n, d, b FROM OPENJSON(?) WITH ("
        "id bigint '$.id', n nvarchar(20) '$.n', d decimal(38,4) '$.d', b bit '$.b') AS j",
        json.dumps(rows),
    )

    assert cursor.rowcount == 2
    found = [tuple(row) for row in cursor.execute(f"SELECT * FROM {table} ORDER BY id DESC")]
    assert found == [(2**60, "\u00e9", Decimal("1.5000"), True), (2, None, None, None)]


def test_rows_are_published_by_update_insert_and_delete(cursor: Any, table: str) -> None:
    for name in (table, f"s_{table}"):
        cursor.execute(f"CREATE TABLE {name} (id int, n nvarchar(20))")
    cursor.execute(f"INSERT INTO {table} VALUES (1, N'a'), (2, N'b'), (3, N'c')")
    cursor.execute(f"INSERT INTO s_{table} VALUES (1, N'a'), (2, N'B'), (4, N'D')")

    cursor.execute(
        f"UPDATE t SET t.n = s.n FROM dbo.{table} AS t JOIN dbo.s_{table} AS s ON s.id = t.id "
        "WHERE EXISTS (SELECT t.n EXCEPT SELECT s.n)"
    )
    updated = cursor.rowcount
    cursor.execute(
        f"INSERT INTO {table} (id, n) SELECT s.id, s.n FROM s_{table} AS s "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.id = s.id)"
    )
    inserted = cursor.rowcount
    cursor.execute(
        f"DELETE t FROM {table} AS t "
        f"WHERE NOT EXISTS (SELECT 1 FROM s_{table} AS s WHERE s.id = t.id)"
    )

    assert (updated, inserted, cursor.rowcount) == (1, 1, 1)
    found = [tuple(row) for row in cursor.execute(f"SELECT id, n FROM {table} ORDER BY id")]
    assert found == [(1, "a"), (2, "B"), (4, "D")]


def test_rows_are_taken_in_pages_and_counted(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int)")
    cursor.executemany(f"INSERT INTO {table} VALUES (?)", [(i,) for i in range(6)])
    page = f"SELECT id FROM {table} ORDER BY id OFFSET 2 ROWS FETCH NEXT 2 ROWS ONLY"
    assert [row[0] for row in cursor.execute(page)] == [2, 3]
    assert [row[0] for row in cursor.execute(f"SELECT TOP (2) id FROM {table} ORDER BY id")] == [
        0,
        1,
    ]
    assert cursor.execute(f"SELECT COUNT_BIG(*) FROM {table}").fetchval() == 6


def test_a_table_is_made_once_and_altered(cursor: Any, table: str) -> None:
    make = f"IF OBJECT_ID(N'dbo.{table}', N'U') IS NULL CREATE TABLE dbo.{table} (id int)"
    cursor.execute(make)
    cursor.execute(make)
    cursor.execute(f"ALTER TABLE dbo.{table} ADD n nvarchar(10) NULL")
    cursor.execute(f"INSERT INTO dbo.{table} VALUES (1, N'x')")
    assert tuple(cursor.execute(f"SELECT * FROM dbo.{table}").fetchone()) == (1, "x")
    cursor.execute(f"DROP TABLE IF EXISTS dbo.{table}")
    cursor.execute(f"DROP TABLE IF EXISTS dbo.{table}")


def test_a_schema_is_made_once(cursor: Any, table: str) -> None:
    make = f"IF SCHEMA_ID(N's_{table}') IS NULL EXEC(N'CREATE SCHEMA [s_{table}]')"
    cursor.execute(make)
    cursor.execute(make)
    cursor.execute(f"CREATE TABLE [s_{table}].[x] (id int)")


ODD_NAMES = [
    "select",
    "a]b",
    "two words",
    'quo"te',
    "\u00fcn\u00efc\u00f6d\u00e9",
    "x" * 128,
    "\u00e9" * 128,
    "Order",
]


def test_any_name_can_be_quoted(cursor: Any, table: str) -> None:
    quoted = ["[" + name.replace("]", "]]") + "]" for name in ODD_NAMES]
    name = f"{table}{'y' * 110}"
    cursor.execute(f"CREATE TABLE [{name}] ({', '.join(f'{each} int' for each in quoted)})")
    cursor.execute(f"INSERT INTO [{name}] ({', '.join(quoted)}) VALUES (1, 2, 3, 4, 5, 6, 7, 8)")
    cursor.execute(f"SELECT {', '.join(quoted)} FROM [{name}]")
    assert [column[0] for column in cursor.description] == ODD_NAMES
    assert list(cursor.fetchone()) == [1, 2, 3, 4, 5, 6, 7, 8]
    cursor.execute("SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(?)", f"dbo.[{name}]")
    assert [row[0] for row in cursor] == ODD_NAMES


def test_the_catalogue_describes_columns_and_keys(cursor: Any, table: str) -> None:
    cursor.execute(
        f"CREATE TABLE {table} (id bigint NOT NULL, d decimal(20,3), n nvarchar(7), "
        f"m nvarchar(max), ts datetime2(6), CONSTRAINT pk_{table} PRIMARY KEY (id))"
    )
    cursor.execute(
        "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, "
        "NUMERIC_SCALE, DATETIME_PRECISION, IS_NULLABLE FROM INFORMATION_SCHEMA.COLUMNS "
        "WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
        "dbo",
        table,
    )
    assert [tuple(row) for row in cursor] == [
        ("id", "bigint", None, 19, 0, None, "NO"),
        ("d", "decimal", None, 20, 3, None, "YES"),
        ("n", "nvarchar", 7, None, None, None, "YES"),
        ("m", "nvarchar", -1, None, None, None, "YES"),
        ("ts", "datetime2", None, None, None, 6, "YES"),
    ]
    cursor.execute(
        "SELECT k.COLUMN_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS c "
        "JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS k ON k.CONSTRAINT_NAME = c.CONSTRAINT_NAME "
        "WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.TABLE_NAME = ?",
        table,
    )
    assert [row[0] for row in cursor] == ["id"]
    cursor.execute(
        "SELECT c.name, t.name FROM sys.tables AS o JOIN sys.schemas AS s ON s.schema_id = "
        "o.schema_id JOIN sys.columns AS c ON c.object_id = o.object_id JOIN sys.types AS t "
        "ON t.user_type_id = c.user_type_id WHERE s.name = N'dbo' AND o.name = ? AND c.column_id = 1",
        table,
    )
    assert [tuple(row) for row in cursor] == [("id", "bigint")]


def test_errors_have_their_numbers_and_leave_the_transaction_open(cursor: Any, table: str) -> None:
    cursor.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, n nvarchar(2), d decimal(4,2))"
    )
    cursor.execute(f"INSERT INTO {table} VALUES (1, N'a', 1)")
    insert = f"INSERT INTO {table} (id, n, d) VALUES (?, ?, ?)"

    assert failure(cursor, insert, 1, "a", 1) == ("23000", 2627)
    assert failure(cursor, f"INSERT INTO {table} (n) VALUES (N'a')") == ("23000", 515)
    assert failure(cursor, f"INSERT INTO {table} (id, n) VALUES (2, N'abc')")[1] == 2628
    assert failure(cursor, f"INSERT INTO {table} (id, d) VALUES (2, 12345.6)")[1] == 8115
    assert failure(cursor, "SELECT * FROM dbo.nowhere") == ("42S02", 208)
    assert failure(cursor, "SELEC 1 FROM x y z") == ("42000", 102)

    cursor.connection.commit()
    assert cursor.execute(f"SELECT COUNT(*) FROM {table}").fetchval() == 1


def test_xact_abort_undoes_the_transaction(
    sqlserver: SqlServerProcess, driver: str, table: str
) -> None:
    connection = sqlserver.connect(driver, autocommit=True)
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    cursor.execute("SET XACT_ABORT ON; BEGIN TRANSACTION")
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    assert failure(cursor, f"INSERT INTO {table} VALUES (1)")[1] == 2627
    cursor.execute(f"SELECT @@TRANCOUNT, COUNT(*) FROM {table}")
    assert tuple(cursor.fetchone()) == (0, 0)
    connection.close()


def test_a_rollback_undoes_and_a_commit_keeps(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int)")
    cursor.connection.commit()
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    cursor.connection.rollback()
    cursor.execute(f"INSERT INTO {table} VALUES (2)")
    cursor.connection.commit()
    assert [row[0] for row in cursor.execute(f"SELECT id FROM {table}")] == [2]


def test_a_locked_row_times_out_with_1222(
    sqlserver: SqlServerProcess, cursor: Any, table: str
) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    cursor.connection.commit()
    cursor.execute(f"SELECT id FROM {table} WITH (UPDLOCK, HOLDLOCK) WHERE id = 1").fetchall()
    other = sqlserver.connect()
    other.execute("SET LOCK_TIMEOUT 50")
    assert failure(other.cursor(), f"UPDATE {table} SET id = 2 WHERE id = 1") == ("42000", 1222)
    other.close()


def test_one_of_two_in_a_deadlock_is_told_1205(sqlserver: SqlServerProcess, table: str) -> None:
    one, two = sqlserver.connect(), sqlserver.connect()
    one.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, n int)")
    one.execute(f"INSERT INTO {table} VALUES (1, 0), (2, 0)")
    one.commit()
    failed: list[str] = []

    def update(connection: Any, key: int) -> None:
        try:
            connection.execute(f"UPDATE {table} SET n = n + 1 WHERE id = {key}")
        except Exception as error:  # noqa: BLE001 - the driver's own class
            failed.append(error.args[0] + str("1205" in error.args[1]))

    update(one, 1)
    update(two, 2)
    thread = threading.Thread(target=update, args=(one, 2))
    thread.start()
    update(two, 1)
    thread.join()
    assert failed == ["40001True"]
    one.close()
    two.close()


APPLOCK = (
    "SET NOCOUNT ON; DECLARE @r int; EXEC @r = sp_getapplock @Resource = ?, "
    "@LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 0; SELECT @r"
)


def test_an_application_lock_lasts_as_long_as_its_transaction(
    sqlserver: SqlServerProcess, cursor: Any, table: str
) -> None:
    other = sqlserver.connect()
    assert cursor.execute(APPLOCK, table).fetchval() == 0
    assert other.execute(APPLOCK, table).fetchval() == -1
    cursor.connection.rollback()
    assert other.execute(APPLOCK, table).fetchval() == 0
    other.close()


def test_the_number_of_rows_is_known_in_the_next_statement(cursor: Any, table: str) -> None:
    cursor.execute(f"CREATE TABLE {table} (id int)")
    cursor.execute(f"SET NOCOUNT ON; INSERT INTO {table} VALUES (1), (2); SELECT @@ROWCOUNT")
    assert cursor.fetchval() == 2


def test_a_statement_that_takes_too_long_is_cancelled(sqlserver: SqlServerProcess) -> None:
    connection = sqlserver.connect()
    connection.timeout = 1
    with pytest.raises(Exception, match="timeout") as error:
        connection.execute("WAITFOR DELAY '00:00:20'")
    assert error.value.args[0] == "HYT00"
    assert connection.execute("SELECT 1").fetchval() == 1
    connection.close()


def test_state_outlives_the_server(tmp_path: Any) -> None:
    process = SqlServerProcess(tmp_path / "state")
    process.start()
    first = process.connect(autocommit=True)
    first.execute("CREATE TABLE kept (id int)")
    first.close()
    process.stop()
    process.start()
    again = process.connect()
    assert again.execute("SELECT COUNT(*) FROM kept").fetchval() == 0
    again.close()
    process.stop()
