"""Short histories in which a broken protocol does harm, and the real one none."""

from datetime import timedelta

from tests.model.broken import SplitTarget, transaction_name
from tests.model.interleaving import Instance
from tests.model.world import LEASE_S, Message, World


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


def commit_before_the_token(world: World) -> None:
    """Commit a row before a run asks for the last change."""
    extract = _stopped_extract(world, "ask for the last change")
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
        return transaction_name(world.target.transactions[1])
    return "publish"
