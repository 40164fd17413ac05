"""What Pub/Sub promises, as Google's clients see it; kept by ours and by Google's own emulator."""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import AlreadyExists, BadRequest, InvalidArgument, NotFound
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import PublisherOptions

from tests.contract.pubsub_process import EVERYWHERE, GOOGLES_JAR, PROJECT, wait_until

pytest_plugins = ("tests.contract.pubsub_server",)

everywhere = pytest.mark.parametrize("bus", EVERYWHERE, indirect=True)


@pytest.mark.skipif(not GOOGLES_JAR, reason="not installed: Google's Pub/Sub emulator (gcloud)")
def test_googles_emulator_keeps_the_contract_too(buses):
    assert set(EVERYWHERE) == set(buses) == {"ours", "googles"}


@everywhere
def test_topic_is_found_until_it_is_deleted(bus):
    topic = bus.topic()

    found = bus.publisher.get_topic(topic=topic)
    bus.publisher.delete_topic(topic=topic)

    assert found.name == topic
    with pytest.raises(NotFound):
        bus.publisher.get_topic(topic=topic)
    with pytest.raises(NotFound):
        bus.publish(topic, b"late")


@everywhere
def test_topics_are_listed_page_by_page(bus):
    project = f"projects/p{uuid.uuid4().hex[:8]}"
    names = [f"{project}/topics/topic-{n}" for n in range(5)]
    for name in names:
        bus.publisher.create_topic(name=name)

    pages = list(bus.publisher.list_topics(request={"project": project, "page_size": 2}).pages)

    assert [len(page.topics) for page in pages] == [2, 2, 1]
    assert sorted(topic.name for page in pages for topic in page.topics) == names


@everywhere
def test_second_creation_of_the_same_name_is_refused(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)

    with pytest.raises(AlreadyExists):
        bus.publisher.create_topic(name=topic)
    with pytest.raises(AlreadyExists):
        bus.subscriber.create_subscription(name=subscription, topic=topic)


@everywhere
@pytest.mark.parametrize("name", ["ab", "1abc", "googabc", "a" * 256, "with space", "ümlaut"])
def test_name_outside_the_rules_is_refused(bus, name):
    with pytest.raises(InvalidArgument):
        bus.publisher.create_topic(name=f"projects/{PROJECT}/topics/{name}")


@everywhere
def test_subscription_has_the_services_defaults(bus):
    subscription = bus.subscription(bus.topic(), retry_policy={})

    found = bus.subscriber.get_subscription(subscription=subscription)

    assert found.ack_deadline_seconds == 10
    assert found.message_retention_duration == timedelta(days=7)
    assert found.retry_policy.minimum_backoff == timedelta(seconds=10)
    assert found.retry_policy.maximum_backoff == timedelta(seconds=600)


@everywhere
def test_subscription_to_what_is_not_there_is_refused(bus):
    topic = bus.topic()
    missing = f"projects/{PROJECT}/topics/missing"
    dead_letter_policy = {"dead_letter_topic": missing, "max_delivery_attempts": 5}

    with pytest.raises(NotFound):
        bus.subscription(missing)
    with pytest.raises(NotFound):
        bus.subscription(topic, dead_letter_policy=dead_letter_policy)


@everywhere
@pytest.mark.parametrize(
    "options",
    [
        {"ack_deadline_seconds": 601},
        {"push_config": {"push_endpoint": "not a URL"}},
        {"retry_policy": {"minimum_backoff": {"seconds": 601}}},
        {
            "retry_policy": {
                "minimum_backoff": {"seconds": 60},
                "maximum_backoff": {"seconds": 10},
            }
        },
    ],
)
def test_subscription_outside_the_limits_is_refused(bus, options):
    topic = bus.topic()

    with pytest.raises(BadRequest):
        bus.subscription(topic, **options)


@everywhere
@pytest.mark.parametrize("attempts", [4, 101])
def test_dead_letter_limit_is_5_to_100_attempts(bus, attempts):
    policy = {"dead_letter_topic": bus.topic(), "max_delivery_attempts": attempts}
    topic = bus.topic()

    with pytest.raises(BadRequest):
        bus.subscription(topic, dead_letter_policy=policy)


@everywhere
def test_update_changes_only_what_its_mask_names(bus):
    subscription = bus.subscription(bus.topic(), labels={"keep": "me"})
    change = {"name": subscription, "ack_deadline_seconds": 77, "labels": {"not": "this"}}

    def update(*paths):
        return bus.subscriber.update_subscription(
            request={"subscription": change, "update_mask": {"paths": paths}}
        )

    update("ack_deadline_seconds")

    found = bus.subscriber.get_subscription(subscription=subscription)
    assert found.ack_deadline_seconds == 77
    assert dict(found.labels) == {"keep": "me"}
    for paths in ((), ("no_such_field",), ("filter",)):
        with pytest.raises(InvalidArgument):
            update(*paths)


@everywhere
def test_subscription_outlives_its_topic(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, b"before")

    bus.publisher.delete_topic(topic=topic)

    found = bus.subscriber.get_subscription(subscription=subscription)
    assert found.topic == "_deleted-topic_"
    assert [each.message.data for each in bus.pull(subscription)] == [b"before"]


@everywhere
def test_deleted_subscription_is_gone(bus):
    topic = bus.topic()
    kept, deleted = bus.subscription(topic), bus.subscription(topic)

    bus.subscriber.delete_subscription(subscription=deleted)

    assert list(bus.publisher.list_topic_subscriptions(topic=topic)) == [kept]
    with pytest.raises(NotFound):
        bus.subscriber.get_subscription(subscription=deleted)
    with pytest.raises(NotFound):
        bus.subscriber.delete_subscription(subscription=deleted)
    with pytest.raises(NotFound):
        bus.is_empty(deleted)


@everywhere
def test_message_arrives_as_it_was_published(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    before = datetime.now(UTC)

    [message_id] = bus.publish(topic, bytes(range(256)), colour="blue", empty="")

    [received] = bus.pull(subscription)
    message = received.message
    assert message.message_id == message_id
    assert message.data == bytes(range(256))
    assert dict(message.attributes) == {"colour": "blue", "empty": ""}
    assert abs(message.publish_time - before) < timedelta(seconds=5)


@everywhere
def test_every_subscription_gets_its_own_copy(bus):
    topic = bus.topic()
    first, second = bus.subscription(topic), bus.subscription(topic)
    bus.publish(topic, b"one", b"two")

    bus.acknowledge(first, bus.pull(first, 2))

    assert bus.is_empty(first)
    assert sorted(each.message.data for each in bus.pull(second, 2)) == [b"one", b"two"]


@everywhere
def test_subscription_gets_nothing_from_before_its_time(bus):
    topic = bus.topic()
    bus.publish(topic, b"early")

    subscription = bus.subscription(topic)

    assert bus.is_empty(subscription)


@everywhere
@pytest.mark.parametrize("messages", [[], [{}], [{"data": b"x"}] * 1001], ids=len)
def test_publish_of_nothing_or_too_much_is_refused(bus, messages):
    topic = bus.topic()

    with pytest.raises(InvalidArgument):
        bus.publish_messages(topic, messages)


@everywhere
def test_thousands_are_published_and_pulled_in_seconds(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    began_s = time.monotonic()

    futures = [bus.publisher.publish(topic, str(n).encode()) for n in range(2000)]
    ids = {future.result(timeout=10) for future in futures}
    received = bus.pull(subscription, 2000)

    assert len(ids) == 2000
    assert {each.message.message_id for each in received} == ids
    assert time.monotonic() - began_s < 5


@everywhere
def test_nacked_message_comes_again(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, b"again")

    first = bus.pull(subscription)
    bus.nack(subscription, first)
    second = bus.pull(subscription)

    assert first[0].message == second[0].message


@everywhere
def test_outstanding_message_comes_again_only_after_its_deadline(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, b"slow")
    received = bus.pull(subscription)
    shortened_s = time.monotonic()

    bus.set_deadline(subscription, received, 1)
    is_empty_meanwhile = bus.is_empty(subscription)
    bus.pull(subscription)

    assert is_empty_meanwhile
    assert time.monotonic() - shortened_s > 0.9


@everywhere
def test_acknowledging_twice_is_no_error_and_nonsense_is(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    bus.publish(topic, b"once")
    received = bus.pull(subscription)

    bus.acknowledge(subscription, received)
    bus.acknowledge(subscription, received)

    with pytest.raises(InvalidArgument):
        bus.subscriber.acknowledge(subscription=subscription, ack_ids=["nonsense"])
    with pytest.raises(InvalidArgument):
        bus.subscriber.acknowledge(subscription=subscription, ack_ids=[])


@everywhere
def test_dead_letter_on_pull_says_where_it_comes_from(bus):
    dead_topic, topic = bus.topic(), bus.topic()
    dead_letters = bus.subscription(dead_topic)
    policy = {"dead_letter_topic": dead_topic, "max_delivery_attempts": 5}
    subscription = bus.subscription(topic, dead_letter_policy=policy)
    [message_id] = bus.publish(topic, b"poison", colour="green")

    attempts = []
    for _ in range(5):
        received = bus.pull(subscription)
        attempts.append(received[0].delivery_attempt)
        bus.nack(subscription, received)
    # Google's emulator buries a message only when somebody asks for more.
    assert bus.is_empty(subscription)
    [letter] = bus.pull(dead_letters)

    assert attempts == [1, 2, 3, 4, 5]
    assert letter.message.data == b"poison"
    assert letter.message.message_id != message_id
    source = "CloudPubSubDeadLetterSource"
    attributes = dict(letter.message.attributes)
    publish_time = datetime.fromisoformat(attributes.pop(f"{source}TopicPublishTime"))
    assert publish_time == received[0].message.publish_time
    assert attributes == {
        "colour": "green",
        f"{source}DeliveryCount": "5",
        f"{source}Subscription": subscription.split("/")[-1],
        f"{source}SubscriptionProject": PROJECT,
    }


@everywhere
def test_streaming_subscriber_gets_everything_and_nacks_come_again(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    seen: list[bytes] = []

    def handle(message) -> None:
        seen.append(message.data)
        is_first_time = seen.count(message.data) == 1
        message.nack() if is_first_time and message.data == b"0" else message.ack()

    wanted = [str(n).encode() for n in range(200)]
    bus.publish(topic, *wanted)

    streaming = bus.subscriber.subscribe(subscription, callback=handle)
    wait_until(lambda: len(seen) == 201, what="every message, one of them twice")
    streaming.cancel()
    streaming.result(timeout=10)

    assert sorted(seen) == sorted([b"0", *wanted])
    assert bus.is_empty(subscription)


@everywhere
def test_messages_of_one_key_are_pulled_in_order(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic, enable_message_ordering=True)
    for key in ("a", "b"):
        bus.publish(topic, *(f"{key}{n}".encode() for n in range(4)), key=key)

    order = []
    while len(order) < 8:
        received = bus.pull(subscription)
        order += [each.message.data.decode() for each in received]
        bus.acknowledge(subscription, received)

    assert [each for each in order if each[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [each for each in order if each[0] == "b"] == ["b0", "b1", "b2", "b3"]


@everywhere
def test_googles_publisher_with_ordering_keys_is_served(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic, enable_message_ordering=True)
    publisher = PublisherClient(
        transport=bus.publisher.transport,
        publisher_options=PublisherOptions(enable_message_ordering=True),
    )

    for n in range(3):
        publisher.publish(topic, str(n).encode(), ordering_key="k").result(timeout=10)

    for n in range(3):
        received = bus.pull(subscription)
        assert [(r.message.data, r.message.ordering_key) for r in received] == [
            (str(n).encode(), "k")
        ]
        bus.acknowledge(subscription, received)


@everywhere
def test_push_has_the_wrapped_form_and_success_is_final(bus, receiver):
    topic = bus.topic()
    subscription = bus.push_subscription(topic, receiver)

    [message_id] = bus.publish(topic, b"hello", colour="red")

    [push] = receiver.wait(1)
    publish_time = datetime.fromisoformat(push.message["publishTime"])
    assert push.headers["content-type"] == "application/json"
    assert push.path == "/push/"
    assert abs(publish_time - datetime.now(UTC)) < timedelta(seconds=5)
    assert push.body == {
        "message": {
            "data": "aGVsbG8=",
            "attributes": {"colour": "red"},
            "messageId": message_id,
            "message_id": message_id,
            "publishTime": push.message["publishTime"],
            "publish_time": push.message["publishTime"],
        },
        "subscription": subscription,
    }
    bus.publish(topic, b"second")
    receiver.wait(2)
    assert [each.message["data"] for each in receiver.pushes] == ["aGVsbG8=", "c2Vjb25k"]


@everywhere
@pytest.mark.parametrize("refusal", [301, 500])
def test_refused_push_comes_again_after_the_minimum_back_off(bus, receiver, refusal):
    topic = bus.topic()
    receiver.answer = lambda _: refusal if len(receiver.pushes) == 1 else 204
    retry_policy = {"minimum_backoff": {"nanos": 300_000_000}, "maximum_backoff": {"seconds": 1}}
    bus.push_subscription(topic, receiver, retry_policy=retry_policy)

    bus.publish(topic, b"again")

    first, second = receiver.wait(2)
    assert first.body == second.body
    assert second.at_s - first.at_s > 0.28


@everywhere
def test_failing_push_blocks_only_its_own_key(bus, receiver):
    topic = bus.topic()
    is_mended = threading.Event()
    receiver.answer = lambda push: (
        500 if push.message["data"] == "YmFk" and not is_mended.is_set() else 204
    )
    retry_policy = {"minimum_backoff": {"nanos": 100_000_000}, "maximum_backoff": {"seconds": 1}}
    bus.push_subscription(topic, receiver, enable_message_ordering=True, retry_policy=retry_policy)

    def pushed(data: str) -> bool:
        return any(push.message["data"] == data for push in receiver.pushes)

    bus.publish(topic, b"bad", b"after", key="a")
    bus.publish(topic, b"one", b"two", key="b")
    wait_until(lambda: pushed("dHdv"), what="the healthy key goes on")
    wait_until(lambda: len(receiver.pushes) > 4, what="the failing one is retried")
    was_overtaken = pushed("YWZ0ZXI=")
    is_mended.set()
    wait_until(lambda: pushed("YWZ0ZXI="), what="the mended key goes on")

    assert not was_overtaken


@everywhere
def test_push_config_can_be_taken_away_and_given_back(bus, receiver):
    topic = bus.topic()
    subscription = bus.push_subscription(topic, receiver)

    bus.subscriber.modify_push_config(subscription=subscription, push_config={})
    bus.publish(topic, b"pulled")
    received = bus.pull(subscription)
    bus.acknowledge(subscription, received)
    bus.subscriber.modify_push_config(
        subscription=subscription, push_config={"push_endpoint": receiver.url}
    )
    bus.publish(topic, b"pushed")

    [push] = receiver.wait(1)
    assert push.message["data"] == "cHVzaGVk"


@everywhere
def test_push_that_outlasts_its_deadline_is_repeated_while_it_runs(bus):
    overrun = bus.overrun

    overrun.wait()

    first, second, *_ = overrun.receiver.pushes
    assert overrun.receiver.most_in_progress >= 2
    assert first.message == second.message
    deadline_s = overrun.ACK_DEADLINE_S
    assert deadline_s - 0.5 < second.at_s - first.at_s < deadline_s + 3
