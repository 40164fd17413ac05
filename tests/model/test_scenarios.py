"""Histories that once broke a promise, each as short as the model found it."""

from datetime import timedelta

from shared.core.modes import SyncMode
from shared.core.runs import RunState
from tests.model.conftest import NewWorld


def test_a_late_delivery_finds_its_run_staged_and_is_not_acknowledged(new_world: NewWorld) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    tick = world.mail()[0]
    dying, late, first = (world.start(tick) for _ in range(3))
    dying.run_up_to("write ledger/")
    dying.advance()
    dying.kill()
    world.clock.pass_(timedelta(seconds=world.services.settings.lease_s))
    late.run_up_to("read ledger/")
    late.advance()
    first.run_up_to("send to model-load")

    late.run()
    first.kill()

    assert not tick.is_acknowledged  # or nobody would ever ask for the load
    assert late.error is None
    world.recover()


def test_a_full_load_of_an_appended_table_waits_for_late_rows(new_world: NewWorld) -> None:
    world = new_world(SyncMode.APPEND, lag_s=90)
    world.ask(SyncMode.FULL, "once")
    world.settle()
    world.source.insert(age=timedelta(seconds=60))

    world.recover()

    assert len(world.database.rows) == 1


def test_a_superseded_run_keeps_what_it_staged_until_its_end_is_written(
    new_world: NewWorld,
) -> None:
    world = new_world(SyncMode.APPEND, unit_parts=1, direct_bytes=1)
    world.source.insert(number=4)
    world.tick()
    world.tick()
    for tick in world.unacknowledged():
        world.deliver(tick)
    winner, loser = world.unacknowledged()
    world.deliver(loser)
    world.deliver(winner)
    first, second, *rest = (m for m in world.unacknowledged())
    for part in rest:
        world.deliver(part)
    world.deliver(first)

    dying = world.start(second)
    dying.run_up_to("discard")
    dying.advance()
    dying.kill()

    world.recover()


def test_a_table_of_one_row_is_not_too_large_because_the_source_was_slow(
    new_world: NewWorld,
) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    slow = world.start(world.mail()[0])
    slow.run_up_to("read rows")
    world.clock.pass_(timedelta(seconds=2 * world.services.settings.budget_s))

    slow.run()

    assert slow.error is None
    world.recover()


def test_a_zombie_takes_no_lease_of_a_run_that_others_have_brought_further(
    new_world: NewWorld,
) -> None:
    world = new_world(SyncMode.APPEND)
    world.source.insert()
    world.tick()
    tick = world.mail()[0]
    zombie = world.start(tick)
    zombie.run_up_to("read rows")
    world.clock.pass_(timedelta(seconds=world.services.settings.lease_s))
    world.deliver(tick)

    zombie.run()

    (run,) = world.services.ledger.runs()
    assert run.state is RunState.STAGED
    assert run.lease is None


def test_a_unit_that_a_zombie_asks_for_after_its_plan_was_swept_away_is_acknowledged(
    new_world: NewWorld,
) -> None:
    world = new_world(SyncMode.INCREMENTAL, unit_rows=3)
    world.source.insert(number=4)
    world.tick()
    tick = world.mail()[0]
    zombie = world.start(tick)
    zombie.run_up_to("count rows")
    world.clock.pass_(timedelta(seconds=world.services.settings.lease_s))
    world.deliver(tick)
    zombie.run_up_to("send to model-extract")
    world.settle()
    world.clock.pass_(timedelta(hours=1))
    world.ask_for_sweep()
    world.settle()

    zombie.run()

    assert zombie.error is None
    world.recover()
