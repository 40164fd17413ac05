"""The SQL Server stand-in, as real drivers see it: transactions, locks, faults, ends."""

import subprocess
import sys
import threading
from typing import Any

import pytest

from tests.contract.sqlserver_process import REPOSITORY, SqlServerProcess, failure, number_of, rows

pytest_plugins = ("tests.contract.sqlserver_server",)


@pytest.fixture
def filled(microsoft: Any, table: str) -> str:
    """A table with the rows 1 and 2, which everybody sees."""
    microsoft.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, n int)")
    microsoft.execute(f"INSERT INTO {table} VALUES (1, 0), (2, 0)")
    return table


def test_a_rollback_undoes_and_a_commit_keeps(cursor: Any, filled: str) -> None:
    cursor.execute(f"INSERT INTO {filled} VALUES (3, 0)")
    cursor.connection.rollback()
    cursor.execute(f"INSERT INTO {filled} VALUES (4, 0)")
    cursor.connection.commit()
    assert rows(cursor, f"SELECT id FROM {filled} ORDER BY id") == [(1,), (2,), (4,)]


def test_a_failed_statement_leaves_the_transaction_open(cursor: Any, filled: str) -> None:
    cursor.execute(f"INSERT INTO {filled} VALUES (3, 0)")
    assert failure(cursor, f"INSERT INTO {filled} VALUES (3, 0)") == 2627
    assert failure(cursor, "SELECT * FROM dbo.nowhere") == 208
    cursor.connection.commit()
    assert cursor.execute(f"SELECT COUNT(*) FROM {filled}").fetchval() == 3


def test_a_batch_goes_on_after_a_refused_row(microsoft: Any, filled: str) -> None:
    insert = f"INSERT INTO {filled} VALUES"
    assert failure(microsoft, f"{insert} (1, 0); {insert} (3, 0)") == 2627
    assert microsoft.execute(f"SELECT COUNT(*) FROM {filled}").fetchval() == 3


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_xact_abort_undoes_the_transaction(
    sqlserver: SqlServerProcess, driver: str, filled: str, mode: str
) -> None:
    connection = sqlserver.connect(driver, autocommit=mode == "explicit")
    cursor = connection.cursor()
    cursor.execute("SET XACT_ABORT ON")
    if mode == "explicit":
        cursor.execute("BEGIN TRANSACTION")
    cursor.execute(f"INSERT INTO {filled} VALUES (3, 0)")
    assert failure(cursor, f"INSERT INTO {filled} VALUES (3, 0)") == 2627
    connection.rollback()
    assert rows(cursor, f"SELECT COUNT(*) FROM {filled}") == [(2,)]
    connection.close()


def test_transactions_nest(microsoft: Any, filled: str) -> None:
    microsoft.execute(f"BEGIN TRAN; BEGIN TRAN; INSERT INTO {filled} VALUES (3, 0); COMMIT")
    assert rows(microsoft, "SELECT @@TRANCOUNT, XACT_STATE()") == [(1, 1)]
    microsoft.execute("ROLLBACK")
    assert rows(microsoft, f"SELECT @@TRANCOUNT, COUNT(*) FROM {filled}") == [(0, 2)]
    assert failure(microsoft, "COMMIT TRANSACTION") == 3902


HOLD = """
import sys
from tests.contract.sqlserver_process import SqlServerProcess
server = SqlServerProcess.__new__(SqlServerProcess)
server.port = int(sys.argv[1])
connection = server.connect()
connection.execute(f"UPDATE {sys.argv[2]} SET n = 9")
print("updated", flush=True)
sys.stdin.read()
"""


def test_a_killed_client_leaves_nothing_behind(
    sqlserver: SqlServerProcess, microsoft: Any, filled: str
) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(sqlserver.port), filled],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdout is not None
    assert client.stdout.readline().strip() == b"updated"

    client.kill()
    client.communicate()

    microsoft.execute("SET LOCK_TIMEOUT 5000")
    microsoft.execute(f"UPDATE {filled} SET n = n + 1 WHERE id = 1")
    assert rows(microsoft, f"SELECT id, n FROM {filled} ORDER BY id") == [(1, 1), (2, 0)]


@pytest.mark.parametrize(
    "hold",
    [
        "SELECT id FROM {} WITH (UPDLOCK, HOLDLOCK) WHERE id = 1",
        "SELECT TOP (1) 1 FROM {} WITH (TABLOCKX, HOLDLOCK)",
        "UPDATE {} SET n = 1 WHERE id = 1",
    ],
)
def test_a_lock_is_not_waited_for_for_ever(
    sqlserver: SqlServerProcess, cursor: Any, filled: str, hold: str
) -> None:
    cursor.execute(hold.format(filled))
    other = sqlserver.connect()
    other.execute("SET LOCK_TIMEOUT 50")
    assert failure(other.cursor(), f"UPDATE {filled} SET n = 2 WHERE id = 1") == 1222
    other.close()


def test_one_of_two_in_a_deadlock_is_told_1205(sqlserver: SqlServerProcess, filled: str) -> None:
    one, two = sqlserver.connect(), sqlserver.connect()
    failed: list[int] = []

    def update(connection: Any, key: int) -> None:
        try:
            connection.execute(f"UPDATE {filled} SET n = n + 1 WHERE id = {key}")
        except Exception as error:  # noqa: BLE001 - the driver's own class
            failed.append(number_of(error))

    update(one, 1)
    update(two, 2)
    thread = threading.Thread(target=update, args=(one, 2))
    thread.start()
    update(two, 1)
    thread.join()
    assert failed == [1205]
    one.close()
    two.close()


GET_LOCK = (
    "SET NOCOUNT ON; DECLARE @r int; EXEC @r = sp_getapplock @Resource = ?, "
    "@LockMode = 'Exclusive', @LockOwner = '{}', @LockTimeout = 0; SET NOCOUNT OFF; SELECT @r"
)


def test_an_application_lock_lasts_as_long_as_its_transaction(
    sqlserver: SqlServerProcess, cursor: Any, table: str
) -> None:
    lock, other = GET_LOCK.format("Transaction"), sqlserver.connect()
    cursor.execute("SELECT 1").fetchall()
    assert cursor.execute(lock, table).fetchval() == 0
    assert other.execute(lock, table).fetchval() == -1
    cursor.connection.rollback()
    assert other.execute(lock, table).fetchval() == 0
    other.close()


def test_an_application_lock_of_a_session_outlives_its_transaction(
    sqlserver: SqlServerProcess, cursor: Any, table: str
) -> None:
    lock, other = GET_LOCK.format("Session"), sqlserver.connect()
    assert cursor.execute(lock, table).fetchval() == 0
    cursor.connection.commit()
    assert other.execute(lock, table).fetchval() == -1
    cursor.execute("EXEC sp_releaseapplock @Resource = ?, @LockOwner = 'Session'", table)
    assert other.execute(lock, table).fetchval() == 0
    other.close()


def test_a_lock_of_a_transaction_needs_one(microsoft: Any, table: str) -> None:
    assert microsoft.execute(GET_LOCK.format("Transaction"), table).fetchval() == -999


def test_the_number_of_rows_is_known_in_the_next_statement(cursor: Any, filled: str) -> None:
    cursor.execute(f"SET NOCOUNT ON; UPDATE {filled} SET n = 5; SELECT @@ROWCOUNT")
    assert cursor.fetchval() == 2


def test_a_statement_that_takes_too_long_is_cancelled(sqlserver: SqlServerProcess) -> None:
    connection = sqlserver.connect()
    connection.timeout = 1
    with pytest.raises(Exception, match="timeout") as error:
        connection.execute("WAITFOR DELAY '00:00:20'")
    assert error.value.args[0] == "HYT00"
    assert connection.execute("SELECT 1").fetchval() == 1
    connection.close()


@pytest.fixture
def faults(sqlserver: SqlServerProcess) -> Any:
    yield sqlserver.order
    sqlserver.clear_faults()


def test_an_ordered_error_happens_to_the_statements_it_is_meant_for(
    faults: Any, cursor: Any, filled: str
) -> None:
    wanted = {"kind": "error", "sql_regex": f"UPDATE {filled}", "number": 1204}
    faults({**wanted, "skip": 1, "count": 1})
    update = f"UPDATE {filled} SET n = n + 1"
    cursor.execute(update)
    assert failure(cursor, update) == 1204
    cursor.execute(update)
    assert cursor.execute(f"SELECT SUM(n) FROM {filled}").fetchval() == 4


@pytest.mark.parametrize(("when", "kept"), [("before", 2), ("after", 3)])
def test_a_commit_can_be_lost_with_its_answer(
    sqlserver: SqlServerProcess, microsoft: Any, faults: Any, filled: str, *, when: str, kept: int
) -> None:
    connection = sqlserver.connect()
    connection.execute(f"INSERT INTO {filled} VALUES (3, 0)")
    faults({"kind": "reset", "sql_regex": "^COMMIT TRANSACTION$", "when": when})
    with pytest.raises(Exception, match=r"08S01|10054"):
        connection.commit()
    microsoft.execute("SET LOCK_TIMEOUT 5000")
    count = f"SELECT COUNT(*) FROM {filled} WITH (TABLOCKX)"
    assert microsoft.execute(count).fetchval() == kept


def test_an_unavailable_database_refuses_logins(sqlserver: SqlServerProcess, faults: Any) -> None:
    faults({"kind": "error", "sql_regex": "^LOGIN$", "number": 40613})
    with pytest.raises(Exception, match="40613"):
        sqlserver.connect()
    sqlserver.connect().close()


def test_state_outlives_the_server(sqlserver: SqlServerProcess, table: str) -> None:
    first = sqlserver.connect(autocommit=True)
    first.execute(f"CREATE TABLE {table} (id int)")
    first.close()
    certificate = sqlserver.certificate.read_bytes()

    sqlserver.stop()
    sqlserver.start()

    again = sqlserver.connect()
    assert again.execute(f"SELECT COUNT(*) FROM {table}").fetchval() == 0
    again.close()
    assert sqlserver.certificate.read_bytes() == certificate
    key = sqlserver.certificate.with_name("certificate-key.pem")
    assert key.stat().st_mode & 0o77 == 0
