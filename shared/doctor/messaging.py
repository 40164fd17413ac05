"""Topics, and the subscriptions that push their messages to the functions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.doctor.findings import Check, Finding, stopwatch
from shared.settings import TOPICS, Settings
from shared.wiring import Services

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

DEAD_LETTER = "dead-letter"
"""The topic of messages that failed as often as allowed."""

TIMEOUT_S = 10.0
ENDPOINT_TIMEOUT_S = 30.0
"""Long enough for an instance to start."""

AGENT = "@gcp-sa-pubsub.iam.gserviceaccount.com"
"""How the account ends that Pub/Sub itself works as. Source: Pub/Sub, "Dead-letter topics"."""

_APPLY = "`make deploy` makes it as it must be; on a laptop, `sluice local up`"

_check = Check("messages")


def examine(services: Services) -> Iterator[Finding]:
    """Look at every topic and its subscription."""
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    settings, publisher = services.settings, PublisherClient()
    with SubscriberClient() as subscriber:
        for name in (*TOPICS, DEAD_LETTER):
            yield from _topic(settings, publisher, name)
            yield from _subscription(settings, subscriber, name)
        if not settings.is_emulated:
            yield from _rights(settings, publisher, subscriber)
    publisher.transport.close()


def _topic(settings: Settings, publisher: "PublisherClient", name: str) -> Iterator[Finding]:
    from google.api_core.exceptions import NotFound

    topic = settings.topic(name)
    try:
        publisher.get_topic(topic=topic, timeout=TIMEOUT_S, retry=None)
    except NotFound:
        yield _check.fail(f"topic {settings.prefix}-{name}", "does not exist", _APPLY)


def _subscription(
    settings: Settings, subscriber: "SubscriberClient", name: str
) -> Iterator[Finding]:
    from google.api_core.exceptions import NotFound

    subject = f"subscription {settings.prefix}-{name}"
    try:
        found = subscriber.get_subscription(
            subscription=_path(settings, name), timeout=TIMEOUT_S, retry=None
        )
    except NotFound:
        said = f"does not exist: messages to {settings.prefix}-{name} reach nobody and are lost"
        yield _check.fail(subject, said, _APPLY)
        return
    found_wrong = list(wrong(settings, name, found))
    if found_wrong:
        yield _check.fail(subject, "; ".join(found_wrong), _APPLY)
        return
    yield _endpoint(settings, subject, found.push_config.push_endpoint)


def wrong(settings: Settings, name: str, found: Any) -> Iterator[str]:
    """Yield what is not as it must be with a subscription."""
    if found.topic != settings.topic(name):
        yield f"listens to {found.topic}"
    if not found.push_config.push_endpoint:
        yield "pushes to nobody"
    elif not found.push_config.oidc_token.service_account_email:
        yield "pushes without an identity, so the function refuses it"
    if found.ack_deadline_seconds < settings.budget_s:
        yield (
            f"waits {found.ack_deadline_seconds} s for an answer, and a delivery may work "
            f"{settings.budget_s:g} s: it would be repeated meanwhile"
        )
    expected = settings.topic(DEAD_LETTER)
    if name != DEAD_LETTER and found.dead_letter_policy.dead_letter_topic != expected:
        yield "has no dead-letter topic: a message that fails comes back until it is dropped"
    if not found.retry_policy:
        yield "repeats at once what failed, instead of backing off"


def _endpoint(settings: Settings, subject: str, url: str) -> Finding:
    """Ask the function something that it refuses: any answer of its own says that it serves."""
    import requests

    try:
        with stopwatch() as took:
            reply = requests.get(url, timeout=ENDPOINT_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as exc:
        return _check.fail(
            subject,
            f"pushes to {url}, where nobody answers ({type(exc).__name__})",
            "look at the function's log; on a laptop, `sluice local status`",
        )
    return answered(settings, subject, f"pushes to {url}", reply.status_code, str(took))


def answered(settings: Settings, subject: str, pushes: str, status: int, took: str) -> Finding:
    """Return the finding about a function's answer.

    A deployed one lets in only what comes from inside, and whoever asks from outside gets 404.
    Source: Cloud Run, "Troubleshoot Cloud Run issues", 404 and ingress.
    """
    if status == 404 and not settings.is_emulated:
        return _check.ok(subject, f"{pushes}, which nobody outside may call; the sweep calls it")
    if status >= 500 or status == 404:
        fix = "look at the function's log, then `make rollback`"
        return _check.fail(subject, f"{pushes}, which answers {status}", fix)
    return _check.ok(subject, f"{pushes}, which answers in {took}")


def _rights(
    settings: Settings, publisher: "PublisherClient", subscriber: "SubscriberClient"
) -> Iterator[Finding]:
    """Look whether Pub/Sub itself may move dead letters; it says nothing when it may not."""
    from google.api_core.exceptions import Forbidden

    subject = f"rights on {settings.prefix}-{DEAD_LETTER}"
    try:
        topic = publisher.get_iam_policy(request={"resource": settings.topic(DEAD_LETTER)})
        lacking = [
            name
            for name in TOPICS
            if not grants(
                subscriber.get_iam_policy(request={"resource": _path(settings, name)}),
                "roles/pubsub.subscriber",
            )
        ]
    except Forbidden:
        yield _check.ok(subject, "not visible with these credentials")
        return
    if not grants(topic, "roles/pubsub.publisher"):
        yield _check.fail(subject, f"Pub/Sub (…{AGENT}) may not publish there", _APPLY)
    elif lacking:
        yield _check.fail(subject, f"Pub/Sub may not take from: {', '.join(lacking)}", _APPLY)
    else:
        yield _check.ok(subject, "Pub/Sub may move dead letters there")


def grants(policy: Any, role: str) -> bool:
    """Say whether a policy gives Pub/Sub's own account a role."""
    return any(
        binding.role == role and any(member.endswith(AGENT) for member in binding.members)
        for binding in policy.bindings
    )


def _path(settings: Settings, name: str) -> str:
    return f"projects/{settings.project}/subscriptions/{settings.prefix}-{name}"
