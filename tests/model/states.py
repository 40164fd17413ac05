"""The delivery protocol once more, small enough for ``exploring`` to look at all of its states.

The decisions are the real ones: ``windows.next_window``, ``fencing`` and ``unchanged``. Only the
order of reads and writes around them is written down again, after ``shared.steps``. Left out is
what only saves work (leases; the run's record is written, never read) and what ``machine`` covers:
units, several parts, lost replies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from shared.core import fencing, unchanged, windows
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.runs import Run, Trigger
from shared.core.schemas import TableSchema
from shared.core.windows import CursorKind, Window

DAY = datetime(2024, 1, 31, tzinfo=UTC)
LAG = timedelta(seconds=3)

SCHEDULED = Run(
    run_id="",
    table="orders",
    trigger=Trigger.SCHEDULE,
    trigger_key="",
    mode=None,
    created_at=DAY,
    updated_at=DAY,
)

Message = tuple[str, int]
"""The topic, and the run that it is about."""


def second(number: int) -> str:
    """Return a moment as the source writes it."""
    return f"{DAY + timedelta(seconds=number):%Y-%m-%d %H:%M:%S}.000000000"


SOURCE = {
    second(1): {"a": 1, "b": 2},
    second(5): {"c": 5},
    second(7): {"late": 4},
    second(9): {"d": 9},
}
"""When which row commits, and its cursor; one is late, as late as the lag allows."""

MOMENTS = (second(6), second(8), second(12))
"""When snapshots may be taken; at the last one all rows are old enough for an append."""


class Finding(NamedTuple):
    """What an extract has found out so far; what a manifest says in the end."""

    watermark: str = ""
    epoch: int = 0
    seen_token: str = ""
    token: str = ""
    snapshot: str = ""


class Instance(NamedTuple):
    """A function instance at work: the message it was given, and how many steps it has done."""

    topic: str
    run: int
    done: int = 0
    finding: Finding = Finding()


class Load(NamedTuple):
    """A row of ``_sluice.loads``; ``rows`` are those that the table gained."""

    run: int
    finding: Finding
    rows: int


class State(NamedTuple):
    """Everything there is. ``given`` has one entry for each delivery so far."""

    ticks: int
    moment: int = 0
    messages: frozenset[Message] = frozenset()
    acknowledged: frozenset[Message] = frozenset()
    given: tuple[Message, ...] = ()
    instances: tuple[Instance, ...] = ()
    parts: frozenset[tuple[int, tuple[str, ...]]] = frozenset()
    manifests: frozenset[tuple[int, Finding]] = frozenset()
    rows: tuple[str, ...] = ()
    fence: TargetState = TargetState()
    loads: tuple[Load, ...] = ()
    ended: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The order of steps and the decisions; each broken protocol has others."""

    mode: SyncMode = SyncMode.APPEND
    extract: tuple[str, ...] = ("look", "token", "snapshot", "manifest", "ask", "acknowledge")
    load: tuple[str, ...] = ("check and rows and state and record", "end")
    stands_in_the_way: Callable[[Manifest, TargetState], str | None] = fencing.stands_in_the_way
    next_window: Callable[..., Window] = windows.next_window
    overwrites: frozenset[str] = frozenset()

    def steps(self, instance: Instance) -> tuple[str, ...]:
        """Return the steps of an instance's function."""
        return self.extract if instance.topic == "extract" else self.load


@cache
def committed(moment: str) -> dict[str, str]:
    """Return the rows that the source has at a moment, each with its cursor."""
    rows = {row: n for at, new in SOURCE.items() if at <= moment for row, n in new.items()}
    return {row: second(number) for row, number in rows.items()}


@cache
def manifest_of(protocol: Protocol, run: int, finding: Finding) -> Manifest:
    """Return the manifest that the real decisions are asked about."""
    window = None
    if protocol.mode is not SyncMode.FULL:
        window = protocol.next_window(
            CursorKind.TIME,
            protocol.mode,
            low=finding.watermark or None,
            snapshot=finding.snapshot,
            largest=max(committed(finding.snapshot).values()),
            lag=LAG,
        )
    return Manifest(
        run_id=str(run),
        table="orders",
        attempt="",
        mode=protocol.mode,
        snapshot=finding.snapshot,
        is_pinned=True,
        window=window,
        epoch=finding.epoch,
        schema=TableSchema(()),
        parts=(),
        rows_source=0,
        rows_rejected=0,
        change_token=finding.token or None,
        config_generation=1,
        code_version="",
        created_at=DAY,
    )


@cache
def rows_of(protocol: Protocol, finding: Finding) -> tuple[str, ...]:
    """Return the rows that a run reads."""
    window = manifest_of(protocol, 0, finding).window
    seen = committed(finding.snapshot).items()
    if window is None:
        return tuple(row for row, _ in seen)
    first, last = window.read_from or "", window.high or ""
    return tuple(row for row, cursor in seen if first < cursor <= last)


def tick(state: State, run: int) -> State:
    """Let the schedule ask for a run."""
    return state._replace(messages=state.messages | {("extract", run)})


def deliver(state: State, message: Message) -> State:
    """Start an instance that has done nothing yet."""
    given = tuple(sorted((*state.given, message)))
    return _go_on(state._replace(given=given), Instance(*message))


def step(protocol: Protocol, state: State, instance: Instance) -> Iterator[State]:
    """Yield the states that the next step of an instance may lead to."""
    others = list(state.instances)
    others.remove(instance)
    state = state._replace(instances=tuple(others))
    name = protocol.steps(instance)[instance.done]
    then = instance._replace(done=instance.done + 1)
    if name in ("token", "snapshot"):
        for moment in range(state.moment, len(MOMENTS)):
            yield _read(protocol, state._replace(moment=moment), then, name)
    elif name in WRITES:
        yield WRITES[name](protocol, state, then)
    else:
        yield _publish(protocol, state, then, name.split(" and "))


def _read(protocol: Protocol, state: State, then: Instance, name: str) -> State:
    """Ask the source for its last change, or fix the snapshot; time may have passed."""
    moment, found = MOMENTS[state.moment], then.finding
    if name == "snapshot":
        return _go_on(state, then._replace(finding=found._replace(snapshot=moment)))
    token = unchanged.token(str(len(committed(moment))), protocol.mode, 1) or ""
    before = TargetState(change_token=found.seen_token or None)
    if unchanged.reason_to_skip(SCHEDULED, token, before):
        return _end(protocol, state, then)
    return _go_on(state, then._replace(finding=found._replace(token=token)))


def _look(protocol: Protocol, state: State, then: Instance) -> State:
    """Adopt a manifest that is there, or read where the target stands."""
    if then.run in dict(state.manifests):
        return _go_on(state, then._replace(done=protocol.extract.index("ask")))
    fence = state.fence
    found = Finding(fence.watermark or "", fence.epoch, fence.change_token or "")
    return _go_on(state, then._replace(finding=found))


def _write_part(protocol: Protocol, state: State, then: Instance) -> State:
    """Write a part under a name that all attempts share; who may not is never heard of again."""
    there = dict(state.parts)
    if then.run in there and "part" not in protocol.overwrites:
        return state
    there[then.run] = rows_of(protocol, then.finding)
    return _go_on(state._replace(parts=frozenset(there.items())), then)


def _write_manifest(protocol: Protocol, state: State, then: Instance) -> State:
    there = dict(state.manifests)
    if then.run not in there or "manifest" in protocol.overwrites:
        there[then.run] = then.finding
    # What this instance has found out itself plays no part any more.
    then = then._replace(finding=Finding())
    return _go_on(state._replace(manifests=frozenset(there.items())), then)


def _ask(protocol: Protocol, state: State, then: Instance) -> State:
    return _go_on(state._replace(messages=state.messages | {("load", then.run)}), then)


def _acknowledge(protocol: Protocol, state: State, then: Instance) -> State:
    state = state._replace(acknowledged=state.acknowledged | {(then.topic, then.run)})
    is_last = then.done == len(protocol.steps(then))
    return state if is_last else _go_on(state, then)


def _end(protocol: Protocol, state: State, then: Instance) -> State:
    """Write the run's end to its record, and acknowledge."""
    return state._replace(
        ended=state.ended | {then.run},
        acknowledged=state.acknowledged | {(then.topic, then.run)},
    )


WRITES: dict[str, Callable[[Protocol, State, Instance], State]] = {
    "look": _look,
    "part": _write_part,
    "manifest": _write_manifest,
    "ask": _ask,
    "acknowledge": _acknowledge,
    "end": _end,
}
"""The steps that lead to one state only; any other name is a transaction in the target."""


def _publish(protocol: Protocol, state: State, then: Instance, pieces: list[str]) -> State:
    """Do one transaction of the publish: all of its pieces, or none."""
    finding = dict(state.manifests)[then.run]
    manifest, rows = manifest_of(protocol, then.run, finding), rows_of(protocol, finding)
    if "check" in pieces:
        is_done = any(load.run == then.run for load in state.loads)
        if is_done or protocol.stands_in_the_way(manifest, state.fence):
            return _go_on(state, then._replace(done=protocol.load.index("end")))
    if dict(state.parts).get(then.run, rows) != rows:
        return state  # the part is not the one that the manifest pins
    gained = len(rows)
    for piece, some in (("rows", rows), ("half", rows[::2]), ("rest", rows[1::2])):
        if piece in pieces:
            after = _changed(protocol, state.rows, some)
            gained = len(after) - len(state.rows)
            state = state._replace(rows=after)
    if "state" in pieces:
        state = state._replace(fence=fencing.next_state(manifest, state.fence))
    if "record" in pieces:
        state = state._replace(loads=(*state.loads, Load(then.run, finding, gained)))
    return _go_on(state, then)


def _changed(protocol: Protocol, before: tuple[str, ...], rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return the table after rows were added, merged, or put in place of all."""
    if protocol.mode is SyncMode.FULL:
        return rows
    if protocol.mode is SyncMode.INCREMENTAL:
        return tuple(sorted({*before, *rows}))
    return tuple(sorted((*before, *rows)))


def _go_on(state: State, instance: Instance) -> State:
    return state._replace(instances=tuple(sorted((*state.instances, instance))))
