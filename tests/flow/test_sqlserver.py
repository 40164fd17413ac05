"""The whole way into SQL Server: tables from Snowflake, dropped files, reference data and back."""

import uuid
from datetime import datetime
from decimal import Decimal

from shared.core.runs import Run, RunState
from tests.contract.engines import Engine
from tests.contract.sqlserver_process import PASSWORD
from tests.flow.cloud import Cloud
from tests.flow.sqlserver import configure, server

__all__ = ["server"]


def changed(run: Run) -> tuple[int, int, int]:
    """Return the rows that a committed run inserted, updated and deleted."""
    assert run.state is RunState.COMMITTED, run
    assert run.receipt is not None
    assert run.receipt.adds_up
    return run.receipt.rows_inserted, run.receipt.rows_updated, run.receipt.rows_deleted


def test_table_from_snowflake_is_kept_up_to_date(cloud: Cloud, server: Engine) -> None:
    cloud.source(
        "CREATE TABLE {db}.MSSQL_ORDERS (ID NUMBER(18,0), NAME VARCHAR, PRICE NUMBER(18,4), "
        "AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))"
    )
    cloud.source(
        "INSERT INTO {db}.MSSQL_ORDERS SELECT SEQ4(), 'Zoë ' || SEQ4(), SEQ4() / 4, "
        "'2024-01-01'::TIMESTAMP_NTZ FROM TABLE(GENERATOR(ROWCOUNT => 50))"
    )
    configure(
        cloud,
        server,
        "mssql_orders",
        sync_mode="incremental",
        incremental_column="at",
        deletes={"mode": "hard"},
    )

    first = cloud.run("mssql_orders")
    cloud.source("UPDATE {db}.MSSQL_ORDERS SET PRICE = 9, AT = SYSDATE() WHERE ID = 3")
    cloud.source("INSERT INTO {db}.MSSQL_ORDERS SELECT 50, 'new', 1.5, SYSDATE()")
    cloud.source("DELETE FROM {db}.MSSQL_ORDERS WHERE ID = 7")
    second = cloud.run("mssql_orders")

    assert changed(first) == (50, 0, 0)
    assert changed(second) == (1, 1, 1)
    rows = server.query("SELECT id, name, price FROM dbo.mssql_orders WHERE id IN (3, 7, 8, 50)")
    assert sorted(rows) == [
        (3, "Zoë 3", Decimal("9.0000")),
        (8, "Zoë 8", Decimal("2.0000")),
        (50, "new", Decimal("1.5000")),
    ]
    state = server.query("SELECT epoch FROM _sluice.state WHERE table_name = N'mssql_orders'")
    assert state == [(2,)]


def test_dropped_file_is_typed_and_loaded_once(cloud: Cloud, server: Engine) -> None:
    configure(cloud, server, "mssql_files", csv={}, sync_mode="append")
    content = 'id,name,at,amount\n1,Rome,2024-01-01 10:00:00,1.50\n2,"Oslo, Ø",,2.25\n'.encode()

    first = cloud.drop("mssql_files/one.csv", content)
    again = cloud.drop("mssql_files/again.csv", content)

    assert changed(first) == (2, 0, 0)
    assert again.state is RunState.SKIPPED
    assert server.query("SELECT id, name, at, amount FROM dbo.mssql_files ORDER BY id") == [
        (1, "Rome", datetime(2024, 1, 1, 10), Decimal("1.50")),
        (2, "Oslo, Ø", None, Decimal("2.25")),
    ]


def test_reference_data_is_restored_from_the_command_line(cloud: Cloud, server: Engine) -> None:
    columns = {"code": "text", "name": "text"}
    configure(
        cloud,
        server,
        "mssql_codes",
        csv={"columns": columns},
        kind="reference",
        primary_key=["code"],
    )
    for names in ("a,old", "a,wrong\nb,wrong"):
        changed(cloud.drop(f"mssql_codes/{uuid.uuid4().hex}.csv", f"code,name\n{names}\n".encode()))

    done = cloud.sluice("restore", "mssql_codes", "--yes")

    assert done.returncode == 0, done.stderr
    assert server.query("SELECT code, name FROM ref.mssql_codes") == [("a", "old")]
    assert len(server.query("SELECT name FROM sys.tables WHERE name LIKE N'mssql_codes@%'")) == 2


def test_ordinary_table_has_no_versions_and_is_pointed_to_its_parts(cloud: Cloud) -> None:
    cloud.configure("no_versions", csv={}, sync_mode="append")

    refused = cloud.sluice("restore", "no_versions", "--yes")

    assert refused.returncode == 1
    assert "sluice rewind no_versions --to RUN" in refused.stderr


def test_wrong_password_ends_the_run_with_what_to_look_at(cloud: Cloud, server: Engine) -> None:
    configure(cloud, server, "mssql_locked", csv={}, sync_mode="append")
    resolved, _ = cloud.services.config.get("mssql_locked")
    reach = resolved.connections.sqlserver
    assert reach is not None
    wrong = resolved.connections.model_copy(
        update={"sqlserver": reach.model_copy(update={"user": "nobody"})}
    )
    cloud.services.config.put(resolved.model_copy(update={"connections": wrong}))

    run = cloud.drop("mssql_locked/one.csv", b"id\n1\n")

    assert run.failure is not None
    assert run.failure.error == "TargetRefusedError"
    assert "Login failed" in run.failure.message
    assert PASSWORD not in run.failure.message


def test_rows_are_merged_by_a_hashed_key(cloud: Cloud, server: Engine) -> None:
    configure(
        cloud,
        server,
        "mssql_members",
        csv={},
        sync_mode="incremental",
        primary_key=["mail"],
        columns={"mail": {"protect": "hash"}, "pin": {"protect": "tokenize"}},
    )

    first = cloud.drop("mssql_members/1.csv", b"mail,pin,city\nann@x.org,1,Rome\nbo@x.org,2,Oslo\n")
    second = cloud.drop("mssql_members/2.csv", b"mail,pin,city\nann@x.org,1,Bari\n")

    assert (changed(first), changed(second)) == ((2, 0, 0), (0, 1, 0))
    rows = server.query("SELECT LEN(mail), LEFT(pin, 2), city FROM dbo.mssql_members")
    assert sorted(rows) == [(64, "1.", "Bari"), (64, "1.", "Oslo")]
