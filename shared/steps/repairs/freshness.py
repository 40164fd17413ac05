"""Freshness: a table with a schedule should have moved, or have had nothing to move, by now."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared.config import schedule
from shared.config.tables import ResolvedTable
from shared.core.runs import RunState
from shared.core.sweeps import StaleTable
from shared.ledger import Entry
from shared.steps.repairs.sweeping import Sweep

SUCCESSES = (RunState.COMMITTED, RunState.SKIPPED)

_INSTANT = timedelta(microseconds=1)

log = logging.getLogger(__name__)


def check(sweep: Sweep) -> None:
    """Report every table whose newest success is older than the slot before the last one.

    The last slot's run may still be under way; the one before it had a whole period to end.
    """
    for name, (resolved, generation) in sweep.tables.items():
        if resolved.table.schedule == schedule.MANUAL:
            continue
        due = due_since(resolved, sweep.now)
        last = last_success(sweep.entries.get(name, {}).values())
        if is_late(due, last, generation):
            sweep.stale.append(StaleTable(table=name, due_since=due, last_success=last))
            log.warning(
                "table is stale",
                extra={
                    "table": name,
                    "schedule": resolved.table.schedule,
                    "due_since": due.isoformat(),
                    "last_success": last.isoformat() if last else None,
                },
            )


def due_since(resolved: ResolvedTable, now: datetime) -> datetime:
    """Return the slot before the last one of a table with a schedule."""
    table = resolved.table
    last = schedule.slot(table.schedule, table.time_zone, now)
    return schedule.slot(table.schedule, table.time_zone, last - schedule.EARLY - _INSTANT)


def last_success(entries: Iterable[Entry]) -> datetime | None:
    """Return when a table was last brought up to date, which no backfill or rewind does."""
    ends = (e.written_at for e in entries if e.state in SUCCESSES and not e.is_repair)
    return max(ends, default=None)


def is_late(due: datetime, last: datetime | None, generation: int) -> bool:
    """Say whether a table should have moved by now.

    Args:
        due: the slot by which something should have been moved.
        last: its last success; None: there is none.
        generation: of its configuration, which counts microseconds: a table that was configured
            just now is not late.
    """
    known_since = last or datetime.fromtimestamp(generation / 1e6, UTC)
    return known_since < due
