"""Everything that may happen, in any order: hypothesis chooses, the witness looks after every step.

One machine per mode. An example is a history of commits at the source, triggers, sweeps, deliveries
that are stopped, killed, resumed as zombies, refused or left without a reply, and of time that
passes. At the end everything dies, and one clean tick must make target and source equal.
"""

import sys
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shared.core.modes import SyncMode
from shared.core.windows import CursorKind
from tests.model.interleaving import Fate, Instance
from tests.model.world import DAY, LEASE_S, UNBOUNDED, Message, Setup, World, on_virtual_time

MAX_INSTANCES = 4
MAX_ROWS = 12


TRIED: Counter[str] = Counter()
"""How many examples and steps this process has tried, for whoever reports it."""


class Event(StrEnum):
    """What may happen next."""

    INSERT = "insert"
    INSERT_MANY = "insert many"
    INSERT_AHEAD = "insert ahead"
    """From a writer whose clock is fast."""
    INSERT_NULL = "insert NULL"
    UPDATE = "update"
    DELETE = "delete"
    TICK = "tick"
    TICK_AGAIN = "tick again"
    ASK = "ask for a full load"
    SWEEP = "sweep"
    WAIT = "wait"
    DELIVER = "deliver"
    DELIVER_AGAIN = "deliver again"
    """Any message, acknowledged or not."""
    HANDLE = "handle"
    """Deliver a message, and let nothing come in between."""
    HANDLE_MEANWHILE = "handle, meanwhile insert"
    """Deliver a message; a row commits right before an I/O that matters."""
    GO_ON = "go on"
    """By some I/Os, perhaps as a zombie."""
    AIM = "aim"
    """Go on right up to an I/O that matters, when all that was read before may grow old."""
    FINISH = "finish"
    SETTLE = "settle"
    """Deliver until nothing waits; instances under way are overtaken."""
    OVERTAKE = "overtake"
    """An instance becomes a zombie: its lease runs out, and its message is handled by another."""
    REFUSE = "refuse"
    LOSE_REPLY = "lose the reply"
    REPEAT = "repeat"
    KILL = "kill"


E = Event
EVENTS = [
    *(E.INSERT, E.INSERT, E.INSERT_MANY, E.INSERT_AHEAD, E.INSERT_NULL, E.UPDATE, E.DELETE),
    *(E.TICK, E.TICK, E.TICK_AGAIN, E.ASK, E.SWEEP, E.WAIT, E.WAIT),
    *[E.DELIVER] * 6,
    *[E.HANDLE] * 5,
    *[E.HANDLE_MEANWHILE] * 3,
    *[E.SETTLE] * 2,
    *[E.OVERTAKE] * 3,
    *(E.GO_ON, E.GO_ON, E.AIM, E.AIM, E.FINISH, E.FINISH),
    *(E.DELIVER_AGAIN, E.REFUSE, E.LOSE_REPLY, E.REPEAT, E.KILL),
]
"""Some are more likely than others. One rule chooses among them, because hypothesis leaves out
about half of a machine's rules in an example, and without triggers nothing happens."""

FATES = {E.REFUSE: Fate.REFUSED, E.LOSE_REPLY: Fate.LOST, E.REPEAT: Fate.TWICE}
IOS = (0, 1, 2, 3, 5, 8, 13, 21)
AIMS = {
    "extract": (
        *("create parts/", "ask for the last change", "count rows", "write manifests/"),
        *("read rows", "write units/", "write ledger/", "send to"),
    ),
    "load": (
        *("publish", "publish", "publish", "look for the load"),
        *("look at the staging table", "stage a part", "write ledger/", "send to"),
    ),
    "sweep": (
        *("list ledger/", "read ledger/", "write ledger/", "send to"),
        *("list staging tables", "discard", "delete", "delete"),
    ),
}
"""The I/Os that matter, by topic."""
PAUSES_S = (1, 8, LEASE_S, LEASE_S, 5 * 60, 10 * 60, 40 * 60, 40 * 60)
SHARES_OF_LAG = (0, 0, 0, 0, 0.5, 0.5, 1, 1)
CLOCK_AHEAD = timedelta(seconds=30)


class DeliveryMachine(RuleBasedStateMachine):
    """Histories of one table; a subclass says in which mode."""

    mode: SyncMode
    may_change_rows = True
    """An appended table's rows never change at the source."""

    def __init__(self) -> None:
        super().__init__()
        TRIED["examples"] += 1
        self.world: World
        self.instances: list[tuple[Message, Instance]] = []
        self._stack = ExitStack()

    @initialize(
        kind=st.sampled_from([CursorKind.TIME, CursorKind.TIME, CursorKind.DATE]),
        time_lag_s=st.sampled_from([0, 10, 90]),
        date_lag_s=st.sampled_from([0, 3600, 36 * 3600]),
        unit_rows=st.sampled_from([UNBOUNDED, 3]),
        unit_bytes=st.sampled_from([UNBOUNDED, UNBOUNDED, 130]),
        unit_parts=st.sampled_from([UNBOUNDED, 1]),
        direct_bytes=st.sampled_from([UNBOUNDED, 1]),
        finds_deletes=st.booleans(),
        rows=st.sampled_from([0, 1, 2, 5]),
    )
    def set_up(
        self,
        *,
        kind: CursorKind,
        time_lag_s: int,
        date_lag_s: int,
        finds_deletes: bool,
        rows: int,
        **units: int,
    ) -> None:
        """Choose how the table is configured, and reach two slots."""
        lag_s = time_lag_s if kind is CursorKind.TIME else date_lag_s
        setup = Setup(
            mode=self.mode,
            kind=kind,
            lag=timedelta(seconds=lag_s),
            finds_deletes=finds_deletes and self.mode is SyncMode.INCREMENTAL,
            **units,
        )
        self.world = self.make_world(setup)
        self._stack.enter_context(on_virtual_time(self.world.clock))
        self.world.source.insert(number=rows)
        self.world.clock.pass_(setup.lag + DAY)
        self.world.tick()
        self.world.tick()

    def make_world(self, setup: Setup) -> World:
        """Return the world to explore; a broken protocol returns another one."""
        return World(setup)

    @rule(event=st.sampled_from(EVENTS), which=st.integers(0, 5), much=st.integers(0, 7))
    def happen(self, event: Event, which: int, much: int) -> None:
        """Let one thing happen.

        Args:
            event: what.
            which: to which of several, counted from the newest in a circle.
            much: how far an instance gets, how old a cursor is, how long a pause lasts.
        """
        TRIED["steps"] += 1
        world = self.world
        if event in (E.TICK, E.TICK_AGAIN):
            again = event is E.TICK_AGAIN
            world.tick_again(world.slots - which % world.slots) if again else world.tick()
        elif event is E.ASK:
            world.ask(SyncMode.FULL, f"request {which}")
        elif event is E.SWEEP:
            world.ask_for_sweep()
        elif event is E.WAIT:
            world.clock.pass_(timedelta(seconds=PAUSES_S[much]))
        elif event in (E.DELIVER, E.DELIVER_AGAIN):
            self._deliver(event, which, much)
        elif event in (E.HANDLE, E.HANDLE_MEANWHILE):
            self._handle(event, which, much)
        elif event is E.SETTLE:
            world.settle()
        elif event is E.OVERTAKE:
            self._overtake(which, much)
        elif event in (E.GO_ON, E.AIM, E.FINISH, E.KILL, *FATES):
            self._work(event, which, much)
        else:
            self._commit(event, which, SHARES_OF_LAG[much])
        world.witness.look()

    def _commit(self, event: Event, which: int, share: float) -> None:
        source, age = self.world.source, timedelta(seconds=int(share * self._lag_s))
        row = _pick(list(source.rows.values()), which) if source.rows else None
        if row and event is E.UPDATE and self.may_change_rows:
            source.update(row, age)
        elif row and event is E.DELETE and self._sees_deletes:
            source.delete(row)
        elif len(source.rows) < MAX_ROWS:
            ages: dict[Event, timedelta | None] = {E.INSERT_AHEAD: -CLOCK_AHEAD}
            if self.mode is SyncMode.INCREMENTAL:
                ages[E.INSERT_NULL] = None
            source.insert(ages.get(event, age), number=4 if event is E.INSERT_MANY else 1)

    @property
    def _sees_deletes(self) -> bool:
        return self.mode is SyncMode.FULL or self.world.setup.finds_deletes

    @property
    def _lag_s(self) -> float:
        return self.world.setup.lag.total_seconds()

    def _deliver(self, event: Event, which: int, much: int) -> None:
        again = event is E.DELIVER_AGAIN
        messages = self.world.mail() if again else self.world.unacknowledged()
        if messages and len(self.instances) < MAX_INSTANCES:
            self._start(_pick(messages, which), much)

    def _start(self, message: Message, much: int) -> None:
        """Start an instance, and stop it at an I/O that matters, or a little later."""
        instance = self.world.start(message)
        instance.aim_at(AIMS[message.topic][much])
        for _ in range(much % 3):
            instance.advance()
        if instance.is_over:
            _finish(instance)
        else:
            self.instances.append((message, instance))

    def _handle(self, event: Event, which: int, much: int) -> None:
        waiting = self.world.unacknowledged()
        if waiting and event is E.HANDLE:
            self.world.deliver(_pick(waiting, which))
        elif waiting:
            message = _pick(waiting, which)
            instance = self.world.start(message)
            instance.aim_at(AIMS[message.topic][much])
            self._commit(E.INSERT, which, 0)
            _finish(instance)

    def _overtake(self, which: int, much: int) -> None:
        waiting = self.world.unacknowledged()
        if waiting and len(self.instances) < MAX_INSTANCES:
            message = _pick(waiting, which)
            self._start(message, much)
            self.world.clock.pass_(timedelta(seconds=LEASE_S))
            self.world.deliver(message)

    def _work(self, event: Event, which: int, much: int) -> None:
        if self.instances:
            message, instance = chosen = _pick(self.instances, which)
            _advance(instance, event, much, AIMS[message.topic][much])
            if instance.is_over:
                self.instances.remove(chosen)
                _finish(instance)

    def teardown(self) -> None:
        """Kill everything; unless the example has failed, everything must come right again."""
        with self._stack:
            for _, instance in self.instances:
                instance.kill()
            if hasattr(self, "world") and sys.exc_info()[0] is None:
                self.world.recover()


class FullMachine(DeliveryMachine):
    """A table that each run replaces."""

    mode = SyncMode.FULL


class MergeMachine(DeliveryMachine):
    """A table into which each run merges what is new and what may have come late."""

    mode = SyncMode.INCREMENTAL


class AppendMachine(DeliveryMachine):
    """A table to which each run adds what can no longer change."""

    mode = SyncMode.APPEND
    may_change_rows = False


def _finish(instance: Instance) -> None:
    instance.run()
    if instance.error:
        raise instance.error


MACHINES: dict[SyncMode, type[DeliveryMachine]] = {
    machine.mode: machine for machine in (AppendMachine, MergeMachine, FullMachine)
}


def _advance(instance: Instance, event: Event, much: int, aim: str) -> None:
    if event is E.KILL:
        instance.kill()
    elif event in FATES:
        instance.advance(FATES[event])
    elif event is E.FINISH:
        _finish(instance)
    elif event is E.AIM:
        instance.aim_at(aim)
    else:
        for _ in range(IOS[much]):
            instance.advance()


def _pick(things: list[Any], which: int) -> Any:
    return things[-1 - which % len(things)]
