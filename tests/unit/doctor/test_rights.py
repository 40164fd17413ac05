"""Who lacks a right, by policies as Google's types say them."""

import json

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client
from google.iam.v1.policy_pb2 import Binding, Policy

from shared.config.tables import ResolvedTable
from shared.doctor import buckets, rights
from shared.doctor.findings import Level
from shared.doctor.messaging import answered
from shared.settings import Settings

SETTINGS = Settings(project="acme", prefix="acme-dev")
AGENT = f"serviceAccount:service-1{rights.STORAGE_AGENT}"
PUBLISHER = "roles/pubsub.publisher"


def policy(role: str, *members: str) -> Policy:
    """Return a policy with one binding."""
    return Policy(bindings=[Binding(role=role, members=members)])


@pytest.mark.parametrize("topic", rights.PUBLISHERS)
def test_a_topic_with_all_its_publishers_lacks_nobody(topic: str) -> None:
    accounts = [rights.account(SETTINGS, f) for f in rights.PUBLISHERS[topic]]

    found = rights.missing_publishers(SETTINGS, topic, policy(PUBLISHER, AGENT, *accounts))

    assert found == []


def test_publishers_without_the_right_are_named() -> None:
    some = policy(PUBLISHER, rights.account(SETTINGS, "extract"))
    wrong_role = policy("roles/pubsub.viewer", AGENT, rights.account(SETTINGS, "sweep"))

    assert rights.missing_publishers(SETTINGS, "load", some) == ["api", "ingest", "load", "sweep"]
    assert rights.missing_publishers(SETTINGS, "ingest", wrong_role) == [
        "api",
        "sweep",
        "Cloud Storage",
    ]


def test_the_source_is_read_by_extract_and_the_target_by_load() -> None:
    table = ResolvedTable.model_validate_json(
        json.dumps(
            {
                "environment": "dev",
                "table": {
                    "name": "codes",
                    "snowflake": {"database": "D", "schema": "S", "table": "T"},
                    "sqlserver": {"table": "codes"},
                },
                "connections": {
                    "snowflake": {"account": "a", "user": "u"},
                    "sqlserver": {"host": "h", "ca_secret": "sqlserver-ca"},
                },
            }
        )
    )

    assert rights.readers([table]) == {
        "snowflake-private-key": ("extract",),
        "sqlserver-password": ("load",),
        "sqlserver-ca": ("load",),
    }


def test_who_lacks_a_right_is_a_failure_with_its_fix() -> None:
    well, ill = rights.judged("x", "read it", []), rights.judged("x", "read it", ["load"])

    assert (well.level, ill.level) == (Level.OK, Level.FAIL)
    assert ill.message == "may not read it: load"
    assert "make deploy" in ill.fix


def a_bucket(*, prevention: str, is_uniform: bool) -> Bucket:
    """Return a bucket as the client knows it."""
    bucket = Bucket(Client(project="acme", credentials=AnonymousCredentials()), "acme-dev-raw")
    bucket.iam_configuration.public_access_prevention = prevention
    bucket.iam_configuration.uniform_bucket_level_access_enabled = is_uniform
    return bucket


def test_a_bucket_that_could_be_made_public_is_found() -> None:
    closed = a_bucket(prevention="enforced", is_uniform=True)
    opened = a_bucket(prevention="inherited", is_uniform=False)

    assert list(buckets.openings(closed)) == []
    assert len(list(buckets.openings(opened))) == 2


@pytest.mark.parametrize(
    ("emulator", "status", "level"),
    [
        (None, 404, Level.OK),  # from outside
        (None, 403, Level.OK),
        (None, 503, Level.FAIL),
        ("http://127.0.0.1:1", 404, Level.FAIL),
        ("http://127.0.0.1:1", 400, Level.OK),
    ],
)
def test_a_function_that_lets_nobody_in_from_outside_is_well(
    emulator: str | None, status: int, level: Level
) -> None:
    settings = Settings(project="acme", prefix="acme-dev", storage_emulator=emulator)

    assert answered(settings, "load", "pushes to x", status, "1 ms").level is level
