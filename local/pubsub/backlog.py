"""One subscription's unacknowledged messages: who has them, when they are due, in which order.

A delivery waits until it is due, is leased to a subscriber under an ack id, and then acknowledged,
refused (a nack), or lapsed (the lease's deadline passed). Refused and lapsed ones wait for their
back-off, or become dead letters. An ack id works as long as the message is there, also when its
lease has lapsed; only the current lease can be refused or extended.
"""

import heapq
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from google.pubsub_v1.types import PubsubMessage, Subscription

from local.pubsub.faults import FaultKind, Faults
from local.pubsub.store import Store
from local.rpc import invalid

PAUSE_S = 0.1
"""Before a redelivery without a retry policy. Ours; the real service says only "immediately"."""

DOUBLINGS_MAX = 20
"""From here on a back-off is the longest one anyway: 2^20 times a second is above 600 s."""

TAKE_MAX_BYTES = 3 * 2**20
"""Of messages handed out at once: gRPC's default for a client is 4 MiB, and no emulator's client
of Google's sets another. A single larger message is handed out alone."""

NOBODY = 0
"""The lease number of a delivery that waits, and of a duplicate: it can be acknowledged only."""

_ACK_ID = re.compile(r"(\d+)-(\d+)")


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One message in one subscription."""

    message: PubsubMessage
    number: int
    """The message id."""
    key: str
    """Ordering key; empty when the subscription is unordered."""
    size_bytes: int
    attempts: int
    due_s: float
    """On the monotonic clock."""
    lease: int = NOBODY
    deadline_s: float = 0.0
    """Of the lease, on the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A delivery handed out: what a subscriber needs to answer for it."""

    ack_id: str
    message: PubsubMessage
    attempt: int
    """From 1; 0 when the subscription has no dead-letter policy."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened since the process started."""

    delivered: int = 0
    """Deliveries handed out, repeated ones included."""
    acknowledged: int = 0
    nacked: int = 0
    """Deliveries refused, lapsed ones included."""
    dead_lettered: int = 0


@dataclass(slots=True, eq=False)
class Backlog:
    """All of it; ``changed`` is the lock, and notified whenever a waiting thread should look again.

    ``bury`` makes a dead letter of a delivery; False when there is no such topic.
    """

    subscription: Subscription
    store: Store
    faults: Faults
    changed: threading.Condition
    bury: Callable[["Backlog", Delivery], bool]
    counts: Counts = field(default_factory=Counts)
    is_closed: bool = False
    _deliveries: dict[int, Delivery] = field(default_factory=dict)
    # Heaps keep entries that are out of date; a look at the delivery tells.
    _due: list[tuple[float, int]] = field(default_factory=list)
    _deadlines: list[tuple[float, int]] = field(default_factory=list)
    _leased: set[int] = field(default_factory=set)
    _keys: dict[str, deque[int]] = field(default_factory=dict)
    _last_lease: int = NOBODY
    _taken_s: float = 0.0
    # The same shuffle each time: a test that fails can be repeated.
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311

    @property
    def name(self) -> str:
        """Full name of the subscription."""
        return self.subscription.name

    @property
    def outstanding(self) -> int:
        """How many deliveries are leased."""
        return len(self._leased)

    def add(self, messages: Iterable[tuple[PubsubMessage, int]]) -> None:
        """Take in messages with the number of their attempts so far, in the order of their ids."""
        with self.changed:
            for message, attempts in messages:
                self._add(message, attempts)
            self.changed.notify_all()

    def take(self, limit: int, lease_s: float = 0.0) -> list[Grant]:
        """Lease deliveries that are due, oldest first; empty when there are none.

        Args:
            limit: how many at most, or 0; a duplicate that a fault asks for comes on top.
            lease_s: until they lapse; 0 means the subscription's ack deadline.
        """
        grants: list[Grant] = []
        attempts: dict[int, int] = {}
        size_bytes = 0
        with self.changed:
            self._taken_s = time.monotonic()
            while len(attempts) < limit and (delivery := self._next_due()) is not None:
                size_bytes += delivery.size_bytes
                if grants and size_bytes > TAKE_MAX_BYTES:
                    break
                grants += self._lease(delivery, lease_s or self.subscription.ack_deadline_seconds)
                attempts[delivery.number] = delivery.attempts
            if attempts:
                self.store.set_attempts(self.name, attempts)
                self.counts.delivered += len(grants)
                self.changed.notify_all()
        return grants

    def acknowledge(self, ack_ids: Iterable[str]) -> None:
        """Forget messages; ids of messages that are gone are ignored.

        Raises:
            RefusedError: INVALID_ARGUMENT, this is no ack id.
        """
        with self.changed:
            for delivery, lease in list(self._find(ack_ids)):
                if not self.faults.take(FaultKind.DROP_ACK, self.name):
                    self.counts.acknowledged += 1
                    self._forget(delivery)
                elif _is_current(delivery, lease):
                    self._fail(delivery)
            self.changed.notify_all()

    def set_deadline(self, ack_ids: Iterable[str], lease_s: int) -> None:
        """Let leases last from now; 0 refuses the messages. Leases that lapsed are ignored.

        Raises:
            RefusedError: INVALID_ARGUMENT, this is no ack id.
        """
        with self.changed:
            for delivery, lease in list(self._find(ack_ids)):
                if not _is_current(delivery, lease):
                    continue
                if lease_s == 0:
                    self._fail(delivery)
                else:
                    self._set_deadline(delivery, lease_s)
            self.changed.notify_all()

    def is_leased(self, ack_id: str) -> bool:
        """Whether this ack id's lease is the current one."""
        with self.changed:
            return any(_is_current(*each) for each in self._find([ack_id]))

    def expire(self) -> None:
        """Take back what was leased for too long."""
        with self.changed:
            while self._deadlines and self._deadlines[0][0] <= time.monotonic():
                deadline_s, number = heapq.heappop(self._deadlines)
                delivery = self._deliveries.get(number)
                if delivery and delivery.lease != NOBODY and delivery.deadline_s == deadline_s:
                    self._fail(delivery)
                    self.changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until something changes, lapses, or falls due.

        The caller holds ``changed`` since it called ``take``: what was due then, and was not
        taken, is no reason to look again.
        """
        now_s = time.monotonic()
        moments_s = [self._deadlines[0][0]] if self._deadlines else []
        if self._due and self._due[0][0] > self._taken_s:
            moments_s.append(self._due[0][0])
        if timeout_s is not None:
            moments_s.append(now_s + timeout_s)
        self.changed.wait(max(0.0, min(moments_s) - now_s) if moments_s else None)

    def wake(self) -> None:
        """Have every waiting thread look again."""
        with self.changed:
            self.changed.notify_all()

    def close(self) -> None:
        """End everything that waits here: the subscription is deleted."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def pending(self) -> list[Delivery]:
        """Return everything unacknowledged, oldest first."""
        with self.changed:
            return list(self._deliveries.values())

    def _add(self, message: PubsubMessage, attempts: int) -> None:
        fault = self.faults.take(FaultKind.DELAY, self.name)
        delivery = Delivery(
            message=message,
            number=int(message.message_id),
            key=message.ordering_key if self.subscription.enable_message_ordering else "",
            size_bytes=PubsubMessage.pb(message).ByteSize(),
            attempts=attempts,
            due_s=time.monotonic() + (fault.delay_s if fault else 0.0),
        )
        self._deliveries[delivery.number] = delivery
        if delivery.key:
            queue = self._keys.setdefault(delivery.key, deque())
            queue.append(delivery.number)
            if len(queue) > 1:
                return
        heapq.heappush(self._due, (delivery.due_s, delivery.number))

    def _next_due(self) -> Delivery | None:
        """Return a delivery that is due, without leasing it; of each key only the oldest."""
        while self._due and self._due[0][0] <= self._taken_s:
            delivery = self._waiting(*self._due[0])
            if delivery is None:
                heapq.heappop(self._due)
                continue
            if self.faults.take(FaultKind.HOLD, self.name):
                return None
            if self.faults.take(FaultKind.REORDER, self.name):
                found = (self._waiting(*each) for each in self._due if each[0] <= self._taken_s)
                return self._random.choice([each for each in found if each])
            return delivery
        return None

    def _waiting(self, due_s: float, number: int) -> Delivery | None:
        """Return the delivery that an entry of the heap means, if it still means one."""
        delivery = self._deliveries.get(number)
        is_current = delivery and delivery.lease == NOBODY and delivery.due_s == due_s
        return delivery if is_current else None

    def _lease(self, delivery: Delivery, lease_s: float) -> list[Grant]:
        self._last_lease += 1
        delivery.lease = self._last_lease
        delivery.attempts += 1
        self._leased.add(delivery.number)
        self._set_deadline(delivery, lease_s)
        leases = [delivery.lease]
        if self.faults.take(FaultKind.DUPLICATE, self.name):
            leases.append(NOBODY)
        is_counted = bool(self.subscription.dead_letter_policy.dead_letter_topic)
        return [
            Grant(
                ack_id=f"{delivery.number}-{lease}",
                message=delivery.message,
                attempt=delivery.attempts if is_counted else 0,
            )
            for lease in leases
        ]

    def _set_deadline(self, delivery: Delivery, lease_s: float) -> None:
        delivery.deadline_s = time.monotonic() + lease_s
        heapq.heappush(self._deadlines, (delivery.deadline_s, delivery.number))

    def _fail(self, delivery: Delivery) -> None:
        """Make a delivery wait for its next attempt, or a dead letter after its last."""
        self.counts.nacked += 1
        delivery.lease = NOBODY
        self._leased.discard(delivery.number)
        policy = self.subscription.dead_letter_policy
        is_last = policy.dead_letter_topic and delivery.attempts >= policy.max_delivery_attempts
        with self.store.transaction():
            if is_last and self.bury(self, delivery):
                self.counts.dead_lettered += 1
                self._forget(delivery)
                return
        delivery.due_s = time.monotonic() + self._pause_s(delivery.attempts)
        heapq.heappush(self._due, (delivery.due_s, delivery.number))

    def _pause_s(self, attempts: int) -> float:
        if "retry_policy" not in self.subscription:
            return PAUSE_S
        policy = self.subscription.retry_policy
        shortest_s: float = policy.minimum_backoff.total_seconds()
        longest_s: float = policy.maximum_backoff.total_seconds()
        return max(PAUSE_S, min(shortest_s * 2.0 ** min(attempts - 1, DOUBLINGS_MAX), longest_s))

    def _forget(self, delivery: Delivery) -> None:
        self.store.remove(self.name, [delivery.number])
        del self._deliveries[delivery.number]
        self._leased.discard(delivery.number)
        queue = self._keys.get(delivery.key)
        if queue is None:
            return
        queue.remove(delivery.number)
        if not queue:
            del self._keys[delivery.key]
        else:
            head = self._deliveries[queue[0]]
            heapq.heappush(self._due, (head.due_s, head.number))

    def _find(self, ack_ids: Iterable[str]) -> Iterator[tuple[Delivery, int]]:
        """Yield what ack ids mean: deliveries that are still there, with the lease's number."""
        for ack_id in ack_ids:
            match = _ACK_ID.fullmatch(ack_id)
            if match is None:
                raise invalid(f"Not an ack id: {ack_id!r}.")
            delivery = self._deliveries.get(int(match[1]))
            if delivery is not None:
                yield delivery, int(match[2])


def _is_current(delivery: Delivery, lease: int) -> bool:
    return lease != NOBODY and delivery.lease == lease
