"""Protocols that are broken on purpose, each with a short history in which it does harm.

A mutation replaces one part of the world: the target's transactions, the storage's preconditions,
the fence, a name, the window, the change token or the acknowledgement. Everything else stays real.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import pytest

from shared.config.models import ResolvedTable
from shared.core import fencing, naming, unchanged, windows
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.windows import Window
from shared.errors import TargetUnavailableError
from shared.sources.base import Source
from shared.steps import extract
from shared.steps.attempts import Work
from shared.storage import ABSENT
from shared.targets.base import LoadRecord, Outcome, Published
from tests.model.interleaving import Instance
from tests.model.memory import MemoryStorage
from tests.model.memory_target import MemoryTarget
from tests.model.promises import Promise
from tests.model.world import LEASE_S, Message, Setup, World


class SplitTarget(MemoryTarget):
    """Publishes in several transactions; each is a tuple of what it does."""

    transactions: ClassVar[tuple[tuple[str, ...], ...]]

    def publish(self, manifest: Manifest) -> Published:
        """Publish piece by piece; readers may look in between, and the instance may die."""
        for pieces in self.transactions:
            do = partial(self._do, pieces, manifest)
            refusal = self.baton.io(_name(pieces), do, TargetUnavailableError)
            if refusal:
                return refusal
        return Published(outcome=Outcome.COMMITTED, record=self._record(manifest))

    def _do(self, pieces: tuple[str, ...], manifest: Manifest) -> Published | None:
        refusal = self.refusal(manifest) if "check" in pieces else None
        if refusal:
            return refusal
        rows = self.staged_rows(manifest)
        parts = {"rows": rows, "half": rows[::2], "rest": rows[1::2]}
        for piece in pieces:
            if piece in parts:
                self.apply(manifest, parts[piece])
        if "state" in pieces:
            self.database.state = fencing.next_state(manifest, self.database.state)
        if "record" in pieces:
            self.record(manifest, self._record(manifest))
        if pieces == self.transactions[-1]:
            self.drop_staging(manifest)
        if pieces != ("check",):
            self.database.show()
        return None

    def _record(self, manifest: Manifest) -> LoadRecord:
        number = manifest.rows_staged
        return LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=number,
            rows_inserted=number,
            rows_updated=0,
            rows_deleted=0,
        )


class RecordAfterTarget(SplitTarget):
    """The row of loads follows in a transaction of its own."""

    transactions = (("check", "rows", "state"), ("record",))


class WatermarkAfterTarget(SplitTarget):
    """The watermark follows in a transaction of its own."""

    transactions = (("check", "rows", "record"), ("state",))


class WatermarkBeforeTarget(SplitTarget):
    """The watermark comes first, in a transaction of its own."""

    transactions = (("check", "state"), ("rows", "record"))


class CheckBeforeTarget(SplitTarget):
    """Checks, then acts: two may pass the check before either acts."""

    transactions = (("check",), ("rows", "state", "record"))


class HalvesTarget(SplitTarget):
    """The rows become visible in two halves."""

    transactions = (("check", "half"), ("rest", "state", "record"))


class OverwritingStorage(MemoryStorage):
    """Objects of one kind are written whatever is there."""

    prefix: ClassVar[str]

    def put(self, bucket: str, name: str, data: bytes, generation: int) -> int:
        """Write at once, over what is there."""
        if name.startswith(self.prefix):
            found = self.info(bucket, name)
            generation = found.generation if found else ABSENT
        return super().put(bucket, name, data, generation)


class OverwritingParts(OverwritingStorage):
    """A part may be written over."""

    prefix = "parts/"


class OverwritingManifests(OverwritingStorage):
    """The last manifest wins."""

    prefix = "manifests/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One broken protocol.

    ``history`` makes it break a promise, which ``harm`` names. ``patch`` breaks what is not an end.
    Where ``harm`` is ``Promise.ENDED`` no data is lost or repeated: a run stays without an end, or
    a correct part of the protocol notices and refuses for ever.
    """

    name: str
    harm: Promise
    history: Callable[[World], None]
    mode: SyncMode = SyncMode.APPEND
    target: type[MemoryTarget] = MemoryTarget
    storage: type[MemoryStorage] = MemoryStorage
    patch: Callable[[pytest.MonkeyPatch], None] = lambda monkeypatch: None

    def world(self, setup: Setup) -> World:
        """Return a world in which it is in force."""
        return World(setup, self.storage, self.target)


def no_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish whatever the state row says."""
    monkeypatch.setattr(fencing, "stands_in_the_way", lambda manifest, state: None)


def newest_load_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order full loads by when they are published, whatever moment they have read."""
    stands_in_the_way = fencing.stands_in_the_way

    def only_windows(manifest: Manifest, state: TargetState) -> str | None:
        is_full = manifest.mode is SyncMode.FULL
        return None if is_full else stands_in_the_way(manifest, state)

    monkeypatch.setattr(fencing, "stands_in_the_way", only_windows)


def fixed_part_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the attempt out of the names of parts."""

    def part_object(table: str, run_id: str, attempt: str, number: int) -> str:
        return f"parts/{table}/{run_id}/part-{number:05d}.parquet"

    monkeypatch.setattr(naming, "part_object", part_object)


def after_the_largest_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin where the largest cursor seen so far ends."""
    next_window = windows.next_window

    def next_after(*args: Any, largest: str | None, low: str | None, **kwargs: Any) -> Window:
        window: Window = next_window(*args, largest=largest, low=low, **kwargs)
        return replace(window, high=max(largest or "", low or "") or None, read_from=low)

    monkeypatch.setattr(windows, "next_window", next_after)


def token_after_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the last change when the snapshot is fixed already."""
    without_parts = extract._without_parts

    def then_ask(
        work: Work, resolved: ResolvedTable, source: Source, state: TargetState, token: str | None
    ) -> Manifest:
        manifest = without_parts(work, resolved, source, state, token)
        if manifest.change_token is None:
            return manifest
        change = source.change_token()
        token = unchanged.token(change, manifest.mode, manifest.config_generation)
        return replace(manifest, change_token=token)

    monkeypatch.setattr(extract, "_without_parts", then_ask)


def acknowledge_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledge each message before its work."""
    deliver = World.deliver

    def acknowledge_and_deliver(world: World, message: Message) -> None:
        message.is_acknowledged = True
        deliver(world, message)

    monkeypatch.setattr(World, "deliver", acknowledge_and_deliver)


def pass_without_trouble(world: World) -> None:
    """Move rows once, with no fault at all."""
    _settled_rows(world)
    world.tick()
    world.settle()


def die_between_the_transactions(world: World) -> None:
    """Kill the load of a second run before its second transaction; its message comes again."""
    pass_without_trouble(world)
    _settled_rows(world)
    world.tick()
    world.deliver(_newest(world))
    load = world.start(_newest(world))
    load.run_up_to(_second(world))
    load.kill()


def overlap(world: World) -> None:
    """Stage two runs from one watermark, then bring both loads right before they publish."""
    _settled_rows(world)
    world.tick()
    world.tick()
    for tick in world.unacknowledged():
        world.deliver(tick)
    loads = [world.start(message) for message in world.unacknowledged()]
    for load in loads:
        load.run_up_to(_second(world))
    for load in loads:
        load.run()


def overtake_a_load(world: World) -> None:
    """Publish a second run, which read more, before the first."""
    for _ in range(2):
        _settled_rows(world)
        world.tick()
        world.deliver(_newest(world))
    older, newer = world.unacknowledged()
    world.deliver(newer)
    world.deliver(older)


def commit_late(world: World) -> None:
    """Commit a row after a run, as late as the lag allows: its cursor is older than all others."""
    world.source.insert(number=2)
    world.tick()
    world.settle()
    world.source.insert(age=world.setup.lag)


def commit_after_the_snapshot(world: World) -> None:
    """Commit a row when a run has fixed its snapshot, and has read nothing yet."""
    extract = _stopped_extract(world, "take a snapshot")
    extract.advance()
    world.source.insert()
    extract.run()


def die_while_reading(world: World) -> None:
    """Kill an extract before it reads the rows."""
    _stopped_extract(world, "read rows").kill()


def die_before_the_manifest(world: World) -> None:
    """Kill an extract that has written its part."""
    _stopped_extract(world, "write manifests/").kill()


def write_a_part_as_a_zombie(world: World) -> None:
    """Let an extract that was overtaken write its part when the run is staged already."""
    zombie = _stopped_extract(world, "create parts/")
    _overtake(world)
    zombie.run()


def write_a_manifest_as_a_zombie(world: World) -> None:
    """Let an extract that was overtaken write its manifest when the run is committed already."""
    zombie = _stopped_extract(world, "write manifests/")
    _overtake(world)
    world.settle()
    zombie.run()


def _stopped_extract(world: World, before: str) -> Instance:
    _settled_rows(world)
    world.tick()
    extract = world.start(_newest(world))
    extract.run_up_to(before)
    return extract


def _settled_rows(world: World) -> None:
    """Commit two rows that are old enough for an append."""
    world.source.insert(number=2)
    world.clock.pass_(world.setup.lag)


def _overtake(world: World) -> None:
    """Let the extract's message come again, when its lease is over and there is more to read."""
    _settled_rows(world)
    world.clock.pass_(timedelta(seconds=LEASE_S))
    world.deliver(world.mail()[0])


def _newest(world: World) -> Message:
    return world.mail()[-1]


def _second(world: World) -> str:
    """Return the name of the broken target's second transaction, or of the only one there is."""
    if issubclass(world.target, SplitTarget):
        return _name(world.target.transactions[1])
    return "publish"


def _name(pieces: tuple[str, ...]) -> str:
    return f"publish {' and '.join(pieces)}"


MUTATIONS = (
    Mutation(
        name="record of the run outside the transaction",
        target=RecordAfterTarget,
        history=die_between_the_transactions,
        harm=Promise.HONEST,
    ),
    Mutation(
        name="watermark after the rows",
        target=WatermarkAfterTarget,
        history=die_between_the_transactions,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="watermark before the rows",
        target=WatermarkBeforeTarget,
        history=die_between_the_transactions,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="checks outside the transaction",
        target=CheckBeforeTarget,
        history=overlap,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="no compare-and-set",
        patch=no_fence,
        history=overlap,
        harm=Promise.NOTHING_TWICE,
    ),
    Mutation(
        name="rows visible in two halves",
        target=HalvesTarget,
        history=pass_without_trouble,
        harm=Promise.WHOLE_RUNS,
    ),
    Mutation(
        name="full loads ordered by publishing",
        mode=SyncMode.FULL,
        patch=newest_load_wins,
        history=overtake_a_load,
        harm=Promise.FORWARD,
    ),
    Mutation(
        name="cursor beyond the largest seen",
        patch=after_the_largest_seen,
        history=commit_late,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="change token after the snapshot",
        mode=SyncMode.FULL,
        patch=token_after_the_snapshot,
        history=commit_after_the_snapshot,
        harm=Promise.NOTHING_LOST,
    ),
    Mutation(
        name="acknowledged before the work",
        patch=acknowledge_first,
        history=die_while_reading,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="part under a fixed name",
        patch=fixed_part_name,
        history=die_before_the_manifest,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="part under a fixed name, overwritten",
        patch=fixed_part_name,
        storage=OverwritingParts,
        history=write_a_part_as_a_zombie,
        harm=Promise.ENDED,
    ),
    Mutation(
        name="manifest overwritten",
        storage=OverwritingManifests,
        history=write_a_manifest_as_a_zombie,
        harm=Promise.LINEAGE,
    ),
)
"""Each rule of docs/delivery.md, broken in one way or in several."""
