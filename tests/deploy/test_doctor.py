"""The doctor at a cloud that is well, and at one in which several things are broken."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.storage import Client

from local.topology import PREFIX, PROJECT
from shared.core.dead_letters import DeadLetter
from shared.core.runs import Run, RunState, Trigger, run_id
from shared.doctor import examination
from shared.doctor.findings import Finding, Level
from shared.settings import Settings
from shared.wiring import Services
from tests.contract.engines import Engine
from tests.flow.cloud import Cloud
from tests.flow.sqlserver import SECRETS, configure


def examine(cloud: Cloud, *, skip: tuple[str, ...] = ()) -> list[Finding]:
    """Let the doctor look, with clients that know nothing yet."""
    services = Services.build(Settings.from_environment())
    return examination.examine(services, Path.cwd(), skip)


def troubles(found: list[Finding], level: Level = Level.FAIL) -> dict[str, str]:
    """Return what is that bad, by its subject."""
    return {f.subject: f.message for f in found if f.level is level}


@pytest.fixture(scope="module", autouse=True)
def table(cloud: Cloud) -> str:
    """Configure one table, so that both ends and their secrets are needed."""
    cloud.source("CREATE OR REPLACE TABLE {db}.DOCTORED AS SELECT 7 AS ID")
    name = cloud.configure("doctored", encryption=True)
    assert cloud.run(name).state is RunState.COMMITTED
    return name


@contextmanager
def without_secret(name: str) -> Iterator[None]:
    """Delete a secret, and make it again."""
    settings = Settings.from_environment()
    client = SecretManagerServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": settings.secrets_endpoint},
    )
    path = f"projects/{PROJECT}/secrets/{name}"
    value = client.access_secret_version(name=f"{path}/versions/latest").payload.data
    client.delete_secret(name=path)
    try:
        yield
    finally:
        client.create_secret(
            parent=f"projects/{PROJECT}",
            secret_id=name,
            secret={"replication": {"automatic": {}}},
        )
        client.add_secret_version(request={"parent": path, "payload": {"data": value}})


@contextmanager
def changed_subscription(name: str, **changes: Any) -> Iterator[None]:
    """Delete a subscription, make it again otherwise or not at all, and mend it in the end."""
    path = f"projects/{PROJECT}/subscriptions/{PREFIX}-{name}"
    with SubscriberClient() as client:
        before = client.get_subscription(subscription=path)
        client.delete_subscription(subscription=path)
        if changes:
            given = {k: v for k, v in type(before).to_dict(before).items() if v and k in _KEPT}
            client.create_subscription(request={**given, **changes})
        try:
            yield
        finally:
            if changes:
                client.delete_subscription(subscription=path)
            client.create_subscription(request=before)


_KEPT = ("name", "topic", "push_config", "ack_deadline_seconds")


@contextmanager
def without_notification() -> Iterator[None]:
    """Take the landing bucket's notification away, and give it back."""
    bucket = Client(project=PROJECT, credentials=AnonymousCredentials()).bucket(f"{PREFIX}-landing")
    (before,) = bucket.list_notifications()
    before.delete()
    try:
        yield
    finally:
        bucket.notification(
            topic_name=before.topic_name,
            topic_project=before.topic_project,
            event_types=before.event_types,
            payload_format=before.payload_format,
        ).create()


def test_nothing_fails_in_a_cloud_that_is_well(cloud: Cloud) -> None:
    found = examine(cloud)

    assert troubles(found) == {}
    assert {f.check for f in found} >= {
        *("settings", "apis", "rights", "buckets", "messages", "secrets", "clock"),
    }
    assert {f.subject for f in found if f.check in ("source", "target")} == {
        "snowflake",
        "postgres",
        "postgres, _sluice tables",
    }


def test_everything_that_is_broken_is_found_and_named(cloud: Cloud) -> None:
    with (
        without_secret("snowflake-private-key"),
        changed_subscription("load"),
        changed_subscription("sweep", ack_deadline_seconds=60),
        without_notification(),
        unreachable_target(cloud),
    ):
        found = examine(cloud)

    failed = troubles(found)
    assert failed.keys() == {
        f"{PREFIX}-landing",
        f"subscription {PREFIX}-load",
        f"subscription {PREFIX}-sweep",
        "snowflake-private-key",
        "snowflake",
        "postgres",
    }
    assert failed["snowflake-private-key"] == "is missing, or has no enabled version"
    assert "does not exist: messages" in failed[f"subscription {PREFIX}-load"]
    assert "waits 60 s for an answer" in failed[f"subscription {PREFIX}-sweep"]
    assert "no dead-letter topic" in failed[f"subscription {PREFIX}-sweep"]
    assert "does not announce dropped files" in failed[f"{PREFIX}-landing"]
    assert "snowflake-private-key" in failed["snowflake"]
    assert "refused" in failed["postgres"].lower()
    assert all(f.fix for f in found if f.level is not Level.OK)
    assert troubles(examine(cloud)) == {}


def test_sql_server_is_looked_at_as_any_target_is(cloud: Cloud, server: Engine) -> None:
    name = configure(cloud, server, "doctored_mssql", csv={}, sync_mode="append")
    try:
        found = examine(cloud, skip=("messages", "release"))
    finally:
        place = (f"{PREFIX}-config", f"tables/{name}.json")
        there = cloud.services.storage.info(*place)
        assert there
        cloud.services.storage.delete(*place, there.generation)

    assert troubles(found) == {}
    well = {(f.check, f.subject) for f in found if f.level is Level.OK}
    assert well >= {
        ("target", "sqlserver"),
        ("target", "sqlserver, _sluice tables"),
        ("clock", "sqlserver"),
        *(("secrets", secret) for secret in SECRETS.values()),
    }


@contextmanager
def unreachable_target(cloud: Cloud) -> Iterator[None]:
    """Let every table go to a port where nobody listens; the server itself is needed elsewhere."""
    before = [cloud.services.config.get(name)[0] for name in cloud.services.config.names()]
    connections = cloud.connections(port=1)
    for resolved in before:
        cloud.services.config.put(resolved.model_copy(update={"connections": connections}))
    try:
        yield
    finally:
        for resolved in before:
            cloud.services.config.put(resolved)


def test_no_value_of_a_secret_is_shown(cloud: Cloud) -> None:
    password = cloud.services.secrets.get("postgres-password").text()

    said = json.dumps([(f.message, f.fix) for f in examine(cloud)])

    assert password not in said
    assert "PRIVATE KEY" not in said


def test_a_check_that_nobody_wants_is_left_out(cloud: Cloud) -> None:
    with unreachable_target(cloud):
        found = examine(cloud, skip=("target",))

    assert troubles(found) == {}
    assert "target" not in {f.check for f in found}


def test_waiting_dead_letters_and_runs_that_stand_still_are_named(cloud: Cloud) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    letter = DeadLetter(
        letter_id="doctored-letter",
        topic="load",
        data="",
        published_at=long_ago,
        died_at=long_ago,
        deliveries=5,
        table="doctored",
    )
    cloud.services.dead_letters.record(letter)
    still = Run(
        run_id=run_id("doctored", Trigger.REQUEST, "still", long_ago),
        table="doctored",
        trigger=Trigger.REQUEST,
        trigger_key="still",
        mode=None,
        created_at=long_ago,
        updated_at=long_ago,
    )
    cloud.services.ledger.open(still)
    patient = Services.build(replace(Settings.from_environment(), stuck_s=0.001))
    time.sleep(0.01)

    found = examination.examine(patient, Path.cwd())

    said = " ".join(troubles(found, Level.WARN).values())
    assert "1 wait for a decision: doctored-letter (load doctored)" in said
    assert still.run_id in said


def test_a_configuration_that_cannot_be_read_is_named(cloud: Cloud) -> None:
    bucket, name = f"{PREFIX}-config", "tables/garbled.json"
    generation = cloud.services.storage.write(
        bucket, name, b"{}", generation=0, content_type="application/json"
    )

    found = examine(cloud, skip=("source", "target", "messages"))
    cloud.services.storage.delete(bucket, name, generation)

    assert "is not a valid ResolvedTable" in troubles(found)["garbled"]


def test_the_command_exits_by_the_worst_finding_and_prints_json(cloud: Cloud) -> None:
    well = cloud.sluice("doctor", "--json")
    with changed_subscription("load"):
        broken = cloud.sluice("doctor")

    assert well.returncode == 0, well.stdout + well.stderr
    assert {f["level"] for f in json.loads(well.stdout)} <= {"ok", "warn"}
    assert broken.returncode == 1
    assert f"subscription {PREFIX}-load" in broken.stdout
    assert "make deploy" in broken.stdout


def test_a_check_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    refused = cloud.sluice("doctor", "--skip", "weather")

    assert refused.returncode == 2
    assert "no check weather" in refused.stderr
