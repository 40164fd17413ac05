"""Tables that Snowflake itself writes into the staging bucket, when they are large."""

import json
import urllib.request
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import Error

from shared.core import naming, runs
from shared.core.messages import ExtractRequest
from shared.core.plans import Plan
from shared.core.receipts import Verdict, differences
from shared.core.runs import Run, RunState, Trigger
from shared.errors import StorageUnavailableError, TableTooLargeError
from shared.sources.snowflake import connection, unload
from shared.stage.manifest_store import ManifestStore
from shared.steps.extract import extract
from shared.wiring import Services
from tests.flow.cloud import DATABASE, Cloud
from tests.flow.unheard import UnheardBus

COLUMNS = (
    "ID NUMBER(18,0) NOT NULL, BIG NUMBER(38,0), FINE NUMBER(38,10), AMOUNT NUMBER(20,4), "
    "RATIO FLOAT, NAME VARCHAR, FLAG BOOLEAN, DAY DATE, AT TIME(6), NTZ TIMESTAMP_NTZ(9), "
    "LTZ TIMESTAMP_LTZ(6), TZ TIMESTAMP_TZ(6), RAW BINARY, DOC VARIANT, PRIMARY KEY (ID)"
)
EXTREME = (
    "SELECT 1, 99999999999999999999999999999999999999, 1234567890123456789012345678.0123456789, "
    "-1234567890123456.0123, -0.1, 'zoë ''🦊'' \\\\', TRUE, '0001-01-01', '23:59:59.999999', "
    "'2024-02-29 01:02:03.123456400', '1969-12-31 23:59:59.999999', "
    "'2024-02-29 12:00:00.000001+02:00', TO_BINARY('00FF', 'HEX'), "
    """PARSE_JSON('{"a": [1, 2.5, null], "b": "é"}')"""
)


@pytest.fixture(scope="module")
def wide(cloud: Cloud) -> str:
    """A table of every type, of seven rows: extreme ones, an empty text, all NULL."""
    cloud.source(f"CREATE TABLE {{db}}.UNLOADED ({COLUMNS})")
    cloud.source(f"INSERT INTO {{db}}.UNLOADED {EXTREME}")
    cloud.source("INSERT INTO {db}.UNLOADED (ID, NAME, RAW) SELECT 2, '', TO_BINARY('', 'HEX')")
    cloud.source("INSERT INTO {db}.UNLOADED (ID) VALUES (3), (4), (5), (6), (7)")
    return "UNLOADED"


def configure(cloud: Cloud, name: str, table: str, strategy: str = "unload", **more: Any) -> None:
    place = {"database": DATABASE, "schema": "PUBLIC", "table": table, "strategy": strategy}
    cloud.configure(name, snowflake=place, **more)


def cut_small(services: Services) -> Services:
    """Return services for which two rows are as much as one delivery reads."""
    return replace(services, settings=replace(services.settings, unit_rows=2))


def begin(services: Services, table: str, run_id: str | None = None) -> str:
    """Do the first delivery of a run here; the cloud's functions do the others."""
    request = ExtractRequest(
        table=table, published_at=datetime.now(UTC), request_id=uuid.uuid4().hex, run_id=run_id
    )
    extract(request, services)
    key = request.request_id or ""
    return run_id or runs.run_id(table, Trigger.REQUEST, key, request.published_at)


def ended(cloud: Cloud, table: str, run_id: str) -> Run:
    return cloud.await_run(table, lambda r: r.run_id == run_id and r.is_terminal)


def unloaded(cloud: Cloud, table: str, run_id: str) -> list[str]:
    bucket, prefix = (
        cloud.services.settings.bucket("staging"),
        naming.unloaded_prefix(table, run_id),
    )
    return [info.name for info in cloud.services.storage.list(bucket, prefix)]


def copies(cloud: Cloud) -> list[dict[str, Any]]:
    url = f"{cloud.background.described['snowflake']}/_statements"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return [each for each in json.load(reply) if each["sql"].startswith("COPY INTO")]


def test_unloaded_table_is_the_one_that_is_fetched(cloud: Cloud, wide: str) -> None:
    accepted = {"accept": {"ntz": ["nanoseconds"], "name": ["nul"]}}
    configure(cloud, "unloaded", wide, **accepted)
    configure(cloud, "fetched", wide, "fetch", **accepted)

    run = ended(cloud, "unloaded", begin(cut_small(cloud.services), "unloaded"))
    fetched = cloud.run("fetched")

    assert run.state is RunState.COMMITTED, run.failure
    assert run.receipt is not None
    assert run.receipt.verdict is Verdict.VERIFIED, run.receipt
    assert run.receipt.rows_source == 7
    plan = cloud.services.manifests.find_plan("unloaded", run.run_id)
    assert plan is not None
    assert len(plan.slices) > 1
    mine, other = (
        cloud.services.manifests.find(each.table, each.run_id) for each in (run, fetched)
    )
    assert mine is not None
    assert other is not None
    assert mine.staged is not None
    assert other.staged is not None
    assert differences("fetched to unloaded", other.staged, mine.staged) == ()
    assert mine.source == other.source
    assert cloud.target("SELECT * FROM unloaded ORDER BY id") == cloud.target(
        "SELECT * FROM fetched ORDER BY id"
    )


def test_statement_is_told_and_its_files_are_gone_once_they_are_read(
    cloud: Cloud, wide: str
) -> None:
    configure(cloud, "told", wide, accept={"ntz": ["nanoseconds"]})

    run = ended(cloud, "told", begin(cut_small(cloud.services), "told"))

    manifest = cloud.services.manifests.find("told", run.run_id)
    assert manifest is not None
    (statement,) = (each for each in copies(cloud) if run.run_id in each["sql"])
    assert manifest.query_id == statement["query_id"]
    assert json.loads(statement["query_tag"])["run_id"] == run.run_id
    assert unloaded(cloud, "told", run.run_id) == []


class LostBeforeThePlan(ManifestStore):
    """Breaks off when the plan is to be written."""

    def create_plan(self, plan: Plan) -> Plan:
        raise StorageUnavailableError("the connection broke off")


def test_break_between_unload_and_plan_shows_nothing_and_repeat_delivers_once(
    cloud: Cloud, wide: str
) -> None:
    configure(cloud, "broken_off", wide, accept={"ntz": ["nanoseconds"]})
    services = cut_small(cloud.services)
    store = LostBeforeThePlan(services.storage, services.settings.bucket("staging"))

    with pytest.raises(StorageUnavailableError):
        begin(replace(services, manifests=store), "broken_off")

    (open_run,) = cloud.runs("broken_off")
    left_over = unloaded(cloud, "broken_off", open_run.run_id)
    assert left_over
    assert cloud.services.manifests.find("broken_off", open_run.run_id) is None
    assert cloud.target("SELECT to_regclass('broken_off')") == [(None,)]
    begin(services, "broken_off", open_run.run_id)
    run = ended(cloud, "broken_off", open_run.run_id)
    assert run.state is RunState.COMMITTED, run.failure
    assert cloud.target("SELECT id FROM broken_off ORDER BY id") == [(i,) for i in range(1, 8)]
    assert unloaded(cloud, "broken_off", run.run_id) == left_over


def test_window_that_one_delivery_reads_is_not_unloaded(cloud: Cloud, wide: str) -> None:
    configure(cloud, "few", wide, accept={"ntz": ["nanoseconds"]})

    run = cloud.run("few")

    assert run.state is RunState.COMMITTED, run.failure
    assert not [each for each in copies(cloud) if run.run_id in each["sql"]]


def test_table_without_a_key_is_unloaded_where_it_cannot_be_cut(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.KEYLESS (N NUMBER(9,0))")
    cloud.source("INSERT INTO {db}.KEYLESS VALUES (1), (1), (2), (2), (NULL)")
    configure(cloud, "keyless", "KEYLESS")

    run = ended(cloud, "keyless", begin(cut_small(cloud.services), "keyless"))

    assert run.state is RunState.COMMITTED, run.failure
    rows = cloud.target("SELECT n, count(*) FROM keyless GROUP BY n ORDER BY n")
    assert rows == [(1, 2), (2, 2), (None, 1)]


def test_stand_in_answers_a_row_for_each_file_and_numbers_are_narrow(cloud: Cloud) -> None:
    bucket = cloud.services.settings.bucket("staging")
    place = f"gs://{bucket}/unloaded/by_hand/"
    query = "SELECT COLUMN1 AS N FROM VALUES (1), (2), (3), (4), (5)"
    cursor = cloud.snowflake.cursor()

    cursor.execute(unload.copy_into(query, place, "SLUICE_STAGING"))

    rows = cursor.fetchall()
    assert [column[0] for column in cursor.description] == ["FILE_NAME", "FILE_SIZE", "ROW_COUNT"]
    found = list(cloud.services.storage.list(bucket, "unloaded/by_hand/"))
    assert [(f"unloaded/by_hand/{name}", size) for name, size, _ in rows] == [
        (info.name, info.size_bytes) for info in found
    ]
    assert sum(count for _, _, count in rows) == 5
    assert all(cursor.sfqid in info.name for info in found)
    data = cloud.services.storage.download(bucket, found[0].name, found[0].generation)
    assert data is not None
    assert pq.read_schema(pa.BufferReader(data)) == pa.schema({"N": pa.int32()})


def test_stand_in_refuses_what_snowflake_cannot_unload(cloud: Cloud) -> None:
    statement = unload.copy_into("SELECT CURRENT_TIMESTAMP() AS T", "gs://b/unloaded/", "S")

    with pytest.raises(Error, match="not supported for unloading to Parquet: column T"):
        cloud.snowflake.cursor().execute(statement)


def test_unload_that_takes_longer_than_a_delivery_of_its_own_fails_the_run(
    cloud: Cloud, wide: str
) -> None:
    configure(cloud, "slow", wide, accept={"ntz": ["nanoseconds"]})
    services = cut_small(cloud.services)
    hurried = replace(services.settings, budget_s=0.001)
    services = replace(services, settings=hurried, bus=UnheardBus())
    cloud.snowflake_fault(kind="slow", sql_regex="COPY INTO", delay_s=60)
    run_id = begin(services, "slow")
    (handed_on,) = cloud.runs("slow")
    assert handed_on.state is RunState.EXTRACTING

    with pytest.raises(TableTooLargeError, match="STATEMENT_TIMEOUT_IN_SECONDS"):
        begin(services, "slow", run_id)

    cloud.snowflake_fault()
    assert [run.state for run in cloud.runs("slow")] == [RunState.FAILED]


def test_statement_may_take_longer_than_a_request_that_executes_nothing(
    cloud: Cloud, wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(cloud, "patient", wide)
    resolved, _ = cloud.services.config.get("patient")
    account = resolved.connections.snowflake
    assert account is not None
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT_S", 1)
    cloud.snowflake_fault(kind="slow", sql_regex="SELECT 4711", delay_s=2.5)

    with closing(connection.connect(account, cloud.services.secrets, {})) as session:
        rows = session.cursor().execute("SELECT 4711").fetchall()

    cloud.snowflake_fault()
    assert rows == [(4711,)]
