"""Login, session, errors and metadata, as the real connector sees them."""

import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector.errors import DatabaseError, IntegrityError, ProgrammingError

from shared.config.connections import SnowflakeConnection
from shared.sources.snowflake import connection
from tests.contract.snowflake_process import AT_ONCE_S, fetch, one, refused
from tests.vault import Vault

pytest_plugins = ("tests.contract.snowflake_server",)


def private_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(3)]


@pytest.fixture
def users(snowflake_server, keys):
    """Two users, one with two keys; other tests need none."""
    known = {"LOADER": public_pem(keys[0]), "ROTATING": [public_pem(k) for k in keys[:2]]}
    snowflake_server.users_file.write_text(json.dumps(known))
    yield known
    snowflake_server.users_file.unlink()


@pytest.mark.parametrize(("user", "key"), [("loader", 0), ("ROTATING", 0), ("rotating", 1)])
def test_user_is_let_in_with_any_of_its_keys(snowflake_server, users, keys, user, key):
    login = {"authenticator": "SNOWFLAKE_JWT", "private_key": private_der(keys[key])}

    connection = snowflake_server.connect(user=user, **login)

    assert one(connection.cursor(), "SELECT CURRENT_USER()") == user.upper()
    connection.close()


@pytest.mark.parametrize(("user", "key"), [("LOADER", 1), ("NOBODY", 0), ("LOADER", 2)])
def test_key_that_is_not_the_users_is_refused(snowflake_server, users, keys, user, key):
    login = {"authenticator": "SNOWFLAKE_JWT", "private_key": private_der(keys[key])}

    with pytest.raises(DatabaseError, match="JWT token is invalid") as caught:
        snowflake_server.connect(user=user, **login)

    assert caught.value.errno == 390144


def test_refused_key_is_replaced_by_the_version_that_is_accepted(snowflake_server, users, keys):
    place = SnowflakeConnection(
        account="local",
        user="LOADER",
        host="127.0.0.1",
        port=snowflake_server.port,
        protocol="http",
    )
    secrets = Vault()
    for key in (keys[0], keys[2]):
        secrets.put("snowflake-private-key", private_pem(key))

    connection.connect(place, secrets, {}).close()

    assert secrets.get("snowflake-private-key").version == 1


def test_password_is_refused_where_users_have_keys(snowflake_server, users):
    with pytest.raises(DatabaseError, match="Incorrect username or password") as caught:
        snowflake_server.connect(user="LOADER", password="any")

    assert caught.value.errno == 390100


def test_session_knows_what_it_was_opened_with(snowflake_server):
    connection = snowflake_server.connect(
        database="contract",
        schema="public",
        warehouse="wh",
        role="reader",
        session_parameters={"TIMEZONE": "Europe/Berlin", "QUERY_TAG": "mine"},
    )
    cursor = connection.cursor()

    facts = fetch(
        cursor,
        "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA(), CURRENT_WAREHOUSE(), CURRENT_ROLE(), "
        "CURRENT_ACCOUNT(), TO_CHAR('2024-07-01 00:00:00 +0000'::TIMESTAMP_LTZ)",
    )

    assert facts == [
        ("CONTRACT", "PUBLIC", "WH", "READER", "LOCAL", "2024-07-01 02:00:00.000 +0200")
    ]
    assert one(cursor, "SELECT CURRENT_SESSION()").isdigit()
    assert snowflake_server.statements()[-1]["query_tag"] == "mine"
    connection.close()


def test_database_that_does_not_exist_leaves_the_session_without_one(snowflake_server):
    connection = snowflake_server.connect(database="nowhere", schema="public")
    cursor = connection.cursor()

    assert one(cursor, "SELECT CURRENT_DATABASE()") is None
    assert refused(cursor, "SELECT * FROM T") == (90105, "22000")
    connection.close()


def test_altered_session_parameters_hold_until_they_are_unset(cursor):
    cursor.execute(
        "ALTER SESSION SET QUERY_TAG = 'it''s', STATEMENT_TIMEOUT_IN_SECONDS=60 "
        "USE_CACHED_RESULT=FALSE TIMEZONE='Asia/Tokyo'"
    )
    values = {row[0]: row[1] for row in fetch(cursor, "SHOW PARAMETERS")}
    cursor.execute("ALTER SESSION UNSET TIMEZONE, STATEMENT_TIMEOUT_IN_SECONDS, QUERY_TAG")
    defaults = {row[0]: row[1] for row in fetch(cursor, "SHOW PARAMETERS LIKE 'timezone'")}

    assert values["QUERY_TAG"] == "it's"
    assert values["STATEMENT_TIMEOUT_IN_SECONDS"] == "60"
    assert values["USE_CACHED_RESULT"] == "false"
    assert values["TIMEZONE"] == "Asia/Tokyo"
    assert values["DATE_INPUT_FORMAT"] == "AUTO"
    assert defaults == {"TIMEZONE": "America/Los_Angeles"}


def test_query_tag_of_one_statement_ends_with_it(snowflake_server, cursor):
    cursor.execute("SELECT 'tagged'", _statement_params={"QUERY_TAG": "once"})
    cursor.execute("SELECT 'untagged'")

    tags = {s["sql"]: s["query_tag"] for s in snowflake_server.statements()}
    assert tags["SELECT 'tagged'"] == "once"
    assert tags["SELECT 'untagged'"] == ""


def test_statement_that_takes_too_long_is_cancelled(cursor):
    cursor.execute("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
    endless = (
        "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 1000000)) a, "
        "TABLE(GENERATOR(ROWCOUNT => 1000000)) b WHERE UNIFORM(1, 10, RANDOM()) > 20"
    )
    started = time.monotonic()

    with pytest.raises(ProgrammingError) as caught:
        cursor.execute(endless)
    cursor.execute("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS")

    assert (caught.value.errno, caught.value.sqlstate) == (630, "57014")
    assert 1.0 <= time.monotonic() - started < 1.0 + AT_ONCE_S
    assert one(cursor, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("sql", "errno", "sqlstate"),
    [
        ("SELECT * FROM NO_TABLE", 2003, "42S02"),
        ("SELECT * FROM NO_DATABASE.S.T", 2003, "02000"),
        ("SELECT * FROM CONTRACT.NO_SCHEMA.T", 2003, "02000"),
        ("SELECT * FROM NO_DATABASE.INFORMATION_SCHEMA.TABLES", 2003, "02000"),
        ("DROP TABLE NO_TABLE", 2003, "42S02"),
        ("SELEC 1", 1003, "42000"),
        ("SELECT 1 FROM", 1003, "42000"),
        ("SELECT NO_COLUMN FROM INFORMATION_SCHEMA.TABLES", 904, "42000"),
        ("SELECT NO_FUNCTION(1)", 2140, "42601"),
        ("SELECT 1 / 0", 100051, "22012"),
        ("SELECT 'x'::NUMBER", 100038, "22018"),
        ("SELECT 'x'::TIMESTAMP_NTZ", 100035, "22007"),
        ("CREATE SCHEMA PUBLIC", 2002, "42710"),
        ("ALTER SESSION SET NO_PARAMETER = 1", 1008, "22023"),
        ("ALTER SESSION SET TIMEZONE = 'No/Where'", 1006, "22023"),
        ("SELECT 1; SELECT 2", 8, "0A000"),
        ("COPY INTO @STAGE FROM T", 2, "0A000"),
        ("CALL SOMETHING()", 2, "0A000"),
        ("CREATE TABLE X (I INT AUTOINCREMENT)", 2, "0A000"),
        ("CREATE TABLE X (G GEOGRAPHY)", 2, "0A000"),
        ("ALTER SESSION SET TIMESTAMP_OUTPUT_FORMAT = 'YYYY'", 2, "0A000"),
    ],
)
def test_refusal_has_snowflakes_number_and_comes_at_once(cursor, sql, errno, sqlstate):
    assert refused(cursor, sql) == (errno, sqlstate)


def test_null_in_a_column_that_must_not_be_null_is_an_integrity_error(cursor):
    cursor.execute("CREATE TABLE T (ID INT NOT NULL)")

    with pytest.raises(IntegrityError) as caught:
        cursor.execute("INSERT INTO T VALUES (NULL)")

    assert (caught.value.errno, caught.value.sqlstate) == (100072, "22000")


def test_primary_key_is_shown_but_not_enforced(cursor, schema):
    cursor.execute("CREATE TABLE T (B INT, A VARCHAR(5), C INT, PRIMARY KEY (A, B))")
    cursor.execute("INSERT INTO T VALUES (1, 'x', 1), (1, 'x', 2)")

    keys = fetch(cursor, f"SHOW PRIMARY KEYS IN TABLE CONTRACT.{schema}.T")

    names = [column.name for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in keys]
    assert [(r["column_name"], int(r["key_sequence"])) for r in rows] == [("A", 1), ("B", 2)]
    assert one(cursor, "SELECT COUNT(*) FROM T") == 2


def test_information_schema_describes_columns_as_declared(cursor, schema):
    cursor.execute(
        "CREATE TABLE T (ID NUMBER NOT NULL COMMENT 'the key', AMOUNT NUMBER(18,4), "
        "NAME VARCHAR(20), ANY_NAME STRING, RATIO FLOAT, AT TIMESTAMP_LTZ(3), "
        "NTZ TIMESTAMP_NTZ, OK BOOLEAN, V VARIANT)"
    )

    rows = fetch(
        cursor,
        "SELECT column_name, data_type, numeric_precision, numeric_scale, "
        "character_maximum_length, datetime_precision, is_nullable, ordinal_position, comment "
        "FROM CONTRACT.information_schema.columns "
        f"WHERE table_schema = '{schema}' AND table_name = 'T' ORDER BY ordinal_position",
    )

    assert rows == [
        ("ID", "NUMBER", 38, 0, None, None, "NO", 1, "the key"),
        ("AMOUNT", "NUMBER", 18, 4, None, None, "YES", 2, None),
        ("NAME", "TEXT", None, None, 20, None, "YES", 3, None),
        ("ANY_NAME", "TEXT", None, None, 16777216, None, "YES", 4, None),
        ("RATIO", "FLOAT", None, None, None, None, "YES", 5, None),
        ("AT", "TIMESTAMP_LTZ", None, None, None, 3, "YES", 6, None),
        ("NTZ", "TIMESTAMP_NTZ", None, None, None, 9, "YES", 7, None),
        ("OK", "BOOLEAN", None, None, None, None, "YES", 8, None),
        ("V", "VARIANT", None, None, None, None, "YES", 9, None),
    ]


def test_catalogue_counts_rows_and_hides_the_history(cursor, schema):
    cursor.execute("CREATE TABLE T (A INT) COMMENT = 'numbers'")
    cursor.execute("INSERT INTO T VALUES (1), (2), (3)")
    cursor.execute("DELETE FROM T WHERE A = 1")

    tables = fetch(
        cursor,
        "SELECT table_name, row_count, bytes > 0, comment, last_altered > created "
        f"FROM information_schema.tables WHERE table_schema = '{schema}'",
    )
    schemas = fetch(cursor, "SELECT schema_name FROM information_schema.schemata")
    shown = [row[1] for row in fetch(cursor, "SHOW TABLES IN DATABASE CONTRACT")]

    assert tables == [("T", 2, True, "numbers", True)]
    assert not [name for (name,) in schemas if name.startswith("_") or name == "main"]
    assert not [name for name in shown if name.startswith(("copy", "versions"))]


def test_changed_definition_is_described(cursor):
    cursor.execute("CREATE TABLE T (A INT NOT NULL, B VARCHAR(10) DEFAULT 'x')")
    cursor.execute("ALTER TABLE T ADD COLUMN C NUMBER(5,2), D TIMESTAMP_TZ")
    cursor.execute("ALTER TABLE T ALTER COLUMN B SET DATA TYPE VARCHAR(30)")
    cursor.execute("ALTER TABLE T RENAME COLUMN C TO E")
    cursor.execute("ALTER TABLE T DROP COLUMN D")
    cursor.execute("ALTER TABLE T ALTER COLUMN A DROP NOT NULL")
    cursor.execute("ALTER TABLE T RENAME TO U")

    described = [row[:5] for row in fetch(cursor, "DESCRIBE TABLE U")]

    assert described == [
        ("A", "NUMBER(38,0)", "COLUMN", "Y", None),
        ("B", "VARCHAR(30)", "COLUMN", "Y", "'x'"),
        ("E", "NUMBER(5,2)", "COLUMN", "Y", None),
    ]


def test_merge_update_and_delete_report_what_they_changed(cursor):
    cursor.execute("CREATE TABLE T (K INT, V VARCHAR)")
    inserted = fetch(cursor, "INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c')")

    merged = fetch(
        cursor,
        "MERGE INTO T USING (SELECT 1 AS K, 'A' AS V UNION ALL SELECT 9, 'i') S ON T.K = S.K "
        "WHEN MATCHED THEN UPDATE SET V = S.V "
        "WHEN NOT MATCHED THEN INSERT (K, V) VALUES (S.K, S.V)",
    )
    names = [column.name for column in cursor.description]
    updated = fetch(cursor, "UPDATE T SET V = 'z' WHERE K < 3")
    cursor.execute("DELETE FROM T WHERE K = 3")

    assert inserted == [(3,)]
    assert dict(zip(names, merged[0], strict=True)) == {
        "number of rows inserted": 1,
        "number of rows updated": 1,
    }
    assert updated == [(2, 0)]
    assert cursor.rowcount == 1
    assert fetch(cursor, "SELECT * FROM T ORDER BY K") == [(1, "z"), (2, "z"), (9, "i")]
