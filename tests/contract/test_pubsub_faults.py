"""What our Pub/Sub does on bad days: faults that were ordered, and its own death."""

import contextlib
import itertools
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import GoogleAPICallError, ServerError

from local.clock import Clock
from tests.contract.pubsub_process import BRISK, Bus, call, our_process, wait_until

pytest_plugins = ("tests.contract.pubsub_server",)


@pytest.fixture
def own(tmp_path) -> Iterator[Bus]:
    """A server that the test may kill; see also ``state_dir``."""
    process, control_port = our_process(tmp_path)
    process.start()
    bus = Bus(process, control_port)
    yield bus
    bus.close()
    process.stop()


def test_duplicate_fault_delivers_twice_at_the_same_time(bus, receiver):
    topic = bus.topic()
    both_came = threading.Barrier(2)
    receiver.answer = lambda _: 204 if both_came.wait(timeout=10) >= 0 else 500
    subscription = bus.push_subscription(topic, receiver)
    bus.order_fault(subscription, kind="duplicate", count=1)

    bus.publish(topic, b"twice")

    first, second = receiver.wait(2)
    assert first.message == second.message
    wait_until(lambda: bus.stats(subscription)["backlog"] == 0, what="the acknowledgement")
    assert receiver.most_in_progress == 2


def test_hold_fault_delivers_nothing_until_it_is_cleared(bus, receiver):
    topic = bus.topic()
    subscription = bus.push_subscription(topic, receiver)
    bus.order_fault(subscription, kind="hold", skip=1)

    bus.publish(topic, b"before", b"held")
    receiver.wait(1)
    wait_until(lambda: bus.stats(subscription)["backlog"] == 1, what="one acknowledged")
    held = call("GET", f"{bus.control_url}/_messages?subscription={subscription}")
    bus.clear_faults()
    receiver.wait(2)

    assert [(each["data"], each["outstanding"]) for each in held] == [("aGVsZA==", False)]


def test_drop_ack_fault_repeats_what_succeeded(bus, receiver):
    topic = bus.topic()
    subscription = bus.push_subscription(topic, receiver, retry_policy=BRISK)
    bus.order_fault(subscription, kind="drop_ack", skip=1, count=2)

    bus.publish(topic, b"first")
    wait_until(lambda: bus.stats(subscription)["acknowledged"] == 1, what="the first is done")
    bus.publish(topic, b"second")

    wait_until(lambda: bus.stats(subscription)["acknowledged"] == 2, what="the second is done")
    assert [push.message["data"] for push in receiver.pushes] == ["Zmlyc3Q=", *["c2Vjb25k"] * 3]


def test_delay_fault_lets_later_messages_pass(bus, receiver):
    topic = bus.topic()
    subscription = bus.push_subscription(topic, receiver)
    bus.order_fault(subscription, kind="delay", delay_s=0.3, count=1)

    bus.publish(topic, b"late", b"early")

    pushes = receiver.wait(2)
    assert [push.message["data"] for push in pushes] == ["ZWFybHk=", "bGF0ZQ=="]
    assert receiver.gaps_s()[0] > 0.2


def test_reorder_fault_shuffles_but_keeps_each_key_in_order(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic, enable_message_ordering=True)
    bus.order_fault(subscription, kind="reorder")
    bus.publish(topic, *(b"%d" % n for n in range(20)))
    bus.publish(topic, b"a", b"b", b"c", key="k")

    order = []
    while len(order) < 23:
        received = bus.pull(subscription)
        order += [each.message.data for each in received]
        bus.acknowledge(subscription, received)

    assert [each for each in order if each.isalpha()] == [b"a", b"b", b"c"]
    numbers = [int(each) for each in order if each.isdigit()]
    assert sorted(numbers) == list(range(20))
    assert numbers != sorted(numbers)


@pytest.mark.parametrize(
    "rule", [{"kind": "explode"}, {"kind": "hold", "count": 1}, {"kind": "delay", "foo": 1}, 7]
)
def test_unknown_fault_is_refused(bus, rule):
    with pytest.raises(OSError, match="400"):
        call("POST", f"{bus.control_url}/_faults", rule)


def test_statistics_and_pending_messages_tell_what_waits(bus):
    topic = bus.topic()
    subscription = bus.subscription(topic)
    ids = bus.publish(topic, b"one", b"two", b"three", colour="red")

    bus.acknowledge(subscription, bus.pull(subscription))
    bus.nack(subscription, bus.pull(subscription))
    wait_until(
        lambda: call("GET", f"{bus.control_url}/_messages?subscription={subscription}")[0][
            "attempts"
        ],
        what="an attempt",
    )

    stats = bus.stats(subscription)
    pending = call("GET", f"{bus.control_url}/_messages?subscription={subscription}")
    assert call("GET", f"{bus.control_url}/_health") == {"status": "ok"}
    assert stats.pop("oldest_age_s") < 10
    assert stats == {
        "backlog": 2,
        "outstanding": 0,
        "delivered": 2,
        "acknowledged": 1,
        "nacked": 1,
        "dead_lettered": 0,
    }
    assert [(each["messageId"], each["attempts"]) for each in pending] == [(ids[1], 1), (ids[2], 0)]
    assert pending[0]["attributes"] == {"colour": "red"}
    with pytest.raises(OSError, match="404"):
        call("GET", f"{bus.control_url}/_messages")


def test_publish_time_follows_the_clock_of_the_state_directory(own, tmp_path):
    topic = own.topic()
    subscription = own.subscription(topic)
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    Clock(tmp_path).advance_to(tomorrow)
    own.publish(topic, b"x")

    [received] = own.pull(subscription)
    assert timedelta() <= received.message.publish_time - tomorrow < timedelta(seconds=10)
    assert Clock(tmp_path).now() > tomorrow


def test_clock_never_goes_back(tmp_path):
    clock = Clock(tmp_path)
    clock.advance_to(datetime.now(UTC) + timedelta(hours=1))

    clock.advance_to(datetime.now(UTC) - timedelta(hours=1))

    assert clock.now() > datetime.now(UTC) + timedelta(minutes=59)


def test_kill_loses_no_acknowledged_publish(own):
    topic = own.topic()
    subscription = own.subscription(topic, labels={"keep": "me"})
    [forgotten] = own.publish(topic, b"acknowledged before")
    own.acknowledge(subscription, own.pull(subscription))
    promised: list[str] = []

    def publish() -> None:
        with contextlib.suppress(ServerError):
            while True:
                promised.extend(own.publish(topic, b"x", b"y"))

    publishing = threading.Thread(target=publish)
    publishing.start()
    wait_until(lambda: len(promised) > 200, what="publishes under way")
    own.process.kill()
    publishing.join(timeout=30)
    own.process.start()

    survivors = call("GET", f"{own.control_url}/_messages?subscription={subscription}")
    ids = [each["messageId"] for each in survivors]
    assert not publishing.is_alive()
    assert set(promised) <= set(ids)
    assert forgotten not in ids
    assert len(ids) == len(set(ids))
    found = own.subscriber.get_subscription(subscription=subscription)
    assert dict(found.labels) == {"keep": "me"}


def test_kill_brings_back_what_was_in_flight_with_its_attempts(own, receiver):
    topic, dead_topic = own.topic(), own.topic()
    is_hanging = threading.Event()
    receiver.answer = lambda _: 204 if is_hanging.wait(timeout=30) else 500
    policy = {"dead_letter_topic": dead_topic, "max_delivery_attempts": 5}
    subscription = own.push_subscription(topic, receiver, dead_letter_policy=policy)
    certs = call("GET", f"{own.control_url}/certs")
    own.publish(topic, b"in flight")
    receiver.wait(1)

    own.process.kill()
    own.process.start()

    receiver.wait(2)
    is_hanging.set()
    assert [push.body["deliveryAttempt"] for push in receiver.pushes] == [1, 2]
    assert call("GET", f"{own.control_url}/certs") == certs
    wait_until(lambda: own.stats(subscription)["backlog"] == 0, what="the acknowledgement")


def test_state_directory_serves_one_emulator_at_a_time(own, tmp_path):
    second, _ = our_process(tmp_path)
    second.launch()

    try:
        assert second.exit_status(timeout_s=20) == 2
    finally:
        second.kill()


def test_termination_ends_open_streams_and_succeeds(own):
    first = {
        "subscription": own.subscription(own.topic()),
        "stream_ack_deadline_seconds": 10,
    }
    is_over = threading.Event()
    requests = itertools.chain([first], iter(is_over.wait, True))
    stream = own.subscriber.streaming_pull(requests=requests)

    own.process.signal(signal.SIGTERM)

    assert own.process.exit_status(timeout_s=5) == 0
    with pytest.raises(GoogleAPICallError):
        next(iter(stream))
    is_over.set()
