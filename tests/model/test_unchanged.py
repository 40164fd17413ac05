"""A run that is skipped since nothing changed: commits at every moment of the run before it."""

import pytest

from shared.core.modes import SyncMode
from shared.core.runs import RunState
from tests.model.conftest import NewWorld
from tests.model.world import DAY

each_mode = pytest.mark.parametrize("mode", SyncMode)


@each_mode
@pytest.mark.parametrize(
    "moment", ["ask for the last change", "take a snapshot", "count rows", "read rows", "publish"]
)
def test_a_commit_while_a_run_reads_keeps_the_next_from_being_skipped(
    new_world: NewWorld, mode: SyncMode, moment: str
) -> None:
    world = new_world(mode)
    world.source.insert()
    world.tick()
    while not world.messages[-1].is_acknowledged:
        (message,) = world.unacknowledged()
        instance = world.start(message)
        if message.sent.topic.endswith("-load") is (moment == "publish"):
            instance.run_up_to(moment)
            world.source.insert()
        instance.run()
        world.mail()

    world.recover()

    assert len(world.database.rows) == 2


@each_mode
def test_a_slot_without_any_change_is_skipped_and_shows_readers_nothing(
    new_world: NewWorld, mode: SyncMode
) -> None:
    world = new_world(mode)
    world.source.insert()
    world.come_to_rest()
    views = len(world.database.views)

    world.come_to_rest()

    last = max(world.services.ledger.runs("orders"), key=lambda run: run.run_id)
    assert last.state is RunState.SKIPPED
    assert len(world.database.views) == views
    world.recover()


@pytest.mark.parametrize("mode", [SyncMode.APPEND, SyncMode.INCREMENTAL])
def test_rows_ahead_of_the_window_are_read_when_their_time_has_come(
    new_world: NewWorld, mode: SyncMode
) -> None:
    world = new_world(mode)
    world.source.insert(age=-DAY / 2)
    world.tick()
    world.settle()
    assert world.database.rows == []

    world.recover()

    assert len(world.database.rows) == 1
