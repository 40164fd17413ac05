"""Tables from Snowflake to PostgreSQL, through messages, functions and servers."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from unicodedata import normalize

import pytest

from shared.core.modes import SyncMode
from shared.core.receipts import Verdict
from shared.core.runs import RunState
from tests.flow.cloud import Cloud
from tests.hostile import NAMES

ALL_TYPES = """CREATE TABLE {db}.ALL_TYPES (
    ID NUMBER(18,0) NOT NULL, BIG NUMBER(38,0), AMOUNT NUMBER(38,10), RATIO FLOAT, NAME VARCHAR,
    FLAG BOOLEAN, DAY DATE, AT TIME(6), NTZ TIMESTAMP_NTZ(6), LTZ TIMESTAMP_LTZ(6),
    TZ TIMESTAMP_TZ(6), RAW BINARY, DOC VARIANT, PRIMARY KEY (ID))"""


def test_full_load_brings_every_type_unaltered(cloud: Cloud) -> None:
    cloud.source(ALL_TYPES)
    cloud.source(
        "INSERT INTO {db}.ALL_TYPES SELECT 1, 99999999999999999999999999999999999999, "
        "-1234567890123456789012345678.0123456789, 0.1, 'zoë ☕ ''q'' \"d\"', TRUE, '0001-01-01', "
        "'23:59:59.999999', '9999-12-31 23:59:59.999999', '2024-02-29 12:00:00.000001', "
        "'2024-02-29 12:00:00.000001+02:00', TO_BINARY('00FF', 'HEX'), "
        """PARSE_JSON('{"a": [1, 2.5, null], "b": "x"}')"""
    )
    cloud.source("INSERT INTO {db}.ALL_TYPES (ID, NAME) VALUES (2, '')")
    cloud.configure("all_types")

    run = cloud.run("all_types")

    assert run.state is RunState.COMMITTED, run
    assert run.receipt is not None
    assert run.receipt.adds_up
    assert run.receipt.verdict is Verdict.VERIFIED, run.receipt
    assert cloud.target("SELECT * FROM all_types ORDER BY id") == [
        (
            1,
            Decimal("99999999999999999999999999999999999999"),
            Decimal("-1234567890123456789012345678.0123456789"),
            0.1,
            "zoë ☕ 'q' \"d\"",
            True,
            date(1, 1, 1),
            time(23, 59, 59, 999999),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
            datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
            datetime(2024, 2, 29, 10, 0, 0, 1, tzinfo=UTC),
            b"\x00\xff",
            {"a": [1, 2.5, None], "b": "x"},
        ),
        (2, None, None, None, "", None, None, None, None, None, None, None, None),
    ]


def test_full_load_again_changes_only_what_differs(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.CITIES (ID NUMBER(9,0), NAME VARCHAR, PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.CITIES VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Bern')")
    cloud.configure("cities")
    cloud.run("cities")
    cloud.target("CREATE VIEW city_names AS SELECT name FROM cities")
    cloud.source("UPDATE {db}.CITIES SET NAME = 'Roma' WHERE ID = 1")
    cloud.source("DELETE FROM {db}.CITIES WHERE ID = 3")
    cloud.source("INSERT INTO {db}.CITIES VALUES (4, 'Kyiv')")

    run = cloud.run("cities")

    assert run.receipt is not None
    changed = (run.receipt.rows_inserted, run.receipt.rows_updated, run.receipt.rows_deleted)
    assert changed == (1, 1, 1)
    names = cloud.target("SELECT name FROM city_names ORDER BY name")
    assert names == [("Kyiv",), ("Oslo",), ("Roma",)]


def test_full_load_without_a_key_replaces_all_rows(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.EVENTS (WHAT VARCHAR)")
    cloud.source("INSERT INTO {db}.EVENTS VALUES ('a'), ('a'), ('b')")
    cloud.configure("events")
    cloud.run("events")
    cloud.source("INSERT INTO {db}.EVENTS VALUES ('b')")

    run = cloud.run("events")

    assert run.state is RunState.COMMITTED, run
    rows = cloud.target("SELECT what, count(*) FROM events GROUP BY 1 ORDER BY 1")
    assert rows == [("a", 2), ("b", 2)]


def test_incremental_merges_new_and_changed_rows_and_moves_the_watermark(cloud: Cloud) -> None:
    cloud.source(
        "CREATE TABLE {db}.ORDERS (ID NUMBER(9,0), TOTAL NUMBER(12,2), "
        "UPDATED_AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))"
    )
    cloud.source("INSERT INTO {db}.ORDERS VALUES (1, 10, SYSDATE()), (2, 20, SYSDATE())")
    cloud.configure("orders", sync_mode="incremental", incremental_column="updated_at", lag="0s")
    first = cloud.run("orders")
    cloud.source("UPDATE {db}.ORDERS SET TOTAL = 21, UPDATED_AT = SYSDATE() WHERE ID = 2")
    cloud.source("INSERT INTO {db}.ORDERS VALUES (3, 30, SYSDATE())")

    second = cloud.run("orders")

    assert first.receipt is not None
    assert second.receipt is not None
    assert second.receipt.rows_source == 2
    assert second.receipt.low == first.receipt.high
    assert cloud.target("SELECT id, total FROM orders ORDER BY id") == [
        (1, Decimal("10.00")),
        (2, Decimal("21.00")),
        (3, Decimal("30.00")),
    ]
    state = cloud.target("SELECT watermark, epoch FROM _sluice.state WHERE table_name = 'orders'")
    assert state == [(second.receipt.high, 2)]


def test_append_adds_each_row_once_over_several_runs(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.CLICKS (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6))")
    cloud.configure("clicks", sync_mode="append", incremental_column="at")
    for first in (1, 4, 7):
        values = ", ".join(f"({first + i}, SYSDATE())" for i in range(3))
        cloud.source(f"INSERT INTO {{db}}.CLICKS VALUES {values}")
        assert cloud.run("clicks").state is RunState.COMMITTED

    again = cloud.run("clicks")

    assert again.receipt is not None
    assert again.receipt.rows_loaded == 0
    rows = cloud.target("SELECT count(*), count(DISTINCT id), max(id) FROM clicks")
    assert rows == [(9, 9, 9)]


def test_lag_finds_a_row_that_committed_late(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.TARDY (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.TARDY VALUES (1, SYSDATE())")
    cloud.configure("tardy", sync_mode="incremental", incremental_column="at", lag="10m")
    cloud.run("tardy")
    cloud.source("INSERT INTO {db}.TARDY VALUES (2, DATEADD(MINUTE, -5, SYSDATE()))")

    cloud.run("tardy")

    assert cloud.target("SELECT id FROM tardy ORDER BY id") == [(1,), (2,)]


def test_number_cursor_reads_what_is_larger(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.SEQUENCED (ID NUMBER(38,0), PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.SEQUENCED VALUES (1), (2)")
    cloud.configure("sequenced", sync_mode="incremental", incremental_column="id")
    cloud.run("sequenced")
    cloud.source("INSERT INTO {db}.SEQUENCED VALUES (3)")

    run = cloud.run("sequenced")

    assert run.receipt is not None
    assert (run.receipt.rows_source, run.receipt.high) == (1, "3")
    assert cloud.target("SELECT count(*) FROM sequenced") == [(3,)]


def test_full_run_of_an_incremental_table_removes_deleted_rows(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.STOCK (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.STOCK VALUES (1, SYSDATE()), (2, SYSDATE()), (3, SYSDATE())")
    cloud.configure("stock", sync_mode="incremental", incremental_column="at")
    cloud.run("stock")
    cloud.source("DELETE FROM {db}.STOCK WHERE ID = 2")
    cloud.run("stock")
    assert cloud.target("SELECT count(*) FROM stock") == [(3,)]

    run = cloud.run("stock", SyncMode.FULL)

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT id FROM stock ORDER BY id") == [(1,), (3,)]


def test_encrypted_parts_hold_no_readable_value_and_load_all_the_same(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.SALARIES (NAME VARCHAR, PAY NUMBER(9,0))")
    cloud.source("INSERT INTO {db}.SALARIES VALUES ('canary-in-the-staging-bucket', 1)")
    cloud.configure("salaries", encryption=True, compression="none")

    run = cloud.run("salaries")

    assert run.state is RunState.COMMITTED, run
    staging = cloud.services.settings.bucket("staging")
    parts = list(cloud.services.storage.list(staging, "parts/salaries/"))
    assert parts
    for part in parts:
        found = cloud.services.storage.read(staging, part.name)
        assert found is not None
        assert b"canary" not in found[0]
        assert found[0].startswith(b"SLUICE")


@pytest.mark.parametrize("compression", ["zstd", "lz4", "gzip", "snappy", "none"])
def test_every_compression_loads(cloud: Cloud, compression: str) -> None:
    name = f"packed_{compression}"
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} (ID NUMBER(9,0))")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (1), (2)")
    cloud.configure(name, compression=compression)

    assert cloud.run(name).state is RunState.COMMITTED
    assert cloud.target(f"SELECT count(*) FROM {name}") == [(2,)]


def test_hostile_names_are_quoted_everywhere(cloud: Cloud) -> None:
    evil = 'x"; DROP TABLE "canary"; --'
    quoted = evil.replace('"', '""')
    cloud.target("CREATE TABLE IF NOT EXISTS canary (id int)")
    cloud.source(f'CREATE TABLE {{db}}."{quoted}" ("Sel ect" NUMBER(9,0), "{quoted}" VARCHAR)')
    cloud.source(f"""INSERT INTO {{db}}."{quoted}" VALUES (1, 'a')""")
    cloud.configure(
        "hostile",
        snowflake={"database": "TESTS", "schema": "PUBLIC", "table": evil},
        postgres={"schema": "pub lic", "table": evil},
    )

    run = cloud.run("hostile")

    assert run.state is RunState.COMMITTED, run
    assert cloud.target(f'SELECT "Sel ect", "{quoted}" FROM "pub lic"."{quoted}"') == [(1, "a")]
    assert cloud.target("SELECT count(*) FROM canary") == [(0,)]


def test_columns_of_any_name_come_through_whole(cloud: Cloud) -> None:
    once = {normalize("NFKC", name).casefold().strip(): name for name in NAMES}
    # Each column is counted and hashed at three points: all of them would take a minute.
    names = [name for name in once.values() if len(name.encode()) <= 63][::8]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    values = [f"value {number}" for number in range(len(names))]
    columns = ", ".join(f"{name} VARCHAR" for name in quoted)
    cloud.source(f"CREATE TABLE {{db}}.ODD ({columns})")
    listed = ", ".join(f"'{value}'" for value in values)
    cloud.source(f"INSERT INTO {{db}}.ODD VALUES ({listed})")
    cloud.configure("odd")

    run = cloud.run("odd")

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT * FROM odd") == [tuple(values)]


def test_integers_of_uneven_widths_stay_what_they_are(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.UNEVEN (ID NUMBER(18,0), BIG NUMBER(38,0), D NUMBER(20,4))")
    cloud.source(
        "INSERT INTO {db}.UNEVEN SELECT SEQ4(), SEQ4() * 10000000, SEQ4() "
        "FROM TABLE(GENERATOR(ROWCOUNT => 200000))"
    )
    cloud.configure("uneven")
    cloud.snowflake_fault(sql_regex="SELECT", kind="uneven_widths", count=1000)

    try:
        run = cloud.run("uneven")
    finally:
        cloud.snowflake_fault()

    assert run.state is RunState.COMMITTED, run
    expected = 200_000 * 199_999 // 2
    sums = cloud.target("SELECT sum(id), sum(big), sum(d) FROM uneven")
    assert sums == [(expected, expected * 10_000_000, expected)]
