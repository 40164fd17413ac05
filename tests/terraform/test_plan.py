"""Production's plan against the product: messages, names, variables, rights."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import provision
from local.topology import API, FUNCTIONS
from shared import callers
from shared.config import resolve, schedule
from shared.core.dead_letters import decode_sweep
from shared.core.deliveries import Delivery
from shared.core.messages import FINALIZE, ExtractRequest, SweepRequest, decode_extract
from shared.doctor import rights as doctor
from shared.settings import (
    BUCKETS,
    FUNCTION_ENVIRONMENT,
    TOPICS,
    ApiSettings,
    PushSettings,
    Settings,
)
from shared.stage.envelope import KEY_SECRET
from tests.terraform.workspace import resources

PREFIX = "example-sluice-prod"
TABLES = {t.table.name: t for t in resolve.load(Path("config"), "prod")}
DECODERS: dict[str, Callable[[Delivery], Any]] = {"extract": decode_extract, "sweep": decode_sweep}
READ = set(re.findall(r'"(SLUICE_[A-Z_]+)"', Path("shared/settings.py").read_text()))
"""Variables that the product reads."""

UNCONDITIONED = {"roles/logging.logWriter"}
"""Roles that have no smaller resource than a project."""


def planned(plan: dict[str, Any], kind: str, name: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the planned values of one type of resource, by key or name."""
    return {
        str(r.get("index", r["name"])): r["values"]
        for r in resources(plan["planned_values"])
        if r["type"] == kind and name in (None, r["name"])
    }


def made(applied: dict[str, Any], kind: str, name: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the values of one type of resource after an apply, by key or name."""
    return planned({"planned_values": applied["values"]}, kind, name)


def delivery(job: dict[str, Any]) -> Delivery:
    """Return what Pub/Sub would deliver of a Scheduler job's message."""
    return Delivery(
        message_id="1",
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        data=base64.b64decode(job["pubsub_target"][0]["data"], validate=True),
    )


def test_message_of_every_scheduler_job_is_one_that_the_product_reads(plan: dict[str, Any]) -> None:
    jobs = planned(plan, "google_cloud_scheduler_job")

    asked = {key: DECODERS[key.partition("-")[0]](delivery(job)) for key, job in jobs.items()}

    scheduled = {n for n, t in TABLES.items() if t.table.schedule != schedule.MANUAL}
    assert asked.pop("sweep") == SweepRequest()
    assert all(isinstance(a, ExtractRequest) for a in asked.values())
    assert {a.table for a in asked.values()} == scheduled
    assert all(key == f"extract-{a.table}" for key, a in asked.items())


def test_jobs_run_when_the_product_thinks_they_do(plan: dict[str, Any]) -> None:
    jobs = planned(plan, "google_cloud_scheduler_job")

    when = {key: (job["schedule"], job["time_zone"]) for key, job in jobs.items()}

    assert when.pop("sweep") == (provision.SWEEP_SCHEDULE, "UTC")
    assert when == {
        f"extract-{name}": (schedule.cron(t.table.schedule), t.table.time_zone)
        for name, t in TABLES.items()
        if t.table.schedule != schedule.MANUAL
    }


def test_topics_and_buckets_are_those_of_the_settings(plan: dict[str, Any]) -> None:
    settings = Settings(project="example-prod", prefix=PREFIX)

    topics = {v["name"] for v in planned(plan, "google_pubsub_topic").values()}
    buckets = {v["name"] for v in planned(plan, "google_storage_bucket").values()}

    dead = f"{PREFIX}-{provision.DEAD_LETTER}"
    assert topics == {settings.topic(t).rpartition("/")[2] for t in TOPICS} | {dead}
    assert buckets == {settings.bucket(b) for b in (*BUCKETS, "source")}


def test_subscriptions_are_those_of_the_cloud_on_a_laptop(plan: dict[str, Any]) -> None:
    subscriptions = planned(plan, "google_pubsub_subscription")

    names = {v["name"] for v in subscriptions.values()}
    assert names == {f"{PREFIX}-{t}" for t in (*FUNCTIONS, provision.DEAD_LETTER)}
    for key, values in subscriptions.items():
        policy = values["dead_letter_policy"]
        attempts = [p["max_delivery_attempts"] for p in policy]
        is_dead = key == provision.DEAD_LETTER
        assert values["ack_deadline_seconds"] == provision.ACK_DEADLINE_S
        assert attempts == ([] if is_dead else [provision.MAX_DELIVERY_ATTEMPTS])
        assert values["expiration_policy"] == [{"ttl": ""}]
        assert values["retry_policy"] == [{"minimum_backoff": "10s", "maximum_backoff": "600s"}]


def test_each_subscription_pushes_to_its_function_as_the_one_account_that_may(
    applied: dict[str, Any],
) -> None:
    subscriptions = made(applied, "google_pubsub_subscription")
    functions = made(applied, "google_cloudfunctions2_function")
    invokers = made(applied, "google_cloud_run_v2_service_iam_member")
    account = made(applied, "google_service_account", "push")["push"]

    to = {**{name: name for name in FUNCTIONS}, provision.DEAD_LETTER: "sweep"}
    assert set(subscriptions) == set(to)
    for topic, values in subscriptions.items():
        (push,) = values["push_config"]
        (token,) = push["oidc_token"]
        service = functions[to[topic]]["service_config"][0]
        expected = PushSettings.from_environment(service["environment_variables"])
        assert push["push_endpoint"] == service["uri"]
        assert (token["service_account_email"], token["audience"]) == (
            expected.account,
            expected.audience,
        )
        assert expected.account == account["email"]
        assert expected.audience
        assert expected.audience.startswith(f"https://{PREFIX}-{to[topic]}-")
        assert expected.certs_url is None
    assert {i["name"]: i["member"] for i in invokers.values()} == {
        f"{PREFIX}-{name}": account["member"] for name in FUNCTIONS
    }


def test_every_source_of_dead_letters_lets_pubsub_forward_them(applied: dict[str, Any]) -> None:
    subscribers = made(applied, "google_pubsub_subscription_iam_member")
    publisher = made(applied, "google_pubsub_topic_iam_member", "dead_letters")["dead_letters"]

    agent = publisher["member"]
    assert agent.endswith("@gcp-sa-pubsub.iam.gserviceaccount.com")
    assert publisher["topic"].endswith(f"/{PREFIX}-{provision.DEAD_LETTER}")
    assert {(k, v["role"], v["member"]) for k, v in subscribers.items()} == {
        (name, "roles/pubsub.subscriber", agent) for name in FUNCTIONS
    }


def test_functions_have_the_entry_points_of_their_archives(plan: dict[str, Any]) -> None:
    functions = planned(plan, "google_cloudfunctions2_function")

    assert set(functions) == {*FUNCTIONS, API}
    for name, values in functions.items():
        main = Path("functions", name, "main.py").read_text()
        entry_point = values["build_config"][0]["entry_point"]
        assert re.search(
            rf"^@functions_framework\.(aio\.)?http\ndef {entry_point}\(", main, re.MULTILINE
        )


def test_functions_get_the_variables_that_the_settings_read(plan: dict[str, Any]) -> None:
    for values in planned(plan, "google_cloudfunctions2_function").values():
        given = values["service_config"][0]["environment_variables"]
        settings = Settings.from_environment(given)
        assert set(given) <= READ | FUNCTION_ENVIRONMENT.keys()
        assert given.items() >= FUNCTION_ENVIRONMENT.items()
        assert (settings.project, settings.prefix) == ("example-prod", PREFIX)
        assert settings.storage_emulator is None


def test_every_setting_with_a_default_may_be_given() -> None:
    variables = Path("terraform/variables.tf").read_text()
    allowed = set(re.findall(r'"(SLUICE_[A-Z_]+)"', variables))
    fixed = {"SLUICE_PROJECT", "SLUICE_PREFIX", "SLUICE_CODE_VERSION"}
    api = {"SLUICE_API_AUDIENCE", "SLUICE_API_ORIGINS", "SLUICE_RUNBOOK_URL"}
    push = {"SLUICE_PUSH_ACCOUNT", "SLUICE_PUSH_AUDIENCE"}
    client = {"SLUICE_API_URL", "SLUICE_API_KEY", "SLUICE_API_TOKEN"}
    local = {"SLUICE_PRINCIPAL", "SLUICE_SECRETS_ENDPOINT", "SLUICE_STATE", "SLUICE_ID_TOKEN_CERTS"}

    assert allowed == READ - fixed - api - push - client - local


def test_no_request_outlives_the_ack_deadline(plan: dict[str, Any]) -> None:
    budget_s = Settings(project="p", prefix="p").budget_s

    for values in planned(plan, "google_cloudfunctions2_function").values():
        timeout_s = values["service_config"][0]["timeout_seconds"]
        assert budget_s < timeout_s < provision.ACK_DEADLINE_S


def test_instances_fit_into_the_connections_of_the_target(plan: dict[str, Any]) -> None:
    postgres = next(iter(TABLES.values())).connections.postgres
    assert postgres

    instances = [
        f["service_config"][0]["max_instance_count"]
        for f in planned(plan, "google_cloudfunctions2_function").values()
    ]

    assert sum(instances) <= postgres.max_connections


def test_landing_bucket_tells_the_ingest_topic_of_new_objects_only(plan: dict[str, Any]) -> None:
    (notification,) = planned(plan, "google_storage_notification").values()

    assert notification["bucket"] == f"{PREFIX}-landing"
    assert notification["event_types"] == [FINALIZE]


def test_every_secret_that_the_configuration_names_has_a_shell(plan: dict[str, Any]) -> None:
    connections = next(iter(TABLES.values())).connections
    assert connections.postgres
    assert connections.snowflake
    named = {connections.postgres.password_secret, connections.snowflake.private_key_secret}

    shells = {v["secret_id"] for v in planned(plan, "google_secret_manager_secret").values()}

    assert shells == named | {KEY_SECRET, callers.SECRET}
    assert not planned(plan, "google_secret_manager_secret_version")


def test_an_archive_is_named_by_its_hash(plan: dict[str, Any]) -> None:
    for name, values in planned(plan, "google_storage_bucket_object").items():
        assert re.fullmatch(rf"{name}/[0-9a-f]{{64}}\.zip", values["name"])


def test_buckets_are_closed_to_the_public(plan: dict[str, Any]) -> None:
    for values in planned(plan, "google_storage_bucket").values():
        assert values["public_access_prevention"] == "enforced"
        assert values["uniform_bucket_level_access"] is True


def test_audit_of_production_is_locked(plan: dict[str, Any]) -> None:
    audit = planned(plan, "google_storage_bucket", "audit")["audit"]

    assert audit["retention_policy"][0]["is_locked"] is True


def test_what_messages_drive_can_be_called_from_inside_only(plan: dict[str, Any]) -> None:
    functions = planned(plan, "google_cloudfunctions2_function")

    for values in (functions[name] for name in FUNCTIONS):
        assert values["service_config"][0]["ingress_settings"] == "ALLOW_INTERNAL_ONLY"


def granted(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every planned grant."""
    return [r for r in resources(plan["planned_values"]) if r["type"].endswith("_iam_member")]


def test_rights_on_the_project_are_narrowed_by_a_condition(plan: dict[str, Any]) -> None:
    wide = {
        r["values"]["role"]
        for r in granted(plan)
        if r["type"] == "google_project_iam_member" and not r["values"]["condition"]
    }

    assert wide <= UNCONDITIONED


def test_nobody_gets_a_basic_or_administrating_role(plan: dict[str, Any]) -> None:
    roles = {r["values"]["role"] for r in granted(plan)}

    basic = {"roles/owner", "roles/editor", "roles/viewer"}
    assert not roles & basic
    assert [role for role in roles if role.lower().endswith("admin")] == []


def test_nobody_outside_is_granted_anything(applied: dict[str, Any]) -> None:
    members = [r["values"]["member"] for r in granted({"planned_values": applied["values"]})]

    assert members
    assert [m for m in members if not m.startswith("serviceAccount:")] == []


def test_api_is_told_its_address_and_where_errors_lead(applied: dict[str, Any]) -> None:
    functions = made(applied, "google_cloudfunctions2_function")

    given = functions[API]["service_config"][0]["environment_variables"]

    settings = ApiSettings.from_environment(given)
    assert settings.audience
    assert settings.audience.startswith(f"https://{PREFIX}-{API}-")
    assert settings.runbook_url.endswith("/docs/runbook.md")
    assert settings.origins == ()
    assert "SLUICE_API_AUDIENCE" not in str(functions["load"])


@pytest.mark.parametrize("name", [*FUNCTIONS, API])
def test_every_function_runs_as_an_account_of_its_own(plan: dict[str, Any], name: str) -> None:
    accounts = planned(plan, "google_service_account", "function")

    assert accounts[name]["account_id"] == f"{PREFIX}-{name}"


def test_each_function_is_given_its_own_account_and_no_other(applied: dict[str, Any]) -> None:
    accounts = made(applied, "google_service_account", "function")
    functions = made(applied, "google_cloudfunctions2_function")

    given = {n: f["service_config"][0]["service_account_email"] for n, f in functions.items()}

    assert given == {name: account["email"] for name, account in accounts.items()}
    assert len(set(given.values())) == len(FUNCTIONS) + 1


def test_those_who_publish_are_those_that_the_doctor_looks_for(plan: dict[str, Any]) -> None:
    granted = planned(plan, "google_pubsub_topic_iam_member", "function")

    assert set(granted) == {f"{f}/{t}" for t, names in doctor.PUBLISHERS.items() for f in names}
