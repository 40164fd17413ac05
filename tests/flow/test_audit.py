"""The audit log through the real functions and the command line: who did what, told once."""

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from shared.core import naming
from shared.core.audit import Event
from shared.core.runs import RunState
from shared.steps.repairs import audit
from shared.steps.repairs.sweeping import Sweep
from tests.flow.cloud import Cloud


def source_table(cloud: Cloud, name: str) -> str:
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} (ID NUMBER(9,0), PRIMARY KEY (ID))")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (1), (2), (3)")
    return cloud.configure(name)


def shown(cloud: Cloud, table: str, last: str = "") -> list[dict[str, Any]]:
    """Return a table's events once the newest is as named: it follows the end of its run."""
    if last:
        cloud.await_value(lambda: kinds(cloud, table)[-1:] == [last], f"no {last} was told")
    return [
        {**asdict(e), "detail": json.loads(e.detail), "receipt": json.loads(e.receipt or "null")}
        for e in cloud.services.audit.events(table)
    ]


def kinds(cloud: Cloud, table: str) -> list[str]:
    return [e.kind for e in cloud.services.audit.events(table)]


def verified(cloud: Cloud, table: str) -> tuple[int, dict[str, Any]]:
    said = cloud.sluice("audit", "verify", table, "--json")
    return said.returncode, json.loads(said.stdout)


def test_run_and_its_configuration_are_told_with_receipt_and_asker(cloud: Cloud) -> None:
    table = source_table(cloud, "audited")

    assert cloud.sluice("run", table).returncode == 0

    config, committed = shown(cloud, table, "run.committed")
    assert config["kind"] == "config.written"
    assert config["detail"]["config"]["table"]["name"] == table
    assert committed["kind"] == "run.committed"
    assert committed["receipt"]["rows_loaded"] == 3
    assert "@" in committed["by"]
    code, said = verified(cloud, table)
    assert (code, said["findings"]) == (0, [])
    assert said["heads"][table]["number"] == 2


def test_run_that_had_nothing_to_move_is_not_told(cloud: Cloud) -> None:
    table = source_table(cloud, "audited_idle")
    cloud.configure(table, schedule="hourly")
    numbers = iter(range(100))

    def is_skipped() -> bool:
        return cloud.slot(table, next(numbers)).state is RunState.SKIPPED

    cloud.await_value(is_skipped, "no slot was skipped")

    events = shown(cloud, table, "run.committed")
    assert {e["by"] for e in events if e["kind"] == "run.committed"} == {"scheduler"}
    assert not [e for e in events if e["kind"] == "run.skipped"]


def test_failure_and_replay_are_told_with_who_replayed(cloud: Cloud) -> None:
    table = cloud.configure("audited_gone")
    failed = cloud.run(table)
    assert failed.state is RunState.FAILED
    shown(cloud, table, "run.failed")
    cloud.source("CREATE TABLE {db}.AUDITED_GONE (ID NUMBER(9,0), PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.AUDITED_GONE VALUES (1)")

    assert cloud.sluice("replay", failed.run_id).returncode == 0

    _, first, replayed, last = shown(cloud, table, "run.committed")
    assert [first["kind"], replayed["kind"], last["kind"]] == [
        "run.failed",
        "run.replayed",
        "run.committed",
    ]
    assert "SourceRefusedError" in first["why"]
    assert first["by"] == "unnamed request"
    assert "@" in replayed["by"]


def test_refused_message_is_told_on_the_chain_of_no_table(cloud: Cloud) -> None:
    cloud.push("extract", b"not a request", message_id="audited-refusal")

    events = shown(cloud, naming.NO_TABLE)

    assert any("InvalidMessageError" in e["why"] for e in events if e["kind"] == "run.failed")


def test_event_that_nobody_told_is_told_by_the_sweep_and_its_head_is_remembered(
    cloud: Cloud,
) -> None:
    table = source_table(cloud, "audited_late")
    cloud.run(table)
    shown(cloud, table, "run.committed")
    log = cloud.services.audit
    bucket = cloud.services.settings.bucket("audit")
    last = log.chain(table)[-1]
    info = cloud.services.storage.info(bucket, naming.audit_object(table, last.sequence))
    assert info
    cloud.services.storage.delete(bucket, info.name, info.generation)

    later = replace(cloud.services, now=lambda: last.written_at + timedelta(minutes=10))
    sweep = Sweep(later)
    audit.complete(sweep)

    assert sweep.told.count
    again = log.chain(table)[-1]
    assert again.link
    assert last.link
    assert again.link.event_id == last.link.event_id
    assert sweep.heads[table].sha256 == again.sha256

    audit.tell(sweep, sweep.report())
    cloud.services.storage.delete(
        bucket,
        info.name,
        cloud.services.storage.info(bucket, info.name).generation,  # type: ignore[union-attr]
    )
    code, said = verified(cloud, table)
    assert code == 1
    assert [f["flaw"] for f in said["findings"]] == ["cut off"]


def test_flawed_chain_is_shown_to_people_and_fails_the_command(cloud: Cloud) -> None:
    table = cloud.configure("audited_edited")
    log, now = cloud.services.audit, cloud.services.now()
    for number in range(3):
        log.append(
            Event(table=table, event_id=f"api/{number}", kind="api.called", at=now, by="alice")
        )
    bucket, name = cloud.services.settings.bucket("audit"), naming.audit_object(table, 2)
    found = cloud.services.storage.read(bucket, name)
    assert found
    cloud.services.storage.write(
        bucket,
        name,
        found[0].replace(b"alice", b"bob"),
        generation=found[1],
        content_type="application/json",
    )

    shows = cloud.sluice("audit", "show", table, "--json")
    said = cloud.sluice("audit", "verify", table)

    assert [e["by"] for e in json.loads(shows.stdout)][1:] == ["bob", "alice", "alice"]
    assert said.returncode == 1
    assert "FLAWED" in said.stdout
    assert "edited at 2" in said.stdout
