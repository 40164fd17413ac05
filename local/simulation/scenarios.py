"""The work that is played: many tables on the hour, and one very large table."""

from collections.abc import Callable
from dataclasses import dataclass, field

from local.simulation.costs import (
    EXTRACT,
    LOAD,
    MEMORY_GIB,
    MESSAGE_BYTES,
    UNCHANGED,
    VCPUS,
    Calls,
    Prices,
    Units,
)
from local.simulation.platform import MAX_DELIVERIES, Clock, Function, Message

SHARES = {"extract": 0.3, "load": 0.4}
"""Of the target's connections. Source: terraform/modules/catalog/functions.tf."""

UNIT_ROWS = 5_000_000
KEPT_MONTHS = 3
"""Parts are kept for 90 days."""

PART_BYTES = 64 * 2**20
"""Staged. Source: shared/settings.py, and the table file's default."""


@dataclass(slots=True)
class World:
    """Two functions, one target, and what was asked of everybody."""

    connections: int
    max_deliveries: int = MAX_DELIVERIES
    units: Units = field(default_factory=Units)
    clock: Clock = field(default_factory=Clock)
    calls: list[Calls] = field(default_factory=list)
    staged_bytes: int = 0
    extract: Function = field(init=False)
    load: Function = field(init=False)

    def __post_init__(self) -> None:
        """Give each function the instances that the connections allow."""
        self.extract, self.load = (self._function(name) for name in ("extract", "load"))

    def _function(self, name: str) -> Function:
        most = max(1, int((self.connections - 1) * SHARES[name]))
        return Function(self.clock, name, most, self.units.start_s, self.max_deliveries)

    def waits_s(self, calls: Calls) -> float:
        """Return how long calls take, one after the other; a run that asks the source logs in."""
        self.calls.append(calls)
        units = self.units
        storage_s = (calls.storage_reads + calls.storage_writes) * units.storage_call_s
        source_s = units.login_s + calls.statements * units.statement_s if calls.statements else 0
        return units.idle_cpu_s + storage_s + source_s + units.connect_s

    def load_s(self, rows: int) -> float:
        """Return how long rows take into the target, which all loads under way share."""
        shared = self.units.target_rows_per_s / max(1, self.load.busy)
        return rows / min(self.units.load_rows_per_s, shared)

    def dollars(self, prices: Prices) -> dict[str, float]:
        """Return what this cost, by service; Snowflake's warehouse and the database are not in."""
        functions = (self.extract, self.load)
        work = (
            f.worked_s * (VCPUS[f.name] * prices.vcpu_s + MEMORY_GIB * prices.gib_s)
            for f in functions
        )
        reads, writes = (
            sum(getattr(c, f"storage_{k}") for c in self.calls) for k in ("reads", "writes")
        )
        messages = sum(f.messages for f in functions)
        return {
            "functions": sum(work),
            "storage calls": reads * prices.read + writes * prices.write,
            "staged parts": self.staged_bytes / 1e9 * prices.gb_month * KEPT_MONTHS,
            "Pub/Sub": 2 * messages * MESSAGE_BYTES / 2**40 * prices.message_tib,
        }


def tables(world: World, rows_of: list[int], *, spread_s: float = 0.0) -> None:
    """Play a slot of tables; one with no rows has not changed.

    Args:
        world: where.
        rows_of: rows to move, table by table.
        spread_s: the tables are due one after the other within so long; 0: all at once.
    """
    for number, rows in enumerate(rows_of):
        message = _table(world, rows)
        at_s = spread_s * number / len(rows_of)
        world.clock.after(at_s, lambda m=message: world.extract.publish(m))  # type: ignore[misc]
    world.clock.run()


def _table(world: World, rows: int) -> Message:
    if not rows:
        return Message(lambda: world.waits_s(UNCHANGED))
    world.staged_bytes += rows * world.units.staged_row_bytes

    def extract_s() -> float:
        return world.waits_s(EXTRACT) + rows / world.units.extract_rows_per_s

    def load_s() -> float:
        published_s = rows / world.units.publish_rows_per_s
        return world.waits_s(LOAD) + world.load_s(rows) + published_s

    return Message(extract_s, then=lambda: world.load.publish(Message(load_s)))


def large_table(world: World, rows: int) -> dict[str, float]:
    """Play one table that is cut into units, and loaded part by part; return when what ended."""
    ends: dict[str, float] = {}
    number_of_units = -(-rows // UNIT_ROWS)
    part_rows = PART_BYTES // world.units.staged_row_bytes
    number_of_parts = -(-rows // part_rows)
    world.staged_bytes = rows * world.units.staged_row_bytes

    def ended(what: str, number: int, then: Callable[[], None]) -> Callable[[], None]:
        left = [number]

        def one() -> None:
            left[0] -= 1
            if not left[0]:
                ends[what] = world.clock.now_s
                then()

        return one

    def stage() -> None:
        after = ended("loaded", number_of_parts, lambda: None)
        for _ in range(number_of_parts):
            world.load.publish(
                Message(lambda: world.waits_s(LOAD) + world.load_s(part_rows), after)
            )

    after = ended("staged", number_of_units, stage)
    for _ in range(number_of_units):
        world.extract.publish(
            Message(
                lambda: world.waits_s(EXTRACT) + UNIT_ROWS / world.units.extract_rows_per_s, after
            )
        )
    world.clock.run()
    return ends
