"""How a table stands: its configuration, its last run, and whether it moved when it should have."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared import staleness
from shared.config import schedule
from shared.config.store import Origin
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.runs import SUCCESSES
from shared.ledger import Entry
from shared.operations import promises
from shared.operations.history import History
from shared.operations.promises import Promise
from shared.wiring import Services

LOOKED_AT = 5
"""The newest runs, among which there is a success unless something is wrong."""


class Freshness(StrEnum):
    """Whether a table moved when it should have, and is as young as promised."""

    FRESH = "fresh"
    LATE = "late"
    WAITING = "waiting"
    """It never moved, and need not have yet."""
    UNSCHEDULED = "unscheduled"
    """It moves when somebody asks, or when a file is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStanding:
    """A configured table as it stands."""

    resolved: ResolvedTable
    generation: int
    origin: Origin
    freshness: Freshness
    due_since: datetime | None
    """The slot by which it should have moved; None without a schedule."""
    last_success: datetime | None
    promise: Promise | None
    last: Entry | None
    """The one of its newest runs that changed last; runs may be asked for ahead of their time."""


def standing(services: Services, history: History, table: str) -> TableStanding:
    """Return how a table stands.

    Raises:
        UnknownTableError: it is not configured.
    """
    found = services.config.find(table)
    resolved, generation = found.resolved, found.generation
    newest = history.newest(LOOKED_AT, tables=[table])
    last_success = staleness.last_success(newest)
    if last_success is None and len(newest) == LOOKED_AT:
        successes = history.newest(1, tables=[table], states=SUCCESSES, is_repair=False)
        last_success = staleness.last_success(successes)
    known_at = datetime.fromtimestamp(generation / 1e6, UTC)
    known_since = min([known_at, *(naming.run_time(entry.run_id) for entry in newest)])
    promise = promises.promise(resolved, services.now())
    is_old = (
        promise is not None and services.now() - (last_success or known_since) > promise.max_age
    )
    is_scheduled = resolved.table.schedule != schedule.MANUAL
    due = staleness.due_since(resolved, services.now()) if is_scheduled else None
    return TableStanding(
        resolved=resolved,
        generation=generation,
        origin=found.origin,
        freshness=_judged(due, last_success, generation, is_old=is_old),
        due_since=due,
        last_success=last_success,
        promise=promise,
        last=max(newest, key=lambda entry: entry.written_at, default=None),
    )


def _judged(
    due: datetime | None, last: datetime | None, generation: int, *, is_old: bool
) -> Freshness:
    if is_old or (due is not None and staleness.is_stale(due, last, generation)):
        return Freshness.LATE
    if due is None:
        return Freshness.UNSCHEDULED
    return Freshness.FRESH if last else Freshness.WAITING
