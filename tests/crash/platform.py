"""The platform's part in one case: it delivers, redelivers what was not acknowledged, and repeats.

Acknowledged means forgotten, as with Pub/Sub: a message that is acknowledged too early is lost
here too.
"""

import random
import threading
from contextvars import copy_context
from dataclasses import dataclass

from local.faultpoints.boards import MemoryBoard
from tests.crash.functions import serve
from tests.crash.messages import Message
from tests.crash.tracks import Track

MAX_ATTEMPTS = 5
"""Then Pub/Sub would put a message aside."""

ROUNDS = 3
ZOMBIE_LIMIT_S = 30.0


@dataclass(slots=True, eq=False)
class Sent:
    """One message on its way."""

    message: Message
    attempts: int = 0
    is_acknowledged: bool = False


class Platform:
    """Delivers the messages of one case."""

    def __init__(self, track: Track, order: random.Random) -> None:
        self._track = track
        self._order = order
        self._outbox = track.outbox
        self.sent: list[Sent] = []
        self.is_absorbed = False
        """The delivery that met the fault was acknowledged all the same."""

    def begin(self, message: Message, board: MemoryBoard) -> None:
        """Deliver a message and all that follows from it, once, while the board's faults happen."""
        self._outbox.published.clear()
        self.sent = [Sent(message)]
        self._follow(0, board)

    def redeliver(self) -> bool:
        """Deliver what is not acknowledged until it is; say whether all of it was, in time."""
        for _ in range(1 + self._track.lane.ticks):
            while open_ := [s for s in self.sent if not s.is_acknowledged]:
                if any(s.attempts >= MAX_ATTEMPTS for s in open_):
                    return False
                self._order.shuffle(open_)
                for sent in open_:
                    self._deliver(sent, MemoryBoard())
                self._collect()
            self._tick()
        return True

    def repeat(self) -> None:
        """Deliver everything again, several times, in any order."""
        for _ in range(ROUNDS):
            again = list(self.sent)
            self._order.shuffle(again)
            for sent in again:
                self._deliver(sent, MemoryBoard())
            new = len(self.sent)
            self._collect()
            self._follow(new, MemoryBoard())

    def _follow(self, start: int, board: MemoryBoard) -> None:
        position = start
        while position < len(self.sent):
            self._deliver(self.sent[position], board)
            self._collect()
            position += 1

    def _deliver(self, sent: Sent, board: MemoryBoard) -> None:
        """Deliver in a thread. If it pauses, others do the work first; then it goes on."""
        sent.attempts += 1
        self._let_leases_run_out()
        if board.is_used_up:
            sent.is_acknowledged |= serve(self._track.services, sent.message, board)
            return
        results: list[bool] = []
        context = copy_context()

        def work() -> None:
            try:
                results.append(context.run(serve, self._track.services, sent.message, board))
            finally:
                board.news.set()

        thread = threading.Thread(target=work)
        board.news.clear()
        thread.start()
        board.news.wait(ZOMBIE_LIMIT_S)
        if board.is_paused and not board.resumed.is_set():
            self._overtake(sent)
            board.resumed.set()
        thread.join(ZOMBIE_LIMIT_S)
        assert not thread.is_alive(), "the delivery hangs"
        sent.is_acknowledged |= results[0]
        if board.is_used_up:
            self.is_absorbed = results[0]

    def _overtake(self, sent: Sent) -> None:
        """Redeliver while the first delivery stands still, and let all follow from that."""
        new = len(self.sent)
        sent.attempts += 1
        self._let_leases_run_out()
        sent.is_acknowledged |= serve(self._track.services, sent.message, MemoryBoard())
        self._collect()
        self._follow(new, MemoryBoard())

    def _collect(self) -> None:
        """Take up what was published."""
        while self._outbox.published:
            published = self._outbox.published.pop(0)
            message = Message(
                topic=published.topic, data=published.data, attributes=published.attributes
            )
            self.sent.append(Sent(message))

    def _tick(self) -> None:
        """Let the Scheduler send its message to the sweep, where the lane is about that."""
        if self._track.lane.ticks:
            self._track.replay()
            self._collect()
            self.sent.append(Sent(self._track.tick()))

    def _let_leases_run_out(self) -> None:
        self._track.clock.advance(self._track.services.settings.lease_s + 1)
