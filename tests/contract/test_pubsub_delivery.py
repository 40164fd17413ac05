"""What our Pub/Sub does beyond Google's emulator: push dead letters, back-off, identity, limits."""

import base64
import json
import threading
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from google.api_core.exceptions import InvalidArgument, MethodNotImplemented, NotFound
from google.cloud.pubsub_v1.types import FlowControl

from tests.contract.pubsub_process import BRISK, Receiver, call, wait_until

pytest_plugins = ("tests.contract.pubsub_server",)


def test_back_off_doubles_up_to_its_maximum(bus, receiver):
    topic = bus.topic()
    receiver.answer = lambda _: 500
    policy = {"minimum_backoff": {"nanos": 100_000_000}, "maximum_backoff": {"nanos": 300_000_000}}
    bus.push_subscription(topic, receiver, retry_policy=policy)

    bus.publish(topic, b"never")

    receiver.wait(5)
    gaps_s = receiver.gaps_s()[:4]
    for gap_s, least_s in zip(gaps_s, [0.1, 0.2, 0.3, 0.3], strict=True):
        assert least_s - 0.01 < gap_s < least_s + 1


def test_dead_letter_on_push_after_the_last_attempt(bus, receiver):
    topic, dead_topic = bus.topic(), bus.topic()
    receiver.answer = lambda _: 503
    dead_letters = bus.subscription(dead_topic)
    policy = {"dead_letter_topic": dead_topic, "max_delivery_attempts": 5}
    subscription = bus.push_subscription(
        topic, receiver, dead_letter_policy=policy, retry_policy=BRISK
    )

    [message_id] = bus.publish(topic, b"poison", colour="green")

    [letter] = bus.pull(dead_letters)
    assert [push.body["deliveryAttempt"] for push in receiver.pushes] == [1, 2, 3, 4, 5]
    assert {push.message["messageId"] for push in receiver.pushes} == {message_id}
    assert letter.message.data == b"poison"
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    stats = bus.stats(subscription)
    assert (stats["backlog"], stats["dead_lettered"], stats["nacked"]) == (0, 1, 5)


def test_message_without_a_dead_letter_topic_to_go_to_is_kept(bus, receiver):
    topic, dead_topic = bus.topic(), bus.topic()
    receiver.answer = lambda _: 503
    policy = {"dead_letter_topic": dead_topic, "max_delivery_attempts": 5}
    subscription = bus.push_subscription(
        topic, receiver, dead_letter_policy=policy, retry_policy=BRISK
    )
    bus.publisher.delete_topic(topic=dead_topic)

    bus.publish(topic, b"poison")

    receiver.wait(7)
    assert bus.stats(subscription)["backlog"] == 1


def test_unreachable_endpoint_counts_as_refusal(bus):
    topic = bus.topic()
    endpoint = Receiver()
    endpoint.close()
    subscription = bus.push_subscription(topic, endpoint, retry_policy=BRISK)

    bus.publish(topic, b"nobody home")

    wait_until(lambda: bus.stats(subscription)["nacked"] >= 2, what="two refusals")
    assert bus.stats(subscription)["backlog"] == 1


def test_push_names_the_ordering_key(bus, receiver):
    topic = bus.topic()
    bus.push_subscription(topic, receiver, enable_message_ordering=True)

    bus.publish(topic, b"x", key="table-1")

    [push] = receiver.wait(1)
    assert push.message["orderingKey"] == "table-1"


def test_late_success_of_an_overrun_push_still_acknowledges(bus):
    receiver = bus.overrun.receiver
    bus.overrun.wait()

    def stats() -> dict:
        return bus.stats(bus.overrun.subscription)

    wait_until(lambda: stats()["acknowledged"] == 1, what="the acknowledgement")
    wait_until(lambda: receiver.in_progress == 0, what="the second push's end")
    assert (stats()["backlog"], stats()["nacked"]) == (0, 1)
    assert len(receiver.pushes) == 2


def test_late_acknowledgement_of_a_pulled_message_counts(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, b"slow")
    received = bus.pull(subscription)
    bus.set_deadline(subscription, received, 1)
    wait_until(lambda: bus.stats(subscription)["outstanding"] == 0, what="the lease lapses")

    bus.acknowledge(subscription, received)

    assert bus.stats(subscription)["backlog"] == 0


def test_pushes_of_one_subscription_are_bounded(bus, receiver):
    topic = bus.topic()
    may_finish = threading.Event()
    receiver.answer = lambda _: 204 if may_finish.wait(timeout=30) else 500
    subscription = bus.push_subscription(topic, receiver)

    bus.publish(topic, *(b"%d" % n for n in range(20)))
    wait_until(lambda: receiver.in_progress == 16, what="a full window")
    bus.publish(topic, *(b"%d" % n for n in range(20)))
    time.sleep(0.2)  # Long enough for a push too many to arrive.
    stats = bus.stats(subscription)
    may_finish.set()
    receiver.wait(40)

    assert (stats["outstanding"], stats["backlog"]) == (16, 40)
    assert receiver.most_in_progress == 16


def verified(token: str, certs: dict) -> dict:
    """Verify a token as a receiver would, with nothing but the published keys."""
    header, payload, signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")
    )
    [key] = [key for key in certs["keys"] if key["kid"] == json.loads(header)["kid"]]
    n, e = (
        int.from_bytes(base64.urlsafe_b64decode(key[each] + "=="), "big") for each in ("n", "e")
    )
    signed = token.rsplit(".", 1)[0].encode()
    RSAPublicNumbers(e, n).public_key().verify(signature, signed, PKCS1v15(), hashes.SHA256())
    assert json.loads(header)["alg"] == "RS256"
    return json.loads(payload)


def test_push_carries_a_token_that_the_published_key_verifies(bus, receiver):
    topic = bus.topic()
    account = "pusher@test-project.iam.gserviceaccount.com"
    push_config = {
        "push_endpoint": receiver.url,
        "oidc_token": {"service_account_email": account, "audience": "https://load.example"},
    }
    bus.subscription(topic, push_config=push_config)

    bus.publish(topic, b"x")

    [push] = receiver.wait(1)
    scheme, token = push.headers["authorization"].split(" ")
    claims = verified(token, call("GET", f"{bus.control_url}/certs"))
    now_s = time.time()
    assert scheme == "Bearer"
    assert claims["iss"] == "https://accounts.google.com"
    assert claims["aud"] == "https://load.example"
    assert (claims["email"], claims["email_verified"]) == (account, True)
    assert claims["iat"] <= now_s < claims["exp"] <= now_s + 3600
    with pytest.raises(InvalidSignature):
        verified(f"{token[:-8]}AAAAAAAA", call("GET", f"{bus.control_url}/certs"))


def test_tokens_audience_is_the_endpoint_unless_it_is_named(bus, receiver):
    topic = bus.topic()
    oidc_token = {"service_account_email": "pusher@example.com"}
    bus.subscription(topic, push_config={"push_endpoint": receiver.url, "oidc_token": oidc_token})

    bus.publish(topic, b"x")

    [push] = receiver.wait(1)
    token = push.headers["authorization"].removeprefix("Bearer ")
    assert verified(token, call("GET", f"{bus.control_url}/certs"))["aud"] == receiver.url


@pytest.mark.parametrize(
    ("expression", "matching"),
    [
        ("attributes:kind", {"kind-a", "kind-b"}),
        ('attributes.kind = "a"', {"kind-a"}),
        ('attributes.kind != "a"', {"kind-b", "zone-a"}),
        ('hasPrefix(attributes.zone, "eu")', {"zone-a"}),
        ("NOT attributes:kind", {"zone-a"}),
        ("-attributes:kind", {"zone-a"}),
        ('attributes.kind = "a" OR attributes:"zone"', {"kind-a", "zone-a"}),
        ('attributes:kind AND NOT attributes.kind = "b"', {"kind-a"}),
        ('(attributes:kind OR attributes:zone) AND attributes.kind != "a"', {"kind-b", "zone-a"}),
    ],
)
def test_filter_lets_only_matching_messages_pass(bus, expression, matching):
    topic = bus.topic()
    subscription = bus.subscription(topic, filter=expression)

    bus.publish(topic, b"kind-a", kind="a")
    bus.publish(topic, b"kind-b", kind="b")
    bus.publish(topic, b"zone-a", zone="eu-west1")

    pending = call("GET", f"{bus.control_url}/_messages?subscription={subscription}")
    assert {base64.b64decode(each["data"]).decode() for each in pending} == matching


@pytest.mark.parametrize(
    "expression",
    [
        "garbage((",
        "attributes.kind",
        "attributes.kind = a",
        'attributes.kind > "a"',
        'hasSuffix(attributes.kind, "a")',
        "attributes:a AND attributes:b OR attributes:c",
        "(attributes:a",
        "attributes:a attributes:b",
        f'attributes.kind = "{"x" * 256}"',
    ],
)
def test_filter_outside_the_language_is_refused(bus, expression):
    topic = bus.topic()

    with pytest.raises(InvalidArgument):
        bus.subscription(topic, filter=expression)


@pytest.mark.parametrize(
    "message",
    [
        {"data": b"x" * 10_000_001},
        {"attributes": {f"k{n}": "v" for n in range(101)}},
        {"attributes": {"k" * 257: "v"}},
        {"attributes": {"k": "v" * 1025}},
        {"data": b"x", "ordering_key": "k" * 1025},
    ],
    ids=["data", "attributes", "key", "value", "ordering key"],
)
def test_message_above_a_limit_is_refused(bus, message):
    topic = bus.topic()

    with pytest.raises(InvalidArgument):
        bus.publish_messages(topic, [message])


def test_ack_deadline_below_ten_seconds_is_refused(bus):
    topic = bus.topic()

    with pytest.raises(InvalidArgument):
        bus.subscription(topic, ack_deadline_seconds=9)


@pytest.mark.parametrize(
    "options",
    [
        {"enable_exactly_once_delivery": True},
        {"retain_acked_messages": True},
        {"bigquery_config": {"table": "p.d.t"}},
        {"push_config": {"push_endpoint": "http://127.0.0.1:1/", "no_wrapper": {}}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_is_not_emulated_is_refused_and_not_ignored(bus, options):
    topic = bus.topic()

    if options.get("push_config"):
        options["push_config"]["no_wrapper"]["write_metadata"] = True
    with pytest.raises(MethodNotImplemented):
        bus.subscription(topic, **options)


def test_labels_of_a_topic_can_be_changed(bus):
    topic = bus.topic()

    bus.publisher.update_topic(
        request={
            "topic": {"name": topic, "labels": {"env": "test"}},
            "update_mask": {"paths": ["labels"]},
        }
    )

    assert dict(bus.publisher.get_topic(topic=topic).labels) == {"env": "test"}


def test_more_than_a_client_can_receive_at_once_comes_in_parts(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, *(bytes([n]) * 1_500_000 for n in range(5)))

    received = bus.pull(subscription, 5)

    assert [each.message.data[0] for each in received] == [0, 1, 2, 3, 4]


def test_stream_holds_no_more_than_its_subscriber_takes(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    may_finish = threading.Event()
    bus.publish(topic, *(str(n).encode() for n in range(10)))

    def handle(message) -> None:
        may_finish.wait(timeout=30)
        message.ack()

    streaming = bus.subscriber.subscribe(
        subscription, callback=handle, flow_control=FlowControl(max_messages=2)
    )
    wait_until(lambda: bus.stats(subscription)["outstanding"] == 2, what="two outstanding")
    stats = bus.stats(subscription)
    may_finish.set()
    wait_until(lambda: bus.stats(subscription)["backlog"] == 0, what="all acknowledged")
    streaming.cancel()
    streaming.result(timeout=10)

    assert stats["outstanding"] == 2


def test_stream_ends_when_its_subscription_is_deleted(bus):
    subscription = bus.subscription(bus.topic())
    streaming = bus.subscriber.subscribe(subscription, callback=lambda message: message.ack())

    bus.subscriber.delete_subscription(subscription=subscription)

    with pytest.raises(NotFound):
        streaming.result(timeout=10)
