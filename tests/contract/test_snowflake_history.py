"""Transactions, time travel and persistence."""

import threading
import time

import pytest
from snowflake.connector.errors import Error

from local.snowflake.engine import Engine
from local.snowflake.errors import SnowflakeError
from local.snowflake.session import Session
from local.snowflake.statements import execute, running
from tests.contract.snowflake_process import (
    SnowflakeProcess,
    fetch,
    now,
    one,
    refused,
    wait_until,
)

pytest_plugins = ("tests.contract.snowflake_server",)

TOKEN = "SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('T')"


@pytest.fixture
def table(cursor):
    cursor.execute("CREATE TABLE T (ID INT, V VARCHAR)")
    cursor.execute("INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    return "T"


def state(cursor, clause: str = "") -> list[tuple]:
    return fetch(cursor, f"SELECT ID, V FROM T {clause} ORDER BY ID")


def test_uncommitted_changes_are_seen_by_their_own_session_only(cursor, other, table):
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO T VALUES (4, 'd')")

    mine, theirs = one(cursor, "SELECT COUNT(*) FROM T"), one(other, "SELECT COUNT(*) FROM T")
    cursor.execute("COMMIT")

    assert (mine, theirs) == (4, 3)
    assert one(other, "SELECT COUNT(*) FROM T") == 4


def test_rollback_leaves_nothing(cursor, table):
    before = one(cursor, TOKEN)
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM T")
    cursor.execute("INSERT INTO T VALUES (9, 'z')")

    cursor.execute("ROLLBACK")

    assert state(cursor) == [(1, "a"), (2, "b"), (3, "c")]
    assert one(cursor, TOKEN) == before


def test_session_without_autocommit_commits_when_told(snowflake_server, cursor, schema, table):
    place = {"database": "CONTRACT", "schema": schema}
    connection = snowflake_server.connect(autocommit=False, **place)

    connection.cursor().execute("INSERT INTO T VALUES (4, 'd')")
    before = one(cursor, "SELECT COUNT(*) FROM T")
    connection.commit()

    assert before == 3
    assert one(cursor, "SELECT COUNT(*) FROM T") == 4
    connection.close()


def test_second_writer_of_a_table_waits_for_the_first(cursor, other, table):
    cursor.execute("BEGIN")
    cursor.execute("UPDATE T SET V = V || '1' WHERE ID = 1")
    waiting = threading.Thread(target=other.execute, args=("UPDATE T SET V = V || '2'",))

    waiting.start()
    waiting.join(0.2)
    was_waiting = waiting.is_alive()
    cursor.execute("COMMIT")
    waiting.join(5)

    assert was_waiting
    assert state(cursor) == [(1, "a12"), (2, "b2"), (3, "c2")]


def test_writer_that_waits_too_long_is_told_so(cursor, other, table):
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM T")
    other.execute("ALTER SESSION SET LOCK_TIMEOUT = 0")

    refusal = refused(other, "DELETE FROM T")
    cursor.execute("ROLLBACK")

    assert refusal == (625, "57014")


def test_each_past_moment_has_the_state_it_had(cursor, table):
    seen = []
    for change in (
        "INSERT INTO T VALUES (4, 'd')",
        "UPDATE T SET V = 'x' WHERE ID < 3",
        "INSERT INTO T VALUES (5, 'e')",
        "DELETE FROM T WHERE ID = 3",
        "MERGE INTO T USING (SELECT 5 AS ID) S ON T.ID = S.ID WHEN MATCHED THEN DELETE",
        "INSERT OVERWRITE INTO T SELECT 7, 'o'",
        "TRUNCATE TABLE T",
        "INSERT INTO T VALUES (8, 'n')",
    ):
        seen.append((now(cursor), state(cursor)))
        cursor.execute(change)

    read_again = [state(cursor, f"AT(TIMESTAMP => {moment})") for moment, _ in seen]

    assert read_again == [rows for _, rows in seen]
    assert len({tuple(rows) for rows in read_again}) == len(seen)
    assert state(cursor) == [(8, "n")]


def test_past_moment_has_the_columns_it_had(cursor, table):
    before = now(cursor)
    cursor.execute("ALTER TABLE T ADD COLUMN NEW INT")

    cursor.execute(f"SELECT * FROM T AT(TIMESTAMP => {before})")

    assert [column.name for column in cursor.description] == ["ID", "V"]


@pytest.mark.parametrize("kind", ["TIMESTAMP_TZ", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ"])
def test_moment_may_be_of_any_timestamp_type(cursor, table, kind):
    text = one(cursor, "SELECT TO_CHAR(SYSDATE(), 'YYYY-MM-DD HH24:MI:SS.FF9')")
    cursor.execute("DELETE FROM T")

    rows = state(cursor, f"AT(TIMESTAMP => '{text}'::{kind})")

    assert len(rows) == 3


def test_offset_and_statement_name_moments_too(cursor, table):
    cursor.execute("DELETE FROM T WHERE ID = 1")
    deleted = cursor.sfqid

    assert len(state(cursor, f"BEFORE(STATEMENT => '{deleted}')")) == 3
    assert len(state(cursor, f"AT(STATEMENT => '{deleted}')")) == 2
    assert len(state(cursor, "AT(OFFSET => -0.000001)")) == 2


def test_past_is_read_with_filters_joins_and_aliases(cursor, table):
    before = now(cursor)
    cursor.execute("UPDATE T SET V = 'x'")

    rows = fetch(
        cursor,
        f"SELECT old.ID, old.V, new.V FROM T AT(TIMESTAMP => {before}) AS old "
        "JOIN T AS new ON new.ID = old.ID WHERE old.V > 'a' ORDER BY 1",
    )

    assert rows == [(2, "b", "x"), (3, "c", "x")]


def test_past_is_committed_state_even_inside_a_transaction(cursor, table):
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM T")

    rows = state(cursor, f"AT(TIMESTAMP => {now(cursor)})")
    cursor.execute("ROLLBACK")

    assert len(rows) == 3


@pytest.mark.parametrize(
    "moment",
    [
        "'2020-01-01'::TIMESTAMP_TZ",
        "DATEADD(MINUTE, -1, SYSDATE())",
        "DATEADD(MINUTE, 1, SYSDATE())",
    ],
)
def test_moment_outside_the_tables_history_is_refused(cursor, table, moment):
    assert refused(cursor, f"SELECT * FROM T AT(TIMESTAMP => {moment})") == (707, "02000")


def test_replaced_table_starts_a_new_history(cursor, table):
    before = now(cursor)
    cursor.execute("CREATE OR REPLACE TABLE T (ID INT)")

    assert refused(cursor, f"SELECT * FROM T AT(TIMESTAMP => {before})") == (707, "02000")


def test_renamed_table_keeps_its_history(cursor, table):
    before = now(cursor)
    cursor.execute("DELETE FROM T")
    cursor.execute("ALTER TABLE T RENAME TO U")

    assert one(cursor, f"SELECT COUNT(*) FROM U AT(TIMESTAMP => {before})") == 3


def test_token_moves_only_when_a_committed_change_changed_rows(cursor, other, table):
    tokens = [one(cursor, TOKEN)]
    for statement in (
        "UPDATE T SET V = 'x' WHERE ID = 99",
        "SELECT COUNT(*) FROM T",
        "INSERT INTO T SELECT * FROM T WHERE FALSE",
        "UPDATE T SET V = 'x' WHERE ID = 1",
        "INSERT INTO T VALUES (4, 'd')",
        "DELETE FROM T WHERE ID = 4",
        "TRUNCATE TABLE T",
    ):
        cursor.execute(statement)
        tokens.append(one(other, TOKEN))

    assert len(set(tokens[:4])) == 1
    assert sorted(set(tokens[3:])) == tokens[3:]


def run(session: Session, sql: str) -> list[tuple]:
    """Run a statement without the wire."""
    with session.lock, running(session, "q"):
        result = execute(session, sql, None, "q")
        return [tuple(row.values()) for batch in result.batches for row in batch.to_pylist()]


def code_of(session: Session, sql: str) -> int | None:
    """The number of the error with which a statement is refused, if it is."""
    try:
        run(session, sql)
    except SnowflakeError as error:
        return error.code
    return None


def open_session(engine: Engine) -> Session:
    session = Session(engine=engine, user="TESTER", account="LOCAL")
    session.set_parameter("TIMEZONE", "UTC")
    engine.create_database("DB", only_if_missing=True)
    session.use_database("DB")
    return session


def test_history_ends_with_its_retention_and_leaves_no_copies(tmp_path):
    engine = Engine(tmp_path)
    session = open_session(engine)
    run(session, "CREATE TABLE T AS SELECT 1 AS ID")
    ((moment,),) = run(session, "SELECT TO_CHAR(SYSDATE(), 'YYYY-MM-DD HH24:MI:SS.FF9') AS S")
    past = f"SELECT * FROM T AT(TIMESTAMP => '{moment}'::TIMESTAMP_NTZ)"
    run(session, "UPDATE T SET ID = 2")
    within = run(session, past)
    engine.history.retention_us = 1

    after = code_of(session, past)
    copies = "SELECT COUNT(*) FROM duckdb_tables() WHERE table_name LIKE 'copy_%'"

    def has_pruned() -> bool:
        run(session, "INSERT INTO T VALUES (3)")
        return engine.root.execute(copies).fetchall() == [(0,)]

    wait_until(has_pruned, what="the end of the copies")
    engine.close()

    assert (within, after) == ([(1,)], 707)


def test_read_of_a_moment_waits_for_the_commit_in_flight(tmp_path):
    engine = Engine(tmp_path)
    session = open_session(engine)
    run(session, "CREATE TABLE T AS SELECT 1 AS ID")
    seen: list[tuple] = []

    def read() -> None:
        seen.extend(run(session, "SELECT ID FROM T AT(TIMESTAMP => SYSDATE())"))

    reader = threading.Thread(target=read)
    with engine.history.commit_lock:
        reader.start()
        reader.join(0.2)
        was_waiting = reader.is_alive()
    reader.join(5)
    engine.close()

    assert was_waiting
    assert seen == [(1,)]


def test_moment_reads_the_same_whenever_and_whoever_writes(tmp_path):
    engine = Engine(tmp_path)
    run(
        open_session(engine),
        "CREATE TABLE T AS SELECT SEQ8() AS K FROM TABLE(GENERATOR(ROWCOUNT => 50))",
    )
    until = time.monotonic() + 1.5
    seen: list[tuple[str, list[tuple]]] = []

    def write(number: int) -> None:
        session = open_session(engine)
        while time.monotonic() < until:
            run(session, f"INSERT INTO T VALUES ({number}), ({number + 1})")
            run(session, f"UPDATE T SET K = K + 2 WHERE K % 3 = {number}")
            run(session, f"DELETE FROM T WHERE K % 17 = {number}")

    def read(session: Session, moment: str) -> list[tuple]:
        clause = f"AT(TIMESTAMP => '{moment}'::TIMESTAMP_NTZ)"
        return run(session, f"SELECT COUNT(*), SUM(K), HASH_AGG(*) FROM T {clause}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    reader = open_session(engine)
    while time.monotonic() < until:
        ((moment,),) = run(reader, "SELECT TO_CHAR(SYSDATE(), 'YYYY-MM-DD HH24:MI:SS.FF9') AS S")
        seen.append((moment, read(reader, moment)))
    for writer in writers:
        writer.join()

    assert len({str(rows) for _, rows in seen}) > 3
    assert [read(reader, moment) for moment, _ in seen] == [rows for _, rows in seen]
    engine.close()


def test_everything_committed_survives_the_death_of_the_server(tmp_path):
    server = SnowflakeProcess(tmp_path)
    server.start()
    connection = server.connect()
    cursor = connection.cursor()
    cursor.execute('CREATE DATABASE "Keep"')
    cursor.execute("CREATE TABLE T (ID INT PRIMARY KEY, V VARCHAR(7) COMMENT 'c', N TIMESTAMP_LTZ)")
    cursor.execute("INSERT INTO T (ID) VALUES (1), (2)")
    before, token = now(cursor), one(cursor, TOKEN)
    cursor.execute("UPDATE T SET V = 'x'")
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM T")
    described = fetch(cursor, "DESCRIBE TABLE T")

    server.kill()
    server.start()
    with pytest.raises(Error):
        cursor.execute("SELECT 1")
    connection.close()
    connection = server.connect(database='"Keep"', schema="PUBLIC")
    again = connection.cursor()

    assert fetch(again, "SELECT ID, V FROM T ORDER BY ID") == [(1, "x"), (2, "x")]
    assert fetch(again, f"SELECT V FROM T AT(TIMESTAMP => {before})") == [(None,), (None,)]
    assert one(again, TOKEN) > token
    assert fetch(again, "DESCRIBE TABLE T") == described
    connection.close()
    assert server.stop() == 0
