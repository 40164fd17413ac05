"""Topics and their backlogs: a published message goes into each, a dead letter into another.

One lock for everything. A change is in the store before anybody hears of it.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1.types import PubsubMessage, PushConfig, Subscription, Topic

from local.clock import Clock
from local.pubsub import resources
from local.pubsub.backlog import Backlog, Delivery
from local.pubsub.faults import Faults
from local.pubsub.filters import Filter, compile_filter
from local.pubsub.store import Store
from local.rpc import exists, invalid, not_found

DEAD_LETTER_PREFIX = "CloudPubSubDeadLetterSource"
"""Of the attributes that a dead letter gets. Source: Pub/Sub, "Dead-letter topics"."""

PUBLISHED_KEPT = 1_000


class Broker:
    """All topics and subscriptions of all projects."""

    def __init__(
        self, store: Store, clock: Clock, faults: Faults, *, serve: Callable[[Backlog], None]
    ) -> None:
        """Take up what the store holds; everything unacknowledged is due at once.

        Args:
            store: what survived.
            clock: gives the publish times.
            faults: may meddle with deliveries.
            serve: begins to look after a backlog, until that is closed.
        """
        self._store = store
        self._clock = clock
        self._faults = faults
        self._serve = serve
        self._lock = threading.RLock()
        self._topics = {topic.name: topic for topic in store.topics()}
        self._backlogs: dict[str, Backlog] = {}
        self._published: deque[tuple[str, PubsubMessage]] = deque(maxlen=PUBLISHED_KEPT)
        self._routes: defaultdict[str, list[tuple[Backlog, Filter]]] = defaultdict(list)
        # Nothing is delivered before all are there: a dead letter must find its subscriptions.
        with self._lock:
            for subscription in store.subscriptions():
                self._open(subscription).add(store.deliveries(subscription.name))

    def create_topic(self, topic: Topic) -> Topic:
        """Create a topic.

        Raises:
            RefusedError: INVALID_ARGUMENT, UNIMPLEMENTED or ALREADY_EXISTS.
        """
        resources.check_topic(topic)
        with self._lock:
            if topic.name in self._topics:
                raise exists(f"Topic {topic.name} exists already.")
            self._put_topic(topic)
        return topic

    def topic(self, name: str) -> Topic:
        """Return a topic.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            if name not in self._topics:
                raise not_found(f"Topic {name} does not exist.")
            return self._topics[name]

    def topics(self, project: str) -> list[Topic]:
        """Return the topics of ``projects/…``, by name."""
        with self._lock:
            names = sorted(name for name in self._topics if name.startswith(f"{project}/"))
            return [self._topics[name] for name in names]

    def update_topic(self, change: Topic, mask: FieldMask) -> Topic:
        """Change the fields of a topic that a mask names.

        Raises:
            RefusedError: NOT_FOUND, INVALID_ARGUMENT or UNIMPLEMENTED.
        """
        with self._lock:
            current = self.topic(change.name)
            topic = resources.merged(current, change, mask, resources.TOPIC_CHANGEABLE)
            resources.check_topic(topic)
            self._put_topic(topic)
        return topic

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions stay, with what they have.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            self.topic(name)
            with self._store.transaction():
                self._store.remove_topic(name)
                for backlog, _ in self._routes.pop(name, []):
                    backlog.subscription.topic = resources.DELETED_TOPIC
                    self._store.put_subscription(backlog.subscription)
            del self._topics[name]

    def create_subscription(self, subscription: Subscription) -> Subscription:
        """Create a subscription, which gets what is published from now on.

        Raises:
            RefusedError: NOT_FOUND (a topic), ALREADY_EXISTS, INVALID_ARGUMENT, UNIMPLEMENTED.
        """
        resources.complete(subscription)
        compile_filter(subscription.filter)
        with self._lock:
            if subscription.name in self._backlogs:
                raise exists(f"Subscription {subscription.name} exists already.")
            self.topic(subscription.topic)
            self._check_dead_letter_topic(subscription)
            self._store.put_subscription(subscription)
            self._open(subscription)
        return subscription

    def backlog(self, subscription: str) -> Backlog:
        """Return the backlog of a subscription.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            if subscription not in self._backlogs:
                raise not_found(f"Subscription {subscription} does not exist.")
            return self._backlogs[subscription]

    def backlogs(self, prefix: str = "") -> list[Backlog]:
        """Return the backlogs of the subscriptions whose names begin so, by name."""
        with self._lock:
            names = sorted(name for name in self._backlogs if name.startswith(prefix))
            return [self._backlogs[name] for name in names]

    def update_subscription(self, change: Subscription, mask: FieldMask) -> Subscription:
        """Change the fields of a subscription that a mask names.

        Raises:
            RefusedError: NOT_FOUND, INVALID_ARGUMENT or UNIMPLEMENTED.
        """
        with self._lock:
            backlog = self.backlog(change.name)
            subscription = resources.merged(
                backlog.subscription, change, mask, resources.SUBSCRIPTION_CHANGEABLE
            )
            resources.complete(subscription)
            self._check_dead_letter_topic(subscription)
            self._store.put_subscription(subscription)
            backlog.subscription = subscription
            backlog.wake()
        return subscription

    def set_push_config(self, subscription: str, config: PushConfig) -> None:
        """Push to another endpoint from now on, or to none.

        Raises:
            RefusedError: NOT_FOUND, INVALID_ARGUMENT or UNIMPLEMENTED.
        """
        change = Subscription(name=subscription, push_config=config)
        self.update_subscription(change, FieldMask(paths=["push_config"]))

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and its messages.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            backlog = self.backlog(name)
            self._store.remove_subscription(name)
            del self._backlogs[name]
            routes = self._routes[backlog.subscription.topic]
            routes[:] = [route for route in routes if route[0] is not backlog]
            backlog.close()

    def publish(self, topic: str, messages: Sequence[PubsubMessage]) -> list[str]:
        """Give messages to every subscription of a topic; return their ids once they are durable.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            self.topic(topic)
            now = self._clock.now()
            # The service's publish times have milliseconds.
            publish_time = now - timedelta(microseconds=now.microsecond % 1000)
            with self._store.transaction():
                numbers = self._store.number(len(messages))
                for message, number in zip(messages, numbers, strict=True):
                    message.message_id = str(number)
                    message.publish_time = publish_time
                self._fan_out(topic, messages)
            self._published.extend((topic, message) for message in messages)
        return [message.message_id for message in messages]

    def published(self) -> list[tuple[str, PubsubMessage]]:
        """Return the newest messages of all topics with their topics, the oldest first."""
        with self._lock:
            return list(self._published)

    def now_s(self) -> float:
        """Return the time that publish times are compared with, in seconds since 1970."""
        return self._clock.now().timestamp()

    def wake(self) -> None:
        """Have every subscription look again, after faults changed."""
        for backlog in self.backlogs():
            backlog.wake()

    def _fan_out(self, topic: str, messages: Sequence[PubsubMessage]) -> None:
        attributes = [dict(message.attributes) for message in messages]
        for backlog, is_wanted in self._routes[topic]:
            wanted = [
                message
                for message, each in zip(messages, attributes, strict=True)
                if is_wanted(each)
            ]
            self._store.add(backlog.name, wanted)
            backlog.add((message, 0) for message in wanted)

    def _bury(self, backlog: Backlog, delivery: Delivery) -> bool:
        """Publish a dead letter; the message stays where it was when there is no topic for it."""
        topic = backlog.subscription.dead_letter_policy.dead_letter_topic
        if topic not in self._topics:
            return False
        project, subscription_id = resources.split_name(backlog.name)
        source = delivery.message
        about = {
            "DeliveryCount": str(delivery.attempts),
            "Subscription": subscription_id,
            "SubscriptionProject": project,
            "TopicPublishTime": source.publish_time.isoformat(timespec="milliseconds"),
        }
        letter = PubsubMessage(
            data=source.data,
            attributes={
                **source.attributes,
                **{f"{DEAD_LETTER_PREFIX}{key}": value for key, value in about.items()},
            },
            ordering_key=source.ordering_key,
        )
        self.publish(topic, [letter])
        return True

    def _put_topic(self, topic: Topic) -> None:
        self._store.put_topic(topic)
        self._topics[topic.name] = topic

    def _check_dead_letter_topic(self, subscription: Subscription) -> None:
        topic = subscription.dead_letter_policy.dead_letter_topic
        if topic and topic == subscription.topic:
            raise invalid(f"{topic} cannot be the dead-letter topic of its own subscription.")
        if topic:
            self.topic(topic)

    def _open(self, subscription: Subscription) -> Backlog:
        backlog = Backlog(
            subscription,
            self._store,
            self._faults,
            changed=threading.Condition(self._lock),
            bury=self._bury,
        )
        self._backlogs[subscription.name] = backlog
        route = (backlog, compile_filter(subscription.filter))
        self._routes[subscription.topic].append(route)
        self._serve(backlog)
        return backlog
