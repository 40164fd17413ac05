"""Pub/Sub's pushes and Cloud Run's instances, event by event."""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

QUEUE_S = 10.0
"""A request waits so long for an instance, then it is answered 429. Source: Cloud Run, "About
instance autoscaling": 10 seconds, or 3.5 times the start of an instance if that is longer."""

BACKOFF_S, MAX_BACKOFF_S, MAX_DELIVERIES = 10.0, 600.0, 5
"""As terraform/bus.tf sets them."""

MAX_WINDOW = 3_000
"""Pushes under way of one subscription. Source: Pub/Sub, "Push subscriptions"."""


class Clock:
    """Time, which goes from event to event."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._order), do))

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        while self._events:
            self.now_s, _, do = heapq.heappop(self._events)
            do()


@dataclass(slots=True)
class Message:
    """One message: how long it is worked at, and what follows."""

    work_s: Callable[[], float]
    then: Callable[[], None] = lambda: None
    deliveries: int = 0
    pushed_at_s: float = 0.0


@dataclass(slots=True)
class Function:
    """One function behind its push subscription, one request an instance.

    The window of pushes begins at one, grows with each success and halves with a refusal. Source:
    Pub/Sub, "Push subscriptions", which calls it slow start and gives no numbers; these are ours.
    """

    clock: Clock
    name: str
    max_instances: int
    start_s: float
    max_deliveries: int = MAX_DELIVERIES
    window: float = 1.0
    busy: int = 0
    instances: int = 0
    worked_s: float = 0.0
    messages: int = 0
    refusals: int = 0
    dead_letters: int = 0
    busy_over_time: list[tuple[float, int]] = field(default_factory=list)
    _waiting: deque[Message] = field(default_factory=deque)
    _queue: deque[Message] = field(default_factory=deque)
    _under_way: int = 0

    @property
    def peak(self) -> int:
        """Instances that worked at the same time."""
        return max((busy for _, busy in self.busy_over_time), default=0)

    def publish(self, message: Message) -> None:
        """Take a message on its way."""
        self.messages += 1
        self._waiting.append(message)
        self._push()

    def _push(self) -> None:
        while self._waiting and self._under_way < int(self.window):
            message = self._waiting.popleft()
            self._under_way += 1
            message.deliveries += 1
            message.pushed_at_s = self.clock.now_s
            self._queue.append(message)
            self.clock.after(QUEUE_S, lambda m=message: self._refuse(m))  # type: ignore[misc]
            self._serve()

    def _serve(self) -> None:
        while self._queue and self.busy < self.max_instances:
            message = self._queue.popleft()
            is_new = self.busy == self.instances
            self.instances += is_new
            self._count(1)
            taken_s = message.work_s() + (self.start_s if is_new else 0.0)
            self.worked_s += taken_s
            self.clock.after(taken_s, lambda m=message: self._end(m))  # type: ignore[misc]

    def _end(self, message: Message) -> None:
        self._count(-1)
        self._under_way -= 1
        self.window = min(self.window + 1, MAX_WINDOW)
        message.then()
        self._serve()
        self._push()

    def _refuse(self, message: Message) -> None:
        """Answer 429 if the request still waits; it comes back, or is a dead letter."""
        if message not in self._queue or self.clock.now_s < message.pushed_at_s + QUEUE_S:
            return
        self._queue.remove(message)
        self._under_way -= 1
        self.refusals += 1
        self.window = max(1.0, self.window / 2)
        if message.deliveries >= self.max_deliveries:
            self.dead_letters += 1
            return
        delay_s = min(BACKOFF_S * 2 ** (message.deliveries - 1), MAX_BACKOFF_S)
        self.clock.after(delay_s, lambda: self._again(message))

    def _again(self, message: Message) -> None:
        self._waiting.append(message)
        self._push()

    def _count(self, change: int) -> None:
        self.busy += change
        self.busy_over_time.append((self.clock.now_s, self.busy))
