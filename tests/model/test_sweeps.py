"""The sweep among the other functions: what it brings back, what it removes, what it must leave."""

from datetime import timedelta

import pytest

from shared.core import sweeps
from shared.core.modes import SyncMode
from shared.core.runs import RunState
from shared.operations import requests
from shared.steps.repairs import replays
from tests.model.conftest import NewWorld
from tests.model.promises import Promise, Violation
from tests.model.world import ORPHAN_S, World


def test_a_run_whose_message_was_acknowledged_for_nothing_is_asked_to_go_on(
    new_world: NewWorld,
) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    _die_before(world, "read rows")
    world.mail()[0].is_acknowledged = True

    _sweep_later(world)

    assert len(world.database.rows) == 1
    world.recover()


@pytest.mark.parametrize("place", ["list chains/", "write chains/"])
def test_an_end_that_a_dead_attempt_did_not_tell_is_told_by_the_sweep_once(
    new_world: NewWorld, place: str
) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    world.deliver(world.mail()[0])
    _die_before(world, place, message=1)
    world.settle()
    with pytest.raises(Violation, match="not: run/"):
        world.witness.look_at_log()

    _sweep_later(world)
    _sweep_later(world)

    world.witness.look_at_log()
    world.recover()


def test_a_slow_attempt_and_the_sweep_tell_of_an_end_once(new_world: NewWorld) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    world.deliver(world.mail()[0])
    slow = world.start(world.mail()[1])
    slow.run_up_to("write chains/")
    world.clock.pass_(timedelta(seconds=ORPHAN_S))

    _sweep_later(world)
    slow.run()

    world.witness.look_at_log()
    world.recover()


def test_the_parts_of_a_dead_attempt_are_removed_and_no_others(new_world: NewWorld) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    _die_before(world, "write manifests/")
    world.settle()

    _sweep_later(world)

    (deleted,) = world.storage.deleted
    assert deleted.name.startswith("parts/")
    world.recover()


def test_a_sweep_that_removes_whatever_is_old_is_caught(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "is_orphan", lambda *args, **kwargs: True)
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    world.settle()
    world.witness.look()

    _sweep_later(world)

    with pytest.raises(Violation) as found:
        world.witness.look()

    assert found.value.promise is Promise.KEPT


def _die_before(world: World, name: str, *, message: int = 0) -> None:
    dying = world.start(world.mail()[message])
    dying.run_up_to(name)
    dying.kill()


def _sweep_later(world: World) -> None:
    world.clock.pass_(timedelta(seconds=ORPHAN_S))
    world.ask_for_sweep()
    world.settle()


@pytest.mark.parametrize("mode", [SyncMode.APPEND, SyncMode.INCREMENTAL])
@pytest.mark.parametrize("by", ["the sweep", "a life cycle"])
def test_a_replay_never_takes_outcomes_of_another_plan(
    new_world: NewWorld, mode: SyncMode, by: str
) -> None:
    world = new_world(mode, unit_rows=3)
    world.source.insert(number=4)
    world.tick()
    world.deliver(world.mail()[0])
    unit, _ = world.unacknowledged()
    world.clock.pass_(timedelta(seconds=ORPHAN_S * 2 / 3))
    world.deliver(unit)
    (run,) = world.services.ledger.runs()
    requests.cancel(world.services, run, "ann")
    if by == "the sweep":
        world.clock.pass_(timedelta(seconds=ORPHAN_S * 2 / 3))
        world.ask_for_sweep()
        world.settle()
        assert not world.storage.deleted
    else:
        world.settle()
        bucket = world.services.settings.bucket("staging")
        (plan,) = world.storage.list(bucket, "plans/")
        world.storage.delete(bucket, plan.name, plan.generation)
    world.source.insert(number=2)

    (run,) = world.services.ledger.runs()
    replays.replay(run, world.services, "ann")
    world.settle()

    (run,) = world.services.ledger.runs()
    assert run.state is RunState.COMMITTED
    world.recover()
