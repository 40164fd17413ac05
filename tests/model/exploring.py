"""All states of the protocol in ``states``, and the shortest way to a broken promise.

Explored are all interleavings of ticks, deliveries of every message, several instances at once, and
a source in which one row commits late. An instance that is never stepped again is a killed one, so
a kill before every step is part of it. In each state all promises must hold; then everything is
killed, what was not acknowledged is delivered, one more tick follows, and source and target must be
equal.

``python -m tests.model.exploring`` prints how many states there are, and for each broken protocol
the shortest way to its harm.
"""

import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import combinations

from shared.core.modes import SyncMode
from tests.model import broken, states
from tests.model.broken import SplitTarget
from tests.model.promises import Promise, Violation
from tests.model.states import MOMENTS, Message, Protocol, State, committed

SIZES = ((2, 1), (1, 3))
"""Ticks, and deliveries of each message."""

LAST_TICK = 9


class Counterexample(Violation):
    """A broken promise, and the shortest way to it."""

    def __init__(self, found: Violation, way: list[str]) -> None:
        super().__init__(found.promise, found.what)
        self.way = way

    def __str__(self) -> str:
        steps = [f"{number:3} {label}" for number, label in enumerate(self.way, start=1)]
        return "\n".join([super().__str__(), *steps])


class Explorer:
    """Walks through all states of one protocol, the nearest first."""

    def __init__(self, protocol: Protocol, *, ticks: int, deliveries: int) -> None:
        self._protocol = protocol
        self._deliveries = deliveries
        self._origin: dict[State, tuple[State, str] | None] = {State(ticks=ticks): None}
        self._recovered: set[State] = set()

    def explore(self) -> int:
        """Return how many states there are, all of them well.

        Raises:
            Counterexample: a promise is broken.
        """
        waiting = deque(self._origin)
        while waiting:
            state = waiting.popleft()
            try:
                self._check(state)
            except Violation as found:
                raise Counterexample(found, self._way_to(state)) from None
            for label, following in self._next(state):
                if following not in self._origin:
                    self._origin[following] = state, label
                    waiting.append(following)
        return len(self._origin)

    def _way_to(self, state: State) -> list[str]:
        way = []
        while origin := self._origin[state]:
            state, label = origin
            way.append(label)
        return way[::-1]

    def _next(self, state: State) -> Iterator[tuple[str, State]]:
        if state.ticks:
            after = state._replace(ticks=state.ticks - 1)
            yield f"tick {state.ticks}", states.tick(after, state.ticks)
        for message in sorted(state.messages):
            if state.given.count(message) < self._deliveries:
                yield f"{_name(message)} is delivered", states.deliver(state, message)
        for instance in dict.fromkeys(state.instances):  # twins do the same
            name = self._protocol.steps(instance)[instance.done]
            for after in states.step(self._protocol, state, instance):
                at = f" at {MOMENTS[after.moment][11:19]}" if name in ("token", "snapshot") else ""
                yield f"{_name(instance[:2])}: {name}{at}", after

    def _check(self, state: State) -> None:
        for load in state.loads:
            has_its_own = (load.run, load.finding) in state.manifests
            _require(Promise.LINEAGE, has_its_own, f"run {load.run} has another manifest")
        snapshots = [load.finding.snapshot for load in state.loads]
        _require(Promise.FORWARD, snapshots == sorted(snapshots), snapshots)
        rows, accounted = Counter(state.rows), sum(load.rows for load in state.loads)
        twice = [row for row, number in rows.items() if number > 1]
        _require(Promise.NOTHING_TWICE, not twice, twice)
        lost = self._passed(state) - rows.keys()
        _require(Promise.NOTHING_LOST, not lost, lost)
        _require(Promise.WHOLE_RUNS, self._is_whole(state), state.rows)
        _require(Promise.HONEST, len(state.rows) == accounted, f"the loads tell of {accounted}")
        # Many states are the same when everything is killed.
        killed = state._replace(instances=(), given=(), ticks=0)
        if killed not in self._recovered:
            self._recovered.add(killed)
            self._check_recovery(killed)

    def _passed(self, state: State) -> set[str]:
        """Return the rows that the table must have: those that the watermark has passed."""
        seen, watermark = committed(state.fence.snapshot or ""), state.fence.watermark or ""
        takes_all = self._protocol.mode is SyncMode.FULL
        return {row for row, cursor in seen.items() if takes_all or cursor <= watermark}

    def _is_whole(self, state: State) -> bool:
        """Say whether readers see all rows of some runs, and no others."""
        runs = [set(states.rows_of(self._protocol, finding)) for _, finding in state.manifests]
        chosen = (some for n in range(len(runs) + 1) for some in combinations(runs, n))
        return any(set().union(*some) == set(state.rows) for some in chosen)

    def _check_recovery(self, state: State) -> None:
        state = self._settled(state)
        # Each run ends by itself, also when no other follows.
        runs = {run for _, run in state.messages}
        _require(Promise.ENDED, runs == state.ended, f"runs {runs - state.ended} do not end")
        state = self._settled(states.tick(state, LAST_TICK))
        rows, source = Counter(state.rows), Counter(committed(MOMENTS[-1]).keys())
        _require(Promise.NOTHING_LOST, not source - rows, f"after recovery: {source - rows}")
        _require(Promise.NOTHING_TWICE, not rows - source, f"after recovery: {rows - source}")

    def _settled(self, state: State) -> State:
        """Deliver what is not acknowledged, one after the other; whoever is refused comes again."""
        for _ in range(2):
            while waiting := sorted(state.messages - state.acknowledged - set(state.given)):
                state = states.deliver(state, waiting[0])
                while state.instances:
                    *_, state = states.step(self._protocol, state, state.instances[0])
            state = state._replace(given=())
        return state


def _name(message: Message) -> str:
    return f"{message[0]} of run {message[1]}"


def _require(promise: Promise, holds: bool, what: object) -> None:
    if not holds:
        raise Violation(promise, str(what))


def _split(target: type[SplitTarget]) -> Protocol:
    transactions = (" and ".join(pieces) for pieces in target.transactions)
    return Protocol(load=(*transactions, "end"))


FIXED_PARTS = ("look", "token", "snapshot", "part", "manifest", "ask", "acknowledge")

BROKEN = {
    "record of the run outside the transaction": _split(broken.RecordAfterTarget),
    "watermark after the rows": _split(broken.WatermarkAfterTarget),
    "watermark before the rows": _split(broken.WatermarkBeforeTarget),
    "checks outside the transaction": _split(broken.CheckBeforeTarget),
    "rows visible in two halves": _split(broken.HalvesTarget),
    "no compare-and-set": Protocol(stands_in_the_way=broken.publish_anyway),
    "full loads ordered by publishing": Protocol(
        mode=SyncMode.FULL, stands_in_the_way=broken.newest_load_wins
    ),
    "cursor beyond the largest seen": Protocol(next_window=broken.after_the_largest_seen),
    "change token after the snapshot": Protocol(
        extract=("look", "snapshot", "token", "manifest", "ask", "acknowledge")
    ),
    "acknowledged before the work": Protocol(
        extract=("acknowledge", "look", "token", "snapshot", "manifest", "ask", "acknowledge")
    ),
    "part under a fixed name": Protocol(extract=FIXED_PARTS),
    "part under a fixed name, overwritten": Protocol(
        extract=FIXED_PARTS, overwrites=frozenset({"part"})
    ),
    "manifest overwritten": Protocol(overwrites=frozenset({"manifest"})),
}
"""The mutations of the same names, in the terms of ``states``."""


def explore(protocol: Protocol) -> dict[tuple[int, int], int]:
    """Return the number of states by size.

    Raises:
        Counterexample: a promise is broken.
    """
    return {
        (ticks, deliveries): Explorer(protocol, ticks=ticks, deliveries=deliveries).explore()
        for ticks, deliveries in SIZES
    }


def main() -> None:
    """Explore the protocol in all modes, then the broken ones."""
    say = sys.stdout.write
    for mode in SyncMode:
        for (ticks, deliveries), number in explore(Protocol(mode=mode)).items():
            say(f"{mode}, ticks {ticks}, deliveries {deliveries}: all of {number} states hold\n")
    for name, protocol in BROKEN.items():
        try:
            explore(protocol)
        except Counterexample as found:
            say(f"\n{name}\n{found}\n")


if __name__ == "__main__":
    main()
