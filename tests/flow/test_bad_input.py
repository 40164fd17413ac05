"""What must not happen, through the real functions: every case is visible, nothing is half done."""

import socket
import uuid

import pytest

from shared.core.messages import ExtractRequest, LoadRequest
from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud

ACKNOWLEDGED, REDELIVER = 204, 500


def recorded(cloud: Cloud, message_id: str) -> Run:
    """Return the record of a message that belongs to no run, or fail."""
    found = [r for r in cloud.services.ledger.runs("-") if r.trigger_key == message_id]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("function", ["extract", "ingest", "load"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe not JSON",
        b"[]",
        b'{"version": 2, "table": "x"}',
        b'{"version": 1}',
        b'{"version": 1, "table": "x", "run_id": "y", "surprise": true}',
    ],
)
def test_undecodable_message_is_recorded_and_acknowledged(
    cloud: Cloud, function: str, data: bytes
) -> None:
    message_id = uuid.uuid4().hex

    status = cloud.push(function, data, message_id=message_id)

    run = recorded(cloud, message_id)
    assert status == ACKNOWLEDGED
    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.error == "InvalidMessageError"


def test_body_that_is_no_push_is_recorded_once_and_acknowledged(cloud: Cloud) -> None:
    before = len(list(cloud.services.ledger.runs("-")))
    body = f"not a push {uuid.uuid4()}".encode()

    assert cloud.post("extract", body) == ACKNOWLEDGED

    assert len(list(cloud.services.ledger.runs("-"))) == before + 1


def test_unknown_table_is_visible_in_sluice_runs(cloud: Cloud) -> None:
    message_id = uuid.uuid4().hex

    status = cloud.push("extract", b'{"version": 1, "table": "nobody"}', message_id=message_id)

    assert status == ACKNOWLEDGED
    failure = recorded(cloud, message_id).failure
    assert failure is not None
    assert failure.error == "UnknownTableError"
    shown = cloud.sluice("runs", "-", "--limit", "1000")
    assert "nobody" in shown.stdout


def test_missing_source_table_fails_the_run(cloud: Cloud) -> None:
    cloud.configure("never_made")

    run = cloud.run("never_made")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.error == "SourceRefusedError"
    assert "NEVER_MADE" in run.failure.message


def test_missing_column_fails_the_run_and_lists_the_columns(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.PLAIN (ID NUMBER(9,0), NAME VARCHAR)")
    cloud.configure("plain", sync_mode="incremental", incremental_column="changed_at")

    run = cloud.run("plain")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert "'changed_at'" in run.failure.message
    assert "id, name" in run.failure.message


def test_target_down_is_retried_then_dead_lettered_and_nothing_is_visible(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.STRANDED (ID NUMBER(9,0))")
    cloud.source("INSERT INTO {db}.STRANDED VALUES (1)")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    cloud.configure("stranded", connections=cloud.connections(port=port))

    run_id = cloud.request("stranded")

    run = cloud.await_run("stranded", lambda r: r.run_id == run_id and r.is_terminal)
    assert (run.state, run.attempt_count) == (RunState.FAILED, 5)
    assert run.failure is not None
    assert run.failure.error == "TargetUnavailableError"
    assert "given up after 5 deliveries" in run.failure.message
    assert cloud.target("SELECT to_regclass('public.stranded') IS NULL") == [(True,)]


def test_empty_table_commits_with_no_rows(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.NOTHING (ID NUMBER(9,0), NAME VARCHAR)")
    cloud.configure("nothing")

    run = cloud.run("nothing")

    assert run.state is RunState.COMMITTED, run
    assert run.receipt is not None
    assert run.receipt.adds_up
    assert cloud.target("SELECT count(*) FROM nothing") == [(0,)]


def test_guard_stops_a_source_that_was_emptied(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.EMPTIED (ID NUMBER(9,0))")
    cloud.source("INSERT INTO {db}.EMPTIED VALUES (1), (2), (3)")
    cloud.configure("emptied")
    cloud.run("emptied")
    cloud.source("DELETE FROM {db}.EMPTIED")

    run = cloud.run("emptied")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.error == "EmptySourceError"
    assert cloud.target("SELECT count(*) FROM emptied") == [(3,)]


def test_value_too_large_for_an_existing_column_changes_nothing(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE narrow (id bigint, n integer)")
    cloud.target("INSERT INTO narrow VALUES (1, 1)")
    cloud.source("CREATE TABLE {db}.NARROW (ID NUMBER(9,0), N NUMBER(18,0))")
    cloud.source("INSERT INTO {db}.NARROW VALUES (1, 1), (2, 3000000000)")
    cloud.configure("narrow")

    run = cloud.run("narrow")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.error == "ValueNotRepresentableError"
    assert cloud.target("SELECT * FROM narrow") == [(1, 1)]


def test_column_that_would_round_is_refused_with_the_statement_that_helps(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE rounding (amount numeric(10,2))")
    cloud.source("CREATE TABLE {db}.ROUNDING (AMOUNT NUMBER(10,4))")
    cloud.source("INSERT INTO {db}.ROUNDING VALUES (1.2345)")
    cloud.configure("rounding")

    run = cloud.run("rounding")

    assert run.failure is not None
    assert run.failure.error == "SchemaConflictError"
    assert "make it numeric(10,4)" in run.failure.message
    assert cloud.target("SELECT count(*) FROM rounding") == [(0,)]


def test_nul_in_text_fails_the_run_by_name_of_the_column(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.NULS (NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.NULS SELECT 'a' || CHR(0) || 'b'")
    cloud.configure("nuls")

    run = cloud.run("nuls")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert "column name" in run.failure.message
    assert cloud.target("SELECT to_regclass('public.nuls') IS NULL") == [(True,)]


def test_key_that_is_not_unique_quarantines_the_run(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.TWINS (ID NUMBER(9,0))")
    cloud.source("INSERT INTO {db}.TWINS VALUES (1), (1)")
    cloud.configure("twins", primary_key=["id"])

    run = cloud.run("twins")

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert "primary key (id)" in run.failure.message


def test_same_message_three_times_makes_one_run_and_one_load(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.THRICE (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6))")
    cloud.source("INSERT INTO {db}.THRICE VALUES (1, SYSDATE()), (2, SYSDATE())")
    cloud.configure("thrice", sync_mode="append", incremental_column="at")
    now = cloud.services.now()
    request = ExtractRequest(table="thrice", published_at=now, request_id=uuid.uuid4().hex)

    statuses = [cloud.push("extract", request.encode()) for _ in range(3)]

    assert set(statuses) == {ACKNOWLEDGED}
    run = cloud.await_run("thrice", lambda r: r.is_terminal)
    load = LoadRequest(table="thrice", run_id=run.run_id)
    assert {cloud.push("load", load.encode()) for _ in range(3)} == {ACKNOWLEDGED}
    assert [r.state for r in cloud.runs("thrice")] == [RunState.COMMITTED]
    assert cloud.target("SELECT count(*) FROM thrice") == [(2,)]
    loads = cloud.target("SELECT count(*) FROM _sluice.loads WHERE table_name = 'thrice'")
    assert loads == [(1,)]


def test_two_runs_of_one_table_at_once_never_both_publish_one_window(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.RACED (ID NUMBER(9,0), AT TIMESTAMP_NTZ(6))")
    values = ", ".join(f"({i}, SYSDATE())" for i in range(500))
    cloud.source(f"INSERT INTO {{db}}.RACED VALUES {values}")
    cloud.configure("raced", sync_mode="append", incremental_column="at")

    asked = {cloud.request("raced") for _ in range(4)}

    for run_id in asked:
        cloud.await_run("raced", lambda r, run_id=run_id: r.run_id == run_id and r.is_terminal)
    states = {r.state for r in cloud.runs("raced")}
    assert states <= {RunState.COMMITTED, RunState.SUPERSEDED}
    assert cloud.run("raced").state is RunState.COMMITTED
    assert cloud.target("SELECT count(*), count(DISTINCT id) FROM raced") == [(500, 500)]


def test_load_before_its_manifest_is_redelivered(cloud: Cloud) -> None:
    request = LoadRequest(table="unstaged", run_id="20260101T000000Z-0123456789ab")

    assert cloud.push("load", request.encode()) == REDELIVER


def test_tampered_part_is_quarantined_and_nothing_is_published(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.TAMPERED (NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.TAMPERED VALUES ('true')")
    cloud.configure("tampered")
    run = cloud.run("tampered")
    manifest = cloud.services.manifests.find("tampered", run.run_id)
    assert manifest is not None
    staging = cloud.services.settings.bucket("staging")
    cloud.target("DROP TABLE tampered")
    cloud.target("DELETE FROM _sluice.loads WHERE table_name = 'tampered'")
    cloud.target("DELETE FROM _sluice.state WHERE table_name = 'tampered'")
    part = manifest.parts[0]
    found = cloud.services.storage.read(staging, part.name)
    assert found is not None
    altered = bytes([found[0][0], found[0][1] ^ 1]) + found[0][2:]
    cloud.services.storage.write(
        staging, part.name, altered, generation=found[1], content_type="text/plain"
    )
    back_to_staged(cloud, run)

    status = cloud.push("load", LoadRequest(table="tampered", run_id=run.run_id).encode())

    ended = cloud.services.ledger.find("tampered", run.run_id)
    assert status == ACKNOWLEDGED
    assert ended is not None
    assert ended.state is RunState.QUARANTINED
    assert cloud.target("SELECT to_regclass('public.tampered') IS NULL") == [(True,)]


def back_to_staged(cloud: Cloud, run: Run) -> None:
    """Turn a record back to where a load begins, as after a crash before it."""
    from dataclasses import replace

    from shared.core import naming
    from shared.wire import to_json

    bucket = cloud.services.settings.bucket("state")
    name = naming.run_object(run.table, run.run_id)
    found = cloud.services.storage.read(bucket, name)
    assert found is not None
    staged = to_json(replace(run, state=RunState.STAGED, receipt=None))
    cloud.services.storage.write(
        bucket, name, staged, generation=found[1], content_type="application/json"
    )
