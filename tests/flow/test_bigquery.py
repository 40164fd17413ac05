"""The whole way into BigQuery: tables from Snowflake, dropped files, encrypted parts, and back."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.config.connections import Connections
from shared.core.messages import LoadRequest
from shared.core.runs import Run, RunState
from tests.contract.bigquery_process import LOCATION, PROJECT, BigQueryProcess
from tests.contract.engines import BigQueryConnection
from tests.flow.cloud import Cloud


@pytest.fixture(scope="session")
def server(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """Start BigQuery beside the cloud; it reads the cloud's objects."""
    folder = tmp_path_factory.mktemp("flow-bigquery")
    process = BigQueryProcess(folder, cloud.background.described["env"])
    process.start()
    yield process
    process.stop()


def configure(cloud: Cloud, server: BigQueryProcess, name: str, **config: Any) -> str:
    """Deploy a table that goes to BigQuery."""
    reach = {"project": PROJECT, "location": LOCATION, "endpoint": server.endpoint}
    known = cloud.connections().model_dump(exclude_none=True)
    place = {"dataset": "flow", "table": name, **config.pop("bigquery", {})}
    return cloud.configure(
        name,
        connections=Connections.model_validate({**known, "bigquery": reach}),
        **{"postgres": None, "bigquery": place, **config},
    )


def query(server: BigQueryProcess, statement: str) -> list[tuple[Any, ...]]:
    """Run SQL in BigQuery and return its rows."""
    connection = BigQueryConnection(server.connect())
    connection.execute(statement)
    return connection.fetchall()


def jobs_of(server: BigQueryProcess, run: Run, kind: str) -> list[str]:
    """Return the first ids that the run's jobs of a kind can have, as far as there are such."""
    from google.api_core.exceptions import NotFound

    found = []
    for epoch in range(5):
        try:
            found.append(server.connect().get_job(f"sluice_{kind}_{run.run_id}_{epoch}_0").job_id)
        except NotFound:
            continue
    return found


def changed(run: Run) -> tuple[int, int, int]:
    """Return the rows that a committed run inserted, updated and deleted."""
    assert run.state is RunState.COMMITTED, run
    assert run.receipt is not None
    assert run.receipt.adds_up
    return run.receipt.rows_inserted, run.receipt.rows_updated, run.receipt.rows_deleted


def test_table_from_snowflake_is_kept_up_to_date(cloud: Cloud, server: BigQueryProcess) -> None:
    cloud.source(
        "CREATE TABLE {db}.BQ_ORDERS (ID NUMBER(18,0), NAME VARCHAR, PRICE NUMBER(18,4), "
        "DAY DATE, AT TIMESTAMP_NTZ(6), PRIMARY KEY (ID))"
    )
    cloud.source(
        "INSERT INTO {db}.BQ_ORDERS SELECT SEQ4(), 'Zoë ' || SEQ4(), SEQ4() / 4, "
        "DATEADD(day, SEQ4(), '2024-01-01'::DATE), '2024-01-01'::TIMESTAMP_NTZ "
        "FROM TABLE(GENERATOR(ROWCOUNT => 50))"
    )
    configure(
        cloud,
        server,
        "bq_orders",
        sync_mode="incremental",
        incremental_column="at",
        deletes={"mode": "hard"},
        part_bytes=65_536,
        bigquery={"partition_by": {"column": "day"}, "cluster_by": ["name"]},
    )

    first = cloud.run("bq_orders")
    # Row 3 leaves its partition for one that no row of the run was in.
    cloud.source("UPDATE {db}.BQ_ORDERS SET DAY = '2025-06-01', AT = SYSDATE() WHERE ID = 3")
    cloud.source("INSERT INTO {db}.BQ_ORDERS SELECT 50, 'new', 1.5, '2025-06-02', SYSDATE()")
    cloud.source("DELETE FROM {db}.BQ_ORDERS WHERE ID = 7")
    planned = cloud.sluice("plan", "bq_orders", "--json")
    second = cloud.run("bq_orders")

    assert changed(first) == (50, 0, 0)
    assert planned.returncode == 0, planned.stderr
    assert '"scanned_bytes": ' in planned.stdout
    assert '"scanned_bytes": 0,' not in planned.stdout
    assert changed(second) == (1, 1, 1)
    rows = query(server, "SELECT id, price, day FROM flow.bq_orders WHERE id IN (3, 7, 8, 50)")
    assert sorted(rows) == [
        (3, Decimal("0.75"), date(2025, 6, 1)),
        (8, Decimal("2"), date(2024, 1, 9)),
        (50, Decimal("1.5"), date(2025, 6, 2)),
    ]
    assert query(server, "SELECT epoch FROM _sluice.state_bq_orders") == [(2,)]
    table = server.connect().get_table("flow.bq_orders")
    assert table.time_partitioning.field == "day"
    assert table.clustering_fields == ["name"]
    assert table.labels["sluice_table"] == "bq_orders"
    staging = [each.table_id for each in server.connect().list_tables("_sluice")]
    assert not [name for name in staging if second.run_id in name]


def test_dropped_file_is_typed_and_loaded_once(cloud: Cloud, server: BigQueryProcess) -> None:
    configure(cloud, server, "bq_files", csv={}, sync_mode="append")
    content = 'id,name,at,amount\n1,Rome,2024-01-01 10:00:00,1.50\n2,"Oslo, Ø",,2.25\n'.encode()

    first = cloud.drop("bq_files/one.csv", content)
    again = cloud.drop("bq_files/again.csv", content)
    request = LoadRequest(table="bq_files", run_id=first.run_id)
    assert cloud.push("load", request.encode()) in (200, 204)

    assert changed(first) == (2, 0, 0)
    assert again.state is RunState.SKIPPED
    assert query(server, "SELECT id, name, `at`, amount FROM flow.bq_files ORDER BY id") == [
        (1, "Rome", datetime(2024, 1, 1, 10), Decimal("1.50")),
        (2, "Oslo, Ø", None, Decimal("2.25")),
    ]
    assert len(jobs_of(server, first, "publish")) == 1


def test_all_parts_of_a_run_are_read_by_one_job(cloud: Cloud, server: BigQueryProcess) -> None:
    columns = {"id": "int64", "name": "text"}
    configure(
        cloud,
        server,
        "bq_parts",
        csv={"columns": columns},
        sync_mode="append",
        compression=False,
        part_bytes=65_536,
    )
    lines = [f"{n},{n:0120}" for n in range(30_000)]

    run = cloud.drop("bq_parts/one.csv", "\n".join(["id,name", *lines, ""]).encode())

    assert changed(run) == (30_000, 0, 0)
    jobs = [job for job in server.connect().list_jobs() if run.run_id in job.job_id]
    assert [job.job_type for job in jobs] == ["query", "load"]
    assert len(jobs[1].source_uris) > 3


def test_lost_answers_do_not_make_a_run_happen_twice(cloud: Cloud, server: BigQueryProcess) -> None:
    configure(cloud, server, "bq_lost", csv={"columns": {"id": "int64"}}, sync_mode="append")
    # The first job is loaded, the second published; nobody hears of either, nor at the next try.
    server.order({"path": "/jobs$", "times": 4, "status": 503, "after": True})

    run = cloud.drop("bq_lost/one.csv", b"id\n1\n2\n3\n")

    server.clear_faults()
    assert changed(run) == (3, 0, 0)
    assert query(server, "SELECT COUNT(*) FROM flow.bq_lost") == [(3,)]


def test_encrypted_parts_are_opened_on_the_way(cloud: Cloud, server: BigQueryProcess) -> None:
    columns = {"id": "int64", "name": "text"}
    configure(
        cloud,
        server,
        "bq_secret",
        csv={"columns": columns},
        primary_key=["id"],
        encryption=True,
    )

    run = cloud.drop("bq_secret/one.csv", b"id,name\n1,a\n2,b\n")

    assert changed(run) == (2, 0, 0)
    assert query(server, "SELECT name FROM flow.bq_secret ORDER BY id") == [("a",), ("b",)]


def test_guard_empty_table_and_column_names(cloud: Cloud, server: BigQueryProcess) -> None:
    columns = {"select": "int64", "two words": "text"}
    configure(cloud, server, "bq_guarded", csv={"columns": columns}, primary_key=["select"])
    header = b"select,two words\n"

    empty = cloud.drop("bq_guarded/none.csv", header)
    first = cloud.drop("bq_guarded/one.csv", header + b"1,a\n2,b\n3,c\n")
    small = cloud.drop("bq_guarded/small.csv", header + b"1,a\n")
    configure(cloud, server, "bq_refused", csv={"columns": {"a!b": "int64"}}, sync_mode="append")
    refused = cloud.drop("bq_refused/one.csv", b"a!b\n1\n")

    assert changed(empty) == (0, 0, 0)
    assert changed(first) == (3, 0, 0)
    assert small.failure is not None
    assert small.failure.error == "EmptySourceError"
    assert query(server, "SELECT COUNT(*) FROM flow.bq_guarded") == [(3,)]
    assert refused.failure is not None
    assert "'a!b' cannot be a name of a column in BigQuery" in refused.failure.message


def test_reference_data_is_restored_from_the_command_line(
    cloud: Cloud, server: BigQueryProcess
) -> None:
    configure(
        cloud,
        server,
        "bq_codes",
        csv={"columns": {"code": "text", "name": "text"}},
        kind="reference",
        primary_key=["code"],
    )
    for names in ("a,old", "a,wrong\nb,wrong"):
        changed(cloud.drop(f"bq_codes/{uuid.uuid4().hex}.csv", f"code,name\n{names}\n".encode()))

    done = cloud.sluice("restore", "bq_codes", "--yes")

    assert done.returncode == 0, done.stderr
    assert query(server, "SELECT code, name FROM flow.bq_codes") == [("a", "old")]


def test_rows_are_merged_by_a_hashed_key(cloud: Cloud, server: BigQueryProcess) -> None:
    configure(
        cloud,
        server,
        "bq_members",
        csv={},
        sync_mode="incremental",
        primary_key=["mail"],
        columns={"mail": {"protect": "hash"}, "pin": {"protect": "tokenize"}},
    )

    first = cloud.drop("bq_members/1.csv", b"mail,pin,city\nann@x.org,1,Rome\nbo@x.org,2,Oslo\n")
    second = cloud.drop("bq_members/2.csv", b"mail,pin,city\nann@x.org,1,Bari\n")

    assert (first.state, second.state) == (RunState.COMMITTED, RunState.COMMITTED)
    rows = query(server, "SELECT LENGTH(mail), SUBSTR(pin, 1, 2), city FROM flow.bq_members")
    assert sorted(rows) == [(64, "1.", "Bari"), (64, "1.", "Oslo")]
