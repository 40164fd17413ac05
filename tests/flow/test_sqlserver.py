"""The whole way into SQL Server: tables from Snowflake, dropped files, reference data and back."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.core.runs import Run, RunState
from shared.errors import InvalidConfigError
from shared.targets.sqlserver import drivers
from tests.contract.sqlserver_process import PASSWORD
from tests.contract.targets import Engine, SqlServerEngine
from tests.flow.cloud import Cloud

SECRETS = {"sqlserver-password": "flow-sqlserver-password", "sqlserver-ca": "flow-sqlserver-ca"}


@pytest.fixture(scope="session")
def server(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Start SQL Server beside the cloud, and give the cloud its password."""
    try:
        drivers.load()
    except InvalidConfigError as exc:
        pytest.skip(exc.message)
    with SqlServerEngine.started(tmp_path_factory.mktemp("flow-sqlserver")) as engine:
        for name, secret in SECRETS.items():
            keep(cloud, secret, engine.secrets.get(name).text())
        yield engine


def keep(cloud: Cloud, name: str, text: str) -> None:
    """Put a text into Secret Manager."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.secretmanager import SecretManagerServiceClient

    settings = cloud.services.settings
    client = SecretManagerServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": settings.secrets_endpoint},
    )
    parent = f"projects/{settings.project}"
    secret = {"replication": {"automatic": {}}}
    client.create_secret(parent=parent, secret_id=name, secret=secret)
    version = {"parent": f"{parent}/secrets/{name}", "payload": {"data": text.encode()}}
    client.add_secret_version(request=version)


def configure(cloud: Cloud, server: Engine, name: str, **config: Any) -> str:
    """Deploy a table that goes to SQL Server."""
    reach = server.connections.model_dump()["sqlserver"]
    reach |= {"password_secret": SECRETS["sqlserver-password"]}
    reach |= {"ca_secret": SECRETS["sqlserver-ca"]} if reach["ca_secret"] else {}
    connections = cloud.connections().model_copy(
        update={"sqlserver": type(server.connections.sqlserver).model_validate(reach)}
    )
    config = {"postgres": None, "sqlserver": {"table": name}, **config}
    return cloud.configure(name, connections=connections, **config)


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
