"""What is wrong with a subscription, and who may move dead letters, as Google's types say it."""

from typing import Any

import pytest
from google.iam.v1.policy_pb2 import Binding, Policy
from google.pubsub_v1.types import Subscription

from shared.doctor.messaging import grants, wrong
from shared.settings import Settings

SETTINGS = Settings(project="acme", prefix="acme-dev")

RIGHT: dict[str, Any] = {
    "topic": "projects/acme/topics/acme-dev-load",
    "push_config": {
        "push_endpoint": "https://load.run.app",
        "oidc_token": {"service_account_email": "push@acme.iam.gserviceaccount.com"},
    },
    "ack_deadline_seconds": 600,
    "retry_policy": {"minimum_backoff": {"seconds": 10}},
    "dead_letter_policy": {"dead_letter_topic": "projects/acme/topics/acme-dev-dead-letter"},
}

AGENT = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"


def test_a_subscription_as_it_must_be_has_nothing_wrong() -> None:
    assert list(wrong(SETTINGS, "load", Subscription(RIGHT))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"topic": "_deleted-topic_"}, "listens to _deleted-topic_"),
        ({"push_config": {}}, "pushes to nobody"),
        ({"push_config": {"push_endpoint": "https://x"}}, "pushes without an identity"),
        ({"ack_deadline_seconds": 10}, "waits 10 s for an answer"),
        ({"dead_letter_policy": {}}, "has no dead-letter topic"),
        ({"retry_policy": {}}, "repeats at once what failed"),
    ],
)
def test_what_is_wrong_with_a_subscription_is_said(change: dict[str, Any], said: str) -> None:
    (found,) = wrong(SETTINGS, "load", Subscription({**RIGHT, **change}))

    assert found.startswith(said)


def test_dead_letters_themselves_need_no_dead_letter_topic() -> None:
    topic = "projects/acme/topics/acme-dev-dead-letter"
    subscription = Subscription({**RIGHT, "topic": topic, "dead_letter_policy": {}})

    assert list(wrong(SETTINGS, "dead-letter", subscription)) == []


@pytest.mark.parametrize(
    ("role", "member", "expected"),
    [
        ("roles/pubsub.publisher", AGENT, True),
        ("roles/pubsub.viewer", AGENT, False),
        ("roles/pubsub.publisher", "user:someone@example.com", False),
    ],
)
def test_only_pubsubs_own_account_in_the_role_may_move_dead_letters(
    role: str, member: str, expected: bool
) -> None:
    policy = Policy(bindings=[Binding(role=role, members=[member])])

    assert grants(policy, "roles/pubsub.publisher") is expected
