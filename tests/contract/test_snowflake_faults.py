"""What goes wrong on demand, and what the real connector makes of it."""

import threading
import time
import uuid

import pytest
import requests
from snowflake.connector.errors import Error, ProgrammingError

from tests.contract.snowflake_process import AT_ONCE_S, fetch, one, refused, wait_until

pytest_plugins = ("tests.contract.snowflake_server",)


def test_error_happens_to_the_statements_it_is_meant_for(cursor, faults):
    faults.order_fault(
        kind="error",
        sql_regex=r"from\s+t\b",
        errno=90073,
        sqlstate="57014",
        message="out of luck",
        skip=1,
        count=2,
    )
    cursor.execute("CREATE TABLE T (A INT)")

    first = fetch(cursor, "SELECT * FROM T")
    refusals = [refused(cursor, "SELECT * FROM T") for _ in range(2)]
    last = fetch(cursor, "SELECT * FROM T")

    assert refusals == [(90073, "57014")] * 2
    assert first == last == []
    assert faults.fault_hits() == [2]


def test_slow_statement_starts_late(cursor, faults):
    faults.order_fault(kind="slow", sql_regex="patience", delay_s=0.3)
    started = time.monotonic()

    cursor.execute("SELECT 'patience'")

    assert 0.3 <= time.monotonic() - started < 0.3 + AT_ONCE_S


def test_statement_is_cancelled_when_the_client_gives_up(snowflake_server, faults):
    connection = snowflake_server.connect(query_timeout=1)
    faults.order_fault(kind="slow", sql_regex="too long", delay_s=60)
    cursor = connection.cursor()

    with pytest.raises(Error):
        cursor.execute("SELECT 'too long'")

    assert one(cursor, "SELECT 1") == 1
    connection.close()


def test_session_that_expired_is_renewed_and_goes_on(cursor, faults):
    cursor.execute("CREATE TABLE T (A INT)")
    cursor.execute("BEGIN")
    faults.order_fault(kind="expire_session", sql_regex="INSERT")

    cursor.execute("INSERT INTO T VALUES (1)")
    cursor.execute("COMMIT")

    assert fetch(cursor, "SELECT * FROM T") == [(1,)]
    assert faults.fault_hits() == [1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_insert_whose_connection_breaks_is_executed_once(cursor, faults, when):
    cursor.execute("CREATE TABLE T (A INT)")
    faults.order_fault(kind="reset", sql_regex="INSERT", when=when)

    cursor.execute("INSERT INTO T VALUES (1)")

    assert fetch(cursor, "SELECT * FROM T") == [(1,)]
    assert faults.fault_hits() == [1]


def test_request_that_is_sent_twice_at_once_is_executed_once(snowflake_server, cursor, schema):
    cursor.execute("CREATE TABLE T (A INT)")
    login = requests.post(
        f"{snowflake_server.url}/session/v1/login-request",
        params={"databaseName": "CONTRACT", "schemaName": schema},
        json={"data": {"LOGIN_NAME": "twice", "ACCOUNT_NAME": "local"}},
        timeout=5,
    ).json()["data"]
    replies = []

    def send(request_id: str) -> None:
        reply = requests.post(
            f"{snowflake_server.url}/queries/v1/query-request",
            params={"requestId": request_id},
            json={"sqlText": "INSERT INTO T SELECT 1 FROM TABLE(GENERATOR(ROWCOUNT => 100000))"},
            headers={"Authorization": f'Snowflake Token="{login["token"]}"'},
            timeout=10,
        )
        replies.append(reply.json())

    threads = [threading.Thread(target=send, args=(str(uuid.UUID(int=7)),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [reply["data"]["rowset"] for reply in replies] == [[["100000"]]] * 3
    assert one(cursor, "SELECT COUNT(*) FROM T") == 100000


def test_chunk_urls_that_ran_out_are_an_error_and_the_query_can_be_repeated(cursor, faults):
    faults.order_fault(kind="expire_chunks", sql_regex="GENERATOR")
    sql = "SELECT SEQ8() AS N FROM TABLE(GENERATOR(ROWCOUNT => 200000))"

    with pytest.raises(Error):
        list(cursor.execute(sql).fetch_arrow_batches())
    rows = sum(batch.num_rows for batch in cursor.execute(sql).fetch_arrow_batches())

    assert rows == 200_000


def test_session_that_is_gone_is_an_error_at_once(snowflake_server):
    reply = requests.post(
        f"{snowflake_server.url}/queries/v1/query-request",
        json={"sqlText": "SELECT 1"},
        headers={"Authorization": 'Snowflake Token="unknown"'},
        timeout=5,
    )

    assert reply.status_code == 200
    assert (reply.json()["success"], reply.json()["code"]) == (False, "390111")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "meteor"},
        {"sql_regex": "x"},
        {"kind": "slow", "delay": 1},
        {"kind": "error", "sql_regex": "("},
    ],
)
def test_fault_that_makes_no_sense_is_refused(snowflake_server, fault):
    reply = requests.post(f"{snowflake_server.url}/_faults", json=[fault], timeout=5)

    assert reply.status_code == 400
    assert reply.json()["error"]


def test_running_statement_can_be_aborted(snowflake_server, cursor, faults):
    faults.order_fault(kind="slow", sql_regex="abort me", delay_s=60)
    failures: list[ProgrammingError] = []

    def run() -> None:
        try:
            cursor.execute("SELECT 'abort me'")
        except ProgrammingError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: faults.fault_hits() == [1], what="the statement runs")
    request_id = snowflake_server.statements()[-1]["request_id"]
    requests.post(
        f"{snowflake_server.url}/queries/v1/abort-request",
        json={"sqlText": "SELECT 'abort me'", "requestId": request_id},
        timeout=5,
    ).raise_for_status()
    thread.join(5)

    assert [(error.errno, error.sqlstate) for error in failures] == [(604, "57014")]
