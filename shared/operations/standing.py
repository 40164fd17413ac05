"""How a table stands: its configuration, its last run, and whether it moved when it should have."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.config import schedule
from shared.config.models import ResolvedTable
from shared.config.store import Origin
from shared.ledger import Entry
from shared.operations import promises
from shared.operations.history import History
from shared.operations.promises import Promise
from shared.steps.repairs import freshness
from shared.wiring import Services

LOOKED_AT = 5
"""The newest runs, among which there is a success unless something is wrong."""


class Freshness(StrEnum):
    """Whether a table moved when it should have."""

    FRESH = "fresh"
    LATE = "late"
    WAITING = "waiting"
    """It never moved, and need not have yet."""
    UNSCHEDULED = "unscheduled"
    """It moves when somebody asks, or when a file is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
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
    """Its newest run."""


def standing(services: Services, history: History, table: str) -> Standing:
    """Return how a table stands.

    Raises:
        UnknownTableError: it is not configured.
    """
    found = services.config.find(table)
    resolved, generation = found.resolved, found.generation
    newest = history.newest(LOOKED_AT, tables=[table])
    last_success = freshness.last_success(newest)
    if last_success is None and len(newest) == LOOKED_AT:
        successes = history.newest(LOOKED_AT, tables=[table], states=freshness.SUCCESSES)
        last_success = freshness.last_success(successes)
    is_scheduled = resolved.table.schedule != schedule.MANUAL
    due = freshness.due_since(resolved, services.now()) if is_scheduled else None
    return Standing(
        resolved=resolved,
        generation=generation,
        origin=found.origin,
        freshness=_judged(due, last_success, generation),
        due_since=due,
        last_success=last_success,
        promise=promises.promise(resolved, services.now()),
        last=newest[0] if newest else None,
    )


def _judged(due: datetime | None, last: datetime | None, generation: int) -> Freshness:
    if due is None:
        return Freshness.UNSCHEDULED
    if freshness.is_late(due, last, generation):
        return Freshness.LATE
    return Freshness.FRESH if last else Freshness.WAITING
