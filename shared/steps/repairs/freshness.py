"""Freshness: a table with a schedule should have moved, or have had nothing to move, by now."""

import logging
from datetime import UTC, datetime, timedelta

from shared.config import schedule
from shared.config.models import ResolvedTable
from shared.core.runs import RunState
from shared.core.sweeps import StaleTable
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
        due_since = _slot_before_last(resolved, sweep.now)
        last = _last_success(sweep, name)
        # A generation counts microseconds: a table that was configured just now is not late.
        known_since = last or datetime.fromtimestamp(generation / 1e6, UTC)
        if known_since < due_since:
            sweep.stale.append(StaleTable(table=name, due_since=due_since, last_success=last))
            log.warning(
                "table is stale",
                extra={
                    "table": name,
                    "schedule": resolved.table.schedule,
                    "due_since": due_since.isoformat(),
                    "last_success": last.isoformat() if last else None,
                },
            )


def _slot_before_last(resolved: ResolvedTable, now: datetime) -> datetime:
    table = resolved.table
    last = schedule.slot(table.schedule, table.time_zone, now)
    return schedule.slot(table.schedule, table.time_zone, last - schedule.EARLY - _INSTANT)


def _last_success(sweep: Sweep, table: str) -> datetime | None:
    """Return when the table was last brought up to date, which no backfill or rewind does."""
    entries = sweep.entries.get(table, {}).values()
    ends = (e.written_at for e in entries if e.state in SUCCESSES and not e.is_repair)
    return max(ends, default=None)
