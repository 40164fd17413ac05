"""The real steps between ends in memory, under a clock and a baton that belong to the test."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast

from shared.audit import AuditLog
from shared.bus import Bus
from shared.config.connections import Connections
from shared.config.places import PostgresTable, SnowflakeTable
from shared.config.rules import Deletes
from shared.config.store import ConfigStore, Origin
from shared.config.tables import ResolvedTable
from shared.config.tables import TableConfig as Table
from shared.core.deliveries import Delivery
from shared.core.messages import ExtractRequest, LoadRequest, SweepRequest, decode_extract
from shared.core.modes import SyncMode
from shared.core.windows import CursorKind
from shared.errors import RetryableError, SluiceError
from shared.ledger import Ledger
from shared.secrets import Secrets
from shared.settings import Settings
from shared.sources.base import Source
from shared.stage import writer
from shared.stage.envelope import Envelope
from shared.stage.manifest_store import ManifestStore
from shared.steps import attempts
from shared.steps.extract import extract
from shared.steps.load import load
from shared.steps.repairs import sweeping
from shared.steps.sweep import sweep
from shared.storage import ObjectInfo, Storage
from shared.targets.base import Target
from shared.wiring import Services
from tests.model.interleaving import Baton, Instance
from tests.model.memory import MemoryBus, MemoryStorage, Sent
from tests.model.memory_source import MemorySource, SourceTable
from tests.model.memory_target import Database, MemoryTarget
from tests.model.promises import Promise, Violation, Witness

TABLE = "orders"
STARTED_AT = datetime(2024, 1, 31, 23, 40, tzinfo=UTC)
SLOT = timedelta(hours=1)
LEASE_S = 30.0
ORPHAN_S = 900.0
"""Far shorter than a message is kept, so that the sweep gets at what is still in use."""
UNBOUNDED = 10**9
MAX_ROUNDS = 30
DAY = timedelta(days=1, minutes=1)
"""After so long every day that had begun is over, also by the clock of a writer that is fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How the table is configured, and how small the units of work are."""

    mode: SyncMode
    kind: CursorKind = CursorKind.TIME
    lag: timedelta = timedelta(0)
    finds_deletes: bool = False
    unit_rows: int = UNBOUNDED
    unit_bytes: int = UNBOUNDED
    unit_parts: int = UNBOUNDED
    direct_bytes: int = UNBOUNDED


class Clock:
    """The functions' clock, which moves only when the test says so."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return STARTED_AT + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        """Stand in for ``time.monotonic``."""
        return self.elapsed_s

    def pass_(self, duration: timedelta) -> None:
        """Let time pass."""
        self.elapsed_s += duration.total_seconds()


class Configuration:
    """What ``ConfigStore`` returns for the one table there is."""

    def __init__(self, resolved: ResolvedTable) -> None:
        self.resolved = resolved

    def get(self, table: str) -> tuple[ResolvedTable, int]:
        """Return the table's configuration and the generation it was read at."""
        assert table == TABLE
        return self.resolved, 1

    def names(self) -> list[str]:
        """Return the names of all configured tables."""
        return [TABLE]

    def origins(self) -> dict[str, Origin]:
        """Return all configured tables with where they come from."""
        return {TABLE: Origin.FILES}

    def written(self, since: datetime, upto: datetime) -> list[tuple[str, ObjectInfo]]:
        """Return the configurations that were written in a span: none ever is."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryServices(Services):
    """Services whose sources and targets are the ones in memory."""

    open_source: Callable[[], Source]
    open_target: Callable[[], Target]

    def source(self, resolved: ResolvedTable, run_id: str) -> Source:
        """Open a session at the source."""
        return self.open_source()

    def target(self, resolved: ResolvedTable) -> Target:
        """Open a session at the target."""
        return self.open_target()


@dataclass(slots=True, kw_only=True)
class Message:
    """A published message: how often it was delivered, and whether it was acknowledged."""

    sent: Sent
    published_at: datetime
    deliveries: int = 0
    is_acknowledged: bool = False

    @property
    def topic(self) -> str:
        """The short name of the topic it was published to."""
        return self.sent.topic.rpartition("-")[2]


class World:
    """Both ends, what lies between them, and everything that was published so far."""

    def __init__(
        self,
        setup: Setup,
        *,
        source: type[MemorySource] = MemorySource,
        target: type[MemoryTarget] = MemoryTarget,
        storage: type[MemoryStorage] = MemoryStorage,
    ) -> None:
        self.setup = setup
        self.target = target
        self.clock = Clock()
        self.baton = Baton()
        self.storage = storage(self.baton, self.clock.now)
        self.bus = MemoryBus(self.baton)
        self.source = SourceTable(setup.kind, self.clock.now)
        self.database = Database()
        self.messages: list[Message] = []
        self.slots = 0
        self.witness = Witness(self)
        resolved = _resolved(setup)
        self.services = _services(
            self,
            resolved,
            lambda: source(self.source, resolved.table, self.baton),
            lambda: target(self.database, self.baton),
        )

    def tick(self) -> None:
        """Let Cloud Scheduler reach the next slot."""
        self.slots += 1
        self.tick_again(self.slots)

    def tick_again(self, slot: int) -> None:
        """Let Cloud Scheduler publish for a slot; nothing keeps it from doing so twice."""
        request = ExtractRequest(table=TABLE, published_at=STARTED_AT)
        self._publish("extract", request.encode(), STARTED_AT + slot * SLOT)

    def ask(self, mode: SyncMode, request_id: str) -> None:
        """Let a person ask for a run."""
        at = self.clock.now()
        request = ExtractRequest(table=TABLE, published_at=at, mode=mode, request_id=request_id)
        self._publish("extract", request.encode(), at)

    def ask_for_sweep(self) -> None:
        """Let Cloud Scheduler ask for a sweep."""
        self._publish("sweep", SweepRequest().encode(), self.clock.now())

    def mail(self) -> list[Message]:
        """Return all messages, in the order of their publishing."""
        for sent in self.bus.sent[len(self.messages) :]:
            self.messages.append(Message(sent=sent, published_at=self.clock.now()))
        return self.messages

    def unacknowledged(self) -> list[Message]:
        """Return the messages that will be delivered again."""
        return [m for m in self.mail() if not m.is_acknowledged]

    def start(self, message: Message) -> Instance:
        """Deliver a message to an instance that does nothing yet."""
        message.deliveries += 1
        name = f"{message.topic} of {message.sent.id}, delivery {message.deliveries}"
        return Instance(name, self.baton, lambda: self.deliver(message))

    def deliver(self, message: Message) -> None:
        """Handle a message as ``shared.entrypoint`` does: acknowledge, or leave it for later.

        Raises:
            Violation: the step gave up, or failed in a way that it should not know; nothing in
                this world is ever wrong with table, data or configuration.
        """
        delivery = Delivery(
            message_id=message.sent.id, published_at=message.published_at, data=message.sent.data
        )
        # An instance remembers records by itself; each delivery here is to a new one.
        ledger = Ledger(self.services.storage, self.services.settings.bucket("state"))
        log = AuditLog(self.services.storage, self.services.settings.bucket("audit"))
        services = replace(self.services, ledger=ledger, audit=log)
        try:
            if message.topic == "extract":
                extract(decode_extract(delivery), services)
            elif message.topic == "sweep":
                sweep(SweepRequest.decode(delivery), services)
            else:
                load(LoadRequest.decode(delivery), services)
        except RetryableError:
            return
        except SluiceError as exc:
            raise Violation(Promise.ENDED, f"gave up: {exc!r}") from exc
        message.is_acknowledged = True

    def settle(self) -> None:
        """Deliver, one after the other, until nothing is left to deliver.

        Raises:
            Violation: messages stay for ever.
        """
        for _ in range(MAX_ROUNDS):
            waiting = self.unacknowledged()
            if not waiting:
                return
            self.clock.pass_(timedelta(seconds=LEASE_S))
            for message in waiting:
                self.deliver(message)
        raise Violation(Promise.ENDED, f"never acknowledged: {waiting}")

    def come_to_rest(self) -> None:
        """Deliver all there is, wait until nothing can come late any more, and run once more."""
        self.settle()
        self.clock.pass_(self.setup.lag + DAY)
        self.tick()
        self.settle()

    def recover(self) -> None:
        """Come to rest; then source and target must be equal, and stay as they are.

        Raises:
            Violation: they are not, a run has not ended, or repeats change something.
        """
        self.come_to_rest()
        self.witness.look()
        self.witness.look_at_end()
        views = len(self.database.views)
        once_each = {(m.sent.data, m.published_at): m for m in self.mail()}
        for message in once_each.values():
            self.deliver(message)
        if len(self.database.views) != views:
            raise Violation(Promise.AGAIN, "a message that came again changed the table")

    def _publish(self, topic: str, data: bytes, at: datetime) -> None:
        self.mail()
        self.bus.put(self.services.settings.topic(topic), data)
        self.messages.append(Message(sent=self.bus.sent[-1], published_at=at))


@contextmanager
def on_virtual_time(clock: Clock) -> Iterator[None]:
    """Let leases and budgets run on a clock of the test, and every batch be a part of its own."""
    modules: tuple[Any, ...] = (attempts, sweeping)
    _unlock_properties(sweeping.Sweep)
    row_group_bytes = writer.ROW_GROUP_BYTES
    try:
        writer.ROW_GROUP_BYTES = 1
        for module in modules:
            module.time = clock
        yield
    finally:
        writer.ROW_GROUP_BYTES = row_group_bytes
        for module in modules:
            module.time = time


def _unlock_properties(kind: type) -> None:
    """Let one instance stop inside a cached property while another computes the same.

    Source: functools.cached_property: until Python 3.12 all objects of a class share its lock. In
    the cloud an instance is a process, so there it does not matter.
    """
    for each in vars(kind).values():
        if isinstance(each, cached_property):
            vars(each)["lock"] = nullcontext()


def _resolved(setup: Setup) -> ResolvedTable:
    has_cursor = setup.mode is not SyncMode.FULL
    table = Table(
        name=TABLE,
        snowflake=SnowflakeTable(database="DB", schema="PUBLIC", table="ORDERS"),
        postgres=PostgresTable(table=TABLE),
        sync_mode=setup.mode,
        incremental_column="cursor" if has_cursor else None,
        primary_key=["id"],
        lag=setup.lag,
        deletes=Deletes(mode="hard", max_percent=100) if setup.finds_deletes else None,
        schedule="hourly",
        compression="none",
    )
    # A part for every batch; a table file may not ask for parts so small.
    table = table.model_copy(update={"part_bytes": 1})
    return ResolvedTable(environment="model", table=table, connections=Connections())


def _services(
    world: World,
    resolved: ResolvedTable,
    open_source: Callable[[], Source],
    open_target: Callable[[], Target],
) -> Services:
    settings = Settings(
        project="model",
        prefix="model",
        lease_s=LEASE_S,
        unit_rows=world.setup.unit_rows,
        unit_bytes=world.setup.unit_bytes,
        unit_parts=world.setup.unit_parts,
        direct_bytes=world.setup.direct_bytes,
        orphan_s=ORPHAN_S,
        collect_s=LEASE_S,
    )
    storage = cast("Storage", world.storage)
    secrets = Secrets(settings.project, None)
    return MemoryServices(
        settings=settings,
        storage=storage,
        bus=cast("Bus", world.bus),
        secrets=secrets,
        config=cast("ConfigStore", Configuration(resolved)),
        ledger=Ledger(storage, settings.bucket("state")),
        manifests=ManifestStore(storage, settings.bucket("staging")),
        envelope=Envelope(secrets),
        audit=AuditLog(storage, settings.bucket("audit")),
        now=world.clock.now,
        open_source=open_source,
        open_target=open_target,
    )
